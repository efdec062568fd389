/** Our encoder and player against our server: every input, every protocol, restarts, and streams that break the rules. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { makeMedia, watchCounters } from '../support/media.ts'
import { run } from '../support/process.ts'
import { startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { playUrls, publishUrl, runHeadend, waitForViewers, waitOnAir } from './peers.ts'
import { assertUnbroken, watch } from './watching.ts'

const SECONDS = 6
const FRAMES = SECONDS * 25
const TIMEOUT = { timeout: 50_000 }
/** Of the first test: four of the FLV file, one of each other file. */
const EARLY_VIEWERS = 7

interface Report {
  readonly tracks: readonly { readonly kind: string; readonly packets: number; readonly gaps: number }[]
  readonly problems: readonly { readonly rule: string }[]
  readonly delay?: { readonly mean: number }
}

it('encoder to server to player', { concurrency: true }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const [flv, mp4, fragmented, transport] = await Promise.all([
    makeMedia(ffmpeg, { container: 'flv', seconds: SECONDS, bFrames: 2 }),
    makeMedia(ffmpeg, { container: 'mp4', seconds: SECONDS, bFrames: 2 }),
    makeMedia(ffmpeg, {
      container: 'mp4',
      seconds: SECONDS,
      bFrames: 2,
      extra: ['-movflags', 'frag_keyframe+empty_moov+default_base_moof'],
    }),
    makeMedia(ffmpeg, { container: 'ts', seconds: SECONDS }),
  ])
  const server = await startServer()
  const folder = mkdtempSync(join(tmpdir(), 'headend-player-'))
  t.after(async () => {
    rmSync(folder, { recursive: true, force: true })
    await server.stop()
  })
  const sent = await watch(ffmpeg, flv)
  const everyoneWaits = waitForViewers(server, EARLY_VIEWERS)

  const first = t.test('FLV to every protocol', async (t) => {
    const urls = playUrls(server, 'flv')
    const play = (url: string, output: string) =>
      runHeadend(['play', url, '--json', '--output', join(folder, output)], TIMEOUT)
    const early = [
      ['RTMP', 'rtmp.flv', play(urls.rtmp, 'rtmp.flv')],
      ['HTTP-FLV', 'http.mp4', play(urls.httpFlv, 'http.mp4')],
      ['WebSocket-FLV', 'ws.mp4', play(urls.wsFlv, 'ws.mp4')],
    ] as const
    const piped = runHeadend(['play', urls.httpFlv, '--output', '-'], TIMEOUT)
    await everyoneWaits
    const pushing = runHeadend(['push', flv, publishUrl(server, 'flv'), '--json', '--retries', '0'], TIMEOUT)
    await waitOnAir(server, 'flv')
    const late = [
      ['HLS', 'hls.mp4', play(urls.hls, 'hls.mp4')],
      ['DASH', 'dash.mp4', play(urls.dash, 'dash.mp4')],
    ] as const
    const pushed = await pushing
    assert.equal(pushed.code, 0, pushed.stderr)
    for (const [name, output, playing] of [...early, ...late]) {
      await t.test(name, async () => {
        const { code, stdout, stderr } = await playing
        assert.equal(code, 0, `${stdout.toString()}${stderr}`)
        const report = JSON.parse(stdout.toString()) as Report
        assert.deepEqual(report.problems, [])
        assert.deepEqual(
          report.tracks.map(({ gaps }) => gaps),
          [0, 0],
        )
        const live = name === 'HLS' || name === 'DASH'
        assertUnbroken(await watch(ffmpeg, join(folder, output)), sent, { fewest: live ? 0.6 : 1, until: 'end' })
      })
    }
    await t.test('into a pipe', async () => {
      const { stdout } = await piped
      const { stdout: raw } = await run(ffmpeg, ['-loglevel', 'error', '-i', 'pipe:0', '-f', 'null', '-'], {
        input: stdout,
      })
      assert.equal(raw.byteLength, 0)
      writeFileSync(join(folder, 'piped.flv'), stdout)
      assert.equal((await watchCounters(ffmpeg, join(folder, 'piped.flv'))).length, FRAMES)
    })
  })

  const files = Promise.all(
    (
      [
        ['MP4', mp4],
        ['fragmented MP4', fragmented],
      ] as const
    ).map(([name, file]) =>
      t.test(name, async () => {
        const stream = name.replace(' ', '-')
        const watching = watch(ffmpeg, playUrls(server, stream).rtmp)
        await everyoneWaits
        const pushed = await runHeadend(['push', file, publishUrl(server, stream), '--retries', '0'], TIMEOUT)
        assert.equal(pushed.code, 0, pushed.stderr)
        assertUnbroken(await watching, await watch(ffmpeg, file), { fewest: 0.99, until: 'end' })
      }),
    ),
  )

  const encoded = t.test('MPEG-TS, read here', async () => {
    const watching = watchCounters(ffmpeg, playUrls(server, 'ts').httpFlv, TIMEOUT)
    await everyoneWaits
    const pushed = await runHeadend(['push', transport, publishUrl(server, 'ts'), '--retries', '0'], TIMEOUT)
    assert.equal(pushed.code, 0, pushed.stderr)
    assert.deepEqual(
      await watching,
      Array.from({ length: FRAMES }, (_, number) => number),
    )
  })

  const broken = t.test('streams that break their rules end the player with 1', async (t) => {
    const [backwards, holed] = await Promise.all([
      serve(t, (_path, answer) => answer(200, turnBack(readFileSync(flv)))),
      serve(t, async (path, answer) => {
        const response = await fetch(new URL(path, server.urls['http']))
        const body = Buffer.from(await response.arrayBuffer())
        if (/\.2\.m4s/.test(path)) answer(404, Buffer.from('gone'))
        else answer(response.status, body)
      }),
    ])
    const pushing = runHeadend(['push', flv, publishUrl(server, 'holed'), '--retries', '0'], TIMEOUT)
    await waitOnAir(server, 'holed')
    const [byFlv, byHls] = await Promise.all([
      runHeadend(['play', `${backwards}/live/x.flv`, '--json'], TIMEOUT),
      runHeadend(['play', `${holed}/live/holed/index.m3u8`, '--json'], TIMEOUT),
    ])
    await pushing

    assert.equal(byFlv.code, 1, byFlv.stdout.toString())
    assert.deepEqual(rulesOf(byFlv.stdout), ['timestamps-backwards'])
    assert.equal(byHls.code, 1, byHls.stdout.toString())
    assert.ok(rulesOf(byHls.stdout).includes('part-missing'), byHls.stdout.toString())
  })
  await Promise.all([first, files, encoded, broken])
})

