/** Records live streams: which are recorded, what is kept of them, and what is told of that. */
import { join } from 'node:path'
import { describeError, UnavailableError } from '../../errors.ts'
import type { Hub } from '../../live/hub.ts'
import { checkPath } from '../../live/path.ts'
import type { UnitFormat } from '../../live/units.ts'
import { type Packagers, packagersOf } from '../../packaging/packagers.ts'
import type { Logger } from '../../protocols/protocol.ts'
import { loadArchive } from './archive-loading.ts'
import type { AsfLogUnit } from './asf-recording.ts'
import { ClockShift } from './clock-shift.ts'
import { type Disk, nodeDisk } from './disk.ts'
import { removeRecording } from './open-recording.ts'
import { PathRecorder, type RecordingChange, type RecordingContext, type RecordingTotals } from './path-recorder.ts'
import { DEFAULT_RECORD, type RecordSettings } from './record-settings.ts'
import { RecordedArchive } from './recorded-archive.ts'
import { describeRecording, type FoundRecording, findRecordings, type Recording } from './recordings.ts'
import { recover } from './recovery.ts'
import { expiredRecordings, type RecordingLimits } from './retention.ts'
import { SegmentCache } from './segment-cache.ts'

export interface RecorderOptions {
  readonly hub: Hub
  /** Folder of all recordings; made when something is recorded. */
  readonly root: string
  /** What the settings say of a path; `undefined`: it is not recorded. */
  readonly settingsOf: (path: string) => RecordSettings | undefined
  readonly limits: () => RecordingLimits
  /** The format of units that are recorded as they came. */
  readonly nativeUnits?: UnitFormat<AsfLogUnit>
  readonly log: Logger
  /** The state of a path has changed. */
  readonly onState?: (state: RecordingState) => void
  readonly disk?: Disk
  readonly clock?: ClockShift
}

/** What happens to a path that is to be recorded. */
export interface RecordingState {
  readonly path: string
  /** `suspended`: the disk refuses, and it goes on when there is room again. `stopped`: the stream has ended, or somebody ended it. */
  readonly state: 'recording' | 'suspended' | 'stopped'
  readonly since: Date
  /** Name of the file that grows, or grew last. */
  readonly file: string | undefined
  /** Bytes of that. */
  readonly bytes: number
  readonly error: string | undefined
}

/** How often is looked at what is too old, milliseconds. */
const RETENTION_MS = 60_000
/** Files of a path that may not be complete after a crash; others are looked at later. */
const NEWEST_FILES = 3
/** An archive is read of files that changed so much longer ago than its window goes back, milliseconds. */
const WINDOW_ROOM_MS = 600_000
const MAX_WAITING = 256 * 1024 * 1024
const MAX_WAITING_EACH = 16 * 1024 * 1024

export class Recorder {
  readonly #options: RecorderOptions
  readonly #packagers: Packagers
  readonly #release: () => void
  readonly #context: RecordingContext
  readonly #cache = new SegmentCache()
  readonly #recorders = new Map<string, PathRecorder>()
  readonly #archives = new Map<string, RecordedArchive>()
  /** What somebody asked for beside the settings. */
  readonly #asked = new Map<string, boolean>()
  /** Recorders whose files are being completed. */
  readonly #ending = new Map<PathRecorder, Promise<void>>()
  /** Recordings that were there before, and may not be complete. */
  #older: FoundRecording[] = []
  readonly #totals: RecordingTotals = { bytes: 0, lostBytes: 0, files: 0, failures: 0, removed: 0 }
  #timer: NodeJS.Timeout | undefined
  #tidying: Promise<void> | undefined
  /** Something has changed while tidying. */
  #tidyAgain = false
  #closed = false

