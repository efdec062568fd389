/** Plays HLS (RFC 8216bis): live with low latency where offered, live by segments, and on demand; checks every playlist on the way. */
import { setTimeout as sleep } from 'node:timers/promises'
import { FormatError } from '../../errors.ts'
import type { DemuxResult } from '../../media/container.ts'
import { FragmentDemuxer } from '../../media/containers/isobmff/demuxer.ts'
import { lintMediaPlaylist } from '../../media/manifests/hls/lint.ts'
import type {
  InitializationSection,
  Key,
  MediaPlaylist,
  MultivariantPlaylist,
  SegmentHead,
} from '../../media/manifests/hls/model.ts'
import { parsePlaylist } from '../../media/manifests/hls/parse.ts'
import { MICROS_PER_MS } from '../../media/time.ts'
import type { RequestedObject } from '../../playlog/reporting/session-report.ts'
import { Aes128 } from './aes-128.ts'
import { FragmentDecryptor } from './fragment-decryptor.ts'
import { getBytes, getText, shown } from './http.ts'
import { mergeSources } from './merge.ts'
import type { Source, SourceContext } from './source.ts'

/** An unchanged playlist is asked for again after half a target duration; a live one that stays unchanged for so many is dead. */
const MAX_UNCHANGED_RELOADS = 20
/** Hold-back of a playlist without EXT-X-SERVER-CONTROL, in target durations (RFC 8216bis section 6.3.3). */
const DEFAULT_HOLD_BACK = 3

export async function* playHls(url: URL, context: SourceContext): Source {
  const playlist = parsePlaylist(await getText(context.mark(url, { type: 'm' }), context.signal))
  if (playlist.type === 'media') yield* playRendition({ url, holds: { type: 'av' }, first: playlist }, context)
  else yield* mergeSources(chooseRenditions(playlist, url).map((rendition) => playRendition(rendition, context)))
}

/** One media playlist. */
interface Rendition {
  readonly url: URL
  /** What its segments are, for reports. */
  readonly holds: RequestedObject
  /** As it was loaded already. */
  readonly first?: MediaPlaylist
}

/** The variant with the highest bandwidth, and the default audio rendition of its group. */
function chooseRenditions(playlist: MultivariantPlaylist, url: URL): Rendition[] {
  const variant = playlist.variants.toSorted((a, b) => b.bandwidth - a.bandwidth)[0]
  if (variant === undefined)
    throw new FormatError('ERR_PLAY_EMPTY', 'expected at least one variant in the multivariant playlist')
  const group = playlist.renditions.filter((one) => one.type === 'AUDIO' && one.groupId === variant.audio)
  const audio = group.find((one) => one.default === true) ?? group[0]
  const bitrate = Math.round(variant.bandwidth / 1000)
  const pictures = new URL(variant.uri, url)
  if (audio?.uri === undefined || audio.uri === variant.uri) return [{ url: pictures, holds: { type: 'av', bitrate } }]
  return [
    { url: pictures, holds: { type: 'v', bitrate } },
    { url: new URL(audio.uri, url), holds: { type: 'a' } },
  ]
}

/** A piece to fetch: a part, or a segment without parts. */
interface Piece {
  readonly uri: string
  /** Seconds. */
  readonly duration: number
  readonly byteRange?: { readonly offset: number; readonly length: number }
  readonly map: InitializationSection | undefined
  readonly keys: readonly Key[] | undefined
  readonly discontinuity: boolean
  /** Wall time of its first sample, milliseconds, where the playlist says it. */
  readonly programDateTime: number | undefined
  readonly msn: number
  /** Index of the part, or -1 for a whole segment. */
  readonly part: number
  readonly gap: boolean
}

