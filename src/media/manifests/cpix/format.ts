/** Writes CPIX documents. Pure: the same document, the same bytes. */
import { escapeXml } from '../xml.ts'
import {
  CPIX_NAMESPACE,
  type CpixContentKey,
  type CpixDeliveryData,
  type CpixDocument,
  type CpixDrmSystem,
  type CpixFilter,
  type CpixKeyPeriod,
  type CpixSecret,
  type CpixUsageRule,
  type CpixVersion,
  type CpixWrappedKey,
} from './model.ts'
import { formatBase64 } from './node.ts'

// Media code runs in Node and in browsers; both have it, but neither's type library is loaded here.
declare const TextEncoder: new () => { encode(text: string): Uint8Array }

type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

/** The document as text, indented, with its keys where it has any: whoever has it may have them. */
export function formatCpix(document: CpixDocument): string {
  const { version, deliveryData, contentKeys, drmSystems, periods, usageRules } = document
  const attributes: Attributes = {
    'xmlns:cpix': CPIX_NAMESPACE.cpix,
    'xmlns:pskc': CPIX_NAMESPACE.pskc,
    ...(deliveryData.length > 0 || contentKeys.some(({ secret }) => secret?.kind === 'encrypted')
      ? { 'xmlns:ds': CPIX_NAMESPACE.signature, 'xmlns:xenc': CPIX_NAMESPACE.encryption }
      : {}),
    id: document.id,
    name: document.name,
    contentId: document.contentId,
    version,
  }
  const lists = [
    list('DeliveryData', deliveryData.map(deliveryDataElement)),
    list('ContentKey', contentKeys.map(contentKeyElement)),
    list(
      'DRMSystem',
      drmSystems.map((system) => drmSystemElement(system, version)),
    ),
    list('ContentKeyPeriod', periods.map(periodElement)),
    list('ContentKeyUsageRule', usageRules.map(usageRuleElement)),
  ]
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element('cpix:CPIX', attributes, lists)}\n`
}

function list(name: string, elements: readonly string[]): string {
  return elements.length === 0 ? '' : element(`cpix:${name}List`, {}, elements)
}

function contentKeyElement({ kid, explicitIv, dependsOnKey, scheme, contentId, secret }: CpixContentKey): string {
  const attributes: Attributes = {
    kid,
    explicitIV: explicitIv === undefined ? undefined : formatBase64(explicitIv),
    dependsOnKey,
    commonEncryptionScheme: scheme,
    contentId,
  }
  return element('cpix:ContentKey', attributes, secret === undefined ? [] : [data(secretElements(secret))])
}

function secretElements(secret: CpixSecret): readonly string[] {
  if (secret.kind === 'plain') return [leaf('pskc:PlainValue', {}, formatBase64(secret.value))]
  return [
    element('pskc:EncryptedValue', {}, encryptedElements(secret)),
    ...(secret.mac === undefined ? [] : [leaf('pskc:ValueMAC', {}, formatBase64(secret.mac))]),
  ]
}

function data(secret: readonly string[]): string {
  return element('cpix:Data', {}, [element('pskc:Secret', {}, secret)])
}

function encryptedElements({
  encryption,
  cipherValue,
}: Pick<CpixWrappedKey, 'encryption' | 'cipherValue'>): readonly string[] {
  return [
    element('xenc:EncryptionMethod', { Algorithm: encryption }, []),
    element('xenc:CipherData', {}, [leaf('xenc:CipherValue', {}, formatBase64(cipherValue))]),
  ]
}

function deliveryDataElement({ id, name, certificate, documentKey, macKey }: CpixDeliveryData): string {
  const x509 = element('ds:X509Data', {}, [leaf('ds:X509Certificate', {}, formatBase64(certificate))])
  return element('cpix:DeliveryData', { id, name }, [
    element('cpix:DeliveryKey', {}, [x509]),
    documentKey === undefined
      ? ''
      : element('cpix:DocumentKey', { Algorithm: documentKey.algorithm }, [
          data([element('pskc:EncryptedValue', {}, encryptedElements(documentKey))]),
        ]),
    macKey === undefined
      ? ''
      : element('cpix:MACMethod', { Algorithm: macKey.algorithm }, [
          element('cpix:Key', {}, encryptedElements(macKey)),
        ]),
  ])
}

function drmSystemElement(system: CpixDrmSystem, version: CpixVersion): string {
  const { systemId, kid, name, pssh, contentProtectionData, hlsSignaling } = system
  const multivariant = version === '2.3' ? 'master' : 'multiVariant'
  return element('cpix:DRMSystem', { systemId, kid, name }, [
    pssh === undefined ? '' : leaf('cpix:PSSH', {}, formatBase64(pssh)),
    contentProtectionData === undefined ? '' : leaf('cpix:ContentProtectionData', {}, base64Of(contentProtectionData)),
    ...hlsSignaling.map(({ playlist, text }) =>
      leaf('cpix:HLSSignalingData', { playlist: playlist === 'media' ? 'media' : multivariant }, base64Of(text)),
    ),
  ])
}

function periodElement({ id, index, label, start, end }: CpixKeyPeriod): string {
  return element('cpix:ContentKeyPeriod', { id, index, label, start, end }, [])
}

function usageRuleElement({ kid, intendedTrackType, filters }: CpixUsageRule): string {
  return element('cpix:ContentKeyUsageRule', { kid, intendedTrackType }, filters.map(filterElement))
}

function filterElement(filter: CpixFilter): string {
  switch (filter.type) {
    case 'period':
      return element('cpix:KeyPeriodFilter', { periodId: filter.periodId }, [])
    case 'label':
      return element('cpix:LabelFilter', { label: filter.label }, [])
    case 'bitrate':
      return element('cpix:BitrateFilter', { minBitrate: filter.min, maxBitrate: filter.max }, [])
    case 'video': {
      const { type: _, ...bounds } = filter
      return element('cpix:VideoFilter', bounds, [])
    }
    default: {
      const { type: _, ...bounds } = filter
      return element('cpix:AudioFilter', bounds, [])
    }
  }
}

function base64Of(text: string): string {
  return formatBase64(new TextEncoder().encode(text))
}

function element(name: string, attributes: Attributes, children: readonly string[]): string {
  const inner = children.filter((child) => child !== '')
  if (inner.length === 0) return `<${name}${formatAttributes(attributes)}/>`
  const indented = inner.join('\n').replaceAll('\n', '\n  ')
  return `<${name}${formatAttributes(attributes)}>\n  ${indented}\n</${name}>`
}

/** An element of text; `text` is base64. */
function leaf(name: string, attributes: Attributes, text: string): string {
  return `<${name}${formatAttributes(attributes)}>${text}</${name}>`
}

function formatAttributes(attributes: Attributes): string {
  return Object.entries(attributes)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${name}="${escapeXml(String(value))}"`)
    .join('')
}
