/** Media files to a folder of CMAF segments with HLS and DASH manifests, encrypted or in the clear, that any web server can serve. */
import { stat } from 'node:fs/promises'
import { basename } from 'node:path'
import { ConfigError, UnavailableError } from '../../errors.ts'
import type { MediaFile } from '../../library/media-files.ts'
import { openFileSource } from '../../library/open-source.ts'
import { formatMpd } from '../../media/manifests/dash/format.ts'
import { formatMediaPlaylist } from '../../media/manifests/hls/media-playlist.ts'
import { formatMultivariantPlaylist } from '../../media/manifests/hls/multivariant-playlist.ts'
import { openReader } from '../../media/open-reader.ts'
import type { ProtectionScheme } from '../../media/protection/scheme.ts'
import { MICROS_PER_SECOND } from '../../media/time.ts'
import { ByteCache } from '../../packaging/on-demand/byte-cache.ts'
import { onDemandManifest } from '../../packaging/on-demand/dash-manifest.ts'
import { FilePresentation } from '../../packaging/on-demand/file-presentation.ts'
import { keyPicturePlaylist, onDemandMultivariant, onDemandPlaylist } from '../../packaging/on-demand/hls-playlists.ts'
import {
  initName,
  keyPictureName,
  keyPicturePlaylistName,
  playlistName,
  segmentName,
} from '../../packaging/on-demand/names.ts'
import {
  type OnDemandRendition,
  type Presentation,
  type SegmentBody,
  segmentsOf,
} from '../../packaging/on-demand/presentation.ts'
import { readWhole } from '../../packaging/on-demand/segment-bytes.ts'
import { ProtectedPresentation } from '../../packaging/protection/protected-presentation.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import type { ProtectionSignalling } from '../../packaging/protection/signalling.ts'
import { OutputFolder } from './output-folder.ts'
import { SegmentVerifier } from './verify.ts'

const DEFAULT_SEGMENT_SECONDS = 6
/** Segments of sources that have to be read packet by packet: each is asked for by two renditions. */
const CACHE_BYTES = 64 * 1024 * 1024

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
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: PackageProgress) => void
}

/** How it encrypts. */
export interface PackageEncryption {
  readonly scheme: ProtectionScheme
  readonly key: ContentKey
  /** Signalled beside Clear Key, for licences given elsewhere. */
  readonly systems?: ProtectionSignalling['systems']
  /** Of a Clear Key licence server. */
  readonly licenseUrl?: string
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
  /** Segments that were decrypted again and found to be what went in; 0 in the clear. */
  readonly verified: number
}

/** One media file of the output. */
interface Piece {
  readonly name: string
  readonly rendition: OnDemandRendition
  make(presentation: Presentation): Promise<SegmentBody>
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
  const clear = await openInputs(inputs, segmentSeconds)
  try {
    const presentation =
      encryption === undefined
        ? clear
        : new ProtectedPresentation(clear, { signalling: signallingOf(encryption), keyOf: () => encryption.key })
    return await writePresentation(presentation, clear, options)
  } finally {
    clear.close()
  }
}

function signallingOf({ scheme, systems = [], licenseUrl }: PackageEncryption): ProtectionSignalling {
  return { scheme, systems, ...(licenseUrl === undefined ? {} : { licenseUrl }) }
}

async function openInputs(inputs: readonly string[], segmentSeconds: number): Promise<FilePresentation> {
  const files: MediaFile[] = []
  try {
    for (const input of inputs) files.push(await openInput(input))
    return await FilePresentation.open(files, {
      path: basename(inputs[0] ?? ''),
      target: Math.round(segmentSeconds * MICROS_PER_SECOND),
      cache: new ByteCache(() => CACHE_BYTES),
    })
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

async function writePresentation(
  presentation: Presentation,
  clear: Presentation,
  { out, encryption, signal = new AbortController().signal, onProgress }: PackageOptions,
): Promise<PackageResult> {
  const folder = await OutputFolder.open(out)
  const pieces = piecesOf(presentation, signal)
  const verifiers = new Map<string, SegmentVerifier>()
  let kept = 0
  let bytes = 0
  let verified = 0
  for (const [index, { name, rendition, make }] of pieces.entries()) {
    if (signal.aborted)
      throw new UnavailableError('ERR_PACKAGE_ABORTED', 'interrupted; the same command goes on from here')
    let written = await folder.read(name)
    if (written === undefined) {
      written = await readWhole(await make(presentation))
      await folder.write(name, written)
    } else kept++
    bytes += written.byteLength
    if (encryption !== undefined) {
      const verifier = verifiers.get(rendition.name)
      if (verifier === undefined) verifiers.set(rendition.name, new SegmentVerifier(written, encryption.key))
      else {
        // What is on the disk counts.
        const stored = (await folder.read(name)) ?? written
        verifier.check(name, stored, await readWhole(await make(clear)))
        verified++
      }
    }
    onProgress?.({ files: index + 1, totalFiles: pieces.length, bytes })
  }
  const manifests = manifestsOf(presentation)
  for (const [name, text] of manifests) await folder.write(name, Buffer.from(text))
  return {
    files: pieces.length - kept + manifests.length,
    kept,
    bytes,
    duration: presentation.duration / MICROS_PER_SECOND,
    renditions: presentation.renditions.map(({ name, track }) => `${name} ${track.codec}`),
    verified,
  }
}

/** All media files: of each rendition its init segment first. */
function piecesOf(presentation: Presentation, signal: AbortSignal): Piece[] {
  const { token } = presentation
  return presentation.renditions.flatMap((rendition): Piece[] => {
    const { name } = rendition
    const segments = segmentsOf(presentation, rendition).flatMap((span, index): Piece[] => {
      if (span.gap) return []
      return [
        { name: segmentName(name, token, index), rendition, make: (from) => from.segment(rendition, index, signal) },
      ]
    })
    const keyPictures = rendition.keyPictures.map(
      (_, index): Piece => ({
        name: keyPictureName(name, token, index),
        rendition,
        make: (from) => from.keyPicture(rendition, index, signal),
      }),
    )
    return [
      { name: initName(name, token), rendition, make: (from) => from.init(rendition) },
      ...segments,
      ...keyPictures,
    ]
  })
}

/** The entry playlist and the DASH manifest last. */
function manifestsOf(presentation: Presentation): (readonly [name: string, text: string])[] {
  const manifests: (readonly [string, string])[] = []
  for (const rendition of presentation.renditions) {
    manifests.push([playlistName(rendition.name), formatMediaPlaylist(onDemandPlaylist(presentation, rendition))])
    if (rendition.keyPictures.length === 0) continue
    const name = keyPicturePlaylistName(rendition.name)
    manifests.push([name, formatMediaPlaylist(keyPicturePlaylist(presentation, rendition))])
  }
  manifests.push(['index.m3u8', formatMultivariantPlaylist(onDemandMultivariant(presentation, []))])
  manifests.push(['manifest.mpd', formatMpd(onDemandManifest(presentation, []))])
  return manifests
}
