/** The on-demand library: files of a folder, and of folders mounted in it, by their path. Nothing outside of them is ever opened. */

import { constants } from 'node:fs'
import { type FileHandle, open, readdir, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { PeerError, UnavailableError } from '../errors.ts'
import type { ByteSource } from '../media/byte-source.ts'

/** Bytes of a path, UTF-8. */
export const MAX_LIBRARY_PATH = 1024
/** Of one folder. */
export const MAX_LIBRARY_ENTRIES = 10_000
const MAX_SEGMENTS = 32
const ROOT_NAME = 'vod'
const ROOT = `${ROOT_NAME}/`
/** C0 and C1 controls and what separates lines or folders elsewhere. */
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\\\u2028\u2029]/u

/** A file of the library. Its size is the one it had when it was opened. Close it when done. */
export interface LibraryFile extends ByteSource {
  /** Its path: `vod/concert.wmv`. */
  readonly path: string
  readonly modified: Date
  /** Of the open file, for a child process that is handed the file and not its name; closed by `close`. `undefined`: it is in memory. */
  readonly descriptor?: number
  close(): Promise<void>
}

/** What a folder of the library holds. */
export type LibraryEntry =
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly size: number; readonly modified: Date }

/** Where on-demand files are found. */
export interface Library {
  /**
   * Opens a file by its path, `vod/…`. Throws PeerError ERR_PATH_INVALID for a path that breaks the rule, UnavailableError
   * ERR_LIBRARY_NOT_FOUND when there is no such file (or it lies outside, is hidden, or is no plain file).
   */
  open(path: string): Promise<LibraryFile>
  /**
   * What lies in a folder, `vod` or `vod/…`, by name; at most `MAX_LIBRARY_ENTRIES`. Hidden files, links that lead out, and names that break
   * the rule are left out. With `accept`, only names that it takes are looked at, which is much quicker. Throws as `open` does.
   */
  list(folder: string, accept?: (name: string) => boolean): Promise<readonly LibraryEntry[]>
}

/** A library without any file. */
export const EMPTY_LIBRARY: Library = {
  open: (path) => Promise.reject(notFound(path)),
  list: () => Promise.resolve([]),
}

/** Folders that make up a library. */
export interface LibraryFolders {
  /** Folder whose files are `vod/FILE`; need not exist. */
  readonly root: string
  /** Folders that are seen as `vod/NAME` in place of one of that name in the root; need not exist. */
  readonly mounts: Readonly<Record<string, string>>
}

/**
 * Checks a path like `vod/Film 1.wmv` and returns its segments behind `vod`. File names may have any characters but control
 * characters and backslashes. Throws PeerError ERR_PATH_INVALID.
 */
export function librarySegments(path: string): readonly string[] {
  if (!path.startsWith(ROOT)) throw invalid('vod/FILE', path)
  if (Buffer.byteLength(path) > MAX_LIBRARY_PATH) throw invalid(`at most ${MAX_LIBRARY_PATH} bytes`, path)
  if (FORBIDDEN.test(path) || !path.isWellFormed()) throw invalid('names without control characters', path)
  const segments = path.slice(ROOT.length).split('/')
  if (segments.length > MAX_SEGMENTS) throw invalid(`at most ${MAX_SEGMENTS} folders`, path)
  if (segments.some((segment) => segment === '' || segment === '.' || segment === '..')) {
    throw invalid('names that are neither empty nor dots', path)
  }
  return segments
}

/** The library of some folders; they are asked for at each use, so that other settings take effect. */
export function openLibrary(folders: () => LibraryFolders): Library {
  const barren = new BarrenPaths()
  return {
    async open(path) {
      librarySegments(path)
      if (barren.holds(path)) throw notFound(path)
      try {
        return await openFile(folders(), path)
      } catch (error) {
        if (error instanceof UnavailableError && isBelowFile(error.cause)) barren.add(path)
        throw error
      }
    },
    list: (path, accept) => listFolder(folders(), path, accept),
  }
}

/** How long nothing is looked for below a path that was a file, milliseconds. */
const BARREN_MS = 1_000
const MAX_BARREN = 256

