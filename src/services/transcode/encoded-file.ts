/** A file that is being watched through the encoder, shared by all who watch it. */
import { UnavailableError } from '../../errors.ts'
import type { MediaFile } from '../../library/media-files.ts'
import { writeInitSegment } from '../../media/containers/isobmff/init-segment.ts'
import type { Track } from '../../media/track.ts'
import type { OnDemandRendition, Presentation, SegmentBody } from '../../packaging/on-demand/presentation.ts'
import { descriptorOf, FILE_INPUT } from './child.ts'
import type { AudioPlan, EncodePlan } from './encode-arguments.ts'
import {
  audioPlan,
  audioTrack,
  bitRates,
  describeLayout,
  type FileFacts,
  formatFacts,
  frameRateOf,
  parseFacts,
  videoPlan,
  videoTrack,
} from './file-plan.ts'
import { fpsMode, type Programs } from './programs.ts'
import type { SegmentCache } from './segment-cache.ts'
import type { EncodedKind } from './segment-encoder.ts'
import { createGrid, type SegmentGrid } from './segment-grid.ts'
import { SegmentLine } from './segment-line.ts'
import { MAX_PROBE_BYTES, parseLayout, probeArguments } from './source-layout.ts'
import type { WorkerKit } from './worker-kit.ts'

/** Milliseconds that a file waits to be looked at. */
const PROBE_WAIT_MS = 10_000
const PROBE_CPU_SECONDS = 30

/** One track as it is offered, and where its segments come from. */
interface EncodedRendition {
  readonly offered: OnDemandRendition
  readonly kind: EncodedKind
  readonly line: SegmentLine
}

export class EncodedFile {
  readonly token: string
  readonly #grid: SegmentGrid
  readonly #renditions: readonly EncodedRendition[]
  readonly #lines: readonly SegmentLine[]
  /** All see the same file; any of them has it open. */
  readonly #users: Set<MediaFile>

  private constructor(
    token: string,
    users: Set<MediaFile>,
    grid: SegmentGrid,
    renditions: readonly EncodedRendition[],
    lines: readonly SegmentLine[],
  ) {
    this.token = token
    this.#users = users
    this.#grid = grid
    this.#renditions = renditions
    this.#lines = lines
  }

  /** Nobody has it open. */
  get unused(): boolean {
    return this.#users.size === 0
  }

  /**
   * Looks at a file, and begins to encode it to learn what decoders must know. `soundOnly`: its picture is played as it is. Throws HeadendError as `Transcoder.openFile` says,
   * FormatError ERR_TRANSCODE_NO_MEDIA for what ffmpeg cannot read.
   */
  static async open(
    media: MediaFile,
    { token, soundOnly }: { readonly token: string; readonly soundOnly: boolean },
    programs: Programs,
    kit: WorkerKit,
    cache: SegmentCache,
  ): Promise<EncodedFile> {
    const options = kit.options()
    const { file, reader } = media
    const facts = await factsOf(media, programs, token, kit, cache)
    const layout = soundOnly ? { ...facts.layout, video: undefined } : facts.layout
    const rate = soundOnly ? undefined : facts.rate
    const grid = createGrid(reader.duration, rate)
    const users = new Set([media])
    const common = { format: reader.format, grid, threads: kit.threads, fpsMode: fpsMode(programs) } as const

    const picture =
      layout.video === undefined || rate === undefined ? undefined : videoPlan(layout.video, rate, options)
    const sounds = layout.audio.map((audio) => audioPlan(audio, options))
    // The first sound is encoded with the picture; who wants another one gets it from an encoder of its own.
    const [first, ...others] = sounds
    const plans: EncodePlan[] = [
      { ...common, video: picture, audio: first },
      ...others.map((audio) => ({ ...common, video: undefined, audio })),
    ]
    const audioTracks = sounds.map((sound, position) => audioTrack(sound, position))
    const shownTrack = picture === undefined || rate === undefined ? undefined : videoTrack(picture, rate)
    const lines = plans.map((plan, at) => {
      const tracks = { video: plan.video === undefined ? undefined : shownTrack, audio: audioTracks[at] }
      const nameOf = (kind: EncodedKind, what: number | 'config') => `${nameOfTrack(tracks[kind])}-${what}`
      const descriptor = () => descriptorOf([...users][0]?.file ?? file)
      return new SegmentLine({ kit, cache, token, path: file.path, plan, tracks, nameOf, descriptor })
    })
    const [main] = lines
    if (main === undefined) throw new Error('a file has a line at least')
    kit.log.debug({ path: file.path, token }, `encoding for browsers: ${describeLayout(layout, reader.format)}`)
    try {
      const { signal } = new AbortController()
      const renditions: EncodedRendition[] = []
      if (picture !== undefined && shownTrack !== undefined) {
        const config = await main.get('video', 'config', signal)
        renditions.push(renditionOf({ ...shownTrack, config }, 'video', main, picture.peakKbps))
      }
      /** What decoders must know of sound depends on its channels alone: no encoder is started for what is known. */
      const configs = new Map<number, Uint8Array>()
      for (const [position, track] of audioTracks.entries()) {
        const { kbps, channels } = sounds[position] as AudioPlan
        const line = lines[position] ?? main
        const config = configs.get(channels) ?? (await line.get('audio', 'config', signal))
        configs.set(channels, config)
        renditions.push(renditionOf({ ...track, config }, 'audio', line, kbps))
      }
      return new EncodedFile(token, users, grid, renditions, lines)
    } catch (error) {
      for (const line of lines) line.close()
      throw error
    }
  }

