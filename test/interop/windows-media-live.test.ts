/** Live by Windows Media over HTTP: pushing and pulled encoders, publishers of today, and what all of them lead to in players. */
import assert from 'node:assert/strict'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it } from 'node:test'
import { AsfReader } from '../../src/media/containers/asf/demuxer.ts'
import { withoutPadding } from '../../src/media/containers/asf/padding.ts'
import { makeMedia, watchCounters } from '../support/media.ts'
import { killGroup, start } from '../support/process.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { vlcServe } from './foreign-programs.ts'
import { freePort } from './free-port.ts'
import { callApi, playUrls, publishFile, publishUrl, runHeadend, waitOnAir, waitUntil } from './peers.ts'
import { assertUnbroken, watch } from './watching.ts'
import { ffmpegCopy, hostOf, libmms, mplayer, openFolder, recorded, vlc } from './windows-media-peers.ts'

const SECONDS = 8
const RATE = 25

it('live streams by Windows Media over HTTP', { concurrency: true }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const folder = openFolder()
  const source = { seconds: SECONDS, rate: RATE, gop: RATE }
  const wmv = await makeMedia(ffmpeg, {
    ...source,
    container: 'wmv',
    video: 'wmv2',
    audio: 'wmav2',
    extra: ['-b:v', '600k'],
  })
  const h264 = await makeMedia(ffmpeg, { ...source, container: 'flv' })
  const sentWmv = await watch(ffmpeg, wmv)
  const pulledPort = await freePort()
  const vlcPort = await freePort()
  const settings = join(folder, 'headend.yaml')
  writeFileSync(
    settings,
    JSON.stringify({
      paths: {
        'live/pulled': { pull: `mms://127.0.0.1:${pulledPort}/encoder` },
        'live/from-vlc': { pull: `mmsh://127.0.0.1:${vlcPort}/stream` },
      },
    }),
  )
  const server = await startServer({ args: ['--config', settings] })
  t.after(async () => {
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  })
  const mms = (name: string) => `mms://${hostOf(server)}/live/${name}`

  await Promise.all([
    t.test('an encoder pushes to the server, players receive its packets bit for bit, and logs arrive', async () => {
      const ours = join(folder, 'pushed-ours.wmv')
      const pushing = pushWmv(server, wmv, 'pushed')
      await waitOnAir(server, 'pushed')
      const [played, byFfmpeg, pushed] = await Promise.all([
        runHeadend(['play', mms('pushed'), '--output', ours, '--json'], { timeout: 60_000 }),
        watch(ffmpeg, mms('pushed').replace('mms://', 'mmsh://')),
        pushing,
      ])

      assert.equal(pushed.code, 0, pushed.stderr)
      assert.equal(played.code, 0, played.stderr)
      assertSamePackets(ours, wmv)
      assertUnbroken(byFfmpeg, sentWmv, { fewest: 0.8, until: 'end' })
      await waitUntil('the log of our player has come', async () => (await logsOf(server, 'live/pushed')).length > 0)
      const [log] = await logsOf(server, 'live/pushed')
      assert.equal(log?.kind, 'legacy')
    }),

    t.test('a server pulls an encoder that serves its stream', async () => {
      const encoder = start(process.execPath, headend('push', wmv, '--serve', String(pulledPort), '--loop'))
      try {
        await waitOnAir(server, 'pulled')
        const file = join(folder, 'pulled.asf')
        const stop = new AbortController()
        const recording = ffmpegCopy.record(mms('pulled'), file, { signal: stop.signal })
        await waitUntil('a viewer is there', async () => (await viewers(server, 'live/pulled')) > 0)
        setTimeout(() => stop.abort(), 4000)
        const seen = await recorded(ffmpeg, file, await recording)
        const known = new Set(sentWmv.video.map(({ checksum }) => checksum))
        assert.ok(seen.video.length > RATE)
        assert.ok(seen.video.every(({ checksum }) => known.has(checksum)))
      } finally {
        killGroup(encoder, 'SIGTERM')
      }
    }),

    t.test('a publisher of today is seen by old players', async (t) => {
      const publishing = publishFile(ffmpeg, h264, publishUrl(server, 'today'))
      await waitOnAir(server, 'today')
      const players = [ffmpegCopy, mplayer, libmms, vlc].filter((player) => player.ready(t))
      const files = players.map(({ name }) => join(folder, `today-${name}.asf`))
      const results = await Promise.all(players.map((player, index) => player.record(mms('today'), files[index] ?? '')))

      assert.equal((await publishing).code, 0)
      for (const [index, player] of players.entries()) {
        const result = results[index]
        assert.equal(result?.timedOut, false, `${player.name} did not end: ${result?.stderr.slice(-500)}`)
        const counters = (await watchCounters(ffmpeg, files[index] ?? '')).filter((counter) => counter !== undefined)
        assertRun(counters, player.name)
      }
    }),

    t.test('VLC serves, we pull, and pass it on by Windows Media, FLV and as a file', async (t) => {
      const program = requireTool(t, 'vlc')
      if (program === undefined) return
      const asf = await makeMedia(ffmpeg, { ...source, container: 'asf' })
      const [command, ...args] = vlcServe(program, asf, vlcPort, 'stream')
      const serving = start(command, args)
      try {
        await waitOnAir(server, 'from-vlc')
        const file = join(folder, 'from-vlc.asf')
        const [byFlv, byWmsp, ours] = await Promise.all([
          watchCounters(ffmpeg, playUrls(server, 'from-vlc').httpFlv, { seconds: 3, timeout: 30_000 }),
          watchCounters(ffmpeg, mms('from-vlc').replace('mms://', 'mmsh://'), { seconds: 3, timeout: 30_000 }),
          runHeadend(['play', mms('from-vlc'), '--duration', '4', '--output', file]),
        ])
        assert.equal(ours.code, 0, ours.stderr)
        for (const [name, counters] of [
          ['FLV', byFlv],
          ['WMSP', byWmsp],
          ['file', await watchCounters(ffmpeg, file)],
        ] as const) {
          const read = counters.filter((counter) => counter !== undefined)
          assert.ok(read.length > RATE, `${name}: ${read.length} pictures`)
        }
      } finally {
        killGroup(serving, 'SIGTERM')
      }
    }),
  ])
})

