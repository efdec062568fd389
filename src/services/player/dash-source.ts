/** Plays DASH (ISO/IEC 23009-1) with SegmentTemplate: live and on demand, segments as they grow where the server sends them so. */
import { setTimeout as sleep } from 'node:timers/promises'
import { FormatError, UnavailableError } from '../../errors.ts'
import { FragmentDemuxer } from '../../media/containers/isobmff/demuxer.ts'
import type { AdaptationSet, Mpd, Period, Representation, SegmentTemplate } from '../../media/manifests/dash/model.ts'
import { parseMpd } from '../../media/manifests/dash/parse.ts'
import { expandTemplate, expandTimeline, resolveSegmentTemplate } from '../../media/manifests/dash/segment-template.ts'
import { FragmentDecryptor } from './fragment-decryptor.ts'
import { get, getBytes, getText, pieces, shown } from './http.ts'
import { mergeSources } from './merge.ts'
import type { Source, SourceContext } from './source.ts'

/** Segments looked at of one timeline; a live player needs the newest only. */
const MAX_SEGMENTS = 10_000
/** Reload interval of an MPD that names none or a very short one, milliseconds. */
const MIN_RELOAD_MS = 500
/** A live MPD without a new segment for so many reloads is dead. */
const MAX_UNCHANGED_RELOADS = 40

export async function* playDash(url: URL, context: SourceContext): Source {
  const manifest = new Manifest(url, context)
  const mpd = await manifest.load()
  const sets = (mpd.periods.at(-1)?.adaptationSets ?? []).filter((set) => kindOf(set) !== undefined)
  if (sets.length === 0)
    throw new FormatError('ERR_PLAY_EMPTY', 'expected an adaptation set of video or audio in the MPD')
  const kinds = [...new Set(sets.map((set) => kindOf(set)))]
  yield* mergeSources(kinds.map((kind) => playKind(kind ?? 'video', manifest, context)))
}

/** One MPD that several adaptation sets look at. */
class Manifest {
  readonly url: URL
  readonly #context: SourceContext
  #loading: Promise<Mpd> | undefined
  #loadedAt = 0
  #mpd: Mpd | undefined

  constructor(url: URL, context: SourceContext) {
    this.url = url
    this.#context = context
  }

  /** The newest version that is at most `maxAgeMs` old. */
  async load(maxAgeMs = 0): Promise<Mpd> {
    if (this.#mpd !== undefined && performance.now() - this.#loadedAt < maxAgeMs) return this.#mpd
    this.#loading ??= this.#fetch().finally(() => {
      this.#loading = undefined
    })
    return this.#loading
  }

  async #fetch(): Promise<Mpd> {
    const { mark, signal } = this.#context
    this.#mpd = parseMpd(await getText(mark(this.url, { type: 'm' }), signal))
    this.#loadedAt = performance.now()
    return this.#mpd
  }
}

type Kind = 'video' | 'audio'

function kindOf(set: AdaptationSet): Kind | undefined {
  const type = set.contentType ?? (set.mimeType ?? set.representations[0]?.mimeType)?.split('/')[0]
  return type === 'video' || type === 'audio' ? type : undefined
}

interface Chosen {
  readonly key: string
  readonly period: Period
  readonly representation: Representation
  readonly template: SegmentTemplate
  readonly base: URL
  /** Where licences are, as far as the MPD says it. */
  readonly licenseUrl: string | undefined
}

async function* playKind(kind: Kind, manifest: Manifest, context: SourceContext): Source {
  const { signal } = context
  let current: string | undefined
  let reading: Reading | undefined
  /** Start of the last segment played, in ticks of its period. */
  let played = -1
  let unchanged = 0
  for (let mpd = await manifest.load(1000); !signal.aborted; ) {
    let news = false
    for (const chosen of choose(mpd, kind, manifest.url, current)) {
      const segments = expandTimeline(chosen.template.timeline ?? [], { limit: MAX_SEGMENTS })
      if (chosen.key !== current) {
        // Joining live: the segment before the newest; a following period from its beginning.
        played = current === undefined && mpd.type === 'dynamic' ? (segments.at(-3)?.time ?? -1) : -1
        current = chosen.key
        const address = segmentUrl(chosen, chosen.template.initialization, {})
        const init = await getBytes(context.mark(address, { type: 'i' }), signal)
        reading = openReading(init, chosen, context, reading)
      }
      for (const [index, segment] of segments.entries()) {
        if (segment.time <= played || signal.aborted) continue
        played = segment.time
        news = true
        const number = (chosen.template.startNumber ?? 1) + index
        const address = segmentUrl(chosen, chosen.template.media, { time: segment.time, number })
        reportDelay(mpd, chosen, segment.time, context)
        if (reading === undefined) continue
        try {
          const marked = context.mark(address, {
            type: kind === 'video' ? 'v' : 'a',
            duration: Math.round((segment.duration * 1000) / (chosen.template.timescale ?? 1)),
            bitrate: Math.round(chosen.representation.bandwidth / 1000),
          })
          yield* readSegment(marked, reading, context)
        } catch (error) {
          if (!(error instanceof UnavailableError)) throw error
          context.onProblem({ rule: 'segment-missing', message: `${shown(address)} is listed but cannot be fetched` })
        }
      }
    }
    if (hasEnded(mpd) || signal.aborted) break
    unchanged = news ? 0 : unchanged + 1
    if (unchanged > MAX_UNCHANGED_RELOADS) {
      context.onProblem({
        rule: 'mpd-stalled',
        message: `${shown(manifest.url)} names no new segment for ${unchanged} reloads`,
      })
      break
    }
    const interval = Math.max(MIN_RELOAD_MS, (mpd.minimumUpdatePeriod ?? 1) * 1000)
    await sleep(interval, undefined, { signal }).catch(() => undefined)
    if (!signal.aborted) mpd = await manifest.load(interval / 2)
  }
}

