/** RTMP and RTMPS: publish, play, pull and push. README.md has the specifications and what peers do. */

import { PeerError } from '../../errors.ts'
import type { Publisher } from '../../live/publisher.ts'
import type { Stream } from '../../live/stream.ts'
import { pump } from '../../net/pump.ts'
import type { ClientContext, Protocol } from '../protocol.ts'
import type { RtmpClientOptions } from './client.ts'
import { type RtmpOptions, rtmpOptions } from './options.ts'
import { serveRtmp } from './server.ts'

export const rtmp: Protocol<RtmpOptions> = {
  name: 'rtmp',
  schemes: ['rtmp', 'rtmps'],
  options: rtmpOptions,
  serve: serveRtmp,
  pull,
  push,
}

async function pull(url: URL, publisher: Publisher, client: ClientContext): Promise<void> {
  const { RtmpIngest } = await import('./ingest.ts')
  const ingest = new RtmpIngest(publisher)
  const onMedia: RtmpClientOptions['onMedia'] = (message) => ingest.write(message)
  const opened = await openOrAborted(url, client, { role: 'play', onMedia, ...startOf(client) })
  await opened?.ended
}

async function push(stream: Stream, url: URL, client: ClientContext): Promise<void> {
  const opened = await openOrAborted(url, client, { role: 'publish' })
  if (opened === undefined) return
  const { publishFeed } = await import('./egress.ts')
  const cursor = stream.feed(publishFeed(opened.session.streamId)).open()
  const stop = pump(cursor, opened.socket, {
    counters: { bytesOut: 0, skipped: 0 },
    onEnd: () => opened.close(),
    onStall: () =>
      opened.close(new PeerError('ERR_RTMP_STALLED', 'expected the server to read, but it takes nothing any more')),
  })
  try {
    await opened.ended
  } finally {
    stop()
  }
}

function startOf({ startMs }: ClientContext): Pick<RtmpClientOptions, 'startMs'> {
  return startMs === undefined ? {} : { startMs }
}

/** `undefined` when the caller gave up before the server agreed. */
async function openOrAborted(url: URL, client: ClientContext, options: Omit<RtmpClientOptions, 'signal'>) {
  const { signal, insecureTls } = client
  const { openRtmpClient } = await import('./client.ts')
  try {
    return await openRtmpClient(url, { ...options, signal, ...(insecureTls === undefined ? {} : { insecureTls }) })
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  }
}
