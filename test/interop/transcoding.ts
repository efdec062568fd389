/** The encoder for browsers as a service of its own: a library of made files, the real ffmpeg, and a look at its processes. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { openLibrary } from '../../src/library/library.ts'
import { type MediaFile, MediaFiles } from '../../src/library/media-files.ts'
import { openReader } from '../../src/media/open-reader.ts'
import type { OnDemandRendition, Presentation } from '../../src/packaging/on-demand/presentation.ts'
import { segmentsOf } from '../../src/packaging/on-demand/presentation.ts'
import type { Logger } from '../../src/protocols/protocol.ts'
import { TranscodeService } from '../../src/services/transcode/index.ts'
import { type TranscodeOptions, transcodeOptions } from '../../src/services/transcode/options.ts'
import { counterOutput, readCounters } from '../support/counter.ts'
import { runOrThrow } from '../support/process.ts'

/** A line of the log. */
export interface Said {
  readonly code: string | undefined
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export interface Transcoding {
  readonly service: TranscodeService
  /** Folder of the library. */
  readonly media: string
  readonly cache: string
  readonly said: readonly Said[]
  /** Segments at which encoders began. */
  begins(): readonly unknown[]
  file(name: string): Promise<MediaFile>
  open(name: string): Promise<Presentation>
}

/** A service over a library folder that is removed after the test. With `cache`, it uses another one's. */
export async function openTranscoding(
  t: TestContext,
  options: Partial<TranscodeOptions> = {},
  shared: { readonly media?: string; readonly cache?: string } = {},
): Promise<Transcoding> {
  const folder = await mkdtemp(join(tmpdir(), 'headend-transcode-'))
  const media = shared.media ?? folder
  const cache = shared.cache ?? join(folder, '.cache')
  const said: Said[] = []
  const say = (fields: Said['fields'], message: string) => void said.push({ code: undefined, message, fields })
  const counted = (code: string, fields: Said['fields'], message: string) => void said.push({ code, message, fields })
  const log: Logger = { debug: say, info: say, warn: say, error: say, counted, child: () => log }
  const settings = { ...transcodeOptions.parse({}), ...options }
  const service = new TranscodeService({ options: () => settings, cache, log })
  const files = new MediaFiles(
    openLibrary(() => ({ root: media, mounts: {} })),
    openReader,
  )
  t.after(async () => {
    await service.close()
    files.close()
    await rm(folder, { recursive: true, force: true })
  })
  return {
    service,
    media,
    cache,
    said,
    begins: () => said.filter(({ message }) => message === 'an encoder begins').map(({ fields }) => fields['segment']),
    file: (name) => files.open(`vod/${name}`),
    open: async (name) => service.openFile(await files.open(`vod/${name}`)),
  }
}

export const NEVER = new AbortController().signal

/** One rendition of a kind. */
export function renditionOf(presentation: Presentation, kind: 'video' | 'audio', position = 0): OnDemandRendition {
  const found = presentation.renditions.filter(({ track }) => track.kind === kind)[position]
  if (found === undefined) throw new Error(`expected a rendition of ${kind}, found none`)
  return found
}

/** Bytes of a segment. */
export async function segmentBytes(
  presentation: Presentation,
  rendition: OnDemandRendition,
  index: number,
): Promise<Uint8Array> {
  return bytesOf(await presentation.segment(rendition, index, NEVER))
}

/** Initialization and all segments, as one file that players take. */
export async function wholeFile(presentation: Presentation, rendition: OnDemandRendition): Promise<Uint8Array> {
  const parts = [await bytesOf(await presentation.init(rendition))]
  for (const index of segmentsOf(presentation, rendition).keys()) {
    parts.push(await segmentBytes(presentation, rendition, index))
  }
  return Buffer.concat(parts)
}

async function bytesOf({ pieces }: Awaited<ReturnType<Presentation['init']>>): Promise<Uint8Array> {
  const parts: Uint8Array[] = []
  for (const piece of pieces) {
    parts.push(piece instanceof Uint8Array ? piece : await piece.source.read(piece.offset, piece.length))
  }
  return Buffer.concat(parts)
}

/** Numbers of the pictures in a whole file, in the order in which they are shown. */
export async function countersOf(ffmpeg: string, bytes: Uint8Array): Promise<(number | undefined)[]> {
  return readCounters(await decode(ffmpeg, bytes, counterOutput))
}

/** Samples of the sound of a whole file, one channel at 48 kHz. */
export async function samplesOf(ffmpeg: string, bytes: Uint8Array): Promise<Float32Array> {
  const raw = await decode(ffmpeg, bytes, ['-map', '0:a:0', '-f', 'f32le', '-ac', '1', '-ar', '48000', 'pipe:1'])
  return new Float32Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + (raw.byteLength & ~3)))
}

/** How loud a tone of `hertz` is in each hundredth of a second. */
export function toneLevels(samples: Float32Array, hertz: number): number[] {
  const block = 480
  const levels: number[] = []
  for (let at = 0; at + block <= samples.length; at += block) {
    let real = 0
    let imaginary = 0
    for (let i = at; i < at + block; i++) {
      const phase = (2 * Math.PI * hertz * i) / 48_000
      real += (samples[i] as number) * Math.cos(phase)
      imaginary += (samples[i] as number) * Math.sin(phase)
    }
    levels.push((2 * Math.hypot(real, imaginary)) / block)
  }
  return levels
}

async function decode(ffmpeg: string, bytes: Uint8Array, output: readonly string[]): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'headend-decode-'))
  try {
    const path = join(folder, 'whole.mp4')
    await writeFile(path, bytes)
    return await runOrThrow(ffmpeg, ['-v', 'error', '-nostdin', '-i', path, ...output])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A process as Linux shows it. */
export interface SeenProcess {
  readonly pid: number
  readonly parent: number
  readonly args: readonly string[]
}

/** Processes of ffmpeg below a process: its children, not those that a test starts to judge. */
export function encodersOf(parent: number): readonly SeenProcess[] {
  return processes().filter((seen) => seen.parent === parent && isEncoder(seen.args))
}

/** What runs on this machine. */
export function processes(): readonly SeenProcess[] {
  return readdirSync('/proc').flatMap((name): SeenProcess[] => {
    if (!/^\d+$/.test(name)) return []
    try {
      const args = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0').slice(0, -1)
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1')
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
      return [{ pid: Number(name), parent, args }]
    } catch {
      // It has ended meanwhile.
      return []
    }
  })
}

/** The file that a process has open at a descriptor. */
export function openedFile(pid: number, descriptor: number): string {
  return readlinkSync(`/proc/${pid}/fd/${descriptor}`)
}

function isEncoder(args: readonly string[]): boolean {
  return args.some((arg) => arg === 'file:/dev/fd/3' || arg === 'pipe:0')
}
