import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { afterEach, test } from 'node:test'
import { unusedServices } from '../../../test/support/unused-services.ts'
import { PeerError } from '../../errors.ts'
import type { Authorize } from '../../live/access.ts'
import { Hub } from '../../live/hub.ts'
import { Sessions } from '../../live/sessions.ts'
import { FragmentDemuxer } from '../../media/containers/isobmff/demuxer.ts'
import type { Mpd } from '../../media/manifests/dash/model.ts'
import { parseMpd } from '../../media/manifests/dash/parse.ts'
import { expandTemplate } from '../../media/manifests/dash/segment-template.ts'
import type { Packet } from '../../media/packet.ts'
import { openHttpFront } from '../../net/http/listener.ts'
import { quietLogger } from '../../net/testdata/raw-client.ts'
import { keepPackagingSettings } from '../../packaging/packaging-settings.ts'
import { AUDIO, audioPackets, interleave, VIDEO, videoPackets } from '../../packaging/vectors.ts'
import type { Closable, ServerContext } from '../protocol.ts'
import { dash } from './index.ts'

/** Sixteen AAC frames and the room of a millisecond: with 0.334 s, segments of 2 s would end in a tiny part. */
const PART_TARGET = 0.343

const opened: Closable[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

const mark = (packets: Packet[]) =>
  packets.map((packet, index) => (index === 0 ? { ...packet, discontinuity: true as const } : packet))
const PACKETS = [
  ...interleave([...videoPackets({ seconds: 20 }), ...audioPackets({ seconds: 20 })]),
  ...interleave([
    ...mark(videoPackets({ from: 21e6, seconds: 20 })),
    ...mark(audioPackets({ from: 21e6, seconds: 20 })),
  ]),
]

async function serve(authorize: Authorize = () => Promise.resolve(), hub = new Hub()) {
  const sessions = new Sessions()
  const log = quietLogger()
  const front = await openHttpFront({ host: '127.0.0.1', port: 0, log, limits: { drainMs: 50, sweepMs: 10 } })
  opened.push(front)
  const context: ServerContext = {
    hub,
    sessions,
    authorize,
    http: front.routes,
    ...unusedServices,
    log,
    host: '127.0.0.1',
    tls: undefined,
  }
  const served = await dash.serve?.(context, dash.options.parse({}))
  if (served !== undefined) opened.push(served)
  opened.push({ close: async () => hub.close() })
  const publisher = hub.publish('live/a')
  publisher.announce([VIDEO, AUDIO])
  let next = 0
  const play = (until: number) => {
    for (; (PACKETS[next]?.dts ?? Number.POSITIVE_INFINITY) < until * 1e6; next++)
      publisher.write(PACKETS[next] as Packet)
  }
  return { base: `http://127.0.0.1:${front.port}/live/a`, sessions, publisher, play, hub }
}

async function text(url: string, expected = 200): Promise<string> {
  const response = await fetch(url)
  const body = await response.text()
  assert.equal(response.status, expected, `${url}: ${body}`)
  return body
}

async function manifest(base: string): Promise<Mpd> {
  return parseMpd(await text(`${base}/manifest.mpd`))
}

/** Every listed segment of a period's adaptation set: URL, start and duration in seconds. */
function listed(mpd: Mpd, period: number, set: number) {
  const template = mpd.periods[period]?.adaptationSets[set]?.segmentTemplate
  assert.ok(template?.timeline !== undefined && template.media !== undefined)
  const segments: { url: string; start: number; duration: number }[] = []
  let time = 0
  let number = template.startNumber ?? 1
  for (const entry of template.timeline) {
    time = entry.time ?? time
    for (let count = 0; count <= (entry.repeat ?? 0); count++) {
      const scale = template.timescale ?? 1
      segments.push({
        url: expandTemplate(template.media, { number: number++ }),
        start: time / scale,
        duration: entry.duration / scale,
      })
      time += entry.duration
    }
  }
  return segments
}

test('the manifest lists the segments that are there, with their times', async () => {
  const { base, play } = await serve()
  play(7.9)

  const mpd = await manifest(base)

  assert.equal(mpd.type, 'dynamic')
  assert.equal(mpd.periods.length, 1)
  const sets = mpd.periods[0]?.adaptationSets ?? []
  assert.deepEqual(
    sets.map(({ contentType, representations }) => [contentType, representations[0]?.codecs]),
    [
      ['video', 'avc1.F4000A'],
      ['audio', 'mp4a.40.2'],
    ],
  )
  assert.equal(sets[0]?.representations[0]?.frameRate, '30')
  const video = listed(mpd, 0, 0)
  assert.deepEqual(
    video.map(({ start, duration }) => [start, duration]),
    [
      [0, 2],
      [2, 2],
      [4, 2],
      [6, 2],
    ],
  )
  for (const { url, start } of video.slice(0, 3)) {
    const init = await fetch(`${base}/${sets[0]?.segmentTemplate?.initialization}`)
    const segment = await fetch(`${base}/${url}`)
    const demuxer = new FragmentDemuxer()
    demuxer.write(await init.bytes())
    demuxer.write(await segment.bytes())
    let count = 0
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read())
      if (result.type === 'packet') count++
    assert.equal(count, 60, `segment at ${start}`)
  }
})

test('a stream without a track that browsers play is a problem, not a wait', async () => {
  const { base, hub } = await serve()
  hub.publish('live/old').announce([{ id: 101, kind: 'audio', codec: 'wma2', timescale: 1000 }])

  assert.match(await text(`${base.replace('live/a', 'live/old')}/manifest.mpd`, 406), /"ERR_STREAM_NO_TRACK".*wma2/)
})

