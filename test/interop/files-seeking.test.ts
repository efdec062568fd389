/** Seeks in files of the library land on the right picture, whoever asks and by whatever way; downloads go on where they stopped. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { COUNTER_SIZE, readCounters } from '../support/counter.ts'
import { makeMedia, watchCounters } from '../support/media.ts'
import { run } from '../support/process.ts'
import { startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { gstreamerPlay } from './foreign-programs.ts'
import { runHeadend } from './peers.ts'
import { hostOf, libmms, openFolder, vlc } from './windows-media-peers.ts'

const SECONDS = 10
const RATE = 25
const GOP = 50
const SIZE = { width: 320, height: 180 }
/** In the middle of a group of pictures. */
const PLACE_SECONDS = 5.4
const PLACE = PLACE_SECONDS * RATE
/** The key picture before it. */
const KEY = PLACE - (PLACE % GOP)

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

it('seeks in files land on the right picture, and downloads go on', { concurrency: 2 }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const media = mkdtempSync(join(tmpdir(), 'headend-files-'))
  const folder = openFolder()
  const film = await makeMedia(ffmpeg, {
    container: 'mp4',
    seconds: SECONDS,
    rate: RATE,
    gop: GOP,
    bFrames: 2,
    ...SIZE,
  })
  copyFileSync(film, join(media, 'film.mp4'))
  const server = await startServer({ args: ['--media', media] })
  t.after(async () => {
    await server.stop()
    rmSync(media, { recursive: true, force: true })
    rmSync(folder, { recursive: true, force: true })
  })
  const rtmp = `${server.urls['rtmp']}/vod/film.mp4`
  const http = `${server.urls['http']}/vod/film.mp4`
  const mms = `mmsh://${hostOf(server)}/vod/film.mp4`

  const tests: Promise<void>[] = []
  for (const [name, url] of [
    ['RTMP', rtmp],
    ['Windows Media', mms],
  ] as const) {
    const byFfmpeg = t.test(`ffmpeg seeks by ${name} to the very picture`, async () => {
      const seen = await watchCounters(ffmpeg, url, { input: ['-ss', String(PLACE_SECONDS)], timeout: 40_000 })

      assert.deepEqual(seen, range(PLACE, SECONDS * RATE))
    })
    tests.push(byFfmpeg)
  }

  tests.push(
    t.test('rtmpdump starts at the key picture before the place', async (t) => {
      const rtmpdump = requireTool(t, 'rtmpdump')
      if (rtmpdump === undefined) return
      const file = join(folder, 'rtmpdump.flv')
      const args = ['-q', '-r', rtmp, '-A', String(PLACE_SECONDS), '-o', file]
      const { timedOut } = await run(rtmpdump, args, { timeout: 40_000 })

      assert.ok(!timedOut)
      assert.deepEqual(await watchCounters(ffmpeg, file), range(KEY, SECONDS * RATE))
    }),
    t.test('GStreamer starts at the key picture before the place', async (t) => {
      const gstreamer = requireTool(t, 'gstreamer')
      if (gstreamer === undefined || requireTool(t, 'gstreamerBad') === undefined) return
      // At the end of a stream it connects anew and plays it again, so it is told to stop before.
      const from = ['rtmpsrc', 'num-buffers=40', `location=${rtmp} start=${PLACE_SECONDS * 1000}`, '!', 'flvdemux']
      const [command, ...args] = gstreamerPlay(gstreamer, from, SIZE, COUNTER_SIZE)
      const { stdout, stderr } = await run(command, args, { timeout: 40_000 })

      // The last pictures lack those that were decoded behind them.
      const seen = readCounters(stdout).slice(0, -4)
      assert.ok(seen.length > RATE, stderr.slice(-500))
      assert.deepEqual(seen, range(KEY, KEY + seen.length))
    }),
    t.test('HTTP-FLV starts at the key picture before the place', async () => {
      const seen = await watchCounters(ffmpeg, `${http}.flv?start=${PLACE_SECONDS}`, { timeout: 40_000 })

      assert.deepEqual(seen, range(KEY, SECONDS * RATE))
    }),
    t.test('our player starts at the key picture before the place, by every way', async () => {
      for (const [name, url] of [
        ['rtmp', rtmp],
        ['mms', mms],
      ] as const) {
        const file = join(folder, `ours-${name}.flv`)
        const options = ['--start', String(PLACE_SECONDS), '--output', file]
        const { code, stderr } = await runHeadend(['play', url, ...options])

        assert.equal(code, 0, stderr)
        assert.deepEqual(await watchCounters(ffmpeg, file), range(KEY, SECONDS * RATE), name)
      }
    }),
  )

  for (const player of [libmms, vlc]) {
    const byPlayer = t.test(`${player.name} seeks by Windows Media`, async (t) => {
      if (!player.ready(t)) return
      const file = join(folder, `seek-${player.name}.asf`)
      const result = await player.record(mms, file, { start: PLACE_SECONDS })
      const all = await watchCounters(ffmpeg, file)
      // VLC opens the stream at its start and seeks then; what it got before is in the file now and then.
      const step = all.findLastIndex((counter, index) => index > 0 && counter !== (all[index - 1] ?? 0) + 1)
      const [first = -1] = all.slice(Math.max(0, step))

      // Both ask for a packet by their own arithmetic, and VLC shows nothing before the next key picture.
      assert.ok(first >= KEY - GOP && first <= KEY + GOP, `found picture ${first}: ${result.stderr.slice(-300)}`)
      assert.ok((all.at(-1) ?? 0) >= SECONDS * RATE - 10, `the last picture is ${all.at(-1)}`)
    })
    tests.push(byPlayer)
  }

  tests.push(
    t.test('curl resumes a download to the same bytes, and reads parts', async (t) => {
      const curl = requireTool(t, 'curl')
      if (curl === undefined) return
      const bytes = readFileSync(film)
      const file = join(folder, 'curl.mp4')
      writeFileSync(file, bytes.subarray(0, 123_457))

      const resumed = await run(curl, ['-sS', '--fail', '-C', '-', '-o', file, http])
      assert.equal(resumed.code, 0, resumed.stderr)
      assert.ok(readFileSync(file).equals(bytes))
      const parts = await run(curl, ['-sS', '--fail', '-r', '100-199,-50', http])
      const boundary = /^\r\n--(\S+)\r\n/.exec(parts.stdout.toString('latin1'))?.[1]
      const part = (range: string, data: Uint8Array) =>
        Buffer.concat([
          Buffer.from(
            `\r\n--${boundary}\r\nContent-Type: video/mp4\r\nContent-Range: bytes ${range}/${bytes.length}\r\n\r\n`,
          ),
          data,
        ])
      const expected = Buffer.concat([
        part('100-199', bytes.subarray(100, 200)),
        part(`${bytes.length - 50}-${bytes.length - 1}`, bytes.subarray(-50)),
        Buffer.from(`\r\n--${boundary}--\r\n`),
      ])
      assert.ok(parts.stdout.equals(expected))
    }),
    t.test('ffmpeg reads the file itself with seeks, as browsers do', async () => {
      const seen = await watchCounters(ffmpeg, http, { input: ['-ss', String(PLACE_SECONDS)], timeout: 40_000 })

      assert.deepEqual(seen, range(PLACE, SECONDS * RATE))
    }),
  )
  await Promise.all(tests)
})
