/** The log files of a folder: their names, their list, and which of them are old enough to go. */
import type { Stats } from 'node:fs'
import { lstat, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** One log file. */
export interface LogFile {
  /** `wms_20261125_0001.log`. */
  readonly name: string
  /** UTC: `20261125`. */
  readonly day: string
  /** From 1 on each day. */
  readonly number: number
  readonly bytes: number
  readonly modifiedAt: Date
}

/** How much is kept. */
export interface LogFileLimits {
  /** Days; a file goes when its day is that long ago. */
  readonly maxAgeDays: number
  /** Bytes of all files together. */
  readonly maxBytes: number
}

/** Entries of the folder that are looked at; there are never so many of ours. */
const MAX_LISTED = 100_000
const NAME = /^wms_(\d{8})_(\d{4,9})\.log$/
const MS_PER_DAY = 86_400_000

/** Of a day, `20261125`, and a number from 1. */
export function logFileName(day: string, number: number): string {
  return `wms_${day}_${String(number).padStart(4, '0')}.log`
}

/** The day of a moment, UTC: `20261125`. */
export function logDay(at: Date): string {
  return at.toISOString().slice(0, 10).replaceAll('-', '')
}

/** Plain files of ours, the oldest first; nothing when there is no folder. */
export async function listLogFiles(folder: string): Promise<LogFile[]> {
  let names: string[]
  try {
    names = await readdir(folder)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw error
  }
  const files: LogFile[] = []
  for (const name of names.slice(0, MAX_LISTED)) {
    const [, day, number] = NAME.exec(name) ?? []
    if (day === undefined || number === undefined) continue
    const found = await statIfThere(join(folder, name))
    if (!found?.isFile()) continue
    files.push({ name, day, number: Number(number), bytes: found.size, modifiedAt: found.mtime })
  }
  return files.sort((a, b) => (a.day === b.day ? a.number - b.number : a.day < b.day ? -1 : 1))
}

/** Removes what is too old, then the oldest while there is too much; never the newest file nor `open`. Resolves with the names. */
export async function removeOldLogFiles(
  folder: string,
  limits: LogFileLimits,
  now: Date,
  open?: string,
): Promise<readonly string[]> {
  const files = await listLogFiles(folder)
  const oldest = logDay(new Date(now.getTime() - limits.maxAgeDays * MS_PER_DAY))
  let total = files.reduce((sum, { bytes }) => sum + bytes, 0)
  const removed: string[] = []
  for (const { name, day, bytes } of files.slice(0, -1)) {
    if (day >= oldest && total <= limits.maxBytes) break
    // Not the newest by name when the clock was wrong once.
    if (name === open) continue
    await rm(join(folder, name), { force: true })
    removed.push(name)
    total -= bytes
  }
  return removed
}

/** Links are not followed. */
async function statIfThere(file: string): Promise<Stats | undefined> {
  try {
    return await lstat(file)
  } catch {
    return undefined
  }
}
