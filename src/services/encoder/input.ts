/** What the encoder reads: FLV and MP4 files by our own demuxers, everything else through ffmpeg. */
import { createReadStream } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import type { ByteSource } from '../../media/byte-source.ts'
import type { DemuxResult } from '../../media/container.ts'
import { FlvDemuxer } from '../../media/containers/flv/demuxer.ts'
import { MovieReader } from '../../media/containers/isobmff/movie-reader.ts'
import { type FfmpegOptions, transcode } from './ffmpeg.ts'
import { inRealTime } from './pace.ts'

export type InputKind = 'flv' | 'mp4' | 'ffmpeg'

/** `-` is FLV from standard input. Told by the file's first bytes, not by its name. */
export async function kindOfInput(input: string): Promise<InputKind> {
  if (input === '-') return 'flv'
  const information = await stat(input).catch(() => undefined)
  if (information?.isFile() !== true) return 'ffmpeg'
  const file = await open(input)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(12), 0, 12, 0)
    const head = buffer.subarray(0, bytesRead).toString('latin1')
    if (head.startsWith('FLV')) return 'flv'
    return head.slice(4, 8) === 'ftyp' ? 'mp4' : 'ffmpeg'
  } finally {
    await file.close()
  }
}

/** Tracks and packets of an input in real time. Ends with the input; throws HeadendError when it cannot be read. */
export async function* readInput(input: string, kind: InputKind, options: FfmpegOptions): AsyncGenerator<DemuxResult> {
  switch (kind) {
    case 'flv':
      yield* input === '-' ? readFlv(process.stdin) : inRealTime(readFlv(createReadStream(input)), options.signal)
      break
    case 'mp4':
      yield* inRealTime(readMp4(input), options.signal)
      break
    case 'ffmpeg':
      yield* readFlv(transcode(input, options))
  }
}

async function* readFlv(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<DemuxResult> {
  const demuxer = new FlvDemuxer()
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
    for (let packet = await movie.read(); packet !== undefined; packet = await movie.read())
      yield { type: 'packet', packet }
  } finally {
    await file.close()
  }
}

async function fileSource(file: FileHandle): Promise<ByteSource> {
  const { size } = await file.stat()
  return {
    size,
    async read(offset, length) {
      const wanted = Math.max(0, Math.min(length, size - offset))
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, offset)
      return buffer.subarray(0, bytesRead)
    },
  }
}
