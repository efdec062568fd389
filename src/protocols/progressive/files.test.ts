/** Files of a real folder over real connections: as they are, and as FLV. */
import assert from 'node:assert/strict'
import { appendFile, mkdir, mkdtemp, rename, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { connect as connectHttp2 } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { mediaLibraryOf, readerOf } from '../../../test/support/media-library.ts'
import { packetAt } from '../../../test/support/packets.ts'
import { unusedServices } from '../../../test/support/unused-services.ts'
import { PeerError } from '../../errors.ts'
import { openLibrary } from '../../library/library.ts'
import type { Authorize } from '../../live/access.ts'
import { Hub } from '../../live/hub.ts'
import { Sessions } from '../../live/sessions.ts'
import { ByteWriter } from '../../media/bytes/byte-writer.ts'
import { FlvTagMuxer, flvFileHeader } from '../../media/containers/flv/muxer.ts'
import type { Packet } from '../../media/packet.ts'
import { type HttpFront, openHttpFront } from '../../net/http/listener.ts'
import { makeTestCertificate } from '../../net/testdata/certificate.ts'
import { quietLogger, RawClient } from '../../net/testdata/raw-client.ts'
import type { TlsMaterial } from '../../net/tls.ts'
import type { ServerContext } from '../protocol.ts'
import { progressive } from './index.ts'

const opened: { close(): Promise<void> | void }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

interface Setup {
  readonly front: HttpFront
  readonly sessions: Sessions
  readonly folder: string
  readonly url: (path: string) => string
}

async function open(
  options: {
    readonly files?: Readonly<Record<string, string | Uint8Array>>
    readonly media?: Pick<ServerContext, 'library' | 'mediaFiles'>
    readonly authorize?: Authorize
    readonly tls?: TlsMaterial
  } = {},
): Promise<Setup> {
  const { files = {}, media, authorize = async () => {}, tls } = options
  const folder = await mkdtemp(join(tmpdir(), 'headend-files-'))
  opened.push({ close: () => rm(folder, { recursive: true }) })
  await mkdir(join(folder, 'folder'))
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes)
  const log = quietLogger()
  const limits = { drainMs: 100, sweepMs: 10 }
  const front = await openHttpFront({ host: '127.0.0.1', port: 0, tls, tlsPort: 0, log, limits })
  const sessions = new Sessions()
  const context = {
    hub: new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) }),
    sessions,
    authorize,
    http: front.routes,
    ...unusedServices,
    library: openLibrary(() => ({ root: folder, mounts: {} })),
    ...media,
    log,
    host: '127.0.0.1',
    tls,
  }
  const served = await progressive.serve!(context, progressive.options.parse({ waitMs: 0 }))
  opened.push(front, served)
  return { front, sessions, folder, url: (path) => `http://127.0.0.1:${front.port}/vod/${path}` }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
const TEXT = '0123456789abcdefghij'
const MP4 = Buffer.concat([Buffer.from('0000001866747970', 'hex'), Buffer.from('isom0000isomiso2')])

async function ask(url: string, headers: Record<string, string> = {}, method = 'GET') {
  const response = await fetch(url, { headers, method })
  return { status: response.status, headers: response.headers, body: await response.text() }
}

