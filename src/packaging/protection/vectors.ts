/** Segments with slices to encrypt, and the way back by what the encrypted ones say, for tests. */
import { topLevelBoxes } from '../../media/containers/isobmff/box.ts'
import { clearInitSegment, encryptedSamples } from '../../media/containers/isobmff/decryption.ts'
import { writeFragment } from '../../media/containers/isobmff/fragment.ts'
import { readInitSegment } from '../../media/containers/isobmff/movie.ts'
import type { Packet } from '../../media/packet.ts'
import type { Track } from '../../media/track.ts'
import { SampleCipher } from './sample-cipher.ts'
import type { ContentKey } from './segment-encryptor.ts'

/** Its bytes tell the number. */
export function contentKey(number: number): ContentKey {
  return {
    id: Uint8Array.from({ length: 16 }, (_, i) => 0x10 * number + i),
    key: Uint8Array.from({ length: 16 }, (_, i) => 0xf0 - number - 7 * i),
  }
}

/** An IDR or other slice whose header is as short as can be, and 400 bytes of data. */
export function slice(number: number): Uint8Array {
  const data = Buffer.alloc(420, 0xff)
  data.writeUInt32BE(data.byteLength - 4)
  data[4] = number === 0 ? 0x65 : 0x41
  for (let i = 20; i < data.byteLength; i++) data[i] = 0x80 | ((i * 31 + number * 17) & 0x7f)
  return data
}

/** Packets of one track as one fragment. */
export function fragmentOf(track: Track, packets: readonly Packet[], segmentStart: boolean): Uint8Array {
  const samples = packets.map((packet) => ({ packet, duration: 20_000 }))
  return writeFragment({
    sequence: 1,
    segmentStart,
    tracks: [{ track, baseDecodeTime: packets[0]?.dts ?? 0, samples }],
  })
}

export interface Decrypted {
  /** Contents of all `mdat`, in the clear. */
  readonly data: Buffer
  /** Of the samples that were encrypted, in order. */
  readonly keyIds: readonly string[]
  /** The counters or IVs that samples began with. */
  readonly ivs: readonly string[]
}

/** Decrypts fragments by what they and the init segment say. */
export function decrypt(init: Uint8Array, fragments: Uint8Array, keys: readonly ContentKey[]): Decrypted {
  const clearInit = Uint8Array.from(init)
  const tracks = clearInitSegment(clearInit)
  const bytes = Uint8Array.from(fragments)
  const keyIds: string[] = []
  const ivs: string[] = []
  for (const { bytes: sample, scheme, pattern, keyId, iv, ranges } of encryptedSamples(
    bytes,
    readInitSegment(clearInit),
    tracks,
  )) {
    const key = keys.find(({ id }) => Buffer.compare(id, keyId) === 0)
    if (key === undefined) throw new Error(`no key ${Buffer.from(keyId).toString('hex')}`)
    keyIds.push(Buffer.from(keyId).toString('hex'))
    ivs.push(Buffer.from(iv).toString('hex'))
    new SampleCipher(key.key, scheme, pattern).decrypt(sample, iv, ranges)
  }
  const data = [...topLevelBoxes(bytes)].filter(({ type }) => type === 'mdat').map(({ body }) => body.rest())
  return { data: Buffer.concat(data), keyIds, ivs }
}
