/** Recordings as library calls: in the data folder of a server, whether that runs or not, or by the API of one that runs. */
import { join, resolve } from 'node:path'
import { ConfigError } from '../errors.ts'
import type { Recording } from '../services/recorder/recordings.ts'
import { RECORDINGS } from './library-folders.ts'

/** Where recordings are: in the data folder of a server, or with a server that runs. */
export type RecordingPlace =
  | { readonly data: string }
  /** Address of the server, and the token of its API. */
  | { readonly server: string; readonly token: string }

/** Which recordings. */
export interface ListRecordingsOptions {
  readonly place: RecordingPlace
  /** Path of a stream, `live/NAME`; left out: all. */
  readonly path?: string
}

/** What is to be cut, and where it goes. */
export interface ExportRecordingOptions {
  readonly place: RecordingPlace
  /** Path of the stream, `live/NAME`. */
  readonly path: string
  /** Milliseconds since 1970. */
  readonly from: number
  readonly to: number
  /** File that is written. */
  readonly output: string
  readonly onProgress?: (progress: ExportProgress) => void
  readonly signal?: AbortSignal
}

/** How far an export is. */
export interface ExportProgress {
  /** Bytes written. */
  readonly bytes: number
  /** Of the whole file. */
  readonly total: number
}

/** What an export has made. */
export interface ExportReport {
  /** The file, as an absolute path. */
  readonly output: string
  readonly bytes: number
}

/**
 * Recordings, the oldest first; those that grow among them. Throws PeerError ERR_PATH_INVALID, UnavailableError ERR_RECORDING_SERVER with what
 * a server says.
 */
export async function listRecordings({ place, path }: ListRecordingsOptions): Promise<Recording[]> {
  if ('server' in place) {
    const { listRemoteRecordings } = await import('../services/recorder/remote-recordings.ts')
    return listRemoteRecordings({ url: place.server, token: place.token }, path)
  }
  const { describeRecording, findRecordings } = await import('../services/recorder/recordings.ts')
  const recordings: Recording[] = []
  for (const found of await findRecordings(join(place.data, RECORDINGS), path))
    recordings.push(await describeRecording(found))
  return recordings
}

/**
 * Cuts a range of the wall clock into one MP4 file, on a key picture and without encoding. Throws UnavailableError ERR_RECORDING_NOT_FOUND
 * when nothing was recorded then, ERR_RECORDING_TRACKS_CHANGED when the codecs change in between, ConfigError ERR_USAGE for a range that ends
 * before it begins.
 */
export async function exportRecording(options: ExportRecordingOptions): Promise<ExportReport> {
  const { place, path, from, to, onProgress, signal } = options
  if (from >= to) throw new ConfigError('ERR_USAGE', 'expected a range that ends behind its beginning')
  const { writeExport } = await import('../services/recorder/export-file.ts')
  const output = resolve(options.output)
  const { byteLength, pieces } = await openCut(place, { path, from, to }, signal)
  await writeExport(pieces, {
    output,
    onProgress: (bytes) => onProgress?.({ bytes, total: byteLength }),
    ...(signal === undefined ? {} : { signal }),
  })
  return { output, bytes: byteLength }
}

async function openCut(
  place: RecordingPlace,
  range: { readonly path: string; readonly from: number; readonly to: number },
  signal: AbortSignal | undefined,
): Promise<{ readonly byteLength: number; readonly pieces: AsyncIterable<Uint8Array> }> {
  if ('server' in place) {
    const { exportRemote } = await import('../services/recorder/remote-recordings.ts')
    return exportRemote({ url: place.server, token: place.token, ...(signal === undefined ? {} : { signal }) }, range)
  }
  const { cutRecordings } = await import('../services/recorder/cut.ts')
  const cut = await cutRecordings(join(place.data, RECORDINGS), range.path, range)
  return { byteLength: cut.byteLength, pieces: cut.pieces() }
}
