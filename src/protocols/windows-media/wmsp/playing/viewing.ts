/** One session on its way through its programme: makes the sources and the headers of its entries (MS-WMSP 3.2.4.2, 3.2.5.6). */

import type { Clock } from '../../../../library/clock.ts'
import type { AsfInit } from '../../../../media/containers/asf/model.ts'
import { withLaterTimes } from '../../../../media/containers/asf/time-shift.ts'
import { changePacket, endPacket, REASON } from '../../framing.ts'
import type { Product } from '../../product.ts'
import type { StreamLevels } from '../../stream-selection.ts'
import { endOfRequest, filePosition, type PlayRequest } from '../play-request.ts'
import type { WmspSession } from '../session.ts'
import type { ClientRules } from '../viewer-rules.ts'
import type { Content, FileContent, LiveContent, OpenOptions } from './content.ts'
import { type EntryFacts, entryHeader, featuresOfEntry } from './entry-header.ts'
import type { EntrySource, Numbering } from './entry-source.ts'
import { FileSource } from './file-source.ts'
import { sameShape } from './header-shape.ts'
import type { FramedFeeds } from './live-feed.ts'
import { LiveSource } from './live-source.ts'
import { type Pace, Pacer } from './pacer.ts'
import type { NextHeader, PlaybackHost } from './playback.ts'
import { predictSelection } from './prediction.ts'
import type { OpenEntry, Programme } from './programme.ts'
import { StrideSource } from './stride-source.ts'

export interface ViewingOptions {
  readonly session: WmspSession
  readonly programme: Programme
  readonly entry: OpenEntry
  readonly product: Product
  readonly rules: ClientRules
  readonly http11: boolean
  /** `$M` goes before `$H`. */
  readonly metadata: boolean
  readonly request: PlayRequest
  /** Bits a second of the client's line; `undefined`: not told. */
  readonly linkBps: number | undefined
  readonly feeds: FramedFeeds
  readonly open: OpenOptions
  readonly clock: Clock
  readonly onWaiting: () => void
}

export class Viewing implements PlaybackHost {
  readonly #options: ViewingOptions
  readonly #numbering: Numbering = { next: 0 }
  #entry: OpenEntry
  /** Header and selection in force, and the header before. */
  #init: AsfInit
  #before: AsfInit
  #selection: StreamLevels
  /** Milliseconds by which packets of the entry in work are later than in its file, for a viewer that knows of no entries. */
  #shiftMs = 0

  constructor(options: ViewingOptions, selection: StreamLevels) {
    this.#options = options
    this.#entry = options.entry
    this.#init = this.#before = options.entry.content.init
    this.#selection = selection
  }

  /** The entry in work. */
  get content(): Content {
    return this.#entry.content
  }

  /** What the entry in work is told to be. */
  facts(): EntryFacts {
    const { session, programme } = this.#options
    const { content } = this.#entry
    const live = content.kind === 'live'
    return {
      init: this.#init,
      live,
      playlist: programme.playlist,
      id: session.entries.current,
      broadcastId: live ? session.entries.broadcast(content.path) : 0,
    }
  }

