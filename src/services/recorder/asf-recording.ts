/** Records a stream whose publisher brings ASF as the same ASF: packet by packet, with all that no other container can carry. */
import { FormatError } from '../../errors.ts'
import type { LogCursor, LogEntry } from '../../live/bounded-log.ts'
import type { UnitFeed } from '../../live/units.ts'
import { AsfFileWriter } from '../../media/containers/asf/file-writer.ts'
import type { AsfInit, AsfPacket } from '../../media/containers/asf/model.ts'
import { MICROS_PER_SECOND, type Micros } from '../../media/time.ts'
import type { ClockShift } from './clock-shift.ts'
import type { RecordSettings } from './record-settings.ts'
import type { RecordingWriter } from './recording-writer.ts'

/** A data packet in a log: what the Windows Media protocols provide. */
export interface AsfLogUnit extends LogEntry, AsfPacket {}

/** One ASF file while it grows. */
export interface AsfRecordingFile {
  readonly writer: RecordingWriter
  readonly muxer: AsfFileWriter
  readonly init: AsfInit
  /** Of the first packet, on the clock of the units. */
  readonly start: Micros
  /** Milliseconds since 1970. */
  readonly startedAt: number
}

export interface AsfRecordingHost {
  readonly settings: () => RecordSettings
  readonly suspended: () => boolean
  readonly createFile: (startedAt: number) => RecordingWriter
  /** The file is complete in memory; it is to be finished on the disk. */
  readonly finishFile: (file: AsfRecordingFile) => void
  readonly onLost: (bytes: number) => void
  readonly clock: ClockShift
}

const MICROS_PER_MINUTE = 60 * MICROS_PER_SECOND
/** As in recordings of segments. */
const FILE_SHARE = 0.25

export class AsfRecording {
  readonly #host: AsfRecordingHost
  readonly #cursor: LogCursor<AsfLogUnit>
  #file: AsfRecordingFile | undefined
  #closed = false

  /** Records the units from the newest key packet on, until the publisher leaves. `onEnd` is called then. */
  constructor(feed: UnitFeed<AsfLogUnit>, host: AsfRecordingHost, onEnd: () => void) {
    this.#host = host
    this.#cursor = feed.open()
    const pull = () => {
      for (let unit = this.#cursor.take(); unit !== undefined; unit = this.#cursor.take()) this.#write(unit)
      if (!this.#cursor.ended || this.#closed) return
      this.close()
      onEnd()
    }
    this.#cursor.onWake = pull
    pull()
  }

  get file(): AsfRecordingFile | undefined {
    return this.#file
  }

  /** Lets go of a file that the disk refused to go on with. */
  releaseFailed(): void {
    if (this.#file?.writer.failed) this.#finish()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#cursor.close()
    this.#finish()
  }

  #write(unit: AsfLogUnit): void {
    if (this.#file !== undefined && (this.#file.writer.failed || this.#isOver(this.#file, unit))) this.#finish()
    // A file begins with a picture that can be decoded.
    if (this.#file === undefined && unit.key && !this.#host.suspended()) this.#file = this.#begin(unit)
    const file = this.#file
    if (file === undefined || !file.writer.accepts(unit.init.packetSize)) {
      this.#host.onLost(unit.bytes.byteLength)
      return
    }
    try {
      file.muxer.write(unit)
    } catch (error) {
      // A packet that breaks its own header is nothing that a file can hold; this is the publisher's turn.
      if (!(error instanceof FormatError)) throw error
      this.#host.onLost(unit.bytes.byteLength)
    }
    this.#drain(file)
  }

  #begin({ init, time }: AsfLogUnit): AsfRecordingFile {
    const startedAt = Date.now()
    const writer = this.#host.createFile(startedAt)
    const muxer = new AsfFileWriter(init, { fromZero: true })
    const file = { writer, muxer, init, start: time, startedAt }
    this.#drain(file)
    return file
  }

  #drain({ muxer, writer }: AsfRecordingFile): void {
    for (let piece = muxer.read(); piece !== undefined; piece = muxer.read()) writer.append(piece)
  }

  #isOver({ init, start, writer }: AsfRecordingFile, unit: AsfLogUnit): boolean {
    if (unit.init !== init) return true
    const { splitMinutes, keepBytes } = this.#host.settings()
    const long = unit.time - start >= splitMinutes * MICROS_PER_MINUTE
    return unit.key && (long || (keepBytes !== undefined && writer.size >= keepBytes * FILE_SHARE))
  }

  #finish(): void {
    const file = this.#file
    this.#file = undefined
    if (file !== undefined) this.#host.finishFile(file)
  }
}
