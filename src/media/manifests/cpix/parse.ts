/**
 * Reads CPIX documents whole or not at all. Nothing a document refers to is fetched, and no signature is taken for proof of anything: signed
 * documents are refused, as signatures are not checked.
 */
import { FormatError } from '../../../errors.ts'
import { withoutUndefined } from '../without-undefined.ts'
import {
  CPIX_NAMESPACE,
  type CpixContentKey,
  type CpixDeliveryData,
  type CpixDocument,
  type CpixDrmSystem,
  type CpixEncryptedSecret,
  type CpixHlsSignaling,
  type CpixKeyPeriod,
  type CpixScheme,
  type CpixSecret,
  type CpixVersion,
  type CpixWrappedKey,
} from './model.ts'
import { CpixNode, parseBase64 } from './node.ts'
import { readUsageRule } from './parse-usage-rule.ts'

const { cpix: CPIX, pskc: PSKC, encryption: XENC, signature: DS } = CPIX_NAMESPACE
/** Of one document. */
export const MAX_CPIX_KEYS = 1024
const MAX_DRM_SYSTEMS = 8 * MAX_CPIX_KEYS
const MAX_PERIODS = 4096
const MAX_USAGE_RULES = 4 * MAX_CPIX_KEYS
const MAX_RECIPIENTS = 64
const KEY_BYTES = 16
const VERSIONS: ReadonlySet<string> = new Set<CpixVersion>(['2.3', '2.4'])
const CENC_SCHEMES: ReadonlySet<string> = new Set<CpixScheme>(['cenc', 'cens', 'cbc1', 'cbcs'])
const HLS_METHODS: ReadonlySet<string> = new Set<CpixScheme>(['AES-128', 'SAMPLE-AES', 'SAMPLE-AES-CTR'])

// Media code runs in Node and in browsers; both have it, but neither's type library is loaded here.
declare const TextDecoder: new (label: string, options: { fatal: true }) => { decode(bytes: Uint8Array): string }

/**
 * Throws FormatError ERR_CPIX_SYNTAX for a broken document, ERR_CPIX_VERSION, ERR_CPIX_SCHEME, ERR_CPIX_KEY_ID for key ids that are given twice or
 * meant and not given, ERR_CPIX_SIGNED, ERR_CPIX_REFERENCE for values that are elsewhere, ERR_CPIX_TOO_LARGE, and what `parseXml` throws.
 */
export function parseCpix(text: string): CpixDocument {
  const root = CpixNode.parse(text)
  if (!root.is(CPIX, 'CPIX')) throw new FormatError('ERR_CPIX_SYNTAX', 'expected a CPIX document, found another')
  const version = versionOf(root)
  refuseSignatures(root)
  const contentKeys = list(root, 'ContentKey', MAX_CPIX_KEYS).map((node) => readContentKey(node, version))
  const document = withoutUndefined<CpixDocument>({
    version,
    id: root.attribute('id'),
    name: root.attribute('name'),
    contentId: root.attribute('contentId'),
    deliveryData: list(root, 'DeliveryData', MAX_RECIPIENTS).map(readDeliveryData),
    contentKeys,
    drmSystems: list(root, 'DRMSystem', MAX_DRM_SYSTEMS).map(readDrmSystem),
    periods: list(root, 'ContentKeyPeriod', MAX_PERIODS).map(readPeriod),
    usageRules: list(root, 'ContentKeyUsageRule', MAX_USAGE_RULES).map(readUsageRule),
  })
  checkReferences(document)
  return document
}

function versionOf(root: CpixNode): CpixVersion {
  const version = root.attribute('version')
  if (version === undefined || !VERSIONS.has(version)) {
    throw new FormatError(
      'ERR_CPIX_VERSION',
      `expected a CPIX document of version ${[...VERSIONS].join(' or ')}, found ${version === undefined ? 'none' : 'another'}`,
    )
  }
  return version as CpixVersion
}

function refuseSignatures(root: CpixNode): void {
  if (root.all(DS, 'Signature').length === 0) return
  throw new FormatError(
    'ERR_CPIX_SIGNED',
    'expected a CPIX document without signatures, found a signed one: signatures are not supported',
  )
}

