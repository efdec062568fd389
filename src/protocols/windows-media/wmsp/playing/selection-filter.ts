/** Leaves of each data packet what a viewer selected, and changes the selection at key frames (MS-WMSP 3.2.5.6, 3.2.5.7). */
import { type Payload, readDataPacket } from '../../../../media/containers/asf/data-packet.ts'
import type { AsfInit, AsfStream } from '../../../../media/containers/asf/model.ts'
import { filterStreams } from '../../../../media/containers/asf/stream-filter.ts'
import type { StreamLevel, StreamLevels } from '../../stream-selection.ts'
import { readable } from './packet-forms.ts'

/** What a viewer gets of each stream; what is not listed is off. */
export type Selection = StreamLevels

const FULL: StreamLevel = 0
const KEYS: StreamLevel = 1
const OFF: StreamLevel = 2

/** Nothing is taken out of any packet. */
export function isWhole(selection: Selection, init: AsfInit): boolean {
  return init.streams.every(({ number }) => selection.get(number) === FULL)
}

/** One text for equal selections: the name of a feed. */
export function selectionKey(selection: Selection): string {
  const parts: string[] = []
  for (const [number, level] of selection) if (level !== OFF) parts.push(`${number}:${level}`)
  return parts.sort().join(' ')
}

/** The video stream whose key frames say where a viewer of this selection may start; `undefined`: anywhere. */
export function leadingVideo(selection: Selection, init: AsfInit): number | undefined {
  const leads = ({ kind, number }: AsfStream) => kind === 'video' && (selection.get(number) ?? OFF) !== OFF
  return init.streams.find(leads)?.number
}

/** A key frame of the stream, or of any stream when it is `undefined`, begins in this packet. */
export function beginsKey(bytes: Uint8Array, init: AsfInit, stream: number | undefined): boolean {
  if (stream === undefined) return true
  return payloadsOf(bytes, init).some((payload) => payload.stream === stream && payload.key && payload.offset === 0)
}

/** What is left of a packet; `undefined`: nothing, also of a packet that cannot be read. */
export function cut(bytes: Uint8Array, init: AsfInit, selection: StreamLevels): Uint8Array | undefined {
  return readable(() => filterStreams(bytes, init, selection))
}

/** None for a packet that cannot be read. */
export function payloadsOf(bytes: Uint8Array, init: AsfInit): readonly Payload[] {
  return readable(() => readDataPacket(bytes, init).payloads) ?? []
}

/** For packets of one header, one after the other. */
export class SelectionFilter {
  readonly #init: AsfInit
  #levels: StreamLevels
  #whole: boolean
  /** What is to be in force once every stream in `waiting` has begun a key frame. */
  #next: Selection | undefined
  readonly #waiting = new Set<number>()

  constructor(init: AsfInit, selection: Selection) {
    this.#init = init
    this.#levels = selection
    this.#whole = isWhole(selection, init)
  }

  /** No change is under way. */
  get settled(): boolean {
    return this.#next === undefined
  }

  /** Newly selected video begins with its next key frame; until then what it replaces goes on. Everything else changes at once. */
  select(selection: Selection): void {
    this.#waiting.clear()
    const levels = new Map<number, StreamLevel>()
    for (const { number, kind } of this.#init.streams) {
      const before = this.#levels.get(number) ?? OFF
      const after = selection.get(number) ?? OFF
      levels.set(number, after)
      if (kind !== 'video' || after >= before) continue
      levels.set(number, before)
      if (after === FULL) this.#waiting.add(number)
      else levels.set(number, after)
    }
    if (this.#waiting.size === 0) return this.#settle(levels)
    for (const { number, kind } of this.#init.streams) {
      const before = this.#levels.get(number) ?? OFF
      if (kind === 'video' && (selection.get(number) ?? OFF) === OFF) levels.set(number, before)
    }
    this.#levels = levels
    this.#whole = isWhole(levels, this.#init)
    this.#next = selection
  }

  /** What is left of a packet: the same bytes when nothing is taken out; `undefined`: nothing. */
  filter(bytes: Uint8Array): Uint8Array | undefined {
    const next = this.#next
    if (next === undefined) return this.#cut(bytes)
    const begun = this.#begun(bytes)
    if (begun.length === 0) return this.#cut(bytes)
    const levels = new Map(this.#levels)
    for (const number of begun) {
      this.#waiting.delete(number)
      // Of this packet only the key frame: before it stands the end of a frame that nobody can decode.
      levels.set(number, KEYS)
    }
    this.#levels = levels
    const left = cut(bytes, this.#init, levels)
    for (const number of begun) levels.set(number, FULL)
    this.#whole = isWhole(levels, this.#init)
    if (this.#waiting.size === 0) this.#settle(next)
    return left
  }

  #settle(selection: Selection): void {
    this.#next = undefined
    this.#levels = selection
    this.#whole = isWhole(selection, this.#init)
  }

  #cut(bytes: Uint8Array): Uint8Array | undefined {
    return this.#whole ? bytes : cut(bytes, this.#init, this.#levels)
  }

  #begun(bytes: Uint8Array): number[] {
    const begun: number[] = []
    for (const { stream, key, offset } of payloadsOf(bytes, this.#init)) {
      if (key && offset === 0 && this.#waiting.has(stream) && !begun.includes(stream)) begun.push(stream)
    }
    return begun
  }
}
