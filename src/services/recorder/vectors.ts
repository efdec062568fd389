/** A recorder over a folder of its own, and streams whose every packet is another one, for tests. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { Hub } from '../../live/hub.ts'
import type { Publisher } from '../../live/publisher.ts'
import { openReader } from '../../media/open-reader.ts'
import type { Packet } from '../../media/packet.ts'
import { MICROS_PER_MS } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import type { Packager } from '../../packaging/packager.ts'
import { packagersOf } from '../../packaging/packagers.ts'
import { AUDIO, audioPackets, interleave, VIDEO, videoPackets } from '../../packaging/vectors.ts'
import { SILENT_LOGGER } from '../../protocols/protocol.ts'
import { ClockShift } from './clock-shift.ts'
import { fileSource } from './index-file.ts'
import { DEFAULT_RECORD, type RecordSettings } from './record-settings.ts'
import { Recorder, type RecorderOptions, type RecordingState } from './recorder.ts'
import type { IndexEntry } from './recording-index.ts'

export const PATH = 'live/a'

/** Time as the packets tell it: a stream of a minute is published in a moment, and every clock believes that a minute has passed. */
export class TestClock {
  static readonly start = Date.UTC(2026, 10, 25, 3, 0, 0)
  /** Milliseconds since the test began. */
  #passed = 0
  /** Milliseconds that the wall clock was set. */
  #set = 0
  readonly #context: TestContext

  constructor(t: TestContext) {
    this.#context = t
    t.mock.timers.enable({ apis: ['Date'], now: TestClock.start })
  }

  get passedMs(): number {
    return this.#passed
  }

  /** Goes forward; never back. */
  to(passedMs: number): void {
    this.#passed = Math.max(this.#passed, passedMs)
    this.#context.mock.timers.setTime(TestClock.start + this.#passed + this.#set)
  }

