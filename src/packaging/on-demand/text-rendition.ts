/** Subtitles of a presentation: from a file beside the film, or from a track in it; as WebVTT for HLS, in fragments for DASH. */
import { createHash } from 'node:crypto'
import type { Library } from '../../library/library.ts'
import type { MediaFile } from '../../library/media-files.ts'
import { writeTextInitSegment } from '../../media/containers/isobmff/init-segment.ts'
import { writeTextSegment } from '../../media/containers/isobmff/text-segment.ts'
import { type Cue, cueOfPacket, inOrder } from '../../media/subtitles/cue.ts'
import { parseSubtitles } from '../../media/subtitles/parse.ts'
import { writeWebVttSegment } from '../../media/subtitles/webvtt.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import { TRACK_ID_BASE, type Track } from '../../media/track.ts'
import type { MediaSet, Sidecar } from './media-set.ts'
import type { SegmentSpan } from './presentation.ts'
import { WorkLimit } from './work-limit.ts'

/** Bytes of a file beside the film. */
const MAX_SIDECAR_BYTES = 8 * 1024 * 1024
/** A cue in the film that began longer before a segment is not in it. */
const LOOK_BACK = 10 * MICROS_PER_SECOND
/** Packets of one segment that are looked at. */
const MAX_PACKETS = 5_000
const TIMESCALE = 1000

/** Text in a film lies between its pictures, which are passed over. */
const limit = new WorkLimit(2, 256)

export interface TextRendition {
  /** `text-301`; the beginning of the names of its files. */
  readonly name: string
  readonly track: Track
  /** For people, unique among the subtitles. */
  readonly label: string
  readonly forced: boolean
  readonly forDeaf: boolean
  readonly default: boolean
  /** As that of a presentation, of its own. */
  readonly token: string
  /** Cues that are shown in the span, in order; what cannot be read has none. */
  cues(span: SegmentSpan): Promise<readonly Cue[]>
}

export interface TextOptions {
  readonly library: Library
  /** The film, with its text tracks; `undefined`: it has none. */
  readonly film: MediaFile | undefined
  readonly onNote: (note: string) => void
}

/** All subtitles of a set, those beside the film first. */
export function textRenditions(
  { sidecars, version }: MediaSet,
  { library, film, onNote }: TextOptions,
): TextRendition[] {
  const embedded = film === undefined ? [] : film.reader.tracks.filter(({ kind }) => kind === 'text')
  const used = new Set(embedded.map(({ id }) => id))
  let next: number = TRACK_ID_BASE.text
  const labels = new Set<string>()
  const texts: TextRendition[] = []
  for (const sidecar of sidecars) {
    while (used.has(next)) next++
    used.add(next)
    const { language, forced, forDeaf } = sidecar
    const track: Track = {
      id: next,
      kind: 'text',
      codec: 'webvtt',
      timescale: TIMESCALE,
      ...(language === undefined ? {} : { language }),
    }
    const facts = { track, label: uniqueLabel(track, sidecar, labels), forced, forDeaf, default: sidecar.default }
    texts.push({ ...named(facts, version), cues: sidecarCues(sidecar, library, onNote) })
  }
  for (const track of embedded) {
    const facts = { track, label: uniqueLabel(track, NO_WORDS, labels), ...NO_WORDS }
    texts.push({ ...named(facts, version), cues: (span) => embeddedCues(film as MediaFile, track, span) })
  }
  return texts
}

const NO_WORDS = { forced: false, forDeaf: false, default: false } as const

/** WebVTT of a segment. */
export async function webVttSegment(text: TextRendition, span: SegmentSpan): Promise<Uint8Array> {
  return writeWebVttSegment(await text.cues(span), span)
}

/** A segment with the same in samples. `sequence` counts from 1. */
export async function textFragment(text: TextRendition, span: SegmentSpan, sequence: number): Promise<Uint8Array> {
  return writeTextSegment(text.track, await text.cues(span), span, { sequence })
}

export function textInit({ track }: TextRendition): Uint8Array {
  return writeTextInitSegment(track)
}

function named<T extends { readonly track: Track }>(facts: T, version: string) {
  const token = createHash('sha256').update(`text\n${facts.track.id}\n${version}`).digest('hex').slice(0, 12)
  return { ...facts, name: `text-${facts.track.id}`, token }
}

function sidecarCues({ file }: Sidecar, library: Library, onNote: TextOptions['onNote']): TextRendition['cues'] {
  let reading: Promise<readonly Cue[]> | undefined
  const read = async () => {
    try {
      return await readSidecar(library, file.path)
    } catch (error) {
      onNote(
        `${file.path} has no subtitles that can be read: ${error instanceof Error ? error.message : String(error)}`,
      )
      return []
    }
  }
  return () => {
    reading ??= read()
    return reading
  }
}

async function readSidecar(library: Library, path: string): Promise<readonly Cue[]> {
  const file = await library.open(path)
  try {
    return parseSubtitles(await file.read(0, Math.min(file.size, MAX_SIDECAR_BYTES)))
  } finally {
    await file.close()
  }
}

function embeddedCues({ reader }: MediaFile, track: Track, { start, duration }: SegmentSpan): Promise<readonly Cue[]> {
  return limit.run(async () => {
    const cues: Cue[] = []
    let looked = 0
    const end: Micros = start + duration
    for await (const packet of reader.packets(Math.max(0, start - LOOK_BACK), { tracks: [track.id] })) {
      if (packet.pts >= end || ++looked > MAX_PACKETS) break
      const cue = cueOfPacket(packet)
      if (cue.end > start && cue.end > cue.start) cues.push(cue)
    }
    return inOrder(cues)
  })
}

function uniqueLabel(
  { name, language }: Track,
  { forced, forDeaf }: Pick<TextRendition, 'forced' | 'forDeaf'>,
  used: Set<string>,
): string {
  const plain = name ?? languageName(language) ?? 'Subtitles'
  const wanted = `${plain}${forced ? ' (forced)' : ''}${forDeaf ? ' (SDH)' : ''}`
  let label = wanted
  for (let count = 2; used.has(label); count++) label = `${wanted} ${count}`
  used.add(label)
  return label
}

/** In the language itself: `Deutsch`. */
export function languageName(language: string | undefined): string | undefined {
  if (language === undefined || language === 'und') return undefined
  try {
    return new Intl.DisplayNames([language], { type: 'language' }).of(language)
  } catch {
    return language
  }
}
