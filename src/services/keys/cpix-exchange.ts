/** Content keys of a server as CPIX documents, out of its store and into it: for other servers, packagers and licence servers. */
import type { KeyObject, X509Certificate } from 'node:crypto'
import { FormatError, UnavailableError } from '../../errors.ts'
import { formatCpix } from '../../media/manifests/cpix/format.ts'
import type { CpixDocument, CpixKeyPeriod } from '../../media/manifests/cpix/model.ts'
import { parseCpix } from '../../media/manifests/cpix/parse.ts'
import { formatUuid } from '../../media/protection/systems.ts'
import type { KeyPurpose } from '../../packaging/protection/content-keys.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import { openCpixKeys, withCpixKeys } from './cpix-secrets.ts'
import type { KeyStore } from './key-store.ts'

/** A key with what it is for. */
export interface PurposedKey {
  readonly key: ContentKey
  readonly purpose: KeyPurpose
}

/** Those of a path, or of one content of it. Throws UnavailableError ERR_KEYS_UNKNOWN when there are none. */
export function keysOfPath(
  store: Pick<KeyStore, 'list' | 'get'>,
  { path, content }: { readonly path: string; readonly content?: string | undefined },
): readonly PurposedKey[] {
  const stored = store.list(path).filter((one) => content === undefined || one.content === content)
  if (stored.length === 0) throw new UnavailableError('ERR_KEYS_UNKNOWN', `there is no content key of ${path}`)
  return stored.map(({ id, ...purpose }) => ({
    key: store.get(id),
    purpose: { path: purpose.path, content: purpose.content, period: purpose.period },
  }))
}

/**
 * The keys of one path. Each period of a content is a key period of the document, and rules say which key it has; for several contents, which need
 * version 2.4, there are no rules. With `certificate` only its owner can read the keys. Throws ConfigError ERR_CPIX_RECIPIENT.
 */
export function cpixOfKeys(keys: readonly PurposedKey[], certificate?: X509Certificate): string {
  const contents = new Set(keys.map(({ purpose }) => purpose.content))
  const [only] = contents
  const isOne = contents.size === 1 && only !== undefined
  const periods = [...new Set(keys.map(({ purpose }) => purpose.period))].toSorted((one, other) => one - other)
  const document: CpixDocument = {
    version: isOne ? '2.3' : '2.4',
    ...(isOne ? { contentId: only } : {}),
    deliveryData: [],
    contentKeys: keys.map(({ key, purpose }) => ({
      kid: formatUuid(key.id),
      ...(isOne ? {} : { contentId: purpose.content }),
    })),
    drmSystems: [],
    periods: isOne ? periods.map((index): CpixKeyPeriod => ({ id: `period-${index}`, index })) : [],
    usageRules: isOne
      ? keys.map(({ key, purpose }) => ({
          kid: formatUuid(key.id),
          filters: [{ type: 'period', periodId: `period-${purpose.period}` }],
        }))
      : [],
  }
  return formatCpix(
    withCpixKeys(
      document,
      keys.map(({ key }) => key),
      certificate,
    ),
  )
}

/**
 * The keys of a document for a path. Where it has one key for each content and period, these are the purposes, so that what `cpixOfKeys` wrote comes in
 * as it was; where several keys are for one, as for pictures and sound, each is for itself. All or none: throws what `parseCpix` and `openCpixKeys`
 * throw, and FormatError ERR_CPIX_KEY_ID for a key without a value.
 */
export function keysOfDocument(text: string, path: string, privateKey?: KeyObject): readonly PurposedKey[] {
  const document = parseCpix(text)
  const opened = openCpixKeys(document, privateKey)
  const wanted = document.contentKeys.map(({ kid, contentId = document.contentId }) => {
    const key = opened.get(kid)
    if (key === undefined) {
      throw new FormatError('ERR_CPIX_KEY_ID', `expected a value of the content key ${kid}, found none`)
    }
    return { key, kid, content: contentId ?? '', period: periodOf(document, kid) }
  })
  const counts = Map.groupBy(wanted, ({ content, period }) => `${period} ${content}`)
  return wanted.map(({ key, kid, content, period }) => {
    const isAlone = content !== '' && counts.get(`${period} ${content}`)?.length === 1
    return { key, purpose: { path, content: isAlone ? content : `${content} imported ${kid}`.trim(), period } }
  })
}

/** By the first rule that names one. */
function periodOf({ periods, usageRules }: CpixDocument, kid: string): number {
  for (const { filters } of usageRules.filter((rule) => rule.kid === kid)) {
    for (const filter of filters) {
      if (filter.type !== 'period') continue
      const found = periods.find(({ id }) => id === filter.periodId)
      if (found?.index !== undefined) return found.index
    }
  }
  return 0
}
