/** Media files to a folder of CMAF segments with HLS and DASH manifests, encrypted or in the clear, that any web server can serve. */
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { ConfigError, UnavailableError } from '../../errors.ts'
import type { MediaFile } from '../../library/media-files.ts'
import { openFileSource } from '../../library/open-source.ts'
import { openReader } from '../../media/open-reader.ts'
import { formatUuid } from '../../media/protection/systems.ts'
import { MICROS_PER_SECOND } from '../../media/time.ts'
import { ByteCache } from '../../packaging/on-demand/byte-cache.ts'
import { FilePresentation } from '../../packaging/on-demand/file-presentation.ts'
import type { Presentation } from '../../packaging/on-demand/presentation.ts'
import type { TextRendition } from '../../packaging/on-demand/text-rendition.ts'
import { packageManifests } from './manifests.ts'
import { OutputFolder } from './output-folder.ts'
import { mediaPieces } from './pieces.ts'
import { type PackageEncryption, ProtectionPlan } from './protection-plan.ts'
import { subtitlesOf, textPieces } from './subtitles.ts'

const DEFAULT_SEGMENT_SECONDS = 6
/** Segments of sources that have to be read packet by packet: each is asked for by two renditions. */
const CACHE_BYTES = 64 * 1024 * 1024
const KEY_FILE_MODE = 0o600

/** What `packageMedia` does. */
export interface PackageOptions {
  /** Files with the same content; several are qualities of one presentation. */
  readonly inputs: readonly string[]
  /** Folder; created when missing. What an earlier run of the same inputs and settings left in it is kept. */
  readonly out: string
  /** A segment is about so long; default 6. */
  readonly segmentSeconds?: number
  /** Left out: in the clear. */
  readonly encryption?: PackageEncryption
  /** Default true: those in the first input and in files beside it, as the library knows them. */
  readonly subtitles?: boolean
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: PackageProgress) => void
  /** Told of what viewers may notice. */
  readonly onNote?: (note: string) => void
}

/** How far it is. */
export interface PackageProgress {
  readonly files: number
  readonly totalFiles: number
  readonly bytes: number
}

/** What was written. */
export interface PackageResult {
  /** Files written by this run, and those that were there already. */
  readonly files: number
  readonly kept: number
  /** Bytes of all media files. */
  readonly bytes: number
  /** Seconds of media. */
  readonly duration: number
  /** `video-1 avc1.640028`, for people. */
  readonly renditions: readonly string[]
  /** Media files that were read again, decrypted, and found to be what went in. */
  readonly verified: number
  /** Of the keys it is encrypted with, as UUIDs. */
  readonly keyIds: readonly string[]
  /** Files in the folder that have a key in them: who may not play must not get them. */
  readonly keyFiles: readonly string[]
}

/**
 * Writes the folder; manifests come last, so that a folder with manifests is complete. Throws ConfigError for wrong options, what the readers
 * throw for the inputs, UnavailableError ERR_PACKAGE_OUTPUT, ERR_PACKAGE_VERIFY and ERR_PACKAGE_ABORTED.
 */
export async function packageMedia(options: PackageOptions): Promise<PackageResult> {
  const { inputs, encryption, segmentSeconds = DEFAULT_SEGMENT_SECONDS } = options
  if (inputs.length === 0)
    throw new ConfigError('ERR_PACKAGE_INPUT', 'expected at least one file to package, found none')
  if (!(segmentSeconds > 0)) {
    throw new ConfigError('ERR_PACKAGE_INPUT', `expected a segment length above 0 seconds, found ${segmentSeconds}`)
  }
  const signal = options.signal ?? new AbortController().signal
  const { presentation: clear, texts } = await openInputs(options, segmentSeconds)
  try {
    const plan = encryption === undefined ? undefined : await ProtectionPlan.create(clear, encryption, signal)
    return await writePackage({ clear, texts, plan }, options, signal)
  } finally {
    clear.close()
  }
}

interface Content {
  readonly clear: Presentation
  readonly texts: readonly TextRendition[]
  readonly plan: ProtectionPlan | undefined
}

