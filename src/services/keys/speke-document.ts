/** What an encryptor asks a key server for, and whether the answer is that: SPEKE 2.0 and 2.1, a profile of CPIX 2.3 and 2.4. */
import type { X509Certificate } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { ConfigError, PeerError } from '../../errors.ts'
import type {
  CpixAudioFilter,
  CpixDocument,
  CpixDrmSystem,
  CpixKeyPeriod,
  CpixVersion,
  CpixVideoFilter,
} from '../../media/manifests/cpix/model.ts'
import type { ProtectionScheme } from '../../media/protection/scheme.ts'
import { type ProtectionSystem, SYSTEM_ID } from '../../media/protection/systems.ts'
import { recipientOf } from './cpix-secrets.ts'

/** What the header X-Speke-Version says. */
export type SpekeVersion = '2.0' | '2.1'

/** Each stands on one version of CPIX. */
export const CPIX_OF_SPEKE: Readonly<Record<SpekeVersion, CpixVersion>> = { '2.0': '2.3', '2.1': '2.4' }

export interface SpekeContract {
  readonly version: SpekeVersion
  /** Names the content to the key server, which may give the same keys for the same name. */
  readonly contentId: string
  /** All keys of a contract have one. */
  readonly scheme: ProtectionScheme
  readonly keys: readonly SpekeKey[]
  /** Whose signalling is wanted. */
  readonly systems: readonly SpekeSystem[]
  /** Of key rotation; counts from 0. */
  readonly period?: number
  /** So that keys come encrypted for its owner. */
  readonly certificate?: X509Certificate
}

export type SpekeSystem = Exclude<ProtectionSystem, 'common' | 'clearkey'>

/** A key that is asked for. The encryptor chooses its id. */
export interface SpekeKey {
  /** UUID in lower case. */
  readonly kid: string
  /** `VIDEO`, `SD+HD`, `STEREO_AUDIO`; `ALL` for one key. Each once. */
  readonly intendedTrackType: string
  /** As many as the type has parts; for `ALL` one for pictures and one for sound. */
  readonly filters: readonly (CpixVideoFilter | CpixAudioFilter)[]
}

/** Characters of the name of a content. */
const MAX_CONTENT_ID = 256

/** The document of the request. Throws ConfigError ERR_SPEKE_CONTRACT for what the profile does not allow. */
export function spekeRequest(contract: SpekeContract): CpixDocument {
  checkContract(contract)
  const { version, contentId, scheme, keys, systems, period, certificate } = contract
  const periods: readonly CpixKeyPeriod[] = period === undefined ? [] : [{ id: `period-${period}`, index: period }]
  return {
    version: CPIX_OF_SPEKE[version],
    contentId,
    deliveryData: certificate === undefined ? [] : [recipientOf(certificate)],
    contentKeys: keys.map(({ kid }) => ({ kid, scheme })),
    drmSystems: keys.flatMap(({ kid }) => systems.map((system) => wantedSignalling(system, kid))),
    periods,
    usageRules: keys.map(({ kid, intendedTrackType, filters }) => ({
      kid,
      intendedTrackType,
      filters: [...periods.map(({ id = '' }) => ({ type: 'period' as const, periodId: id })), ...filters],
    })),
  }
}

/**
 * Throws PeerError ERR_SPEKE_REPLY when the reply is not the request with all that it asked for: another contract, keys or signalling that are
 * missing, keys nobody asked for.
 */
