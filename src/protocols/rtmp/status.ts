/** Our error codes in RTMP's own words: the `code` of `_error` and `onStatus` (RTMP 1.0 sections 7.2.1 and 7.2.2). */

import { HeadendError } from '../../errors.ts'
import type { AmfObject } from '../../media/amf/value.ts'

/** What the peer was about to do. */
export type StatusContext = 'connect' | 'publish' | 'play'

const FALLBACK: Record<StatusContext, string> = {
  connect: 'NetConnection.Connect.Rejected',
  publish: 'NetStream.Publish.Failed',
  play: 'NetStream.Play.Failed',
}

const CODES: Readonly<Record<string, Readonly<Partial<Record<StatusContext, string>>>>> = {
  ERR_PATH_INVALID: {
    connect: 'NetConnection.Connect.InvalidApp',
    publish: 'NetStream.Publish.BadName',
    play: 'NetStream.Play.StreamNotFound',
  },
  ERR_ACCESS_DENIED: { publish: 'NetStream.Publish.Denied' },
  ERR_STREAM_BUSY: { publish: 'NetStream.Publish.BadName' },
  ERR_STREAM_TAKEN_OVER: { publish: 'NetStream.Publish.BadName' },
  ERR_LIBRARY_NOT_FOUND: { play: 'NetStream.Play.StreamNotFound' },
  ERR_STREAM_NOT_FOUND: { play: 'NetStream.Play.StreamNotFound' },
  ERR_RTMP_ORDER: { publish: 'NetStream.Publish.BadName' },
  ERR_HUB_CLOSED: { connect: 'NetConnection.Connect.AppShutdown' },
}

/** The information object of `_error` or `onStatus`. Faults of our own are not described to the peer. */
export function statusOf(error: unknown, context: StatusContext): AmfObject {
  if (!(error instanceof HeadendError)) {
    return { level: 'error', code: FALLBACK[context], description: 'internal error' }
  }
  const code = CODES[error.code]?.[context] ?? FALLBACK[context]
  return { level: 'error', code, description: error.message }
}
