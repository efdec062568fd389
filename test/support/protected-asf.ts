/** ASF files as the packagers of Windows Media DRM and PlayReady leave them: what the header says of the protection, and payloads that nobody reads without the key. */
import { createCipheriv } from 'node:crypto'
import { readDataPacket } from '../../src/media/containers/asf/data-packet.ts'
import { asfHeaderLength, parseAsfInit, readAsfHeader, writeAsfHeader } from '../../src/media/containers/asf/header.ts'
import type { AsfObject } from '../../src/media/containers/asf/header-objects.ts'
import { DATA_OBJECT_HEADER_LENGTH } from '../../src/media/containers/asf/model.ts'
import { PLAYREADY_RECORD } from '../../src/media/containers/asf/objects/content-encryption.ts'
import { STREAM_FLAG } from '../../src/media/containers/asf/objects/stream-properties.ts'
import type { SourceProtection } from '../../src/media/source-protection.ts'

/** What their headers say. */
export const ASF_PROTECTIONS = {
  'Windows Media DRM': {
    scheme: 'DRM',
    keyId: 'aGVhZGVuZC1rZXktMQ==',
    licenseUrl: 'http://license.example/wm?a=1&b=2',
  },
  PlayReady: {
    scheme: 'PlayReady',
    keyId: 'AAECAwQFBgcICQoLDA0ODw==',
    licenseUrl: 'http://license.example/rm?a=1&b=2',
  },
} as const satisfies Record<string, SourceProtection>

export type AsfProtection = keyof typeof ASF_PROTECTIONS

/** Bytes that only the key holder knows. */
const OPAQUE = Uint8Array.from({ length: 128 }, (_, i) => (i * 151 + 7) & 0xff)

/** A file of a clear one. All streams carry the flag of encrypted content; headers of packets and payloads stay, as they do with the real packagers. */
export function protectAsf(clear: Uint8Array, protection: AsfProtection): Buffer {
  const length = asfHeaderLength(clear) ?? 0
  const { packetSize, packetCount } = parseAsfInit(clear.subarray(0, length))
  const { header, tail } = { header: protectedHeader(clear, protection), tail: clear.slice(length) }
  for (let number = 0; number < packetCount; number++) {
    const packet = tail.subarray(number * packetSize, (number + 1) * packetSize)
    for (const { data } of readDataPacket(packet, packetSize).payloads) scramble(data, number)
  }
  return Buffer.concat([header, tail])
}

/** Header Object and the beginning of the Data Object. */
function protectedHeader(clear: Uint8Array, protection: AsfProtection): Buffer {
  const length = asfHeaderLength(clear) ?? 0
  const header = readAsfHeader(clear)
  const write = (added: number) => {
    const objects = header.objects.map((object): AsfObject => {
      switch (object.type) {
        case 'file-properties':
          return { ...object, fileSize: BigInt(clear.byteLength + added) }
        case 'stream-properties':
          return { ...object, flags: object.flags | STREAM_FLAG.ENCRYPTED }
        case 'header-extension':
          return { ...object, objects: [...object.objects, ...extensionObjects(protection)] }
        default:
          return object
      }
    })
    objects.push(...headerObjects(protection))
    return writeAsfHeader({ ...header, objects, objectCount: objects.length })
  }
  const added = write(0).byteLength + DATA_OBJECT_HEADER_LENGTH - length
  return Buffer.concat([write(added), clear.subarray(length - DATA_OBJECT_HEADER_LENGTH, length)])
}

/** ASF 1.20 sections 3.14 and 3.15. */
function headerObjects(protection: AsfProtection): readonly AsfObject[] {
  if (protection !== 'Windows Media DRM') return []
  const { keyId, licenseUrl } = ASF_PROTECTIONS[protection]
  const data = `<KID>${keyId}</KID><LAINFO>${escaped(licenseUrl)}</LAINFO><CHECKSUM>p3Tk0Wn8jQ==</CHECKSUM>`
  return [
    {
      type: 'content-encryption',
      secret: OPAQUE,
      protectionType: 'DRM\0',
      keyId: `${keyId}\0`,
      licenseUrl: `${licenseUrl}\0`,
    },
    {
      type: 'extended-content-encryption',
      xml: `\uFEFF<WRMHEADER version="2.0.0.0"><DATA>${data}</DATA><SIGNATURE><HASHALGORITHM type="SHA"/></SIGNATURE></WRMHEADER>`,
    },
  ]
}

/** PlayReady header object and ASF 1.20 section 4.13. */
function extensionObjects(protection: AsfProtection): readonly AsfObject[] {
  if (protection !== 'PlayReady') return []
  const { keyId, licenseUrl } = ASF_PROTECTIONS[protection]
  const info = '<PROTECTINFO><KEYLEN>16</KEYLEN><ALGID>AESCTR</ALGID></PROTECTINFO>'
  const data = `<DATA>${info}<KID>${keyId}</KID><LA_URL>${escaped(licenseUrl)}</LA_URL></DATA>`
  const namespace = 'http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader'
  const xml = Buffer.from(`<WRMHEADER xmlns="${namespace}" version="4.0.0.0">${data}</WRMHEADER>`, 'utf16le')
  return [
    {
      type: 'playready',
      length: 4 + 2 + 4 + xml.byteLength,
      records: [{ recordType: PLAYREADY_RECORD.HEADER, data: xml }],
    },
    { type: 'advanced-content-encryption', data: OPAQUE },
  ]
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;')
}

/** Under a key that nobody here keeps, in place. */
function scramble(data: Uint8Array, number: number): void {
  const counter = Buffer.alloc(16)
  counter.writeUInt32BE(number)
  data.set(createCipheriv('aes-128-ctr', OPAQUE.subarray(0, 16), counter).update(data))
}
