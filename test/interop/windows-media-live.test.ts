/** Live by Windows Media over HTTP: pushing and pulled encoders, publishers of today, and what all of them lead to in players. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { it } from 'node:test'
import { AsfReader } from '../../src/media/containers/asf/demuxer.ts'
import { asfHeaderLength, readAsfHeader, writeAsfHeader } from '../../src/media/containers/asf/header.ts'
import type { AsfObject } from '../../src/media/containers/asf/header-objects.ts'
import { type AsfInit, DATA_OBJECT_HEADER_LENGTH } from '../../src/media/containers/asf/model.ts'
import { STREAM_FLAG } from '../../src/media/containers/asf/objects/stream-properties.ts'
import { withoutPadding } from '../../src/media/containers/asf/padding.ts'
import { makeMedia, watchCounters } from '../support/media.ts'
import { killGroup, start } from '../support/process.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { vlcServe } from './foreign-programs.ts'
import { freePort } from './free-port.ts'
import { makeMultiBitrate } from './multi-bitrate.ts'
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
    t.test(
      'SYS-01: an encoder pushes to the server, players receive its packets bit for bit, and logs arrive',
      async () => {
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
        await waitUntil(
          'the logs of our player have come',
          async () => (await logsOf(server, 'live/pushed')).length > 1,
        )
        const kinds = (await logsOf(server, 'live/pushed')).map(({ kind }) => kind)
        assert.deepEqual(kinds.sort(), ['rendering', 'streaming'])
      },
    ),

    t.test(
      'SYS-01 and PRX-17: a server pulls an encoder that serves its stream, which is a broadcast then',
      async () => {
        const encoder = start(process.execPath, headend('push', wmv, '--serve', String(pulledPort), '--loop'))
        try {
          await waitOnAir(server, 'pulled')
          const described = await describeStream(server, '/live/pulled')
          const features = /features="([^"]*)"/.exec(String(described.headers['pragma']))?.[1]?.split(',') ?? []
          assert.ok(features.includes('broadcast'), `${described.statusCode}: ${features.join()}`)
          assert.ok(!features.includes('seekable') && !features.includes('stridable'), features.join())
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
      },
    ),

    t.test(
      'players receive what an old encoder sends: both bit rates where they want all, one where they choose',
      async (t) => {
        const rates = join(folder, 'rates.wmv')
        await makeMultiBitrate(ffmpeg, rates, source)
        const sent = await watch(ffmpeg, rates)
        const pushing = pushWmv(server, rates, 'rates')
        await waitOnAir(server, 'rates')
        const players = [ffmpegCopy, mplayer, libmms].filter((player) => player.ready(t))
        const files = players.map(({ name }) => join(folder, `rates-${name}.asf`))
        const results = await Promise.all(
          players.map((player, index) => player.record(mms('rates'), files[index] ?? '')),
        )
        assert.equal((await pushing).code, 0)

        for (const [index, player] of players.entries()) {
          const result = results[index]
          assert.ok(result !== undefined && !result.timedOut, `${player.name} did not end`)
          const seen = await recorded(ffmpeg, files[index] ?? '', result)
          for (const kind of ['video', 'audio'] as const) {
            const known = new Set(sent[kind].map(({ checksum }) => checksum))
            assert.ok(
              seen[kind].every(({ checksum }) => known.has(checksum)),
              `${player.name}: ${kind} packets that were never sent`,
            )
            const share = seen[kind].length / sent[kind].length
            const [least, most] = player === ffmpegCopy ? [0.7, 1] : [0.35, 0.6]
            assert.ok(share >= least && share <= most, `${player.name}: ${share} of the ${kind} packets`)
          }
        }
      },
    ),

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

    t.test(
      'SYS-06 and SYS-07: a server that pulls from this one serves many from one stream, the same packets',
      async (t) => {
        const pushing = pushWmv(server, wmv, 'origin')
        await waitOnAir(server, 'origin')
        const edgeSettings = join(folder, 'edge.yaml')
        writeFileSync(edgeSettings, JSON.stringify({ paths: { 'live/leaf': { pull: mms('origin') } } }))
        const edge = await startServer({ args: ['--config', edgeSettings] })
        t.after(() => edge.stop())
        await waitOnAir(edge, 'leaf')
        const files = [1, 2, 3].map((number) => join(folder, `leaf-${number}.wmv`))
        const playing = files.map((file) =>
          runHeadend(['play', `mms://${hostOf(edge)}/live/leaf`, '--duration', '3', '--output', file]),
        )
        await waitUntil('all are there', async () => (await viewers(edge, 'live/leaf')) === files.length)

        assert.equal(await viewers(server, 'live/origin'), 1)
        for (const { code, stderr } of await Promise.all(playing)) assert.equal(code, 0, stderr)
        const sent = packetsOf(wmv).map((packet) => Buffer.from(packet).toString('base64'))
        for (const file of files) {
          const got = packetsOf(file).map((packet) => Buffer.from(packet).toString('base64'))
          assert.ok(got.length > 20 && got.every((packet) => sent.includes(packet)), `${file}: ${got.length} packets`)
        }
        assert.equal((await pushing).code, 0)
      },
    ),

    t.test('SYS-05: an ASX file leads players to the stream; a browser is led to the watch page', async (t) => {
      const publishing = publishFile(ffmpeg, h264, publishUrl(server, 'listed'))
      await waitOnAir(server, 'listed')
      const base = `http://${hostOf(server)}/live/listed`
      if (vlc.ready(t)) {
        const stop = new AbortController()
        const playing = vlc.record(`${base}.asx`, join(folder, 'listed.asf'), { signal: stop.signal })
        await waitUntil('VLC has found the stream', async () => (await viewers(server, 'live/listed')) > 0)
        stop.abort()
        await playing
      }
      const browser = await fetch(base, { headers: { Accept: 'text/html,*/*' }, redirect: 'manual' })
      assert.equal(browser.status, 302)
      assert.equal(new URL(browser.headers.get('location') ?? '', base).pathname, '/watch/live/listed')
      const plain = await fetch(base)
      assert.match(await plain.text(), /<asx/i)
      await publishing
    }),

    t.test('SYS-02: what is encrypted passes unchanged, with all that its header says of it', async (t) => {
      if (!libmms.ready(t)) return
      const encrypted = join(folder, 'encrypted.wmv')
      writeEncrypted(wmv, encrypted)
      const pushing = pushWmv(server, encrypted, 'encrypted')
      await waitOnAir(server, 'encrypted')
      const file = join(folder, 'encrypted-played.asf')
      const result = await libmms.record(mms('encrypted'), file)
      assert.equal((await pushing).code, 0)

      assert.equal(result.code, 0, result.stderr)
      assertSamePackets(file, encrypted)
      const found = initOf(file).encryption
      assert.deepEqual(found, { scheme: 'DRM', keyId: 'test-key', licenseUrl: 'http://license.test/' })
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

/** What a player is told of a stream, on a connection of its own. */
async function describeStream(server: RunningServer, path: string): Promise<IncomingMessage> {
  const headers = { 'User-Agent': 'NSPlayer/9.0.0.2980', Pragma: 'no-cache' }
  const [response] = (await once(get(`http://${hostOf(server)}${path}`, { agent: false, headers }), 'response')) as [
    IncomingMessage,
  ]
  response.resume()
  return response
}

/** Says in the header that all streams are encrypted; their bytes stay what they are, which nobody on the way can tell. */
function writeEncrypted(source: string, target: string): void {
  const bytes = readFileSync(source)
  const length = asfHeaderLength(bytes) ?? 0
  const header = readAsfHeader(bytes)
  const objects: AsfObject[] = header.objects.map((object) =>
    object.type === 'stream-properties' ? { ...object, flags: object.flags | STREAM_FLAG.ENCRYPTED } : object,
  )
  objects.push({
    type: 'content-encryption',
    secret: Uint8Array.of(1, 2, 3, 4),
    protectionType: 'DRM\0',
    keyId: 'test-key\0',
    licenseUrl: 'http://license.test/\0',
  })
  const rewritten = writeAsfHeader({ ...header, objects, objectCount: objects.length })
  writeFileSync(target, Buffer.concat([rewritten, bytes.subarray(length - DATA_OBJECT_HEADER_LENGTH)]))
}

function initOf(file: string): AsfInit {
  const reader = new AsfReader()
  reader.write(readFileSync(file))
  for (let result = reader.read(); result !== undefined; result = reader.read()) {
    if (result.type === 'init') return result.init
  }
  throw new Error(`expected a header in ${file}`)
}

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