async function writePackage(
  { clear, texts, plan }: Content,
  { out, onProgress }: PackageOptions,
  signal: AbortSignal,
): Promise<PackageResult> {
  const token = plan?.token ?? clear.token
  const pieces = [...(await mediaPieces(clear, { plan, token, signal })), ...textPieces(texts, clear.segments)]
  const folder = await OutputFolder.open(out)
  let kept = 0
  let bytes = 0
  for (const [index, piece] of pieces.entries()) {
    if (signal.aborted) {
      throw new UnavailableError('ERR_PACKAGE_ABORTED', 'interrupted; the same command goes on from here')
    }
    const { name } = piece
    const clearBytes = await piece.clear()
    const stored = await folder.read(name)
    if (stored === undefined) {
      const made = piece.make(clearBytes)
      bytes += made.byteLength
      // What is on the disk counts.
      await folder.write(name, made, { check: (written) => piece.verify(written, clearBytes) })
    } else {
      kept++
      bytes += stored.byteLength
      piece.verify(stored, clearBytes)
    }
    onProgress?.({ files: index + 1, totalFiles: pieces.length, bytes })
  }
  const keyFiles = await writeKeys(folder, plan)
  const manifests = packageManifests({ presentation: named(clear, token), texts, plan })
  for (const [name, text] of manifests) await folder.write(name, Buffer.from(text))
  return {
    files: pieces.length - kept + manifests.length + keyFiles.length,
    kept,
    bytes,
    duration: clear.duration / MICROS_PER_SECOND,
    renditions: [
      ...clear.renditions.map(({ name, track }) => `${name} ${track.codec}`),
      ...texts.map(({ name, label }) => `${name} ${label}`),
    ],
    verified: pieces.length,
    keyIds: plan?.keys.map(({ id }) => formatUuid(id)) ?? [],
    keyFiles,
  }
}

/** Keys that players of HLS read as files: those that no address was given for. */
async function writeKeys(folder: OutputFolder, plan: ProtectionPlan | undefined): Promise<readonly string[]> {
  const names: string[] = []
  if (plan?.scheme !== 'aes-128') return names
  for (const key of plan.keys) {
    const { url, file } = plan.keyUrlOf(key)
    if (!file) continue
    await folder.write(url, key.key, { mode: KEY_FILE_MODE })
    names.push(url)
  }
  return names
}

/** The same with the token that its files are named by. */
function named(clear: Presentation, token: string): Presentation {
  const { path, duration, modified, segments, renditions } = clear
  return {
    path,
    token,
    duration,
    modified,
    segments,
    renditions,
    init: (rendition) => clear.init(rendition),
    segment: (rendition, index, signal) => clear.segment(rendition, index, signal),
    keyPicture: (rendition, index, signal) => clear.keyPicture(rendition, index, signal),
    close: () => clear.close(),
  }
}

async function openInputs(
  { inputs, subtitles = true, onNote = () => {} }: PackageOptions,
  segmentSeconds: number,
): Promise<{ readonly presentation: FilePresentation; readonly texts: readonly TextRendition[] }> {
  const files: MediaFile[] = []
  const [first = ''] = inputs
  try {
    for (const input of inputs) files.push(await openInput(input))
    const [film] = files
    const texts = film === undefined || !subtitles ? [] : await subtitlesOf(first, film, onNote)
    const presentation = await FilePresentation.open(files, {
      path: basename(first),
      target: Math.round(segmentSeconds * MICROS_PER_SECOND),
      cache: new ByteCache(() => CACHE_BYTES),
      onNote,
    })
    return { presentation, texts }
  } catch (error) {
    for (const file of files) file.close()
    throw error
  }
}

async function openInput(path: string): Promise<MediaFile> {
  const source = await openFileSource(path)
  try {
    const reader = await openReader(source)
    const { mtime } = await stat(path)
    return {
      file: { ...source, path: basename(path), modified: mtime },
      reader,
      close: () => void source.close().catch(() => {}),
    }
  } catch (error) {
    await source.close()
    throw error
  }
}
