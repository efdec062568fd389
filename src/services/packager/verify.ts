/** Proves that an encrypted segment is the clear one again once it is decrypted, by what its own boxes say. */
import { UnavailableError } from '../../errors.ts'
import { topLevelBoxes } from '../../media/containers/isobmff/box.ts'
import { clearInitSegment, encryptedSamples, type ProtectedTrack } from '../../media/containers/isobmff/decryption.ts'
import { FragmentReader } from '../../media/containers/isobmff/fragment-reader.ts'
import { type Movie, readInitSegment } from '../../media/containers/isobmff/movie.ts'
import { SampleCipher } from '../../packaging/protection/sample-cipher.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'

const BOX_HEADER_BYTES = 8

export class SegmentVerifier {
  readonly #movie: Movie
  readonly #tracks: readonly ProtectedTrack[]
  readonly #key: ContentKey

  /** `init`: the encrypted form. */
  constructor(init: Uint8Array, key: ContentKey) {
    const clear = Uint8Array.from(init)
    this.#tracks = clearInitSegment(clear)
    this.#movie = readInitSegment(clear)
    this.#key = key
  }

  /** Throws UnavailableError ERR_PACKAGE_VERIFY when the segment does not decrypt to the samples of the clear one. */
  check(name: string, encrypted: Uint8Array, clear: Uint8Array): void {
    const copy = Uint8Array.from(encrypted)
    const samples = encryptedSamples(copy, this.#movie, this.#tracks)
    for (const { bytes, scheme, pattern, iv, ranges } of samples) {
      new SampleCipher(this.#key.key, scheme, pattern).decrypt(bytes, iv, ranges)
    }
    const wanted = this.#dataOf(clear)
    const found = this.#dataOf(copy)
    const same =
      wanted.length === found.length && wanted.every((data, i) => Buffer.compare(data, found[i] ?? data) === 0)
    const allProtected = samples.length === wanted.length
    if (same && allProtected) return
    throw new UnavailableError(
      'ERR_PACKAGE_VERIFY',
      `${name} does not decrypt to what went into it; it is not to be used`,
    )
  }

  #dataOf(segment: Uint8Array): Uint8Array[] {
    const reader = new FragmentReader(this.#movie)
    const data: Uint8Array[] = []
    for (const box of topLevelBoxes(segment)) {
      if (box.type !== 'moof') continue
      for (const { offset, size } of reader.read(box, box.body.offset - BOX_HEADER_BYTES)) {
        data.push(segment.subarray(offset, offset + size))
      }
    }
    return data
  }
}