/** `headend push FILE wmhttp://…` to its end. */
function pushWmv(server: RunningServer, file: string, name: string) {
  const url = `wmhttp://${hostOf(server)}/live/${name}?key=${server.secrets.publishKey}`
  return runHeadend(['push', file, url], { timeout: 60_000 })
}

function headend(...args: readonly string[]): string[] {
  return [join(import.meta.dirname, '../../bin/headend.js'), ...args]
}

/** All data packets of `file` are packets of `source`, in a row up to its last. */
function assertSamePackets(file: string, source: string): void {
  const [got, all] = [packetsOf(file), packetsOf(source)]
  assert.ok(got.length > all.length * 0.8, `${got.length} of ${all.length} packets`)
  const offset = all.length - got.length
  const different = got.findIndex(
    (packet, index) => !Buffer.from(packet).equals(all[offset + index] ?? Buffer.alloc(0)),
  )
  assert.equal(different, -1, `packet ${different} of ${got.length} differs`)
}

function packetsOf(file: string): Uint8Array[] {
  const reader = new AsfReader()
  const packets: Uint8Array[] = []
  reader.write(readFileSync(file))
  reader.end()
  for (let result = reader.read(); result !== undefined; result = reader.read()) {
    if (result.type === 'packet') packets.push(withoutPadding(result.packet.bytes))
  }
  return packets
}

function assertRun(counters: readonly number[], name: string): void {
  assert.ok(counters.length > (SECONDS * RATE) / 2, `${name}: ${counters.length} pictures`)
  const broken = counters.findIndex((counter, index) => index > 0 && counter !== (counters[index - 1] ?? 0) + 1)
  assert.equal(broken, -1, `${name}: picture ${counters[broken]} follows ${counters[broken - 1]}`)
}

async function logsOf(
  server: RunningServer,
  path: string,
): Promise<readonly { readonly kind: string; readonly path: string }[]> {
  const { items } = await callApi<{ items: { kind: string; path: string }[] }>(server, `playlogs?path=${path}`)
  return items
}

async function viewers(server: RunningServer, path: string): Promise<number> {
  const { items } = await callApi<{ items: { role: string }[] }>(server, `sessions?path=${path}&limit=1000`)
  return items.filter(({ role }) => role === 'play').length
}
