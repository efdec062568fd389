/** Several sources played at once (video and audio of one presentation) as one, with track ids of its own. */
import type { DemuxResult } from '../../media/container.ts'
import { TRACK_ID_BASE, type Track, type TrackKind } from '../../media/track.ts'
import type { Source } from './source.ts'

/** A source ahead of the reader by so many results waits. */
const MAX_QUEUED = 512

/** Results come in order of arrival; packets wait until every source has named its tracks. Ends when all have ended. */
export async function* mergeSources(sources: readonly Source[]): Source {
  const inputs = sources.map((source) => new Input(source))
  const renumber = new Renumbering(inputs.length)
  try {
    while (inputs.some((input) => !input.ended)) {
      let moved = false
      for (const [index, input] of inputs.entries()) {
        // One source may not run ahead while another has not said what it is.
        if (!renumber.complete && renumber.knows(index)) continue
        for (let result = input.take(); result !== undefined; result = input.take()) {
          moved = true
          const renumbered = renumber.apply(index, result)
          if (renumbered !== undefined) yield renumbered
          if (!renumber.complete) break
        }
        if (input.ended) renumber.forget(index)
      }
      if (moved) continue
      const awaited = inputs.filter((input, index) => !input.ended && (renumber.complete || !renumber.knows(index)))
      if (awaited.length > 0) await Promise.race(awaited.map((input) => input.ready()))
    }
    for (const input of inputs) input.rethrow()
  } finally {
    await Promise.all(inputs.map((input) => input.stop()))
  }
}

/** Reads one source ahead into a bounded queue. */
class Input {
  readonly #source: Source
  readonly #queue: DemuxResult[] = []
  #done = false
  #error: unknown
  #wakeReader: (() => void) | undefined
  #wakeSource: (() => void) | undefined
  readonly #finished: Promise<void>

  constructor(source: Source) {
    this.#source = source
    this.#finished = this.#run()
  }

  get ended(): boolean {
    return this.#done && this.#queue.length === 0
  }

  take(): DemuxResult | undefined {
    const result = this.#queue.shift()
    if (this.#queue.length < MAX_QUEUED) this.#wakeSource?.()
    return result
  }

  ready(): Promise<void> {
    if (this.#queue.length > 0 || this.#done) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wakeReader = resolve
    })
  }

  rethrow(): void {
    if (this.#error !== undefined) throw this.#error
  }

  async stop(): Promise<void> {
    this.#done = true
    this.#wakeSource?.()
    await this.#finished
  }

  async #run(): Promise<void> {
    try {
      for await (const result of this.#source) {
        if (this.#done) return
        this.#queue.push(result)
        this.#wakeReader?.()
        if (this.#queue.length >= MAX_QUEUED) {
          await new Promise<void>((resolve) => {
            this.#wakeSource = resolve
          })
        }
      }
    } catch (error) {
      this.#error = error
    } finally {
      this.#done = true
      this.#wakeReader?.()
    }
  }
}

/** Gives the tracks of all sources ids that are unique together. */
class Renumbering {
  readonly #tracks: (readonly Track[] | undefined)[]
  readonly #renamed = new WeakMap<Track, Track>()
  #ended = new Set<number>()

  constructor(count: number) {
    this.#tracks = Array.from({ length: count }, () => undefined)
  }

  get complete(): boolean {
    return this.#tracks.every((tracks, index) => tracks !== undefined || this.#ended.has(index))
  }

  knows(index: number): boolean {
    return this.#tracks[index] !== undefined
  }

  forget(index: number): void {
    this.#ended.add(index)
  }

  apply(index: number, result: DemuxResult): DemuxResult | undefined {
    if (result.type === 'packet') {
      const track = this.#renamed.get(result.packet.track)
      return track === undefined ? undefined : { type: 'packet', packet: { ...result.packet, track } }
    }
    this.#tracks[index] = result.tracks
    if (!this.complete) return undefined
    const counts: Record<TrackKind, number> = { video: 0, audio: 0, data: 0, text: 0 }
    const all: Track[] = []
    for (const track of this.#tracks.flatMap((tracks) => tracks ?? [])) {
      const id = TRACK_ID_BASE[track.kind] + counts[track.kind]++
      const known = this.#renamed.get(track)
      const renamed = known?.id === id ? known : { ...track, id }
      this.#renamed.set(track, renamed)
      all.push(renamed)
    }
    return { type: 'tracks', tracks: all }
  }
}