test('an independent parser agrees', async () => {
  const { base, play } = await serve()
  play(7.9)
  const { parse, parseUTCTiming } = createRequire(import.meta.url)('mpd-parser') as {
    parse: (text: string, options: object) => { playlists: { segments: { resolvedUri: string }[] }[] }
    parseUTCTiming: (text: string) => { method: string; value: string }
  }

  const body = await text(`${base}/manifest.mpd`)
  const parsed = parse(body, { manifestUri: `${base}/manifest.mpd` })

  const segments = parsed.playlists[0]?.segments ?? []
  assert.equal(segments.length, 4)
  assert.match(segments[0]?.resolvedUri ?? '', /\/live\/a\/video-1-[0-9a-f]{12}-0\.m4s$/)
  const { method, value } = parseUTCTiming(body)
  assert.equal(method, 'GET')
  const now = await text(new URL(value, `${base}/manifest.mpd`).href)
  assert.ok(Math.abs(Date.parse(now) - Date.now()) < 5000)
})

test('a segment in production is sent part by part', async () => {
  const { base, play } = await serve()
  play(8.5)
  const url = listed(await manifest(base), 0, 0).at(-1)?.url
  const response = await fetch(`${base}/${url}`)
  const reader = response.body?.getReader()
  assert.ok(reader !== undefined)

  const first = await reader.read()
  assert.ok((first.value?.length ?? 0) > 1000)
  assert.equal(response.headers.get('content-length'), null)
  play(11)
  const chunks = [first.value ?? new Uint8Array()]
  for (let next = await reader.read(); !next.done; next = await reader.read()) chunks.push(next.value)

  const whole = await (await fetch(`${base}/${url}`)).bytes()
  assert.deepEqual(new Uint8Array(Buffer.concat(chunks)), whole)
})

test('a segment that breaks off with its stream does not end as if it were whole', async () => {
  const { base, play, hub } = await serve()
  play(8.5)
  const url = listed(await manifest(base), 0, 0).at(-1)?.url
  const response = await fetch(`${base}/${url}`)
  hub.close()

  // The end of the stream completes the segment, shorter than announced.
  assert.ok((await response.bytes()).length > 1000)
})

test('a discontinuity is a new period; its times go on', async () => {
  const { base, play } = await serve()
  await Promise.all([manifest(base), Promise.resolve().then(() => play(5))])
  play(29)

  const mpd = await manifest(base)

  assert.deepEqual(
    mpd.periods.map(({ id, start }) => [id, start]),
    [
      ['p0', 0],
      ['p1', 21],
    ],
  )
  assert.notEqual(
    mpd.periods[0]?.adaptationSets[0]?.segmentTemplate?.initialization,
    mpd.periods[1]?.adaptationSets[0]?.segmentTemplate?.initialization,
  )
  const [first] = listed(mpd, 1, 0)
  assert.equal(first?.start, 21)
  await text(`${base}/${first?.url}`)
})

test('low latency is signalled', async () => {
  const { base, play } = await serve()
  play(8.5)

  const mpd = await manifest(base)

  const [set] = mpd.periods[0]?.adaptationSets ?? []
  assert.equal(set?.segmentTemplate?.availabilityTimeComplete, false)
  assert.equal(set?.segmentTemplate?.availabilityTimeOffset, 2 - PART_TARGET)
  assert.equal(set?.producerReferenceTimes.length, 1)
  assert.equal(mpd.serviceDescriptions[0]?.latency?.targetMs, 3000)
  assert.ok((mpd.minimumUpdatePeriod ?? 0) > 0)
})

test('a stream that ended is not asked for again', async () => {
  const { base, play, publisher } = await serve()
  play(8.5)
  await manifest(base)
  publisher.close({ final: true })

  const mpd = await manifest(base)

  assert.equal(mpd.minimumUpdatePeriod, undefined)
  assert.ok(Math.abs((mpd.mediaPresentationDuration ?? 0) - 8.5) < 0.1)
})

test('unknown streams are 404; protected ones need their key, which the manifest carries on', async () => {
  const { base, play } = await serve(({ credentials }) =>
    credentials.key === 'k$1'
      ? Promise.resolve()
      : Promise.reject(new PeerError('ERR_ACCESS_DENIED', 'a key is needed')),
  )
  play(8.5)

  await text(`${base}/manifest.mpd`, 401)
  const mpd = parseMpd(await text(`${base}/manifest.mpd?key=k%241`))
  const [first] = listed(mpd, 0, 0)
  assert.match(first?.url ?? '', /\?key=k%241$/)
  await text(`${base}/${first?.url}`)
  await text(`${base}/${first?.url.split('?')[0]}`, 401)
  const other = await serve()
  await text(`${other.base.replace('/a', '/b')}/manifest.mpd`, 404)
})

test('low latency is signalled at every moment, between two segments too', async () => {
  const { base, play } = await serve()
  play(4)

  for (let now = 4; now < 6.5; now += 0.02) {
    play(now)
    const mpd = await manifest(base)
    for (const { segmentTemplate } of mpd.periods[0]?.adaptationSets ?? [])
      assert.equal(segmentTemplate?.availabilityTimeComplete, false, `at ${now} s`)
  }
})

test('segments are as long as the settings say, also when DASH is asked first', async () => {
  const hub = new Hub()
  keepPackagingSettings(hub, { live: { segmentSeconds: 4 }, onDemand: {} })
  const { base, play } = await serve(undefined, hub)
  play(14)

  const manifest = parseMpd(await text(`${base}/manifest.mpd`))

  // Rounding leaves half a second of room.
  assert.equal(manifest.maxSegmentDuration, 4.5)
})
