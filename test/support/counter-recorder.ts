/**
 * Everything that was encrypted in counter mode, block by block: a counter that meets two different blocks under one key is a key stream used
 * twice (NIST SP 800-38A appendix B). Reads segments by mp4box, by `saiz` and `saio`, and not by our own boxes.
 */
import assert from 'node:assert/strict'
import * as mp4box from 'mp4box'

const BLOCK_BYTES = 16
const FIRST_LOCAL_GROUP = 0x1_0001

/** What a recorder has seen. */
export interface CounterFacts {
  /** Different counters, under whatever key. */
  readonly counters: number
  /** Key ids in hexadecimal, in the order in which they came. */
  readonly keyIds: readonly string[]
  /** Counters that were met again with the same bytes: answers that were given twice. */
  readonly repeated: number
}

/** How a sample is encrypted, by `tenc` or `seig`. */
interface Encryption {
  readonly isProtected: boolean
  readonly ivBytes: number
  readonly keyId: string
}

export class CounterRecorder {
  /** Encrypted block by key id and counter, both in hexadecimal. */
  readonly #blocks = new Map<string, Seen>()
  readonly #keyIds = new Set<string>()
  #repeated = 0

  get facts(): CounterFacts {
    return { counters: this.#blocks.size, keyIds: [...this.#keyIds], repeated: this.#repeated }
  }

  /** Records a segment of one track, whole or a part. Throws where a counter meets other bytes than before; `name` tells which segment it is. */
  add(init: Uint8Array, segment: Uint8Array, name: string): void {
    const file = parse(init, segment)
    const track = trackEncryption(file)
    for (const moof of file.moofs) {
      for (const traf of moof.trafs) {
        const samples = samplesOf(moof, traf)
        const encryptions = groupsOf(traf, samples.length).map((group) => group ?? track)
        const auxiliary = auxiliaryOf(moof, traf, samples.length)
        const cut = ({ offset, size }: Place = { offset: 0, size: 0 }) =>
          Buffer.from(segment.subarray(offset - init.byteLength, offset - init.byteLength + size))
        for (const [index, { offset, size }] of samples.entries()) {
          const encryption = encryptions[index] ?? track
          if (!encryption.isProtected) continue
          const from = offset - init.byteLength
          assert.ok(from >= 0 && from + size <= segment.byteLength, `${name}: sample ${index} lies in the segment`)
          const bytes = Buffer.from(segment.subarray(from, from + size))
          this.#sample(encryption, cut(auxiliary[index]), bytes, `${name}, sample ${index}`)
        }
      }
    }
  }

  #sample({ keyId, ivBytes }: Encryption, entry: Buffer, sample: Buffer, place: string): void {
    assert.ok(ivBytes === 8 || ivBytes === 16, `${place}: an IV of its own`)
    const blocks = protectedBytes(entry.subarray(ivBytes), sample, place)
    const counter = Buffer.alloc(BLOCK_BYTES)
    entry.copy(counter, 0, 0, ivBytes)
    this.#keyIds.add(keyId)
    for (let at = 0; at < blocks.byteLength; at += BLOCK_BYTES) {
      this.#block(`${keyId} ${counter.toString('hex')}`, blocks.subarray(at, at + BLOCK_BYTES), place)
      // The low half counts blocks (ISO/IEC 23001-7 section 9.6).
      counter.writeBigUInt64BE(BigInt.asUintN(64, counter.readBigUInt64BE(8) + 1n), 8)
    }
  }

  #block(counter: string, bytes: Buffer, place: string): void {
    const before = this.#blocks.get(counter)
    if (before === undefined) {
      this.#blocks.set(counter, { bytes: bytes.toString('hex'), place })
      return
    }
    this.#repeated++
    const text = bytes.toString('hex')
    // The last block of a sample may be short.
    const length = Math.min(text.length, before.bytes.length)
    assert.equal(
      text.slice(0, length),
      before.bytes.slice(0, length),
      `${counter} has met two plaintexts: ${before.place}; ${place}`,
    )
  }
}

interface Seen {
  readonly bytes: string
  readonly place: string
}

/** What is encrypted of a sample, joined: the counter goes on from range to range. */
function protectedBytes(map: Buffer, sample: Buffer, place: string): Buffer {
  if (map.byteLength === 0) return sample
  const pieces: Buffer[] = []
  let at = 0
  for (let entry = 2; entry < map.byteLength; entry += 6) {
    at += map.readUInt16BE(entry)
    const size = map.readUInt32BE(entry + 2)
    pieces.push(sample.subarray(at, at + size))
    at += size
  }
  assert.equal(map.byteLength, 2 + 6 * map.readUInt16BE(0), `${place}: as many ranges as are told`)
  assert.equal(at, sample.byteLength, `${place}: ranges that add up to the sample`)
  return Buffer.concat(pieces)
}

