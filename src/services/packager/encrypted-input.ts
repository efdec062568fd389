/** What is to be decrypted, fragment by fragment: a file, or the segments of an HLS playlist on the disk, those that are encrypted whole already opened. */
import { createDecipheriv } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { FormatError, UnavailableError } from '../../errors.ts'
import { openSource } from '../../library/open-source.ts'
import { MAX_BOX_HEADER_BYTES, readBoxHeader } from '../../media/containers/isobmff/box.ts'
import { MAX_SAMPLE_DATA_BYTES } from '../../media/containers/isobmff/fragment-reader.ts'
import { MAX_MOOV_BYTES } from '../../media/containers/isobmff/movie.ts'
import type { Key, MediaPlaylist, Segment } from '../../media/manifests/hls/model.ts'
import { parsePlaylist } from '../../media/manifests/hls/parse.ts'
import { formatUuid, parseUuid } from '../../media/protection/systems.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'

const MAX_FRAGMENT_BYTES = MAX_MOOV_BYTES + MAX_SAMPLE_DATA_BYTES
const MAX_PLAYLIST_BYTES = 16 * 1024 * 1024
const BLOCK_BYTES = 16
/** Of a file in the folder of its playlist. */
const PLAIN_NAME = /^[\w-][\w.-]*$/
const UUID = /[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}/i

/** Whole boxes; the bytes are the receiver's own. */
export interface EncryptedFragment {
  readonly bytes: Uint8Array
  /** In the file. */
  readonly offset: number
  /** Another init segment than the first: it is needed for what follows, and is no part of the output. */
  readonly isFurtherInit: boolean
  /** Id of the key that it was encrypted whole with: it is in the clear now. */
  readonly openedWith?: string
  /** From 0 to 1. */
  readonly done: number
}

export function isPlaylist(input: string): boolean {
  return /\.m3u8?$/i.test(input)
}

/** Throws FormatError for a broken file. */
export async function* fragmentsOfFile(input: string): AsyncIterable<EncryptedFragment> {
  const source = await openSource(input)
  try {
    for (let at = 0; at < source.size; ) {
      const end = await endOfFragment(source, at)
      const bytes = Uint8Array.from(await source.read(at, end - at))
      yield { bytes, offset: at, isFurtherInit: false, done: end / source.size }
      at = end
    }
  } finally {
    await source.close()
  }
}

/** Up to and with the next `mdat` or `moov`. */
async function endOfFragment(source: Awaited<ReturnType<typeof openSource>>, from: number): Promise<number> {
  let at = from
  while (at < source.size) {
    const header = readBoxHeader(await source.read(at, MAX_BOX_HEADER_BYTES), at)
    if (header === undefined) throw new FormatError('ERR_MP4_TRUNCATED', 'expected a whole box, found the end', at)
    at = header.size === undefined ? source.size : at + header.size
    if (at > source.size) throw new FormatError('ERR_MP4_TRUNCATED', `expected ${at} bytes, found ${source.size}`, from)
    if (at - from > MAX_FRAGMENT_BYTES) {
      throw new FormatError('ERR_MP4_BOX_TOO_LARGE', 'expected a fragment that fits into memory', from)
    }
    if (header.type === 'mdat' || header.type === 'moov') break
  }
  return at
}

/**
 * The segments of a media playlist, which lie beside it: nothing is fetched, and no other folder is read. Throws FormatError ERR_PACKAGE_PLAYLIST for a
 * playlist that is not such a one, UnavailableError ERR_PACKAGE_INPUT_MISSING for files that are not there, ERR_PACKAGE_KEY_MISSING for a key that is not
 * given, and FormatError ERR_PACKAGE_DECRYPT for segments that the key does not open.
 */
export async function* fragmentsOfPlaylist(
  input: string,
  keys: readonly ContentKey[],
): AsyncIterable<EncryptedFragment> {
  const folder = new PlaylistFolder(dirname(input))
  const { segments, mediaSequence } = await playlistOf(input)
  let map: string | undefined
  let offset = 0
  for (const [index, segment] of segments.entries()) {
    const key = wholeKeyOf(segment)
    const open = async (name: string, iv: Uint8Array | undefined): Promise<Opened> => {
      const bytes = await folder.read(name)
      if (key === undefined) return { bytes }
      const contentKey = keyFor(key, keys)
      return { bytes: decrypt(bytes, contentKey, iv, name), openedWith: formatUuid(contentKey.id) }
    }
    const done = (index + 1) / segments.length
    if (segment.map !== undefined && segment.map.uri !== map) {
      const init = await open(segment.map.uri, ivOf(key, undefined))
      yield { ...init, offset, isFurtherInit: map !== undefined, done }
      if (map === undefined) offset += init.bytes.byteLength
      map = segment.map.uri
    }
    if (segment.gap) continue
    const opened = await open(segment.uri, ivOf(key, mediaSequence + index))
    yield { ...opened, offset, isFurtherInit: false, done }
    offset += opened.bytes.byteLength
  }
}

