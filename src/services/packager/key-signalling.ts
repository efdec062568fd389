/** What players are told of one key: made here, given by a key server, or given by hand. */
import type { ContentProtection } from '../../media/manifests/dash/model.ts'
import type { Key } from '../../media/manifests/hls/model.ts'
import { type Pssh, readPsshBoxes, writePssh } from '../../media/protection/pssh.ts'
import type { ProtectionScheme } from '../../media/protection/scheme.ts'
import { type KeyId, SYSTEM_ID } from '../../media/protection/systems.ts'
import {
  contentProtections,
  hlsKeys,
  initHeaders,
  type ProtectionSignalling,
} from '../../packaging/protection/signalling.ts'

/** What is signalled beside what is made here. Boxes and descriptors of a system take the place of those that would be made for it. */
export interface SystemSignalling {
  /** `pssh` boxes. */
  readonly headers: readonly Uint8Array[]
  readonly contentProtections: readonly ContentProtection[]
  /** EXT-X-KEY lines. */
  readonly keys: readonly Key[]
  /** EXT-X-SESSION-KEY lines. */
  readonly sessionKeys: readonly Key[]
}

/** All that is told of one key. */
export type KeySignalling = SystemSignalling

/** Whose boxes have no place in manifests: they say no more than `default_KID` does. */
const ONLY_IN_FILES: ReadonlySet<string> = new Set([SYSTEM_ID.common])

/** `given` first, then `made` for the systems that nothing is given for. */
export function keySignalling(
  keyId: KeyId,
  signalling: ProtectionSignalling,
  given: readonly SystemSignalling[],
): KeySignalling {
  const givenHeaders = given.flatMap(({ headers }) => headers)
  const givenSystems = new Set(givenHeaders.map(systemOf))
  const givenDescriptors = given.flatMap((entry) => entry.contentProtections)
  const givenSchemes = new Set(givenDescriptors.map(({ schemeIdUri }) => schemeIdUri))
  const givenKeys = given.flatMap(({ keys }) => keys)
  const givenFormats = new Set(givenKeys.map(formatOf))
  const made = {
    headers: initHeaders(keyId, signalling).filter((box) => !givenSystems.has(systemOf(box))),
    contentProtections: contentProtections(keyId, signalling).filter(
      ({ schemeIdUri }) => !givenSchemes.has(schemeIdUri),
    ),
    keys: hlsKeys(keyId, signalling, 'all').filter((key) => !givenFormats.has(formatOf(key))),
  }
  return {
    headers: [...made.headers, ...givenHeaders],
    contentProtections: [...made.contentProtections, ...givenDescriptors],
    keys: [...made.keys, ...givenKeys],
    sessionKeys: given.flatMap(({ sessionKeys }) => sessionKeys),
  }
}

/** Boxes that were made elsewhere, as they are, in files and in DASH. Throws FormatError for what is no `pssh` box. */
export function signallingOfBoxes(bytes: Uint8Array): SystemSignalling {
  const boxes = readPsshBoxes(bytes)
  return {
    headers: boxes.map(writePssh),
    contentProtections: boxes.filter(({ systemId }) => !ONLY_IN_FILES.has(systemId)).map(descriptorOf),
    keys: [],
    sessionKeys: [],
  }
}

/** EXT-X-KEY of segments that are encrypted whole. `iv`: 16 bytes. */
export function wholeSegmentKey(uri: string, iv: Uint8Array): Key {
  return { method: 'AES-128', uri, iv: `0x${Buffer.from(iv).toString('hex')}` }
}

/** For `hlsKeys` and others that know Common Encryption only. */
export function isCommonEncryption(scheme: string): scheme is ProtectionScheme {
  return scheme === 'cenc' || scheme === 'cbcs'
}

function descriptorOf(box: Pssh): ContentProtection {
  return { schemeIdUri: `urn:uuid:${box.systemId}`, pssh: Buffer.from(writePssh(box)).toString('base64') }
}

function systemOf(box: Uint8Array): string {
  return readPsshBoxes(box)[0]?.systemId ?? ''
}

function formatOf({ keyFormat = 'identity' }: Key): string {
  return keyFormat
}
