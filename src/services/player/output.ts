/** Writes what is played to a file or a pipe, as MP4, FLV or ASF. */
import { createWriteStream } from 'node:fs'
import { open, stat } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { ConfigError } from '../../errors.ts'
import type { DemuxResult } from '../../media/container.ts'
import { AsfFileWriter, type FinishedFile } from '../../media/containers/asf/file-writer.ts'
import type { AsfInit, AsfPacket } from '../../media/containers/asf/model.ts'
import { AsfMuxer } from '../../media/containers/asf/muxer.ts'
import { withLaterTimes } from '../../media/containers/asf/time-shift.ts'
import { isAsfTrack } from '../../media/containers/asf/track-format.ts'
import { isFlvTrack } from '../../media/containers/flv/codec-id.ts'
import { FlvMuxer } from '../../media/containers/flv/muxer.ts'
import { FragmentMuxer } from '../../media/containers/isobmff/muxer.ts'
import { hasSampleEntry } from '../../media/containers/isobmff/sample-entry.ts'
import type { Packet } from '../../media/packet.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import type { AsfResult } from './source.ts'

export type OutputFormat = 'mp4' | 'flv' | 'asf'

/** Packets of different tracks are put in order of time within this span. */
const MAX_INTERLEAVE: Micros = 2 * MICROS_PER_SECOND
/** Codecs every FLV player knows; others need Enhanced RTMP's form. */
const PLAIN_FLV_CODECS = new Set(['h264', 'aac', 'mp3', 'amf0-data'])
const CARRIES: Readonly<Record<OutputFormat, (track: Track) => boolean>> = {
  flv: isFlvTrack,
  mp4: ({ kind, codec }) => kind !== 'data' && hasSampleEntry(codec),
  asf: isAsfTrack,
}

interface Muxer<Item> {
  write(item: Item): void
  read(): Uint8Array | undefined
  end(): void
  /** What makes a whole file of it, where the target can be written to anywhere. */
  finish?(): FinishedFile
}

/**
 * Takes the results of a source. `target` is a file name or `-` for standard output. When a decoder configuration changes on the
 * way, an MP4 or ASF goes on in a second file (`name-2.mp4`), because one file has one set of configurations. An ASF is written of the
 * source's own data packets where it gives them, and muxed of what is in them where it does not.
 */
export class Output {
  readonly #target: string
  readonly #format: OutputFormat | undefined
  readonly #files: string[] = []
  #stream: Writable | undefined
  #muxer: Muxer<Packet> | Muxer<AsfPacket> | undefined
  /** The source gives whole data packets; these are written, and nothing else. */
  #recording: { readonly init: AsfInit; readonly writer: AsfFileWriter; readonly startMs: number } | undefined
  #muxerTracks: readonly Track[] = []
  #tracks: readonly Track[] = []
  readonly #held: Packet[] = []
  #failure: Error | undefined

  /** Throws ConfigError ERR_PLAY_OUTPUT for a file name that tells no format, when `format` does not either. */
  constructor(target: string, format: OutputFormat | undefined) {
    this.#target = target
    this.#format = format ?? (target === '-' ? undefined : formatOf(target))
  }

  /** Whole data packets are written as they are. */
  get takesAsf(): boolean {
    return this.#format === 'asf'
  }

  /** Names of the files written. */
  get files(): readonly string[] {
    return this.#files
  }

  /** Writes; resolves when the target can take more. Throws what the target threw. */
  async write(result: DemuxResult | AsfResult): Promise<void> {
    if (result.type === 'tracks') {
      this.#tracks = result.tracks
    } else if (result.type === 'asf') {
      if (this.takesAsf) await this.#record(result.packet)
    } else if (this.#recording === undefined) {
      this.#held.push(result.packet)
      await this.#release(false)
    }
  }

  /** Writes what is held and closes the target. */
  async end(): Promise<void> {
    await this.#release(true)
    await this.#finish()
  }

