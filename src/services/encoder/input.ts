/** What the encoder reads: media files by our own readers, everything else through ffmpeg. */
import { open, stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { ConfigError } from '../../errors.ts'
import type { Demuxer, DemuxResult } from '../../media/container.ts'
import { AsfDemuxer } from '../../media/containers/asf/demuxer.ts'
import { isAsfTrack } from '../../media/containers/asf/track-format.ts'
import { isFlvTrack } from '../../media/containers/flv/codec-id.ts'
import { FlvDemuxer } from '../../media/containers/flv/demuxer.ts'
import { FORMAT_HEAD_BYTES, formatOf } from '../../media/open-reader.ts'
import type { MediaFormat } from '../../media/reader.ts'
import { checkUnprotected } from '../../media/source-protection.ts'
import type { Track } from '../../media/track.ts'
import { AsfInput, type AsfInputPacket } from './asf-input.ts'
import { type FfmpegOptions, transcode } from './ffmpeg.ts'
import { FileInput } from './file-input.ts'

/** A container that is read here, or `ffmpeg` for all that is not. */
export type InputKind = MediaFormat | 'ffmpeg'

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

/** What goes into the target as it is. Into FLV, all that Enhanced RTMP has a form for: newer servers know it. */
const IS_CARRIED: Readonly<Record<Target, (track: Track) => boolean>> = { flv: isFlvTrack, asf: isAsfTrack }

/**
 * `name` is a file, a device, an address, a pattern, or `-` for FLV on standard input. What the target cannot carry is encoded by
 * ffmpeg. Throws ConfigError ERR_PUSH_INPUT for what cannot be encoded, FormatError for a file that is broken, UnavailableError
 * ERR_STREAM_PROTECTED for one whose content is encrypted.
 */
export async function openInput(name: string, options: InputOptions): Promise<Input> {
  if (name === '-') {
    if (options.transcode) {
      throw new ConfigError('ERR_PUSH_INPUT', 'expected a file, device or address to encode, found standard input')
    }
    return { kind: 'flv', read: () => demux(process.stdin, new FlvDemuxer()), close: () => Promise.resolve() }
  }
  const kind = options.transcode ? 'ffmpeg' : await kindOfInput(name)
  if (kind === 'asf' && options.target === 'asf') {
    // Whole, as it is, whatever is in it.
    const input = new AsfInput(name, options.signal)
    return { kind, read: () => input.read(), close: () => input.close() }
  }
  if (kind !== 'ffmpeg') {
    const input = await FileInput.open(name, options.signal)
    if (input.isCarried(IS_CARRIED[options.target])) {
      return { kind, read: () => input.read(), close: () => input.close() }
    }
    await input.close()
    // An encoder would read what is encrypted as if it were not.
    checkUnprotected(basename(name), input.metadata)
  }
  return { kind: 'ffmpeg', read: () => encode(name, options), close: () => Promise.resolve() }
}

/** `-` is FLV from standard input. Told by the file's first bytes, not by its name. */
export async function kindOfInput(input: string): Promise<InputKind> {
  if (input === '-') return 'flv'
  const information = await stat(input).catch(() => undefined)
  if (information?.isFile() !== true) return 'ffmpeg'
  const file = await open(input)
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(FORMAT_HEAD_BYTES), 0, FORMAT_HEAD_BYTES, 0)
    return formatOf(buffer.subarray(0, bytesRead)) ?? 'ffmpeg'
  } finally {
    await file.close()
  }
}

function encode(name: string, options: InputOptions): AsyncGenerator<DemuxResult> {
  const demuxer = options.target === 'asf' ? new AsfDemuxer() : new FlvDemuxer()
  return demux(transcode(name, options.target, options), demuxer)
}

async function* demux(pieces: AsyncIterable<Uint8Array>, demuxer: Demuxer): AsyncGenerator<DemuxResult> {
  for await (const piece of pieces) {
    demuxer.write(piece)
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) yield result
  }
  demuxer.end()
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) yield result
}
