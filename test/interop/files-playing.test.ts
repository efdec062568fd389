/** Files of the library by RTMP, HTTP-FLV and Windows Media to the programs that people have: every picture and sound of the source. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { COUNTER_SIZE, readCounters } from '../support/counter.ts'
import { makeMedia, watchCounters } from '../support/media.ts'
import { run, runOrThrow } from '../support/process.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { gstreamerPlay, vlcPlay } from './foreign-programs.ts'
import { runHeadend } from './peers.ts'
import { hostOf, openFolder } from './windows-media-peers.ts'

const SECONDS = 6
const RATE = 25
const GOP = 25
const PICTURES = SECONDS * RATE
const SIZE = { width: 320, height: 180 }
/** A player that wants all of it gets it at once. */
const AT_ONCE = ['-rtmp_buffer', '60000']
/** Where the cut file begins: in the middle of a group of pictures, so that an edit list hides the pictures before. */
const CUT_SECONDS = 1.48

type Ways = Readonly<Record<'rtmp' | 'flv' | 'wmsp', string>>

function waysOf(server: RunningServer, name: string): Ways {
  const path = `vod/${encodeURI(name)}`
  return {
    rtmp: `${server.urls['rtmp']}/${path}`,
    flv: `${server.urls['http']}/${path}.flv`,
    wmsp: `mmsh://${hostOf(server)}/${path}`,
  }
}

/** Hashes of decoded pictures and sounds, in their order. */
async function decoded(ffmpeg: string, source: string, input: readonly string[] = []) {
  const args = ['-hide_banner', '-loglevel', 'error', '-nostdin', ...input, '-i', source, '-map', '0']
  const { stdout, timedOut } = await run(ffmpeg, [...args, '-fps_mode', 'passthrough', '-f', 'framemd5', 'pipe:1'], {
    timeout: 40_000,
  })
  assert.ok(!timedOut, `ffmpeg did not end with ${source}`)
  const kinds = new Map<string, 'video' | 'audio'>()
  const found: Record<'video' | 'audio', string[]> = { video: [], audio: [] }
  for (const line of stdout.toString().split('\n')) {
    const [, stream, kind] = /^#media_type (\d+): (video|audio)/.exec(line) ?? []
    if (stream !== undefined) kinds.set(stream, kind as 'video' | 'audio')
    const fields = line.split(',').map((field) => field.trim())
    const known = kinds.get(fields[0] ?? '')
    if (known !== undefined) found[known].push(fields.at(-1) ?? '')
  }
  return found
}

/**
 * Every picture, and every sound but those at the cut edge, whose decoding begins elsewhere. None of these wires has edit lists: what one
 * hides comes before.
 */
function assertSame(
  seen: Awaited<ReturnType<typeof decoded>>,
  source: Awaited<ReturnType<typeof decoded>>,
  options: { readonly hidden: number; readonly edge: number; readonly way?: string },
): void {
  const before = seen.video.length - source.video.length
  const missing = source.video.flatMap((hash, index) => (seen.video.includes(hash) ? [] : [index]))
  const told = `${before} pictures more by ${options.way ?? 'file'}, missing are ${missing.join(' ')}`
  assert.ok(before >= 0 && before <= options.hidden, told)
  assert.deepEqual(seen.video.slice(before), source.video)
  const kept = source.audio.length - options.edge
  assert.ok(kept > 0 && seen.audio.length >= source.audio.length)
  assert.deepEqual(seen.audio.slice(-kept), source.audio.slice(-kept))
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, index) => from + index)

