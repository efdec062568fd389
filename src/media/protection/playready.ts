/** What PlayReady's `pssh` carries: the PlayReady Object with its header in XML (PlayReady Header Specification, versions 4.0 and 4.3). */
import { ByteWriter } from '../bytes/byte-writer.ts'
import type { ProtectionScheme } from './scheme.ts'
import { type KeyId, swapGuidOrder } from './systems.ts'

const NAMESPACE = 'http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader'
const HEADER_RECORD = 1

export interface PlayReadyContent {
  readonly keyIds: readonly KeyId[]
  readonly scheme: ProtectionScheme
  /** Where players ask for a licence. */
  readonly licenseUrl?: string
}

/** The object: a count of bytes and of records, then the header as UTF-16. */
export function writePlayReadyObject(content: PlayReadyContent): Uint8Array {
  const text = playReadyHeader(content)
  const writer = new ByteWriter(10 + 2 * text.length)
  writer
    .u32le(10 + 2 * text.length)
    .u16le(1)
    .u16le(HEADER_RECORD)
    .u16le(2 * text.length)
  for (let i = 0; i < text.length; i++) writer.u16le(text.charCodeAt(i))
  return writer.detach(0)
}

/**
 * Version 4.3, which alone knows AES in CBC mode and several keys; checksums of keys are optional there and left out, so that a header is made
 * without knowing any key.
 */
export function playReadyHeader({ keyIds, scheme, licenseUrl }: PlayReadyContent): string {
  const algorithm = scheme === 'cbcs' ? 'AESCBC' : 'AESCTR'
  const kids = keyIds.map((id) => `<KID ALGID="${algorithm}" VALUE="${base64(swapGuidOrder(id))}"></KID>`)
  const url = licenseUrl === undefined ? '' : `<LA_URL>${escapeXml(licenseUrl)}</LA_URL>`
  return `<WRMHEADER xmlns="${NAMESPACE}" version="4.3.0.0"><DATA><PROTECTINFO><KIDS>${kids.join('')}</KIDS></PROTECTINFO>${url}</DATA></WRMHEADER>`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'

function base64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.byteLength; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    for (let k = 0; k < 4; k++) text += i + k > bytes.byteLength ? '=' : BASE64[(group >> (18 - 6 * k)) & 63]
  }
  return text
}
