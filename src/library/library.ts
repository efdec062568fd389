/** The on-demand library: files of one folder, opened by their path. Nothing outside the folder is ever opened. */
import { type FileHandle, open, realpath } from 'node:fs/promises'
import { join, sep } from 'node:path'
import { PeerError, UnavailableError } from '../errors.ts'
import type { ByteSource } from '../media/byte-source.ts'

/** Bytes of a path, UTF-8. */
export const MAX_LIBRARY_PATH = 1024
const MAX_SEGMENTS = 32
const ROOT = 'vod/'
/** C0 and C1 controls and what separates lines or folders elsewhere. */
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\\\u2028\u2029]/u

/** A file of the library. Its size is the one it had when it was opened. Close it when done. */
export interface LibraryFile extends ByteSource {
  /** Its path: `vod/concert.wmv`. */
  readonly path: string
  readonly modified: Date
  close(): Promise<void>
}

/** Where on-demand files are found. */
export interface Library {
  /**
   * Opens a file by its path, `vod/…`. Throws PeerError ERR_PATH_INVALID for a path that breaks the rule, UnavailableError
   * ERR_LIBRARY_NOT_FOUND when there is no such file (or it lies outside, is hidden, or is no plain file).
   */
  open(path: string): Promise<LibraryFile>
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

/** The library of a folder, which need not exist yet. */
export function openLibrary(folder: string): Library {
  return { open: (path) => openFile(folder, path) }
}

async function openFile(folder: string, path: string): Promise<LibraryFile> {
  const segments = librarySegments(path)
  // Hidden files are the operator's, not the viewers'.
  if (segments.some((segment) => segment.startsWith('.'))) throw notFound(path)
  let file: FileHandle
  try {
    // Links are followed first, so that none leads out of the folder.
    const root = await realpath(folder)
    const real = await realpath(join(root, ...segments))
    if (!real.startsWith(root.endsWith(sep) ? root : root + sep)) throw notFound(path)
    file = await open(real, 'r')
  } catch (cause) {
    throw cause instanceof UnavailableError ? cause : notFound(path, cause)
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
    async read(offset, length) {
      const wanted = Math.max(0, Math.min(length, size - offset))
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(wanted), 0, wanted, offset)
      return buffer.subarray(0, bytesRead)
    },
    close: () => file.close(),
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
