import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { afterEach, test } from 'node:test'
import { parse as parseByHlsParser, types } from 'hls-parser'
import { unusedServices } from '../../../test/support/unused-services.ts'
import { PeerError } from '../../errors.ts'
import type { Authorize } from '../../live/access.ts'
import { Hub } from '../../live/hub.ts'
import type { Publisher } from '../../live/publisher.ts'
import { Sessions } from '../../live/sessions.ts'
import { FragmentDemuxer } from '../../media/containers/isobmff/demuxer.ts'
import { lintMediaPlaylist } from '../../media/manifests/hls/lint.ts'
import { applyDelta } from '../../media/manifests/hls/media-playlist.ts'
import type { MediaPlaylist, MultivariantPlaylist } from '../../media/manifests/hls/model.ts'
import { parsePlaylist } from '../../media/manifests/hls/parse.ts'
import type { Packet } from '../../media/packet.ts'
import type { Track } from '../../media/track.ts'
import { openHttpFront } from '../../net/http/listener.ts'
import { quietLogger } from '../../net/testdata/raw-client.ts'
import { packagersOf } from '../../packaging/packagers.ts'
import { packagingSettingsOf } from '../../packaging/packaging-settings.ts'
import { AUDIO, audioPackets, interleave, VIDEO, videoPackets } from '../../packaging/vectors.ts'
import { readCmsdStatic } from '../../playlog/cmsd/record.ts'
import type { Closable, ServerContext } from '../protocol.ts'
import { hls } from './index.ts'
import { readDirectives } from './playlist-query.ts'

/** Sixteen AAC frames and the room of a millisecond: with 0.334 s, segments of 2 s would end in a tiny part. */
const PART_TARGET = 0.343

