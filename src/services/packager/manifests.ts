/** The manifests of a package: those of its clear form, with other names, and with what players must know of keys. Pure. */

import { formatMpd } from '../../media/manifests/dash/format.ts'
import type {
  AdaptationSet,
  ContentProtection,
  Mpd,
  Period,
  Representation,
  SegmentTemplate,
} from '../../media/manifests/dash/model.ts'
import { expandTimeline, formatTimeline } from '../../media/manifests/dash/segment-template.ts'
import { formatMediaPlaylist } from '../../media/manifests/hls/media-playlist.ts'
import type { InitializationSection, Key, MediaPlaylist, Segment } from '../../media/manifests/hls/model.ts'
import { formatMultivariantPlaylist } from '../../media/manifests/hls/multivariant-playlist.ts'
import { formatUuid } from '../../media/protection/systems.ts'
import { MICROS_PER_SECOND, type Micros, microsToTicks } from '../../media/time.ts'
import { onDemandManifest } from '../../packaging/on-demand/dash-manifest.ts'
import {
  keyPicturePlaylist,
  onDemandMultivariant,
  onDemandPlaylist,
  textPlaylist,
} from '../../packaging/on-demand/hls-playlists.ts'
import { keyPicturePlaylistName, playlistName } from '../../packaging/on-demand/names.ts'
import {
  type OnDemandRendition,
  type Presentation,
  type SegmentSpan,
  segmentsOf,
} from '../../packaging/on-demand/presentation.ts'
import type { TextRendition } from '../../packaging/on-demand/text-rendition.ts'
import { wholeSegmentKey } from './key-signalling.ts'
import { packageInitName } from './names.ts'
import type { ProtectionPlan, SegmentState } from './protection-plan.ts'

/** ISO/IEC 23009-1 section 5.3.3.5: sets between which players may change. */
const SWITCHING = 'urn:mpeg:dash:adaptation-set-switching:2016'
const KEY_PICTURES = '-key-pictures'

export interface ManifestParts {
  /** In the clear; its token is that of the names. */
  readonly presentation: Presentation
  readonly texts: readonly TextRendition[]
  /** Left out: all is in the clear. */
  readonly plan: ProtectionPlan | undefined
}

/** Names and texts: the entry playlist and the DASH manifest last. Segments that are encrypted whole are for HLS only. */
export function packageManifests(parts: ManifestParts): (readonly [name: string, text: string])[] {
  const { presentation, texts, plan } = parts
  const manifests: (readonly [string, string])[] = []
  for (const rendition of presentation.renditions) {
    const { name, keyPictures } = rendition
    const playlist = withKeys(onDemandPlaylist(presentation, rendition), parts, {
      rendition,
      spans: segmentsOf(presentation, rendition),
    })
    manifests.push([playlistName(name), formatMediaPlaylist(playlist)])
    if (keyPictures.length === 0) continue
    const pictures = withKeys(keyPicturePlaylist(presentation, rendition), parts, { rendition, spans: keyPictures })
    manifests.push([keyPicturePlaylistName(name), formatMediaPlaylist(pictures)])
  }
  for (const text of texts) {
    manifests.push([playlistName(text.name), formatMediaPlaylist(textPlaylist(presentation, text))])
  }
  const multivariant = { ...onDemandMultivariant(presentation, texts), sessionKeys: sessionKeysOf(plan) }
  manifests.push(['index.m3u8', formatMultivariantPlaylist(multivariant)])
  if (plan?.scheme !== 'aes-128') manifests.push(['manifest.mpd', formatMpd(withPeriods(parts))])
  return manifests
}

/** Segments of a rendition, or its key pictures. */
interface Spans {
  readonly rendition: OnDemandRendition
  readonly spans: readonly SegmentSpan[]
}

function withKeys(
  playlist: MediaPlaylist,
  { presentation, plan }: ManifestParts,
  { rendition, spans }: Spans,
): MediaPlaylist {
  if (plan === undefined) return playlist
  const { token } = presentation
  const heads = new Map<string, Pick<Segment, 'map' | 'keys'>>()
  const segments = playlist.segments.map((segment, index): Segment => {
    const span = spans[index] as SegmentSpan
    const state = plan.stateOf(rendition, span)
    const period = plan.periods.periodOf(span)
    const name = `${state === 'clear' ? 'clear' : 'key'} ${period}`
    // Equal ones are the same object: lines are written where they change.
    let head = heads.get(name)
    if (head === undefined) {
      const keys = keysOf(plan, rendition, state)
      head = { map: mapOf(plan, rendition, { token, state, period }), ...(keys.length === 0 ? {} : { keys }) }
      heads.set(name, head)
    }
    const { keys: _, ...rest } = segment
    return { ...rest, ...head }
  })
  return { ...playlist, segments }
}

function mapOf(
  plan: ProtectionPlan,
  { name }: OnDemandRendition,
  { token, state, period }: { readonly token: string; readonly state: SegmentState; readonly period: number },
): InitializationSection {
  // An init segment is encrypted as the segments behind it are; and where encryption begins players get another one, which makes them ask for the key.
  const isOwn = plan.scheme === 'aes-128' || plan.periods.hasClearLead
  return { uri: packageInitName(name, token, isOwn && state === 'clear' ? 'clear' : period) }
}

