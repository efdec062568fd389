/** An encrypted fragmented MP4 file to a clear one, for owners of its keys: only samples and the names of protection boxes change. */
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { FormatError, UnavailableError } from '../../errors.ts'
import { openSource } from '../../library/open-source.ts'
import type { ByteSource } from '../../media/byte-source.ts'
import { MAX_BOX_HEADER_BYTES, readBoxHeader } from '../../media/containers/isobmff/box.ts'
import { clearInitSegment, encryptedSamples, type ProtectedTrack } from '../../media/containers/isobmff/decryption.ts'
import { MAX_SAMPLE_DATA_BYTES } from '../../media/containers/isobmff/fragment-reader.ts'
import { MAX_MOOV_BYTES, type Movie, readInitSegment } from '../../media/containers/isobmff/movie.ts'
import { formatUuid } from '../../media/protection/systems.ts'
import { SampleCipher } from '../../packaging/protection/sample-cipher.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'

/** What `decryptMedia` does. */
export interface DecryptOptions {
  /** A file or an HTTP address. */
  readonly input: string
  /** File that is written, or written over. */
  readonly output: string
  readonly keys: readonly ContentKey[]
  readonly signal?: AbortSignal
  /** From 0 to 1. */
  readonly onProgress?: (done: number) => void
}

/** What was decrypted. */
export interface DecryptResult {
  /** Of the whole file. */
  readonly bytes: number
  /** Those that were encrypted. */
  readonly samples: number
  /** Ids of the keys that were used. */
  readonly keyIds: readonly string[]
}

/**
 * Throws FormatError for a file that is broken or has no protected track, UnavailableError ERR_PACKAGE_KEY_MISSING for a key that is not
 * given, ERR_PACKAGE_OUTPUT and ERR_PACKAGE_ABORTED. The output appears when it is whole.
 */
export async function decryptMedia(options: DecryptOptions): Promise<DecryptResult> {
  const { input, output, keys, signal, onProgress } = options
  const source = await openSource(input)
  const draft = `${output}.part`
  const file = await openOutput(draft)
  const decryptor = new FileDecryptor(keys)
  try {
    for (let at = 0; at < source.size; ) {
      if (signal?.aborted) throw new UnavailableError('ERR_PACKAGE_ABORTED', 'interrupted; nothing was written')
      const bytes = await readFragment(source, at)
      await file.writeFile(decryptor.decrypt(bytes, at))
      at += bytes.byteLength
      onProgress?.(at / source.size)
    }
    decryptor.finish()
    await file.sync()
    await file.close()
    await rename(draft, output)
  } catch (error) {
    await file.close().catch(() => {})
    await rm(draft, { force: true })
    throw error
  } finally {
    await source.close()
  }
  return { bytes: source.size, samples: decryptor.samples, keyIds: [...decryptor.keyIds] }
}

async function openOutput(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'w')
  } catch (cause) {
    throw new UnavailableError('ERR_PACKAGE_OUTPUT', `${path} cannot be written`, { cause })
  }
}

/** Up to and with the next `mdat` or `moov`: bytes of the caller's own. */
async function readFragment(source: ByteSource, from: number): Promise<Uint8Array> {
  let at = from
  while (at < source.size) {
    const header = readBoxHeader(await source.read(at, MAX_BOX_HEADER_BYTES), at)
    if (header === undefined) throw new FormatError('ERR_MP4_TRUNCATED', 'expected a whole box, found the end', at)
    at = header.size === undefined ? source.size : at + header.size
    if (at > source.size) throw new FormatError('ERR_MP4_TRUNCATED', `expected ${at} bytes, found ${source.size}`, from)
    if (at - from > MAX_MOOV_BYTES + MAX_SAMPLE_DATA_BYTES) {
      throw new FormatError('ERR_MP4_BOX_TOO_LARGE', 'expected a fragment that fits into memory', from)
    }
    if (header.type === 'mdat' || header.type === 'moov') break
  }
  return Uint8Array.from(await source.read(from, at - from))
}

class FileDecryptor {
  readonly keyIds = new Set<string>()
  samples = 0
  readonly #keys: ReadonlyMap<string, ContentKey>
  #movie: Movie | undefined
  #tracks: readonly ProtectedTrack[] = []

  constructor(keys: readonly ContentKey[]) {
    this.#keys = new Map(keys.map((key) => [formatUuid(key.id), key]))
  }

  /** In place. */
  decrypt(bytes: Uint8Array, offset: number): Uint8Array {
    if (this.#movie === undefined) {
      this.#tracks = clearInitSegment(bytes)
      if (this.#tracks.length === 0)
        throw new FormatError('ERR_MP4_PROTECTION', 'expected a protected track, found none', offset)
      this.#movie = readInitSegment(bytes)
      return bytes
    }
    for (const { bytes: sample, scheme, pattern, keyId, iv, ranges } of encryptedSamples(
      bytes,
      this.#movie,
      this.#tracks,
    )) {
      new SampleCipher(this.#keyOf(keyId).key, scheme, pattern).decrypt(sample, iv, ranges)
      this.samples++
    }
    return bytes
  }

  finish(): void {
    if (this.#movie === undefined) throw new FormatError('ERR_MP4_NO_MOOV', 'expected a moov box, found none')
  }

  #keyOf(id: Uint8Array): ContentKey {
    const name = formatUuid(id)
    const key = this.#keys.get(name)
    if (key === undefined)
      throw new UnavailableError('ERR_PACKAGE_KEY_MISSING', `the key ${name} is needed and was not given`)
    this.keyIds.add(name)
    return key
  }
}
