/** Where the tiles of AV1 frames lie: all of a temporal unit that may be encrypted (AV1 ISO BMFF binding section 4.3). */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'
import { AV1_OBU, type Obu, obus } from './bitstream.ts'
import { readAv1Config } from './config.ts'
import { Av1FrameHeaders, checkedTileEnd } from './frame-header.ts'
import { readAv1SequenceHeader } from './sequence-header.ts'
import type { Av1TileInfo } from './tile-info.ts'

const MAX_TILES = 4096

/** Takes the packets of one track in decoding order, beginning with its configuration. */
export class Av1TileData {
  #headers: Av1FrameHeaders | undefined
  /** Of the sequence header in force, to see whether another one is another. */
  #sequence: Uint8Array | undefined
  /** Of the frame whose tile groups come. */
  #tiles: Av1TileInfo | undefined
  #unreadable = 0

  /** `config`: av1C. Throws FormatError for one that cannot be read. */
  constructor(config: Uint8Array) {
    for (const obu of obus(readAv1Config(config).obus)) this.#take(obu)
  }

  /** OBUs so far that are left clear because they could not be read. */
  get unreadable(): number {
    return this.#unreadable
  }

  /**
   * Calls `piece` along a canonical packet: bytes that must stay clear (headers, sizes), then the bytes of a tile, which may be encrypted. Throws
   * FormatError for OBUs past the end.
   */
  forEach(data: Uint8Array, piece: (clear: number, rest: number) => void): void {
    let at = 0
    for (const obu of obus(data)) {
      const start = obu.payload.byteOffset - data.byteOffset
      for (const tile of this.#tilesOf(obu)) {
        piece(start + tile.start - at, tile.end - tile.start)
        at = start + tile.end
      }
    }
    if (at < data.byteLength) piece(data.byteLength - at, 0)
  }

  #tilesOf(obu: Obu): readonly { readonly start: number; readonly end: number }[] {
    try {
      return this.#take(obu)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#unreadable++
      this.#tiles = undefined
      return []
    }
  }

  #take(obu: Obu): readonly { readonly start: number; readonly end: number }[] {
    switch (obu.type) {
      case AV1_OBU.SEQUENCE_HEADER:
        if (this.#sequence === undefined || !sameBytes(this.#sequence, obu.payload)) {
          this.#headers = new Av1FrameHeaders(readAv1SequenceHeader(obu.payload))
          this.#sequence = obu.payload
        }
        return []
      case AV1_OBU.FRAME_HEADER:
        this.#readHeader(obu)
        return []
      case AV1_OBU.FRAME: {
        const headerBytes = this.#readHeader(obu)
        return this.#readGroup(obu.payload, headerBytes)
      }
      case AV1_OBU.TILE_GROUP:
        return this.#readGroup(obu.payload, 0)
      default:
        return []
    }
  }

  /** Bytes of the frame header. */
  #readHeader(obu: Obu): number {
    if (this.#headers === undefined) {
      throw new FormatError('ERR_CODEC_BITSTREAM', 'expected an AV1 sequence header before the first frame')
    }
    const bits = new BitReader(obu.payload)
    const hasExtension = ((obu.bytes[0] ?? 0) & 4) !== 0
    const extension = hasExtension ? (obu.bytes[1] ?? 0) : 0
    this.#tiles = this.#headers.read(bits, { temporalId: extension >> 5, spatialId: (extension >> 3) & 3 })
    return Math.ceil(bits.position / 8)
  }

  /** tile_group_obu: section 5.11.1. */
  #readGroup(payload: Uint8Array, from: number): readonly { readonly start: number; readonly end: number }[] {
    const info = this.#tiles
    if (info === undefined) throw new FormatError('ERR_CODEC_BITSTREAM', 'expected AV1 tiles behind a frame header')
    const bits = new BitReader(payload.subarray(from))
    let first = 0
    let last = info.tiles - 1
    if (info.tiles > 1 && bits.flag()) {
      first = bits.bits(info.numberBits)
      last = bits.bits(info.numberBits)
    }
    if (last < first || last >= Math.min(info.tiles, MAX_TILES)) {
      throw new FormatError('ERR_CODEC_BITSTREAM', `expected tiles of ${info.tiles}, found ${first} to ${last}`)
    }
    const tiles: { start: number; end: number }[] = []
    let at = from + Math.ceil(bits.position / 8)
    for (let tile = first; tile <= last; tile++) {
      let end = payload.byteLength
      if (tile !== last) {
        const size = readLittleEndian(payload, at, info.sizeBytes) + 1
        at += info.sizeBytes
        end = at + size
      }
      tiles.push({ start: at, end: checkedTileEnd(end, payload.byteLength) })
      at = end
    }
    return tiles
  }
}

function readLittleEndian(data: Uint8Array, at: number, count: number): number {
  checkedTileEnd(at + count, data.byteLength)
  let value = 0
  for (let i = count - 1; i >= 0; i--) value = value * 256 + (data[at + i] as number)
  return value
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i])
}
