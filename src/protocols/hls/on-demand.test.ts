/** Files of the library through HTTP, by HLS and DASH together: what is listed is there, always the same, for those who may have it, and nothing else. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, before, test } from 'node:test'
import { unusedServices } from '../../../test/support/unused-services.ts'
import { PeerError } from '../../errors.ts'
import { openLibrary } from '../../library/library.ts'
import { MediaFiles } from '../../library/media-files.ts'
import type { Authorize } from '../../live/access.ts'
import { Hub } from '../../live/hub.ts'
import { Sessions } from '../../live/sessions.ts'
import { FragmentDemuxer } from '../../media/containers/isobmff/demuxer.ts'
import { lintMediaPlaylist } from '../../media/manifests/hls/lint.ts'
import type { MediaPlaylist, MultivariantPlaylist } from '../../media/manifests/hls/model.ts'
import { parsePlaylist } from '../../media/manifests/hls/parse.ts'
import { openReader } from '../../media/open-reader.ts'
import type { Packet } from '../../media/packet.ts'
import { openHttpFront } from '../../net/http/listener.ts'
import { quietLogger } from '../../net/testdata/raw-client.ts'
import { movieFile, WAIT } from '../../packaging/on-demand/vectors.ts'
import { AUDIO } from '../../packaging/vectors.ts'
import type { Closable, ServerContext } from '../protocol.ts'
import { hls } from './index.ts'

const NAMES = ['film.mp4', `a b #1 100% "q" 'x' ?&=;+,ü漢.mp4`, 'cut.mp4']
const SECONDS = 20
let folder = ''

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'headend-on-demand-'))
  const root = join(folder, 'media')
  mkdirSync(join(root, 'series'), { recursive: true })
  const english = { ...AUDIO, language: 'en' }
  const german = { ...AUDIO, id: 102, language: 'de' }
  const film = movieFile({ seconds: SECONDS, audioTracks: [english, german] })
  for (const name of NAMES.slice(0, 2)) writeFileSync(join(root, name), film)
  writeFileSync(join(root, 'cut.mp4'), movieFile({ seconds: SECONDS, start: WAIT + 3_280_000 }))
  writeFileSync(join(root, 'film.en.srt'), '1\n00:00:07,000 --> 00:00:09,000\nHello & <b>good</b> morning\n')
  writeFileSync(join(root, 'film.de.forced.vtt'), 'WEBVTT\n\n00:01.000 --> 00:02.000\nHallo\n')
  writeFileSync(join(root, 'series/one.720p.mp4'), movieFile({ seconds: SECONDS, size: 3000 }))
  writeFileSync(join(root, 'series/one.360p.mp4'), movieFile({ seconds: SECONDS, size: 500 }))
  writeFileSync(join(root, 'series/two.720p.mp4'), movieFile({ seconds: SECONDS, size: 3000 }))
  writeFileSync(join(root, 'series/two.360p.mp4'), movieFile({ seconds: SECONDS, size: 500, gop: 32 }))
  writeFileSync(join(root, 'text.mp4'), 'no media at all')
  writeFileSync(join(root, '.hidden.mp4'), film)
  writeFileSync(join(folder, 'secret.mp4'), film)
  symlinkSync(join(folder, 'secret.mp4'), join(root, 'link.mp4'))
})
after(() => rmSync(folder, { recursive: true }))

const opened: Closable[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

interface Setup {
  readonly origin: string
  readonly port: number
  readonly sessions: Sessions
  readonly notes: string[]
}

async function serve(options: { readonly authorize?: Authorize; readonly settings?: object } = {}): Promise<Setup> {
  const notes: string[] = []
  const log = { ...quietLogger(), info: (_: object, note: string) => notes.push(note) } as ReturnType<
    typeof quietLogger
  >
  const sessions = new Sessions()
  const front = await openHttpFront({ host: '127.0.0.1', port: 0, log, limits: { drainMs: 50, sweepMs: 10 } })
  opened.push(front)
  const library = openLibrary(() => ({ root: join(folder, 'media'), mounts: {} }))
  const mediaFiles = new MediaFiles(library, openReader)
  opened.push({ close: async () => mediaFiles.close() })
  const context: ServerContext = {
    ...unusedServices,
    hub: new Hub(),
    sessions,
    authorize: options.authorize ?? (() => Promise.resolve()),
    http: front.routes,
    library,
    mediaFiles,
    log,
    host: '127.0.0.1',
    tls: undefined,
  }
  const { dash } = await import('../dash/index.ts')
  for (const served of [
    await hls.serve?.(context, hls.options.parse(options.settings ?? {})),
    await dash.serve?.(context, dash.options.parse({})),
  ]) {
    if (served !== undefined) opened.push(served)
  }
  return { origin: `http://127.0.0.1:${front.port}`, port: front.port, sessions, notes }
}

const base = (origin: string, name: string) => `${origin}/vod/${name.split('/').map(encodeURIComponent).join('/')}/`

async function text(url: string | URL, expected = 200): Promise<string> {
  const response = await fetch(url)
  const body = await response.text()
  assert.equal(response.status, expected, `${String(url)}: ${body}`)
  return body
}

async function multivariant(url: string): Promise<MultivariantPlaylist> {
  return parsePlaylist(await text(new URL('index.m3u8', url))) as MultivariantPlaylist
}

async function media(url: string, uri: string): Promise<MediaPlaylist> {
  return parsePlaylist(await text(new URL(uri, url))) as MediaPlaylist
}

async function packetsOf(url: string, playlist: MediaPlaylist): Promise<Packet[]> {
  const demuxer = new FragmentDemuxer()
  demuxer.write(await (await fetch(new URL(playlist.segments[0]?.map?.uri ?? '', url))).bytes())
  for (const { uri } of playlist.segments) demuxer.write(await (await fetch(new URL(uri, url))).bytes())
  const packets: Packet[] = []
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
    if (result.type === 'packet') packets.push(result.packet)
  }
  return packets
}

test('films of any name have a playlist of picture, sounds and subtitles, and all that is listed', async () => {
  const { origin } = await serve()
  for (const name of NAMES.slice(0, 2)) {
    const url = base(origin, name)
    const playlist = await multivariant(url)

    const [variant] = playlist.variants
    assert.equal(variant?.codecs, 'avc1.F4000A,mp4a.40.2')
    assert.equal(variant?.frameRate, 25)
    assert.deepEqual(
      playlist.renditions
        .filter(({ type }) => type === 'AUDIO')
        .map(({ language, default: main, uri }) => [language, main, uri]),
      [
        ['en', true, 'audio-101.m3u8'],
        ['de', undefined, 'audio-102.m3u8'],
      ],
    )
    for (const uri of [variant?.uri ?? '', ...playlist.renditions.map((rendition) => rendition.uri ?? '')]) {
      const list = await media(url, uri)
      assert.deepEqual(lintMediaPlaylist(list), [], uri)
      assert.ok(list.ended && list.playlistType === 'VOD')
      for (const segment of list.segments) await text(new URL(segment.uri, url))
    }
    const keys = await media(url, playlist.iFrameVariants[0]?.uri ?? '')
    assert.ok(keys.iFramesOnly)
    const shown = await packetsOf(url, keys)
    assert.equal(shown.length, Math.ceil((SECONDS * 25) / 48))
    assert.ok(shown.every(({ key }) => key))
  }
})

test('segments have each sample of the film once, with its times and bytes', async () => {
  const { origin } = await serve()
  const url = base(origin, 'film.mp4')
  const library = openLibrary(() => ({ root: join(folder, 'media'), mounts: {} }))
  const file = await library.open('vod/film.mp4')
  opened.push(file)
  const reader = await openReader(file)
  for (const [id, uri] of [
    [1, 'video-1.m3u8'],
    [102, 'audio-102.m3u8'],
  ] as const) {
    const source: Packet[] = []
    for await (const packet of reader.packets(0, { tracks: [id] })) source.push(packet)

    const list = await media(url, uri)
    const served = await packetsOf(url, list)

    assert.ok(list.segments.length >= 3)
    assert.equal(served.length, source.length)
    for (const [index, packet] of served.entries()) {
      assert.ok(Buffer.from(packet.data).equals(source[index]?.data ?? Buffer.alloc(0)))
      assert.ok(Math.abs(packet.pts - (source[index]?.pts ?? 0)) < 15, `${packet.pts} ${source[index]?.pts}`)
    }
  }
})

test('a film cut by an edit list begins with the picture that is seen first', async () => {
  const { origin } = await serve()
  const url = base(origin, 'cut.mp4')

  const video = await packetsOf(url, await media(url, 'video-1.m3u8'))
  const audio = await packetsOf(url, await media(url, 'audio-101.m3u8'))

  assert.ok(video[0]?.key)
  const hidden = video.filter(({ pts }) => pts < 3000)
  // From the key picture before the cut to the picture that is seen first: 3.28 s are 82 pictures, and every 48th is a key picture.
  assert.equal(hidden.length, 82 - 48 + 1)
  assert.ok(video.every(({ dts }) => dts >= 0) && audio.every(({ dts }) => dts >= 0))
  assert.ok((audio[0]?.pts ?? 0) < 21_334)
})

test('the same address always gives the same bytes; they have a tag, ranges, HEAD and a long life', async () => {
  const { origin } = await serve()
  const url = base(origin, 'film.mp4')
  const list = await media(url, 'video-1.m3u8')
  const segment = new URL(list.segments[1]?.uri ?? '', url)
  const first = await fetch(segment)
  const bytes = await first.bytes()
  const etag = first.headers.get('etag') ?? ''

  // From the file, then kept, then from memory.
  for (let time = 0; time < 3; time++) {
    const again = await fetch(segment)
    assert.deepEqual(await again.bytes(), bytes)
    assert.equal(again.headers.get('etag'), etag)
    assert.equal(again.headers.get('cache-control'), 'public, max-age=31536000, immutable')
    assert.equal(again.headers.get('content-type'), 'video/mp4')
    assert.equal(again.headers.get('access-control-allow-origin'), '*')
    assert.match(again.headers.get('cmsd-static') ?? '', /^d=\d+,ot=v,st=v$/)
    const range = await fetch(segment, { headers: { Range: 'bytes=100-1099' } })
    assert.equal(range.status, 206)
    assert.equal(range.headers.get('content-range'), `bytes 100-1099/${bytes.byteLength}`)
    assert.deepEqual(await range.bytes(), bytes.subarray(100, 1100))
    const head = await fetch(segment, { method: 'HEAD' })
    assert.equal(head.headers.get('content-length'), String(bytes.byteLength))
    assert.equal((await head.bytes()).byteLength, 0)
    assert.equal((await fetch(segment, { headers: { 'If-None-Match': etag } })).status, 304)
    assert.equal((await fetch(segment, { headers: { Range: 'bytes=99999999-' } })).status, 416)
  }
  assert.match(etag, /^"[^"]+"$/)
  const other = await serve()
  assert.deepEqual(await (await fetch(String(segment).replace(origin, other.origin))).bytes(), bytes)
})

test('manifests are checked again, and other when the file is', async () => {
  const { origin } = await serve()
  const path = join(folder, 'media/changing.mp4')
  writeFileSync(path, movieFile({ seconds: 8 }))
  const url = base(origin, 'changing.mp4')
  const index = await fetch(new URL('video-1.m3u8', url))
  const etag = index.headers.get('etag') ?? ''
  const before = parsePlaylist(await index.text()) as MediaPlaylist
  assert.equal(index.headers.get('cache-control'), 'no-cache')
  assert.equal((await fetch(new URL('video-1.m3u8', url), { headers: { 'If-None-Match': etag } })).status, 304)

  writeFileSync(path, movieFile({ seconds: 24 }))
  utimesSync(path, 1, 1)
  let next = before
  while (next.segments[0]?.uri === before.segments[0]?.uri) next = await media(url, 'video-1.m3u8')

  assert.ok(next.segments.length > before.segments.length)
  await text(new URL(before.segments[0]?.uri ?? '', url), 404)
})

test('DASH lists the same files', async () => {
  const { origin } = await serve()
  const url = base(origin, 'film.mp4')
  const { parseMpd } = await import('../../media/manifests/dash/parse.ts')
  const { expandTemplate, expandTimeline } = await import('../../media/manifests/dash/segment-template.ts')

  const mpd = parseMpd(await text(new URL('manifest.mpd', url)))

  assert.equal(mpd.type, 'static')
  assert.ok(Math.abs((mpd.mediaPresentationDuration ?? 0) - SECONDS) < 0.1)
  const sets = mpd.periods[0]?.adaptationSets ?? []
  assert.deepEqual(
    sets.map(({ contentType, lang }) => [contentType, lang]),
    [
      ['video', undefined],
      ['video', undefined],
      ['audio', 'en'],
      ['audio', 'de'],
      ['text', 'de'],
      ['text', 'en'],
    ],
  )
  const listed = new Set<string>()
  for (const set of sets) {
    const template = set.representations[0]?.segmentTemplate
    const { initialization = '', media: name = '', startNumber = 0, timeline = [] } = template ?? {}
    const segments = expandTimeline(timeline, { limit: 1000 })
    for (const [index] of segments.entries()) listed.add(expandTemplate(name, { number: startNumber + index }))
    listed.add(expandTemplate(initialization, {}))
  }
  for (const file of listed) await text(new URL(file, url))
  const playlist = await media(url, 'video-1.m3u8')
  assert.ok(playlist.segments.every(({ uri }) => listed.has(uri)))
})

test('subtitles are in the segments that show them', async () => {
  const { origin } = await serve()
  const url = base(origin, 'film.mp4')
  const { renditions } = await multivariant(url)
  const texts = renditions.filter(({ type }) => type === 'SUBTITLES')

  assert.deepEqual(
    texts.map(({ language, forced, name }) => [language, forced, name]),
    [
      ['de', true, 'Deutsch (forced)'],
      ['en', undefined, 'English'],
    ],
  )
  const english = await media(url, texts[1]?.uri ?? '')
  const bodies = await Promise.all(english.segments.map(({ uri }) => text(new URL(uri, url))))
  assert.deepEqual(
    bodies.map((body) => body.includes('Hello &amp; <b>good</b> morning')),
    [false, true, ...bodies.slice(2).map(() => false)],
  )
  assert.match(bodies[0] ?? '', /^WEBVTT\nX-TIMESTAMP-MAP=/)
})

test('several files of one name are qualities of one film', async () => {
  const { origin, notes } = await serve()

  const playlist = await multivariant(base(origin, 'series/one'))

  assert.equal(playlist.variants.length, 2)
  assert.ok((playlist.variants[0]?.bandwidth ?? 0) > (playlist.variants[1]?.bandwidth ?? 0))
  assert.equal(playlist.renditions.length, 1)
  const [best, small] = await Promise.all(playlist.variants.map(({ uri }) => media(base(origin, 'series/one'), uri)))
  assert.deepEqual(
    best?.segments.map(({ duration }) => duration),
    small?.segments.map(({ duration }) => duration),
  )
  for (const list of [best, small]) {
    assert.equal((await packetsOf(base(origin, 'series/one'), list as MediaPlaylist)).length, SECONDS * 25)
  }
  assert.deepEqual(notes, [])
  const two = base(origin, 'series/two')
  const lists = await Promise.all((await multivariant(two)).variants.map(({ uri }) => media(two, uri)))
  for (const list of lists) {
    const packets = await packetsOf(two, list)
    assert.equal(packets.length, SECONDS * 25)
    assert.ok(list.independentSegments)
  }
  assert.equal((await multivariant(base(origin, 'series/one.360p.mp4'))).variants.length, 1)
})

test('what is not there, not shown or no media is refused in plain words', async () => {
  const { origin } = await serve()
  const url = base(origin, 'film.mp4')

  for (const name of ['none.mp4', '.hidden.mp4', 'link.mp4', 'series'])
    await text(new URL('index.m3u8', base(origin, name)), 404)
  assert.match(await text(new URL('index.m3u8', base(origin, 'text.mp4')), 422), /ERR_PACKAGING_UNREADABLE.*expected/)
  for (const file of [
    'video-7.m3u8',
    'text-999.m3u8',
    'audio-101-key-pictures.m3u8',
    'video-1-000000000000-0.m4s',
    'video-1-0.m4s',
    'x.m3u8',
  ]) {
    await text(new URL(file, url), 404)
  }
  const [segment] = (await media(url, 'video-1.m3u8')).segments
  await text(new URL(segment?.uri.replace('-0.m4s', '-999.m4s') ?? '', url), 404)
  await text(new URL(segment?.uri.replace('-0.m4s', '-key-9999.m4s') ?? '', url), 404)
})

/** Sends a target as it is: `fetch` would tidy it up. */
function raw(port: number, target: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`)
    })
    let answer = ''
    socket.on('data', (bytes: Buffer) => {
      answer += bytes.toString('latin1')
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', reject)
  })
}

test('F-01 to F-05, H-01: no path leads out of the library', async () => {
  const { port } = await serve()
  for (const path of [
    '../secret.mp4',
    '%2e%2e/secret.mp4',
    '..%2fsecret.mp4',
    '..%5csecret.mp4',
    '%252e%252e%252fsecret.mp4',
    'series/../../secret.mp4',
    'series/%2e%2e/%2e%2e/secret.mp4',
    '/etc/passwd',
    './film.mp4',
    'film.mp4%00',
    'film.mp4%0d%0aX-Injected:%201',
    '%c0%ae%c0%ae/secret.mp4',
    'link.mp4',
    '....//secret.mp4',
    'film.mp4%ff',
  ]) {
    for (const file of ['index.m3u8', 'manifest.mpd', 'video-1.m3u8', 'video-1-000000000000-0.m4s']) {
      const answer = await raw(port, `/vod/${path}/${file}`)

      assert.match(answer, /^HTTP\/1\.1 4\d\d /, `${path}/${file}`)
      assert.doesNotMatch(answer.split('\r\n\r\n')[0] ?? '', /X-Injected/i)
      assert.doesNotMatch(answer, /EXTM3U|<MPD/)
    }
  }
})

test('a protected film needs its key, which manifests carry on, and is not kept for others', async () => {
  const authorize: Authorize = ({ credentials }) =>
    credentials.key === 'k $1'
      ? Promise.resolve()
      : Promise.reject(new PeerError('ERR_ACCESS_DENIED', 'a key is needed'))
  const { origin } = await serve({ authorize })
  const url = base(origin, 'film.mp4')

  await text(new URL('index.m3u8', url), 401)
  await text(new URL('manifest.mpd', url), 401)
  const playlist = parsePlaylist(await text(new URL('index.m3u8?key=k%20%241', url))) as MultivariantPlaylist
  const list = parsePlaylist(await text(new URL(playlist.variants[0]?.uri ?? '', url))) as MediaPlaylist
  const segment = list.segments[0]?.uri ?? ''
  assert.match(segment, /\?key=/)
  for (let time = 0; time < 3; time++) {
    const answer = await fetch(new URL(segment, url))
    assert.equal(answer.status, 200)
    assert.match(answer.headers.get('cache-control') ?? '', /^private/)
    await answer.bytes()
    await text(new URL(segment.split('?')[0] ?? '', url), 401)
  }
  const mpd = await text(new URL('manifest.mpd?key=k%20%241', url))
  assert.match(mpd, /media="video-1-[0-9a-f]{12}-\$Number\$\.m4s\?key=k%20%241"/)
})

test('viewers are sessions of their path', async () => {
  const { origin, sessions } = await serve()
  const url = base(origin, 'film.mp4')
  const list = await media(url, 'video-1.m3u8')
  const bytes = await (await fetch(new URL(list.segments[0]?.uri ?? '', url))).bytes()

  const [session, ...others] = [...sessions.list()]
  assert.equal(others.length, 0)
  assert.equal(session?.start.path, 'vod/film.mp4')
  assert.ok((session?.bytesOut ?? 0) > bytes.byteLength)
})