  /** Somebody sets the wall clock. */
  set(byMs: number): void {
    this.#set += byMs
    this.to(this.#passed)
  }
}

export interface RecorderRun {
  readonly clock: TestClock
  readonly shift: ClockShift
  readonly hub: Hub
  readonly recorder: Recorder
  readonly root: string
  /** In the order in which they were told. */
  readonly states: RecordingState[]
  /** Recordings of the path, the oldest first. */
  files(): string[]
}

/** A folder that goes with the test, and its clock. */
export function makePlace(t: TestContext): { readonly root: string; readonly clock: TestClock } {
  const root = mkdtempSync(join(tmpdir(), 'headend-recorder-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  return { root, clock: new TestClock(t) }
}

/** Opened; `root` is the folder of recordings. Close the recorder when done. */
export async function openRecorder(
  { root, clock }: { readonly root: string; readonly clock: TestClock },
  options: Partial<RecorderOptions> & { readonly record?: Partial<RecordSettings> } = {},
): Promise<RecorderRun> {
  const hub = new Hub({ now: () => Math.round(clock.passedMs * MICROS_PER_MS) })
  const shift = new ClockShift({ wall: () => Date.now(), steady: () => clock.passedMs })
  const states: RecordingState[] = []
  const recorder = new Recorder({
    hub,
    root,
    settingsOf: () => ({ ...DEFAULT_RECORD, ...options.record }),
    limits: () => ({ maxBytes: undefined }),
    log: SILENT_LOGGER,
    onState: (state) => states.push(state),
    clock: shift,
    ...options,
  })
  await recorder.open()
  const folder = join(root, ...PATH.split('/'))
  return { hub, recorder, root, states, clock, shift, files: () => recordingsIn(folder) }
}

/** Names of recordings, the oldest first. */
export function recordingsIn(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => !name.startsWith('.'))
    .toSorted()
}

export interface StreamShape {
  readonly seconds: number
  readonly from?: number
  readonly video?: Track
  /** Bytes of a picture. */
  readonly size?: number
}

/** Video of 30 pictures a second, a key picture each second, and sound; no two packets have the same bytes. */
export function streamPackets({ seconds, from = 0, video = VIDEO, size = 400 }: StreamShape): Packet[] {
  const packets = interleave([
    ...videoPackets({ seconds, from, track: video, size }),
    ...audioPackets({ seconds, from, track: AUDIO }),
  ])
  return packets.map((packet) => ({ ...packet, data: numbered(packet) }))
}

/** A stream that is published as time passes. */
export interface TestStream {
  readonly publisher: Publisher
  readonly packager: Packager
  write(packets: readonly Packet[]): void
  /** The publisher leaves for good. */
  end(): void
}

/** Announces the tracks and writes the packets; the publisher stays. */
export function publish({ hub, recorder, clock }: RecorderRun, packets: readonly Packet[]): TestStream {
  const publisher = hub.publish(PATH)
  recorder.published(PATH)
  publisher.announce([...new Map(packets.toReversed().map(({ track }) => [track.id, track])).values()])
  const begin = clock.passedMs - (packets[0]?.dts ?? 0) / MICROS_PER_MS
  const write = (more: readonly Packet[]) => {
    for (const packet of more) {
      clock.to(begin + packet.dts / MICROS_PER_MS)
      publisher.write(packet)
    }
  }
  write(packets)
  const packager = packagersOf(hub).find(PATH)
  if (packager === undefined) throw new Error('the stream is not packaged')
  return {
    publisher,
    packager,
    write,
    end: () => {
      publisher.close({ final: true })
      recorder.ended(PATH)
    },
  }
}

/** What a reader finds in a recording: the bytes of all packets by kind, hexadecimal. */
export async function contentOf(file: string): Promise<Record<'video' | 'audio', string[]>> {
  const handle = await open(file, 'r')
  try {
    const reader = await openReader(fileSource(handle, (await handle.stat()).size))
    const content: Record<'video' | 'audio', string[]> = { video: [], audio: [] }
    for await (const { track, data } of reader.packets(0)) {
      if (track.kind === 'video' || track.kind === 'audio') content[track.kind].push(Buffer.from(data).toString('hex'))
    }
    return content
  } finally {
    await handle.close()
  }
}

/** The same of packets. */
export function packetContent(packets: readonly Packet[]): Record<'video' | 'audio', string[]> {
  const of = (kind: string) =>
    packets.filter(({ track }) => track.kind === kind).map(({ data }) => Buffer.from(data).toString('hex'))
  return { video: of('video'), audio: of('audio') }
}

/** One unit behind its length, with its time and kind in it. */
function numbered({ track, data, dts }: Packet): Uint8Array {
  const bytes = Buffer.alloc(data.byteLength)
  bytes.writeUInt32BE(data.byteLength - 4, 0)
  bytes.writeUInt8(track.kind === 'video' ? 0x65 : 0x21, 4)
  bytes.writeUIntBE(dts, 5, 6)
  return bytes
}

/** One of each line of an index. */
export const INDEX_ENTRIES: readonly IndexEntry[] = [
  {
    type: 'file',
    version: 1,
    path: PATH,
    format: 'mp4',
    run: { token: '0123456789ab', epochMs: TestClock.start + 0.5 },
    firstNumber: 7,
    start: 4_000_000,
    startedAt: TestClock.start + 4_000.5,
  },
  { type: 'init', rendition: 'video-1', period: 2, bytes: 'AAAA' },
  {
    type: 'segment',
    rendition: 'video-1',
    number: 7,
    period: 2,
    periodStart: 0,
    discontinuity: false,
    start: 4_000_000,
    presentationStart: 4_066_667,
    duration: 2_000_000,
    packets: 60,
    independent: true,
    wallMs: TestClock.start + 4_067,
    shift: 360_000,
    sum: 0xdead_beef,
    extents: [
      [700, 20_000],
      [21_000, 3_000],
    ],
  },
  { type: 'end', bytes: 24_100, durationMs: 2000, endedAt: TestClock.start + 6_000.5 },
]
