/** Media for tests: made by ffmpeg from test sources, kept in test/.cache, and read back frame by frame. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { counterFilter, counterOutput, readCounters } from './counter.ts'
import { runOrThrow } from './process.ts'
import { repository } from './sources.ts'

export interface MediaOptions {
  /** Ending of the file, which chooses the container: `flv`, `mp4`, `ts`. */
  readonly container: string
  readonly seconds?: number
  /** Frames a second. */
  readonly rate?: number
  readonly width?: number
  readonly height?: number
  /** Frames from one key frame to the next. */
  readonly gop?: number
  /** Frames that are displayed in another order than they are decoded, in a row. */
  readonly bFrames?: number
  /** ffmpeg encoder; `none` leaves video out. */
  readonly video?: string
  /** ffmpeg encoder; `none` leaves audio out. */
  readonly audio?: string
  /** Frequency of the tone, Hz. */
  readonly tone?: number
  /** Further ffmpeg arguments before the output. */
  readonly extra?: readonly string[]
}

const FOLDER = join(repository, 'test/.cache/media')
const MAKE_MS = 120_000

/** Path of a file with a frame counter (see counter.ts) and a tone; made once for the same options. */
export async function makeMedia(ffmpeg: string, options: MediaOptions): Promise<string> {
  const args = encoderArguments(options)
  const name = createHash('sha256').update(JSON.stringify(args)).digest('hex').slice(0, 16)
  const path = join(FOLDER, `${name}.${options.container}`)
  if (existsSync(path)) return path
  mkdirSync(FOLDER, { recursive: true })
  const draft = join(FOLDER, `${name}.${process.pid}.${options.container}`)
  await runOrThrow(ffmpeg, ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', ...args, draft], {
    timeout: MAKE_MS,
  })
  renameSync(draft, path)
  return path
}

/** ffmpeg arguments from inputs to encoders: for `makeMedia`, and to publish the same live (put `-re` first, `-f flv URL` last). */
export function encoderArguments(options: Omit<MediaOptions, 'container'>): string[] {
  const { seconds = 4, rate = 25, width = 320, height = 180, gop = rate, bFrames = 0, tone = 1000 } = options
  const { video = 'libx264', audio = 'aac', extra = [] } = options
  const inputs: string[] = []
  const encoders: string[] = []
  if (video !== 'none') {
    inputs.push('-f', 'lavfi', '-i', `testsrc2=size=${width}x${height}:rate=${rate}`)
    encoders.push('-vf', `${counterFilter()},format=yuv420p`, '-c:v', video, '-g', String(gop), '-bf', String(bFrames))
    if (video.startsWith('libx26')) encoders.push('-preset', 'ultrafast', '-sc_threshold', '0')
  }
  if (audio !== 'none') {
    inputs.push('-f', 'lavfi', '-i', `sine=frequency=${tone}:sample_rate=48000`)
    encoders.push('-c:a', audio)
  }
  return [...inputs, ...encoders, '-t', String(seconds), ...extra]
}

/** Frame numbers that a player of `source` (path or URL) sees, in order; `input` goes before `-i`. */
export async function watchCounters(
  ffmpeg: string,
  source: string,
  options: { readonly input?: readonly string[]; readonly seconds?: number; readonly timeout?: number } = {},
): Promise<(number | undefined)[]> {
  const { input = [], seconds, timeout } = options
  const limit = seconds === undefined ? [] : ['-t', String(seconds)]
  const args = ['-hide_banner', '-loglevel', 'error', '-nostdin', ...input, '-i', source, ...limit, ...counterOutput]
  return readCounters(await runOrThrow(ffmpeg, args, { ...(timeout === undefined ? {} : { timeout }) }))
}

/** One packet as ffmpeg's framecrc lists it. */
export interface FrameChecksum {
  readonly stream: number
  /** In the stream's time base. */
  readonly dts: number
  readonly pts: number
  readonly duration: number
  /** Bytes. */
  readonly size: number
  readonly checksum: string
}

/** Checksums of all packets of a source, not decoded: equal lists mean that nothing was lost or changed. */
export async function packetChecksums(
  ffmpeg: string,
  source: string,
  options: { readonly input?: readonly string[]; readonly seconds?: number; readonly timeout?: number } = {},
): Promise<FrameChecksum[]> {
  const { input = [], seconds, timeout } = options
  const limit = seconds === undefined ? [] : ['-t', String(seconds)]
  const args = ['-hide_banner', '-loglevel', 'error', '-nostdin', ...input, '-i', source, ...limit]
  const listing = await runOrThrow(ffmpeg, [...args, '-map', '0', '-c', 'copy', '-f', 'framecrc', 'pipe:1'], {
    ...(timeout === undefined ? {} : { timeout }),
  })
  return parseFrameChecksums(listing.toString())
}

/** Reads the output of ffmpeg's framecrc and framehash muxers. */
export function parseFrameChecksums(listing: string): FrameChecksum[] {
  return listing
    .split('\n')
    .filter((line) => /^\d/.test(line))
    .map((line) => {
      const [stream = '', dts = '', pts = '', duration = '', size = '', checksum = ''] = line
        .split(',')
        .map((part) => part.trim())
      return {
        stream: Number(stream),
        dts: Number(dts),
        pts: Number(pts),
        duration: Number(duration),
        size: Number(size),
        checksum,
      }
    })
}
