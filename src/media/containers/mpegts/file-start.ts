/** What the beginning of a transport stream file tells: its program, its tracks, and when they begin. */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import type { Notes } from '../../notes.ts'
import type { ForeignTrack } from '../../reader.ts'
import type { Track } from '../../track.ts'
import { TsDemuxer } from './demuxer.ts'
import type { Lane } from './lane.ts'
import type { Program } from './program-tables.ts'

/** Read at once. */
const BLOCK_BYTES = 64 * 1024
/** Looked at at once. */
const PIECE_BYTES = 2048
/** Read at most: a stream that the program lists may begin late or never. */
const MAX_START_BYTES = 4 * 1024 * 1024
/** Read at most where pictures came but no key picture: a recording that was begun anywhere. Two seconds of 100 Mb/s are less. */
const MAX_KEYLESS_BYTES = 32 * 1024 * 1024

export interface FileStart {
  readonly program: Program
  /** In the order of the program. */
  readonly tracks: readonly Track[]
  /** PIDs of `tracks`. */
  readonly trackPids: readonly number[]
  readonly foreign: readonly ForeignTrack[]
  /** Streams whose times count. */
  readonly clockedPids: readonly number[]
  /** Ticks at which the first unit of any stream is shown: the file's time 0. */
  readonly originTicks: number
  /** Offsets of streams that have a clock of their own. */
  readonly ownOffsets: ReadonlyMap<number, number>
}

/** Throws FormatError for a file without program, or whose program has neither sound nor pictures. */
export async function readFileStart(source: ByteSource, notes: Notes): Promise<FileStart> {
  const demuxer = new TsDemuxer({ notes })
  let position = 0
  while (position < (lacksKey(demuxer) ? MAX_KEYLESS_BYTES : MAX_START_BYTES) && !isKnown(demuxer)) {
    const bytes = await source.read(position, Math.min(BLOCK_BYTES, source.size - position))
    if (bytes.byteLength === 0) break
    position += writeUntilKnown(demuxer, bytes)
  }
  if (position >= source.size) demuxer.end()
  const { program } = demuxer
  if (program === undefined) {
    throw new FormatError('ERR_TS_NO_PROGRAM', `expected PAT and PMT in the first ${position} bytes, found none`)
  }
  const lanes = demuxer.lanes.filter(({ clocked }) => clocked)
  const began = lanes.flatMap(({ firstPts }) => firstPts ?? [])
  if (began.length === 0) {
    throw new FormatError(
      'ERR_TS_NO_MEDIA',
      `expected sound or pictures of program ${program.number} in the first ${position} bytes, found none`,
    )
  }
  const carried = lanes.filter(isTrack)
  noteMissing(lanes, notes)
  return {
    program,
    tracks: carried.map(({ stream }) => stream.track),
    trackPids: carried.map(({ pid }) => pid),
    foreign: demuxer.foreign,
    clockedPids: lanes.map(({ pid }) => pid),
    originTicks: Math.min(...began),
    ownOffsets: demuxer.timeline.ownOffsets,
  }
}

/** In little pieces: what comes behind the beginning may be another program. Returns how many bytes were written. */
function writeUntilKnown(demuxer: TsDemuxer, bytes: Uint8Array): number {
  let at = 0
  while (at < bytes.byteLength && !isKnown(demuxer)) {
    demuxer.write(bytes.subarray(at, at + PIECE_BYTES))
    at += PIECE_BYTES
    // Only what the streams have become is of interest.
    while (demuxer.read() !== undefined) continue
  }
  return Math.min(at, bytes.byteLength)
}

function isKnown(demuxer: TsDemuxer): boolean {
  return demuxer.settled && demuxer.lanes.every(({ clocked, firstPts }) => !clocked || firstPts !== undefined)
}

function lacksKey(demuxer: TsDemuxer): boolean {
  return demuxer.lanes.some(
    ({ description: { kind }, stream, lastPts }) =>
      kind === 'video' && stream !== undefined && stream.track === undefined && lastPts !== undefined,
  )
}

type TrackLane = Lane & { readonly stream: { readonly track: Track } }

function isTrack(lane: Lane): lane is TrackLane {
  return lane.stream?.track !== undefined
}

function noteMissing(lanes: readonly Lane[], notes: Notes): void {
  for (const { pid, description, stream } of lanes) {
    if (stream === undefined || stream.track !== undefined || stream.foreignCodec !== undefined) continue
    notes.add(`stream ${pid} (${description.codec}) has nothing that can be read at the beginning and is left out`)
  }
}
