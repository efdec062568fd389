/** Records one live path: its segments as MP4, and what came in as ASF as ASF too. Owns the files until they are complete. */
import { describeError } from '../../errors.ts'
import type { LogCursor } from '../../live/bounded-log.ts'
import type { Stream } from '../../live/stream.ts'
import type { StreamEntry } from '../../live/stream-entry.ts'
import type { UnitFormat } from '../../live/units.ts'
import { parseAsfInit } from '../../media/containers/asf/header.ts'
import type { Packager } from '../../packaging/packager.ts'
import type { SegmentSink } from '../../packaging/segment-archive.ts'
import type { Logger } from '../../protocols/protocol.ts'
import { type AsfLogUnit, AsfRecording, type AsfRecordingFile, type AsfRecordingHost } from './asf-recording.ts'
import type { ClockShift } from './clock-shift.ts'
import type { Disk } from './disk.ts'
import { openRecording, type RecordingLocation, removeRecording } from './open-recording.ts'
import type { RecordSettings } from './record-settings.ts'
import type { RecordedArchive } from './recorded-archive.ts'
import { RecordingFile } from './recording-file.ts'
import { parseRecordingName, type RecordingFormat, recordingFolder } from './recording-name.ts'
import { RecordingWriter, type WriteBudget } from './recording-writer.ts'
import { recover } from './recovery.ts'
import { StreamRecording } from './stream-recording.ts'
import { Suspension } from './suspension.ts'

/** What all paths share. */
export interface RecordingContext {
  /** Folder of all recordings. */
  readonly root: string
  readonly disk: Disk
  readonly clock: ClockShift
  readonly budget: WriteBudget
  /** The format of units that are recorded as they are. */
  readonly nativeUnits: UnitFormat<AsfLogUnit> | undefined
  readonly log: Logger
  readonly totals: RecordingTotals
  /** A file was begun or completed, or the disk refused. */
  readonly onChange: (recorder: PathRecorder, change: RecordingChange) => void
}

export type RecordingChange = 'began' | 'finished' | 'suspended'

/** Since the start of the server. */
export interface RecordingTotals {
  bytes: number
  lostBytes: number
  files: number
  failures: number
  removed: number
}

export class PathRecorder {
  readonly path: string
  readonly stream: Stream
  /** What makes the segments. */
  readonly packager: Packager
  readonly since = new Date()
  readonly #context: RecordingContext
  readonly #archive: RecordedArchive
  readonly #log: Logger
  readonly #folder: string
  readonly #recording: StreamRecording
  readonly #stop: () => void
  readonly #suspension: Suspension
  readonly #asfHost: AsfRecordingHost
  readonly #asfLocations = new WeakMap<RecordingWriter, RecordingLocation>()
  #asf: AsfRecording | undefined
  #entries: LogCursor<StreamEntry> | undefined
  #error: unknown
  #current: RecordingLocation | undefined
  readonly #open = new Set<RecordingLocation>()
  #failed: RecordingLocation[] = []
  readonly #finishing = new Set<Promise<void>>()
  #resuming: Promise<void> = Promise.resolve()
  #closed = false

