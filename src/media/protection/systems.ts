/** The protection systems that are signalled, by their registered identifiers (DASH-IF Content Protection registry). */

/** A key id as 16 bytes, in the order in which its UUID is written. */
export type KeyId = Uint8Array

export type ProtectionSystem = 'common' | 'clearkey' | 'widevine' | 'playready' | 'fairplay'

/** UUIDs in lower case. */
export const SYSTEM_ID = {
  /** W3C Common PSSH box format: lists key ids, belongs to no vendor. */
  common: '1077efec-c0b2-4d02-ace3-3c1e52e2fb4b',
  /** Descriptor of Clear Key in manifests. */
  clearkey: 'e2719d58-a985-b3c9-781a-b030af78d30e',
  widevine: 'edef8ba9-79d6-4ace-a3c8-27dcd51d21ed',
  playready: '9a04f079-9840-4286-ab92-e65be0885f95',
  fairplay: '94ce86fb-07ff-4f43-adb8-93d2fa968ca2',
} as const satisfies Record<ProtectionSystem, string>

/** 16 bytes of a UUID, with or without hyphens. `undefined` for text that is none. */
export function parseUuid(text: string): Uint8Array | undefined {
  const digits = text.replaceAll('-', '')
  if (!/^[0-9a-f]{32}$/i.test(digits) || !/^[^-]*$|^[^-]{8}(-[^-]{4}){3}-[^-]{12}$/.test(text)) return undefined
  return Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16))
}

/** Lower case, with hyphens. */
export function formatUuid(bytes: Uint8Array): string {
  const digits = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return [digits.slice(0, 8), digits.slice(8, 12), digits.slice(12, 16), digits.slice(16, 20), digits.slice(20)].join(
    '-',
  )
}

/** Between the order in which a UUID is written and the GUID layout of PlayReady: the first three fields are little-endian there. */
export function swapGuidOrder(id: Uint8Array): Uint8Array {
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
  return Uint8Array.from(order, (from) => id[from] ?? 0)
}

export function sameKeyId(left: KeyId, right: KeyId): boolean {
  return left === right || (left.byteLength === right.byteLength && left.every((byte, i) => byte === right[i]))
}