function keysOf(plan: ProtectionPlan, rendition: OnDemandRendition, state: SegmentState): readonly Key[] {
  if (state === 'clear') return []
  if (plan.scheme !== 'aes-128') return plan.signallingOf(state.key).keys
  return [wholeSegmentKey(plan.keyUrlOf(state.key).url, plan.ivOf(rendition, state))]
}

function sessionKeysOf(plan: ProtectionPlan | undefined): readonly Key[] {
  if (plan === undefined || plan.scheme === 'aes-128') return []
  return plan.keys.flatMap((key) => plan.signallingOf(key).sessionKeys)
}

/** A period for each key period: `default_KID` is that of its segments. */
function withPeriods(parts: ManifestParts): Mpd {
  const { presentation, texts, plan } = parts
  const mpd = onDemandManifest(presentation, texts)
  const [whole] = mpd.periods
  if (plan === undefined || whole === undefined) return mpd
  const { starts } = plan.periods
  const periods = starts.map((start, index): Period => {
    const end = starts[index + 1] ?? presentation.duration
    const begin = index === 0 ? 0 : start
    return {
      ...whole,
      id: String(index),
      start: begin / MICROS_PER_SECOND,
      duration: Math.max(0, end - begin) / MICROS_PER_SECOND,
      adaptationSets: whole.adaptationSets.flatMap((set) =>
        setsOf(set, parts, { plan, token: presentation.token, period: index, start: begin }),
      ),
    }
  })
  return { ...mpd, periods }
}

interface PeriodPlace {
  readonly plan: ProtectionPlan
  /** Of the names. */
  readonly token: string
  readonly period: number
  readonly start: Micros
}

/** A set has one key: one with several becomes several sets, between which players may change. */
function setsOf(set: AdaptationSet, parts: ManifestParts, place: PeriodPlace): AdaptationSet[] {
  const groups = new Map<string, Representation[]>()
  const protections = new Map<string, readonly ContentProtection[]>()
  for (const representation of set.representations) {
    const found = sourceOf(representation, parts)
    const template = found === undefined ? undefined : templateOf(representation, found, place)
    if (found === undefined || template === undefined) continue
    const key = 'rendition' in found ? place.plan.keyOf(found.rendition, place.period) : undefined
    const name = key === undefined ? '' : formatUuid(key.id)
    const group = groups.get(name) ?? []
    group.push({ ...representation, segmentTemplate: template })
    groups.set(name, group)
    protections.set(name, key === undefined ? [] : place.plan.signallingOf(key).contentProtections)
  }
  const ids = [...groups.keys()].map((_, index) => (index === 0 ? (set.id ?? '') : `${set.id ?? ''}0${index}`))
  return [...groups].map(([name, representations], index): AdaptationSet => {
    const others = ids.filter((id) => id !== ids[index])
    return {
      ...set,
      ...(ids[index] === '' ? {} : { id: ids[index] as string }),
      contentProtections: protections.get(name) ?? [],
      supplementalProperties:
        others.length === 0
          ? set.supplementalProperties
          : [...set.supplementalProperties, { schemeIdUri: SWITCHING, value: others.join(',') }],
      representations,
    }
  })
}

type Source = (Spans & { readonly isKeyPictures: boolean }) | { readonly spans: readonly SegmentSpan[] }

/** What a representation is made of. */
function sourceOf({ id }: Representation, { presentation, texts }: ManifestParts): Source | undefined {
  if (texts.some(({ name }) => name === id)) return { spans: presentation.segments }
  const isKeyPictures = id.endsWith(KEY_PICTURES)
  const name = isKeyPictures ? id.slice(0, -KEY_PICTURES.length) : id
  const rendition = presentation.renditions.find((candidate) => candidate.name === name)
  if (rendition === undefined) return undefined
  return {
    rendition,
    isKeyPictures,
    spans: isKeyPictures ? rendition.keyPictures : segmentsOf(presentation, rendition),
  }
}

/** The part of its segments that is in the period; `undefined`: there is none. */
function templateOf(
  { segmentTemplate }: Representation,
  source: Source,
  { plan, token, period, start }: PeriodPlace,
): SegmentTemplate | undefined {
  if (segmentTemplate === undefined) return undefined
  const { startNumber = 0, timescale = 1, timeline = [] } = segmentTemplate
  const { spans } = source
  const entries = expandTimeline(timeline, { limit: spans.length })
  const chosen = entries.flatMap((entry, i) => {
    const number = startNumber + i
    return plan.periods.periodOf(spans[number] as SegmentSpan) === period ? [{ number, entry }] : []
  })
  const [first] = chosen
  if (first === undefined) return undefined
  const offset = microsToTicks(start, timescale)
  return {
    ...segmentTemplate,
    ...(offset === 0 ? {} : { presentationTimeOffset: offset }),
    startNumber: first.number,
    ...('rendition' in source ? { initialization: packageInitName(source.rendition.name, token, period) } : {}),
    timeline: formatTimeline(chosen.map(({ entry }) => entry)),
  }
}