it('the encoder comes back when the server was restarted', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const file = await makeMedia(ffmpeg, { container: 'flv', seconds: SECONDS, bFrames: 2 })
  const folder = mkdtempSync(join(tmpdir(), 'headend-restart-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const settings = join(folder, 'headend.yaml')
  const key = 'kq7r2vtd9xw4mz1c'
  writeFileSync(settings, JSON.stringify({ auth: { publishKey: key } }))
  const first = await startServer({ args: ['--config', settings] })
  const url = `${first.urls['rtmp']}/live/back?key=${key}`
  const stop = new AbortController()
  const pushing = runHeadend(['push', file, url, '--loop', '--json'], { timeout: 40_000, signal: stop.signal })
  await waitOnAir(first, 'back')
  assert.equal(await first.stop(), 0)

  const second = await startServer({ args: ['--config', settings, '--rtmp-port', `${first.ports['rtmp']}`] })
  t.after(() => second.stop())
  await waitOnAir(second, 'back')
  const seen = await runHeadend(['play', playUrls(second, 'back').rtmp, '--json', '--duration', '2'])
  stop.abort()
  await pushing

  const { tracks } = JSON.parse(seen.stdout.toString()) as Report
  assert.ok(tracks.every(({ packets }) => packets > 20))
})

function rulesOf(output: Buffer): string[] {
  return (JSON.parse(output.toString()) as Report).problems.map(({ rule }) => rule)
}

/** A FLV file in which one tag of the second half is half a second too early. */
function turnBack(file: Buffer): Buffer {
  const tags: number[] = []
  for (let at = 13; at + 11 < file.length; at += 11 + file.readUIntBE(at + 1, 3) + 4) {
    if (file[at] === 9) tags.push(at)
  }
  const at = tags[tags.length >> 1] ?? 0
  file.writeUIntBE(file.readUIntBE(at + 4, 3) - 500, at + 4, 3)
  return file
}

type Answer = (status: number, body: Buffer) => void

/** A small HTTP server; its address. */
async function serve(t: TestContext, handle: (path: string, answer: Answer) => unknown): Promise<string> {
  const server = createServer((request, response) => {
    Promise.resolve(handle(request.url ?? '/', (status, body) => response.writeHead(status).end(body))).catch(() =>
      response.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close().closeAllConnections())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
