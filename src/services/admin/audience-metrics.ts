/** The audience of the last full minute as measurements. */
import { MINUTE_MS, minuteOf } from '../../playlog/measures/minute-shares.ts'
import type {
  AudienceNumbers,
  AudienceOverview,
  AudienceShare,
  AudienceStore,
} from '../audience/store/audience-store.ts'
import type { Exposition, Sample } from './exposition.ts'
import type { Operation } from './operation.ts'

/** A scrape waits no longer for the store, milliseconds: everything else can be told without it. */
const PATIENCE_MS = 2000
/** Numbers are asked for again after this time, milliseconds, however often somebody scrapes. */
const FRESH_MS = 5000
/** Under which everything is summed up that is not published here: players may name any path. */
const OTHER_PATH = 'other'

interface Minute {
  readonly overview: AudienceOverview
  readonly paths: readonly AudienceShare[]
  readonly protocols: readonly AudienceShare[]
  readonly families: readonly AudienceShare[]
}

type Sums = Pick<AudienceNumbers, 'attempts' | 'plays' | 'played' | 'stalled' | 'stalls' | 'errors'>

export class AudienceMetrics {
  readonly #operation: Operation
  #minute: Minute | undefined
  #askedAt = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  constructor(operation: Operation) {
    this.#operation = operation
  }

  /** Never rejects; resolves after `PATIENCE_MS` at the latest. */
  async refresh(): Promise<void> {
    const audience = this.#wanted
    if (audience === undefined) {
      this.#minute = undefined
      return
    }
    if (performance.now() - this.#askedAt > FRESH_MS) this.#asking ??= this.#ask(audience)
    if (this.#asking === undefined) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(() => {
      // What was true before may not be any more.
      this.#minute = undefined
      resolve()
    }, PATIENCE_MS)
    await Promise.race([this.#asking, promise])
    clearTimeout(timer)
  }

  print(page: Exposition): void {
    if (this.#wanted === undefined) return
    const minute = this.#minute
    page.gauge('headend_audience_up', 'Whether the store of the audience answers.', [
      [{}, minute === undefined ? 0 : 1],
    ])
    if (minute === undefined) return
    const { overview, paths, protocols, families } = minute
    page.gauge('headend_audience_concurrent', 'Sessions at the same moment, at most, in the last full minute.', [
      [{}, overview.concurrent],
    ])
    page.gauge('headend_audience_viewers', 'Different players whose sessions began in the last full minute.', [
      [{}, overview.viewers],
    ])
    page.gauge('headend_audience_failures', 'Sessions that began in the last full minute and failed.', [
      [{ when: 'start' }, overview.startFailures],
      [{ when: 'playback' }, overview.playbackFailures],
    ])
    page.gauge('headend_audience_exits_before_start', 'Sessions that began in the last full minute and were left.', [
      [{}, overview.exitsBeforeStart],
    ])
    if (overview.bitrate !== undefined) {
      page.gauge('headend_audience_bitrate_bps', 'Bits a second, mean over the time played.', [
        [{}, overview.bitrate * 1000],
      ])
    }
    if (overview.startup !== undefined) {
      const { p50, p75, p95 } = overview.startup
      page.gauge('headend_audience_startup_seconds', 'From the wish to play to the first picture.', [
        [{ quantile: '0.5' }, p50 / 1000],
        [{ quantile: '0.75' }, p75 / 1000],
        [{ quantile: '0.95' }, p95 / 1000],
      ])
    }
    printSums(page, 'headend_audience_path', 'path', this.#published(paths))
    printSums(page, 'headend_audience_protocol', 'protocol', namedRows(protocols))
    printSums(page, 'headend_audience_player', 'player', namedRows(families))
  }

  /** A scrape opens no store that nobody needs. */
  get #wanted(): AudienceStore | undefined {
    const { audience } = this.#operation
    return audience?.isWanted === false ? undefined : audience
  }

  async #ask(store: AudienceStore): Promise<void> {
    const now = Date.now()
    const until = minuteOf(now) * MINUTE_MS
    const range = { from: until - MINUTE_MS, until, now }
    try {
      const [overview, paths, protocols, families] = await Promise.all([
        store.overview(range),
        store.shares(range, 'path'),
        store.shares(range, 'protocol'),
        store.shares(range, 'family'),
      ])
      this.#minute = { overview, paths, protocols, families }
    } catch {
      // Who asks the API is told why; here it is enough that it is so.
      this.#minute = undefined
    } finally {
      this.#askedAt = performance.now()
      this.#asking = undefined
    }
  }

  #published(shares: readonly AudienceShare[]): [name: string, sums: Sums][] {
    const { hub } = this.#operation
    const rows: [string, Sums][] = []
    let other: Sums | undefined
    for (const share of shares) {
      if (hub.find(share.name) !== undefined) rows.push([share.name, share])
      else other = other === undefined ? share : added(other, share)
    }
    return other === undefined ? rows : [...rows, [OTHER_PATH, other]]
  }
}

function namedRows(shares: readonly AudienceShare[]): [name: string, sums: Sums][] {
  return shares.map((share) => [share.name === '' ? 'unknown' : share.name, share])
}

function printSums(page: Exposition, prefix: string, label: string, rows: readonly [string, Sums][]): void {
  const per = (value: (sums: Sums) => number): Sample[] => rows.map(([name, sums]) => [{ [label]: name }, value(sums)])
  const told = `by ${label}, in the last full minute.`
  page.gauge(
    `${prefix}_attempts`,
    `Sessions that began, ${told}`,
    per(({ attempts }) => attempts),
  )
  page.gauge(
    `${prefix}_plays`,
    `Of them, those that came to the first picture, ${told}`,
    per(({ plays }) => plays),
  )
  page.gauge(
    `${prefix}_played_seconds`,
    `Time played, ${told}`,
    per(({ played }) => played / 1000),
  )
  page.gauge(
    `${prefix}_stalled_seconds`,
    `Time in stalls, ${told}`,
    per(({ stalled }) => stalled / 1000),
  )
  page.gauge(
    `${prefix}_stalls`,
    `Stalls that began, ${told}`,
    per(({ stalls }) => stalls),
  )
  page.gauge(
    `${prefix}_errors`,
    `Codes of errors told, ${told}`,
    per(({ errors }) => errors),
  )
}

function added(left: Sums, right: Sums): Sums {
  return {
    attempts: left.attempts + right.attempts,
    plays: left.plays + right.plays,
    played: left.played + right.played,
    stalled: left.stalled + right.stalled,
    stalls: left.stalls + right.stalls,
    errors: left.errors + right.errors,
  }
}
