/** One publisher, every output: the bytes, the times, the picture and the sound are those that were sent. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { makeMedia, watchCounters } from '../support/media.ts'
import { runOrThrow } from '../support/process.ts'
import { startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { playUrls, publishFile, publishUrl, runHeadend, waitForViewers, waitOnAir } from './peers.ts'
import { assertUnbroken, type Seen, watch, watchByNewFfmpeg } from './watching.ts'

const SECONDS = 8
const RATE = 25
const TONE = 1000
const SAMPLE_RATE = 48_000
/** A DASH reader of FFmpeg never ends with the stream; it gets so long after the publisher's end. */
const DASH_TAIL_MS = 2500
/** ffmpeg plays from the first segment on. */
const FROM_START = ['-live_start_index', '0']

it('what ffmpeg publishes by RTMP arrives unchanged at every output', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const file = await makeMedia(ffmpeg, { container: 'flv', seconds: SECONDS, rate: RATE, bFrames: 2, tone: TONE })
  const server = await startServer()
  const folder = mkdtempSync(join(tmpdir(), 'headend-outputs-'))
  t.after(async () => {
    rmSync(folder, { recursive: true, force: true })
    await server.stop()
  })
  const [sent, sentToNew] = [await watch(ffmpeg, file), await watchByNewFfmpeg(file)]
  assert.ok(
    sent.video.some(({ pts, dts }) => pts > dts + 0.03),
    'the file has no B-frames',
  )
  const urls = playUrls(server, 'one')
  const ended = new AbortController()

  // These wait for the stream to come.
  const early: [string, Promise<Seen>, Seen][] = [
    ['RTMP', watch(ffmpeg, urls.rtmp), sent],
    ['HTTP-FLV', watch(ffmpeg, urls.httpFlv), sent],
    ['RTMP by FFmpeg 8', watchByNewFfmpeg(urls.rtmp), sentToNew],
  ]
  const picture = watchCounters(ffmpeg, urls.httpFlv, { timeout: 40_000 })
  const webSocketFile = join(folder, 'ws.flv')
  const webSocket = runHeadend(['play', urls.wsFlv, '--output', webSocketFile, '--json'], { timeout: 40_000 })
  await waitForViewers(server, early.length + 2)
  const publishing = publishFile(ffmpeg, file, publishUrl(server, 'one'))
  await waitOnAir(server, 'one')
  const late: [string, Promise<Seen>, Seen][] = [
    ['HLS', watch(ffmpeg, urls.hls, { input: FROM_START }), sent],
    ['HLS by FFmpeg 8', watchByNewFfmpeg(urls.hls), sentToNew],
    ['DASH', watch(ffmpeg, urls.dash, { signal: ended.signal }), sent],
    ['DASH by FFmpeg 8', watchByNewFfmpeg(urls.dash, { signal: ended.signal }), sentToNew],
  ]
  const hlsPicture = watchCounters(ffmpeg, urls.hls, { input: FROM_START, timeout: 40_000 })
  const sound = listen(ffmpeg, urls.rtmp)
  const published = await publishing
  setTimeout(() => ended.abort(), DASH_TAIL_MS)

  assert.equal(published.code, 0, published.stderr)
  for (const [output, watching, original] of [...early, ...late]) {
    const dash = output.startsWith('DASH')
    await t.test(output, async () => {
      assertUnbroken(await watching, original, dash ? { fewest: 0.9 } : { fewest: 1, until: 'end' })
    })
  }
  await t.test('WebSocket-FLV', async () => {
    const { code, stdout, stderr } = await webSocket
    assert.equal(code, 0, `${stdout.toString()}${stderr}`)
    assertUnbroken(await watch(ffmpeg, webSocketFile), sent, { fewest: 1, until: 'end' })
  })
  await t.test('pictures are there once each, in order', async () => {
    const all = Array.from({ length: SECONDS * RATE }, (_, number) => number)
    assert.deepEqual(await picture, all)
    assert.deepEqual(await hlsPicture, all)
  })
  await t.test('the tone has its frequency and no hole', async () => {
    assertTone(await sound)
  })
})

/** Sound of a stream from now to its end: mono, signed 16 bit. */
function listen(ffmpeg: string, url: string): Promise<Buffer> {
  const args = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-i', url, '-vn', '-ac', '1', '-ar', `${SAMPLE_RATE}`]
  return runOrThrow(ffmpeg, [...args, '-f', 's16le', 'pipe:1'], { timeout: 40_000 })
}

function assertTone(pcm: Buffer): void {
  const samples = new Int16Array(pcm.buffer, pcm.byteOffset, pcm.byteLength >> 1)
  // Decoder and encoder fade in and out.
  const middle = samples.subarray(SAMPLE_RATE / 4, -SAMPLE_RATE / 4)
  assert.ok(middle.length > 5 * SAMPLE_RATE, `only ${samples.length / SAMPLE_RATE} s of sound`)
  let rises = 0
  let longest = 0
  let last = 0
  for (let index = 1; index < middle.length; index++) {
    if ((middle[index - 1] as number) < 0 && (middle[index] as number) >= 0) {
      if (rises > 0) longest = Math.max(longest, index - last)
      rises++
      last = index
    }
  }
  const frequency = rises / (middle.length / SAMPLE_RATE)
  assert.ok(Math.abs(frequency - TONE) < 2, `expected ${TONE} Hz, found ${frequency}`)
  assert.ok(longest < (SAMPLE_RATE / TONE) * 1.2, `a hole of ${longest} samples`)
}
