/** Live streams that browsers cannot play: a rendition that begins with its first viewer, keeps up, and ends with its last. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { makeMedia, watchCounters } from '../support/media.ts'
import { killGroup, start } from '../support/process.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'
import { requireTool } from '../support/tools.ts'
import { callApi, playUrls, runHeadend, waitOnAir, waitUntil } from './peers.ts'
import { encodersOf } from './transcoding.ts'

const IDLE_S = 5
const RATE = 25

interface Setup {
  readonly ffmpeg: string
  readonly server: RunningServer
  /** Pushes a file of Windows Media as `live/NAME`, over and over, until it is stopped. */
  push(name: string, file: string): { stop(): void }
  encoders(): number
}

async function setup(t: TestContext, args: readonly string[] = []): Promise<Setup | undefined> {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return undefined
  const server = await startServer({ args: ['--hls-idle-seconds', String(IDLE_S), ...args] })
  t.after(() => server.stop())
  const push = (name: string, file: string) => {
    const target = `${server.urls['http']?.replace('http:', 'wmhttp:')}/live/${name}?key=${server.secrets.publishKey}`
    const child = start(process.execPath, [join(repository, 'bin/headend.js'), 'push', file, target, '--loop'])
    t.after(() => killGroup(child, 'SIGKILL'))
    return { stop: () => killGroup(child, 'SIGTERM') }
  }
  return { ffmpeg, server, push, encoders: () => encodersOf(server.pid).length }
}

function wmv(ffmpeg: string, options: { readonly rate?: number; readonly video?: string } = {}): Promise<string> {
  const { rate = RATE, video = 'wmv2' } = options
  return makeMedia(ffmpeg, {
    container: 'wmv',
    video,
    audio: 'wmav2',
    seconds: 24,
    rate,
    gop: 2 * rate,
    extra: ['-b:v', '700k', '-ar', '44100'],
  })
}

it('live streams that browsers cannot play', { concurrency: true, timeout: 120_000 }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  // Made once, before three ask for it at the same time.
  await wmv(ffmpeg)
  await Promise.all([
    t.test('a push of WMV is playable by HLS, DASH and FLV, from the picture that is on air', plays),
    t.test('an encoder that is killed comes back, another publisher is followed, and nothing stays behind', follows),
    t.test('a push of WMV to a protected path goes out encrypted, and plays with a licence', encrypts),
    t.test('too many encoders, and none at all, are said in words', saysWhy),
  ])
})

async function plays(t: TestContext): Promise<void> {
  const setting = await setup(t)
  if (setting === undefined) return
  const { ffmpeg, server, push, encoders } = setting
  push('old', await wmv(ffmpeg))
  await waitOnAir(server, 'old')
  const { hls, dash, httpFlv } = playUrls(server, 'old')
  assert.equal(encoders(), 0, 'nobody watches yet')
  // HLS brings the settings of segments, the idle time among them.
  assert.equal((await fetch(hls)).status, 200)

  const [byHls, byDash, byFlv] = await Promise.all([
    watchCounters(ffmpeg, hls, { seconds: 6 }),
    watchCounters(ffmpeg, dash, { seconds: 6 }),
    watchCounters(ffmpeg, httpFlv, { seconds: 6 }),
  ])

  for (const [output, counters] of [
    ['HLS', byHls],
    ['DASH', byDash],
    ['FLV', byFlv],
  ] as const) {
    assert.ok(counters.length >= 140, `${output}: ${counters.length} pictures`)
    const broken = counters.filter((counter, at) => at > 0 && counter !== (counters[at - 1] ?? 0) + 1)
    // ffmpeg 5 reads a segment of a live manifest twice now and then; it begins with a key picture then.
    const unexplained = broken.filter((counter) => output !== 'DASH' || (counter ?? 1) % (2 * RATE) !== 0)
    assert.deepEqual(unexplained, [], output)
  }
  assert.equal(encoders(), 1, 'one encoder for all')
  const description = await callApi<{ tracks: { codec: string }[] }>(server, 'streams/live/old')
  assert.deepEqual(description.tracks.map(({ codec }) => codec).toSorted(), ['wma2', 'wmv2'])
  await waitUntil('the encoder ends when nobody watches', () => encoders() === 0, 20_000)
}

