/** Content keys of CPIX documents, in the clear or encrypted for one recipient (CPIX 2.3, section 9; XML Encryption 1.0). */
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHmac,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  timingSafeEqual,
  X509Certificate,
} from 'node:crypto'
import { ConfigError, FormatError } from '../../errors.ts'
import {
  CPIX_ALGORITHM,
  type CpixContentKey,
  type CpixDeliveryData,
  type CpixDocument,
  type CpixEncryptedSecret,
  type CpixWrappedKey,
} from '../../media/manifests/cpix/model.ts'
import { parseUuid } from '../../media/protection/systems.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'

const DOCUMENT_KEY_BYTES = 32
const MAC_KEY_BYTES = 64
const BLOCK_BYTES = 16
const CONTENT_KEY_BYTES = 16
/** Shorter keys are not taken for encrypting, and SPEKE has no other. */
const MIN_RSA_BITS = 2048

/**
 * The content keys of a document by their ids, in its order; those without a value are left out. All or none: throws FormatError ERR_CPIX_MAC for a
 * key that was changed or has no proof, ERR_CPIX_ALGORITHM, ERR_CPIX_DECRYPT, and ConfigError ERR_CPIX_RECIPIENT for keys that are encrypted for
 * somebody else, or when `privateKey` is left out.
 */
export function openCpixKeys(document: CpixDocument, privateKey?: KeyObject): ReadonlyMap<string, ContentKey> {
  let keys: DocumentKeys | undefined
  const opened = new Map<string, ContentKey>()
  for (const { kid, secret, explicitIv } of document.contentKeys) {
    const id = parseUuid(kid)
    if (secret === undefined || id === undefined) continue
    if (secret.kind === 'encrypted') keys ??= documentKeysFor(document, privateKey)
    const key = secret.kind === 'plain' ? secret.value : decryptContentKey(secret, keys as DocumentKeys, kid)
    opened.set(kid, { id, key: Uint8Array.from(key), ...(explicitIv === undefined ? {} : { constantIv: explicitIv }) })
  }
  return opened
}

/**
 * The document with the values of `keys` in it; with `certificate` encrypted for its owner, otherwise in the clear. Throws ConfigError
 * ERR_CPIX_RECIPIENT for a certificate that has no RSA key of 2,048 bits or more.
 */
export function withCpixKeys(
  document: CpixDocument,
  keys: readonly ContentKey[],
  certificate?: X509Certificate,
): CpixDocument {
  const byId = new Map(keys.map(({ id, key }) => [Buffer.from(id).toString('hex'), key]))
  const recipient = certificate === undefined ? undefined : newRecipient(certificate)
  const contentKeys = document.contentKeys.map((contentKey): CpixContentKey => {
    const value = byId.get(contentKey.kid.replaceAll('-', ''))
    if (value === undefined) return contentKey
    const secret =
      recipient === undefined ? { kind: 'plain' as const, value } : encryptContentKey(value, recipient.keys)
    return { ...contentKey, secret }
  })
  return { ...document, contentKeys, deliveryData: recipient === undefined ? [] : [recipient.delivery] }
}

/** What a request says so that keys are encrypted for the owner of the certificate. Throws ConfigError ERR_CPIX_RECIPIENT. */
export function recipientOf(certificate: X509Certificate): CpixDeliveryData {
  rsaKeyOf(certificate)
  return { certificate: Uint8Array.from(certificate.raw) }
}

interface DocumentKeys {
  readonly document: Buffer
  /** Left out: a document whose delivery data has none. */
  readonly mac: Buffer | undefined
}

function newRecipient(certificate: X509Certificate): {
  readonly keys: DocumentKeys
  readonly delivery: CpixDeliveryData
} {
  const publicKey = rsaKeyOf(certificate)
  const document = randomBytes(DOCUMENT_KEY_BYTES)
  const mac = randomBytes(MAC_KEY_BYTES)
  const wrapped = (algorithm: string, key: Buffer): CpixWrappedKey => ({
    algorithm,
    encryption: CPIX_ALGORITHM.rsaOaep,
    cipherValue: Uint8Array.from(publicEncrypt(oaep(publicKey), key)),
  })
  return {
    keys: { document, mac },
    delivery: {
      certificate: Uint8Array.from(certificate.raw),
      documentKey: wrapped(CPIX_ALGORITHM.aes256Cbc, document),
      macKey: wrapped(CPIX_ALGORITHM.hmacSha512, mac),
    },
  }
}