/** A live presentation that ended keeps its type: its MPD has a duration and is not updated any more. */
function hasEnded({ type, mediaPresentationDuration, minimumUpdatePeriod }: Mpd): boolean {
  return type === 'static' || (mediaPresentationDuration !== undefined && minimumUpdatePeriod === undefined)
}

/** The best representation of each period from the current one on. */
function choose(mpd: Mpd, kind: Kind, url: URL, current: string | undefined): Chosen[] {
  const all: Chosen[] = []
  for (const period of mpd.periods) {
    const set = period.adaptationSets.find((one) => kindOf(one) === kind)
    const representation = set?.representations.toSorted((a, b) => b.bandwidth - a.bandwidth)[0]
    if (set === undefined || representation === undefined) continue
    const template = resolveSegmentTemplate(period, set, representation)
    if (template === undefined) throw new FormatError('ERR_PLAY_CONTAINER', 'expected a SegmentTemplate in the MPD')
    let base = url
    for (const { baseUrls } of [mpd, period, set, representation]) {
      if (baseUrls[0] !== undefined) base = new URL(baseUrls[0].url, base)
    }
    const key = `${period.id ?? period.start ?? 0} ${representation.id}`
    const protections = [...representation.contentProtections, ...set.contentProtections]
    const licenseUrl = protections.find((one) => one.licenseUrl !== undefined)?.licenseUrl
    all.push({ key, period, representation, template, base, licenseUrl })
  }
  const from = all.findIndex((chosen) => chosen.key === current)
  if (from >= 0) return all.slice(from)
  return mpd.type === 'dynamic' && current === undefined ? all.slice(-1) : all
}

function segmentUrl(chosen: Chosen, template: string | undefined, values: { time?: number; number?: number }): URL {
  if (template === undefined)
    throw new FormatError('ERR_PLAY_CONTAINER', 'expected initialization and media in the SegmentTemplate')
  const { id, bandwidth } = chosen.representation
  return new URL(expandTemplate(template, { representationId: id, bandwidth, ...values }), chosen.base)
}

function reportDelay(mpd: Mpd, chosen: Chosen, time: number, context: SourceContext): void {
  if (mpd.availabilityStartTime === undefined) return
  const { timescale = 1, presentationTimeOffset = 0 } = chosen.template
  const seconds = (chosen.period.start ?? 0) + (time - presentationTimeOffset) / timescale
  context.onDelay(Date.now() - (mpd.availabilityStartTime + seconds * 1000))
}

/** What reads the segments of one init segment. */
interface Reading {
  readonly decryptor: FragmentDecryptor
  readonly demuxer: FragmentDemuxer
}

function openReading(
  init: Uint8Array,
  { licenseUrl }: Chosen,
  { keys }: SourceContext,
  before: Reading | undefined,
): Reading {
  const decryptor = new FragmentDecryptor(init, keys, licenseUrl)
  const isProtected = decryptor.isProtected || before?.decryptor.isProtected === true
  if (before !== undefined && isProtected && decryptor.goesOn(before.decryptor)) return { ...before, decryptor }
  const demuxer = new FragmentDemuxer()
  demuxer.write(decryptor.init)
  return { decryptor, demuxer }
}

async function* readSegment(url: URL, { decryptor, demuxer }: Reading, context: SourceContext): Source {
  if (decryptor.isProtected) {
    const bytes = await getBytes(url, context.signal)
    context.onBytes(bytes.byteLength)
    demuxer.write(await decryptor.decrypt(bytes))
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) yield result
    return
  }
  const response = await get(url, context.signal)
  for await (const piece of pieces(response, url, context.signal)) {
    context.onBytes(piece.byteLength)
    demuxer.write(piece)
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) yield result
  }
}