describe('download', () => {
  it('a file as it is: GET and HEAD, with what is in it as its type', async () => {
    const { url, folder, sessions } = await open({
      files: { 'a.txt': TEXT, 'film.bin': MP4, 'song.m4a': MP4, 'page.html': '<script>', 'Ночь – 1 "x".vtt': 'WEBVTT' },
    })

    const { status, headers, body } = await ask(url('a.txt'))
    const { mtime } = await stat(join(folder, 'a.txt'))
    assert.deepEqual([status, body, headers.get('content-length')], [200, TEXT, '20'])
    assert.equal(headers.get('last-modified'), mtime.toUTCString())
    assert.match(headers.get('etag') ?? '', /^"[0-9a-f-]+"$/)
    assert.equal(headers.get('accept-ranges'), 'bytes')
    const head = await ask(url('a.txt'), { Range: 'bytes=0-1' }, 'HEAD')
    assert.deepEqual([head.status, head.body, head.headers.get('content-length')], [200, '', '20'])

    for (const [name, type] of [
      ['film.bin', 'video/mp4'],
      ['song.m4a', 'audio/mp4'],
      ['page.html', 'application/octet-stream'],
      [encodeURIComponent('Ночь – 1 "x".vtt'), 'text/vtt; charset=utf-8'],
    ] as const) {
      assert.equal((await ask(url(name))).headers.get('content-type'), type, name)
    }
    const { headers: attached } = await ask(url(`${encodeURIComponent('Ночь – 1 "x".vtt')}?download`))
    assert.equal(
      attached.get('content-disposition'),
      `attachment; filename="____ _ 1 _x_.vtt"; filename*=UTF-8''${encodeURIComponent('Ночь – 1 "x".vtt')}`,
    )
    while (sessions.size > 0) await turn()
  })

  it('parts: one range, several, and none that there is', async () => {
    const { url } = await open({ files: { 'a.txt': TEXT } })

    for (const [range, body] of [
      ['bytes=0-3', '0123'],
      ['bytes=18-', 'ij'],
      ['bytes=-1', 'j'],
    ] as const) {
      const part = await ask(url('a.txt'), { Range: range })
      assert.deepEqual([part.status, part.body], [206, body], range)
      assert.match(part.headers.get('content-range') ?? '', /^bytes \d+-\d+\/20$/)
    }
    const { status, headers, body } = await ask(url('a.txt'), { Range: 'bytes=10-11,0-0' })
    assert.equal(status, 206)
    const boundary = /^multipart\/byteranges; boundary=(\S+)$/.exec(headers.get('content-type') ?? '')?.[1]
    const part = (range: string, text: string) =>
      `\r\n--${boundary}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes ${range}/20\r\n\r\n${text}`
    assert.equal(body, `${part('10-11', 'ab')}${part('0-0', '0')}\r\n--${boundary}--\r\n`)
    assert.equal(headers.get('content-length'), String(body.length))
    const beyond = await ask(url('a.txt'), { Range: 'bytes=20-' })
    assert.deepEqual([beyond.status, beyond.headers.get('content-range')], [416, 'bytes */20'])
  })

  it('H-02: hostile ranges send no byte twice and no more than the file', async () => {
    const { url } = await open({ files: { 'a.txt': TEXT } })

    for (const [range, status, body] of [
      [`bytes=${'0-,'.repeat(7)}0-`, 206, TEXT],
      [`bytes=${'0-0,'.repeat(2000)}0-0`, 200, TEXT],
      ['bytes=9-1', 200, TEXT],
      ['bytes=-9223372036854775808', 206, TEXT],
      ['bytes=9223372036854775808-', 416, undefined],
      ['seconds=0-1', 200, TEXT],
    ] as const) {
      const answer = await ask(url('a.txt'), { Range: range })
      assert.equal(answer.status, status, range.slice(0, 40))
      if (body !== undefined) assert.equal(answer.body, body)
    }
  })

  it('what the client has is not sent again, and a part is not continued with another file', async () => {
    const { url, folder } = await open({ files: { 'a.txt': TEXT } })
    const path = join(folder, 'a.txt')
    await utimes(path, 1_600_000_000, 1_600_000_000)
    const { headers } = await ask(url('a.txt'))
    const [etag, modified] = [headers.get('etag') ?? '', headers.get('last-modified') ?? '']

    assert.equal((await ask(url('a.txt'), { 'If-None-Match': etag })).status, 304)
    assert.equal((await ask(url('a.txt'), { 'If-Modified-Since': modified })).status, 304)
    assert.equal((await ask(url('a.txt'), { 'If-Match': '"other"' })).status, 412)
    for (const validator of [etag, modified]) {
      const part = await ask(url('a.txt'), { Range: 'bytes=5-', 'If-Range': validator })
      assert.deepEqual([part.status, part.body], [206, TEXT.slice(5)])
    }
    await writeFile(path, TEXT.toUpperCase())
    for (const validator of [etag, modified]) {
      const whole = await ask(url('a.txt'), { Range: 'bytes=5-', 'If-Range': validator })
      assert.deepEqual([whole.status, whole.body], [200, TEXT.toUpperCase()])
    }
  })

  it('comes over HTTP/2 too', async () => {
    const tls = makeTestCertificate()
    const { front } = await open({ files: { 'a.txt': TEXT.repeat(50_000) }, tls })
    const client = connectHttp2(`https://localhost:${front.tlsPort}`, { rejectUnauthorized: false })
    opened.push({ close: () => client.destroy() })
    const stream = client.request({ ':path': '/vod/a.txt', range: 'bytes=10-' })
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk as Buffer)

    assert.equal(Buffer.concat(chunks).toString(), TEXT.repeat(50_000).slice(10))
  })

  it('F-07: a file that is deleted or renamed while it is sent is sent to its end; then it is not found', async () => {
    const bytes = Buffer.alloc(8_000_000, 'x')
    const { url, folder, front } = await open({ files: { 'a.bin': bytes, 'b.bin': bytes } })
    for (const [name, away] of [
      ['a.bin', () => rm(join(folder, 'a.bin'))],
      ['b.bin', () => rename(join(folder, 'b.bin'), join(folder, 'c.bin'))],
    ] as const) {
      const client = await begin(front, name)
      await away()
      client.socket.resume()
      const all = await client.closed()

      assert.equal(all.length - all.indexOf('\r\n\r\n') - 4, bytes.byteLength)
      assert.equal((await ask(url(name))).status, 404)
    }
  })

  it('F-07: a file that is written to or cut while it is sent breaks off, and no new byte is among what came', async () => {
    const bytes = Buffer.alloc(30_000_000, 'x')
    for (const change of [
      (path: string) => writeFile(path, Buffer.alloc(bytes.byteLength, 'y'), { flag: 'r+' }),
      (path: string) => writeFile(path, 'y'),
      (path: string) => appendFile(path, 'y'),
    ]) {
      const { front, folder, sessions } = await open({ files: { 'a.bin': bytes } })
      // Times of files have a grain: within it a change would go unseen.
      await utimes(join(folder, 'a.bin'), 1_600_000_000, 1_600_000_000)
      const client = await begin(front, 'a.bin')
      await change(join(folder, 'a.bin'))
      client.socket.resume()
      const all = await client.closed()

      const body = all.slice(all.indexOf('\r\n\r\n') + 4)
      assert.ok(body.length < bytes.byteLength, `${body.length} bytes`)
      assert.ok(!body.includes('y'))
      while (sessions.size > 0) await turn()
    }
  })

  it('F: a viewer that never reads holds a few blocks, and is counted', async () => {
    const { front, sessions } = await open({ files: { 'a.bin': Buffer.alloc(30_000_000, 'x') } })
    const client = await begin(front, 'a.bin')
    const [session] = [...sessions.list()]
    for (let before = -1, still = 0; still < 50; still = before === session!.bytesOut ? still + 1 : 0) {
      before = session!.bytesOut
      await turn()
    }

    assert.ok(session!.bytesOut < 20_000_000, `${session!.bytesOut} bytes`)
    session!.start.close(new PeerError('ERR_ACCESS_DENIED', 'no more'))
    client.socket.resume()
    await client.closed()
    while (sessions.size > 0) await turn()
  })

  it('F-02, F-03: what is not in the library is not found, whatever the name', async () => {
    const { url, folder, front } = await open({ files: { 'a.txt': TEXT, '.hidden': TEXT } })
    await symlink('/etc/passwd', join(folder, 'out.txt'))
    for (const name of [
      'absent',
      'folder',
      'folder/',
      '.hidden',
      'out.txt',
      'a.txt/b',
      'a.txt.flv',
      'x'.repeat(2000),
    ]) {
      const { status } = await ask(url(name))
      assert.ok([404, 400, 415].includes(status), `${name.slice(0, 20)}: ${status}`)
    }
    for (const target of ['/vod/../a.txt', '/vod/%2e%2e/a.txt', '/vod/a%00.txt', '/vod/..%2fa.txt', '/vod//a.txt']) {
      const client = await RawClient.open(front.port)
      client.write(`GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
      assert.match(await client.closed(), /^HTTP\/1\.1 40[04] /, target)
    }
    assert.equal((await ask(url('a.txt'), {}, 'POST')).status, 405)
  })

  it('asks who may have it, and tells caches', async () => {
    const authorize: Authorize = async ({ path, credentials }) => {
      if (path === 'vod/secret.txt' && credentials.key !== 'good') throw new PeerError('ERR_ACCESS_DENIED', 'a key')
    }
    const { url } = await open({ files: { 'secret.txt': TEXT, 'open.txt': TEXT }, authorize })

    assert.equal((await ask(url('secret.txt'))).status, 401)
    const granted = await ask(url('secret.txt?key=good'))
    assert.deepEqual([granted.body, granted.headers.get('cache-control')], [TEXT, 'private, no-cache'])
    assert.equal((await ask(url('open.txt'))).headers.get('cache-control'), 'public, no-cache')
  })
})

/** Asks, and reads no further than the head. */
async function begin({ port }: HttpFront, name: string): Promise<RawClient> {
  const client = await RawClient.open(port)
  client.write(`GET /vod/${name} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  await client.until(({ text }) => text.includes('\r\n\r\n'))
  client.socket.pause()
  return client
}

describe('FLV of a file', () => {
  const track = {
    id: 101,
    kind: 'audio',
    codec: 'mp3',
    timescale: 44_100,
    audio: { sampleRate: 44_100, channels: 2 },
  } as const
  const packets = Array.from({ length: 100 }, (_, index) => packetAt(index * 100, { track, fill: index }))
  const media = mediaLibraryOf({
    'vod/song.mp3': readerOf([track], packets),
    'vod/old.wma': readerOf([{ ...track, codec: 'wma2' }], []),
  })

  /** What FLV has of these packets, from that place on. */
  function flvOf(some: readonly Packet[], from: number): Buffer {
    const muxer = new FlvTagMuxer({ duration: 9_940_000, from })
    const out = new ByteWriter()
    for (const packet of some) muxer.write(packet, out)
    return Buffer.concat([
      flvFileHeader([track]),
      new FlvTagMuxer({ duration: 9_940_000, from }).init([track], { title: 'made up' }),
      out.view(),
    ])
  }
  const bytesOf = async (url: string) => Buffer.from(await (await fetch(url)).arrayBuffer())

  it('comes whole, and ends', async () => {
    const { url, sessions } = await open({ media })

    const response = await fetch(url('song.mp3.flv'))
    const bytes = Buffer.from(await response.arrayBuffer())

    assert.equal(response.headers.get('content-type'), 'video/x-flv')
    assert.deepEqual(bytes, flvOf(packets, 0))
    while (sessions.size > 0) await turn()
  })

  it('from a place on, which is a number', async () => {
    const { url } = await open({ media })

    assert.deepEqual(await bytesOf(url('song.mp3.flv?start=4.2')), flvOf(packets.slice(42), 4_200_000))
    for (const start of ['-1', 'NaN', '1e9', '9007199254740992', '']) {
      assert.equal((await ask(url(`song.mp3.flv?start=${start}`))).status, 400, start)
    }
    assert.deepEqual(await bytesOf(url('song.mp3.flv?start=999999')), flvOf(packets.slice(99), 9_940_000))
  })

  it('over WebSocket, in messages', async () => {
    const { url } = await open({ media })
    const socket = new WebSocket(url('song.mp3.flv').replace('http', 'ws'))
    const chunks: Buffer[] = []
    socket.on('message', (data: Buffer) => chunks.push(data))
    const code = await new Promise((resolve) => socket.on('close', resolve))

    assert.equal(code, 1000)
    assert.deepEqual(Buffer.concat(chunks), flvOf(packets, 0))
  })

  it('says what is not there and what FLV cannot carry', async () => {
    const { url } = await open({ media })

    assert.match((await ask(url('absent.mp3.flv'))).body, /ERR_LIBRARY_NOT_FOUND/)
    const old = await ask(url('old.wma.flv'))
    assert.deepEqual([old.status, /wma2/.test(old.body)], [406, true])
    assert.equal((await ask(url('song.mp3.flv'), {}, 'HEAD')).status, 200)
  })
})
