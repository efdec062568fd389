/** Keeps what players report: in files for log tools, the newest in memory for the API. */
import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { UnavailableError } from '../../errors.ts'
import type { PlayLog } from '../../playlog/play-log.ts'
import { WMLOG_KINDS, type WmlogKind } from '../../playlog/wmlog.ts'
import type { Closable, Logger } from '../../protocols/protocol.ts'
import { type PlayLogQuery, RecentPlayLogs } from './recent.ts'
import { type LogFile, listLogFiles } from './w3c-log-files.ts'
import { type PlayLogLimits, W3cLogStore } from './w3c-log-store.ts'
import { playLogWithoutSecrets } from './without-secrets.ts'

export interface PlayLogsOptions {
  /** Created with the first log. */
  readonly folder: string
  readonly log: Logger
  readonly limits: PlayLogLimits
  /** Name and version of the server, for the head of each file. Default `Headend`. */
  readonly software?: string
}

/** A log file that is read from its start to the end it had when it was opened. */
export interface LogFileReading {
  readonly file: LogFile
  readonly bytes: Readable
}

/** All play logs of a server. */
export interface PlayLogs extends Closable {
  /**
   * Keeps a log and returns it as it is kept: without keys and passwords in its addresses. Never throws, never waits. `playback`: id of the session
   * of the audience that it belongs to.
   */
  add(log: PlayLog, playback?: string): PlayLog
  /** The newest in memory that belong to that session of the audience go; files know no sessions. */
  forget(playback: string): void
  /** Those of the newest in memory that fit, the newest first. */
  recent(query?: PlayLogQuery): Iterable<PlayLog>
  /** The files, the newest first. */
  files(): Promise<readonly LogFile[]>
  /** Opens one by its exact name. Throws UnavailableError ERR_PLAYLOG_FILE_NOT_FOUND for any other name. */
  openFile(name: string): Promise<LogFileReading>
  /** Logs since the start, by kind. */
  totals(): Iterable<readonly [kind: WmlogKind, total: number]>
  /** Logs that never reached a file. */
  readonly lost: number
  /** Other limits from now on. */
  configure(limits: PlayLogLimits): void
  /** Resolves when all that was added is in the files. */
  flush(): Promise<void>
}

export function openPlayLogs({ folder, log, limits, software = 'Headend' }: PlayLogsOptions): PlayLogs {
  const store = new W3cLogStore({ folder, log, limits, software })
  const recent = new RecentPlayLogs()
  const totals = new Map<WmlogKind, number>(WMLOG_KINDS.map((kind) => [kind, 0]))
  return {
    add(received, playback) {
      const kept = playLogWithoutSecrets(received)
      totals.set(kept.kind, (totals.get(kept.kind) ?? 0) + 1)
      recent.add(kept, playback)
      store.add(kept)
      return kept
    },
    forget: (playback) => recent.forget(playback),
    recent: (query) => recent.list(query),
    files: async () => (await listLogFiles(folder)).reverse(),
    openFile: (name) => openLogFile(folder, name),
    totals: () => totals,
    get lost() {
      return store.lost
    },
    configure: (changed) => store.configure(changed),
    flush: () => store.flush(),
    close: () => store.close(),
  }
}

/** Only names that are in the list are joined to the folder. */
async function openLogFile(folder: string, name: string): Promise<LogFileReading> {
  const file = (await listLogFiles(folder)).find((candidate) => candidate.name === name)
  if (file === undefined) throw notFound()
  let handle: FileHandle
  try {
    handle = await open(join(folder, file.name), constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0))
  } catch (error) {
    // It went the moment it was asked for.
    throw notFound(error)
  }
  if (file.bytes === 0) {
    await handle.close()
    return { file, bytes: Readable.from([]) }
  }
  // It may grow while it is read.
  return { file, bytes: handle.createReadStream({ start: 0, end: file.bytes - 1 }) }
}

function notFound(cause?: unknown): UnavailableError {
  const message = 'expected the name of a log file, as the list has it'
  return new UnavailableError('ERR_PLAYLOG_FILE_NOT_FOUND', message, { cause })
}
