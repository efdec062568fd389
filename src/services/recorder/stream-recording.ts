/** Records one stream as it is packaged: chooses the file of each segment, and tells the archive of the path what can be gone back to. */
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import { renditionName } from '../../packaging/names.ts'
import type { Packager } from '../../packaging/packager.ts'
import {
  type ArchivedSegment,
  type PackagingRun,
  type SegmentSink,
  wallClock,
} from '../../packaging/segment-archive.ts'
import { isPackaged, type SegmenterResult } from '../../packaging/segmenter.ts'
import type { StoredInit, StoredSegment } from '../../packaging/stored-segment.ts'
import type { ClockShift } from './clock-shift.ts'
import type { RecordSettings } from './record-settings.ts'
import type { RecordedArchive, SegmentPlace } from './recorded-archive.ts'
import type { OpenSegment, RecordingFile } from './recording-file.ts'

/** What a recording needs of the service. */
export interface RecordingHost {
  readonly settings: () => RecordSettings
  readonly archive: RecordedArchive
  /** Nothing can be written at present. */
  readonly suspended: () => boolean
  /** Begins a file; its writer opens it in its own time. */
  readonly createFile: (start: {
    readonly run: PackagingRun
    readonly firstNumber: number
    readonly start: Micros
    readonly startedAt: number
  }) => RecordingFile
  /** No more segments go into a file. */
  readonly finishFile: (file: RecordingFile) => void
  /** Parts could not be kept: the disk is too slow, or refuses. */
  readonly onLost: (bytes: number) => void
  readonly clock: ClockShift
}

interface Rendition {
  /** For the next segment that begins. */
  init: StoredInit
  open: OpenSegment | undefined
  /** Of the segment that is open, where viewers get other bytes. */
  parts: Uint8Array[]
  /** Of the segment that began last. */
  number: number
}

const MICROS_PER_MINUTE = 60 * MICROS_PER_SECOND
/** A key picture may come so much before its segment's time. */
const EARLY_KEY: Micros = 100 * MICROS_PER_MS
/** A rendition that does not come within so many segments does not hold a file back. */
const LATE_SEGMENTS = 2
/** A file of a path with a limit has this share of it at most: older ones can go then without all that is recent. */
const FILE_SHARE = 0.25

export class StreamRecording implements SegmentSink {
  readonly #packager: Packager
  readonly #host: RecordingHost
  readonly #renditions = new Map<number, Rendition>()
  /** Segments before this one had begun already. */
  readonly #from: number
  #files: RecordingFile[] = []
  #newest = -1
  #run: PackagingRun | undefined
  #ended = false

  /** Records what `packager` makes from its next segment on. */
  constructor(packager: Packager, host: RecordingHost) {
    this.#packager = packager
    this.#host = host
    const { renditions } = packager.store
    this.#from = 1 + Math.max(-1, ...renditions.map(({ segments }) => segments.at(-1)?.number ?? -1))
    for (const { track, inits } of renditions) {
      const newest = inits.at(-1)
      const init = newest?.clear ?? newest
      if (init !== undefined) this.#renditions.set(track.id, { init, open: undefined, parts: [], number: -1 })
    }
  }

  /** The file that grows now. */
  get file(): RecordingFile | undefined {
    return this.#files.at(-1)
  }

  /** Lets go of files that the disk refused to go on with. */
  releaseFailed(): void {
    const failed = this.#files.filter((file) => file.failed)
    this.#files = this.#files.filter((file) => !file.failed)
    for (const file of failed) this.#host.finishFile(file)
  }

  add(result: SegmenterResult): void {
    const { track } = result
    if (result.type === 'init') {
      // It comes before the segment that is open is closed.
      const init = { track, period: result.period, bytes: Buffer.from(result.bytes) }
      const known = this.#renditions.get(track.id)
      if (known === undefined) this.#renditions.set(track.id, { init, open: undefined, parts: [], number: -1 })
      else known.init = init
      return
    }
    const rendition = this.#renditions.get(track.id)
    if (rendition === undefined) return
    if (result.type === 'open') this.#open(rendition, result)
    else if (result.type === 'part') this.#part(rendition, result.part.bytes)
    else this.#close(rendition)
  }

