/** How manifests and init segments tell players which key they need and where its licence is (DASH-IF IOP part 6, RFC 8216bis section 4.4.4.4). */
import type { ContentProtection } from '../../media/manifests/dash/model.ts'
import type { Key } from '../../media/manifests/hls/model.ts'
import { writePlayReadyObject } from '../../media/protection/playready.ts'
import { writePssh } from '../../media/protection/pssh.ts'
import type { ProtectionScheme } from '../../media/protection/scheme.ts'
import { formatUuid, type KeyId, type ProtectionSystem, SYSTEM_ID } from '../../media/protection/systems.ts'
import { writeWidevineData } from '../../media/protection/widevine.ts'

/** What one presentation or stream tells of its protection. */
export interface ProtectionSignalling {
  readonly scheme: ProtectionScheme
  /** Systems beside Clear Key that licences are given by elsewhere. */
  readonly systems: readonly Exclude<ProtectionSystem, 'common' | 'clearkey'>[]
  /** Of the Clear Key licence server; relative to the manifest, or absolute. */
  readonly licenseUrl?: string
  /** Where the key itself is given, its id behind it: what HLS means by `identity`. Left out: `licenseUrl` stands there. */
  readonly keyUrl?: string
  /** Of FairPlay: what follows `skd://`; the key id when left out. */
  readonly fairPlayId?: string
}

/** Which key lines a player reads. `all`: for players that pass over what they do not know. */
export type KeyLines = 'all' | 'identity' | 'clearkey'

const MP4_PROTECTION = 'urn:mpeg:dash:mp4protection:2011'
const SYSTEM_NAMES = {
  clearkey: 'ClearKey1.0',
  widevine: 'Widevine',
  playready: 'MSPR 2.0',
} as const
const METHODS = { cenc: 'SAMPLE-AES-CTR', cbcs: 'SAMPLE-AES' } as const

/** `pssh` boxes for an init segment: the common one, which Clear Key needs, and those of the systems. */
export function initHeaders(keyId: KeyId, { scheme, systems }: ProtectionSignalling): readonly Uint8Array[] {
  const boxes = [writePssh({ systemId: SYSTEM_ID.common, keyIds: [keyId], data: new Uint8Array(0) })]
  for (const system of systems) {
    const data = systemData(system, keyId, scheme)
    if (data !== undefined) boxes.push(writePssh({ systemId: SYSTEM_ID[system], keyIds: [], data }))
  }
  return boxes
}

/** Descriptors of an adaptation set with this key. */
export function contentProtections(keyId: KeyId, signalling: ProtectionSignalling): readonly ContentProtection[] {
  const { scheme, systems, licenseUrl } = signalling
  const descriptors: ContentProtection[] = [
    { schemeIdUri: MP4_PROTECTION, value: scheme, defaultKid: formatUuid(keyId) },
    {
      schemeIdUri: `urn:uuid:${SYSTEM_ID.clearkey}`,
      value: SYSTEM_NAMES.clearkey,
      ...(licenseUrl === undefined ? {} : { licenseUrl }),
    },
  ]
  for (const system of systems) {
    const data = systemData(system, keyId, scheme)
    if (data === undefined || system === 'fairplay') continue
    descriptors.push({
      schemeIdUri: `urn:uuid:${SYSTEM_ID[system]}`,
      value: SYSTEM_NAMES[system],
      pssh: base64(writePssh({ systemId: SYSTEM_ID[system], keyIds: [], data })),
      ...(system === 'playready' ? { pro: base64(data) } : {}),
    })
  }
  return descriptors
}

/**
 * EXT-X-KEY lines of a segment with this key. One set of lines does not fit all players: hls.js takes an `identity` line under SAMPLE-AES for the
 * old sample encryption of transport streams, and Shaka knows no other form of Clear Key. So `identity` is left out of `all` for `cbcs`.
 */
export function hlsKeys(keyId: KeyId, signalling: ProtectionSignalling, lines: KeyLines): readonly Key[] {
  const { scheme, systems, licenseUrl, keyUrl, fairPlayId } = signalling
  const method = METHODS[scheme]
  const keys: Key[] = []
  if (lines !== 'identity') {
    // The bare key id: a pssh box there makes hls.js read a wrong one.
    keys.push({ method, uri: dataUri(keyId), keyFormat: 'org.w3.clearkey', keyFormatVersions: '1' })
  }
  const identityUri = keyUrl === undefined ? licenseUrl : `${keyUrl}${formatUuid(keyId)}`
  if (identityUri !== undefined && (lines === 'identity' || (lines === 'all' && scheme === 'cenc'))) {
    keys.push({ method, uri: identityUri, keyFormat: 'identity', keyFormatVersions: '1' })
  }
  if (lines !== 'all') return keys
  for (const system of systems) {
    if (system === 'fairplay') {
      if (scheme !== 'cbcs') continue
      const uri = `skd://${fairPlayId ?? formatUuid(keyId)}`
      keys.push({ method, uri, keyFormat: 'com.apple.streamingkeydelivery', keyFormatVersions: '1' })
      continue
    }
    const data = systemData(system, keyId, scheme)
    if (data === undefined) continue
    keys.push(
      system === 'playready'
        ? { method, uri: dataUri(data), keyFormat: 'com.microsoft.playready', keyFormatVersions: '1' }
        : {
            method,
            uri: dataUri(writePssh({ systemId: SYSTEM_ID[system], keyIds: [], data })),
            keyFormat: `urn:uuid:${SYSTEM_ID[system]}`,
            keyFormatVersions: '1',
          },
    )
  }
  return keys
}

function systemData(system: ProtectionSystem, keyId: KeyId, scheme: ProtectionScheme): Uint8Array | undefined {
  if (system === 'widevine') return writeWidevineData({ keyIds: [keyId], scheme })
  if (system === 'playready') return writePlayReadyObject({ keyIds: [keyId], scheme })
  return undefined
}

function dataUri(data: Uint8Array): string {
  return `data:text/plain;base64,${base64(data)}`
}

function base64(data: Uint8Array): string {
  return Buffer.from(data).toString('base64')
}
