/** The files of a spool folder: each is named by the number of its first batch. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { HeadendError } from '../../../errors.ts'
import { MAX_PAYLOAD_BYTES, RECORD_HEAD_BYTES, readRecord, SPOOL_MAGIC } from './record.ts'

const NAME = /^(\d{16})\.spool$/
/** Bytes of one file, the largest that is believed: one more record may have followed the limit. */
export const MAX_FILE_BYTES = 64 * 1024 * 1024

export interface SpoolFile {
  /** Number of its first batch. */
  readonly first: number
  readonly path: string
}

export function spoolFile(folder: string, first: number): SpoolFile {
  return { first, path: join(folder, `${String(first).padStart(16, '0')}.spool`) }
}

/** In the order of their batches. Other files are left alone. */
export function listSpoolFiles(folder: string): SpoolFile[] {
  return readdirSync(folder)
    .filter((name) => NAME.test(name))
    .sort()
    .map((name) => spoolFile(folder, Number.parseInt(name, 10)))
    .filter(({ first }) => Number.isSafeInteger(first) && first > 0)
}

/** `last`: number of its last whole batch, or `undefined`. `end`: offset behind it, 0 when not even the head of the file is whole. */
export function scanSpoolFile(path: string): { readonly last: number | undefined; readonly end: number } {
  if (statSync(path).size > MAX_FILE_BYTES + MAX_PAYLOAD_BYTES + RECORD_HEAD_BYTES) return { last: undefined, end: 0 }
  return scanSpool(readFileSync(path))
}

/** The same of the bytes of a file. */
export function scanSpool(bytes: Uint8Array): { readonly last: number | undefined; readonly end: number } {
  if (!hasMagic(bytes)) return { last: undefined, end: 0 }
  let last: number | undefined
  let end = SPOOL_MAGIC.length
  try {
    for (;;) {
      const record = readRecord(bytes, end)
      // Numbers that do not go up were never written so.
      if (record === undefined || record.number <= (last ?? 0)) return { last, end }
      last = record.number
      end = record.end
    }
  } catch (error) {
    if (!(error instanceof HeadendError)) throw error
    return { last, end }
  }
}

export function hasMagic(bytes: Uint8Array): boolean {
  return SPOOL_MAGIC.every((byte, index) => bytes[index] === byte)
}
