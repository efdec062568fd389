/** Keys of a package from a key server by SPEKE, one exchange for each key period; what it says of its systems is signalled. */
import { createHash, type X509Certificate } from 'node:crypto'
import { ConfigError } from '../../errors.ts'
import type { CpixAudioFilter, CpixVideoFilter } from '../../media/manifests/cpix/model.ts'
import { formatUuid } from '../../media/protection/systems.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import { requestSpekeKeys, type SpekeServer } from '../keys/speke-client.ts'
import type { SpekeKey, SpekeSystem, SpekeVersion } from '../keys/speke-document.ts'
import { documentSignalling } from './drm-signalling.ts'
import { isCommonEncryption, type SystemSignalling } from './key-signalling.ts'
import { type KeyScope, type KeySource, labelOf, labelsOf } from './key-source.ts'

/** SPEKE has names for kinds of tracks only. */
const TRACK_TYPES: Readonly<Record<string, string>> = { video: 'VIDEO', audio: 'AUDIO' }
const FILTERS = {
  video: [{ type: 'video' }],
  audio: [{ type: 'audio' }],
  all: [{ type: 'video' }, { type: 'audio' }],
} as const

/** How keys are asked for. */
export interface SpekeKeyOptions {
  /** Default `2.0`. */
  readonly version?: SpekeVersion
  /** Whose signalling is asked for. */
  readonly systems?: readonly SpekeSystem[]
  /** `track` is refused with ConfigError ERR_SPEKE_CONTRACT. */
  readonly scope?: KeyScope
  /** Default: one made of the name and the state of the first file. */
  readonly contentId?: string
  /** So that keys come encrypted; the server has its private key. */
  readonly certificate?: X509Certificate
}

/** The source throws what `requestSpekeKeys` and `documentSignalling` throw, and ConfigError ERR_SPEKE_CONTRACT for a scheme that SPEKE does not have. */
export function keysOfSpeke(server: SpekeServer, options: SpekeKeyOptions = {}): KeySource {
  const { version = '2.0', systems = [], scope = 'package', certificate } = options
  return async (plan, signal) => {
    const { scheme, periods } = plan
    if (!isCommonEncryption(scheme)) throw contractError('cenc or cbcs', scheme)
    if (scope === 'track') throw contractError('one key for all or for each kind of track', 'one for each track')
    const contentId = options.contentId ?? plan.contentId
    const keys = new Map<string, ContentKey | undefined>()
    const signalling = new Map<string, SystemSignalling>()
    for (let period = 0; period < periods; period++) {
      const wanted = labelsOf(plan, scope).map((label) => spekeKey(contentId, label, period))
      const reply = await requestSpekeKeys(
        server,
        {
          version,
          contentId,
          scheme,
          systems,
          keys: wanted,
          ...(periods === 1 ? {} : { period }),
          ...(certificate === undefined ? {} : { certificate }),
        },
        signal,
      )
      for (const { kid } of wanted) keys.set(kid, reply.keys.get(kid))
      for (const [kid, told] of documentSignalling(reply.document)) signalling.set(kid, told)
    }
    const keyOf = (rendition: string, period: number) =>
      keys.get(kidOf(contentId, labelOf(plan, scope, rendition), period))
    return { keyOf, signalling }
  }
}

function spekeKey(contentId: string, label: string | undefined, period: number): SpekeKey {
  const filters: readonly (CpixVideoFilter | CpixAudioFilter)[] =
    label === 'video' || label === 'audio' ? FILTERS[label] : FILTERS.all
  return { kid: kidOf(contentId, label, period), intendedTrackType: TRACK_TYPES[label ?? ''] ?? 'ALL', filters }
}

/** The same for the same content, so that a run that goes on asks for the same keys. A UUID of version 8 (RFC 9562 section 5.8). */
function kidOf(contentId: string, label: string | undefined, period: number): string {
  const id = createHash('sha256')
    .update(JSON.stringify([contentId, label ?? null, period]))
    .digest()
    .subarray(0, 16)
  id[6] = ((id[6] ?? 0) & 0x0f) | 0x80
  id[8] = ((id[8] ?? 0) & 0x3f) | 0x80
  return formatUuid(id)
}

function contractError(expected: string, found: string): ConfigError {
  return new ConfigError('ERR_SPEKE_CONTRACT', `expected ${expected} in a request for keys, found ${found}`)
}