  /** Gives the muxer packets in order of decode time, as far as no earlier one can still come. */
  async #release(all: boolean): Promise<void> {
    const held = this.#held
    const last = held.at(-1)
    if (last === undefined) return
    held.sort((a, b) => a.dts - b.dts)
    const newest = held.at(-1)?.dts ?? 0
    const waiting = new Set(held.map((packet) => packet.track.id))
    const expected = this.#tracks.filter((track) => track.kind !== 'data')
    while (held.length > 0) {
      const packet = held[0] as Packet
      const complete = expected.every((track) => waiting.has(track.id))
      if (!all && !complete && newest - packet.dts < MAX_INTERLEAVE) return
      held.shift()
      if (!held.some((other) => other.track.id === packet.track.id)) waiting.delete(packet.track.id)
      await this.#mux(packet)
    }
  }

  async #mux(packet: Packet): Promise<void> {
    if (!this.#muxerTracks.includes(packet.track)) {
      this.#muxerTracks = this.#tracks
      await this.#open(this.#createMuxer())
    }
    const muxer = this.#muxer as Muxer<Packet> | undefined
    muxer?.write(packet)
    await this.#drain()
  }

  async #record(packet: AsfPacket): Promise<void> {
    if (this.#recording?.init !== packet.init) {
      // A file begins at zero, wherever in a broadcast that is.
      const startMs = packet.init.broadcast ? packet.sendTimeMs : 0
      const recording = { init: packet.init, writer: new AsfFileWriter(packet.init), startMs }
      this.#recording = recording
      await this.#open(recording.writer)
    }
    const { writer, startMs } = this.#recording
    writer.write(startMs === 0 ? packet : earlier(packet, startMs))
    await this.#drain()
  }

  #createMuxer(): Muxer<Packet> {
    const tracks = this.#tracks
    const format = this.#format ?? formatFor(tracks)
    if (!tracks.some((track) => CARRIES[format](track))) {
      const codecs = tracks.map(({ codec }) => codec).join(', ')
      throw new ConfigError('ERR_PLAY_OUTPUT', `expected a format that carries ${codecs}, found ${format}`)
    }
    switch (format) {
      case 'flv':
        return new FlvMuxer(tracks)
      case 'mp4':
        return new FragmentMuxer(tracks.filter((track) => track.kind !== 'data'))
      default:
        return new AsfMuxer(tracks)
    }
  }

  /** Goes on in the next file. */
  async #open(muxer: Muxer<Packet> | Muxer<AsfPacket>): Promise<void> {
    await this.#finish()
    this.#muxer = muxer
    this.#stream = this.#openTarget()
    this.#stream.on('error', (error) => {
      this.#failure = error
    })
  }

  async #finish(): Promise<void> {
    const muxer = this.#muxer
    if (muxer === undefined) return
    muxer.end()
    await this.#drain()
    await this.#close()
    const name = this.#files.at(-1)
    if (name !== undefined && muxer.finish !== undefined && (await isPlainFile(name)))
      await complete(name, muxer.finish())
  }

  #openTarget(): Writable {
    if (this.#target === '-') {
      if (this.#files.length > 0)
        throw new ConfigError('ERR_PLAY_OUTPUT', 'the configuration changed, and a pipe cannot go on with another one')
      this.#files.push('-')
      return process.stdout
    }
    const number = this.#files.length + 1
    const name = number === 1 ? this.#target : this.#target.replace(/(\.\w+)$/, `-${number}$1`)
    this.#files.push(name)
    return createWriteStream(name)
  }

  async #drain(): Promise<void> {
    const stream = this.#stream
    if (stream === undefined) return
    for (let bytes = this.#muxer?.read(); bytes !== undefined; bytes = this.#muxer?.read()) {
      if (this.#failure !== undefined) throw this.#failure
      if (!stream.write(bytes)) await roomIn(stream)
    }
    if (this.#failure !== undefined) throw this.#failure
  }

  async #close(): Promise<void> {
    const stream = this.#stream
    this.#stream = undefined
    if (stream === undefined || stream === process.stdout) return
    stream.end()
    await finished(stream)
  }
}

/** Resolves when the target takes more, or never will. */
function roomIn(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done)
      resolve()
    }
    stream.on('drain', done).on('close', done)
  })
}

function earlier(packet: AsfPacket, startMs: number): AsfPacket {
  const bytes = withLaterTimes(packet.bytes, packet.init.packetSize, 2 ** 32 - startMs)
  return { ...packet, bytes, sendTimeMs: packet.sendTimeMs - startMs }
}

/** For standard output, when nobody said a format. */
function formatFor(tracks: readonly Track[]): OutputFormat {
  if (tracks.every((track) => PLAIN_FLV_CODECS.has(track.codec))) return 'flv'
  return tracks.some(CARRIES.mp4) ? 'mp4' : 'asf'
}

/** Neither a pipe nor a device: its start can be written again. */
async function isPlainFile(name: string): Promise<boolean> {
  if (name === '-') return false
  return (await stat(name).catch(() => undefined))?.isFile() === true
}

/** Puts the header in the place of the first one, and the index behind the end. */
async function complete(name: string, { header, index }: FinishedFile): Promise<void> {
  const file = await open(name, 'r+')
  try {
    const { size } = await file.stat()
    await file.write(index, 0, index.byteLength, size)
    await file.write(header, 0, header.byteLength, 0)
  } finally {
    await file.close()
  }
}

function formatOf(target: string): OutputFormat {
  if (/\.(mp4|m4v|m4a|cmfv)$/i.test(target)) return 'mp4'
  if (/\.flv$/i.test(target)) return 'flv'
  if (/\.(asf|wmv|wma)$/i.test(target)) return 'asf'
  throw new ConfigError(
    'ERR_PLAY_OUTPUT',
    `expected an output that ends in .mp4, .flv or .asf (or "-"), found ${JSON.stringify(target)}`,
  )
}
