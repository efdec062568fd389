/** The programs that encode: where they are, of which version, and what is to be said of it. */
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { delimiter, dirname, isAbsolute, join } from 'node:path'
import type { Logger } from '../../protocols/protocol.ts'
import { Child } from './child.ts'
import { noFfmpeg } from './failures.ts'

/** What was found. */
export interface Programs {
  readonly ffmpeg: string
  readonly ffprobe: string
  readonly prlimit: string | undefined
  /** Major and minor version; `undefined` for builds that carry none, which are newer than any release. */
  readonly version: readonly [number, number] | undefined
}

/** What an old release lacks; told once at the start, the newest first. */
const OLD_RELEASES: readonly { readonly before: readonly [number, number]; readonly lacks: string }[] = [
  { before: [5, 1], lacks: 'the release is not maintained any more and not tested with this server' },
  { before: [4, 4], lacks: 'decoders of that age have known memory faults: files from others can use them' },
]
/** `-vsync` is gone from new releases, `-fps_mode` is not in older ones than this. */
const FPS_MODE_SINCE = [5, 1] as const
const VERSION_OUTPUT = 64 * 1024
const VERSION_MS = 10_000
const VERSION_LIMITS = { prlimit: undefined, memoryBytes: 0, cpuSeconds: undefined, nice: 0 }

/**
 * Finds the programs. Throws UnavailableError ERR_TRANSCODE_NO_FFMPEG, which tells what to install, when one is missing or does not
 * run. `ffmpeg` is a name that is looked up in PATH, or a path.
 */
export async function findPrograms(ffmpeg: string): Promise<Programs> {
  const program = await locate(ffmpeg)
  const probe = program === undefined ? undefined : await locate(join(dirname(program), 'ffprobe'))
  const ffprobe = probe ?? (await locate('ffprobe'))
  if (program === undefined || ffprobe === undefined) throw noFfmpeg(program === undefined ? ffmpeg : 'ffprobe')
  try {
    const child = new Child(program, ['-version'], { limits: VERSION_LIMITS, stallMs: VERSION_MS })
    const version = parseVersion(Buffer.from(await child.collect(VERSION_OUTPUT)).toString('latin1'))
    return { ffmpeg: program, ffprobe, prlimit: await locate('prlimit'), version }
  } catch (cause) {
    throw noFfmpeg(ffmpeg, cause)
  }
}

/** Reads `ffmpeg version 5.1.9-0+deb12u1 …`. */
export function parseVersion(text: string): readonly [number, number] | undefined {
  const [, major, minor] = /^ffmpeg version n?(\d{1,3})\.(\d{1,3})/.exec(text) ?? []
  return major === undefined || minor === undefined ? undefined : [Number(major), Number(minor)]
}

/** What is to be said of a version, for the log; empty for one that is new enough. */
export function versionWarnings(version: Programs['version']): readonly string[] {
  if (version === undefined) return []
  return OLD_RELEASES.filter(({ before }) => isBefore(version, before)).map(
    ({ before, lacks }) => `ffmpeg ${version.join('.')} is older than ${before.join('.')}: ${lacks}`,
  )
}

/** ffmpeg's word for "give me the pictures as the filters made them". */
export function fpsMode({ version }: Pick<Programs, 'version'>): '-fps_mode' | '-vsync' {
  return version === undefined || !isBefore(version, FPS_MODE_SINCE) ? '-fps_mode' : '-vsync'
}

/** Looks at the start what is there, and says so once. */
export async function tellPrograms(ffmpeg: string, log: Logger): Promise<void> {
  try {
    const { version, prlimit } = await findPrograms(ffmpeg)
    for (const warning of versionWarnings(version)) log.warn({}, warning)
    if (prlimit === undefined) {
      log.warn({}, 'prlimit (util-linux) was not found: encoders run without limits of memory and processor time')
    }
  } catch {
    log.info(
      { ffmpeg },
      'ffmpeg was not found: what browsers cannot play is not encoded for them until it is installed',
    )
  }
}

function isBefore(version: readonly [number, number], other: readonly [number, number]): boolean {
  return version[0] < other[0] || (version[0] === other[0] && version[1] < other[1])
}

async function locate(program: string): Promise<string | undefined> {
  const folders = program.includes('/') ? [''] : (process.env['PATH'] ?? '').split(delimiter).filter(isAbsolute)
  for (const folder of folders) {
    const path = folder === '' ? program : join(folder, program)
    try {
      await access(path, constants.X_OK)
      return path
    } catch {
      // Not in this folder.
    }
  }
  return undefined
}