  constructor(
    packager: Packager,
    {
      archive,
      settings,
      context,
    }: { archive: RecordedArchive; settings: () => RecordSettings; context: RecordingContext },
  ) {
    const { path } = packager.stream
    this.path = path
    this.stream = packager.stream
    this.packager = packager
    this.#context = context
    this.#archive = archive
    this.#log = context.log.child({ path })
    this.#folder = recordingFolder(context.root, path)
    this.#suspension = new Suspension(context.root, () => this.#resume(), context.disk)
    const { clock, totals } = context
    const common = {
      settings,
      clock,
      suspended: () => this.#suspension.active,
      onLost: (bytes: number) => {
        totals.lostBytes += bytes
        if (!this.#suspension.active) {
          this.#log.counted(
            'ERR_RECORDING_SLOW',
            {},
            'the disk is too slow for this recording: a part of it is missing',
          )
        }
      },
    }
    this.#recording = new StreamRecording(packager, {
      ...common,
      archive,
      createFile: (start) => {
        const location = this.#newLocation()
        const writer = this.#createWriter(location, { startedAt: start.startedAt, format: 'mp4' })
        writer.log({ type: 'file', version: 1, path, format: 'mp4', ...start })
        return new RecordingFile({ path, ...start, writer, location })
      },
      finishFile: (file) => this.#finish(file.options.location as RecordingLocation, file.finish()),
    })
    this.#stop = packager.record(this.#guarded(this.#recording))
    this.#asfHost = {
      ...common,
      createFile: (startedAt: number) => {
        const location = this.#newLocation()
        const writer = this.#createWriter(location, { startedAt, format: 'asf' })
        this.#asfLocations.set(writer, location)
        const run = { token: '', epochMs: startedAt }
        writer.log({ type: 'file', version: 1, path, format: 'asf', run, start: 0, startedAt })
        return writer
      },
      finishFile: (file: AsfRecordingFile) => {
        const location = this.#asfLocations.get(file.writer)
        if (location !== undefined) this.#finish(location, finishAsf(file))
      },
    }
    this.published()
  }

  /** What the disk refused with; `undefined`: it takes everything. */
  get error(): unknown {
    return this.#suspension.active ? this.#error : undefined
  }

  /** The file that grows, or grew last. */
  get fileName(): string | undefined {
    return this.#current?.name
  }

  /** Bytes of the file that grows. */
  get bytes(): number {
    return this.#recording.file?.size ?? this.#asf?.file?.writer.size ?? 0
  }

  get suspended(): boolean {
    return this.#suspension.active
  }

  /** A file is being written or completed. */
  isOpen(path: string): boolean {
    for (const location of this.#open) if (location.path === path) return true
    return false
  }

  /** A publisher has begun: whether it brings ASF is known when it says so, or with its first packet. */
  published(): void {
    const format = this.#context.nativeUnits
    if (format === undefined || this.#asf !== undefined || this.#closed) return
    this.#entries?.close()
    const entries = this.stream.subscribe()
    this.#entries = entries
    const look = () => {
      const feed = this.stream.providedUnits(format)
      if (feed === undefined && entries.take() === undefined) return
      entries.close()
      if (feed === undefined || this.#asf !== undefined || this.#closed) return
      this.#asf = new AsfRecording(feed, this.#asfHost, () => {
        this.#asf = undefined
      })
    }
    entries.onWake = look
    look()
  }

  /** Ends the recording; resolves when its files are complete. */
  async close(): Promise<void> {
    this.#closed = true
    this.#entries?.close()
    this.#stop()
    this.#asf?.close()
    this.#suspension.close()
    await this.#resuming
    await this.#completeFailed()
  }

  /** Files in the hand of the disk are complete. */
  async settled(): Promise<void> {
    while (this.#finishing.size > 0) await Promise.all(this.#finishing)
  }

  #newLocation(): RecordingLocation {
    return { folder: this.#folder, name: undefined, path: undefined }
  }

  #createWriter(
    location: RecordingLocation,
    start: { readonly startedAt: number; readonly format: RecordingFormat },
  ): RecordingWriter {
    const { disk, budget, totals, onChange } = this.#context
    this.#open.add(location)
    return new RecordingWriter({
      open: async () => {
        const files = await openRecording(disk, location, start)
        if (start.format === 'mp4' || this.#current === undefined) this.#current = location
        totals.files++
        this.#log.info({ file: location.name }, 'recording into a file')
        onChange(this, 'began')
        return files
      },
      budget,
      onWritten: (bytes) => {
        totals.bytes += bytes
        this.#suspension.recovered()
      },
      onFailure: (error, written) => {
        this.#archive.lose(location, written)
        this.#failed.push(location)
        this.#suspend(error)
      },
    })
  }

  #suspend(error: unknown): void {
    const isNew = !this.#suspension.active
    this.#error = error
    this.#context.totals.failures++
    if (this.#closed) return
    this.#suspension.begin()
    if (!isNew) return
    this.#log.error({ error: describeError(error) }, 'the disk refuses: nothing is recorded until it takes files again')
    this.#context.onChange(this, 'suspended')
  }

  /** There is room again: the next segment begins a file, and what broke off is completed. */
  #resume(): void {
    this.#recording.releaseFailed()
    this.#asf?.releaseFailed()
    this.#resuming = this.#resuming.then(() => this.#completeFailed())
  }

  async #completeFailed(): Promise<void> {
    await this.settled()
    const failed = this.#failed
    this.#failed = []
    for (const { folder, name } of failed) {
      const parsed = name === undefined ? undefined : parseRecordingName(name)
      if (name === undefined || parsed === undefined) continue
      await recover({ folder, name, parsed, path: this.path }).catch((error: unknown) => {
        this.#log.warn({ file: name, error: describeError(error) }, 'a recording is completed at the next start')
      })
    }
    if (failed.length > 0) this.#context.onChange(this, 'finished')
  }

  #finish(location: RecordingLocation, finished: Promise<boolean>): void {
    const done = finished
      .then(async (any) => {
        if (!any && location.name !== undefined)
          await removeRecording(this.#context.disk, location.folder, location.name)
        if (any && !this.#failed.includes(location)) this.#log.info({ file: location.name }, 'recording is complete')
      })
      .catch((error: unknown) => {
        this.#log.warn({ file: location.name, error: describeError(error) }, 'a recording was not completed')
      })
      .finally(() => {
        this.#open.delete(location)
        this.#finishing.delete(done)
        this.#context.onChange(this, 'finished')
      })
    this.#finishing.add(done)
  }

  /** A fault in here must neither stop the publisher, in whose turn it happens, nor the viewers. */
  #guarded(sink: SegmentSink): SegmentSink {
    let broken = false
    const guard = (task: () => void) => {
      if (broken) return
      try {
        task()
      } catch (error) {
        broken = true
        this.#log.error({ error: describeError(error) }, 'recording has ended by a fault')
        this.#context.totals.failures++
      }
    }
    return { add: (result) => guard(() => sink.add(result)), end: () => guard(() => sink.end()) }
  }
}

/** Resolves with whether there is a packet in the file. */
async function finishAsf({ muxer, writer, init, startedAt }: AsfRecordingFile): Promise<boolean> {
  const { header, index } = muxer.finish()
  if (writer.size <= init.bytes.byteLength) {
    await writer.close()
    return false
  }
  const { durationMs } = parseAsfInit(header)
  const bytes = writer.size + index.byteLength
  await writer.finish({
    header,
    tail: index,
    entry: { type: 'end', bytes, durationMs, endedAt: startedAt + durationMs },
  })
  return true
}
