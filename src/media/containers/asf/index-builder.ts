/** Collects the key frames of a file while its packets are written, for the Simple Indexes at its end (ASF 1.20, section 6.1). */
import { FormatError } from '../../../errors.ts'
import { DataPacketCursor } from './data-packet-cursor.ts'
import { type SimpleIndexEntry, writeSimpleIndex } from './index.ts'
import type { AsfInit } from './model.ts'

/** As every writer has it. */
const INTERVAL_MS = 1000
/** Of all streams: a day and a half of one. What lies later is found without. */
const MAX_BUILT_ENTRIES = 131_072

/** The same entry for a while. */
interface Run extends SimpleIndexEntry {
  /** Place behind the last of its entries. */
  readonly end: number
}

interface Key {
  readonly stream: number
  readonly runs: Run[]
  objectNumber: number
  packet: number
  count: number
  /** None has come yet. */
  empty: boolean
}

/** Takes packets in the order of the file. Memory grows by a key frame for each second and video stream, at most. */
export class IndexBuilder {
  readonly #init: AsfInit
  readonly #keys: readonly Key[]
  readonly #cursor = new DataPacketCursor()
  #lastMs = 0

  constructor(init: AsfInit) {
    this.#init = init
    this.#keys = init.streams
      .filter(({ kind }) => kind === 'video')
      .map(({ number }) => ({ stream: number, runs: [], objectNumber: 0, packet: 0, count: 1, empty: true }))
  }

  /** `number`: the place of the packet in the file. A broken packet ends what is looked at in it. */
  write(packet: Uint8Array, number: number): void {
    const cursor = this.#cursor
    try {
      if (!cursor.open(packet, this.#init.packetSize)) return
      while (cursor.next()) this.#take(number)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
    }
  }

  /** Latest presentation time so far, preroll included. */
  get lastMs(): number {
    return this.#lastMs
  }

  /** A Simple Index for each video stream, one behind the other; no bytes where there is no video. */
  finish(): Uint8Array {
    // One time that is far off must not make an index larger than the film.
    const most = Math.floor(MAX_BUILT_ENTRIES / Math.max(1, this.#keys.length))
    const indexes = this.#keys.map((key) => {
      this.#fill(key, this.#lastMs + 1)
      const entries = entriesOf(key.runs, most)
      return writeSimpleIndex({
        fileId: this.#init.fileId,
        intervalMs: INTERVAL_MS,
        maxPacketCount: key.runs.reduce((highest, { count }) => Math.max(highest, count), 0),
        entries,
      })
    })
    const out = new Uint8Array(indexes.reduce((size, index) => size + index.byteLength, 0))
    let at = 0
    for (const index of indexes) {
      out.set(index, at)
      at += index.byteLength
    }
    return out
  }

  #take(number: number): void {
    const { stream, key, offset, objectNumber, presentationTimeMs } = this.#cursor
    this.#lastMs = Math.max(this.#lastMs, presentationTimeMs)
    if (!key) return
    for (const lane of this.#keys) {
      if (lane.stream !== stream) continue
      if (offset > 0) {
        if (objectNumber === lane.objectNumber) lane.count = Math.min(number - lane.packet + 1, 0xffff)
        continue
      }
      this.#fill(lane, presentationTimeMs)
      lane.objectNumber = objectNumber
      lane.packet = number
      lane.count = 1
      lane.empty = false
    }
  }

  /** Entries for all times before `untilMs` that have none: they use the key frame of before, the first ones the first of all. */
  #fill(lane: Key, untilMs: number): void {
    if (lane.empty) return
    const end = Math.ceil(untilMs / INTERVAL_MS)
    if (end > (lane.runs.at(-1)?.end ?? 0)) lane.runs.push({ packet: lane.packet, count: lane.count, end })
  }
}

function entriesOf(runs: readonly Run[], most: number): SimpleIndexEntry[] {
  const entries: SimpleIndexEntry[] = []
  for (const run of runs) while (entries.length < Math.min(run.end, most)) entries.push(run)
  return entries
}
