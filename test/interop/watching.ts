/** What a viewer received, packet by packet, and how it must relate to what was sent. */
import assert from 'node:assert/strict'
import { parseFrameChecksums } from '../support/media.ts'
import { run } from '../support/process.ts'
import { runNewFfmpeg } from './peers.ts'

export interface SeenPacket {
  /** Of the bytes; comparable among packets from the same program. */
  readonly checksum: string
  /** Seconds. */
  readonly dts: number
  readonly pts: number
}

export type Seen = Readonly<Record<'video' | 'audio', readonly SeenPacket[]>>

export interface WatchOptions {
  /** ffmpeg arguments before `-i`. */
  readonly input?: readonly string[]
  /** Ends the viewer; what it has seen so far counts. */
  readonly signal?: AbortSignal
  /** Milliseconds. */
  readonly timeout?: number
}

const WATCH_MS = 40_000
/** Times go through containers that count in milliseconds. */
const ROUNDING_SECONDS = 0.001_01

/** Packets of a file or URL, as ffmpeg reads them. */
export async function watch(ffmpeg: string, source: string, options: WatchOptions = {}): Promise<Seen> {
  const { input = [], signal, timeout = WATCH_MS } = options
  const args = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-copyts', ...input, '-i', source, '-map', '0']
  const { stdout, stderr, timedOut } = await run(
    ffmpeg,
    [...args, '-c', 'copy', '-flush_packets', '1', '-f', 'framecrc', 'pipe:1'],
    { timeout, ...(signal === undefined ? {} : { signal }) },
  )
  assert.ok(!timedOut, `ffmpeg did not end with ${source}: ${stderr.slice(-1000)}`)
  return parseListing(stdout.toString())
}

/** The same, as FFmpeg 8 reads them. */
export async function watchByNewFfmpeg(source: string, options: WatchOptions = {}): Promise<Seen> {
  const { signal, timeout = WATCH_MS } = options
  const { stdout, stderr, timedOut } = await runNewFfmpeg(['packets', source], {
    timeout,
    ...(signal === undefined ? {} : { signal }),
  })
  assert.ok(!timedOut, `FFmpeg 8 did not end with ${source}: ${stderr.slice(-1000)}`)
  const seen: Record<'video' | 'audio', SeenPacket[]> = { video: [], audio: [] }
  for (const line of stdout.toString().split('\n').filter(isWhole)) {
    const { kind, dts, pts, md5 } = JSON.parse(line) as {
      kind: 'video' | 'audio'
      dts: number
      pts: number
      md5: string
    }
    seen[kind].push({ checksum: md5, dts, pts })
  }
  return seen
}

/**
 * Checks that a viewer got an unbroken run of what was sent, each packet once, bytes unchanged, with the same distances in time and the
 * same composition times.
 *
 * `until: 'end'` also asks for the last packet sent; `fewest` is the least share of the packets sent.
 */
export function assertUnbroken(
  seen: Seen,
  sent: Seen,
  options: { readonly fewest: number; readonly kinds?: readonly ('video' | 'audio')[]; readonly until?: 'end' },
): void {
  for (const kind of options.kinds ?? ['video', 'audio']) {
    const [got, all] = [seen[kind], sent[kind]]
    assert.ok(got.length >= all.length * options.fewest, `${kind}: ${got.length} of ${all.length} packets came`)
    const first = got[0]
    // Silence looks the same again and again: the place is where all that follows is equal too.
    const start = all.findIndex((_, index) =>
      got.every(({ checksum }, step) => all[index + step]?.checksum === checksum),
    )
    assert.ok(start >= 0, `${kind}: ${firstDifference(got, all)}`)
    if (options.until === 'end') assert.equal(start + got.length, all.length, `${kind}: the end is missing`)
    for (const [step, packet] of got.entries()) {
      const original = all[start + step]
      assert.ok(original !== undefined && first !== undefined)
      const moved = packet.dts - first.dts - (original.dts - (all[start]?.dts ?? 0))
      assert.ok(Math.abs(moved) < 2 * ROUNDING_SECONDS, `${kind} packet ${step}: decode time moved by ${moved} s`)
      const composition = packet.pts - packet.dts - (original.pts - original.dts)
      assert.ok(
        Math.abs(composition) < 2 * ROUNDING_SECONDS,
        `${kind} packet ${step}: composition off by ${composition} s`,
      )
    }
  }
}

function firstDifference(got: readonly SeenPacket[], all: readonly SeenPacket[]): string {
  const start = all.findIndex(({ checksum }) => checksum === got[0]?.checksum)
  if (start < 0) return 'the first packet received was never sent'
  const step = got.findIndex(({ checksum }, index) => all[start + index]?.checksum !== checksum)
  return `starts with packet ${start} of what was sent; packet ${step} after it differs (${got.length} received): ${JSON.stringify([got[step], all[start + step]])}`
}

/** Reads framecrc: `#tb 0: 1/1000` and `#media_type 0: video`, then a line a packet. */
function parseListing(text: string): Seen {
  const scales = new Map<number, number>()
  const kinds = new Map<number, string>()
  for (const [, stream, numerator, denominator] of text.matchAll(/^#tb (\d+): (\d+)\/(\d+)/gm)) {
    scales.set(Number(stream), Number(numerator) / Number(denominator))
  }
  for (const [, stream, kind] of text.matchAll(/^#media_type (\d+): (\w+)/gm)) kinds.set(Number(stream), kind ?? '')
  const seen: Record<'video' | 'audio', SeenPacket[]> = { video: [], audio: [] }
  // A viewer that was ended may have been in the middle of a line.
  for (const { stream, dts, pts, checksum } of parseFrameChecksums(text.slice(0, text.lastIndexOf('\n')))) {
    const kind = kinds.get(stream)
    const scale = scales.get(stream) ?? 1
    if (kind === 'video' || kind === 'audio') seen[kind].push({ checksum, dts: dts * scale, pts: pts * scale })
  }
  return seen
}

function isWhole(line: string): boolean {
  return line.startsWith('{') && line.endsWith('}')
}
