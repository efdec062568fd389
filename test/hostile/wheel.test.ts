/** N-12 and H-03: peers that come and go in every state, and floods of requests that wait, leave nothing behind. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { it } from 'node:test'
import { type AttackedServer, eventually, type Figures, figures, openFiles, residentBytes } from './attacked-server.ts'
import { startMeasured } from './held-memory.ts'
import { flaws, publishLive, watch } from './live-stream.ts'
import { RtmpPeer } from './rtmp-peer.ts'

const CYCLES_OF_A_STATE = 180
const AT_ONCE = 12
const WAITING = 600
const ROUNDS = 2
const MEGABYTE = 1024 * 1024
/** Compiled code and the fringe of the collector, bytes. */
const HELD_ALLOWANCE = 8 * MEGABYTE
/** Freed pages that the allocator keeps, bytes. */
const RESIDENT_ALLOWANCE = 64 * MEGABYTE

type Cycle = (server: AttackedServer, turn: number) => Promise<void>

const UPGRADE =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'

const states: Readonly<Record<string, Cycle>> = {
  'RTMP after C0 and C1': async ({ rtmp }) => {
    const peer = await RtmpPeer.open(rtmp, { handshake: false })
    peer.socket.write(Buffer.concat([Buffer.of(3), Buffer.alloc(1536)]))
    leave(peer.socket)
  },
  'RTMP after connect': async ({ rtmp }) => {
    leave((await (await RtmpPeer.open(rtmp)).connect()).socket)
  },
  'RTMP playing': async ({ rtmp }) => {
    const peer = await (await RtmpPeer.open(rtmp)).connect()
    peer.command('play', 1, null, 'wheel')
    await peer.hears('NetStream.Play.Start')
    leave(peer.socket)
  },
  'RTMP waiting for a stream': async ({ rtmp }, turn) => {
    const peer = await (await RtmpPeer.open(rtmp)).connect()
    peer.command('play', 1, null, `absent-${turn}`)
    peer.command('createStream', 0, null)
    await peer.hears('_result')
    leave(peer.socket)
  },
  'RTMP publishing': async ({ rtmp, secrets }, turn) => {
    const peer = await (await RtmpPeer.open(rtmp)).connect()
    peer.command('publish', 1, null, `turn-${turn}?key=${secrets.publishKey}`, 'live')
    assert.ok(await peer.hears('NetStream.Publish.Start'), peer.heard.join())
    leave(peer.socket)
  },
  'HTTP in the middle of a head': async ({ http }) => {
    leave(await say(http, 'GET /live/wheel.flv HTTP/1.1\r\nHos'))
  },
  'HTTP-FLV in the middle': async ({ http }) => {
    const socket = await say(http, request('/live/wheel.flv'))
    await once(socket, 'data')
    leave(socket)
  },
  'HTTP-FLV waiting for a stream': async ({ http }, turn) => {
    leave(await say(http, request(`/live/absent-${turn}.flv`)))
  },
  'HLS in a blocked reload': async (server) => {
    const { http } = server
    leave(await say(http, request(await nextPlaylist(server))))
  },
  'WebSocket before the answer': async ({ http }) => {
    leave(await say(http, request('/live/wheel.flv', UPGRADE)))
  },
  'WebSocket after the answer': async ({ http }) => {
    const socket = await say(http, request('/live/wheel.flv', UPGRADE))
    await once(socket, 'data')
    leave(socket)
  },
}