  features(): string {
    return featuresOfEntry(this.facts(), this.#options.rules)
  }

  /** Where the request begins, at the pace that was granted. */
  async firstSource(pace: Pace): Promise<EntrySource> {
    const { content } = this.#entry
    if (content.kind === 'live') return this.#liveSource(content)
    const { request, product, http11, clock } = this.#options
    const { asf } = content
    const place = filePosition(request.position, { product, http11 }, content.init)
    let from = 'packet' in place ? place.packet : place.timeMs === 0 ? 0 : await asf.packetAt(place.timeMs)
    if (request.rate < 0 || request.rate > 1) {
      // Rewinding from the end is what a player does that has come to it.
      if (from >= asf.packetCount) from = Math.max(0, asf.packetCount - 1)
      const options = { numbering: this.#numbering, chunked: request.chunked, clock, onClose: content.close }
      return new StrideSource({ ...options, file: asf, from, rate: request.rate })
    }
    const [first] = request.maxDuration === undefined ? [] : await asf.readPackets(from, 1)
    const untilMs = endOfRequest(request.maxDuration, first?.sendTimeMs ?? 0)
    return this.#fileSource(content, { from, untilMs, pace, shiftMs: 0 })
  }

  /** `[$M] $H` of the entry in work. */
  opening(): Uint8Array {
    const { rules, metadata } = this.#options
    return entryHeader(this.facts(), rules, metadata)
  }

  /** What a client before version 7 is told first whose session is a new one (MS-WMSP 3.2.5.6). */
  openingForReset(): Uint8Array {
    const header = this.opening()
    return Buffer.concat([header, endPacket(REASON.NEXT_ENTRY), changePacket(REASON.FINISHED), header])
  }

  /** What a client is told that skips from the entry `before` to the one in work (MS-WMSP 4.5.1). */
  openingForSkip(before: Content, beforeId: number, receding: boolean): Uint8Array {
    const { rules, metadata, session } = this.#options
    const live = before.kind === 'live'
    const broadcastId = live ? session.entries.broadcast(before.path) : 0
    const facts = { init: before.init, live, playlist: true, id: beforeId, broadcastId }
    const change = changePacket(receding ? REASON.PLAYLIST_CHANGE_RECEDING : REASON.FINISHED)
    return Buffer.concat([entryHeader(facts, rules, metadata), change, this.opening()])
  }

  /** The client selected. */
  select(selection: StreamLevels): void {
    this.#selection = selection
  }

  get selection(): StreamLevels {
    return this.#selection
  }

  get init(): AsfInit {
    return this.#init
  }

  async next(): Promise<NextHeader | undefined> {
    const { programme, open } = this.#options
    const before = this.#entry
    const entry = await programme.next(before.index, open)
    if (entry === undefined) return undefined
    const seamless = sameShape(this.#init, entry.content.init) && bothFiles(before.content, entry.content)
    this.#entry = entry
    if (before.content.kind === 'file') this.#shiftMs += before.content.asf.durationMs
    return { source: this.#nextSource(entry.content), seamless }
  }

  isSeamless(source: EntrySource): boolean {
    return sameShape(this.#init, source.init)
  }

  header(source: EntrySource): Uint8Array {
    this.#before = this.#init
    this.#init = source.init
    this.#options.session.entries.enter(this.#entry.index)
    return this.opening()
  }

  predict(source: EntrySource): StreamLevels | undefined {
    const { session, linkBps } = this.#options
    const { selection } = session
    session.selection = undefined
    // Who selected nothing of the entry before has not said that it wants to go on like that.
    if (selection === undefined || !session.features.predictive) return undefined
    this.#selection = predictSelection(this.#selection, this.#before, source.init, linkBps)
    session.selection = this.#selection
    return this.#selection
  }

  keepSelection(source: EntrySource): StreamLevels {
    this.#init = source.init
    return this.#selection
  }

  changePause(): number {
    const { session, clock } = this.#options
    return session.changePause(clock.now())
  }

  onWaiting(): void {
    this.#options.onWaiting()
  }

  /** From the beginning of an entry that follows another. */
  #nextSource(content: Content): EntrySource {
    if (content.kind === 'live') return this.#liveSource(content)
    const { request, rules } = this.#options
    // Its beginning is not what the player waits for: it still plays the end of the entry before.
    const pace = { fastMs: 0, fastFactor: 1, speed: request.rate > 0 ? request.rate : 1 }
    const shiftMs = rules.changesHeader ? 0 : this.#shiftMs
    return this.#fileSource(content, { from: 0, untilMs: undefined, pace, shiftMs })
  }

  #liveSource({ stream, init }: LiveContent): LiveSource {
    const { feeds, request, rules } = this.#options
    return new LiveSource({
      feeds,
      stream,
      init,
      numbering: this.#numbering,
      chunked: request.chunked,
      keepPadding: rules.keepsPadding,
    })
  }

  #fileSource(content: FileContent, part: FilePart): FileSource {
    const { clock, request, rules } = this.#options
    const { from, untilMs, pace, shiftMs } = part
    return new FileSource({
      file: content.asf,
      from,
      untilMs,
      pacer: new Pacer(pace),
      numbering: this.#numbering,
      chunked: request.chunked,
      // Others take the mark for a broken packet.
      markBursts: rules.modern && request.accel !== undefined,
      keepPadding: rules.keepsPadding,
      clock,
      ...(shiftMs > 0 && { shift: (bytes: Uint8Array) => withLaterTimes(bytes, content.init.packetSize, shiftMs) }),
      onClose: content.close,
    })
  }
}

interface FilePart {
  readonly from: number
  readonly untilMs: number | undefined
  readonly pace: Pace
  readonly shiftMs: number
}

function bothFiles(before: Content, after: Content): boolean {
  return before.kind === 'file' && after.kind === 'file'
}
