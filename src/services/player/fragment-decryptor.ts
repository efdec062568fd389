/** Decrypts CMAF as it is received: init segments and the fragments that belong to them (ISO/IEC 23001-7), with keys that may change on the way. */
import { isDeepStrictEqual } from 'node:util'
import { clearInitSegment, encryptedSamples, type ProtectedTrack } from '../../media/containers/isobmff/decryption.ts'
import { type Movie, type MovieTrack, readInitSegment } from '../../media/containers/isobmff/movie.ts'
import { SampleCipher } from '../../packaging/protection/sample-cipher.ts'
import { KeyCheck } from './key-check.ts'
import type { PlayKeys, WantedKeys } from './play-keys.ts'

/** Of one init segment. */
export class FragmentDecryptor {
  /** The init segment as a demuxer reads it. */
  readonly init: Uint8Array
  readonly #keys: PlayKeys
  readonly #licenseUrl: string | undefined
  readonly #tracks: readonly ProtectedTrack[]
  readonly #movie: Movie
  /** By track_ID. */
  readonly #checks: ReadonlyMap<number, KeyCheck>

  /** `licenseUrl`: where a manifest says that licences are. Throws FormatError for boxes that break their form and a scheme that is not known. */
  constructor(init: Uint8Array, keys: PlayKeys, licenseUrl: string | undefined) {
    this.init = Uint8Array.from(init)
    this.#keys = keys
    this.#licenseUrl = licenseUrl
    this.#tracks = clearInitSegment(this.init)
    this.#movie = readInitSegment(this.init)
    this.#checks = new Map(
      this.#movie.tracks.map(({ trackId, track, unitLengthBytes }) => [trackId, new KeyCheck(track, unitLengthBytes)]),
    )
  }

  /** Whether fragments have to be whole before they are decrypted; without, they are as they come. */
  get isProtected(): boolean {
    return this.#tracks.length > 0
  }

  /** Whether only protection differs: with another key, or at the end of a clear beginning, a stream goes on with another init segment. */
  goesOn(before: FragmentDecryptor): boolean {
    return isDeepStrictEqual(this.#movie.tracks.map(withoutSamples), before.#movie.tracks.map(withoutSamples))
  }

  /** Whole fragments, in the clear. Throws FormatError for broken ones and for keys that do not fit (see `KeyCheck`), and what `PlayKeys.need` throws. */
  async decrypt(fragments: Uint8Array): Promise<Uint8Array> {
    if (!this.isProtected) return fragments
    const bytes = Uint8Array.from(fragments)
    const samples = encryptedSamples(bytes, this.#movie, this.#tracks)
    const [first] = samples
    if (first === undefined) return bytes
    const wanted: WantedKeys = { scheme: first.scheme, licenseUrl: this.#licenseUrl }
    await this.#keys.need(
      samples.map(({ keyId }) => keyId),
      wanted,
    )
    for (const { trackId, bytes: sample, scheme, pattern, keyId, iv, ranges } of samples) {
      const key = this.#keys.get(keyId)
      if (key === undefined) continue
      new SampleCipher(key, scheme, pattern).decrypt(sample, iv, ranges)
      this.#checks.get(trackId)?.add(keyId, sample)
    }
    return bytes
  }
}

function withoutSamples({ sampleTable: _boxes, ...track }: MovieTrack): Omit<MovieTrack, 'sampleTable'> {
  return track
}
