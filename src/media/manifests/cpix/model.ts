/** A CPIX document: content keys with what they are for (DASH-IF Content Protection Information Exchange Format 2.3 and 2.4). */

/** What `CPIX@version` says. */
export type CpixVersion = '2.3' | '2.4'

/** Of Common Encryption in both versions; 2.4 also has the methods of HLS. */
export type CpixScheme = 'cenc' | 'cens' | 'cbc1' | 'cbcs' | 'AES-128' | 'SAMPLE-AES' | 'SAMPLE-AES-CTR'

export interface CpixDocument {
  readonly version: CpixVersion
  readonly id?: string
  readonly name?: string
  /** What the keys are of. In 2.4 each key may say it instead. */
  readonly contentId?: string
  /** For whom the keys are encrypted; empty: they are in the clear, or not there. */
  readonly deliveryData: readonly CpixDeliveryData[]
  readonly contentKeys: readonly CpixContentKey[]
  readonly drmSystems: readonly CpixDrmSystem[]
  readonly periods: readonly CpixKeyPeriod[]
  readonly usageRules: readonly CpixUsageRule[]
}

/** Section 5.2.3: the keys that encrypt, themselves encrypted for one recipient. */
export interface CpixDeliveryData {
  readonly id?: string
  readonly name?: string
  /** X.509, DER. */
  readonly certificate: Uint8Array
  /** Left out in a request: the recipient's certificate only. */
  readonly documentKey?: CpixWrappedKey
  /** Of the codes that prove encrypted content keys. */
  readonly macKey?: CpixWrappedKey
}

/** A key encrypted under the public key of a certificate. */
export interface CpixWrappedKey {
  /** URI of what the key is used for. */
  readonly algorithm: string
  /** URI of how it is encrypted. */
  readonly encryption: string
  readonly cipherValue: Uint8Array
}

/** Section 5.3. */
export interface CpixContentKey {
  /** UUID in lower case. */
  readonly kid: string
  /** 16 bytes. */
  readonly explicitIv?: Uint8Array
  readonly scheme?: CpixScheme
  /** Of a key hierarchy: the root key. */
  readonly dependsOnKey?: string
  readonly contentId?: string
  /** Left out in a request. */
  readonly secret?: CpixSecret
}

export type CpixSecret =
  /** 16 bytes, in the clear. */
  { readonly kind: 'plain'; readonly value: Uint8Array } | CpixEncryptedSecret

/** IV and content key under the document key. */
export interface CpixEncryptedSecret {
  readonly kind: 'encrypted'
  /** URI. */
  readonly encryption: string
  readonly cipherValue: Uint8Array
  /** Of `cipherValue`. */
  readonly mac?: Uint8Array
}

/** Section 5.4: what one system needs to signal one key. An empty value asks for it, in a request. */
export interface CpixDrmSystem {
  /** UUID in lower case. */
  readonly systemId: string
  readonly kid: string
  readonly name?: string
  /** A whole `pssh` box. */
  readonly pssh?: Uint8Array
  /** XML for the inside of a ContentProtection element. */
  readonly contentProtectionData?: string
  /** Lines for playlists. */
  readonly hlsSignaling: readonly CpixHlsSignaling[]
}

export interface CpixHlsSignaling {
  /** Which playlist the lines are for. In 2.3 the multivariant one is called `master`. */
  readonly playlist: 'media' | 'multivariant'
  readonly text: string
}

/** Section 5.5. */
export interface CpixKeyPeriod {
  readonly id?: string
  /** Counts from 0 or 1, as the two sides agreed. */
  readonly index?: number
  readonly label?: string
  /** Dates as written. */
  readonly start?: string
  readonly end?: string
}

/** Section 5.6: which tracks a key is for. */
export interface CpixUsageRule {
  readonly kid: string
  /** For people, and in SPEKE for key servers: `SD`, `HD+UHD`, `AUDIO`, `ALL`. */
  readonly intendedTrackType?: string
  readonly filters: readonly CpixFilter[]
  /** Name of a filter that is not known: the rule cannot be used, and with it no rule of the document. */
  readonly unknownFilter?: string
}

export type CpixFilter =
  /** By the id of a period. */
  | { readonly type: 'period'; readonly periodId: string }
  | { readonly type: 'label'; readonly label: string }
  | CpixVideoFilter
  | CpixAudioFilter
  | CpixBitrateFilter

export interface CpixBitrateFilter {
  readonly type: 'bitrate'
  /** Bits a second, inclusive. */
  readonly min?: number
  readonly max?: number
}

export interface CpixVideoFilter {
  readonly type: 'video'
  /** Width by height, inclusive. */
  readonly minPixels?: number
  readonly maxPixels?: number
  /** Frames a second: above `minFps`, up to and with `maxFps`. */
  readonly minFps?: number
  readonly maxFps?: number
  readonly hdr?: boolean
  readonly wcg?: boolean
}

export interface CpixAudioFilter {
  readonly type: 'audio'
  /** Inclusive. */
  readonly minChannels?: number
  readonly maxChannels?: number
}

/** URIs of the algorithms that CPIX requires (section 9.4 of 2.3). */
export const CPIX_ALGORITHM = {
  aes256Cbc: 'http://www.w3.org/2001/04/xmlenc#aes256-cbc',
  rsaOaep: 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p',
  hmacSha512: 'http://www.w3.org/2001/04/xmldsig-more#hmac-sha512',
} as const

export const CPIX_NAMESPACE = {
  cpix: 'urn:dashif:org:cpix',
  pskc: 'urn:ietf:params:xml:ns:keyprov:pskc',
  encryption: 'http://www.w3.org/2001/04/xmlenc#',
  signature: 'http://www.w3.org/2000/09/xmldsig#',
} as const
