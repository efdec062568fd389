/** Windows Media over HTTP: playing (WMSP), pushing encoders (WM HTTP push), and their clients. README.md has the specifications. */
import type { Publisher } from '../../live/publisher.ts'
import type { Stream } from '../../live/stream.ts'
import type { ClientContext, Listening, Protocol, ServerContext } from '../protocol.ts'
import { type WindowsMediaOptions, windowsMediaOptions } from './options.ts'

export const windowsMedia: Protocol<WindowsMediaOptions> = {
  name: 'windowsMedia',
  schemes: ['mms', 'mmsh', 'wmhttp'],
  options: windowsMediaOptions,
  serve,
  pull,
  push,
}

/** Both servers live on the HTTP port: they take the connections whose first request is theirs. */
async function serve(context: ServerContext, options: WindowsMediaOptions): Promise<Listening<WindowsMediaOptions>> {
  const [{ createWmspServer }, { createPushServer }, { asxRoutes }] = await Promise.all([
    import('./wmsp/server.ts'),
    import('./wmhttp/server.ts'),
    import('./wmsp/asx.ts'),
  ])
  const push = createPushServer(context, options)
  const wmsp = createWmspServer(context, options)
  const remove = [context.http.claim(push.claim), context.http.claim(wmsp.claim), asxRoutes(context)]
  return {
    ports: {},
    async close() {
      for (const one of remove) one()
      await Promise.all([push.close(), wmsp.close()])
    },
  }
}

async function pull(url: URL, publisher: Publisher, client: ClientContext): Promise<void> {
  const { pullWindowsMedia } = await import('./wmsp/client/client.ts')
  await pullWindowsMedia(url, publisher, client)
}

async function push(stream: Stream, url: URL, client: ClientContext): Promise<void> {
  const { pushWindowsMedia } = await import('./wmhttp/client.ts')
  await pushWindowsMedia(stream, url, client)
}
