/** Command and data messages: RTMP 1.0 section 7.2, and what Enhanced RTMP adds to `connect`. */
import { FormatError } from '../../errors.ts'
import { readAmf0Values, writeAmf0 } from '../../media/amf/amf0.ts'
import type { AmfObject, AmfValue } from '../../media/amf/value.ts'
import { ByteReader } from '../../media/bytes/byte-reader.ts'
import { ByteWriter } from '../../media/bytes/byte-writer.ts'
import { MESSAGE_TYPE, type RtmpMessage } from './message.ts'

/** A call or an answer to one. Values come from the peer: check their types before use. */
export interface RtmpCommand {
  readonly name: string
  /** Matches answers to calls; 0 wants no answer. */
  readonly transactionId: number
  /** The command object, then the arguments. */
  readonly values: readonly AmfValue[]
}

/** Values of a command; the longest real one (`connect`) has three. */
const MAX_COMMAND_VALUES = 64

/** Reads a message of type 20 or 17. Throws FormatError for broken AMF and for a command without a name. */
export function readCommand(message: RtmpMessage): RtmpCommand {
  const [name, transactionId, ...values] = readAmf0Values(new ByteReader(amf0Body(message)))
  if (typeof name !== 'string') {
    throw new FormatError('ERR_RTMP_COMMAND', `expected the name of a command, found ${typeof name}`)
  }
  if (values.length > MAX_COMMAND_VALUES) {
    throw new FormatError('ERR_RTMP_COMMAND', `expected at most ${MAX_COMMAND_VALUES} values in a command`)
  }
  return { name, transactionId: typeof transactionId === 'number' ? transactionId : 0, values }
}

/** The AMF 0 part of a command or data message: types 15 and 17 have a byte before it and switch to AMF 3 by its own marker. */
export function amf0Body(message: RtmpMessage): Uint8Array {
  const { type, payload } = message
  const amf3 = type === MESSAGE_TYPE.COMMAND_AMF3 || type === MESSAGE_TYPE.DATA_AMF3
  return amf3 && payload[0] === 0 ? payload.subarray(1) : payload
}

/** A command in AMF 0, which peers take whatever encoding they asked for. */
export function commandMessage(streamId: number, command: RtmpCommand): RtmpMessage {
  const values = [command.name, command.transactionId, ...command.values]
  return amfMessage(MESSAGE_TYPE.COMMAND_AMF0, streamId, values)
}

/** A data message: `onMetaData`, `onPlayStatus`. */
export function dataMessage(streamId: number, values: readonly AmfValue[]): RtmpMessage {
  return amfMessage(MESSAGE_TYPE.DATA_AMF0, streamId, values)
}

function amfMessage(type: number, streamId: number, values: readonly AmfValue[]): RtmpMessage {
  const writer = new ByteWriter()
  for (const value of values) writeAmf0(writer, value)
  return { type, streamId, timestampMs: 0, payload: writer.view() }
}

/** Codecs we pass on, by FourCC: Enhanced RTMP v2, "Enhanced NetConnection connect". */
export const VIDEO_FOURCC = ['avc1', 'hvc1', 'av01', 'vp08', 'vp09'] as const
export const AUDIO_FOURCC = ['Opus', 'mp4a', 'ac-3', 'ec-3', '.mp3', 'fLaC'] as const
const CAN_FORWARD = 4
/** Multitrack, ModEx and nanosecond offsets; no reconnect requests. */
const CAPS_EX = 2 | 4 | 8

/** What both ends say in `connect` and in its answer. */
export const ENHANCED_RTMP: AmfObject = {
  fourCcList: [...VIDEO_FOURCC, ...AUDIO_FOURCC],
  videoFourCcInfoMap: Object.fromEntries(VIDEO_FOURCC.map((fourCc) => [fourCc, CAN_FORWARD])),
  audioFourCcInfoMap: Object.fromEntries(AUDIO_FOURCC.map((fourCc) => [fourCc, CAN_FORWARD])),
  capsEx: CAPS_EX,
}
