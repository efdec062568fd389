/** Where the packager's keys come from: it is asked once, when it is known what is to be encrypted. */
import { createHmac } from 'node:crypto'
import { ConfigError } from '../../errors.ts'
import type { CpixTrack } from '../../media/manifests/cpix/usage-rules.ts'
import { formatUuid } from '../../media/protection/systems.ts'
import type { OnDemandRendition } from '../../packaging/on-demand/presentation.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import type { SystemSignalling } from './key-signalling.ts'

const IV_BYTES = 16

/** How content is encrypted: by Common Encryption, or whole segments for HLS. */
export type PackageScheme = 'cenc' | 'cbcs' | 'aes-128'

/** What keys are wanted for. */
export interface KeyPlan {
  /** Name of the content, another one for other files. */
  readonly contentId: string
  readonly scheme: PackageScheme
  /** Renditions by their names. */
  readonly tracks: ReadonlyMap<string, CpixTrack>
  /** Key periods; 1 without rotation. */
  readonly periods: number
}

/** The keys of a package. */
export interface AssignedKeys {
  /** Of a rendition in a period, which counts from 0. `undefined`: it stays in the clear. */
  keyOf(rendition: string, period: number): ContentKey | undefined
  /** What a key server says of a key, by its id as UUID, instead of what is made here. */
  readonly signalling?: ReadonlyMap<string, SystemSignalling>
}

/** Rejects with HeadendError when there are not all keys that are wanted. */
export type KeySource = (plan: KeyPlan, signal: AbortSignal) => Promise<AssignedKeys>

/** What has a key of its own: all of a package together, its pictures and its sounds, or each rendition. */
export type KeyScope = 'package' | 'kind' | 'track'

/** What the key of a rendition is called; `undefined`: it is that of all. */
export function labelOf({ tracks }: KeyPlan, scope: KeyScope, rendition: string): string | undefined {
  if (scope === 'package') return undefined
  return scope === 'track' ? rendition : tracks.get(rendition)?.kind
}

/** Of all keys of one period. */
export function labelsOf(plan: KeyPlan, scope: KeyScope): readonly (string | undefined)[] {
  return [...new Set([...plan.tracks.keys()].map((rendition) => labelOf(plan, scope, rendition)))]
}

/** The kinds of tracks that may have keys of their own. */
export type KeyKind = 'video' | 'audio'

/** One key for everything, or one for each kind of track. Keys do not change: throws ConfigError ERR_PACKAGE_KEY for a plan with rotation. */
export function givenKeys(keys: ContentKey | Readonly<Partial<Record<KeyKind, ContentKey>>>): KeySource {
  return (plan) => {
    if (plan.periods > 1) {
      return Promise.reject(
        new ConfigError(
          'ERR_PACKAGE_KEY',
          `expected a key for each of ${plan.periods} periods, found the same for all`,
        ),
      )
    }
    return Promise.resolve({
      keyOf(rendition) {
        if ('id' in keys) return keys
        const kind = plan.tracks.get(rendition)?.kind
        const key = kind === 'text' || kind === undefined ? undefined : keys[kind]
        if (key === undefined) {
          throw new ConfigError('ERR_PACKAGE_KEY', `expected a key for ${kind ?? rendition}, found none`)
        }
        return key
      },
    })
  }
}

/** What rules of keys may ask of a rendition. */
export function trackOf({ name, track, frameRate, peakBps }: OnDemandRendition): CpixTrack {
  const { video, audio, language } = track
  const transfer = video?.color?.transfer
  const labels = [
    name,
    ...(track.name === undefined ? [] : [track.name]),
    ...(language === undefined ? [] : [language]),
  ]
  return {
    kind: track.kind === 'audio' ? 'audio' : 'video',
    labels,
    bitrateBps: peakBps,
    ...(video === undefined || video.width === 0 ? {} : { pixels: video.width * video.height }),
    ...(frameRate === undefined ? {} : { fps: frameRate }),
    // PQ and HLG; primaries of BT.2020 (ISO/IEC 23091-2).
    hdr: transfer === 16 || transfer === 18,
    wcg: video?.color?.primaries === 9,
    ...(audio === undefined ? {} : { channels: audio.channels }),
  }
}

/** The same keys, each with one IV for all its tracks: its own, or one made of it. */
export function withSharedIvs(assigned: AssignedKeys): AssignedKeys {
  return {
    ...assigned,
    keyOf(rendition, period) {
      const key = assigned.keyOf(rendition, period)
      return key === undefined ? undefined : { ...key, constantIv: key.constantIv ?? sharedIv(key) }
    },
  }
}

function sharedIv({ id, key }: ContentKey): Uint8Array {
  return Uint8Array.from(
    createHmac('sha256', key).update('headend shared iv').update(id).digest().subarray(0, IV_BYTES),
  )
}

/** All keys of a plan, each once. Throws ConfigError ERR_PACKAGE_KEY when one id has two keys. */
export function distinctKeys(assigned: AssignedKeys, { tracks, periods }: KeyPlan): readonly ContentKey[] {
  const keys = new Map<string, ContentKey>()
  for (const rendition of tracks.keys()) {
    for (let period = 0; period < periods; period++) {
      const key = assigned.keyOf(rendition, period)
      if (key === undefined) continue
      const id = formatUuid(key.id)
      const known = keys.get(id)
      if (known !== undefined && Buffer.compare(known.key, key.key) !== 0) {
        throw new ConfigError('ERR_PACKAGE_KEY', `expected one key for ${id}, found two`)
      }
      keys.set(id, key)
    }
  }
  return [...keys.values()]
}