/** The elements of `NAMEList`. */
function list(root: CpixNode, name: string, limit: number): CpixNode[] {
  const found = root.one(CPIX, `${name}List`)?.all(CPIX, name) ?? []
  if (found.length <= limit) return found
  throw new FormatError('ERR_CPIX_TOO_LARGE', `expected at most ${limit} ${name} elements, found ${found.length}`)
}

function readContentKey(node: CpixNode, version: CpixVersion): CpixContentKey {
  const kid = node.uuid('kid')
  const explicitIv = node.bytesOf('explicitIV')
  if (explicitIv !== undefined && explicitIv.byteLength !== KEY_BYTES) {
    throw node.error(`an explicitIV of ${KEY_BYTES} bytes`, `${explicitIv.byteLength}`)
  }
  return withoutUndefined<CpixContentKey>({
    kid,
    explicitIv,
    scheme: schemeOf(node, version),
    dependsOnKey: node.attribute('dependsOnKey') === undefined ? undefined : node.uuid('dependsOnKey'),
    contentId: node.attribute('contentId'),
    secret: readSecret(node),
  })
}

function schemeOf(node: CpixNode, version: CpixVersion): CpixScheme | undefined {
  const scheme = node.attribute('commonEncryptionScheme')
  if (scheme === undefined) return undefined
  if (!CENC_SCHEMES.has(scheme) && !(version === '2.4' && HLS_METHODS.has(scheme))) {
    throw new FormatError(
      'ERR_CPIX_SCHEME',
      `expected an encryption scheme of CPIX ${version}, found ${HLS_METHODS.has(scheme) ? scheme : 'another'}`,
    )
  }
  return scheme as CpixScheme
}

/** `Data/Secret`. Empty elements ask for a key, as none does. */
function readSecret(node: CpixNode): CpixSecret | undefined {
  const secret = node.one(CPIX, 'Data')?.one(PSKC, 'Secret')
  if (secret === undefined) return undefined
  const plain = secret.one(PSKC, 'PlainValue')
  const encrypted = secret.one(PSKC, 'EncryptedValue')
  if (plain !== undefined && encrypted !== undefined) {
    throw secret.error('PlainValue or EncryptedValue', 'both')
  }
  if (plain !== undefined) {
    const value = plain.bytes()
    if (value.byteLength === 0) return undefined
    if (value.byteLength !== KEY_BYTES) throw plain.error(`a key of ${KEY_BYTES} bytes`, `${value.byteLength}`)
    return { kind: 'plain', value }
  }
  if (encrypted === undefined) return undefined
  const mac = secret.one(PSKC, 'ValueMAC')?.bytes()
  return withoutUndefined<CpixEncryptedSecret>({ kind: 'encrypted', ...readEncrypted(encrypted), mac })
}

/** Content of an element of type `xenc:EncryptedDataType`. */
function readEncrypted(node: CpixNode): { readonly encryption: string; readonly cipherValue: Uint8Array } {
  const encryption = node.required(XENC, 'EncryptionMethod').requiredAttribute('Algorithm')
  const data = node.required(XENC, 'CipherData')
  if (data.one(XENC, 'CipherReference') !== undefined) {
    throw new FormatError(
      'ERR_CPIX_REFERENCE',
      'expected encrypted values inside the CPIX document, found a reference: nothing is fetched',
    )
  }
  return { encryption, cipherValue: data.required(XENC, 'CipherValue').bytes() }
}

function readDeliveryData(node: CpixNode): CpixDeliveryData {
  const certificates = node.required(CPIX, 'DeliveryKey').required(DS, 'X509Data').all(DS, 'X509Certificate')
  const [certificate] = certificates
  if (certificate === undefined) throw node.error('an X509Certificate', 'none')
  const documentKeys = node.all(CPIX, 'DocumentKey')
  const [documentKey] = documentKeys
  // One for several groups of keys is allowed by the format and made by nobody.
  if (documentKeys.length > 1) throw node.error('one DocumentKey', `${documentKeys.length}`)
  const secret = documentKey?.required(CPIX, 'Data').required(PSKC, 'Secret').required(PSKC, 'EncryptedValue')
  const macMethod = node.one(CPIX, 'MACMethod')
  return withoutUndefined<CpixDeliveryData>({
    certificate: certificate.bytes(),
    id: node.attribute('id'),
    name: node.attribute('name'),
    documentKey: documentKey === undefined || secret === undefined ? undefined : readWrapped(documentKey, secret),
    macKey: macMethod === undefined ? undefined : readMacKey(macMethod),
  })
}

