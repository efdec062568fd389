/** Writes what is played to a file or a pipe, as MP4 or FLV. */
import { createWriteStream } from 'node:fs'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { ConfigError } from '../../errors.ts'
import type { DemuxResult } from '../../media/container.ts'
import { FlvMuxer } from '../../media/containers/flv/muxer.ts'
import { FragmentMuxer } from '../../media/containers/isobmff/muxer.ts'
import type { Packet } from '../../media/packet.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'

export type OutputFormat = 'mp4' | 'flv'

/** Packets of different tracks are put in order of time within this span. */
const MAX_INTERLEAVE: Micros = 2 * MICROS_PER_SECOND
/** Codecs every FLV player knows; others need Enhanced RTMP's form. */
const PLAIN_FLV_CODECS = new Set(['h264', 'aac', 'mp3', 'amf0-data'])

interface Muxer {
  write(packet: Packet): void
  read(): Uint8Array | undefined
  end(): void
}

/**
 * Takes the results of a source. `target` is a file name or `-` for standard output. When a decoder configuration changes on the
 * way, an MP4 goes on in a second file (`name-2.mp4`), because one file has one set of configurations.
 */
export class Output {
  readonly #target: string
  readonly #format: OutputFormat | undefined
  readonly #files: string[] = []
  #stream: Writable | undefined
  #muxer: Muxer | undefined
  #muxerTracks: readonly Track[] = []
  #tracks: readonly Track[] = []
  readonly #held: Packet[] = []
  #failure: Error | undefined

  /** Throws ConfigError ERR_PLAY_OUTPUT for a file name that tells no format, when `format` does not either. */
  constructor(target: string, format: OutputFormat | undefined) {
    this.#target = target
    this.#format = format ?? (target === '-' ? undefined : formatOf(target))
  }

  /** Names of the files written. */
  get files(): readonly string[] {
    return this.#files
  }

  /** Writes; resolves when the target can take more. Throws what the target threw. */
  async write(result: DemuxResult): Promise<void> {
    if (result.type === 'tracks') {
      this.#tracks = result.tracks
      return
    }
    this.#held.push(result.packet)
    await this.#release(false)
  }

  /** Writes what is held and closes the target. */
  async end(): Promise<void> {
    await this.#release(true)
    this.#muxer?.end()
    await this.#drain()
    await this.#close()
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
    if (!this.#muxerTracks.includes(packet.track)) await this.#open()
    this.#muxer?.write(packet)
    await this.#drain()
  }

  async #open(): Promise<void> {
    if (this.#muxer !== undefined) {
      this.#muxer.end()
      await this.#drain()
      await this.#close()
    }
    this.#muxerTracks = this.#tracks
    const plain = this.#tracks.every((track) => PLAIN_FLV_CODECS.has(track.codec))
    const format = this.#format ?? (plain ? 'flv' : 'mp4')
    this.#muxer =
      format === 'flv'
        ? new FlvMuxer(this.#tracks)
        : new FragmentMuxer(this.#tracks.filter((track) => track.kind !== 'data'))
    this.#stream = this.#openTarget()
    this.#stream.on('error', (error) => {
      this.#failure = error
    })
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
      if (!stream.write(bytes))
        await new Promise<void>((resolve) => void stream.once('drain', resolve).once('close', resolve))
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

function formatOf(target: string): OutputFormat {
  if (/\.(mp4|m4v|m4a|cmfv)$/i.test(target)) return 'mp4'
  if (/\.flv$/i.test(target)) return 'flv'
  throw new ConfigError(
    'ERR_PLAY_OUTPUT',
    `expected an output that ends in .mp4 or .flv (or "-"), found ${JSON.stringify(target)}`,
  )
}
