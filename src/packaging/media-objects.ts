/** A media file's name to the bytes in the store, for HLS and DASH alike. */
import { MICROS_PER_MS } from '../media/time.ts'
import type { Track } from '../media/track.ts'
import type { HotObjects, ReadyAnswer } from './hot-objects.ts'
import { type MediaName, parseMediaName } from './names.ts'
import type { Packager } from './packager.ts'
import { waitLimitMs } from './segment-store.ts'
import type { StoredRendition, StoredSegment } from './stored-segment.ts'

/** What a name stands for. Bytes are shared and never change. */
export type MediaObject =
  | { readonly type: 'bytes'; readonly bytes: Buffer; readonly rendition: StoredRendition; readonly name: MediaName }
  /** A segment in production: its parts one by one, as they come. */
  | {
      readonly type: 'growing'
      readonly rendition: StoredRendition
      readonly parts: AsyncIterable<Buffer>
      /** Whether all of it was handed out; meaningful after the last part. */
      readonly whole: () => boolean
    }

/** A part or segment that is not announced yet is waited for only this far ahead, in segments. */
const MAX_AHEAD = 1

/**
 * Finds a file. The part that follows the newest one (the preload hint) is waited for; a segment in production is handed out as it
 * grows, and so is the next one once it begins. `undefined`: there is no such file, or not within three target durations.
 */
export async function findMedia(
  packager: Packager,
  fileName: string,
  signal: AbortSignal,
): Promise<MediaObject | undefined> {
  const found = await findOrWait(packager, fileName, signal)
  // The path may have been protected meanwhile.
  return packager.mustEnd ? undefined : found
}

async function findOrWait(packager: Packager, fileName: string, signal: AbortSignal): Promise<MediaObject | undefined> {
  const found = findMediaNow(packager, fileName)
  if (found !== undefined) return found
  const name = parseMediaName(fileName)
  const rendition = name && packager.store.rendition(name.rendition)
  if (name === undefined || rendition === undefined) return undefined
  const archived = await archivedMedia(packager, rendition, name)
  if (archived !== undefined || name.token !== packager.token) return archived
  const { number, part } = name
  if (number === undefined) return undefined
  const { store } = packager
  const newest = rendition.segments.at(-1)
  if (newest === undefined || store.ended || number > newest.number + MAX_AHEAD || number < newest.number)
    return undefined
  if (part !== undefined && part > (number === newest.number ? newest.parts.length : 0)) return undefined
  const waitMs = waitLimitMs(store.targetDuration)
  if (!(await store.waitFor(rendition, { number, part: part ?? 0 }, { waitMs, signal }))) return undefined
  if (part !== undefined) return findMediaNow(packager, fileName)
  return (
    findMediaNow(packager, fileName) ?? {
      type: 'growing',
      rendition,
      parts: growing(packager, rendition, number, signal),
      whole: () => segmentOf(rendition, number)?.complete === true,
    }
  )
}

/** As `findMedia`, for what is complete: never waits. */
export function findMediaNow(
  packager: Packager,
  fileName: string,
): Extract<MediaObject, { type: 'bytes' }> | undefined {
  const name = parseMediaName(fileName)
  const rendition = name && ownRendition(packager, name)
  if (name === undefined || rendition === undefined) return undefined
  const bytes = bytesOf(rendition, name)
  return bytes === undefined ? undefined : { type: 'bytes', bytes, rendition, name }
}

/** What is not in memory any more, or was made before this packager; parts are not kept apart. */
async function archivedMedia(
  { archive }: Packager,
  rendition: StoredRendition,
  name: MediaName,
): Promise<Extract<MediaObject, { type: 'bytes' }> | undefined> {
  const { token, number, part, period, keyPeriod } = name
  if (archive === undefined || part !== undefined) return undefined
  if (period !== undefined) {
    const bytes = archive.init(rendition.name, token, period, keyPeriod)?.bytes
    return bytes === undefined ? undefined : { type: 'bytes', bytes, rendition, name }
  }
  const segment = number === undefined ? undefined : archive.find(rendition.name, token, number)
  const bytes = segment && (await archive.read(rendition.name, segment))
  return bytes === undefined ? undefined : { type: 'bytes', bytes, rendition, name }
}

