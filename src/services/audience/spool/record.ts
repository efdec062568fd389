/**
 * Records of the spool: what stands between an acknowledged report and the database.
 *
 * ```
 * file    "HEADSPL1", records
 * record  length of the payload (32), checksum (32), number of the batch (64), payload
 * ```
 * Big-endian; the checksum is CRC-32 (ISO 3309, as in zlib) of number and payload.
 */
import { crc32 } from 'node:zlib'
import { FormatError } from '../../../errors.ts'

/** First bytes of each file. */
export const SPOOL_MAGIC: Uint8Array = new TextEncoder().encode('HEADSPL1')
export const RECORD_HEAD_BYTES = 16
/** Of one batch: 1,000 reports of 1 KiB. */
export const MAX_PAYLOAD_BYTES = 1024 * 1024

/** `end`: offset of the next record. */
export interface SpoolRecord {
  readonly number: number
  readonly payload: Uint8Array
  readonly end: number
}

/** `number`: 1 to 2^53 - 1. Throws RangeError above `MAX_PAYLOAD_BYTES`. */
export function writeRecord(number: number, payload: Uint8Array): Buffer {
  if (payload.length === 0 || payload.length > MAX_PAYLOAD_BYTES) {
    throw new RangeError(`expected a payload of 1 to ${MAX_PAYLOAD_BYTES} bytes, found ${payload.length}`)
  }
  const record = Buffer.allocUnsafe(RECORD_HEAD_BYTES + payload.length)
  record.writeUInt32BE(payload.length, 0)
  record.writeBigUInt64BE(BigInt(number), 8)
  record.set(payload, RECORD_HEAD_BYTES)
  record.writeUInt32BE(crc32(record.subarray(8)), 4)
  return record
}

/**
 * The record at `offset`; `undefined`: it is not whole. The payload is a view. Throws FormatError ERR_AUDIENCE_SPOOL for what was never written so.
 */
export function readRecord(bytes: Uint8Array, offset: number): SpoolRecord | undefined {
  if (bytes.length - offset < RECORD_HEAD_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, bytes.length - offset)
  const length = view.getUint32(0)
  if (length === 0 || length > MAX_PAYLOAD_BYTES) {
    throw new FormatError('ERR_AUDIENCE_SPOOL', `expected 1 to ${MAX_PAYLOAD_BYTES} bytes, found ${length}`, offset)
  }
  const end = RECORD_HEAD_BYTES + length
  if (view.byteLength < end) return undefined
  if (crc32(bytes.subarray(offset + 8, offset + end)) !== view.getUint32(4)) {
    throw new FormatError('ERR_AUDIENCE_SPOOL', 'the checksum does not fit', offset)
  }
  const number = Number(view.getBigUint64(8))
  if (number < 1 || !Number.isSafeInteger(number)) {
    throw new FormatError('ERR_AUDIENCE_SPOOL', 'expected a number from 1 to 2^53 - 1', offset)
  }
  return { number, payload: bytes.subarray(offset + RECORD_HEAD_BYTES, offset + end), end: offset + end }
}