const opened: Closable[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

const PACKETS = interleave([...videoPackets({ seconds: 40 }), ...audioPackets({ seconds: 40 })])

interface Setup {
  readonly base: string
  readonly hub: Hub
  readonly sessions: Sessions
  readonly publisher: Publisher
  /** Publishes up to this time, seconds. */
  play(until: number): void
}

async function serve(options: { readonly authorize?: Authorize; readonly settings?: object } = {}): Promise<Setup> {
  const hub = new Hub()
  const sessions = new Sessions()
  const log = quietLogger()
  const front = await openHttpFront({ host: '127.0.0.1', port: 0, log, limits: { drainMs: 50, sweepMs: 10 } })
  opened.push(front)
  const context: ServerContext = {
    hub,
    sessions,
    authorize: options.authorize ?? (() => Promise.resolve()),
    http: front.routes,
    ...unusedServices,
    log,
    host: '127.0.0.1',
    tls: undefined,
  }
  const served = await hls.serve?.(context, hls.options.parse(options.settings ?? {}))
  if (served !== undefined) opened.push(served)
  opened.push({ close: async () => hub.close() })
  const publisher = hub.publish('live/a')
  publisher.announce([VIDEO, AUDIO])
  let next = 0
  const play = (until: number) => {
    for (; (PACKETS[next]?.dts ?? Number.POSITIVE_INFINITY) < until * 1e6; next++)
      publisher.write(PACKETS[next] as Packet)
  }
  return { base: `http://127.0.0.1:${front.port}/live/a`, hub, sessions, publisher, play }
}

async function text(url: string, expected = 200): Promise<string> {
  const response = await fetch(url)
  const body = await response.text()
  assert.equal(response.status, expected, `${url}: ${body}`)
  return body
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

async function media(url: string): Promise<MediaPlaylist> {
  return parsePlaylist(await text(url)) as MediaPlaylist
}

test('the multivariant playlist names codecs, size, rates and the audio group', async () => {
  const { base, play } = await serve()
  play(7)

  const playlist = parsePlaylist(await text(`${base}/index.m3u8`)) as MultivariantPlaylist

  const [variant] = playlist.variants
  assert.equal(variant?.codecs, 'avc1.F4000A,mp4a.40.2')
  assert.deepEqual(variant?.resolution, { width: 64, height: 48 })
  assert.equal(variant?.frameRate, 30)
  assert.equal(variant?.videoRange, 'SDR')
  assert.ok((variant?.bandwidth ?? 0) >= (variant?.averageBandwidth ?? Number.NaN))
  assert.deepEqual(
    playlist.renditions.map(({ uri, default: main, channels }) => [uri, main, channels]),
    [['audio-101.m3u8', true, '2']],
  )
})

test('independent parsers accept the playlists', async () => {
  const { base, play } = await serve()
  play(9)
  const require = createRequire(import.meta.url)
  const { Parser } = require('m3u8-parser') as {
    Parser: new () => {
      push(text: string): void
      end(): void
      manifest: { segments: unknown[]; partTargetDuration: number }
    }
  }

  const body = await text(`${base}/video-1.m3u8`)
  const parsed = parseByHlsParser(body)
  const other = new Parser()
  other.push(body)
  other.end()

  assert.ok(parsed instanceof types.MediaPlaylist)
  assert.equal(parsed.targetDuration, 2)
  assert.equal(parsed.partTargetDuration, PART_TARGET)
  assert.equal(other.manifest.partTargetDuration, PART_TARGET)
  assert.ok(parseByHlsParser(await text(`${base}/index.m3u8`)) instanceof types.MasterPlaylist)
})

test('init, segments and parts are what the playlist lists, immutable and demuxable', async () => {
  const { base, play } = await serve()
  play(9)
  const playlist = await media(`${base}/video-1.m3u8`)
  const [segment] = playlist.segments
  const init = await fetch(`${base}/${segment?.map?.uri}`)
  const whole = await fetch(`${base}/${segment?.uri}`)
  assert.equal(whole.headers.get('content-type'), 'video/mp4')
  assert.match(whole.headers.get('cache-control') ?? '', /immutable/)
  assert.equal(whole.headers.get('access-control-allow-origin'), '*')
  const bytes = new Uint8Array(await whole.arrayBuffer())

  const demuxer = new FragmentDemuxer()
  demuxer.write(new Uint8Array(await init.arrayBuffer()))
  demuxer.write(bytes)
  const packets: Packet[] = []
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
    if (result.type === 'packet') packets.push(result.packet)
  }
  const parts = await Promise.all(
    (segment?.parts ?? []).map(async ({ uri }) => (await fetch(`${base}/${uri}`)).bytes()),
  )

  assert.equal(packets.length, 60)
  assert.ok(packets[0]?.key)
  // A tick of 1/90 000 s.
  assert.ok(Math.abs((packets[59]?.dts ?? 0) - (packets[0]?.dts ?? 0) - (59 * 1e6) / 30) < 12)
  assert.deepEqual(new Uint8Array(Buffer.concat(parts)), bytes)
  // The second time it comes from memory.
  assert.deepEqual(await (await fetch(`${base}/${segment?.uri}`)).bytes(), bytes)
})

test('a live client that blocks for each part sees playlists that keep every rule', async () => {
  const { base, play } = await serve()
  play(7)
  for (const name of ['video-1', 'audio-101']) {
    let before = await media(`${base}/${name}.m3u8`)
    assert.deepEqual(lintMediaPlaylist(before), [])
    let clock = name === 'video-1' ? 7 : 14
    play(clock)
    for (let step = 0; step < 12; step++) {
      const number = before.mediaSequence + before.segments.length
      const part = before.openSegment?.parts.length ?? 0
      const waiting = media(`${base}/${name}.m3u8?_HLS_msn=${number}&_HLS_part=${part}`)
      clock += 0.36
      play(clock)
      const next = await waiting
      assert.deepEqual(lintMediaPlaylist(next, before), [])
      const parts = [
        ...(next.segments.find((_, index) => next.mediaSequence + index === number)?.parts ?? []),
        ...(next.openSegment?.parts ?? []),
      ]
      assert.ok(parts.length > 0)
      before = next
    }
  }
})

test('the hinted part is waited for', async () => {
  const { base, play } = await serve()
  play(7)
  const playlist = await media(`${base}/video-1.m3u8`)
  const hint = playlist.preloadHints[0]?.uri

  const waiting = fetch(`${base}/${hint}`)
  play(8)
  const response = await waiting

  assert.equal(response.status, 200)
  assert.ok((await response.bytes()).length > 100)
})

test('answers say what they hold and how long they were held back, for players of other sites too', async () => {
  const { base, play } = await serve()
  play(7)
  const playlist = await media(`${base}/video-1.m3u8`)
  const cmsdOf = async (uri: string) => {
    const { headers } = await fetch(`${base}/${uri}`)
    assert.match(headers.get('access-control-expose-headers') ?? '', /CMSD-Static/)
    return readCmsdStatic(headers.get('cmsd-static') ?? '')
  }
  const segment = playlist.segments[0]
  const part = segment?.parts[0]
  const next = playlist.mediaSequence + playlist.segments.length
  const parts = playlist.openSegment?.parts.length ?? 0

  // From the store, then from memory.
  for (let time = 0; time < 2; time++) {
    assert.deepEqual(await cmsdOf(segment?.map?.uri ?? ''), { objectType: 'i', streamType: 'l' })
    const duration = Math.round((segment?.duration ?? 0) * 1000)
    assert.deepEqual(await cmsdOf(segment?.uri ?? ''), { objectType: 'v', streamType: 'l', duration })
    const ofPart = Math.round((part?.duration ?? 0) * 1000)
    assert.deepEqual(await cmsdOf(part?.uri ?? ''), { objectType: 'v', streamType: 'l', duration: ofPart })
  }
  const waiting = cmsdOf(`video-1.m3u8?_HLS_msn=${next}&_HLS_part=${parts}`)
  const since = performance.now()
  await cmsdOf('video-1.m3u8')
  play(8)
  const { held = -1, ...rest } = (await waiting) ?? {}
  assert.ok(held >= 0 && held <= performance.now() - since + 1, `held back ${held} ms`)
  assert.deepEqual(rest, { objectType: 'm', format: 'h', streamType: 'l' })
  assert.equal(await cmsdOf('video-1.m3u8'), undefined)
})

test('the first playlist of a stream that has just begun has room for players to start behind its first segment', async () => {
  const { base, play } = await serve()
  play(2.5)
  const first = media(`${base}/video-1.m3u8`)
  await text(`${base}/video-1.m3u8?_HLS_msn=1&_HLS_part=0`)
  play(5)

  const { segments, openSegment, serverControl } = await first

  const behind = [...segments.slice(1).flatMap(({ parts }) => parts), ...(openSegment?.parts ?? [])]
  const seconds = behind.reduce((sum, { duration }) => sum + duration, 0)
  assert.ok(seconds >= (serverControl?.partHoldBack ?? Number.NaN) - 0.1, `${seconds} s behind the first segment`)
})

test('a delta update stands for the full playlist', async () => {
  const { base, play } = await serve()
  await Promise.all([media(`${base}/video-1.m3u8`), Promise.resolve().then(() => play(4))])
  play(30)
  const full = await media(`${base}/video-1.m3u8`)
  const delta = await media(`${base}/video-1.m3u8?_HLS_skip=YES`)

  assert.ok((delta.skip?.skippedSegments ?? 0) > 0)
  assert.deepEqual(applyDelta(full, delta), full)
  assert.equal((await media(`${base}/video-1.m3u8?_HLS_skip=maybe`)).skip, undefined)
})

test('H-03: a request far in the future is refused, one that never comes ends with its connection', async () => {
  const { base, play, hub } = await serve()
  play(7)
  await media(`${base}/video-1.m3u8`)

  await text(`${base}/video-1.m3u8?_HLS_msn=1000000000&_HLS_part=1`, 400)
  await text(`${base}/video-1.m3u8?_HLS_msn=3&_HLS_part=1000000000`, 400)
  const gone = new AbortController()
  const waiting = fetch(`${base}/video-1.m3u8?_HLS_msn=5&_HLS_part=0`, { signal: gone.signal })
  const store = packagersOf(hub).peek('live/a')?.store
  await until(() => store?.waiting === 1)
  gone.abort()
  await assert.rejects(waiting)
  await until(() => store?.waiting === 0)

  assert.equal(store?.waiting, 0)
})

test('H-03: more waiting requests than allowed get 503', async () => {
  const { base, play } = await serve({ settings: { maxWaiting: 16 } })
  play(7)
  await media(`${base}/video-1.m3u8`)

  let refused = 0
  const waiting = Array.from({ length: 20 }, async () => {
    const { status } = await fetch(`${base}/video-1.m3u8?_HLS_msn=4`)
    if (status === 503) refused++
    return status
  })
  await until(() => refused === 4)
  play(12)
  const statuses = await Promise.all(waiting)

  assert.equal(statuses.filter((status) => status === 200).length, 16)
})

test('H-04: malformed directives are refused or ignored', async () => {
  const { base, play } = await serve()
  play(7)
  const playlist = `${base}/video-1.m3u8`
  for (const query of [
    '_HLS_msn=-1',
    '_HLS_msn=1.5',
    '_HLS_msn=abc',
    '_HLS_part=1',
    '_HLS_msn=1&_HLS_msn=2',
    '_HLS_msn=',
    '_HLS_msn=1&_HLS_part=x',
  ]) {
    await text(`${playlist}?${query}`, 400)
  }
  for (const query of ['_HLS_skip=', '_HLS_skip=NO', '_HLS_report=%00', '_HLS_push=1', '&&==&'])
    await text(`${playlist}?${query}`)
  assert.deepEqual(readDirectives('_HLS_skip=v2&_HLS_msn=7'), { skip: true, wait: { number: 7 } })
})

test('H-10: names with line breaks do not reach headers', async () => {
  const { base } = await serve()
  for (const name of ['%0d%0aSet-Cookie:a=b', 'x%0aY:z']) {
    const response = await fetch(`${base}${name}/index.m3u8`)
    await response.text()

    assert.ok(response.status >= 400 && response.status < 500)
    assert.equal(response.headers.get('set-cookie'), null)
    assert.equal(response.headers.get('y'), null)
  }
})

test('H-11: client data in the query changes no byte', async () => {
  const { base, play } = await serve()
  play(9)
  const playlist = await media(`${base}/video-1.m3u8`)
  for (const file of ['video-1.m3u8', playlist.segments[0]?.uri, playlist.segments[0]?.map?.uri]) {
    const plain = await fetch(`${base}/${file}`)
    const marked = await fetch(`${base}/${file}?CMCD=bl%3D2000%2Csid%3D%22a%22`)

    assert.deepEqual(await marked.bytes(), await plain.bytes())
    assert.equal(marked.headers.get('cache-control'), plain.headers.get('cache-control'))
  }
})

test('unknown streams and files are 404, not HLS is somebody else’s', async () => {
  const { base, play } = await serve()
  play(7)

  await text(`${base.replace('/a', '/none')}/index.m3u8`, 404)
  await text(`${base}/video-7.m3u8`, 404)
  await text(`${base}/video-1-000000000000-1.m4s`, 404)
  await text(`${base}/other.txt`, 404)
  const playlist = await media(`${base}/video-1.m3u8`)
  await text(`${base}/${playlist.segments[0]?.uri.replace('-0.m4s', '-999.m4s')}`, 404)
})

test('a stream without a track that browsers play is a problem, not a wait; tracks beside H.264 do not harm it', async () => {
  const { base, hub, publisher, play } = await serve()
  const wmv: Track = { id: 1, kind: 'video', codec: 'wmv2', timescale: 1000, video: { width: 64, height: 48 } }
  const wma: Track = {
    id: 102,
    kind: 'audio',
    codec: 'wma2',
    timescale: 1000,
    audio: { sampleRate: 44_100, channels: 2 },
  }
  const old = hub.publish('live/old')
  old.announce([wmv, wma])
  for (let at = 0; at < 40; at++) {
    for (const track of [wmv, wma]) {
      old.write({ track, dts: at * 100_000, pts: at * 100_000, key: true, data: Uint8Array.of(at) })
    }
  }
  const problem = await text(`${base.replace('live/a', 'live/old')}/index.m3u8`, 406)
  assert.match(problem, /"code":"ERR_STREAM_NO_TRACK","detail":"no track that browsers play: .* wmv2, wma2"/)

  publisher.announce([VIDEO, AUDIO, wma])
  publisher.write({ track: wma, dts: 0, pts: 0, key: true, data: Uint8Array.of(1) })
  play(7)
  publisher.write({ track: wma, dts: 7_000_000, pts: 7_000_000, key: true, data: Uint8Array.of(1) })
  const playlist = parsePlaylist(await text(`${base}/index.m3u8`)) as MultivariantPlaylist
  assert.equal(playlist.variants.length, 1)
  assert.ok((await media(`${base}/video-1.m3u8`)).segments.length >= 2)
})

test('a request before the first segment waits for it', async () => {
  const { base, play } = await serve()
  const waiting = media(`${base}/video-1.m3u8`)
  play(1)
  await new Promise((resolve) => setImmediate(resolve))
  play(4.2)

  assert.ok((await waiting).segments.length >= 1)
})

test('a protected path is not answered from memory to others, and its key is carried on', async () => {
  const authorize: Authorize = ({ credentials }) =>
    credentials.key === 'open sesame'
      ? Promise.resolve()
      : Promise.reject(new PeerError('ERR_ACCESS_DENIED', 'a key is needed'))
  const { base, play } = await serve({ authorize })
  play(9)

  await text(`${base}/index.m3u8`, 401)
  const multivariant = parsePlaylist(await text(`${base}/index.m3u8?key=open%20sesame`)) as MultivariantPlaylist
  assert.equal(multivariant.variants[0]?.uri, 'video-1.m3u8?key=open%20sesame')
  assert.equal(multivariant.renditions[0]?.uri, 'audio-101.m3u8?key=open%20sesame')
  const playlist = await media(`${base}/${multivariant.variants[0]?.uri}`)
  const segment = playlist.segments[0]?.uri ?? ''
  assert.match(segment, /\.m4s\?key=open%20sesame$/)
  const response = await fetch(`${base}/${segment}`)
  await response.bytes()
  assert.equal(response.status, 200)
  assert.match(response.headers.get('cache-control') ?? '', /private/)
  await text(`${base}/${segment.split('?')[0]}`, 401)
  await text(`${base}/video-1.m3u8`, 401)
})

test('the end of a stream is told with EXT-X-ENDLIST', async () => {
  const { base, play, publisher } = await serve()
  play(7)
  const before = await media(`${base}/video-1.m3u8`)
  const waiting = media(`${base}/video-1.m3u8?_HLS_msn=${before.mediaSequence + before.segments.length + 1}`)
  await new Promise((resolve) => setImmediate(resolve))
  publisher.close({ final: true })

  const after = await waiting

  assert.equal(after.ended, true)
  assert.deepEqual(lintMediaPlaylist(after, before), [])
})

test('playlists are compressed for those who want it', async () => {
  const { base, play } = await serve()
  play(9)
  await media(`${base}/video-1.m3u8`)

  const response = await fetch(`${base}/video-1.m3u8`, { headers: { 'Accept-Encoding': 'gzip' } })

  assert.equal(response.headers.get('content-encoding'), 'gzip')
  assert.match(await response.text(), /^#EXTM3U/)
})

test('a viewer is one session however much it asks, and is refused after it was sent away', async () => {
  const { base, play, sessions } = await serve()
  play(9)
  await text(`${base}/index.m3u8`)
  const playlist = await media(`${base}/video-1.m3u8`)
  for (const { uri } of playlist.segments) await (await fetch(`${base}/${uri}`)).bytes()

  const [session, ...others] = [...sessions.list()]
  assert.equal(others.length, 0)
  assert.equal(session?.start.protocol, 'hls')
  assert.ok((session?.bytesOut ?? 0) > 3000)
  session?.start.close(new PeerError('ERR_ACCESS_DENIED', 'kicked'))
  assert.equal(sessions.size, 0)
  await text(`${base}/index.m3u8`, 401)
})

test('its settings are those of all who package, before anybody has asked for a playlist', async () => {
  const { hub } = await serve({ settings: { idleSeconds: 7, onDemandSegmentSeconds: 3 } })

  const { live, onDemand } = packagingSettingsOf(hub)

  assert.equal(live.idleSeconds, 7)
  assert.equal(onDemand.segmentSeconds, 3)
})
