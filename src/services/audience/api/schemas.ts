/** The audience in zod, as the API gives it. Sums are no integers here: what players tell must not make an answer impossible. */
import { z } from 'zod'
import { SESSION_OUTCOMES } from '../../../playlog/measures/session-measures.ts'
import { PLAY_EVENT_KINDS, PLAY_EVENT_SOURCES, PLAYER_STATES } from '../../../playlog/play-event.ts'
import { MAX_LISTED, MAX_SESSION_EVENTS } from '../store/audience-store.ts'
import { rangeQuery } from './range.ts'

/** Events of one answer where nothing is said. */
const DEFAULT_EVENTS = 2000
const DEFAULT_LISTED = 100

const time = z.iso.datetime()
const outcome = z
  .enum(SESSION_OUTCOMES)
  .describe('open: it goes on; left: the viewer went away after the first picture; exit-before-start: before it.')

export const numbers = z.object({
  attempts: z.number().describe('Sessions that began, each a wish to play.'),
  plays: z.number().describe('Of them, those that came to the first picture.'),
  playedMs: z.number().describe('Time in which pictures moved.'),
  stalledMs: z.number().describe('Time in which they should have; neither the start nor seeks.'),
  stalls: z.number(),
  rebufferRatio: z.number().optional().describe('stalledMs / (stalledMs + playedMs). Absent: nothing was played.'),
  bitrateKbps: z.number().optional().describe('Mean over the time played.'),
  bytes: z.number(),
  errors: z.number().describe('Codes told.'),
})

const range = z.object({ from: time, until: time }).describe('Full minutes.')

export const overview = numbers.extend({
  range,
  concurrent: z.number().describe('Sessions at the same moment, at most: from the first picture to the last word.'),
  viewers: z.number().describe('Different players.'),
  exitsBeforeStart: z.number().describe('Left before the first picture, and nothing had failed.'),
  startFailures: z.number(),
  playbackFailures: z.number(),
  networkRebufferRatio: z.number().optional().describe('Without stalls that a seek brought.'),
  startupMs: z
    .object({ p50: z.number(), p75: z.number(), p95: z.number() })
    .optional()
    .describe('From the wish to play to the first picture. Absent: nothing started.'),
  codes: z.array(z.object({ code: z.string(), count: z.number() })).describe('The most frequent errors.'),
})

export const series = z.object({
  range,
  stepSeconds: z.number(),
  points: z.array(
    numbers.extend({
      time: time.describe('Begin of the step.'),
      concurrent: z.number(),
      startupMs: z.number().optional().describe('Median.'),
    }),
  ),
})

export const shares = z.object({
  range,
  shares: z.array(numbers.extend({ name: z.string().describe('Empty: nothing was told.') })),
})

export const session = z.object({
  id: z.string(),
  path: z.string(),
  protocol: z.string(),
  family: z.string().describe('Of the player: Chrome, VLC.'),
  start: time,
  end: time.describe('Of the last event.'),
  outcome,
  startupMs: z.number().optional(),
  playedMs: z.number(),
  stalledMs: z.number(),
  stalls: z.number(),
  bitrateKbps: z.number().optional(),
  bytes: z.number().optional(),
  errors: z.number(),
  player: z.string().optional().describe('Its own name, the same over sessions.'),
  address: z.string().optional().describe('As privacy allows: whole, cut to its network, or hashed.'),
  userAgent: z.string().optional(),
  contentId: z.string().optional().describe("The player's own name of what it plays."),
})

export const sessions = z.object({
  items: z.array(session).describe('The newest first.'),
  next: z.number().optional().describe('`before` of the next page. Absent: there is none.'),
})

const optionalNumber = z.number().optional()
const optionalText = z.string().optional()

const event = z
  .object({
    formerId: optionalText.describe('Under which the server told of this session before its player named it.'),
    kind: z.enum(PLAY_EVENT_KINDS),
    source: z.enum(PLAY_EVENT_SOURCES).describe('Who told it.'),
    time: z.number().describe('When it happened, by the clock of who told it.'),
    receivedAt: z.number().describe('When it came, by ours.'),
    sequence: optionalNumber,
    path: optionalText,
    contentId: optionalText,
    protocol: optionalText,
    playerId: optionalText,
    address: optionalText,
    userAgent: optionalText,
    state: z.enum(PLAYER_STATES).optional(),
    rate: optionalNumber,
    position: optionalNumber,
    bitrate: optionalNumber.describe('Kilobits a second.'),
    throughput: optionalNumber.describe('Kilobits a second, measured by the player.'),
    buffer: optionalNumber.describe('Media loaded and not played yet.'),
    latency: optionalNumber.describe('Behind the live moment.'),
    droppedFrames: optionalNumber,
    startup: optionalNumber,
    stalls: optionalNumber,
    stalled: optionalNumber,
    starved: z.boolean().optional(),
    hidden: z.boolean().optional(),
    status: optionalNumber.describe('HTTP or WMLOG status; 0: there was no answer.'),
    firstByte: optionalNumber,
    lastByte: optionalNumber,
    bytes: optionalNumber,
    lostPackets: optionalNumber,
    errors: z.array(z.string()).optional(),
    reason: optionalText.describe('Why the server ended it.'),
    played: optionalNumber,
    original: optionalText.describe('The record as it came.'),
  })
  .describe('As it is kept and exported: times are Unix milliseconds, spans milliseconds.')

export const sessionDetail = session.extend({
  networkStalledMs: z.number().describe('Without stalls that a seek brought.'),
  networkStalls: z.number(),
  pausedMs: z.number(),
  seekingMs: z.number(),
  bitrateUp: z.number().describe('Switches to a higher bit rate.'),
  bitrateDown: z.number(),
  droppedFrames: optionalNumber,
  lostPackets: optionalNumber,
  latencyMs: optionalNumber.describe('The last that was told.'),
  spans: z.array(z.object({ state: z.enum(PLAYER_STATES), start: time, end: time })),
  events: z.array(event).describe('In order.'),
  eventsTold: z.number().describe('Events that were told of it, whether they are given here or not.'),
  isCut: z.boolean().describe('Not all events are there any more, or not all are given.'),
})

export const sessionsQuery = rangeQuery.extend({
  outcome: z.enum(SESSION_OUTCOMES).optional(),
  player: z.string().max(128).optional(),
  troubled: z.enum(['true', 'false']).optional().describe('true: only those with errors or stalls.'),
  limit: z.coerce.number().int().min(1).max(MAX_LISTED).default(DEFAULT_LISTED).describe('Sessions a page.'),
  before: z.coerce.number().int().min(1).max(Number.MAX_SAFE_INTEGER).optional().describe('`next` of the page before.'),
})

const sessionId = z.string().min(1).max(256).describe('Id of the session, as in the list.')

export const sessionQuery = z.strictObject({
  id: sessionId,
  limit: z.coerce
    .number()
    .int()
    .min(1)
    .max(MAX_SESSION_EVENTS)
    .default(DEFAULT_EVENTS)
    .describe('Events at most; requests of media give way to what tells more.'),
})

export const eraseQuery = z.strictObject({ id: sessionId })