/** By the schema `Key` is the encrypted data itself; the examples of SPEKE have it one element deeper. */
function readMacKey(method: CpixNode): CpixWrappedKey {
  const key = method.required(CPIX, 'Key')
  return readWrapped(method, key.one(PSKC, 'EncryptedValue') ?? key)
}

function readWrapped(node: CpixNode, encrypted: CpixNode): CpixWrappedKey {
  return { algorithm: node.requiredAttribute('Algorithm'), ...readEncrypted(encrypted) }
}

function readDrmSystem(node: CpixNode): CpixDrmSystem {
  const pssh = node.one(CPIX, 'PSSH')
  const protectionData = node.one(CPIX, 'ContentProtectionData')
  return withoutUndefined<CpixDrmSystem>({
    systemId: node.uuid('systemId'),
    kid: node.uuid('kid'),
    name: node.attribute('name'),
    pssh: pssh?.bytes(),
    contentProtectionData: protectionData === undefined ? undefined : textIn(protectionData),
    hlsSignaling: node.all(CPIX, 'HLSSignalingData').map(readHlsSignaling),
  })
}

function readHlsSignaling(node: CpixNode): CpixHlsSignaling {
  const playlist = node.attribute('playlist') ?? 'media'
  const isMultivariant = playlist === 'master' || playlist === 'multiVariant'
  if (!isMultivariant && playlist !== 'media') throw node.error('media, master or multiVariant as playlist', 'another')
  return { playlist: isMultivariant ? 'multivariant' : 'media', text: textIn(node) }
}

/** Base64 of UTF-8. */
function textIn(node: CpixNode): string {
  const bytes = parseBase64(node.text)
  if (bytes !== undefined) {
    try {
      return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    } catch {
      // Told below: what a decoder throws differs from one runtime to the next.
    }
  }
  throw node.error('base64 of text', 'something else')
}

function readPeriod(node: CpixNode): CpixKeyPeriod {
  return withoutUndefined<CpixKeyPeriod>({
    id: node.attribute('id'),
    index: node.count('index'),
    label: node.attribute('label'),
    start: node.attribute('start'),
    end: node.attribute('end'),
  })
}

function checkReferences({ version, contentId, contentKeys, drmSystems, periods, usageRules }: CpixDocument): void {
  const kids = uniqueOf(
    contentKeys.map(({ kid }) => kid),
    (kid) => new FormatError('ERR_CPIX_KEY_ID', `expected each content key once, found ${kid} twice`),
  )
  const named = [...drmSystems, ...usageRules, ...contentKeys.map(({ dependsOnKey }) => ({ kid: dependsOnKey }))]
  for (const { kid } of named) {
    if (kid === undefined || kids.has(kid)) continue
    throw new FormatError(
      'ERR_CPIX_KEY_ID',
      `expected content keys for all that is said of them, found none for ${kid}`,
    )
  }
  for (const key of contentKeys) {
    if (key.contentId === undefined || (version === '2.4' && contentId === undefined)) continue
    throw new FormatError(
      'ERR_CPIX_SYNTAX',
      'expected contentId at the document or, from 2.4, at its keys, found another',
    )
  }
  uniqueOf(
    drmSystems.map(({ kid, systemId }) => `${systemId} of ${kid}`),
    (system) => new FormatError('ERR_CPIX_SYNTAX', `expected one DRMSystem ${system}, found two`),
  )
  const ids = uniqueOf(
    periods.flatMap(({ id }) => (id === undefined ? [] : [id])),
    () => new FormatError('ERR_CPIX_SYNTAX', 'expected each key period once, found one twice'),
  )
  for (const filter of usageRules.flatMap(({ filters }) => filters)) {
    if (filter.type !== 'period' || ids.has(filter.periodId)) continue
    throw new FormatError('ERR_CPIX_SYNTAX', 'expected the key period that a KeyPeriodFilter names, found none')
  }
}

function uniqueOf(values: readonly string[], error: (value: string) => FormatError): ReadonlySet<string> {
  const known = new Set<string>()
  for (const value of values) {
    if (known.has(value)) throw error(value)
    known.add(value)
  }
  return known
}
