/** Segments of a file that keeps its samples as they are sent: only their head is made, the rest are ranges of the file. */
import { UnavailableError } from '../../errors.ts'
import type { ByteSource } from '../../media/byte-source.ts'
import { MAX_FRAGMENT_DATA, writeFragmentHead } from '../../media/containers/isobmff/fragment.ts'
import { MAX_SAMPLE_PLACES, type MediaReader, type SamplePlace, type SampleSum } from '../../media/reader.ts'
import type { Micros } from '../../media/time.ts'
import type { SegmentBody } from './presentation.ts'
import { fragmentTimes } from './sample-times.ts'
import { segmentBody } from './segment-bytes.ts'
import type { TrackPlan } from './track-plan.ts'

type Samples = NonNullable<MediaReader['samples']>

export class SampleSegments {
  readonly #source: ByteSource
  readonly #samples: Samples
  readonly #sums: MediaReader['sampleSums']

  constructor(source: ByteSource, samples: Samples, sums: MediaReader['sampleSums']) {
    this.#source = source
    this.#samples = samples
    this.#sums = sums
  }

  async segment(plan: TrackPlan, index: number): Promise<SegmentBody> {
    const [from, to] = [plan.decodeStarts[index], plan.decodeStarts[index + 1]]
    if (from === undefined || to === undefined) throw missing(plan, index)
    return this.#body(plan, index, plan.starts[index] ?? 0, await this.#places(plan.track.id, from, to))
  }

  /** The picture that begins at a key point, alone. */
  async keyPicture(plan: TrackPlan, index: number): Promise<SegmentBody> {
    const point = plan.keyPictures[index]
    if (point === undefined) throw missing(plan, index)
    const [place] = await this.#samples(plan.track.id, point.dts, point.dts + 1)
    // Alone, it lasts until the next one.
    const duration = Math.max(1, (plan.keyPictures[index + 1]?.pts ?? plan.end) - Math.max(0, point.pts))
    const alone = place === undefined ? [] : [{ ...place, duration }]
    return this.#body(plan, index, Math.max(0, point.pts), alone)
  }

  /** What the track weighs in each segment, from the tables. */
  async weights(plan: TrackPlan): Promise<readonly SampleSum[]> {
    const known = this.#sums?.(plan.track.id, plan.decodeStarts)
    if (known !== undefined) return known
    const weights: SampleSum[] = []
    for (let index = 0; index + 1 < plan.decodeStarts.length; index++) {
      const [from, to] = [plan.decodeStarts[index] as Micros, plan.decodeStarts[index + 1] as Micros]
      let bytes = 0
      let keyBytes = 0
      let duration = 0
      const places = await this.#places(plan.track.id, from, to)
      for (const { size, key, duration: own } of places) {
        bytes += size
        duration += own
        if (key) keyBytes += size
      }
      weights.push({ start: places[0]?.pts ?? from, bytes, keyBytes, duration, samples: places.length })
    }
    return weights
  }

  async #places(trackId: number, from: Micros, to: Micros): Promise<readonly SamplePlace[]> {
    let places = await this.#samples(trackId, from, to)
    while (places.length > 0 && places.length % MAX_SAMPLE_PLACES === 0) {
      const more = await this.#samples(trackId, (places.at(-1) as SamplePlace).dts + 1, to)
      if (more.length === 0) break
      places = [...places, ...more]
    }
    return places
  }

  #body(plan: TrackPlan, index: number, begin: Micros, places: readonly SamplePlace[]): SegmentBody {
    const last = places.at(-1)
    if (last === undefined) throw missing(plan, index)
    let bytes = 0
    for (const { size } of places) bytes += size
    if (bytes > MAX_FRAGMENT_DATA) {
      throw new UnavailableError('ERR_PACKAGING_FAILED', `segment ${index} would have ${bytes} bytes`)
    }
    const samples = fragmentTimes(places, plan.track, begin)
    const head = writeFragmentHead(
      { track: plan.track, baseDecodeTime: samples[0]?.dts ?? 0, samples, lastDuration: last.duration },
      { sequence: index + 1, segmentStart: true },
    )
    const source = this.#source
    return segmentBody([head, ...places.map(({ offset, size }) => ({ source, offset, length: size }))])
  }
}

function missing({ track }: TrackPlan, index: number): UnavailableError {
  return new UnavailableError(
    'ERR_HTTP_NOT_FOUND',
    `there is nothing of ${track.kind} track ${track.id} in segment ${index}`,
  )
}
