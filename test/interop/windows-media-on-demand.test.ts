/** Files of the library by Windows Media over HTTP to the players that people have: every packet, seeks, and clean ends. */
import assert from 'node:assert/strict'
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { COUNTER_SIZE, readCounters } from '../support/counter.ts'
import { makeMedia, watchCounters } from '../support/media.ts'
import { run } from '../support/process.ts'
import { startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { gstreamerPlay, vlcPlay } from './foreign-programs.ts'
import { makeMultiBitrate } from './multi-bitrate.ts'
import { playUrls, publishFile, publishUrl, runHeadend, waitOnAir } from './peers.ts'
import { assertUnbroken, watch } from './watching.ts'
import { ffmpegCopy, hostOf, libmms, mplayer, openFolder, recorded, vlc } from './windows-media-peers.ts'

const SECONDS = 10
const RATE = 25
const GOP = 25
const SEEK_SECONDS = 5

it('files of the library play by Windows Media over HTTP', { concurrency: true }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const media = mkdtempSync(join(tmpdir(), 'headend-library-'))
  const folder = openFolder()
  const source = { seconds: SECONDS, rate: RATE, gop: GOP }
  const files: Readonly<Record<string, string>> = {
    'h264.asf': await makeMedia(ffmpeg, { ...source, container: 'asf' }),
    'old film – 1.wmv': await makeMedia(ffmpeg, {
      ...source,
      container: 'wmv',
      video: 'wmv2',
      audio: 'wmav2',
      extra: ['-b:v', '600k'],
    }),
    'sound.wma': await makeMedia(ffmpeg, { ...source, container: 'wma', video: 'none', audio: 'wmav2' }),
  }
  mkdirSync(join(media, 'folder'))
  for (const [name, path] of Object.entries(files)) copyFileSync(path, join(media, name))
  copyFileSync(files['h264.asf'] ?? '', join(media, 'folder', 'h264.asf'))
  await makeMultiBitrate(ffmpeg, join(media, 'rates.wmv'), source)
  const server = await startServer({ args: ['--media', media] })
  t.after(async () => {
    await server.stop()
    rmSync(media, { recursive: true, force: true })
    rmSync(folder, { recursive: true, force: true })
  })
  const url = (name: string) => `mms://${hostOf(server)}/vod/${encodeURI(name)}`

  const tests: Promise<void>[] = []
  for (const name of Object.keys(files)) {
    const kinds = name.endsWith('.wma') ? (['audio'] as const) : (['video', 'audio'] as const)
    const sent = await watch(ffmpeg, files[name] ?? '')

    for (const player of [ffmpegCopy, mplayer, libmms]) {
      const receive = t.test(`${player.name} receives every packet of ${name}`, async (t) => {
        if (!player.ready(t)) return
        const file = join(folder, `${player.name}-${name}.asf`)
        const result = await player.record(url(name), file)

        assert.equal(result.timedOut, false, `${player.name} did not end: ${result.stderr.slice(-500)}`)
        assertUnbroken(await recorded(ffmpeg, file, result), sent, { fewest: 1, kinds, until: 'end' })
      })
      tests.push(receive)
    }

    const byVlc = t.test(`VLC receives ${name} and ends`, async (t) => {
      if (!vlc.ready(t)) return
      const file = join(folder, `vlc-${name}.asf`)
      const result = await vlc.record(url(name), file)
      const seen = await recorded(ffmpeg, file, result)

      assert.equal(result.timedOut, false, result.stderr.slice(-500))
      // Its own muxer leaves out the last packets of each stream, more of them on a busy machine, and writes the parameter sets of H.264
      // once more at each key frame. Nothing else may be missing.
      const rewritten = name.startsWith('h264') ? SECONDS * (RATE / GOP) : 0
      for (const kind of kinds) {
        const arrived = new Set(seen[kind].map(({ checksum }) => checksum))
        const until = sent[kind].length - Math.ceil(sent[kind].length / SECONDS / 2)
        const missing = sent[kind].flatMap(({ checksum }, index) => (arrived.has(checksum) ? [] : [index]))
        const early = missing.filter((index) => index < until)
        assert.ok(
          early.length <= (kind === 'video' ? rewritten : 0),
          `${kind}: ${early.join()} of ${sent[kind].length} missing`,
        )
      }
      if (kinds.length > 1) {
        const counters = await watchCounters(ffmpeg, file)
        assert.ok(counters.length >= (SECONDS - 0.5) * RATE && counters.every((counter, index) => counter === index))
      }
    })
    tests.push(byVlc)
  }

  for (const name of ['h264.asf', 'old film – 1.wmv']) {
    for (const player of [ffmpegCopy, libmms, vlc]) {
      const seek = t.test(`${player.name} seeks in ${name}`, async (t) => {
        if (!player.ready(t)) return
        const file = join(folder, `seek-${player.name}-${name}.asf`)
        const result = await player.record(url(name), file, { start: SEEK_SECONDS })
        await recorded(ffmpeg, file, result)
        const all = await watchCounters(ffmpeg, file)
        // VLC opens the stream at its start and seeks then; what it got before is in the file now and then.
        const counters = player === vlc ? afterLastStep(all) : all
        const [first] = counters.filter((counter) => counter !== undefined)
        assert.ok(first !== undefined, result.stderr.slice(-500))
        // A seek lands on the key frame at or before the place; libmms asks for a packet by its own arithmetic.
        assert.ok(
          first >= (SEEK_SECONDS - 2) * RATE && first <= (SEEK_SECONDS + 1) * RATE,
          `asked for ${SEEK_SECONDS} s, found picture ${first}`,
        )
        assert.ok((counters.at(-1) ?? 0) >= SECONDS * RATE - 10, `the last picture is ${counters.at(-1)}`)
      })
      tests.push(seek)
    }
  }

  tests.push(
    t.test('MediaInfo reads the header', async (t) => {
      const mediainfo = requireTool(t, 'mediainfo')
      if (mediainfo === undefined) return
      const { stdout } = await run(mediainfo, ['--Output=JSON', url('old film – 1.wmv').replace('mms://', 'mmsh://')])
      const { media: found } = JSON.parse(stdout.toString()) as {
        media: { track: { '@type': string; Format: string; Duration?: string }[] }
      }
      const formats = found.track.map((track) => [track['@type'], track.Format])
      assert.deepEqual(formats, [
        ['General', 'Windows Media'],
        ['Video', 'WMV2'],
        ['Audio', 'WMA'],
      ])
    }),
  )

  tests.push(
    t.test('one of several bit rates is sent to players that choose, all to those that want all', async () => {
      const all = await watch(ffmpeg, join(media, 'rates.wmv'))
      const file = join(folder, 'rates.asf')
      const result = await libmms.record(url('rates.wmv'), file)
      const chosen = await recorded(ffmpeg, file, result)

      assert.ok(chosen.video.length > 0 && chosen.video.length < all.video.length)
      assert.ok(chosen.audio.length > 0 && chosen.audio.length < all.audio.length)
      const known = new Set(all.video.map(({ checksum }) => checksum))
      assert.ok(chosen.video.every(({ checksum }) => known.has(checksum)))
      // ffmpeg asks for all streams.
      assertSameCounts(await watch(ffmpeg, url('rates.wmv').replace('mms://', 'mmsh://')), all)
    }),
  )

  tests.push(
    t.test('our player receives every packet, seeks, and records the file as it is', async () => {
      const file = join(folder, 'ours.wmv')
      const { code, stdout, stderr } = await runHeadend(['play', url('old film – 1.wmv'), '--output', file, '--json'])
      assert.equal(code, 0, stderr)
      const report = JSON.parse(stdout.toString()) as { tracks: { codec: string; packets: number }[] }
      assert.deepEqual(report.tracks.map(({ codec }) => codec).sort(), ['wma2', 'wmv2'])
      const sent = await watch(ffmpeg, files['old film – 1.wmv'] ?? '')
      assertUnbroken(await watch(ffmpeg, file), sent, { fewest: 1, until: 'end' })

      const part = join(folder, 'ours-part.wmv')
      const sought = await runHeadend([
        'play',
        url('old film – 1.wmv'),
        '--start',
        String(SEEK_SECONDS),
        '--output',
        part,
      ])
      assert.equal(sought.code, 0, sought.stderr)
      const [first] = await watchCounters(ffmpeg, part)
      // At a key picture, no later than asked; the file's sound begins a moment before its pictures.
      assert.ok(first !== undefined && first % GOP === 0, `found picture ${first}`)
      assert.ok(first > (SEEK_SECONDS - 1.1) * RATE && first <= SEEK_SECONDS * RATE, `found picture ${first}`)
    }),
  )

  tests.push(
    t.test('what is not there, and what may not be read, is told in HTTP', async () => {
      const agent = { 'User-Agent': 'NSPlayer/9.0.0.2980', Pragma: 'no-cache' }
      const base = `http://${hostOf(server)}`
      for (const [path, status] of [
        ['/vod/absent.wmv', 404],
        ['/vod/../secrets.json', 404],
        ['/vod/%2e%2e/secrets.json', 404],
        ['/vod/folder', 404],
      ] as const) {
        const response = await fetch(`${base}${path}`, { headers: agent })
        await response.arrayBuffer()
        assert.ok(response.status === status || response.status === 400, `${path}: ${response.status}`)
      }
    }),
  )

  tests.push(
    t.test('a folder and names in any script simply work', async () => {
      assertUnbroken(
        await watch(ffmpeg, url('folder/h264.asf').replace('mms://', 'mmsh://')),
        await watch(ffmpeg, files['h264.asf'] ?? ''),
        {
          fewest: 1,
          until: 'end',
        },
      )
    }),
  )
  tests.push(
    t.test('AS-04: a file written here plays in ffmpeg, VLC and GStreamer with every picture', async (t) => {
      const flv = await makeMedia(ffmpeg, { ...source, container: 'flv', bFrames: 2 })
      const ours = join(folder, 'written-here.asf')
      const pushing = publishFile(ffmpeg, flv, publishUrl(server, 'written'))
      await waitOnAir(server, 'written')
      const played = await runHeadend(['play', playUrls(server, 'written').rtmp, '--output', ours])
      assert.equal(played.code, 0, played.stderr)
      assert.equal((await pushing).code, 0)

      const counters = await watchCounters(ffmpeg, ours)
      assert.ok(counters.length > (SECONDS - 2) * RATE)
      const first = counters[0] ?? 0
      assert.deepEqual(
        counters,
        Array.from({ length: SECONDS * RATE - first }, (_, index) => first + index),
      )
      const program = requireTool(t, 'vlc')
      if (program !== undefined) {
        const copied = join(folder, 'written-here.ts')
        const [command, ...args] = vlcPlay(program, ours, copied)
        await run(command, args, { timeout: 40_000 })
        // It copies all but the last pictures, which its muxer still holds when it ends.
        const seen = await watchCounters(ffmpeg, copied)
        const whole = counters.length - 10
        assert.ok(seen.length >= whole, `VLC: ${seen.length} of ${counters.length}`)
        assert.deepEqual(seen.slice(0, whole), counters.slice(0, whole))
      }
      const gstreamer = requireTool(t, 'gstreamer')
      if (gstreamer !== undefined && requireTool(t, 'gstreamerUgly') !== undefined) {
        const demuxed = ['filesrc', `location=${ours}`, '!', 'asfdemux']
        const [command, ...args] = gstreamerPlay(gstreamer, demuxed, { width: 320, height: 180 }, COUNTER_SIZE)
        const { stdout, stderr } = await run(command, args, { timeout: 40_000 })
        const seen = readCounters(stdout)
        assert.equal(seen.length, counters.length, `GStreamer: ${stderr.slice(-500)}`)
      }
    }),
  )
  await Promise.all(tests)
})

/** The numbers behind the last one that does not follow the one before it. */
function afterLastStep(counters: readonly (number | undefined)[]): readonly (number | undefined)[] {
  const step = counters.findLastIndex((counter, index) => index > 0 && counter !== (counters[index - 1] ?? 0) + 1)
  return counters.slice(Math.max(0, step))
}

function assertSameCounts(
  seen: Readonly<Record<'video' | 'audio', readonly unknown[]>>,
  sent: Readonly<Record<'video' | 'audio', readonly unknown[]>>,
): void {
  assert.deepEqual([seen.video.length, seen.audio.length], [sent.video.length, sent.audio.length])
}