  /** The publisher is gone for good, or recording was ended. */
  end(): void {
    if (this.#ended) return
    this.#ended = true
    for (const { open } of this.#renditions.values()) if (open !== undefined) open.lost = true
    const files = this.#files
    this.#files = []
    for (const file of files) this.#host.finishFile(file)
  }

  #open(rendition: Rendition, { number, start }: SegmenterResult & { type: 'open' }): void {
    if (number < this.#from) return
    this.#begin(number, start)
    const file = this.#fileOf(rendition.init.track, number, start)
    this.#newest = Math.max(this.#newest, number)
    rendition.number = number
    rendition.parts = []
    rendition.open = file?.open(rendition.init, number)
  }

  #part({ open, parts }: Rendition, bytes: Uint8Array): void {
    if (this.#packager.protection !== undefined) parts.push(bytes)
    if (open === undefined || open.lost) {
      if (this.#run !== undefined) this.#host.onLost(bytes.byteLength)
      return
    }
    open.file.add(open, bytes, this.#expected())
    if (open.lost) this.#host.onLost(bytes.byteLength)
  }

  #close(rendition: Rendition): void {
    const { open, init, parts } = rendition
    rendition.open = undefined
    rendition.parts = []
    const { archive, clock } = this.#host
    const name = renditionName(init.track)
    const { store } = this.#packager
    const stored = store.rendition(name)?.segments.findLast(({ complete }) => complete)
    const run = this.#run
    if (stored === undefined || run === undefined || stored.number < this.#from) {
      open?.file.abandon()
      return
    }
    const periodStart = store.periodStart(stored.period)
    const facts = { stored, periodStart, wallMs: wallClock(run, stored.presentationStart) + clock.ms }
    const entry = open?.file.close(open, facts, () => {
      place.pending = undefined
    })
    const place: SegmentPlace = {
      file: open?.file.options.location,
      entry: entry ?? { extents: [], sum: 0, shift: 0 },
      pending: entry === undefined || entry.extents.length === 0 ? undefined : clearBytes(stored, parts),
    }
    archive.add(name, { ...inTheClear(stored), parts: [], bytes: undefined, run, periodStart }, place)
    this.#finishOlder()
  }

  /** The epoch is known with the first segment. */
  #begin(number: number, start: Micros): void {
    if (this.#run !== undefined) return
    const { run, epochMs } = this.#packager
    this.#run = { token: run, epochMs }
    this.#host.archive.begin(this.#run, { number, start })
  }

  /** The file for a segment of a track; `undefined`: nothing can be written. */
  #fileOf(track: Track, number: number, start: Micros): RecordingFile | undefined {
    const newest = this.#files.at(-1)
    const file = this.#files.findLast(({ options }) => options.firstNumber <= number) ?? newest
    const due = file !== undefined && file === newest && number > this.#newest && this.#isFull(file, start)
    if (file !== undefined && !due && !file.failed && file.takes(track)) return file
    if (this.#host.suspended()) return undefined
    const run = this.#run as PackagingRun
    // Encoders set the key pictures of several video tracks a little apart, and nothing may be before the start of its file.
    const videos = this.#expected().filter(({ kind }) => kind === 'video').length
    const fileStart = videos > 1 ? Math.max(0, start - EARLY_KEY) : start
    const startedAt = wallClock(run, fileStart) + this.#host.clock.ms
    const created = this.#host.createFile({ run, firstNumber: number, start: fileStart, startedAt })
    this.#files.push(created)
    return created
  }

  #isFull(file: RecordingFile, start: Micros): boolean {
    const { splitMinutes, keepBytes } = this.#host.settings()
    if (start - file.options.start >= splitMinutes * MICROS_PER_MINUTE) return true
    return keepBytes !== undefined && file.size >= keepBytes * FILE_SHARE
  }

  /** Files that no segment is open in any more, nor will be. */
  #finishOlder(): void {
    const [file, next] = this.#files
    if (file === undefined || next === undefined || file.busy) return
    const { firstNumber } = next.options
    const passed = [...this.#renditions.values()].every(({ number }) => number >= firstNumber)
    if (!passed && this.#newest < firstNumber + LATE_SEGMENTS) return
    this.#files.shift()
    this.#host.finishFile(file)
  }

  #expected(): readonly Track[] {
    return this.#packager.stream.tracks.filter(isPackaged)
  }
}

/** What a segment that viewers get encrypted is made of. */
function clearBytes({ key, bytes }: StoredSegment, parts: readonly Uint8Array[]): Buffer | undefined {
  return key === undefined ? bytes : Buffer.concat(parts)
}

/** As it is kept: with what tells which key it was under. */
function inTheClear(stored: StoredSegment): StoredSegment & Pick<ArchivedSegment, 'keyStretch'> {
  const { init, key } = stored
  if (key === undefined) return stored
  const { period, start } = key
  return { ...stored, init: init?.clear, key: undefined, keyStretch: { period, start } }
}
