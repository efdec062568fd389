/** Streams, tracks and sessions as plain data for the API and the public list. */
import type { Session } from '../../live/sessions.ts'
import type { Stream } from '../../live/stream.ts'
import type { Track } from '../../media/track.ts'
import type { PlayLog } from '../../playlog/play-log.ts'
import type { WmlogExtension, WmlogItem, WmlogKind } from '../../playlog/wmlog.ts'
import type { Operation } from './operation.ts'

export interface TrackView {
  readonly kind: 'video' | 'audio' | 'data' | 'text'
  readonly codec: string
  readonly width?: number
  readonly height?: number
  readonly frameRate?: number
  readonly sampleRate?: number
  readonly channels?: number
  readonly language?: string
  readonly name?: string
}

/** A stream as everybody may see it. */
export interface LiveView {
  readonly path: string
  /** `waiting`: the publisher is gone and may come back. */
  readonly state: 'live' | 'waiting'
  readonly since: string
  readonly viewers: number
  readonly bitrateBps: number
  readonly tracks: readonly TrackView[]
}

/** A stream as its operator sees it. */
export interface StreamView extends LiveView {
  readonly bytes: number
  readonly packets: number
  /** Packets that no decoder could start with. */
  readonly dropped: number
  /** Times that were out of order and were put right. */
  readonly repairs: number
  /** Wire formats in use, with their viewers. */
  readonly feeds: readonly { readonly format: string; readonly viewers: number }[]
  /** Session id of the publisher. */
  readonly publisher?: string
}

export interface SessionView {
  readonly id: string
  readonly protocol: string
  readonly role: 'publish' | 'play'
  readonly path: string
  readonly remoteAddress: string
  readonly userAgent?: string
  readonly since: string
  readonly bytesIn: number
  readonly bytesOut: number
  readonly skipped: number
  readonly details?: Readonly<Record<string, unknown>>
}

/** What a player reported. */
export interface PlayLogView {
  readonly receivedAt: string
  readonly kind: WmlogKind
  readonly protocol: string
  readonly path: string
  readonly remoteAddress: string
  readonly session?: string
  /** By their names in MS-WMLOG. */
  readonly fields: Readonly<Record<string, string | number>>
  readonly contentDescription?: readonly WmlogItem[]
  readonly extensions?: readonly WmlogExtension[]
}

export interface LiveList {
  readonly streams: readonly LiveView[]
  readonly ports: Readonly<Record<string, number>>
}

/** Streams of a list at most; a page with more is of no use to anybody. */
const MAX_LISTED = 1_000

/** What is on air, for everybody. */
export function viewLive(operation: Operation): LiveList {
  const viewers = countViewers(operation)
  const streams: LiveView[] = []
  for (const stream of operation.hub.streams()) {
    if (streams.length >= MAX_LISTED) break
    if (operation.isOpen(stream.path)) streams.push(viewLiveStream(stream, viewers.get(stream.path) ?? 0))
  }
  return { streams, ports: operation.ports() }
}

/** Viewers by path, in one pass over the sessions. */
export function countViewers({ sessions }: Operation): ReadonlyMap<string, number> {
  const viewers = new Map<string, number>()
  for (const { start } of sessions.list()) {
    if (start.role === 'play') viewers.set(start.path, (viewers.get(start.path) ?? 0) + 1)
  }
  return viewers
}

export function viewStream(stream: Stream, viewers: number, publisher: Session | undefined): StreamView {
  const { bytes, packets, dropped, repairs } = stream.statistics
  const feeds = [...stream.feeds.values()].map((feed) => ({ format: feed.format.name, viewers: feed.viewers }))
  return {
    ...viewLiveStream(stream, viewers),
    bytes,
    packets,
    dropped,
    repairs,
    feeds,
    ...(publisher === undefined ? {} : { publisher: publisher.id }),
  }
}

export function viewSession(session: Session): SessionView {
  const { id, start, startedAt, bytesIn, bytesOut, skipped } = session
  const { protocol, role, path, remoteAddress, userAgent, grant, details } = start
  return {
    id,
    protocol,
    role,
    path,
    remoteAddress,
    ...(userAgent === undefined ? {} : { userAgent }),
    ...(grant === undefined ? {} : { tokenId: grant.tokenId }),
    since: startedAt.toISOString(),
    bytesIn,
    bytesOut,
    skipped,
    ...(details === undefined ? {} : { details: details() }),
  }
}

export function viewPlayLog(log: PlayLog): PlayLogView {
  const { receivedAt, kind, protocol, path, remoteAddress, sessionId, wmlog } = log
  const { contentDescription, extensions } = wmlog
  const fields: Record<string, string | number> = {}
  for (const [name, value] of Object.entries(wmlog.fields)) if (value !== undefined) fields[name] = value
  return {
    receivedAt: receivedAt.toISOString(),
    kind,
    protocol,
    path,
    remoteAddress,
    ...(sessionId === undefined ? {} : { session: sessionId }),
    fields,
    ...(contentDescription === undefined ? {} : { contentDescription }),
    ...(extensions === undefined ? {} : { extensions }),
  }
}

function viewLiveStream(stream: Stream, viewers: number): LiveView {
  return {
    path: stream.path,
    state: stream.state === 'live' ? 'live' : 'waiting',
    since: stream.startedAt.toISOString(),
    viewers,
    bitrateBps: stream.statistics.bitrateBps,
    tracks: stream.tracks.map(viewTrack),
  }
}

/** A track as plain data. */
export function viewTrack({ kind, codec, video, audio, language, name }: Track): TrackView {
  return {
    kind,
    codec,
    ...(video === undefined || video.width === 0 ? {} : { width: video.width, height: video.height }),
    ...(video?.frameRate === undefined ? {} : { frameRate: video.frameRate }),
    ...(audio === undefined ? {} : { sampleRate: audio.sampleRate, channels: audio.channels }),
    ...(language === undefined ? {} : { language }),
    ...(name === undefined ? {} : { name }),
  }
}
