/** What peers say that is not so: lengths (N-05), names (R-06, R-07, F-01, F-03), and bodies that are larger than they look (H-09). */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { AmfValue } from '../../src/media/amf/value.ts'
import { repository } from '../support/sources.ts'
import { type AttackedServer, eventually, figures, residentBytes, startAttacked } from './attacked-server.ts'
import { RtmpPeer } from './rtmp-peer.ts'

const MEGABYTE = 1024 * 1024
const C0C1C2 = Buffer.concat([Buffer.of(3), Buffer.alloc(1536), Buffer.alloc(1536)])

/** What is no name of a stream, for every protocol. */
const BAD_NAMES = [
  '..',
  '.',
  '../../etc/passwd',
  'a/../../b',
  'a\0b',
  'a\r\nb',
  'a\\b',
  '%2e%2e',
  '．．',
  'a b',
  'a ',
  'é',
  'e\u0301',
  '\u202eevil',
  '<script>',
  '"quoted"',
  'C:',
  'a//b',
  'x'.repeat(4096),
]
/** Odd, but names: they must stay apart from each other. */
const GOOD_NAMES = [
  'CON',
  'con',
  'nul.txt',
  'a.',
  'a',
  'A',
  '-rf',
  '--help',
  '.hidden',
  '...a',
  '__proto__',
  'constructor',
]

