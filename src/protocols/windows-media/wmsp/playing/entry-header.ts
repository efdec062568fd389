/** What a client is told of an entry: features, `$M` and `$H` (MS-WMSP 2.2.1.4.8, 2.2.3.5, 2.2.3.6). */
import type { AsfInit } from '../../../../media/containers/asf/model.ts'
import { type CdlItem, numberItem, textItem, writeMetadata } from '../../cdl.ts'
import { frameHeader } from '../../framing.ts'
import type { ClientRules } from '../viewer-rules.ts'
import { liveHeaderOf } from './live-header.ts'

export interface EntryFacts {
  readonly init: AsfInit
  readonly live: boolean
  /** It is one of several of a server-side playlist. */
  readonly playlist: boolean
  /** playlist-gen-id. */
  readonly id: number
  /** broadcast-id; 0 for what is not live. */
  readonly broadcastId: number
}

/** Words of `features`. */
export function featuresOfEntry(
  { init, live, playlist }: Omit<EntryFacts, 'id' | 'broadcastId'>,
  { modern }: Pick<ClientRules, 'modern'>,
): string {
  const words: string[] = []
  // Old players cannot know where in a playlist they are: to them it is on the air.
  const onAir = live || (playlist && !modern)
  if (onAir) words.push('broadcast')
  if (live) words.push('live')
  if (playlist) words.push('playlist')
  if (!onAir) {
    words.push('seekable')
    if (init.streams.some(({ kind }) => kind === 'video')) words.push('stridable')
  }
  if (playlist && modern) words.push('skipbackward', 'skipforward')
  return words.join(',')
}

/** `[$M] $H` as they stand before packets. `metadata`: the client knows `$M`. */
export function entryHeader(facts: EntryFacts, rules: Pick<ClientRules, 'modern'>, metadata: boolean): Uint8Array {
  const onAir = facts.playlist && !rules.modern
  const header = frameHeader('H', onAir ? liveHeaderOf(facts.init) : facts.init.bytes)
  if (!metadata) return header
  return Buffer.concat([frameHeader('M', metadataPayload(facts, rules)), header])
}

function metadataPayload(facts: EntryFacts, rules: Pick<ClientRules, 'modern'>): Uint8Array {
  const { id, broadcastId, init, live } = facts
  const { title, author, copyright } = init.description
  // Begins with its language, of which nothing is known.
  const items: CdlItem[] = [textItem('language', '')]
  if (title !== '') items.push(textItem('title', title))
  if (author !== '') items.push(textItem('author', author))
  if (copyright !== '') items.push(textItem('copyright', copyright))
  if (!live && init.durationMs > 0) {
    items.push(numberItem('WMS_CONTENT_DESCRIPTION_PLAYLIST_ENTRY_DURATION', Math.round(init.durationMs)))
  }
  const features = featuresOfEntry(facts, rules)
  const pragma = `playlist-gen-id=${id}, broadcast-id=${broadcastId}, features="${features}"`
  return writeMetadata({ pragma, descriptions: [items] })
}
