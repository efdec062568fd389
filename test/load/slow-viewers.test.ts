/** Viewers that read nothing, little, or vanish: N-03, N-04 and N-11. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { USER_CONTROL, userControlMessage } from '../../src/protocols/rtmp/message.ts'
import { type AttackedServer, eventually, figures, residentBytes } from '../hostile/attacked-server.ts'
import { startMeasured } from '../hostile/held-memory.ts'
import { flaws, publishLive, watch } from '../hostile/live-stream.ts'
import { RtmpPeer } from '../hostile/rtmp-peer.ts'
import { start } from '../support/process.ts'
import { repository } from '../support/sources.ts'

const BITRATE_BPS = 12_000_000
const SMALL_BITRATE_BPS = 800_000
const STREAM_BYTES = 2 * 1024 * 1024
const STALLED_OF_A_KIND = 25
const SLOW_OF_A_KIND = 4
const KINDS = 4
/** What waits for one viewer (src/net/pump.ts) and what the attack list allows beside it. */
const BYTES_PER_VIEWER = (128 + 64 + 256) * 1024
/** Until the buffers of the system are full, and the server's patience is over, milliseconds; far more than it takes. */
const DROPPED_MS = 75_000
const SLOW_TURN_MS = 200
const SLOW_SHARE = 0.1

it('N-03 N-04 N-11: slow and dead viewers cost little, leave in time, and nobody else loses a packet', async (t) => {
  // What the server keeps of the streams is kept small, so that what viewers cost can be told from it.
  const server = await startMeasured(t, {
    settings: { limits: { streamBytes: STREAM_BYTES }, hls: { windowSeconds: 6 } },
  })
  await publishLive(t, server, 'big', BITRATE_BPS)
  await publishLive(t, server, 'small', SMALL_BITRATE_BPS)
  const base = `${server.urls['http']}/live/big`
  const leave = new AbortController()
  const addresses: readonly string[] = [
    `${server.urls['rtmp']}/live/big`,
    `${base}.flv`,
    `${base.replace('http', 'ws')}.flv`,
    `${server.urls['http']}/live/small/index.m3u8`,
    `${server.urls['http']}/live/small/manifest.mpd`,
  ]
  const watching = Promise.all(addresses.map((url) => watch(url, leave.signal)))
  watching.catch(() => {})
  const segment = String(await eventually('HLS has a segment', () => oldestSegment(server)))
  const before = (await server.held()).bytes
  const rssBefore = residentBytes(server)
  const own = (await figures(server)).sessions

  const stalled: Socket[] = []
  for (let i = 0; i < STALLED_OF_A_KIND; i++) {
    stalled.push(await stalledRtmp(server))
    stalled.push(ask(server, '/live/big.flv'))
    stalled.push(ask(server, '/live/big.flv', UPGRADE))
    // More than the buffers of the system take.
    const socket = ask(server, segment)
    for (let again = 0; again < 40; again++) socket.write(requestOf(segment))
    stalled.push(socket)
  }
  const slow: Socket[] = []
  for (let i = 0; i < SLOW_OF_A_KIND; i++) slow.push(await stalledRtmp(server), ask(server, '/live/big.flv'))
  const reading = setInterval(() => readSome(slow), SLOW_TURN_MS)
  t.after(() => {
    clearInterval(reading)
    for (const socket of [...stalled, ...slow]) socket.destroy()
  })
  const frozen = startPlayer(t, `${base}.flv`)
  // It asks and asks and never reads the answers.
  const talker = await talkingPlayer(server)
  const more = 3 * STALLED_OF_A_KIND + slow.length + 2
  await eventually('all are there', async () => (await figures(server)).sessions >= own + more)
  frozen.kill('SIGSTOP')

  let peak = 0
  let rssPeak = 0
  await eventually(
    'those that read nothing are gone, and those that read little skip',
    async () => {
      peak = Math.max(peak, (await server.held()).bytes)
      rssPeak = Math.max(rssPeak, residentBytes(server))
      const { sessions, skipped } = await figures(server)
      return sessions <= own + slow.length && skipped > 0 && talker.closed
    },
    DROPPED_MS,
  )
  leave.abort()
  for (const [index, result] of (await watching).entries()) assert.deepEqual(flaws(result), [], addresses[index] ?? '')
  t.diagnostic(
    `held ${before >> 20} MB before, ${peak >> 20} MB at most; RSS ${rssBefore >> 20} MB, ${rssPeak >> 20} MB`,
  )
  const viewers = stalled.length + slow.length
  assert.ok(stalled.length === KINDS * STALLED_OF_A_KIND)
  assert.ok(
    peak - before < viewers * BYTES_PER_VIEWER,
    `${viewers} viewers that do not read cost ${(peak - before) >> 20} MB`,
  )
  for (const socket of slow) assert.equal(socket.destroyed || socket.readableEnded, false, 'a slow viewer was cut off')
})

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

function requestOf(target: string, headers = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`
}

/** Asks over HTTP and reads nothing. */
function ask(server: AttackedServer, target: string, headers = ''): Socket {
  const socket = connect(server.http, '127.0.0.1').pause()
  socket.on('error', () => {})
  socket.write(requestOf(target, headers))
  return socket
}

async function stalledRtmp(server: AttackedServer): Promise<Socket> {
  const peer = await RtmpPeer.open(server.rtmp)
  await peer.connect()
  peer.command('play', 1, null, 'big')
  await peer.hears('NetStream.Play.Start')
  peer.socket.removeAllListeners('data')
  return peer.socket.pause()
}

async function talkingPlayer(server: AttackedServer): Promise<RtmpPeer> {
  const peer = await RtmpPeer.open(server.rtmp)
  await peer.connect()
  peer.command('play', 1, null, 'big')
  await peer.hears('NetStream.Play.Start')
  peer.socket.pause()
  const talk = setInterval(() => {
    for (let i = 0; i < 200; i++) {
      peer.send(userControlMessage({ event: USER_CONTROL.PING_REQUEST, value: i }))
      peer.command('receiveAudio', 1, null, i % 2 === 0)
    }
    if (peer.closed) clearInterval(talk)
  }, 20)
  return peer
}

/** A tenth of the bitrate, each. */
function readSome(sockets: readonly Socket[]): void {
  const count = Math.round((BITRATE_BPS / 8) * SLOW_SHARE * (SLOW_TURN_MS / 1000))
  for (const socket of sockets) {
    socket.read(0)
    if (socket.readableLength > 0) socket.read(Math.min(count, socket.readableLength))
  }
}

async function oldestSegment(server: AttackedServer): Promise<string | undefined> {
  const base = `${server.urls['http']}/live/small/`
  const index = await (await fetch(`${base}index.m3u8`)).text()
  const rendition = /^video-\d+\.m3u8$/m.exec(index)?.[0]
  if (rendition === undefined) return undefined
  const playlist = await (await fetch(`${base}${rendition}`)).text()
  const name = /^(?!#).+\.m4s$/m.exec(playlist)?.[0]
  return name === undefined ? undefined : `/live/small/${name}`
}

/** A whole player process, to be stopped in the middle as if its machine had lost the network. */
function startPlayer(t: TestContext, url: string): ChildProcess {
  const child = start(process.execPath, [join(repository, 'bin/headend.js'), 'play', url, '--json'])
  t.after(() => child.kill('SIGKILL'))
  child.stdout?.resume()
  child.stderr?.resume()
  return child
}