/**
 * Files lately found where a folder was asked for: each segment of a film is asked for below the name of its file, and might be a file that lies
 * there.
 */
class BarrenPaths {
  readonly #until = new Map<string, number>()

  /** There was no file of this path, as what it is below is none that holds others. */
  add(path: string): void {
    if (this.#until.size >= MAX_BARREN) this.#until.clear()
    this.#until.set(parentOf(path), performance.now() + BARREN_MS)
  }

  holds(path: string): boolean {
    const until = this.#until.get(parentOf(path))
    return until !== undefined && performance.now() < until
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/'))
}

function isBelowFile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOTDIR'
}

/** The real place of a path. Links are followed first, so that none leads out of its folder. */
async function locate({ root, mounts }: LibraryFolders, path: string, segments: readonly string[]): Promise<string> {
  // Hidden files are the operator's, not the viewers'.
  if (segments.some((segment) => segment.startsWith('.'))) throw notFound(path)
  const [first = '', ...rest] = segments
  const mounted = Object.hasOwn(mounts, first) ? mounts[first] : undefined
  try {
    const folder = await realpath(mounted ?? root)
    const real = await realpath(join(folder, ...(mounted === undefined ? segments : rest)))
    if (real !== folder && !real.startsWith(folder.endsWith(sep) ? folder : folder + sep)) throw notFound(path)
    return real
  } catch (cause) {
    throw cause instanceof UnavailableError ? cause : notFound(path, cause)
  }
}

async function openFile(folders: LibraryFolders, path: string): Promise<LibraryFile> {
  const real = await locate(folders, path, librarySegments(path))
  let file: FileHandle
  try {
    // Not blocking: opening a pipe that nobody writes to would never end.
    file = await open(real, constants.O_RDONLY | constants.O_NONBLOCK)
  } catch (cause) {
    throw notFound(path, cause)
  }
  const information = await file.stat()
  if (!information.isFile()) {
    await file.close()
    throw notFound(path)
  }
  const { size, mtime } = information
  return {
    path,
    size,
    modified: mtime,
    descriptor: file.fd,
    async read(offset, length) {
      const wanted = Math.max(0, Math.min(length, size - offset))
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, offset)
      return buffer.subarray(0, bytesRead)
    },
    async readInto(target, offset) {
      const wanted = Math.max(0, Math.min(target.byteLength, size - offset))
      return (await file.read(target, 0, wanted, offset)).bytesRead
    },
    close: () => file.close(),
  }
}

async function listFolder(
  folders: LibraryFolders,
  path: string,
  accept: (name: string) => boolean = () => true,
): Promise<readonly LibraryEntry[]> {
  const isRoot = path === ROOT_NAME
  const segments = isRoot ? [] : librarySegments(path)
  const names = new Set<string>()
  try {
    for (const name of await readdir(await locate(folders, path, segments))) names.add(name)
  } catch (cause) {
    if (!isRoot) throw cause instanceof UnavailableError ? cause : notFound(path, cause)
  }
  if (isRoot) for (const name of Object.keys(folders.mounts)) names.add(name)
  const entries: LibraryEntry[] = []
  for (const name of [...names].filter(accept).toSorted((left, right) => left.localeCompare(right))) {
    if (entries.length >= MAX_LIBRARY_ENTRIES) break
    const entry = await describe(folders, `${path}/${name}`)
    if (entry !== undefined) entries.push(entry)
  }
  return entries
}

/** `undefined` for what is not shown. */
async function describe(folders: LibraryFolders, path: string): Promise<LibraryEntry | undefined> {
  try {
    const information = await stat(await locate(folders, path, librarySegments(path)))
    if (information.isDirectory()) return { kind: 'folder', path }
    if (!information.isFile()) return undefined
    return { kind: 'file', path, size: information.size, modified: information.mtime }
  } catch {
    return undefined
  }
}

function notFound(path: string, cause?: unknown): UnavailableError {
  return new UnavailableError('ERR_LIBRARY_NOT_FOUND', `${path} is not in the library`, { cause })
}

function invalid(expected: string, found: string): PeerError {
  return new PeerError(
    'ERR_PATH_INVALID',
    `expected a path of ${expected}, found ${JSON.stringify(found.slice(0, 60))}`,
  )
}