export function checkSpekeReply(request: CpixDocument, reply: CpixDocument): void {
  for (const [name, asked, found] of [
    ['version', request.version, reply.version],
    ['contentId', request.contentId, reply.contentId],
    [
      'periods',
      request.periods.map(({ id, index }) => ({ id, index })),
      reply.periods.map(({ id, index }) => ({ id, index })),
    ],
    ['usage rules', byKid(request.usageRules), byKid(reply.usageRules)],
    ['key ids', kidsOf(request.contentKeys), kidsOf(reply.contentKeys)],
  ] as const) {
    if (!isDeepStrictEqual(asked, found)) throw replyError(`the ${name} of the request`, 'others')
  }
  const isEncrypted = request.deliveryData.length > 0
  for (const { kid, scheme } of request.contentKeys) {
    const key = reply.contentKeys.find((candidate) => candidate.kid === kid)
    if (key?.secret === undefined) throw replyError(`a value of the key ${kid}`, 'none')
    if (key.scheme !== scheme) throw replyError(`the scheme of the request for ${kid}`, 'another')
    if (isEncrypted && key.secret.kind === 'plain') throw replyError(`the key ${kid} encrypted`, 'it in the clear')
  }
  for (const asked of request.drmSystems) {
    const found = reply.drmSystems.find(({ kid, systemId }) => kid === asked.kid && systemId === asked.systemId)
    const missing = missingIn(asked, found)
    if (missing !== undefined) throw replyError(`${missing} of system ${asked.systemId} for ${asked.kid}`, 'none')
  }
}

function checkContract({ contentId, keys, period }: SpekeContract): void {
  if (contentId === '' || contentId.length > MAX_CONTENT_ID) {
    throw contractError(`a content id of 1 to ${MAX_CONTENT_ID} characters`, `${contentId.length}`)
  }
  if (keys.length === 0) throw contractError('at least one key', 'none')
  if (period !== undefined && !(Number.isSafeInteger(period) && period >= 0)) {
    throw contractError('a key period that counts from 0', String(period))
  }
  const types = keys.map(({ intendedTrackType }) => intendedTrackType)
  if (new Set(types).size < types.length) throw contractError('each intended track type once', types.join(', '))
  for (const { intendedTrackType, filters } of keys) {
    const kinds = filters.map(({ type }) => type)
    const wanted = intendedTrackType === 'ALL' ? 2 : intendedTrackType.split('+').length
    if (filters.length !== wanted || (intendedTrackType === 'ALL' && new Set(kinds).size < 2)) {
      throw contractError(`${wanted} filters for ${intendedTrackType}`, `${filters.length}`)
    }
  }
  if (types.includes('ALL') && types.length > 1)
    throw contractError('no other key beside one for ALL', types.join(', '))
}

/** Empty elements ask for their content. FairPlay has no signalling but that of HLS. */
function wantedSignalling(system: SpekeSystem, kid: string): CpixDrmSystem {
  const hlsSignaling = [
    { playlist: 'media' as const, text: '' },
    { playlist: 'multivariant' as const, text: '' },
  ]
  const systemId = SYSTEM_ID[system]
  if (system === 'fairplay') return { systemId, kid, hlsSignaling }
  return { systemId, kid, pssh: new Uint8Array(0), contentProtectionData: '', hlsSignaling }
}

/** Name of the first element that was asked for and is not there; `undefined`: all are. */
function missingIn(asked: CpixDrmSystem, found: CpixDrmSystem | undefined): string | undefined {
  if (asked.pssh !== undefined && (found?.pssh?.byteLength ?? 0) === 0) return 'PSSH'
  if (asked.contentProtectionData !== undefined && (found?.contentProtectionData ?? '') === '') {
    return 'ContentProtectionData'
  }
  const isThere = (playlist: string) =>
    found?.hlsSignaling.some((signaling) => signaling.playlist === playlist && signaling.text !== '') === true
  return asked.hlsSignaling.every(({ playlist }) => isThere(playlist)) ? undefined : 'HLSSignalingData'
}

/** The order of rules means nothing. */
function byKid<T extends { readonly kid: string }>(rules: readonly T[]): readonly T[] {
  return rules.toSorted((one, other) => (one.kid < other.kid ? -1 : 1))
}

function kidsOf(keys: readonly { readonly kid: string }[]): readonly string[] {
  return keys.map(({ kid }) => kid).toSorted()
}

function contractError(expected: string, found: string): ConfigError {
  return new ConfigError('ERR_SPEKE_CONTRACT', `expected ${expected} in a request for keys, found ${found}`)
}

function replyError(expected: string, found: string): PeerError {
  return new PeerError('ERR_SPEKE_REPLY', `expected ${expected} in the reply of the key server, found ${found}`)
}
