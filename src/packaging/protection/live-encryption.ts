/** What comes from the segmenter of one stream, encrypted as it comes: what the store gets of a protected path. */
import { assert } from '../../errors.ts'
import type { Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import type { SegmenterResult } from '../segmenter.ts'
import type { StoredInit, StoredResult } from '../stored-segment.ts'
import type { SegmentSession } from './segment-encryptor.ts'
import type { ProtectedTrack, SegmentKey, StreamProtection } from './stream-protection.ts'

/** Clear init segments that are kept of a track: the newest period's, and that of the one before, which gaps may still be of. */
const MAX_INITS = 2

interface Rendition {
  /** Clear; the newest last. */
  inits: StoredInit[]
  /** Where the newest init segment that the store has belongs. */
  announced: string
  session: SegmentSession | undefined
}

export class LiveEncryption {
  readonly #protection: StreamProtection
  readonly #run: string
  readonly #renditions = new Map<number, Rendition>()
  /** By period of the stream and of the key: where it begins. */
  #starts = new Map<string, Micros>()

  /** `run`: token of the packager. */
  constructor(protection: StreamProtection, run: string) {
    this.#protection = protection
    this.#run = run
  }

  /** In the order of the segmenter. Throws FormatError ERR_PROTECTION_CODEC, and what `ContentKeys.keyFor` throws. */
  encrypt(result: SegmenterResult): readonly StoredResult[] {
    const { track } = result
    switch (result.type) {
      case 'init':
        this.#learn(track, result)
        return []
      case 'open':
        return this.#open(result)
      case 'part': {
        const session = this.#renditions.get(track.id)?.session
        assert(session !== undefined, 'a segment is open')
        return [{ ...result, part: { ...result.part, bytes: session.write(result.part.bytes) } }]
      }
      default:
        return [result]
    }
  }

  #learn(track: Track, { period, bytes }: SegmenterResult & { type: 'init' }): void {
    const rendition = this.#renditions.get(track.id) ?? { inits: [], announced: '', session: undefined }
    this.#renditions.set(track.id, rendition)
    rendition.inits.push({ track, period, bytes: Buffer.from(bytes) })
    rendition.inits = rendition.inits.slice(-MAX_INITS)
  }

  /** All renditions begin a segment of a number at the same time, and so change the key with the same one. */
  #open(open: SegmenterResult & { type: 'open' }): readonly StoredResult[] {
    const { track, number, period, start } = open
    const rendition = this.#renditions.get(track.id)
    const clear = rendition?.inits.findLast((init) => init.period === period) ?? rendition?.inits.at(-1)
    assert(rendition !== undefined && clear !== undefined, 'an init segment comes before segments')
    const keyPeriod = this.#protection.keyPeriodOf(start)
    const place: ProtectedTrack = { run: this.#run, track: clear.track, init: clear.bytes, keyPeriod }
    const key: SegmentKey = {
      id: this.#protection.keyOf(this.#run, track, keyPeriod).id,
      period: keyPeriod,
      start: this.#startOf(`${period} ${keyPeriod}`, start),
    }
    rendition.session = this.#protection.begin(place, number)
    const name = `${clear.period} ${keyPeriod}`
    if (rendition.announced === name) return [{ ...open, key }]
    rendition.announced = name
    this.#protection.announce(this.#run, track, keyPeriod)
    const bytes = this.#protection.init(place)
    return [
      { type: 'init', track: clear.track, period: clear.period, bytes, key, clear },
      { ...open, key },
    ]
  }

  #startOf(name: string, start: Micros): Micros {
    const known = this.#starts.get(name)
    if (known !== undefined) return known
    this.#starts.set(name, start)
    // Renditions are few segments apart.
    this.#starts = new Map([...this.#starts].slice(-MAX_STARTS))
    return start
  }
}

/** More changes of the key than renditions can be apart: the segmenter fills in 20 gaps at most. */
const MAX_STARTS = 64
