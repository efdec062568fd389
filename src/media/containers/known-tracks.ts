/** The tracks of a file as its reader told them: what a demuxer gives anew with each reading are the same tracks. */
import type { Packet } from '../packet.ts'
import type { Track } from '../track.ts'

/** One for each reading. */
export class KnownTracks {
  readonly #known: ReadonlyMap<number, Track>
  readonly #same = new Map<Track, Track>()

  constructor(tracks: readonly Track[]) {
    this.#known = new Map(tracks.map((track) => [track.id, track]))
  }

  /**
   * The packet with the reader's own track, or with the demuxer's where the configuration has changed since the file was opened;
   * `undefined` for a track that the reader has not told of.
   */
  own(packet: Packet): Packet | undefined {
    const { track } = packet
    const own = this.#same.get(track) ?? this.#find(track)
    if (own === undefined) return undefined
    return own === track ? packet : { ...packet, track: own }
  }

  #find(track: Track): Track | undefined {
    const known = this.#known.get(track.id)
    if (known === undefined) return undefined
    const own = known.codec === track.codec && isSame(known.config, track.config) ? known : track
    this.#same.set(track, own)
    return own
  }
}

function isSame(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i])
}
