/** The newest play logs, in memory. */
import type { PlayLog } from '../../playlog/play-log.ts'
import type { WmlogKind } from '../../playlog/wmlog.ts'

/** Which logs are wanted; what is absent is all the same. */
export interface PlayLogQuery {
  readonly path?: string | undefined
  readonly kind?: WmlogKind | undefined
  /** Received then or later. */
  readonly since?: Date | undefined
}

export interface RecentLimits {
  /** Default 1000. */
  readonly logs?: number
  /** Characters of all logs together. Default 8 Mi. */
  readonly length?: number
}

const MAX_LOGS = 1000
const MAX_LENGTH = 8 * 1024 * 1024

/** Drops the oldest for the newest. */
export class RecentPlayLogs {
  readonly #limits: Required<RecentLimits>
  #entries: { readonly log: PlayLog; readonly length: number; readonly playback: string | undefined }[] = []
  #length = 0

  constructor(limits: RecentLimits = {}) {
    this.#limits = { logs: limits.logs ?? MAX_LOGS, length: limits.length ?? MAX_LENGTH }
  }

  /** `playback`: id of the session of the audience that it belongs to. */
  add(log: PlayLog, playback?: string): void {
    const length = lengthOf(log)
    this.#entries.push({ log, length, playback })
    this.#length += length
    while (this.#entries.length > this.#limits.logs || this.#length > this.#limits.length) {
      this.#length -= this.#entries.shift()?.length ?? 0
    }
  }

  /** All logs of a session of the audience go. */
  forget(playback: string): void {
    this.#entries = this.#entries.filter((entry) => entry.playback !== playback)
    this.#length = this.#entries.reduce((sum, { length }) => sum + length, 0)
  }

  /** The newest first. */
  *list({ path, kind, since }: PlayLogQuery = {}): IterableIterator<PlayLog> {
    for (let at = this.#entries.length - 1; at >= 0; at--) {
      const log = this.#entries[at]?.log
      if (log === undefined) continue
      if (path !== undefined && log.path !== path) continue
      if (kind !== undefined && log.kind !== kind) continue
      if (since !== undefined && log.receivedAt < since) continue
      yield log
    }
  }
}

/** Characters of all its texts, about. */
function lengthOf({ path, wmlog }: PlayLog): number {
  let length = path.length
  for (const value of Object.values(wmlog.fields)) length += typeof value === 'string' ? value.length : 8
  const { contentDescription = [], extensions = [] } = wmlog
  for (const { name, value } of contentDescription) length += name.length + value.length
  for (const { name, value = '', items } of extensions) {
    length += name.length + value.length
    for (const item of items) length += item.name.length + item.value.length
  }
  return length
}