describe('lies', () => {
  it('N-05: lengths that are not there cost no memory and end in time', async (t) => {
    const server = await startAttacked(t)
    const lies: readonly (readonly [port: number, bytes: string | Buffer])[] = [
      // A chunk of 16 MB of every type, on the first chunk stream; then an extended timestamp, and a chunk size of 2 GB.
      ...[1, 3, 8, 9, 15, 17, 18, 20, 22, 255].map(
        (type) =>
          [server.rtmp, Buffer.concat([C0C1C2, Buffer.of(3, 0, 0, 0, 255, 255, 255, type, 0, 0, 0, 0)])] as const,
      ),
      [server.rtmp, Buffer.concat([C0C1C2, Buffer.of(2, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0, 0x7f, 255, 255, 255)])],
      [server.rtmp, Buffer.concat([C0C1C2, Buffer.of(2, 255, 255, 255, 0, 0, 4, 1, 0, 0, 0, 0, 255, 255, 255, 255)])],
      // A string, an array and a long string of 4 GB in a command.
      ...['02ffff', '0affffffff', '08ffffffff', '0cffffffff'].map((amf) => {
        const body = Buffer.from(amf, 'hex')
        const head = Buffer.of(3, 0, 0, 0, 0, 0, body.length, 20, 0, 0, 0, 0)
        return [server.rtmp, Buffer.concat([C0C1C2, head, body])] as const
      }),
      ...['4294967296', '9007199254740993', '99999999999999999999', '-1', '0x10', '1e9'].map(
        (length) =>
          [
            server.http,
            `POST /api/v1/streams HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\nx`,
          ] as const,
      ),
      [server.http, 'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx'],
      [server.http, `GET /live/x.flv HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-${'9'.repeat(30)}\r\n\r\n`],
    ]
    const before = residentBytes(server)
    const ends = lies.map(async ([port, bytes]) => {
      const socket = connect(port, '127.0.0.1')
      socket.on('error', () => {})
      socket.resume()
      await once(socket, 'connect')
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
      return socket
    })
    const sockets = await Promise.all(ends)
    await eventually('the server answers others', async () => (await fetch(`${server.urls['http']}/healthz`)).ok)
    const grown = residentBytes(server) - before
    assert.ok(grown < 48 * MEGABYTE, `${grown} bytes for ${lies.length} lies`)
    for (const socket of sockets) socket.destroy()
    await eventually('nothing is left', async () => (await figures(server)).connected === 0)
  })

  it('R-06 R-07: names that are none get the right word, over a real connection', async (t) => {
    const server = await startAttacked(t)
    const { publishKey } = server.secrets
    const notText: AmfValue[] = [true, null, 42, {}, undefined, '']
    for (const name of [...notText, ...BAD_NAMES.filter((bad) => bad.length < 2048)]) {
      const shown = typeof name === 'string' ? `${name}?key=${publishKey}` : name
      assert.equal(
        await answer(server, 'publish', name === '' ? '' : shown),
        'NetStream.Publish.BadName',
        JSON.stringify(name),
      )
      assert.equal(await answer(server, 'play', name), 'NetStream.Play.StreamNotFound', JSON.stringify(name))
    }
    assert.equal(await answer(server, 'publish', 'fine'), 'NetStream.Publish.Denied')
    for (const app of [
      '..',
      'live/../..',
      'li\0ve',
      'li\r\nve',
      'li\\ve',
      '%2e%2e',
      '．．',
      7,
      null,
      undefined,
      'record',
    ]) {
      const peer = await RtmpPeer.open(server.rtmp)
      peer.command('connect', 0, { app, tcUrl: 'rtmp://localhost/live' })
      assert.equal((await peer.end()).at(-1), 'NetConnection.Connect.InvalidApp', JSON.stringify(app))
    }
    const without = await (await RtmpPeer.open(server.rtmp)).connect({ app: 'live' })
    assert.ok(without.heard.includes('NetConnection.Connect.Success'))
    without.leave()
  })

  it('F-01 F-03: no name writes a file, and different names are different streams', async (t) => {
    const server = await startAttacked(t)
    const files = () => readdirSync(server.data, { recursive: true }).map(String).sort()
    const around = () => readdirSync(repository).sort()
    const [data, cwd] = [files(), around()]
    const { publishKey } = server.secrets
    for (const name of BAD_NAMES) {
      await answer(server, 'publish', `${name}?key=${publishKey}`)
      for (const path of [
        `/live/${name}.flv`,
        `/live/${encodeURIComponent(name)}/index.m3u8`,
        `/live/${encodeURIComponent(name)}/manifest.mpd`,
      ]) {
        assert.match(await status(server, path), /^(?:400|404|431)$|^$/, path.slice(0, 80))
      }
    }
    const peers: RtmpPeer[] = []
    for (const name of GOOD_NAMES) {
      const peer = await (await RtmpPeer.open(server.rtmp)).connect()
      peer.command('publish', 1, null, `${name}?key=${publishKey}`, 'live')
      assert.ok(await peer.hears('NetStream.Publish.Start'), `${name}: ${peer.heard.join()}`)
      peers.push(peer)
    }
    const { items } = (await api(server, '/api/v1/streams?limit=100').then((response) => response.json())) as {
      items: { path: string }[]
    }
    assert.deepEqual(items.map(({ path }) => path).sort(), GOOD_NAMES.map((name) => `live/${name}`).sort())
    assert.deepEqual([files(), around()], [data, cwd])
    for (const peer of peers) peer.leave()
  })

  it('H-09: compressed bodies are not unpacked', async (t) => {
    const server = await startAttacked(t)
    const bomb = gzipSync(Buffer.alloc(32 * MEGABYTE))
    const before = residentBytes(server)
    for (const encoding of ['gzip', 'deflate', 'br', 'zstd', 'gzip, gzip']) {
      for (const method of ['POST', 'PUT', 'DELETE']) {
        const response = await api(server, '/api/v1/streams/live/x', {
          method,
          headers: { 'content-encoding': encoding, 'content-type': 'application/json' },
          body: bomb,
        })
        assert.ok(response.status >= 400 && response.status < 500, `${method} ${encoding}: ${response.status}`)
        await response.arrayBuffer()
      }
    }
    const grown = residentBytes(server) - before
    assert.ok(grown < 32 * MEGABYTE, `${grown} bytes more`)
  })
})

function api(
  server: AttackedServer,
  path: string,
  init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
): Promise<Response> {
  const headers = { authorization: `Bearer ${server.secrets.adminToken}`, ...init.headers }
  return fetch(`${server.urls['http']}${path}`, { ...init, headers })
}

/** The last word before the server closes, or the answer to `publish` or `play`. */
async function answer(
  server: AttackedServer,
  command: 'publish' | 'play',
  name: AmfValue,
): Promise<string | undefined> {
  const peer = await (await RtmpPeer.open(server.rtmp)).connect()
  peer.command(command, 1, null, name, 'live')
  return (await peer.end()).at(-1)
}

/** With a target that fetch would not send as it is. */
async function status(server: AttackedServer, target: string): Promise<string> {
  const socket = connect(server.http, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
  let text = ''
  socket.on('data', (bytes: Buffer) => (text += bytes.toString('latin1')))
  await once(socket, 'close')
  return text.slice(9, 12)
}
