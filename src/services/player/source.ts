/** What the player reads: an address opened by one of several protocols, as tracks and packets in order of arrival. */
import type { DemuxResult } from '../../media/container.ts'
import type { AsfPacket } from '../../media/containers/asf/model.ts'
import type { RequestedObject } from '../../playlog/reporting/session-report.ts'
import type { PlayKeys } from './play-keys.ts'

/** Something a stream did against its own rules. */
export interface Problem {
  /** Short and stable: `timestamps-backwards`, `part-missing`, `playlist/part-duration` … */
  readonly rule: string
  readonly message: string
}

export interface SourceContext {
  readonly signal: AbortSignal
  /** The stream broke a rule; playing goes on. */
  readonly onProblem: (problem: Problem) => void
  /** Bytes received, headers not counted. */
  readonly onBytes: (count: number) => void
  /** Milliseconds between the encoder's clock and now, where the protocol tells: a playlist's program date time, an MPD's clock. */
  readonly onDelay: (milliseconds: number) => void
  /** The address of a request for media, with what is reported beside it. */
  readonly mark: (url: URL, object: RequestedObject) => URL
  /** Of what comes encrypted. */
  readonly keys: PlayKeys
}

/** Ends with the stream, or when the signal aborts. Throws HeadendError when the address cannot be played. */
export type Source = AsyncGenerator<DemuxResult, void, undefined>

/** A whole ASF data packet as its wire carried it. Comes before the packets within. */
export interface AsfResult {
  readonly type: 'asf'
  readonly packet: AsfPacket
}

/** A source whose wire may carry ASF, for outputs that keep it as it is. */
export type NativeSource = AsyncGenerator<DemuxResult | AsfResult, void, undefined>
