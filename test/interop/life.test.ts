/** What viewers and publishers live through: a publisher that dies and returns, rivals, stalled viewers, reload and stop of the server. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { makeMedia } from '../support/media.ts'
import { killGroup, run, start } from '../support/process.ts'
import { startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import {
  playUrls,
  publishFile,
  publishUrl,
  runHeadend,
  sessionsOf,
  waitForViewers,
  waitOnAir,
  waitUntil,
} from './peers.ts'
import { assertUnbroken, type SeenPacket, watch } from './watching.ts'

const SECONDS = 6
const FRAMES = SECONDS * 25

it('life of publishers and viewers', { concurrency: true }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const file = await makeMedia(ffmpeg, { container: 'flv', seconds: SECONDS, bFrames: 2 })
  const heavy = await makeMedia(ffmpeg, {
    container: 'flv',
    seconds: SECONDS,
    width: 640,
    height: 360,
    extra: ['-qp', '1'],
  })
  const server = await startServer({ args: ['--rtmp-play-wait-ms', '3000', '--progressive-wait-ms', '3000'] })
  t.after(() => server.stop())
  const sent = await watch(ffmpeg, file)

  await Promise.all([
    t.test('a publisher that was killed comes back, and viewers stay', async () => {
      const { rtmp, httpFlv, hls } = playUrls(server, 'killed')
      const watching = [watch(ffmpeg, rtmp), watch(ffmpeg, httpFlv)]
      const url = publishUrl(server, 'killed')
      const args = ['-loglevel', 'error', '-nostdin', '-re', '-i', file, '-c', 'copy', '-f', 'flv', url]
      const doomed = start(ffmpeg, args)
      await waitOnAir(server, 'killed')
      const player = runHeadend(['play', hls, '--json'], { timeout: 40_000 })
      await delay(3000)
      const before = (await sessionsOf(server, 'killed')).filter(({ role }) => role === 'play')
      killGroup(doomed, 'SIGKILL')
      await delay(1500)
      const between = (await sessionsOf(server, 'killed')).filter(({ role }) => role === 'play')
      const second = await publishFile(ffmpeg, file, url)

      assert.equal(second.code, 0, second.stderr)
      assert.deepEqual(between.map(({ id }) => id).sort(), before.map(({ id }) => id).sort())
      for (const seen of await Promise.all(watching)) {
        assert.ok(seen.video.length > FRAMES + 25, `${seen.video.length} pictures of two publishers`)
        for (const packets of Object.values(seen)) assertForward(packets)
        // The second publisher's pictures are all there.
        assertUnbroken({ ...seen, video: seen.video.slice(-FRAMES) }, sent, {
          fewest: 1,
          kinds: ['video'],
          until: 'end',
        })
      }
      const { code, stdout, stderr } = await player
      assert.equal(code, 0, `${stdout.toString()}${stderr}`)
      const report = JSON.parse(stdout.toString()) as {
        discontinuities: number
        tracks: { kind: string; packets: number }[]
      }
      assert.ok(report.discontinuities > 0)
      const pictures = report.tracks.find(({ kind }) => kind === 'video')?.packets ?? 0
      assert.ok(pictures > FRAMES + 25, `${pictures} pictures by HLS`)
    }),

    t.test('a rival publisher and a wrong key are refused in words', async () => {
      const url = publishUrl(server, 'busy')
      const first = publishFile(ffmpeg, file, url)
      const watching = watch(ffmpeg, playUrls(server, 'busy').rtmp)
      await waitOnAir(server, 'busy')
      const rival = await publishFile(ffmpeg, file, url)
      const stranger = await publishFile(ffmpeg, file, url.replace(/key=.*/, 'key=wrong').replace('busy', 'other'))
      const keyless = await publishFile(ffmpeg, file, url.replace(/\?key=.*/, '').replace('busy', 'other'))

      assert.notEqual(rival.code, 0)
      assert.match(rival.stderr, /already|busy|published/i)
      for (const { code, stderr } of [stranger, keyless]) {
        assert.notEqual(code, 0)
        assert.match(stderr, /key|denied|not allowed|unauthori/i)
      }
      assert.equal((await first).code, 0)
      assertUnbroken(await watching, sent, { fewest: 1, until: 'end' })
    }),

    t.test('a name that is never published is told so after the wait', async () => {
      const { rtmp, httpFlv, hls, dash } = playUrls(server, 'absent')
      const started = performance.now()
      const [byRtmp, byFlv] = await Promise.all([
        run(ffmpeg, ['-loglevel', 'error', '-nostdin', '-i', rtmp, '-c', 'copy', '-f', 'null', '-']),
        fetch(httpFlv),
      ])
      assert.notEqual(byRtmp.code, 0)
      assert.match(byRtmp.stderr, /not found|not published/i)
      assert.equal(byFlv.status, 404)
      assert.ok(performance.now() - started > 2900)
      for (const url of [hls, dash]) {
        const response = await fetch(url)
        assert.equal(response.status, 404)
        assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/)
        await response.arrayBuffer()
      }
    }),

    t.test('viewers that stall change nothing for others', async (t) => {
      const { rtmp, httpFlv } = playUrls(server, 'heavy')
      const original = await watch(ffmpeg, heavy)
      const watching = [watch(ffmpeg, rtmp), watch(ffmpeg, httpFlv)]
      const publishing = publishFile(ffmpeg, heavy, publishUrl(server, 'heavy'))
      await waitOnAir(server, 'heavy')
      const port = server.ports['http'] ?? 0
      const stalled = Array.from({ length: 20 }, () => {
        const socket = connect(port, '127.0.0.1').pause()
        socket.on('error', () => {})
        socket.write('GET /live/heavy.flv HTTP/1.1\r\nHost: x\r\n\r\n')
        return socket
      })
      const frozen = start(ffmpeg, ['-loglevel', 'error', '-nostdin', '-i', rtmp, '-c', 'copy', '-f', 'null', '-'])
      t.after(() => {
        for (const socket of stalled) socket.destroy()
        killGroup(frozen, 'SIGKILL')
      })
      await waitUntil('all have joined', async () => (await sessionsOf(server, 'heavy')).length >= 24)
      killGroup(frozen, 'SIGSTOP')

      assert.equal((await publishing).code, 0)
      for (const seen of await Promise.all(watching)) assertUnbroken(seen, original, { fewest: 0.98, until: 'end' })
    }),
  ])
})