async function* playRendition({ url, holds, first }: Rendition, context: SourceContext): Source {
  const { signal } = context
  let playlist = first ?? (await loadMediaPlaylist(url, context))
  let position = startPosition(playlist)
  const decoder = new SegmentDecoder({ url, holds }, context)
  let unchanged = 0
  check(playlist, undefined, context)
  while (!signal.aborted) {
    const waiting = listPieces(playlist).filter((piece) => isAfter(piece, position))
    const next = waiting[0]
    if (next !== undefined && next.msn > position.msn + 1) {
      context.onProblem({
        rule: 'segment-missing',
        message: `segments ${position.msn + 1} to ${next.msn - 1} were never listed`,
      })
    }
    for (const piece of waiting) {
      // A whole segment of which parts were played already brings nothing new.
      if (piece.part < 0 && piece.msn === position.msn && position.part >= 0) continue
      position = { msn: piece.msn, part: piece.part < 0 ? Number.POSITIVE_INFINITY : piece.part }
      yield* decoder.decode(piece)
      if (signal.aborted) return
    }
    if (playlist.ended) break
    unchanged = waiting.length > 0 ? 0 : unchanged + 1
    if (unchanged > MAX_UNCHANGED_RELOADS) {
      context.onProblem({ rule: 'playlist-stalled', message: `${shown(url)} has not changed for ${unchanged} reloads` })
      break
    }
    const previous = playlist
    playlist = await reload(url, previous, waiting.length > 0, context)
    check(playlist, previous, context)
  }
  yield* decoder.end()
}

async function reload(
  url: URL,
  previous: MediaPlaylist,
  changed: boolean,
  context: SourceContext,
): Promise<MediaPlaylist> {
  const { signal } = context
  const target = new URL(url)
  if (previous.serverControl?.canBlockReload) {
    const msn = previous.mediaSequence + (previous.skip?.skippedSegments ?? 0) + previous.segments.length
    target.searchParams.set('_HLS_msn', String(msn))
    if (previous.partTarget !== undefined)
      target.searchParams.set('_HLS_part', String(previous.openSegment?.parts.length ?? 0))
  } else {
    await sleep((previous.targetDuration * 1000) / (changed ? 1 : 2), undefined, { signal }).catch(() => undefined)
  }
  return loadMediaPlaylist(target, context)
}

async function loadMediaPlaylist(url: URL, { mark, signal }: SourceContext): Promise<MediaPlaylist> {
  const playlist = parsePlaylist(await getText(mark(url, { type: 'm' }), signal))
  if (playlist.type !== 'media') throw new FormatError('ERR_PLAY_EMPTY', `expected a media playlist at ${shown(url)}`)
  return playlist
}

function check(playlist: MediaPlaylist, previous: MediaPlaylist | undefined, context: SourceContext): void {
  for (const violation of lintMediaPlaylist(playlist, previous)) {
    if (violation.severity === 'error')
      context.onProblem({ rule: `playlist/${violation.rule}`, message: violation.message })
  }
}

interface Position {
  readonly msn: number
  readonly part: number
}

function isAfter(piece: Piece, position: Position): boolean {
  return piece.msn > position.msn || (piece.msn === position.msn && piece.part > position.part)
}

/** Where to begin: on demand the beginning; live the independent piece nearest to the hold-back. */
function startPosition(playlist: MediaPlaylist): Position {
  const first: Position = { msn: playlist.mediaSequence - 1, part: Number.POSITIVE_INFINITY }
  if (playlist.ended) return first
  const { serverControl, targetDuration } = playlist
  const holdBack = serverControl?.partHoldBack ?? serverControl?.holdBack ?? DEFAULT_HOLD_BACK * targetDuration
  let distance = (playlist.openSegment?.parts ?? []).reduce((sum, part) => sum + part.duration, 0)
  let msn = playlist.mediaSequence + playlist.segments.length
  // Segments begin with a key packet in what players accept; starting at one is always right.
  for (const segment of playlist.segments.toReversed()) {
    if (distance >= holdBack) break
    distance += segment.duration
    msn--
  }
  return { msn: msn - 1, part: Number.POSITIVE_INFINITY }
}

function listPieces(playlist: MediaPlaylist): Piece[] {
  const pieces: Piece[] = []
  const add = (
    msn: number,
    head: SegmentHead,
    whole?: { uri: string; duration: number; byteRange?: { offset: number; length: number } },
  ) => {
    const { map, keys, gap } = head
    const list: { uri: string; duration: number; byteRange?: { offset: number; length: number }; gap?: true }[] =
      head.parts.length > 0 || whole === undefined ? [...head.parts] : [whole]
    for (const [index, one] of list.entries()) {
      pieces.push({
        uri: one.uri,
        duration: one.duration,
        ...(one.byteRange === undefined ? {} : { byteRange: one.byteRange }),
        map,
        keys,
        msn,
        part: head.parts.length > 0 ? index : -1,
        discontinuity: index === 0 && head.discontinuity === true,
        programDateTime: index === 0 ? head.programDateTime : undefined,
        gap: gap === true || one.gap === true,
      })
    }
  }
  let msn = playlist.mediaSequence + (playlist.skip?.skippedSegments ?? 0)
  for (const segment of playlist.segments) add(msn++, segment, segment)
  if (playlist.openSegment !== undefined) add(msn, playlist.openSegment)
  return pieces
}

