/** Reads rules that say which tracks a key is for (CPIX 2.3, section 5.6). */
import { withoutUndefined } from '../without-undefined.ts'
import {
  CPIX_NAMESPACE,
  type CpixAudioFilter,
  type CpixBitrateFilter,
  type CpixFilter,
  type CpixUsageRule,
  type CpixVideoFilter,
} from './model.ts'
import type { CpixNode } from './node.ts'

/** Of one rule. */
const MAX_FILTERS = 256
/** Attributes of which each filter is made: another one would narrow it in a way that is not known. */
const ATTRIBUTES: Readonly<Record<string, readonly string[]>> = {
  KeyPeriodFilter: ['periodId'],
  LabelFilter: ['label'],
  VideoFilter: ['minPixels', 'maxPixels', 'minFps', 'maxFps', 'hdr', 'wcg'],
  AudioFilter: ['minChannels', 'maxChannels'],
  BitrateFilter: ['minBitrate', 'maxBitrate'],
}

export function readUsageRule(node: CpixNode): CpixUsageRule {
  const filters: CpixFilter[] = []
  let unknownFilter: string | undefined
  const { children } = node
  if (children.length > MAX_FILTERS) throw node.error(`at most ${MAX_FILTERS} filters`, `${children.length}`)
  for (const child of children) {
    const filter = child.namespace === CPIX_NAMESPACE.cpix ? readFilter(child) : undefined
    if (filter === undefined) unknownFilter ??= child.name
    else filters.push(filter)
  }
  return withoutUndefined<CpixUsageRule>({
    kid: node.uuid('kid'),
    intendedTrackType: node.attribute('intendedTrackType'),
    filters,
    unknownFilter,
  })
}

/** `undefined`: it is not known. */
function readFilter(node: CpixNode): CpixFilter | undefined {
  const known = ATTRIBUTES[node.name]
  if (known === undefined || node.attributeNames.some((name) => !known.includes(name))) return undefined
  switch (node.name) {
    case 'KeyPeriodFilter':
      return { type: 'period', periodId: node.requiredAttribute('periodId') }
    case 'LabelFilter':
      return { type: 'label', label: node.requiredAttribute('label') }
    case 'VideoFilter':
      return withoutUndefined<CpixVideoFilter>({
        type: 'video',
        minPixels: node.count('minPixels'),
        maxPixels: node.count('maxPixels'),
        minFps: node.count('minFps'),
        maxFps: node.count('maxFps'),
        hdr: node.boolean('hdr'),
        wcg: node.boolean('wcg'),
      })
    case 'AudioFilter':
      return withoutUndefined<CpixAudioFilter>({
        type: 'audio',
        minChannels: node.count('minChannels'),
        maxChannels: node.count('maxChannels'),
      })
    default:
      return withoutUndefined<CpixBitrateFilter>({
        type: 'bitrate',
        min: node.count('minBitrate'),
        max: node.count('maxBitrate'),
      })
  }
}