it('reload drops nobody, and stop ends everybody politely', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const file = await makeMedia(ffmpeg, { container: 'flv', seconds: SECONDS, bFrames: 2 })
  const folder = mkdtempSync(join(tmpdir(), 'headend-life-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const settings = join(folder, 'headend.yaml')
  writeFileSync(settings, 'rtmp:\n  playWaitMs: 4000\n')
  const server = await startServer({ args: ['--config', settings, '--drain-ms', '3000'] })
  t.after(() => server.stop())
  const sent = await watch(ffmpeg, file)
  const { rtmp, httpFlv, hls } = playUrls(server, 'stay')

  const watching = [watch(ffmpeg, rtmp), watch(ffmpeg, httpFlv)]
  await waitForViewers(server, watching.length)
  const publishing = publishFile(ffmpeg, file, publishUrl(server, 'stay'))
  await waitOnAir(server, 'stay')
  const byHls = watch(ffmpeg, hls, { input: ['-live_start_index', '0'] })
  await delay(1000)
  writeFileSync(settings, 'rtmp:\n  playWaitMs: 200\nprogressive:\n  waitMs: 200\nlog:\n  level: debug\n')
  process.kill(server.pid, 'SIGHUP')
  await waitUntil('the settings are in force', () => server.log().includes('settings reloaded'))
  writeFileSync(settings, 'rtmpp:\n  playWaitMs: 200\n')
  process.kill(server.pid, 'SIGHUP')
  await waitUntil('bad settings are refused', () => /settings not reloaded.*rtmpp/.test(server.log()))
  const started = performance.now()
  await run(ffmpeg, ['-loglevel', 'error', '-nostdin', '-i', playUrls(server, 'none').rtmp, '-f', 'null', '-'])
  assert.ok(performance.now() - started < 2500, 'the new waiting time holds')

  assert.equal((await publishing).code, 0)
  for (const seen of await Promise.all([...watching, byHls])) assertUnbroken(seen, sent, { fewest: 1, until: 'end' })

  // Nobody waits long for a stream now, so they come when it is there.
  const last = publishFile(ffmpeg, file, publishUrl(server, 'last'))
  await waitOnAir(server, 'last')
  const viewers = [watch(ffmpeg, playUrls(server, 'last').rtmp), watch(ffmpeg, playUrls(server, 'last').httpFlv)]
  await waitUntil('both play', async () => (await sessionsOf(server, 'last')).length === 1 + viewers.length)
  await delay(1500)
  const stopping = performance.now()
  assert.equal(await server.stop(), 0)
  assert.ok(performance.now() - stopping < 4500, `took ${performance.now() - stopping} ms`)
  for (const seen of await Promise.all(viewers)) assertUnbroken(seen, sent, { fewest: 0.1 })
  await last
})

function assertForward(packets: readonly SeenPacket[]): void {
  const back = packets.findIndex(({ dts }, index) => index > 0 && dts <= (packets[index - 1]?.dts ?? 0))
  assert.equal(back, -1, `decode time goes back at packet ${back}`)
}