/** Fetches pieces and demuxes them; a new initialization section starts a new demuxer. */
class SegmentDecoder {
  readonly #base: URL
  readonly #holds: RequestedObject
  readonly #context: SourceContext
  readonly #wholeSegments: Aes128
  #demuxer: FragmentDemuxer | undefined
  #decryptor: FragmentDecryptor | undefined
  #map: string | undefined

  constructor({ url, holds }: Rendition, context: SourceContext) {
    this.#base = url
    this.#holds = holds
    this.#context = context
    this.#wholeSegments = new Aes128(url, context.signal)
  }

  async *decode(piece: Piece): Source {
    if (piece.gap) {
      this.#context.onProblem({ rule: 'gap', message: `segment ${piece.msn} is marked as a gap` })
      return
    }
    const bytes = await this.#fetch(piece)
    if (this.#context.signal.aborted) return
    if (bytes === undefined) {
      this.#context.onProblem({ rule: 'part-missing', message: `${piece.uri} is listed but cannot be fetched` })
      return
    }
    const demuxer = await this.#prepare(piece)
    const fragments = await this.#wholeSegments.decrypt(bytes, piece.keys, piece.msn)
    demuxer.write((await this.#decryptor?.decrypt(fragments)) ?? fragments)
    let { discontinuity } = piece
    let dated = piece.programDateTime === undefined
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
      if (!dated && result.type === 'packet') {
        dated = true
        this.#context.onDelay(
          Date.now() - (piece.programDateTime ?? 0) - (result.packet.pts - result.packet.dts) / MICROS_PER_MS,
        )
      }
      if (discontinuity && result.type === 'packet') {
        discontinuity = false
        yield { type: 'packet', packet: { ...result.packet, discontinuity: true } }
        continue
      }
      yield result
    }
  }

  *end(): Generator<DemuxResult> {
    this.#demuxer?.end()
    for (let result = this.#demuxer?.read(); result !== undefined; result = this.#demuxer?.read()) yield result
  }

  async #prepare({ map, keys, msn, discontinuity }: Piece): Promise<FragmentDemuxer> {
    if (map === undefined) {
      throw new FormatError(
        'ERR_PLAY_CONTAINER',
        'expected fragmented MP4 segments with EXT-X-MAP; MPEG-TS segments are not played',
      )
    }
    const name = `${map.uri} ${map.byteRange?.offset ?? 0}`
    if (this.#demuxer === undefined || name !== this.#map) {
      const { mark, signal } = this.#context
      const init = await getBytes(mark(new URL(map.uri, this.#base), { type: 'i' }), signal)
      const { offset, length } = map.byteRange ?? { offset: 0, length: init.byteLength }
      const section = await this.#wholeSegments.decrypt(init.subarray(offset, offset + length), keys, msn)
      const decryptor = new FragmentDecryptor(section, this.#context.keys, undefined)
      const goesOn = !discontinuity && this.#decryptor !== undefined && decryptor.goesOn(this.#decryptor)
      if (this.#demuxer === undefined || !goesOn) {
        this.#demuxer = new FragmentDemuxer()
        this.#demuxer.write(decryptor.init)
      }
      this.#decryptor = decryptor
      this.#map = name
    }
    return this.#demuxer
  }

  async #fetch(piece: Piece): Promise<Uint8Array | undefined> {
    try {
      const { mark, signal, onBytes } = this.#context
      const duration = Math.round(piece.duration * 1000)
      const whole = await getBytes(mark(new URL(piece.uri, this.#base), { ...this.#holds, duration }), signal)
      onBytes(whole.byteLength)
      const { offset, length } = piece.byteRange ?? { offset: 0, length: whole.byteLength }
      return whole.subarray(offset, offset + length)
    } catch {
      // The caller reports it as a missing part; the playlist decides whether the stream goes on.
      return undefined
    }
  }
}