async function follows(t: TestContext): Promise<void> {
  const setting = await setup(t)
  if (setting === undefined) return
  const { ffmpeg, server, push, encoders } = setting
  const first = push('old', await wmv(ffmpeg))
  await waitOnAir(server, 'old')
  const { hls } = playUrls(server, 'old')
  const playlist = `${hls.replace('index', 'video-1')}`
  const ask = async () => (await fetch(playlist)).status

  assert.equal(await ask(), 200)
  const [killed] = encodersOf(server.pid)
  process.kill(killed?.pid ?? 0, 'SIGKILL')
  await waitUntil('another encoder is there', async () => {
    await ask()
    const [encoder] = encodersOf(server.pid)
    return encoder !== undefined && encoder.pid !== killed?.pid
  })
  assert.ok((await watchCounters(ffmpeg, hls, { seconds: 3 })).length >= 60)

  // The next one has another frame rate and another codec.
  first.stop()
  await waitUntil('the first has gone', async () => (await statusOf(server, 'old')) !== 'live')
  push('old', await wmv(ffmpeg, { rate: 30, video: 'msmpeg4' }))
  await waitOnAir(server, 'old')
  await waitUntil('its codec is known', async () => {
    const { tracks } = await callApi<{ tracks: { codec: string }[] }>(server, 'streams/live/old')
    return tracks.some(({ codec }) => codec === 'msmpeg4v3')
  })
  const counters = await watchCounters(ffmpeg, hls, { seconds: 8 })
  assert.ok(counters.length > 150, `${counters.length} pictures`)
  assert.equal(encoders(), 1)
  const code = await server.stop()
  assert.equal(code, 0)
  assert.equal(encoders(), 0)
}

async function encrypts(t: TestContext): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'headend-encrypted-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const config = join(folder, 'headend.yaml')
  writeFileSync(config, 'paths: { live/locked: { protect: { scheme: cenc } } }\n')
  const setting = await setup(t, ['--config', config])
  if (setting === undefined) return
  const { ffmpeg, server, push } = setting
  push('locked', await wmv(ffmpeg))
  await waitOnAir(server, 'locked')
  const { hls, httpFlv } = playUrls(server, 'locked')
  const license = `${server.urls['http']}/license/clearkey`
  const output = join(folder, 'played.mp4')
  // The time of playing counts from when there is something to play.
  assert.equal((await fetch(hls)).status, 200)

  const played = await runHeadend(['play', hls, '--license', license, '--duration', '6', '--output', output], {
    timeout: 40_000,
  })
  const locked = await runHeadend(['play', hls, '--duration', '6', '--json'], { timeout: 40_000 })

  assert.equal(played.code, 0, played.stderr)
  const counters = await watchCounters(ffmpeg, output)
  assert.ok(counters.length >= 140, `${counters.length} pictures`)
  assert.ok(
    counters.every((counter, at) => at === 0 || counter === (counters[at - 1] ?? 0) + 1),
    counters.join(' '),
  )
  assert.notEqual(locked.code, 0)
  assert.match(`${locked.stdout.toString()}${locked.stderr}`, /key|licence/)
  // What does not encrypt does not play it.
  assert.equal((await fetch(httpFlv)).status, 403)
}

async function saysWhy(t: TestContext): Promise<void> {
  const one = await setup(t, ['--transcode-max-live', '1'])
  const none = await setup(t, ['--transcode-ffmpeg', '/nowhere/ffmpeg'])
  if (one === undefined || none === undefined) return
  const file = await wmv(one.ffmpeg)
  for (const name of ['first', 'second']) one.push(name, file)
  none.push('first', file)
  await Promise.all([waitOnAir(one.server, 'first'), waitOnAir(one.server, 'second'), waitOnAir(none.server, 'first')])

  const played = await fetch(playUrls(one.server, 'first').hls)
  const refused = await fetch(playUrls(one.server, 'second').dash)
  const missing = await fetch(playUrls(none.server, 'first').hls)

  assert.equal(played.status, 200)
  await played.text()
  assert.equal(refused.status, 503)
  assert.deepEqual(problemOf(await refused.json()), [
    'ERR_TRANSCODE_BUSY',
    'all 1 encoders of live streams are at work; try again in a moment',
  ])
  assert.equal(missing.status, 501)
  const [code, words] = problemOf(await missing.json())
  assert.equal(code, 'ERR_TRANSCODE_NO_FFMPEG')
  assert.match(words, /apt install ffmpeg/)
}

function problemOf(problem: unknown): readonly [string, string] {
  const { code, detail } = problem as { code: string; detail: string }
  return [code, detail]
}

async function statusOf(server: RunningServer, name: string): Promise<string | undefined> {
  const { items } = await callApi<{ items: { path: string; state: string }[] }>(server, 'streams')
  return items.find(({ path }) => path === `live/${name}`)?.state
}