type File = ReturnType<typeof mp4box.createFile>
type Fragment = File['moofs'][number]
type TrackFragment = Fragment['trafs'][number]

function parse(init: Uint8Array, segment: Uint8Array): File {
  const file = mp4box.createFile()
  file.onError = (_module: string, message: string) => assert.fail(message)
  const bytes = new Uint8Array(init.byteLength + segment.byteLength)
  bytes.set(init)
  bytes.set(segment, init.byteLength)
  file.appendBuffer(mp4box.MP4BoxBuffer.fromArrayBuffer(bytes.buffer, 0))
  file.flush()
  assert.ok(file.moofs.length > 0, 'a segment has a fragment')
  return file
}

/** What mp4box reads, as far as it is used; not all of it has published types. */
interface TrackEncryptionBox {
  readonly default_isProtected: number
  readonly default_Per_Sample_IV_Size: number
  /** Hexadecimal. */
  readonly default_KID: string
}

interface AuxiliaryBoxes {
  readonly saiz?: {
    readonly default_sample_info_size: number
    readonly sample_count: number
    readonly sample_info_size: readonly number[]
  }
  readonly saio?: { readonly offset: readonly number[] }
}

interface GroupBoxes {
  readonly sgpds?: readonly {
    readonly grouping_type: string
    readonly entries: readonly {
      readonly isProtected: number
      readonly Per_Sample_IV_Size: number
      /** Hexadecimal. */
      readonly KID: string
    }[]
  }[]
  readonly sbgps?: readonly {
    readonly grouping_type: string
    readonly entries: readonly { readonly sample_count: number; readonly group_description_index: number }[]
  }[]
}

function startOf({ start }: Fragment): number {
  assert.ok(start !== undefined)
  return start
}

function trackEncryption(file: File): Encryption {
  const [entry] = file.moov.traks[0]?.mdia.minf.stbl.stsd.entries ?? []
  const found = boxIn(entry, ['sinf', 'schi', 'tenc']) as TrackEncryptionBox | undefined
  const scheme = boxIn(entry, ['sinf', 'schm']) as { scheme_type?: string } | undefined
  assert.ok(found !== undefined && scheme?.scheme_type === 'cenc', 'an init segment of cenc')
  return {
    isProtected: found.default_isProtected === 1,
    ivBytes: found.default_Per_Sample_IV_Size,
    keyId: found.default_KID,
  }
}

interface Place {
  readonly offset: number
  readonly size: number
}

function samplesOf(moof: Fragment, { tfhd, truns }: TrackFragment): Place[] {
  return truns.flatMap((run) => {
    let offset = startOf(moof) + run.data_offset
    return Array.from({ length: run.sample_count }, (_, index) => {
      const size = run.sample_size[index] ?? tfhd.default_sample_size
      const place = { offset, size }
      offset += size
      return place
    })
  })
}

/** Of each sample, where its IV and ranges are in the file. */
function auxiliaryOf(moof: Fragment, traf: TrackFragment, samples: number): Place[] {
  const { saiz, saio } = traf as AuxiliaryBoxes
  if (saiz === undefined || saio === undefined) return []
  assert.equal(saiz.sample_count, samples)
  assert.equal(saio.offset.length, 1)
  let offset = startOf(moof) + (saio.offset[0] ?? 0)
  return Array.from({ length: samples }, (_, index) => {
    const size = saiz.default_sample_info_size || (saiz.sample_info_size[index] ?? 0)
    const place = { offset, size }
    offset += size
    return place
  })
}

/** Of each sample, what its group says; `undefined`: as the track. */
function groupsOf(traf: TrackFragment, samples: number): (Encryption | undefined)[] {
  const { sgpds = [], sbgps = [] } = traf as unknown as GroupBoxes
  const descriptions = sgpds.find(({ grouping_type: type }) => type === 'seig')?.entries ?? []
  const runs = sbgps.find(({ grouping_type: type }) => type === 'seig')?.entries ?? []
  const indexes = runs.flatMap(({ sample_count: count, group_description_index: index }) =>
    Array.from({ length: count }, () => index),
  )
  return Array.from({ length: samples }, (_, sample) => {
    const index = indexes[sample] ?? 0
    if (index === 0) return undefined
    const group = descriptions[index - FIRST_LOCAL_GROUP]
    assert.ok(group !== undefined, 'groups that the fragment describes itself')
    return { isProtected: group.isProtected === 1, ivBytes: group.Per_Sample_IV_Size, keyId: group.KID }
  })
}

/** The box down this path, of the first of each kind. */
function boxIn(parent: unknown, path: readonly string[]): unknown {
  const [type, ...rest] = path
  if (type === undefined) return parent
  const boxes = (parent as { boxes?: { type?: string }[] } | undefined)?.boxes ?? []
  return boxIn(
    boxes.find((box) => box.type === type),
    rest,
  )
}