function ownRendition(packager: Packager, name: MediaName): StoredRendition | undefined {
  return name.token === packager.token ? packager.store.rendition(name.rendition) : undefined
}

function bytesOf(rendition: StoredRendition, { period, keyPeriod, number, part }: MediaName): Buffer | undefined {
  if (period !== undefined) {
    return rendition.inits.find((init) => init.period === period && init.key?.period === keyPeriod)?.bytes
  }
  if (number === undefined) return undefined
  const segment = segmentOf(rendition, number)
  return part === undefined ? segment?.bytes : segment?.parts[part]?.bytes
}

function segmentOf({ segments }: StoredRendition, number: number): StoredSegment | undefined {
  const oldest = segments[0]?.number
  return oldest === undefined ? undefined : segments[number - oldest]
}

/** Ends with the segment, or where the stream stops. */
async function* growing(
  packager: Packager,
  rendition: StoredRendition,
  number: number,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const { store } = packager
  for (let part = 0; ; part++) {
    const waitMs = waitLimitMs(store.targetDuration)
    // Parts of a segment that ended are not followed by others.
    const reached = await store.waitFor(rendition, { number, part }, { waitMs, signal })
    const segment = segmentOf(rendition, number)
    const bytes = segment?.parts[part]?.bytes
    // A path that is protected since has nothing in the clear any more.
    if (!reached || bytes === undefined || packager.mustEnd) return
    yield bytes
    if (segment?.complete && part === segment.parts.length - 1) return
  }
}

/** What an answer holds, for those who tell it in headers. */
export interface AnsweredObject {
  /** Initialization, or a segment or part of a kind. */
  readonly kind: 'init' | 'text' | Track['kind']
  /** Milliseconds of media, where that is known. */
  readonly duration?: number
}

/** Makes an answer in the form of the HTTP listener. */
export type BuildAnswer = (options: {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly object: AnsweredObject
  readonly onSent: (bytes: number, remoteAddress: string) => void
}) => ReadyAnswer

/** What is in these files never changes, and their names are never used again. */
export const IMMUTABLE = 'public, max-age=31536000, immutable'

export interface MediaAnswerOptions {
  readonly build: BuildAnswer
  readonly onSent: (bytes: number, remoteAddress: string) => void
  /** URL path under which the answer may be kept ready for everybody; `undefined` when not everybody may have it. */
  readonly openAt: string | undefined
  readonly hot: HotObjects
}

/** The complete answer with these bytes. The store goes on with the answer's copy of them. */
export function mediaAnswer(
  packager: Packager,
  { bytes, rendition, name }: Extract<MediaObject, { type: 'bytes' }>,
  { build, onSent, openAt, hot }: MediaAnswerOptions,
): ReadyAnswer {
  const headers = {
    'Content-Type': mediaType(rendition),
    'Cache-Control': openAt === undefined ? 'private, max-age=3600' : IMMUTABLE,
  }
  const answer = build({ headers, body: bytes, object: answeredObject(rendition, name), onSent })
  if (openAt === undefined) return answer
  if (name.number !== undefined && name.part === undefined) {
    const { buffer, byteOffset, byteLength } = answer.bytes
    const body = Buffer.from(buffer, byteOffset + byteLength - bytes.byteLength, bytes.byteLength)
    packager.store.adopt(rendition, name.number, body)
  }
  hot.add(openAt, { packager, ...(name.number === undefined ? {} : { number: name.number }), answer: () => answer })
  return answer
}

function answeredObject(rendition: StoredRendition, { period, number, part }: MediaName): AnsweredObject {
  if (period !== undefined) return { kind: 'init' }
  const { kind } = rendition.track
  const segment = number === undefined ? undefined : segmentOf(rendition, number)
  const duration = part === undefined ? segment?.duration : segment?.parts[part]?.duration
  return duration === undefined ? { kind } : { kind, duration: duration / MICROS_PER_MS }
}

export function mediaType({ track }: StoredRendition): string {
  return `${track.kind}/mp4`
}
