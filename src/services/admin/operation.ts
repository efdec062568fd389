/** What the operating side (API, metrics, health) is told of the server. */
import type { Authorize } from '../../live/access.ts'
import type { Hub } from '../../live/hub.ts'
import type { Sessions } from '../../live/sessions.ts'
import type { AudienceStore } from '../audience/store/audience-store.ts'
import type { TokenAccess } from '../auth/tokens/access.ts'
import type { ServerKeys } from '../keys/server-keys.ts'
import type { PlayLogs } from '../logs/index.ts'
import type { Recorder } from '../recorder/recorder.ts'
import type { Counters } from './counters.ts'

/** The recorder, which is loaded when somebody needs it. */
export interface RecorderAccess {
  /** `undefined`: not loaded, since nothing is recorded. */
  readonly current: Recorder | undefined
  load(): Promise<Recorder>
}

export interface Operation {
  readonly hub: Hub
  readonly sessions: Sessions
  readonly authorize: Authorize
  readonly counters: Counters
  /** Content keys; absent: none are kept. */
  readonly keys?: ServerKeys
  /** Loaded when first asked for; absent: there are none. */
  readonly tokens?: () => Promise<TokenAccess>
  /** What players reported; absent: nothing is kept. */
  readonly playLogs?: PlayLogs
  /** Who watched, what and how well; opened by the first question or report. `undefined`: nothing is kept. Asked each time, as settings change. */
  readonly audience?: (AudienceStore & { readonly isWanted?: boolean }) | undefined
  /** Absent: nothing is recorded. */
  readonly recorder?: RecorderAccess
  readonly version: string
  readonly startedAt: Date
  /** Everything listens and nothing is shutting down. */
  readonly ready: () => boolean
  /** Reported faults by code. */
  readonly faults: () => Iterable<readonly [code: string, total: number]>
  readonly ports: () => Readonly<Record<string, number>>
  readonly urls: () => Readonly<Record<string, string>>
  /** Settings in force, secrets left out. */
  readonly config: () => Readonly<Record<string, unknown>>
  /** Open connections of the HTTP front. */
  readonly connections: () => number
  /** Whether everybody may play a path; others are not listed in public. */
  readonly isOpen: (path: string) => boolean
  /** Who may read the metrics without a token. */
  readonly metricsAccess: () => 'local' | 'token' | 'open'
  /** Keeps who did what, for those who check it later. */
  readonly audit: (facts: Readonly<Record<string, unknown>>, message: string) => void
  /** A fault of our own in answering. */
  readonly onFault: (error: unknown) => void
}