  /** One more who watches. `onUnused` hears when it was the last one. */
  presentation(media: MediaFile, onUnused: () => void): Presentation {
    this.#users.add(media)
    const { path, modified } = media.file
    const { token } = this
    const spans = this.#grid.spans
    const last = spans.at(-1)
    return {
      path,
      token,
      modified,
      encoded: true,
      duration: (last?.start ?? 0) + (last?.duration ?? 0),
      segments: spans,
      renditions: this.#renditions.map(({ offered }) => offered),
      init: ({ track }) => {
        const bytes = writeInitSegment([track], { duration: (last?.start ?? 0) + (last?.duration ?? 0) })
        return Promise.resolve(bodyOf(bytes))
      },
      segment: (offered, index, signal) => this.#segment(offered, index, signal),
      keyPicture: (offered) =>
        Promise.reject(new UnavailableError('ERR_TRANSCODE_FAILED', `${offered.name} has no key pictures of its own`)),
      close: () => {
        if (!this.#users.delete(media)) return
        media.close()
        if (this.unused) onUnused()
      },
    }
  }

  /** Ends its encoders. */
  close(): void {
    for (const line of this.#lines) line.close()
    for (const media of this.#users) media.close()
    this.#users.clear()
  }

  async #segment(offered: OnDemandRendition, index: number, signal: AbortSignal): Promise<SegmentBody> {
    const rendition = this.#renditions.find((known) => known.offered.name === offered.name)
    if (rendition === undefined || this.#grid.spans[index] === undefined) {
      throw new UnavailableError('ERR_HTTP_NOT_FOUND', `there is no segment ${index} of ${offered.name}`)
    }
    return bodyOf(await rendition.line.get(rendition.kind, index, signal))
  }
}

async function factsOf(
  media: MediaFile,
  programs: Programs,
  token: string,
  kit: WorkerKit,
  cache: SegmentCache,
): Promise<FileFacts> {
  const kept = await cache.read(token, 'facts')
  const known = kept === undefined ? undefined : parseFacts(kept)
  if (known !== undefined) return known
  const slot = await kit.shortSlots.acquire({ waitMs: PROBE_WAIT_MS })
  try {
    const child = kit.start(programs, probeArguments(media.reader.format, FILE_INPUT), {
      program: 'ffprobe',
      file: descriptorOf(media.file),
      cpuSeconds: PROBE_CPU_SECONDS,
      nice: 0,
    })
    const layout = parseLayout(Buffer.from(await child.collect(MAX_PROBE_BYTES)).toString())
    const facts: FileFacts = { layout, rate: await frameRateOf(media, layout) }
    void cache.write(token, 'facts', formatFacts(facts))
    return facts
  } finally {
    slot.release()
  }
}

function renditionOf(track: Track, kind: EncodedKind, line: SegmentLine, peakKbps: number): EncodedRendition {
  const frameRate = track.video?.frameRate
  const offered: OnDemandRendition = {
    name: nameOfTrack(track),
    track,
    ...bitRates(track, peakKbps),
    ...(frameRate === undefined ? {} : { frameRate }),
    keyPictures: [],
  }
  return { offered, kind, line }
}

function nameOfTrack(track: Track | undefined): string {
  return `${track?.kind}-${track?.id}`
}

function bodyOf(bytes: Uint8Array): SegmentBody {
  return { pieces: [bytes], byteLength: bytes.byteLength }
}
