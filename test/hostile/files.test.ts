/** Viewers of files that mean no good: they never read, seek all the time and to nowhere, and the files change under them (N-03, F-07, H-02). */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { progressiveFile, VIDEO } from '../../src/media/containers/isobmff/vectors.ts'
import type { Packet } from '../../src/media/packet.ts'
import { USER_CONTROL, userControlMessage } from '../../src/protocols/rtmp/message.ts'
import { type AttackedServer, eventually, figures, startAttacked } from './attacked-server.ts'
import { startMeasured } from './held-memory.ts'
import { RtmpPeer } from './rtmp-peer.ts'

const MEGABYTE = 1024 * 1024
/** Of each kind. */
const VIEWERS = 20
/** What one of them may hold in the server: read ahead, muxed, and in its socket's queue. */
const EACH = 0.75 * MEGABYTE

/** A film of a minute, 30 MB. */
function film(): Uint8Array {
  const packets = Array.from({ length: 1500 }, (_, index): Packet => {
    const data = new Uint8Array(20_000)
    new DataView(data.buffer).setUint32(0, data.byteLength - 4)
    data.fill(0x41, 4)
    return { track: VIDEO, data, dts: index * 40_000, pts: index * 40_000, key: index % 25 === 0 }
  })
  return progressiveFile(packets)
}

function library(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'headend-hostile-files-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  mkdirSync(join(folder, 'media'))
  writeFileSync(join(folder, 'media', 'film.mp4'), film())
  return join(folder, 'media')
}

/** Asks for something and reads nothing of it. */
function deaf(port: number, request: string): Socket {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.pause()
  socket.write(request)
  return socket
}

async function playing(port: number, name = 'film.mp4'): Promise<RtmpPeer> {
  const peer = await RtmpPeer.open(port)
  await peer.connect({ app: 'vod', tcUrl: 'rtmp://localhost/vod' })
  peer.command('play', 1, null, name)
  return peer
}

const DEAF_REQUESTS = [
  'GET /vod/film.mp4 HTTP/1.1\r\nHost: x\r\n\r\n',
  'GET /vod/film.mp4.flv HTTP/1.1\r\nHost: x\r\n\r\n',
  [
    'GET /vod/film.mp4 HTTP/1.0',
    'User-Agent: NSPlayer/4.1.0.3856',
    'Host: x',
    'Pragma: no-cache,rate=1.000000,request-context=2',
    'Pragma: xPlayStrm=1',
    'Pragma: stream-switch-count=1',
    'Pragma: stream-switch-entry=ffff:1:0',
    '\r\n',
  ].join('\r\n'),
]

/** Nobody is disturbed: the file comes whole. */
async function assertServes(server: AttackedServer, bytes: Uint8Array): Promise<void> {
  const response = await fetch(`${server.urls['http']}/vod/film.mp4`)
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(bytes))
}

describe('files under attack', () => {
  it('N-03: viewers that never read hold a few hundred kilobytes each, and others get the file', async (t) => {
    const media = library(t)
    const server = await startMeasured(t, { settings: { media } })
    const bytes = readFileSync(join(media, 'film.mp4'))
    await assertServes(server, bytes)
    const before = await server.held()
    const sockets = Array.from({ length: VIEWERS }, () =>
      DEAF_REQUESTS.map((request) => deaf(server.http, request)),
    ).flat()
    const peers = await Promise.all(Array.from({ length: VIEWERS }, () => playing(server.rtmp)))
    for (const peer of peers) {
      await peer.hears('NetStream.Play.Start')
      peer.socket.pause()
      peer.send(userControlMessage({ event: USER_CONTROL.SET_BUFFER_LENGTH, value: 1, extra: 3_600_000 }))
    }
    const all = VIEWERS * (DEAF_REQUESTS.length + 1)
    await eventually('all of them play', async () => (await figures(server)).sessions >= all)

    await assertServes(server, bytes)

    const { bytes: held } = await server.held()
    assert.ok(held - before.bytes < all * EACH, `${Math.round((held - before.bytes) / all / 1024)} KiB each`)
    for (const socket of sockets) socket.destroy()
    for (const peer of peers) peer.leave()
    await eventually('all of them are gone', async () => (await figures(server)).sessions === 0)
  })

  it('hundreds of seeks a second, to anywhere and nowhere, end in a place of the file', async (t) => {
    const media = library(t)
    const server = await startAttacked(t, { settings: { media } })
    const peers = await Promise.all(Array.from({ length: 5 }, () => playing(server.rtmp)))
    for (const peer of peers) await peer.hears('NetStream.Play.Start')
    const places = [0, -1, 1e9, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, 'x', null, 30_000]

    for (let count = 0; count < 400; count++) {
      for (const peer of peers) peer.command('seek', 1, null, places[count % places.length] ?? count * 100)
    }
    await assertServes(server, readFileSync(join(media, 'film.mp4')))

    for (const peer of peers) {
      assert.ok(await peer.hears('NetStream.Seek.InvalidTime'))
      peer.command('closeStream', 1, null)
      assert.ok(await peer.hears('NetStream.Play.Stop'))
      peer.leave()
    }
    await eventually('all of them are gone', async () => (await figures(server)).sessions === 0)
  })

  it('F-07: files that are renamed, cut or replaced by nonsense while they play end their viewers, not the server', async (t) => {
    const media = library(t)
    const server = await startAttacked(t, { settings: { media } })
    const path = join(media, 'film.mp4')
    const bytes = readFileSync(path)
    const changes: readonly (() => void)[] = [
      () => renameSync(path, join(media, 'other.mp4')),
      () => truncateSync(path, 500_000),
      () => writeFileSync(path, Buffer.alloc(bytes.byteLength, 0xff)),
    ]
    for (const change of changes) {
      writeFileSync(path, bytes)
      const peer = await playing(server.rtmp)
      await peer.hears('NetStream.Play.Start')
      const sockets = DEAF_REQUESTS.map((request) => deaf(server.http, request))
      await eventually('all of them play', async () => (await figures(server)).sessions >= sockets.length + 1)
      change()
      for (const socket of sockets) socket.resume()
      peer.command('seek', 1, null, 50_000)
      await eventually('the seek is answered', async () => peer.heard.includes('NetStream.Seek.Notify') || peer.closed)

      for (const socket of sockets) socket.destroy()
      peer.leave()
      await eventually('all of them are gone', async () => (await figures(server)).sessions === 0)
    }
    writeFileSync(path, bytes)
    await assertServes(server, bytes)
  })
})
