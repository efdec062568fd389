/** Windows Media players as others have them: ffmpeg, MPlayer, VLC and libmms, each as one call that says what it received. */
import { chmodSync, mkdirSync, mkdtempSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { type RunResult, run, runOrThrow } from '../support/process.ts'
import type { RunningServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'
import { findTool, requireTool } from '../support/tools.ts'
import { vlcRecord } from './foreign-programs.ts'
import { type Seen, watch } from './watching.ts'

const BUILD = join(repository, 'test/.cache/native')
const PLAY_MS = 60_000

/** Host and port of the server's HTTP side. */
export function hostOf(server: RunningServer): string {
  return new URL(server.urls['http'] ?? '').host
}

/** A player that records what it receives: into an ASF file, by a name of its own. */
export interface Recorder {
  readonly name: string
  /** `undefined`: the test was skipped with the reason. */
  ready(t: TestContext): boolean
  record(url: string, file: string, options?: RecordOptions): Promise<RunResult>
}

export interface RecordOptions {
  /** Starts here, seconds of media. */
  readonly start?: number
  readonly signal?: AbortSignal
}

/** MPlayer writes what it receives. It cannot seek over this protocol. */
export const mplayer: Recorder = {
  name: 'MPlayer',
  ready: (t) => requireTool(t, 'mplayer') !== undefined,
  record: (url, file, { signal } = {}) =>
    run(
      findTool('mplayer') ?? '',
      // biome-ignore format: options
      ['-really-quiet', '-nolirc', '-noconsolecontrols', '-noconfig', 'all', '-dumpstream', '-dumpfile', file, url.replace('mms://', 'mmsh://')],
      { timeout: PLAY_MS, ...(signal === undefined ? {} : { signal }) },
    ),
}

/** libmms, as several audio players use it. */
export const libmms: Recorder = {
  name: 'libmms',
  ready: (t) => requireTool(t, 'compiler') !== undefined,
  record: async (url, file, { start = 0, signal } = {}) =>
    run(await mmsReadProgram(), [url.replace('mms://', 'mmsh://'), file, String(start)], {
      timeout: PLAY_MS,
      ...(signal === undefined ? {} : { signal }),
    }),
}

/** VLC writes what it receives into a file of its own making. */
export const vlc: Recorder = {
  name: 'VLC',
  ready: (t) => requireTool(t, 'vlc') !== undefined,
  record(url, file, { start, signal } = {}) {
    const [command, ...args] = vlcRecord(findTool('vlc') ?? '', url.replace('mms://', 'mmsh://'), file, start)
    return run(command, args, { timeout: PLAY_MS, ...(signal === undefined ? {} : { signal }) })
  },
}

/** ffmpeg copies what it receives. */
export const ffmpegCopy: Recorder = {
  name: 'ffmpeg',
  ready: (t) => requireTool(t, 'ffmpeg') !== undefined,
  record: (url, file, { start, signal } = {}) =>
    run(
      findTool('ffmpeg') ?? '',
      [
        ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'],
        ...(start === undefined ? [] : ['-ss', String(start)]),
        ...['-i', url.replace('mms://', 'mmsh://'), '-map', '0', '-c', 'copy', '-copyts', file],
      ],
      { timeout: PLAY_MS, ...(signal === undefined ? {} : { signal }) },
    ),
}

/** A folder that other users may write into, removed after the test. */
export function openFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'headend-wm-'))
  chmodSync(folder, 0o777)
  return folder
}

/** What is in a recorded file, packet by packet. Throws with the recorder's words when there is none. */
export async function recorded(ffmpeg: string, file: string, result: RunResult): Promise<Seen> {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0
  if (size === 0)
    throw new Error(`nothing was recorded: ${result.stdout.toString().slice(-500)} ${result.stderr.slice(-1000)}`)
  return watch(ffmpeg, file)
}

let built: Promise<string> | undefined

/** Path of the program that reads by libmms, built once. */
function mmsReadProgram(): Promise<string> {
  built ??= (async () => {
    mkdirSync(BUILD, { recursive: true })
    const binary = join(BUILD, `mms-read-${process.pid}`)
    const source = join(repository, 'test/interop/native/mms-read.c')
    await runOrThrow(findTool('compiler') ?? 'cc', ['-O1', '-o', binary, source, '-lmms'])
    return binary
  })()
  return built
}