it('files of the library play over RTMP, HTTP-FLV and Windows Media', { concurrency: 1 }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const media = mkdtempSync(join(tmpdir(), 'headend-files-'))
  const folder = openFolder()
  // With noise substitution decoded sound depends on all that was decoded before.
  const source = { seconds: SECONDS, rate: RATE, gop: GOP, bFrames: 2, ...SIZE, extra: ['-aac_pns', '0'] }
  const film = await makeMedia(ffmpeg, { ...source, container: 'mp4' })
  const remade = async (name: string, ...args: string[]) => {
    await runOrThrow(ffmpeg, ['-loglevel', 'error', '-nostdin', '-i', film, '-c', 'copy', ...args, join(media, name)])
  }
  copyFileSync(film, join(media, 'Фильм 1.mp4'))
  await Promise.all([
    remade('fragments.mp4', '-movflags', 'frag_keyframe+empty_moov'),
    remade('film.mov'),
    remade('film.mkv'),
    remade('film.flv'),
    remade('film.ts'),
    remade('sound.m4a', '-vn'),
    runOrThrow(ffmpeg, [
      ...['-loglevel', 'error', '-nostdin', '-ss', String(CUT_SECONDS), '-i', film, '-c', 'copy'],
      join(media, 'cut.mp4'),
    ]),
  ])
  const server = await startServer({ args: ['--media', media] })
  t.after(async () => {
    await server.stop()
    rmSync(media, { recursive: true, force: true })
    rmSync(folder, { recursive: true, force: true })
  })

  const tests: Promise<void>[] = []
  const hidden = Math.round(CUT_SECONDS * RATE) % GOP
  for (const name of [
    'Фильм 1.mp4',
    'fragments.mp4',
    'film.mov',
    'film.mkv',
    'film.flv',
    'film.ts',
    'cut.mp4',
    'sound.m4a',
  ]) {
    const byFfmpeg = t.test(`ffmpeg decodes ${name} to the same pictures and sounds, whatever the way`, async () => {
      const ways = waysOf(server, name)
      const sent = await decoded(ffmpeg, join(media, name))
      const allowed = { hidden: name.startsWith('cut') ? hidden : 0, edge: 2 }

      for (const way of ['rtmp', 'flv', 'wmsp'] as const) {
        assertSame(await decoded(ffmpeg, ways[way], way === 'rtmp' ? AT_ONCE : []), sent, { ...allowed, way })
      }
    })
    tests.push(byFfmpeg)
  }

  const ways = waysOf(server, 'Фильм 1.mp4')
  for (const way of ['rtmp', 'flv'] as const) {
    const byVlc = t.test(`VLC receives an unbroken run of pictures by ${way}`, async (t) => {
      const vlc = requireTool(t, 'vlc')
      if (vlc === undefined) return
      const file = join(folder, `vlc-${way}.ts`)
      const [command, ...args] = vlcPlay(vlc, ways[way], file)
      await run(command, args, { timeout: 40_000 })

      const seen = await watchCounters(ffmpeg, file)
      // Its own muxer begins with a key picture when it knows all tracks, and leaves out what it still holds at the end: both a second or so
      // on a busy machine.
      const [first = -1] = seen
      assert.ok(seen.length >= PICTURES - 3 * RATE && first % GOP === 0, `${seen.length} pictures from ${first}`)
      assert.deepEqual(seen, range(first, first + seen.length))
    })
    tests.push(byVlc)
  }

  tests.push(
    t.test('GStreamer receives every picture by RTMP', async (t) => {
      const gstreamer = requireTool(t, 'gstreamer')
      if (gstreamer === undefined || requireTool(t, 'gstreamerBad') === undefined) return
      const from = ['rtmp2src', `location=${waysOf(server, 'film.mov').rtmp}`, '!', 'flvdemux']
      const [command, ...args] = gstreamerPlay(gstreamer, from, SIZE, COUNTER_SIZE)
      const { stdout, stderr } = await run(command, args, { timeout: 40_000 })

      assert.deepEqual(readCounters(stdout), range(0, PICTURES), stderr.slice(-500))
    }),
    t.test('rtmpdump downloads a file with every picture and sound', async (t) => {
      const rtmpdump = requireTool(t, 'rtmpdump')
      if (rtmpdump === undefined) return
      const file = join(folder, 'rtmpdump.flv')
      const result = await run(rtmpdump, ['-q', '-r', waysOf(server, 'film.mov').rtmp, '-o', file], { timeout: 40_000 })

      assert.ok(!result.timedOut, 'rtmpdump did not end')
      assertSame(await decoded(ffmpeg, file), await decoded(ffmpeg, film), { hidden: 0, edge: 2 })
    }),
  )

  for (const way of ['rtmp', 'flv', 'wmsp'] as const) {
    const byOurs = t.test(`our player receives every picture and sound by ${way}`, async () => {
      const file = join(folder, `ours-${way}.flv`)
      const { code, stderr } = await runHeadend(['play', ways[way], '--output', file])

      assert.equal(code, 0, stderr)
      assertSame(await decoded(ffmpeg, file), await decoded(ffmpeg, film), { hidden: 0, edge: 2 })
    })
    tests.push(byOurs)
  }
  await Promise.all(tests)
})
