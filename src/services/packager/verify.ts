/** Proves that a file of a package is what it was made of once it is decrypted, by what its own boxes say. */
import { createDecipheriv } from 'node:crypto'
import { UnavailableError } from '../../errors.ts'
import { topLevelBoxes } from '../../media/containers/isobmff/box.ts'
import { clearInitSegment, encryptedSamples, type ProtectedTrack } from '../../media/containers/isobmff/decryption.ts'
import { FragmentReader } from '../../media/containers/isobmff/fragment-reader.ts'
import { type Movie, readInitSegment } from '../../media/containers/isobmff/movie.ts'
import { sameKeyId } from '../../media/protection/systems.ts'
import { SampleCipher } from '../../packaging/protection/sample-cipher.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'

const BOX_HEADER_BYTES = 8

/** Throws UnavailableError ERR_PACKAGE_VERIFY when the two differ. */
export function verifySame(name: string, stored: Uint8Array, wanted: Uint8Array): void {
  if (Buffer.compare(stored, wanted) !== 0) throw verifyError(name)
}

/** Of a segment that is encrypted whole. Throws UnavailableError ERR_PACKAGE_VERIFY. */
export function verifyWhole(
  name: string,
  stored: Uint8Array,
  clear: Uint8Array,
  key: Uint8Array,
  iv: Uint8Array,
): void {
  try {
    const decipher = createDecipheriv('aes-128-cbc', key, iv)
    if (Buffer.compare(Buffer.concat([decipher.update(stored), decipher.final()]), clear) === 0) return
  } catch {
    // The padding is wrong: told below.
  }
  throw verifyError(name)
}

/** Of one rendition under Common Encryption. */
export class SegmentVerifier {
  readonly #movie: Movie
  readonly #tracks: readonly ProtectedTrack[]

  /** `init`: the encrypted form. */
  constructor(init: Uint8Array) {
    const clear = Uint8Array.from(init)
    this.#tracks = clearInitSegment(clear)
    this.#movie = readInitSegment(clear)
  }

  /**
   * Decrypts in place. Throws UnavailableError ERR_PACKAGE_VERIFY when the segment does not decrypt with the key to the samples of the clear one, or is in the clear
   * where there is a key, or the other way round.
   */
  check(name: string, encrypted: Uint8Array, clear: Uint8Array, key: ContentKey | undefined): void {
    if (!this.#isRight(encrypted, clear, key)) throw verifyError(name)
  }

  #isRight(encrypted: Uint8Array, clear: Uint8Array, key: ContentKey | undefined): boolean {
    const samples = encryptedSamples(encrypted, this.#movie, this.#tracks)
    if (samples.some(({ keyId }) => key === undefined || !sameKeyId(keyId, key.id))) return false
    const [first] = samples
    // All are of one track, and so of one scheme and pattern.
    if (first !== undefined && key !== undefined) {
      new SampleCipher(key.key, first.scheme, first.pattern).decryptAll(samples)
    }
    const wanted = this.#dataOf(clear)
    const found = this.#dataOf(encrypted)
    return (
      samples.length === (key === undefined ? 0 : wanted.length) &&
      wanted.length === found.length &&
      wanted.every((data, i) => Buffer.compare(data, found[i] ?? EMPTY) === 0)
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

const EMPTY = new Uint8Array(0)

function verifyError(name: string): UnavailableError {
  return new UnavailableError('ERR_PACKAGE_VERIFY', `${name} is not what it was made of; it is not to be used`)
}