function rsaKeyOf(certificate: X509Certificate): KeyObject {
  const { publicKey } = certificate
  const bits = publicKey.asymmetricKeyType === 'rsa' ? (publicKey.asymmetricKeyDetails?.modulusLength ?? 0) : 0
  if (bits >= MIN_RSA_BITS) return publicKey
  throw new ConfigError(
    'ERR_CPIX_RECIPIENT',
    `expected a certificate with an RSA key of at least ${MIN_RSA_BITS} bits, found another`,
  )
}

function documentKeysFor({ deliveryData }: CpixDocument, privateKey: KeyObject | undefined): DocumentKeys {
  if (privateKey === undefined) {
    throw new ConfigError('ERR_CPIX_RECIPIENT', 'the keys of the CPIX document are encrypted: a private key is needed')
  }
  const own = deliveryData.find(({ certificate }) => isFor(certificate, privateKey))
  if (own?.documentKey === undefined) {
    throw new ConfigError(
      'ERR_CPIX_RECIPIENT',
      'expected a CPIX document with keys encrypted for this private key, found none for it',
    )
  }
  const document = unwrap(own.documentKey, CPIX_ALGORITHM.aes256Cbc, privateKey)
  if (document.byteLength !== DOCUMENT_KEY_BYTES) throw decryptError('a document key of 256 bits')
  return {
    document,
    mac: own.macKey === undefined ? undefined : unwrap(own.macKey, CPIX_ALGORITHM.hmacSha512, privateKey),
  }
}

function isFor(certificate: Uint8Array, privateKey: KeyObject): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(privateKey)
  } catch {
    // Not a certificate: it is for nobody.
    return false
  }
}

function unwrap({ algorithm, encryption, cipherValue }: CpixWrappedKey, wanted: string, privateKey: KeyObject): Buffer {
  checkAlgorithm(algorithm, wanted)
  checkAlgorithm(encryption, CPIX_ALGORITHM.rsaOaep)
  try {
    return privateDecrypt(oaep(privateKey), cipherValue)
  } catch {
    // The cause would tell more about the padding than is good.
    throw decryptError('keys encrypted for this private key')
  }
}

/** The code of what is encrypted is checked first: nothing that is not proven reaches the cipher. */
function decryptContentKey(secret: CpixEncryptedSecret, { document, mac }: DocumentKeys, kid: string): Buffer {
  checkAlgorithm(secret.encryption, CPIX_ALGORITHM.aes256Cbc)
  const { cipherValue } = secret
  if (mac === undefined || secret.mac === undefined || !isProven(cipherValue, secret.mac, mac)) {
    throw new FormatError(
      'ERR_CPIX_MAC',
      `expected the content key ${kid} with a code that proves it, found none that does`,
    )
  }
  try {
    const decipher = createDecipheriv('aes-256-cbc', document, cipherValue.subarray(0, BLOCK_BYTES))
    const key = Buffer.concat([decipher.update(cipherValue.subarray(BLOCK_BYTES)), decipher.final()])
    if (key.byteLength === CONTENT_KEY_BYTES) return key
  } catch {
    // As for a key of another length.
  }
  throw decryptError(`the content key ${kid} of ${CONTENT_KEY_BYTES} bytes`)
}

function isProven(cipherValue: Uint8Array, found: Uint8Array, macKey: Buffer): boolean {
  const wanted = createHmac('sha512', macKey).update(cipherValue).digest()
  return wanted.byteLength === found.byteLength && timingSafeEqual(wanted, found)
}

function encryptContentKey(key: Uint8Array, { document, mac }: DocumentKeys): CpixEncryptedSecret {
  const iv = randomBytes(BLOCK_BYTES)
  const cipher = createCipheriv('aes-256-cbc', document, iv)
  const cipherValue = Buffer.concat([iv, cipher.update(key), cipher.final()])
  return {
    kind: 'encrypted',
    encryption: CPIX_ALGORITHM.aes256Cbc,
    cipherValue,
    mac: createHmac('sha512', mac ?? '')
      .update(cipherValue)
      .digest(),
  }
}

function oaep(key: KeyObject) {
  return { key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' }
}

function checkAlgorithm(found: string, wanted: string): void {
  if (found === wanted) return
  throw new FormatError('ERR_CPIX_ALGORITHM', `expected the algorithm ${wanted} in the CPIX document, found another`)
}

function decryptError(expected: string): FormatError {
  return new FormatError('ERR_CPIX_DECRYPT', `expected ${expected} in the CPIX document, found something else`)
}
