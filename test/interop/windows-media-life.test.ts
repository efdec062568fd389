/** What Windows Media encoders and viewers live through: an encoder that dies and returns, a server that restarts, viewers that stall. */
import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { makeMedia } from '../support/media.ts'
import { killGroup, start } from '../support/process.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { freePort } from './free-port.ts'
import { runHeadend, sessionsOf, waitOnAir, waitUntil } from './peers.ts'
import { assertUnbroken, watch } from './watching.ts'
import { ffmpegCopy, hostOf, openFolder, recorded } from './windows-media-peers.ts'

const SECONDS = 6
const RATE = 25

it('life of Windows Media encoders and viewers', { concurrency: true }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const folder = openFolder()
  const wmv = await makeMedia(ffmpeg, {
    container: 'wmv',
    seconds: SECONDS,
    video: 'wmv2',
    audio: 'wmav2',
    extra: ['-b:v', '800k'],
  })
  const sent = await watch(ffmpeg, wmv)
  const known = new Set(sent.video.map(({ checksum }) => checksum))
  t.after(() => rmSync(folder, { recursive: true, force: true }))

  await Promise.all([
    t.test('an encoder that was killed comes back, and the viewer stays', async (t) => {
      const server = await startServer()
      t.after(() => server.stop())
      const doomed = start(process.execPath, pushArguments(server, wmv, 'killed', '--loop'))
      await waitOnAir(server, 'killed')
      const file = join(folder, 'killed.asf')
      const stop = new AbortController()
      const url = `mms://${hostOf(server)}/live/killed`
      const watching = ffmpegCopy.record(url, file, { signal: stop.signal })
      await waitUntil('a viewer is there', async () => (await viewersOf(server, 'killed')).length > 0)
      const before = await viewersOf(server, 'killed')
      await delay(2000)
      const first = await publishersOf(server, 'killed')
      killGroup(doomed, 'SIGKILL')
      // The server keeps a push whose connection is lost for a while, and gives its place to the next encoder that may publish.
      const second = start(process.execPath, pushArguments(server, wmv, 'killed', '--loop'))
      t.after(() => killGroup(second, 'SIGTERM'))
      await waitUntil('the second publisher is there', async () => {
        const now = await publishersOf(server, 'killed')
        return now.length === 1 && now[0] !== first[0]
      })
      await delay(3000)

      assert.deepEqual(await viewersOf(server, 'killed'), before)
      stop.abort()
      const seen = await recorded(ffmpeg, file, await watching)
      assert.ok(seen.video.length > 3 * RATE, `${seen.video.length} pictures of two encoders`)
      assert.ok(seen.video.every(({ checksum }) => known.has(checksum)))
    }),

    t.test('the server restarts: the encoder comes back by itself, a player is told and plays again', async (t) => {
      const port = await freePort()
      let server = await startServer({ args: ['--http-port', String(port)] })
      const { publishKey } = server.secrets
      const encoder = start(process.execPath, pushArguments(server, wmv, 'restarted', '--loop'))
      t.after(() => killGroup(encoder, 'SIGTERM'))
      await waitOnAir(server, 'restarted')
      const url = `mms://${hostOf(server)}/live/restarted`
      const playing = runHeadend(['play', url, '--duration', '60'], { timeout: 30_000 })
      await waitUntil('a viewer is there', async () => (await viewersOf(server, 'restarted')).length > 0)
      assert.equal(await server.stop(), 0)
      const interrupted = await playing
      assert.equal(interrupted.timedOut, false)

      server = await startServer({
        args: ['--http-port', String(port)],
        env: { HEADEND_AUTH_PUBLISH_KEY: publishKey },
      })
      t.after(() => server.stop())
      await waitOnAir(server, 'restarted')
      const again = await runHeadend(['play', url, '--duration', '3', '--json'])
      assert.equal(again.code, 0, again.stderr)
    }),

    t.test('viewers that stall change nothing for others', async (t) => {
      const server = await startServer()
      t.after(() => server.stop())
      const pushing = runHeadend(pushArguments(server, wmv, 'busy').slice(1), { timeout: 60_000 })
      await waitOnAir(server, 'busy')
      const watching = watch(ffmpeg, `mmsh://${hostOf(server)}/live/busy`)
      const stalled = Array.from({ length: 20 }, () => {
        const socket = connect(server.ports['http'] ?? 0, '127.0.0.1').pause()
        socket.on('error', () => {})
        socket.write(
          [
            'GET /live/busy HTTP/1.0',
            'User-Agent: NSPlayer/4.1.0.3856',
            'Pragma: no-cache,rate=1.000000,stream-time=0,stream-offset=0:0,request-context=2,max-duration=0',
            'Pragma: xPlayStrm=1',
            'Pragma: stream-switch-count=2',
            'Pragma: stream-switch-entry=ffff:1:0 ffff:2:0',
            '\r\n',
          ].join('\r\n'),
        )
        return socket
      })
      t.after(() => {
        for (const socket of stalled) socket.destroy()
      })
      await waitUntil('all have joined', async () => (await viewersOf(server, 'busy')).length >= 21)

      const pushed = await pushing
      assert.equal(pushed.code, 0, pushed.stderr)
      assertUnbroken(await watching, sent, { fewest: 0.7, until: 'end' })
    }),
  ])
})

function pushArguments(server: RunningServer, file: string, name: string, ...more: readonly string[]): string[] {
  const url = `wmhttp://${hostOf(server)}/live/${name}?key=${server.secrets.publishKey}`
  return [join(import.meta.dirname, '../../bin/headend.js'), 'push', file, url, ...more]
}

async function viewersOf(server: RunningServer, name: string): Promise<string[]> {
  return (await sessionsOf(server, name)).filter(({ role }) => role === 'play').map(({ id }) => id)
}

async function publishersOf(server: RunningServer, name: string): Promise<string[]> {
  return (await sessionsOf(server, name)).filter(({ role }) => role === 'publish').map(({ id }) => id)
}
