/** The API's data in zod: checks requests, types the handlers, and becomes the OpenAPI document. */
import { z } from 'zod'
import { WMLOG_KINDS } from '../../playlog/wmlog.ts'

/** Items of one page at most. */
export const MAX_PAGE_SIZE = 1_000
const DEFAULT_PAGE_SIZE = 100
const MAX_PAGE = 1_000_000_000

const count = z.int().min(0)

export const track = z
  .object({
    kind: z.enum(['video', 'audio', 'data', 'text']),
    codec: z.string().describe('For example h264, aac, opus.'),
    width: count.optional(),
    height: count.optional(),
    frameRate: z.number().optional(),
    sampleRate: z.number().optional(),
    channels: z.number().optional(),
    language: z.string().optional().describe('BCP 47.'),
    name: z.string().optional(),
  })
  .describe('One elementary stream.')

export const liveStream = z.object({
  path: z.string().describe('For example live/studio.'),
  state: z.enum(['live', 'waiting']).describe('waiting: the publisher is gone and may come back.'),
  since: z.iso.datetime(),
  viewers: count,
  bitrateBps: count,
  tracks: z.array(track),
})

export const liveList = z.object({
  streams: z.array(liveStream),
  ports: z.record(z.string(), count).describe('Ports by protocol.'),
})

export const stream = liveStream.extend({
  bytes: count.describe('Media bytes that came in.'),
  packets: count,
  dropped: count.describe('Packets no decoder could start with.'),
  repairs: count.describe('Times that were put right.'),
  feeds: z.array(z.object({ format: z.string(), viewers: count })).describe('Wire formats in use.'),
  publisher: z.string().optional().describe('Session id of the publisher.'),
})

export const session = z.object({
  id: z.string(),
  protocol: z.string(),
  role: z.enum(['publish', 'play']),
  path: z.string(),
  remoteAddress: z.string(),
  userAgent: z.string().optional(),
  tokenId: z.string().optional().describe('Id of the token that let it in.'),
  since: z.iso.datetime(),
  bytesIn: count,
  bytesOut: count,
  skipped: count.describe('Packets or merged buffers lost by reading too slowly.'),
  details: z.record(z.string(), z.unknown()).optional().describe('What only this protocol knows.'),
})

export const server = z.object({
  version: z.string(),
  node: z.string(),
  startedAt: z.iso.datetime(),
  uptimeSeconds: z.number(),
  ready: z.boolean(),
  ports: z.record(z.string(), count),
  urls: z.record(z.string(), z.string()),
  streams: count,
  sessions: count,
  config: z.record(z.string(), z.unknown()).describe('Settings in force, without secrets.'),
})

export const paging = z.strictObject({
  page: z.coerce.number().int().min(1).max(MAX_PAGE).default(1).describe('From 1.'),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE_SIZE).default(DEFAULT_PAGE_SIZE).describe('Items a page.'),
})

export const sessionQuery = paging.extend({
  path: z.string().max(200).optional(),
  protocol: z.string().max(40).optional(),
  role: z.enum(['publish', 'play']).optional(),
})

export const playLogQuery = paging.extend({
  path: z.string().max(1024).optional(),
  kind: z.enum(WMLOG_KINDS).optional(),
  since: z.iso.datetime({ offset: true }).optional().describe('Received then or later.'),
})

const logItems = z.array(z.object({ name: z.string(), value: z.string() }))

export const playLog = z
  .object({
    receivedAt: z.iso.datetime(),
    kind: z.enum(WMLOG_KINDS).describe('What it tells of: both reception and playback, one of them, or a beginning.'),
    protocol: z.string(),
    path: z.string().describe('Path of the stream, file or playlist; empty when the log names none.'),
    remoteAddress: z.string(),
    session: z.string().optional().describe('Session id.'),
    fields: z
      .record(z.string(), z.union([z.string(), z.number()]))
      .describe('By their names in MS-WMLOG; what the player left out is absent.'),
    contentDescription: logItems.optional(),
    extensions: z
      .array(z.object({ name: z.string(), value: z.string().optional(), items: logItems }))
      .optional()
      .describe('Elements that playlists ask for.'),
  })
  .describe('What a player reported.')

export const logFile = z.object({
  name: z.string().describe('For example wms_20261125_0001.log.'),
  bytes: count,
  modifiedAt: z.iso.datetime(),
})

export const noQuery = z.strictObject({})

export function pageOf<Item extends z.ZodType>(item: Item) {
  return z.object({ items: z.array(item), total: count, page: count, limit: count })
}

export const problem = z
  .object({ title: z.string(), status: count, code: z.string().describe('Stable.'), detail: z.string().optional() })
  .describe('Problem details (RFC 9457).')
