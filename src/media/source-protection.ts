/** Content that others have protected (Windows Media DRM, PlayReady, Common Encryption): it is passed on as it is, and cannot be decoded here. */
import { UnavailableError } from '../errors.ts'
import type { TrackKind } from './track.ts'

/** What the content says of its protection, for people. Empty texts: it does not say. */
export interface SourceProtection {
  /** `DRM` (Windows Media), `PlayReady`, `cenc` …, `unknown`. */
  readonly scheme: string
  readonly keyId: string
  /** Where players ask for a licence. */
  readonly licenseUrl: string
}

/** Readers and ingests put it into the metadata of files and streams under these names. */
export function protectionMetadata(protection: SourceProtection | undefined): Readonly<Record<string, string>> {
  if (protection === undefined) return {}
  const { scheme, keyId, licenseUrl } = protection
  const told = Object.entries({ drmScheme: scheme, drmKeyId: keyId, drmLicenseUrl: licenseUrl })
  return Object.fromEntries(told.filter(([, text]) => text !== ''))
}

/** `undefined`: the metadata say nothing of protection. */
export function sourceProtection(metadata: Readonly<Record<string, unknown>>): SourceProtection | undefined {
  const { drmScheme } = metadata
  if (typeof drmScheme !== 'string' || drmScheme === '') return undefined
  return { scheme: drmScheme, keyId: textOf(metadata['drmKeyId']), licenseUrl: textOf(metadata['drmLicenseUrl']) }
}

/** A file or a live stream, as far as it matters here. */
interface Content {
  readonly metadata: Readonly<Record<string, unknown>>
  /** Those that can be read. */
  readonly tracks: readonly { readonly kind: TrackKind }[]
}

/** Throws UnavailableError ERR_STREAM_PROTECTED for protected content of which no picture and no sound can be read. */
export function checkReadable(path: string, content: Content): void {
  const failure = protectionFailure(path, content)
  if (failure !== undefined) throw failure
}

/** What `checkReadable` throws. */
export function protectionFailure(path: string, { metadata, tracks }: Content): UnavailableError | undefined {
  const protection = sourceProtection(metadata)
  if (protection === undefined || tracks.some(({ kind }) => kind === 'video' || kind === 'audio')) return undefined
  return protectedError(path, protection)
}

/** Throws UnavailableError ERR_STREAM_PROTECTED for content of which anything is protected: for decoders, which read whatever they find. */
export function checkUnprotected(path: string, metadata: Readonly<Record<string, unknown>>): void {
  const protection = sourceProtection(metadata)
  if (protection !== undefined) throw protectedError(path, protection)
}

function protectedError(path: string, { scheme, keyId, licenseUrl }: SourceProtection): UnavailableError {
  const details = [
    scheme,
    ...(keyId === '' ? [] : [`key ${keyId}`]),
    ...(licenseUrl === '' ? [] : [`licences at ${licenseUrl}`]),
  ]
  return new UnavailableError(
    'ERR_STREAM_PROTECTED',
    `${path} is protected (${details.join(', ')}): only players with a licence can decode it, and it goes out only as it is`,
  )
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
