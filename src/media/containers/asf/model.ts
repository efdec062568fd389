/** What the ASF header says and what a data packet is, for everybody who moves packets (ASF 1.20, sections 3 to 5). */
import type { SourceProtection } from '../../source-protection.ts'
import type { Track } from '../../track.ts'

/** Highest stream number. */
export const MAX_STREAM_NUMBER = 127
/** Bytes of the Data Object before its first packet; the "ASF header" of Windows Media protocols ends with them. */
export const DATA_OBJECT_HEADER_LENGTH = 50

/** A header, read; shared and never changed. */
export interface AsfInit {
  /** Header Object and the first 50 bytes of the Data Object, as they came. Another header is another object. */
  readonly bytes: Uint8Array
  /** 16 bytes; also in the Data Object and the indexes. */
  readonly fileId: Uint8Array
  /** Bytes of every data packet in a file. */
  readonly packetSize: number
  /** Milliseconds that presentation times in packets are ahead of media time. */
  readonly prerollMs: number
  /** Live: counts and durations are not valid. */
  readonly broadcast: boolean
  readonly seekable: boolean
  /** 0 when not valid. */
  readonly packetCount: number
  /** Milliseconds of media, preroll not included; 0 when not valid. */
  readonly durationMs: number
  readonly maxBitrateBps: number
  /** In the order of the header. */
  readonly streams: readonly AsfStream[]
  /** Stream numbers of which exactly one is to be sent at a time (bit rate and advanced mutual exclusion). */
  readonly exclusions: readonly (readonly number[])[]
  /** Stream numbers, most important first; empty when the header does not say. */
  readonly priorities: readonly number[]
  readonly markers: readonly AsfMarker[]
  readonly commands: readonly AsfCommand[]
  readonly description: AsfDescription
  /** Bytes in the payloads are encrypted (content encryption objects are in `bytes`). */
  readonly encryption: SourceProtection | undefined
}

export interface AsfStream {
  /** 1 to 127. */
  readonly number: number
  readonly kind: 'video' | 'audio' | 'command' | 'other'
  readonly encrypted: boolean
  /** Bits a second, from the bitrate or the extended properties; 0 when the header does not say. */
  readonly averageBitrateBps: number
  /** The track a demuxer makes of it; `undefined` for what no decoder here knows (it is still carried). */
  readonly track: Track | undefined
  /** What the header calls the format, for people: a FourCC, or `format 0x0055`. */
  readonly formatName: string
  /** Bytes of each payload extension in the replicated data, in order; 0xFFFF: a length of two bytes stands before it. */
  readonly extensionSizes: readonly number[]
  /** Audio spread, when its span is above 1. */
  readonly spread: { readonly span: number; readonly packetLength: number; readonly chunkLength: number } | undefined
  readonly language: string | undefined
}

export interface AsfMarker {
  readonly name: string
  /** Media time, preroll taken off. */
  readonly timeMs: number
}

export interface AsfCommand {
  /** `URL`, `TEXT`, `FILENAME`, `EVENT` … */
  readonly type: string
  readonly text: string
  /** Presentation time as in the header. */
  readonly timeMs: number
}

export interface AsfDescription {
  readonly title: string
  readonly author: string
  readonly copyright: string
  readonly description: string
  readonly rating: string
}

/** One data packet on its way. Shared by all viewers: never written to. */
export interface AsfPacket {
  /** Place in the file, from 0; of a live stream in the virtual file it pretends to be. */
  readonly number: number
  /** Without padding where it was removed; at most `init.packetSize`. */
  readonly bytes: Uint8Array
  readonly sendTimeMs: number
  /** Decoding can start here: the packet begins a key frame of the first video stream, or any object where there is no video. */
  readonly key: boolean
  readonly init: AsfInit
}
