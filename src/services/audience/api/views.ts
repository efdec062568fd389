/** What the store tells, with units in its names and times for people, as every answer of the API. */
import type { PlayEvent } from '../../../playlog/play-event.ts'
import type {
  AudienceNumbers,
  AudienceOverview,
  AudiencePoint,
  AudienceRange,
  AudienceShare,
  SessionDetail,
  SessionSummary,
} from '../store/audience-store.ts'

export function viewRange({ from, until }: AudienceRange) {
  return { from: iso(from), until: iso(until) }
}

export function viewOverview({ startup, codes, ...overview }: AudienceOverview, range: AudienceRange) {
  return {
    range: viewRange(range),
    ...viewNumbers(overview),
    concurrent: overview.concurrent,
    viewers: overview.viewers,
    exitsBeforeStart: overview.exitsBeforeStart,
    startFailures: overview.startFailures,
    playbackFailures: overview.playbackFailures,
    networkRebufferRatio: overview.networkRebufferRatio,
    startupMs: startup,
    codes,
  }
}

export function viewPoint(point: AudiencePoint) {
  return {
    time: iso(point.time),
    concurrent: point.concurrent,
    startupMs: point.startup,
    ...viewNumbers(point),
  }
}

export function viewShare(share: AudienceShare) {
  return { name: share.name, ...viewNumbers(share) }
}

export function viewSummary(session: SessionSummary) {
  const { id, path, protocol, family, outcome, stalls, bytes, errors, player, address, userAgent, contentId } = session
  return {
    id,
    path,
    protocol,
    family,
    start: iso(session.start),
    end: iso(session.end),
    outcome,
    startupMs: session.startup,
    playedMs: session.played,
    stalledMs: session.stalled,
    stalls,
    bitrateKbps: session.bitrate,
    bytes,
    errors,
    player,
    address,
    userAgent,
    contentId,
  }
}

/** With so many events at most: as the store does, requests of media give way. */
export function viewDetail(session: SessionDetail, limit: number) {
  const { events, spans } = session
  return {
    ...viewSummary(session),
    networkStalledMs: session.networkStalled,
    networkStalls: session.networkStalls,
    pausedMs: session.paused,
    seekingMs: session.seeking,
    bitrateUp: session.bitrateUp,
    bitrateDown: session.bitrateDown,
    droppedFrames: session.droppedFrames,
    lostPackets: session.lostPackets,
    latencyMs: session.latency,
    spans: spans.map(({ state, start, end }) => ({ state, start: iso(start), end: iso(end) })),
    events: mostTelling(events, limit),
    eventsTold: session.eventsTold,
    isCut: session.isCut || events.length > limit,
  }
}

/** In the same order. */
function mostTelling(events: readonly PlayEvent[], limit: number): readonly PlayEvent[] {
  if (events.length <= limit) return events
  let requests = Math.max(0, limit - events.filter(({ kind }) => kind !== 'request').length)
  return events.filter(({ kind }) => kind !== 'request' || requests-- > 0).slice(0, limit)
}

function viewNumbers({ attempts, plays, stalls, bytes, errors, ...more }: AudienceNumbers) {
  return {
    attempts,
    plays,
    playedMs: more.played,
    stalledMs: more.stalled,
    stalls,
    rebufferRatio: more.rebufferRatio,
    bitrateKbps: more.bitrate,
    bytes,
    errors,
  }
}

function iso(time: number): string {
  return new Date(time).toISOString()
}
