/** The archive of a protected path: what lies there in the clear goes out encrypted, to the bytes that it went out with when it was live. */
import type { Micros } from '../../media/time.ts'
import {
  ARCHIVE_BLOCK,
  type ArchivedBlock,
  type ArchivedSegment,
  type KeyStretch,
  type SegmentArchive,
} from '../segment-archive.ts'
import type { StoredInit } from '../stored-segment.ts'
import type { SegmentKey, StreamProtection } from './stream-protection.ts'

export class ProtectedArchive implements SegmentArchive {
  readonly #clear: SegmentArchive
  readonly #protection: StreamProtection
  readonly #blocks = new WeakMap<ArchivedBlock, ArchivedBlock>()
  readonly #segments = new WeakMap<ArchivedSegment, ArchivedSegment>()
  readonly #clearOf = new WeakMap<ArchivedSegment, ArchivedSegment>()
  readonly #inits = new WeakMap<StoredInit, Map<number, StoredInit>>()

  constructor(clear: SegmentArchive, protection: StreamProtection) {
    this.#clear = clear
    this.#protection = protection
  }

  get nextNumber(): number {
    return this.#clear.nextNumber
  }

  get nextPeriod(): number {
    return this.#clear.nextPeriod
  }

  get oldestEpochMs(): number | undefined {
    return this.#clear.oldestEpochMs
  }

  get firstListed(): number {
    return this.#clear.firstListed
  }

  blocks(rendition: string): readonly ArchivedBlock[] {
    return this.#clear.blocks(rendition).map((block) => {
      if (block.segments.length < ARCHIVE_BLOCK) return this.#protectedBlock(block)
      let known = this.#blocks.get(block)
      if (known === undefined) this.#blocks.set(block, (known = this.#protectedBlock(block)))
      return known
    })
  }

  find(rendition: string, token: string, number: number): ArchivedSegment | undefined {
    const block = this.#clear
      .blocks(rendition)
      .findLast(({ segments }) => (segments[0]?.number ?? number + 1) <= number)
    const first = block?.segments[0]?.number
    const segment = first === undefined ? undefined : block?.segments[number - first]
    if (segment === undefined || this.#protection.tokenOf(segment.run.token) !== token) return undefined
    const found = this.#clear.find(rendition, segment.run.token, number)
    const made = found && this.#protectedSegment(found)
    return made?.gap ? undefined : made
  }

  init(rendition: string, token: string, period: number, keyPeriod?: number): StoredInit | undefined {
    const runs = new Set(this.#clear.blocks(rendition).flatMap(({ segments }) => segments.map(({ run }) => run.token)))
    const run = [...runs].find((one) => this.#protection.tokenOf(one) === token)
    const clear = run === undefined ? undefined : this.#clear.init(rendition, run, period)
    // No keys are made for what was never there.
    const known = this.#clear.blocks(rendition).some(({ segments }) => {
      return segments.some((one) => one.run.token === run && one.period === period && keyOf(one).period === keyPeriod)
    })
    if (run === undefined || clear === undefined || keyPeriod === undefined || !known) return undefined
    return this.#protectedInit(clear, { run, keyPeriod, start: 0 })
  }

  async read(rendition: string, segment: ArchivedSegment): Promise<Buffer | undefined> {
    const clear = this.#clearOf.get(segment)
    const bytes = clear && (await this.#clear.read(rendition, clear))
    if (clear?.init === undefined || bytes === undefined) return undefined
    const { run, init, number } = clear
    const place = { run: run.token, track: init.track, init: init.bytes, keyPeriod: keyOf(clear).period }
    const encrypted = this.#protection.begin(place, number).write(bytes)
    return Buffer.from(encrypted.buffer, encrypted.byteOffset, encrypted.byteLength)
  }

  #protectedBlock({ segments }: ArchivedBlock): ArchivedBlock {
    return { segments: segments.map((segment) => this.#protectedSegment(segment)) }
  }

  #protectedSegment(clear: ArchivedSegment): ArchivedSegment {
    const known = this.#segments.get(clear)
    if (known !== undefined) return known
    const { run, init } = clear
    const { period, start, guessed } = keyOf(clear)
    const made: ArchivedSegment = {
      ...clear,
      // Other bytes under the same name, and the same counters, must not be.
      ...(guessed && { gap: true, byteLength: 0 }),
      run: { ...run, token: this.#protection.tokenOf(run.token) },
      ...(init !== undefined && {
        init: this.#protectedInit(init, { run: run.token, keyPeriod: period, start }),
        key: { id: this.#protection.keyOf(run.token, init.track, period).id, period, start },
      }),
    }
    this.#segments.set(clear, made)
    this.#clearOf.set(made, clear)
    return made
  }

  #protectedInit(
    clear: StoredInit,
    { run, keyPeriod, start }: { readonly run: string; readonly keyPeriod: number; readonly start: Micros },
  ): StoredInit {
    const made = this.#inits.get(clear) ?? new Map<number, StoredInit>()
    this.#inits.set(clear, made)
    let init = made.get(keyPeriod)
    if (init === undefined) {
      const { track, period } = clear
      const key: SegmentKey = { id: this.#protection.keyOf(run, track, keyPeriod).id, period: keyPeriod, start }
      const bytes = this.#protection.init({ run, track, init: clear.bytes, keyPeriod })
      made.set(keyPeriod, (init = { period, track, bytes, key, clear }))
    }
    return init
  }
}

/** What was recorded when its path was not protected is under one key. */
function keyOf({ keyStretch, periodStart }: ArchivedSegment): KeyStretch {
  return keyStretch ?? { period: 0, start: periodStart }
}
