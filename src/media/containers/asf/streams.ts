/** The streams of a header as tracks: stream properties, with what other objects say of them (ASF 1.20 sections 3.3, 3.12, 4.1, 9). */
import { FormatError } from '../../../errors.ts'
import { TRACK_ID_BASE, type Track, type TrackKind } from '../../track.ts'
import { ASF_GUID } from './guid.ts'
import type { AsfObject } from './header-objects.ts'
import { type AsfStream, MAX_STREAM_NUMBER } from './model.ts'
import type { ExtendedStreamPropertiesObject } from './objects/extended-stream-properties.ts'
import { plainText } from './objects/object.ts'
import { readAudioSpread, STREAM_FLAG, type StreamPropertiesObject } from './objects/stream-properties.ts'
import { formatNameOf, readTrackFormat } from './track-format.ts'

/** Ticks a second: presentation times are milliseconds. */
const TIMESCALE = 1000
/** RFC 5646 as far as needed: letters and digits in groups. */
const LANGUAGE_PATTERN = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$/
/** The tag of a stream whose language is not known. */
const UNDETERMINED = 'und'
/** Text for people is cut here. */
const MAX_NAME_LENGTH = 200

/** One for each stream number, in the order of the header; streams hidden in extended properties behind the others. */
export function streamsOf(objects: readonly AsfObject[]): AsfStream[] {
  const extended = new Map<number, ExtendedStreamPropertiesObject>()
  const found = new Map<number, StreamPropertiesObject>()
  const add = (properties: StreamPropertiesObject) => {
    const number = properties.flags & STREAM_FLAG.NUMBER_MASK
    // A number stands for one stream: the first to use it, as players have it.
    if (number > 0 && number <= MAX_STREAM_NUMBER && !found.has(number)) found.set(number, properties)
  }
  for (const object of objects) {
    if (object.type === 'stream-properties') add(object)
    else if (object.type === 'extended-stream-properties') extended.set(object.streamNumber, object)
  }
  for (const { stream } of extended.values()) if (stream !== undefined) add(stream)
  const context: Context = {
    extended,
    bitrates: bitratesOf(objects),
    languages: languagesOf(objects),
    counts: new Map(),
  }
  return [...found].map(([number, properties]) => describeStream(number, properties, context))
}

interface Context {
  readonly extended: ReadonlyMap<number, ExtendedStreamPropertiesObject>
  readonly bitrates: ReadonlyMap<number, number>
  readonly languages: readonly string[]
  /** Tracks of each kind so far. */
  readonly counts: Map<TrackKind, number>
}

function describeStream(number: number, properties: StreamPropertiesObject, context: Context): AsfStream {
  const extended = context.extended.get(number)
  const kind = KIND_OF_TYPE.get(properties.streamType) ?? 'other'
  const encrypted = (properties.flags & STREAM_FLAG.ENCRYPTED) !== 0
  const tag = extended === undefined ? '' : (context.languages[extended.languageIndex] ?? '')
  const language = tag !== UNDETERMINED && LANGUAGE_PATTERN.test(tag) ? tag : undefined
  const averageBitrateBps = context.bitrates.get(number) ?? extended?.average.bitrate ?? 0
  return {
    number,
    kind,
    encrypted,
    averageBitrateBps,
    track: encrypted
      ? undefined
      : trackOf(properties, { language, averageBitrateBps, extended, counts: context.counts }),
    formatName: formatNameOf(properties),
    extensionSizes: extended?.payloadExtensions.map(({ size }) => size) ?? [],
    spread: kind === 'audio' ? spreadOf(properties) : undefined,
    language,
  }
}

const KIND_OF_TYPE: ReadonlyMap<string, AsfStream['kind']> = new Map([
  [ASF_GUID.AUDIO_MEDIA, 'audio'],
  [ASF_GUID.VIDEO_MEDIA, 'video'],
  [ASF_GUID.COMMAND_MEDIA, 'command'],
])

interface TrackContext {
  readonly language: string | undefined
  readonly averageBitrateBps: number
  readonly extended: ExtendedStreamPropertiesObject | undefined
  readonly counts: Map<TrackKind, number>
}

function trackOf(
  properties: StreamPropertiesObject,
  { language, averageBitrateBps, extended, counts }: TrackContext,
): Track | undefined {
  const format = readTrackFormat(properties)
  if (format === undefined) return undefined
  const { kind } = format
  const count = counts.get(kind) ?? 0
  counts.set(kind, count + 1)
  const name = plainText(extended?.names[0]?.name ?? '').slice(0, MAX_NAME_LENGTH)
  const ticksPerFrame = Number(extended?.averageTimePerFrame ?? 0n)
  const frameRate = ticksPerFrame > 0 ? Math.round((1e7 / ticksPerFrame) * 1000) / 1000 : undefined
  const video = format.video !== undefined && frameRate !== undefined ? { frameRate, ...format.video } : format.video
  return {
    ...format,
    id: TRACK_ID_BASE[kind] + count,
    ...(video !== undefined && { video }),
    timescale: TIMESCALE,
    ...(language !== undefined && { language }),
    ...(name !== '' && { name }),
    ...(averageBitrateBps > 0 && { bitrateBps: averageBitrateBps }),
  }
}

function bitratesOf(objects: readonly AsfObject[]): Map<number, number> {
  const bitrates = new Map<number, number>()
  for (const object of objects) {
    if (object.type !== 'stream-bitrates') continue
    for (const { flags, bitrate } of object.entries) bitrates.set(flags & STREAM_FLAG.NUMBER_MASK, bitrate)
  }
  return bitrates
}

/** As the header has them. */
function languagesOf(objects: readonly AsfObject[]): string[] {
  const list = objects.find((object) => object.type === 'language-list')
  return (list?.languages ?? []).map((language) => plainText(language))
}

function spreadOf({ errorCorrectionType, errorCorrection }: StreamPropertiesObject): AsfStream['spread'] {
  if (errorCorrectionType !== ASF_GUID.AUDIO_SPREAD) return undefined
  try {
    const { span, packetLength, chunkLength } = readAudioSpread(errorCorrection)
    const scrambled = span > 1 && chunkLength > 0 && packetLength >= chunkLength
    return scrambled ? { span, packetLength, chunkLength } : undefined
  } catch (error) {
    // Files of some writers leave the data out, and play all the same.
    if (error instanceof FormatError) return undefined
    throw error
  }
}