type Opened = Pick<EncryptedFragment, 'bytes' | 'openedWith'>

async function playlistOf(input: string): Promise<MediaPlaylist> {
  const text = Buffer.from(await readWithin(input, MAX_PLAYLIST_BYTES)).toString('utf8')
  const playlist = parsePlaylist(text)
  if (playlist.type !== 'media') {
    throw playlistError('the playlist of one rendition, like video-1.m3u8', 'the one that lists them')
  }
  if (playlist.segments.some(({ byteRange, map }) => byteRange !== undefined || map?.byteRange !== undefined)) {
    throw playlistError('a file for each segment', 'parts of files')
  }
  return playlist
}

/** Reads names, not paths. */
class PlaylistFolder {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  read(name: string): Promise<Uint8Array> {
    if (!PLAIN_NAME.test(name)) throw playlistError('names of files in the folder of the playlist', 'another address')
    return readWithin(join(this.#path, name), MAX_FRAGMENT_BYTES)
  }
}

async function readWithin(path: string, limit: number): Promise<Uint8Array> {
  try {
    const { size } = await stat(path)
    if (size > limit) throw playlistError(`at most ${limit} bytes in ${path}`, `${size}`)
    return Uint8Array.from(await readFile(path))
  } catch (cause) {
    if (cause instanceof FormatError) throw cause
    throw new UnavailableError('ERR_PACKAGE_INPUT_MISSING', `${path} cannot be read`, { cause })
  }
}

/** `undefined`: it is not encrypted whole. */
function wholeKeyOf({ keys = [] }: Segment): Key | undefined {
  return keys.find(({ method, keyFormat = 'identity' }) => method === 'AES-128' && keyFormat === 'identity')
}

/** RFC 8216bis section 5.2: without an IV the number of the segment is one. An init segment has no number. */
function ivOf(key: Key | undefined, number: number | undefined): Uint8Array | undefined {
  if (key?.iv !== undefined) {
    const digits = key.iv.slice(2)
    if (!/^0x[0-9a-f]{1,32}$/i.test(key.iv)) throw playlistError('an IV of 16 bytes', 'another')
    return Buffer.from(digits.padStart(2 * BLOCK_BYTES, '0'), 'hex')
  }
  if (number === undefined) return undefined
  const iv = Buffer.alloc(BLOCK_BYTES)
  iv.writeBigUInt64BE(BigInt(number), BLOCK_BYTES - 8)
  return iv
}

/** By the key id in its address; by nothing where there is one key only. */
function keyFor({ uri }: Key, keys: readonly ContentKey[]): ContentKey {
  const name = UUID.exec(uri)?.[0]
  const id = name === undefined ? undefined : parseUuid(name)
  const found =
    id === undefined && keys.length === 1
      ? keys[0]
      : keys.find((key) => id !== undefined && Buffer.compare(key.id, id) === 0)
  if (found !== undefined) return found
  const wanted = id === undefined ? 'of which the playlist does not tell the id' : formatUuid(id)
  throw new UnavailableError('ERR_PACKAGE_KEY_MISSING', `the key ${wanted} is needed and was not given`)
}

function decrypt(bytes: Uint8Array, { id, key }: ContentKey, iv: Uint8Array | undefined, name: string): Uint8Array {
  if (iv === undefined) throw playlistError('an IV for an encrypted init segment', 'none')
  try {
    const cipher = createDecipheriv('aes-128-cbc', key, iv)
    return Uint8Array.from(Buffer.concat([cipher.update(bytes), cipher.final()]))
  } catch {
    throw new FormatError(
      'ERR_PACKAGE_DECRYPT',
      `expected ${name} to be encrypted with ${formatUuid(id)}, found another key`,
    )
  }
}

function playlistError(expected: string, found: string): FormatError {
  return new FormatError('ERR_PACKAGE_PLAYLIST', `expected ${expected}, found ${found}`)
}