  constructor(options: RecorderOptions) {
    this.#options = options
    this.#packagers = packagersOf(options.hub)
    this.#release = this.#packagers.retain()
    this.#packagers.archiveOf = (path) => (this.#settingsOf(path) === undefined ? undefined : this.#archiveOf(path))
    this.#context = {
      root: options.root,
      disk: options.disk ?? nodeDisk,
      clock: options.clock ?? new ClockShift(),
      budget: { waiting: 0, maxWaiting: MAX_WAITING, maxWaitingEach: MAX_WAITING_EACH },
      nativeUnits: options.nativeUnits,
      log: options.log,
      totals: this.#totals,
      onChange: (recorder, change) => this.#changed(recorder, change),
    }
  }

  /** Completes what a crash left, and reads what can be gone back to. Streams are recorded from then on. */
  async open(): Promise<void> {
    const found = await findRecordings(this.#options.root)
    const byPath = Map.groupBy(found, ({ path }) => path)
    for (const [path, recordings] of byPath) {
      for (const format of ['mp4', 'asf'] as const) {
        const own = recordings.filter(({ parsed }) => parsed.format === format)
        await this.#recoverAll(own.slice(-NEWEST_FILES))
        this.#older.push(...own.slice(0, -NEWEST_FILES))
      }
      const window = this.#settingsOf(path)?.windowSeconds ?? 0
      const since = Date.now() - window * 1_000 - WINDOW_ROOM_MS
      if (window > 0)
        await loadArchive(
          this.#archiveOf(path),
          recordings.filter(({ changedAt }) => changedAt >= since),
        )
    }
    this.#timer = setInterval(() => this.#tidy(), RETENTION_MS)
    this.#timer.unref()
    this.#tidy()
    for (const stream of this.#options.hub.streams()) this.published(stream.path)
  }

  /** A path has got a publisher. Called in the publisher's turn, before its first packet. */
  published(path: string): void {
    const stream = this.#options.hub.find(path)
    const known = this.#recorders.get(path)
    if (stream === undefined || this.#closed) return
    if (known?.stream === stream && !known.packager.closed) known.published()
    else if (this.#settingsOf(path) !== undefined) this.#begin(path)
  }

  /** A stream has ended. */
  ended(path: string): void {
    this.#stop(path)
  }

  /** Other settings are in force. */
  reconfigure(): void {
    this.#packagers.endOutdated()
    for (const path of [...this.#recorders.keys()]) if (this.#settingsOf(path) === undefined) this.#stop(path)
    for (const { path } of this.#options.hub.streams()) this.published(path)
    this.#tidy()
  }

  /** Records a path whatever the settings say, until `stop` or the end of the server. Throws PeerError ERR_PATH_INVALID. */
  start(path: string): void {
    this.#asked.set(checkPath(path), true)
    this.published(path)
  }

  /** Records a path no more, whatever the settings say. Throws PeerError ERR_PATH_INVALID. */
  stop(path: string): void {
    this.#asked.set(checkPath(path), false)
    this.#stop(path)
  }

  /** All paths that are recorded now. */
  states(): RecordingState[] {
    return [...this.#recorders.values()].map(stateOf)
  }

  /** Recorded bytes and files, and what went wrong, since the start. */
  get totals(): Readonly<RecordingTotals> {
    return this.#totals
  }

  /** Bytes that wait for the disk. */
  get waiting(): number {
    return this.#context.budget.waiting
  }

  /** Recordings on the disk, the oldest first; of one path or of all. Throws PeerError ERR_PATH_INVALID. */
  find(path?: string): Promise<FoundRecording[]> {
    return findRecordings(this.#options.root, path)
  }

  /** What a recording's index tells. */
  describe(found: FoundRecording): Promise<Recording> {
    return describeRecording(found)
  }

  /** Folder of all recordings. */
  get root(): string {
    return this.#options.root
  }

  /** Takes a recording away; who plays it plays on. Throws UnavailableError ERR_RECORDING_NOT_FOUND, ERR_RECORDING_OPEN for one that grows. */
  async remove(path: string, name: string): Promise<void> {
    const found = (await this.find(path)).find((recording) => recording.name === name)
    if (found === undefined)
      throw new UnavailableError('ERR_RECORDING_NOT_FOUND', `${path} has no recording of that name`)
    if (this.#isOpen(found)) throw new UnavailableError('ERR_RECORDING_OPEN', `${name} is still being written`)
    await this.#remove(found)
  }

  /** Resolves when the files that have ended are complete, and those that had to go for them are gone. */
  async settled(): Promise<void> {
    await Promise.all([...this.#recorders.values()].map((recorder) => recorder.settled()))
    while (this.#tidying !== undefined) await this.#tidying
  }

  /** Ends all recordings; resolves when the last file is complete. */
  async close(): Promise<void> {
    this.#closed = true
    clearInterval(this.#timer)
    for (const path of [...this.#recorders.keys()]) this.#stop(path)
    await Promise.all(this.#ending.values())
    await this.#tidying
    this.#release()
  }

  #settingsOf(path: string): RecordSettings | undefined {
    const asked = this.#asked.get(path)
    const settings = this.#options.settingsOf(path)
    if (asked === undefined) return settings
    return asked ? (settings ?? DEFAULT_RECORD) : undefined
  }

  /**
   * What holds for the files of a path while they grow. A file that is open is never removed, so limits hold only where files are small beside
   * them: also the common limit, of which each path has its share.
   */
  #writeSettings(path: string): RecordSettings {
    const settings = this.#settingsOf(path) ?? DEFAULT_RECORD
    const { maxBytes } = this.#options.limits()
    if (maxBytes === undefined) return settings
    const share = maxBytes / Math.max(1, this.#recorders.size)
    return { ...settings, keepBytes: Math.min(settings.keepBytes ?? share, share) }
  }

  #archiveOf(path: string): RecordedArchive {
    let archive = this.#archives.get(path)
    if (archive === undefined) {
      archive = new RecordedArchive(this.#cache, () => this.#settingsOf(path)?.windowSeconds ?? 0)
      this.#archives.set(path, archive)
    }
    return archive
  }

  #begin(path: string): void {
    this.#stop(path)
    const packager = this.#packagers.find(path, { watched: false })
    if (packager === undefined) return
    const settings = () => this.#writeSettings(path)
    try {
      const recorder = new PathRecorder(packager, { archive: this.#archiveOf(path), settings, context: this.#context })
      this.#recorders.set(path, recorder)
    } catch (error) {
      this.#options.log.error({ path, error: describeError(error) }, 'the stream cannot be recorded')
    }
  }

  #stop(path: string): void {
    const recorder = this.#recorders.get(path)
    if (recorder === undefined) return
    this.#recorders.delete(path)
    const ending = recorder.close().finally(() => {
      this.#ending.delete(recorder)
      this.#options.onState?.({ ...stateOf(recorder), state: 'stopped' })
    })
    this.#ending.set(recorder, ending)
  }

  #changed(recorder: PathRecorder, change: RecordingChange): void {
    if (change !== 'finished') this.#options.onState?.(stateOf(recorder))
    else if (!this.#closed) this.#tidy()
  }

  #isOpen({ folder, name, path }: FoundRecording): boolean {
    const file = join(folder, name)
    if (this.#recorders.get(path)?.isOpen(file)) return true
    return [...this.#ending.keys()].some((recorder) => recorder.isOpen(file))
  }

  /** Completes recordings that are not, and removes those that are to go; one round at a time. */
  #tidy(): void {
    if (this.#closed) return
    if (this.#tidying !== undefined) {
      this.#tidyAgain = true
      return
    }
    this.#tidyAgain = false
    this.#tidying = this.#tidyOnce()
      .catch((error: unknown) => {
        this.#options.log.counted(
          'ERR_RECORDING_TIDY',
          { error: describeError(error) },
          'recordings could not be tidied up',
        )
      })
      .finally(() => {
        this.#tidying = undefined
        if (this.#tidyAgain) this.#tidy()
      })
  }

  async #tidyOnce(): Promise<void> {
    const older = this.#older
    this.#older = []
    await this.#recoverAll(older)
    const recordings = await this.find()
    const expired = expiredRecordings({
      recordings,
      isOpen: (recording) => this.#isOpen(recording),
      settingsOf: (path) => this.#settingsOf(path),
      limits: this.#options.limits(),
      now: this.#context.clock.undisturbed,
    })
    for (const recording of expired) {
      if (this.#closed) return
      await this.#remove(recording)
    }
  }

  async #remove({ folder, name, path }: FoundRecording): Promise<void> {
    await removeRecording(this.#context.disk, folder, name)
    this.#archives.get(path)?.forget(join(folder, name))
    this.#totals.removed++
    this.#options.log.info({ path, file: name }, 'recording was removed')
  }

  async #recoverAll(recordings: readonly FoundRecording[]): Promise<void> {
    for (const { folder, name, parsed, path } of recordings) {
      if (this.#closed) return
      try {
        const result = await recover({ folder, name, parsed, path })
        if (result !== 'complete') this.#options.log.info({ path, file: name, result }, 'a recording was not complete')
      } catch (error) {
        this.#options.log.warn({ path, file: name, error: describeError(error) }, 'a recording could not be completed')
      }
    }
  }
}

function stateOf(recorder: PathRecorder): RecordingState {
  const { path, since, suspended, fileName, bytes, error } = recorder
  return {
    path,
    state: suspended ? 'suspended' : 'recording',
    since,
    file: fileName,
    bytes,
    error: error === undefined ? undefined : describeError(error),
  }
}
