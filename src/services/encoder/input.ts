/** What the encoder reads: FLV, MP4 and ASF files by our own demuxers, everything else through ffmpeg. */
import { createReadStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import { ConfigError } from '../../errors.ts'
import type { Demuxer, DemuxResult } from '../../media/container.ts'
import { AsfDemuxer } from '../../media/containers/asf/demuxer.ts'
import { FlvDemuxer } from '../../media/containers/flv/demuxer.ts'
import { MovieReader } from '../../media/containers/isobmff/movie-reader.ts'
import type { Codec } from '../../media/track.ts'
import { AsfInput, type AsfInputPacket } from './asf-input.ts'
import { type FfmpegOptions, transcode } from './ffmpeg.ts'
import { fileSource } from './file-source.ts'
import { inRealTime } from './pace.ts'

export type InputKind = 'flv' | 'mp4' | 'asf' | 'ffmpeg'

/** What the input becomes on its way: the formats of FLV (RTMP), or of ASF (Windows Media). */
export type Target = 'flv' | 'asf'

/** An input, told by its first bytes. */
export interface Input {
  readonly kind: InputKind
  /**
   * Once through it in real time, and again from its start with the next call. Ends with the input or when the signal aborts; throws
   * HeadendError when it cannot be read.
   */
  read(): AsyncGenerator<DemuxResult | AsfInputPacket>
  close(): Promise<void>
}

export interface InputOptions extends FfmpegOptions {
  readonly target: Target
  /** Encode even what the target could carry as it is. */
  readonly transcode: boolean
}

/** First 16 bytes of an ASF file: the GUID of the Header Object. */
const ASF_START = '3026b2758e66cf11a6d900aa0062ce6c'
const START_LENGTH = 16

/** Codecs that go into the target as they are. Inputs of kind FLV and MP4 may hold more: newer RTMP servers know them. */
const CARRIED: Readonly<Record<Target, ReadonlySet<Codec>>> = {
  flv: new Set<Codec>(['h264', 'aac', 'mp3']),
  asf: new Set<Codec>(['h264', 'aac', 'mp3']),
}

/**
 * `name` is a file, a device, an address, a pattern, or `-` for FLV on standard input. What the target cannot carry is encoded by
 * ffmpeg. Throws ConfigError ERR_PUSH_INPUT for what cannot be encoded.
 */
export async function openInput(name: string, options: InputOptions): Promise<Input> {
  if (options.transcode && name === '-') {
    throw new ConfigError('ERR_PUSH_INPUT', 'expected a file, device or address to encode, found standard input')
  }
  const found = options.transcode ? 'ffmpeg' : await kindOfInput(name)
  const kind = found === 'ffmpeg' || name === '-' || (await isCarried(name, found, options)) ? found : 'ffmpeg'
  if (kind === 'asf') {
    const input = new AsfInput(name, options.signal)
    return { kind, read: () => input.read(), close: () => input.close() }
  }
  return { kind, read: () => readInput(name, kind, options), close: () => Promise.resolve() }
}

/** `-` is FLV from standard input. Told by the file's first bytes, not by its name. */
export async function kindOfInput(input: string): Promise<InputKind> {
  if (input === '-') return 'flv'
  const information = await stat(input).catch(() => undefined)
  if (information?.isFile() !== true) return 'ffmpeg'
  const file = await open(input)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(START_LENGTH), 0, START_LENGTH, 0)
    const head = buffer.subarray(0, bytesRead)
    if (head.toString('hex') === ASF_START) return 'asf'
    if (head.toString('latin1').startsWith('FLV')) return 'flv'
    return head.toString('latin1', 4, 8) === 'ftyp' ? 'mp4' : 'ffmpeg'
  } finally {
    await file.close()
  }
}

/** Whether all that the input holds of sound and picture goes into the target as it is. */
async function isCarried(name: string, kind: 'flv' | 'mp4' | 'asf', { target }: InputOptions): Promise<boolean> {
  // ASF goes through natively, whatever is in it; Enhanced RTMP has a form for every codec of FLV and MP4 files.
  if ((kind === 'asf') === (target === 'asf')) return true
  for await (const result of results(name, kind)) {
    if (result.type !== 'tracks') continue
    const media = result.tracks.filter((track) => track.kind !== 'data')
    return media.length > 0 && media.every((track) => CARRIED[target].has(track.codec))
  }
  return false
}

async function* readInput(
  name: string,
  kind: 'flv' | 'mp4' | 'ffmpeg',
  options: InputOptions,
): AsyncGenerator<DemuxResult> {
  if (kind === 'ffmpeg') {
    const demuxer = options.target === 'asf' ? new AsfDemuxer() : new FlvDemuxer()
    yield* demux(transcode(name, options.target, options), demuxer)
  } else if (name === '-') {
    yield* demux(process.stdin, new FlvDemuxer())
  } else {
    const timeOf = (result: DemuxResult) => (result.type === 'packet' ? result.packet.dts : undefined)
    yield* inRealTime(results(name, kind), timeOf, options.signal)
  }
}

function results(name: string, kind: 'flv' | 'mp4' | 'asf'): AsyncGenerator<DemuxResult> {
  if (kind === 'mp4') return readMp4(name)
  return demux(createReadStream(name), kind === 'asf' ? new AsfDemuxer() : new FlvDemuxer())
}

async function* demux(pieces: AsyncIterable<Uint8Array>, demuxer: Demuxer): AsyncGenerator<DemuxResult> {
  for await (const piece of pieces) {
    demuxer.write(piece)
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) yield result
  }
  demuxer.end()
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) yield result
}

async function* readMp4(input: string): AsyncGenerator<DemuxResult> {
  const file = await open(input)
  try {
    const movie = await MovieReader.open(await fileSource(file))
    yield { type: 'tracks', tracks: movie.tracks }
    for await (const packet of movie.packets(Number.NEGATIVE_INFINITY)) yield { type: 'packet', packet }
  } finally {
    await file.close()
  }
}
