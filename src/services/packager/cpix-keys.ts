/** Keys of a CPIX document for a package: which one a rendition has is what the rules of the document say. */
import type { KeyObject, X509Certificate } from 'node:crypto'
import { open, rename, rm } from 'node:fs/promises'
import { ConfigError } from '../../errors.ts'
import { formatCpix } from '../../media/manifests/cpix/format.ts'
import type { CpixDocument, CpixFilter, CpixKeyPeriod, CpixScheme } from '../../media/manifests/cpix/model.ts'
import { parseCpix } from '../../media/manifests/cpix/parse.ts'
import { cpixKeyOf } from '../../media/manifests/cpix/usage-rules.ts'
import { formatUuid } from '../../media/protection/systems.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import { openCpixKeys, withCpixKeys } from '../keys/cpix-secrets.ts'
import { documentSignalling } from './drm-signalling.ts'
import {
  type AssignedKeys,
  distinctKeys,
  type KeyPlan,
  type KeySource,
  type PackageScheme,
  withSharedIvs,
} from './key-source.ts'

/** Names of the schemes in documents; HLS has others. */
const SCHEMES: Readonly<Record<PackageScheme, readonly CpixScheme[]>> = {
  cenc: ['cenc', 'SAMPLE-AES-CTR'],
  cbcs: ['cbcs', 'SAMPLE-AES'],
  'aes-128': ['AES-128'],
}
const MODE = 0o600

/**
 * Keys and signalling of a document. `privateKey`: where they are encrypted for its owner. The source throws ConfigError ERR_PACKAGE_KEY for a document
 * that does not have what the package needs, and what `parseCpix`, `openCpixKeys`, `cpixKeyOf` and `documentSignalling` throw.
 */
export function keysOfCpix(text: string, privateKey?: KeyObject): KeySource {
  return (plan) =>
    new Promise((resolve) => {
      const document = parseCpix(text)
      resolve(assignedOf(document, openCpixKeys(document, privateKey), plan))
    })
}

function assignedOf(document: CpixDocument, keys: ReadonlyMap<string, ContentKey>, plan: KeyPlan): AssignedKeys {
  const ids = periodIds(document, plan.periods)
  const assigned = new Map<string, ContentKey | undefined>()
  for (const [rendition, track] of plan.tracks) {
    for (const [period, periodId] of ids.entries()) {
      const kid = cpixKeyOf(document, periodId === undefined ? track : { ...track, periodId })
      assigned.set(`${rendition} ${period}`, kid === undefined ? undefined : keyOf(document, keys, kid, plan.scheme))
    }
  }
  if ([...assigned.values()].every((key) => key === undefined)) {
    throw keyError('a key for a track of the package', 'none that is for any')
  }
  return {
    keyOf: (rendition, period) => assigned.get(`${rendition} ${period}`),
    signalling: documentSignalling(document),
  }
}

/** In the order of their numbers, from whichever they count. */
function periodIds({ periods }: CpixDocument, count: number): readonly (string | undefined)[] {
  if (periods.length === 0 && count === 1) return [undefined]
  if (periods.length < count) {
    throw keyError(`keys for ${count} key periods`, periods.length === 0 ? 'no periods' : `${periods.length}`)
  }
  return periods
    .toSorted((one, other) => numberOf(one) - numberOf(other))
    .slice(0, count)
    .map(({ id }) => id)
}

function numberOf({ index }: CpixKeyPeriod): number {
  if (index === undefined) throw keyError('an index of each key period', 'one without')
  return index
}

function keyOf(
  { contentKeys }: CpixDocument,
  keys: ReadonlyMap<string, ContentKey>,
  kid: string,
  scheme: PackageScheme,
): ContentKey {
  const found = contentKeys.find((key) => key.kid === kid)?.scheme
  if (found !== undefined && !SCHEMES[scheme].includes(found))
    throw keyError(`the key ${kid} for ${scheme}`, `it for ${found}`)
  const key = keys.get(kid)
  if (key === undefined) throw keyError(`a value of the key ${kid}`, 'none')
  return key
}

/**
 * The keys of another source, which are also written as a CPIX document before anything is encrypted: for licence servers. With `certificate` only its
 * owner can read them; otherwise the file is one of keys in the clear, which only its owner may read. The source throws ConfigError ERR_PACKAGE_KEY when
 * the file cannot be written, and ERR_CPIX_RECIPIENT.
 */
export function withCpixCopy(
  source: KeySource,
  { file, certificate }: { readonly file: string; readonly certificate?: X509Certificate },
): KeySource {
  return async (plan, signal) => {
    const found = await source(plan, signal)
    // The document tells the IV of each key too, which licences of FairPlay bring.
    const assigned = plan.scheme === 'cbcs' ? withSharedIvs(found) : found
    const document = withCpixKeys(documentOf(plan, assigned), distinctKeys(assigned, plan), certificate)
    await write(file, formatCpix(document))
    return assigned
  }
}

/** Rules name renditions by their labels: others than the packager may know them by nothing else. */
function documentOf(plan: KeyPlan, assigned: AssignedKeys): CpixDocument {
  const { scheme, periods, tracks, contentId } = plan
  // The methods of HLS came with 2.4.
  const version = scheme === 'aes-128' ? '2.4' : '2.3'
  const keyPeriods =
    periods === 1 ? [] : Array.from({ length: periods }, (_, index) => ({ id: `period-${index}`, index }))
  const rules = new Map<string, { readonly periods: Set<number>; readonly renditions: Set<string> }>()
  for (const rendition of tracks.keys()) {
    for (let period = 0; period < periods; period++) {
      const key = assigned.keyOf(rendition, period)
      if (key === undefined) continue
      const kid = formatUuid(key.id)
      const rule = rules.get(kid) ?? { periods: new Set(), renditions: new Set() }
      rules.set(kid, { periods: rule.periods.add(period), renditions: rule.renditions.add(rendition) })
    }
  }
  return {
    version,
    contentId,
    deliveryData: [],
    contentKeys: distinctKeys(assigned, plan).map(({ id, constantIv }) => ({
      kid: formatUuid(id),
      scheme: SCHEMES[scheme][0] as CpixScheme,
      ...(constantIv === undefined ? {} : { explicitIv: constantIv }),
    })),
    drmSystems: [],
    periods: keyPeriods,
    usageRules: [...rules].map(([kid, rule]) => ({
      kid,
      filters: [
        ...(periods === 1
          ? []
          : [...rule.periods].map((period): CpixFilter => ({ type: 'period', periodId: `period-${period}` }))),
        ...[...rule.renditions].map((label): CpixFilter => ({ type: 'label', label })),
      ],
    })),
  }
}

async function write(path: string, text: string): Promise<void> {
  const draft = `${path}.part`
  try {
    const file = await open(draft, 'w', MODE)
    try {
      await file.chmod(MODE)
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(draft, path)
  } catch (cause) {
    await rm(draft, { force: true }).catch(() => {})
    throw new ConfigError('ERR_PACKAGE_KEY', `the CPIX document ${path} cannot be written`, { cause })
  }
}

function keyError(expected: string, found: string): ConfigError {
  return new ConfigError('ERR_PACKAGE_KEY', `expected ${expected} in the CPIX document, found ${found}`)
}