it('N-12: two thousand peers that leave in every state leave nothing', async (t) => {
  const server = await startMeasured(t)
  await publishLive(t, server, 'wheel')
  // The first round loads what is loaded when it is needed.
  for (const cycle of Object.values(states)) await Promise.all([0, 1, 2].map((turn) => cycle(server, 1e6 + turn)))
  const idle = await settled(server)
  const before = await server.held()
  const rss = residentBytes(server)
  const files = openFiles(server)

  let turn = 0
  for (const [name, cycle] of Object.entries(states)) {
    for (let done = 0; done < CYCLES_OF_A_STATE; done += AT_ONCE) {
      const round = Array.from({ length: AT_ONCE }, () => cycle(server, turn++))
      await Promise.all(round).catch((cause: unknown) => {
        throw new Error(`while ${name}`, { cause })
      })
    }
  }
  let now = idle
  const same = async () => {
    now = await figures(server)
    return now.connected === 1 && now.streams === 1 && now.waiting === 0 && now.connections === 0
  }
  await eventually('all figures are as before', same).catch(() => assert.deepEqual(now, idle))
  await eventually('all descriptors are closed', async () => openFiles(server) <= files)
  let after = await server.held()
  await eventually('all timers and handles are gone', async () => {
    after = await server.held()
    return after.handles <= before.handles
  })
  const mega = (bytes: number) => (bytes / MEGABYTE).toFixed(1)
  t.diagnostic(
    `${turn} cycles; held ${mega(before.bytes)} MB before, ${mega(after.bytes)} MB after; RSS ${mega(rss)} MB, ${mega(residentBytes(server))} MB`,
  )
  assert.ok(turn >= 1900)
  assert.ok(after.bytes < before.bytes + HELD_ALLOWANCE, `${mega(after.bytes - before.bytes)} MB more are held`)
  assert.ok(residentBytes(server) < rss + RESIDENT_ALLOWANCE, `RSS grew by ${mega(residentBytes(server) - rss)} MB`)
})

it('H-03: a flood of blocking reloads costs other viewers nothing', async (t) => {
  const server = await startMeasured(t)
  await publishLive(t, server, 'wheel')
  const stop = new AbortController()
  const base = `${server.urls['http']}/live/wheel`
  const addresses = [`${base}/index.m3u8`, `${base}.flv`, `${server.urls['rtmp']}/live/wheel`]
  const watching = Promise.all(addresses.map((url) => watch(url, stop.signal)))
  watching.catch(() => {})
  const blocked = await nextPlaylist(server)
  const far = blocked.replace(/_HLS_msn=\d+/, '_HLS_msn=1000000000')
  const statuses = new Map<string, number>()
  const count = (status: string) => statuses.set(status, (statuses.get(status) ?? 0) + 1)
  const flood = async (target: string) => {
    const socket = await say(server.http, request(target, 'Connection: close\r\n'))
    const [bytes] = (await once(socket, 'data')) as [Buffer]
    count(bytes.toString('latin1', 9, 12))
    socket.destroy()
  }
  for (let round = 0; round < ROUNDS; round++) {
    // Each round asks for what is next now, so that there is something to wait for.
    const target = await nextPlaylist(server)
    await Promise.all(Array.from({ length: WAITING }, (_, index) => flood(index % 10 === 0 ? far : target)))
  }
  stop.abort()
  for (const [index, result] of (await watching).entries()) assert.deepEqual(flaws(result), [], addresses[index] ?? '')
  t.diagnostic(JSON.stringify(Object.fromEntries(statuses)))
  assert.deepEqual(
    [...statuses.keys()].filter((status) => !['200', '400'].includes(status)),
    [],
  )
  assert.equal(statuses.get('400'), (ROUNDS * WAITING) / 10)
  assert.ok((statuses.get('200') ?? 0) > 0)
})

function request(target: string, headers = ''): string {
  return `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`
}

async function say(port: number, text: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  socket.write(text)
  return socket
}

/** By FIN or by reset, in turns. */
let leavers = 0
function leave(socket: Socket): void {
  if (leavers++ % 2 === 0) socket.destroy()
  else socket.resetAndDestroy()
}

/** A reload that waits for the segment that is being made. */
async function nextPlaylist(server: AttackedServer): Promise<string> {
  const base = `${server.urls['http']}/live/wheel/`
  const rendition = /^video-\d+\.m3u8$/m.exec(await text(`${base}index.m3u8`))?.[0]
  const playlist = await text(`${base}${rendition}`)
  const first = Number(/MEDIA-SEQUENCE:(\d+)/.exec(playlist)?.[1] ?? 0)
  const segments = playlist.match(/^(?!#).+\.m4s$/gm)?.length ?? 0
  return `/live/wheel/${rendition}?_HLS_msn=${first + segments}`
}

async function text(url: string): Promise<string> {
  return (await fetch(url, { headers: { connection: 'close' } })).text()
}

/** Figures when nobody but the publisher is there. */
async function settled(server: AttackedServer): Promise<Figures> {
  let now: Figures | undefined
  await eventually('the first round is over', async () => {
    now = await figures(server)
    return now.streams === 1 && now.waiting === 0 && now.connected === 1 && now.connections === 0
  })
  assert.ok(now !== undefined)
  return now
}
