/** GStreamer, VLC, mpv and rtmpdump publish and play; every picture is there once, in order. */
import assert from 'node:assert/strict'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { COUNTER_SIZE, readCounters } from '../support/counter.ts'
import { makeMedia, watchCounters } from '../support/media.ts'
import { run } from '../support/process.ts'
import { startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import {
  type CommandLine,
  gstreamerPlay,
  gstreamerPublish,
  mpvPlay,
  mpvPublish,
  rtmpdumpPlay,
  vlcPlay,
  vlcPublish,
} from './foreign-programs.ts'
import { playUrls, publishFile, publishUrl, waitOnAir } from './peers.ts'

const SECONDS = 8
const FRAMES = SECONDS * 25
const PICTURE = { width: 320, height: 180 }
/** A player that opens a live stream by guessing, or ends without draining, may miss pictures at its start and end. */
const FEWEST = FRAMES / 2

it('other programs publish', { concurrency: true }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const file = await makeMedia(ffmpeg, { container: 'flv', seconds: SECONDS })
  const server = await startServer()
  t.after(() => server.stop())

  const publishes = (name: string, tool: 'gstreamer' | 'vlc' | 'mpv', make: typeof gstreamerPublish) =>
    t.test(name, async (t) => {
      const program = requireTool(t, tool)
      if (program === undefined) return
      const { httpFlv, hls } = playUrls(server, name)
      const byFlv = watchCounters(ffmpeg, httpFlv, { timeout: 40_000 })
      const publishing = runLine(make(program, file, publishUrl(server, name)))
      await waitOnAir(server, name)
      const byHls = watchCounters(ffmpeg, hls, { input: ['-live_start_index', '0'], timeout: 40_000 })
      const { stderr } = await publishing

      assertConsecutive(await byFlv, `${name} to HTTP-FLV: ${stderr}`)
      assertConsecutive(await byHls, `${name} to HLS: ${stderr}`)
    })
  await Promise.all([
    publishes('gstreamer', 'gstreamer', gstreamerPublish),
    publishes('vlc', 'vlc', vlcPublish),
    publishes('mpv', 'mpv', mpvPublish),
  ])
})

it('other programs play', { concurrency: true }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const file = await makeMedia(ffmpeg, { container: 'flv', seconds: SECONDS })
  const server = await startServer()
  const folder = mkdtempSync(join(tmpdir(), 'headend-programs-'))
  // VLC writes as another user.
  chmodSync(folder, 0o777)
  t.after(async () => {
    rmSync(folder, { recursive: true, force: true })
    await server.stop()
  })
  const { rtmp, httpFlv, hls, dash } = playUrls(server, 'one')
  const publishing = publishFile(ffmpeg, file, publishUrl(server, 'one'))
  await waitOnAir(server, 'one')

  const intoFile = (name: string, tool: 'rtmpdump' | 'vlc' | 'mpv', make: typeof vlcPlay, url: string) =>
    t.test(name, async (t) => {
      const program = requireTool(t, tool)
      if (program === undefined) return
      const output = join(folder, name.replaceAll(' ', '-'))
      const { stderr } = await runLine(make(program, url, output), publishing)
      assertConsecutive(await watchCounters(ffmpeg, output), `${name}: ${stderr}`)
    })
  const byGstreamer = (name: string, source: readonly string[]) =>
    t.test(name, async (t) => {
      const program = requireTool(t, 'gstreamer')
      if (program === undefined || !needsPlugins(t)) return
      const { stdout, stderr } = await runLine(gstreamerPlay(program, source, PICTURE, COUNTER_SIZE), publishing)
      assertConsecutive(readCounters(stdout), `${name}: ${stderr}`)
    })
  await Promise.all([
    intoFile('rtmpdump plays RTMP', 'rtmpdump', rtmpdumpPlay, rtmp),
    intoFile('VLC plays RTMP', 'vlc', vlcPlay, rtmp),
    intoFile('VLC plays HTTP-FLV', 'vlc', vlcPlay, httpFlv),
    intoFile('VLC plays HLS', 'vlc', vlcPlay, hls),
    intoFile('mpv plays RTMP', 'mpv', mpvPlay, rtmp),
    intoFile('mpv plays HLS', 'mpv', mpvPlay, hls),
    intoFile('mpv plays DASH', 'mpv', mpvPlay, dash),
    byGstreamer('GStreamer plays RTMP', ['rtmp2src', `location=${rtmp}`, '!', 'flvdemux']),
    byGstreamer('GStreamer plays HTTP-FLV', ['souphttpsrc', `location=${httpFlv}`, '!', 'flvdemux']),
    byGstreamer('GStreamer plays HLS', ['souphttpsrc', `location=${hls}`, '!', 'hlsdemux', '!', 'qtdemux']),
  ])
})

function needsPlugins(t: TestContext): boolean {
  return (['gstreamerGood', 'gstreamerBad', 'gstreamerLibav'] as const).every((name) => requireTool(t, name))
}

/** `until`: some seconds after it the program is asked to end. */
function runLine([command, ...args]: CommandLine, until?: Promise<unknown>) {
  const ended = new AbortController()
  const timers: NodeJS.Timeout[] = []
  void until?.then(() => timers.push(setTimeout(() => ended.abort(), 5000)))
  return run(command, args, { timeout: 40_000, signal: ended.signal }).finally(() => timers.forEach(clearTimeout))
}

function assertConsecutive(counters: readonly (number | undefined)[], what: string): void {
  const first = counters[0] ?? 0
  assert.ok(counters.length >= FEWEST, `${what}\n${counters.length} pictures of ${FRAMES}`)
  const step = counters.findIndex((counter, index) => counter !== first + index)
  const around = counters.slice(Math.max(0, step - 3), step + 4)
  assert.equal(step, -1, `${what}\npictures ${around.join(' ')} at place ${step} of ${counters.length}, first ${first}`)
}
