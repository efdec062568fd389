/** Encrypted fragmented MP4 to a clear file, for owners of its keys: only samples and the names of protection boxes change. */
import { type FileHandle, open, rename, rm } from 'node:fs/promises'
import { FormatError, UnavailableError } from '../../errors.ts'
import { clearInitSegment, encryptedSamples, type ProtectedTrack } from '../../media/containers/isobmff/decryption.ts'
import { type Movie, readInitSegment } from '../../media/containers/isobmff/movie.ts'
import { formatUuid } from '../../media/protection/systems.ts'
import { SampleCipher } from '../../packaging/protection/sample-cipher.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import { type EncryptedFragment, fragmentsOfFile, fragmentsOfPlaylist, isPlaylist } from './encrypted-input.ts'

/** What `decryptMedia` does. */
export interface DecryptOptions {
  /** A file or an HTTP address; or the playlist of one rendition (`video-1.m3u8`) with its segments beside it. */
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
  /** Of the clear file. */
  readonly bytes: number
  /** Those that were encrypted by Common Encryption. */
  readonly samples: number
  /** Segments that were encrypted whole (AES-128), init segments among them. */
  readonly segments: number
  /** Ids of the keys that were used. */
  readonly keyIds: readonly string[]
}

/**
 * Throws FormatError for a file that is broken or has nothing encrypted in it, UnavailableError ERR_PACKAGE_KEY_MISSING for a key that is not
 * given, ERR_PACKAGE_OUTPUT and ERR_PACKAGE_ABORTED, and what `fragmentsOfPlaylist` throws. The output appears when it is whole.
 */
export async function decryptMedia(options: DecryptOptions): Promise<DecryptResult> {
  const { input, output, keys, signal, onProgress } = options
  const draft = `${output}.part`
  const file = await openOutput(draft)
  const decryptor = new FragmentsDecryptor(keys, isPlaylist(input))
  let bytes = 0
  try {
    for await (const fragment of isPlaylist(input) ? fragmentsOfPlaylist(input, keys) : fragmentsOfFile(input)) {
      if (signal?.aborted) throw new UnavailableError('ERR_PACKAGE_ABORTED', 'interrupted; nothing was written')
      const clear = decryptor.decrypt(fragment)
      await file.writeFile(clear)
      bytes += clear.byteLength
      onProgress?.(fragment.done)
    }
    decryptor.finish()
    await file.sync()
    await file.close()
    await rename(draft, output)
  } catch (error) {
    await file.close().catch(() => {})
    await rm(draft, { force: true })
    throw error
  }
  return { bytes, samples: decryptor.samples, segments: decryptor.segments, keyIds: [...decryptor.keyIds] }
}

async function openOutput(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'w')
  } catch (cause) {
    throw new UnavailableError('ERR_PACKAGE_OUTPUT', `${path} cannot be written`, { cause })
  }
}

class FragmentsDecryptor {
  readonly keyIds = new Set<string>()
  samples = 0
  segments = 0
  readonly #keys: ReadonlyMap<string, ContentKey>
  readonly #isPlaylist: boolean
  #movie: Movie | undefined
  #tracks: readonly ProtectedTrack[] = []

  constructor(keys: readonly ContentKey[], fromPlaylist: boolean) {
    this.#isPlaylist = fromPlaylist
    this.#keys = new Map(keys.map((key) => [formatUuid(key.id), key]))
  }

  /** In place; nothing for what is no part of the output. */
  decrypt({ bytes, isFurtherInit, openedWith }: EncryptedFragment): Uint8Array {
    if (openedWith !== undefined) {
      this.segments++
      this.keyIds.add(openedWith)
    }
    if (this.#movie === undefined || isFurtherInit) {
      this.#tracks = clearInitSegment(bytes)
      // Of a playlist the segments behind it may be encrypted whole.
      if (this.#tracks.length === 0 && !this.#isPlaylist) throw nothingEncrypted()
      this.#movie = readInitSegment(bytes)
      return isFurtherInit ? new Uint8Array(0) : bytes
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
    if (this.#tracks.length === 0 && this.segments === 0) throw nothingEncrypted()
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

function nothingEncrypted(): FormatError {
  return new FormatError('ERR_MP4_PROTECTION', 'expected a protected track, found none')
}
