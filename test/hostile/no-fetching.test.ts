/** Nothing that lies in the library, and nothing a viewer asks for, makes the server go and fetch something (P-01, P-03, P-04, P-05). */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { progressiveFile, VIDEO } from '../../src/media/containers/isobmff/vectors.ts'
import type { Packet } from '../../src/media/packet.ts'
import { startAttacked } from './attacked-server.ts'

/** A server that must hear nothing. */
async function tripwire(t: TestContext): Promise<{ readonly url: string; readonly requests: readonly string[] }> {
  const requests: string[] = []
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`)
    response.end()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests }
}

/** Files that name the address in every way that programs follow. */
function bait(url: string): Readonly<Record<string, string | Uint8Array>> {
  const packets = Array.from({ length: 50 }, (_, index): Packet => {
    const data = new Uint8Array(1000)
    new DataView(data.buffer).setUint32(0, data.byteLength - 4)
    data.fill(0x41, 4)
    return { track: VIDEO, data, dts: index * 40_000, pts: index * 40_000, key: index % 25 === 0 }
  })
  const film = progressiveFile(packets)
  return {
    'list.mp4': `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXT-X-KEY:METHOD=AES-128,URI="${url}/key"\n#EXT-X-MAP:URI="${url}/map"\n#EXTINF:5,\n${url}/segment.ts\n#EXT-X-ENDLIST\n`,
    'manifest.mkv': `<?xml version="1.0"?><!DOCTYPE MPD SYSTEM "${url}/dtd"><MPD><Location>${url}/mpd</Location><Period xlink:href="${url}/period"><AdaptationSet><Representation><BaseURL>${url}/base</BaseURL></Representation></AdaptationSet></Period></MPD>`,
    'metafile.wmv': `<asx version="3.0"><entryref href="${url}/asx"/><entry><ref href="${url}/entry"/></entry></asx>`,
    'station.asf': `[Reference]\nRef1=${url}/ref?MSWMExt=.asf\n`,
    'concat.ts': `ffconcat version 1.0\nfile '${url}/concat'\n`,
    'session.flv': `v=0\no=- 0 0 IN IP4 127.0.0.1\ns=${url}/sdp\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n`,
    'pictures.mov': withReference(film, url),
    'film.mp4': film,
    'film.vtt': `WEBVTT\n\nSTYLE\n::cue { background-image: url(${url}/style) }\n\n00:00.000 --> 00:02.000\n<img src="${url}/image">\n`,
    'film.en.srt': `1\n00:00:00,000 --> 00:00:02,000\n<img src="${url}/srt">\n`,
    'drawing.mp3': `<svg xmlns="http://www.w3.org/2000/svg"><image href="${url}/svg"/></svg>`,
  }
}

/** Says that the media of the track lie at an address: the only entry of `dref` loses its mark of being in the file. */
function withReference(film: Uint8Array, url: string): Uint8Array {
  const file = Buffer.from(film)
  const at = file.indexOf('url ', file.indexOf('dref'))
  assert.ok(at > 0)
  file.writeUInt32BE(0, at + 4)
  // A movie that points to another one, in front of it.
  const reference = Buffer.from(`rmra    rmda    rdrf        url     ${url}/movie\0`)
  return Buffer.concat([file, box('moov', reference)])
}

function box(type: string, content: Buffer): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + content.byteLength)
  head.write(type, 4, 'latin1')
  return Buffer.concat([head, content])
}

const ASKED = [
  '',
  '/index.m3u8',
  '/manifest.mpd',
  '/video-1.m3u8',
  '/text-301.m3u8',
  '/poster.jpg',
  '/thumbnails.vtt',
  '.flv',
  '.asx',
]

it('P-01, P-03, P-04, P-05: files and requests that name an address make the server ask nobody', async (t) => {
  const wire = await tripwire(t)
  const folder = mkdtempSync(join(tmpdir(), 'headend-no-fetching-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'media'))
  for (const [name, content] of Object.entries(bait(wire.url))) writeFileSync(join(folder, 'media', name), content)
  const server = await startAttacked(t, { settings: { media: join(folder, 'media') } })
  const http = server.urls['http'] ?? ''

  const statuses = new Map<string, number>()
  const ask = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${http}${path}`, { headers, redirect: 'manual', signal: AbortSignal.timeout(20_000) })
    await response.arrayBuffer()
    statuses.set(path, response.status)
  }
  for (const name of readdirSync(join(folder, 'media'))) {
    for (const suffix of ASKED) await ask(`/vod/${encodeURIComponent(name)}${suffix}`)
  }
  await ask('/library.json?search=film')
  await ask('/library.json')
  // What a proxy would take for an order to fetch.
  await ask(`/vod/${encodeURIComponent(wire.url)}/index.m3u8`)
  await ask(`/vod/film.mp4/index.m3u8?url=${encodeURIComponent(wire.url)}`, {
    Referer: wire.url,
    'X-Forwarded-Host': wire.url.slice(7),
  })

  assert.equal(statuses.get('/vod/film.mp4/index.m3u8'), 200)
  assert.equal(statuses.get('/vod/film.mp4/text-301.m3u8'), 200)
  assert.ok((statuses.get('/vod/list.mp4/index.m3u8') ?? 0) >= 400)
  assert.deepEqual(wire.requests, [])
})
