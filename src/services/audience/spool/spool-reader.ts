/** Reads a spool in the order it was written, in whatever thread stores it. */
import { closeSync, openSync, readSync } from 'node:fs'
import { HeadendError } from '../../../errors.ts'
import { type EventLine, parseEvents } from './event-lines.ts'
import { MAX_PAYLOAD_BYTES, RECORD_HEAD_BYTES, readRecord, SPOOL_MAGIC, type SpoolRecord } from './record.ts'
import { hasMagic, listSpoolFiles, type SpoolFile } from './spool-files.ts'

export interface SpoolBatch {
  readonly number: number
  readonly lines: readonly EventLine[]
}

/** Has a whole record, wherever it begins. */
const CHUNK_BYTES = RECORD_HEAD_BYTES + MAX_PAYLOAD_BYTES

export class SpoolReader {
  readonly #folder: string
  readonly #chunk = Buffer.allocUnsafe(CHUNK_BYTES)
  #after: number
  #file: (SpoolFile & { readonly descriptor: number }) | undefined
  #offset = 0
  #spent = false
  #damaged = 0

  /** Begins behind the batch of that number. */
  constructor(folder: string, after: number) {
    this.#folder = folder
    this.#after = after
  }

  /** Files, and batches, with something in them that was never written so. What is behind it in such a file is passed over. */
  get damaged(): number {
    return this.#damaged
  }

  /** The next batches, up to that number, of about `maxEvents` together; none: there are no more. Waits for the disk. */
  read(upTo: number, maxEvents: number): SpoolBatch[] {
    const batches: SpoolBatch[] = []
    let events = 0
    while (this.#after < upTo && events < maxEvents) {
      const found = this.#readChunk(upTo, maxEvents - events)
      for (const batch of found) events += batch.lines.length
      batches.push(...found)
      if (found.length === 0 && !this.#openNext()) break
    }
    return batches
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file.descriptor)
    this.#file = undefined
  }

  /** None: this file has no more. */
  #readChunk(upTo: number, maxEvents: number): SpoolBatch[] {
    const batches: SpoolBatch[] = []
    let events = 0
    while (this.#file !== undefined && !this.#spent && batches.length === 0) {
      const length = readSync(this.#file.descriptor, this.#chunk, 0, CHUNK_BYTES, this.#offset)
      const bytes = this.#chunk.subarray(0, length)
      let at = 0
      for (let record = this.#record(bytes, 0); record !== undefined; record = this.#record(bytes, at)) {
        if (record.number > upTo || events >= maxEvents) break
        at = record.end
        if (record.number <= this.#after) continue
        this.#after = record.number
        const lines = this.#parse(record.payload)
        events += lines.length
        batches.push({ number: record.number, lines })
      }
      this.#offset += at
      if (at === 0) break
    }
    return batches
  }

  #record(bytes: Uint8Array, at: number): SpoolRecord | undefined {
    try {
      return readRecord(bytes, at)
    } catch (error) {
      if (!(error instanceof HeadendError)) throw error
      this.#pass()
      return undefined
    }
  }

  /** A batch that is not understood has a number all the same, and is passed over by it. */
  #parse(payload: Uint8Array): EventLine[] {
    try {
      return parseEvents(Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString('utf8'))
    } catch (error) {
      if (!(error instanceof HeadendError)) throw error
      this.#damaged++
      return []
    }
  }

  /** Nobody knows where the next record of this file begins. */
  #pass(): void {
    this.#damaged++
    this.#spent = true
  }

  /** False: there is none. */
  #openNext(): boolean {
    const files = listSpoolFiles(this.#folder)
    const current = this.#file?.first
    // The first that can have what comes next: the last one that begins before it.
    const begin = files.findLastIndex(({ first }) => first <= this.#after + 1)
    const next = current === undefined ? files[Math.max(begin, 0)] : files.find(({ first }) => first > current)
    if (next === undefined) return false
    this.close()
    const descriptor = openSync(next.path, 'r')
    this.#file = { ...next, descriptor }
    this.#offset = SPOOL_MAGIC.length
    const head = Buffer.alloc(SPOOL_MAGIC.length)
    readSync(descriptor, head, 0, head.length, 0)
    this.#spent = false
    if (!hasMagic(head)) this.#pass()
    return true
  }
}
