/** The recordings that lie in a folder: found by their names, described by what their indexes tell. */
import type { Stats } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { checkPath } from '../../live/path.ts'
import { readIndexEdges } from './index-file.ts'
import { indexName, parseRecordingName, type RecordingName } from './recording-name.ts'

/** A file that has the name of a recording. */
export interface FoundRecording {
  /** Path of the stream. */
  readonly path: string
  readonly folder: string
  readonly name: string
  readonly parsed: RecordingName
  readonly bytes: number
  /** Milliseconds since 1970 of the last change, as the file system says: anything. */
  readonly changedAt: number
}

/** A recording as it is told to people and programs. */
export interface Recording {
  /** Path of the stream. */
  readonly path: string
  readonly name: string
  /** Path in the library: `vod/recordings/live/NAME/FILE.mp4`. */
  readonly file: string
  readonly startedAt: Date
  readonly bytes: number
  /** `undefined`: it grows, or was not completed. */
  readonly durationMs: number | undefined
}

/** Files and folders that are looked at. */
const MAX_ENTRIES = 200_000
const MAX_DEPTH = 8
const LIBRARY_FOLDER = 'vod/recordings'

/** All recordings below a folder, or those of one path, the oldest first. Links are not followed; nothing where there is no folder. */
export async function findRecordings(root: string, path?: string): Promise<FoundRecording[]> {
  const found: FoundRecording[] = []
  let looked = 0
  const visit = async (folder: string, depth: number): Promise<void> => {
    for (const entry of await entriesOf(folder)) {
      if (++looked > MAX_ENTRIES) return
      const place = join(folder, entry.name)
      if (entry.isDirectory()) {
        if (depth < MAX_DEPTH) await visit(place, depth + 1)
        continue
      }
      const parsed = entry.isFile() ? parseRecordingName(entry.name) : undefined
      const streamPath = parsed && pathOf(root, folder)
      if (parsed === undefined || streamPath === undefined || (path !== undefined && streamPath !== path)) continue
      const stats = await statsOf(place)
      if (stats?.isFile() !== true) continue
      const { size, mtimeMs } = stats
      found.push({ path: streamPath, folder, name: entry.name, parsed, bytes: size, changedAt: mtimeMs })
    }
  }
  await visit(path === undefined ? root : join(root, ...checkPath(path).split('/')), path === undefined ? 0 : MAX_DEPTH)
  return found.toSorted(byTime)
}

/** Reads what the index of a recording tells. */
export async function describeRecording(found: FoundRecording): Promise<Recording> {
  const { path, folder, name, parsed, bytes } = found
  const { file, end } = await readIndexEdges(join(folder, indexName(name)))
  return {
    path,
    name,
    file: `${LIBRARY_FOLDER}/${path}/${name}`,
    startedAt: new Date(file?.startedAt ?? parsed.startedAt),
    bytes,
    durationMs: end?.durationMs,
  }
}

function byTime(left: FoundRecording, right: FoundRecording): number {
  return left.parsed.startedAt - right.parsed.startedAt || left.parsed.repeat - right.parsed.repeat
}

/** `undefined`: no folder that a path has. */
function pathOf(root: string, folder: string): string | undefined {
  try {
    return checkPath(relative(root, folder).split(sep).join('/'))
  } catch {
    return undefined
  }
}

async function entriesOf(folder: string) {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}

/** A file may be gone since it was listed. */
async function statsOf(file: string): Promise<Stats | undefined> {
  try {
    return await lstat(file)
  } catch {
    return undefined
  }
}
