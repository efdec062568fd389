/** How hls.js asks for Clear Key licences. */
import type { DRMSystemConfiguration, HlsConfig } from 'hls.js'
import { KEY_SYSTEM } from './protection.ts'

type RequestFilter = NonNullable<DRMSystemConfiguration['generateRequest']>

/**
 * By the key id of the playlist. Left alone, hls.js asks with what the media element finds in the segments and takes the answer for
 * the key that it waits for at that moment: at a change of keys that may be another one, and it gives up.
 */
export function clearKeyLicenses(licenseUrl: string): Partial<HlsConfig> {
  return { emeEnabled: true, drmSystems: { [KEY_SYSTEM]: { licenseUrl, generateRequest: requestByKeyId } } }
}

const requestByKeyId: RequestFilter = (initDataType, initData, { decryptdata: { keyId } }) => {
  if (!keyId) return { initDataType, initData }
  const request = JSON.stringify({ kids: [base64url(keyId)] })
  return { initDataType: 'keyids', initData: new TextEncoder().encode(request).buffer }
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
