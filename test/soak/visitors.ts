/** People and machines that come and go: viewers of every protocol, seekers of names that do not exist, and noise. */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { Hub } from '../../src/live/hub.ts'
import type { Logger } from '../../src/protocols/protocol.ts'
import { rtmp } from '../../src/protocols/rtmp/index.ts'
import type { RunningServer } from '../support/server.ts'

/** Where a visitor goes. */
export type Visited = Pick<RunningServer, 'urls' | 'ports'>

/** Stays until the signal aborts at the latest. Must not throw for anything a server may answer. */
export type Visit = (server: Visited, name: string, signal: AbortSignal) => Promise<void>

const silent: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  counted: () => {},
  child: () => silent,
}

async function playRtmp(server: Visited, name: string, signal: AbortSignal): Promise<void> {
  const hub = new Hub()
  const publisher = hub.publish('live/copy')
  try {
    await rtmp.pull?.(new URL(`${server.urls['rtmp']}/live/${name}`), publisher, { signal, log: silent })
  } finally {
    publisher.close({ final: true })
    hub.close()
  }
}

async function playFlv(server: Visited, name: string, signal: AbortSignal): Promise<void> {
  const response = await fetch(`${server.urls['http']}/live/${name}.flv`, { signal })
  await response.body?.pipeTo(new WritableStream(), { signal })
}

function playWebSocket(server: Visited, name: string, signal: AbortSignal): Promise<void> {
  const socket = new WebSocket(`${server.urls['http']?.replace('http', 'ws')}/live/${name}.flv`)
  return new Promise((resolve) => {
    const close = () => socket.close()
    signal.addEventListener('abort', close, { once: true })
    socket.onerror = () => resolve()
    socket.onclose = () => {
      signal.removeEventListener('abort', close)
      resolve()
    }
  })
}

async function playHls(server: Visited, name: string, signal: AbortSignal): Promise<void> {
  const base = `${server.urls['http']}/live/${name}/`
  const index = await text(`${base}index.m3u8`, signal)
  const rendition = /^video-\d+\.m3u8$/m.exec(index)?.[0]
  if (rendition === undefined) return
  for (let query = ''; !signal.aborted; ) {
    const playlist = await text(`${base}${rendition}${query}`, signal)
    const hint = /PRELOAD-HINT:TYPE=PART,URI="([^"]+-(\d+)\.(\d+)\.m4s)"/.exec(playlist)
    if (hint === null) return
    // The part that is not there yet, and whoever leaves before it comes.
    await Promise.all([text(`${base}${hint[1]}`, signal), text(`${base}${rendition}`, signal)])
    query = `?_HLS_msn=${hint[2]}&_HLS_part=${hint[3]}`
  }
}

async function playDash(server: Visited, name: string, signal: AbortSignal): Promise<void> {
  const base = `${server.urls['http']}/live/${name}/`
  while (!signal.aborted) {
    const mpd = await text(`${base}manifest.mpd`, signal)
    const init = /initialization="([^"]+)"/.exec(mpd)?.[1]
    if (init === undefined) return
    await text(`${base}${init}`, signal)
    await delay(500, undefined, { signal })
  }
}

async function browse(server: Visited, name: string, signal: AbortSignal): Promise<void> {
  for (const path of [
    '/',
    `/watch/live/${name}`,
    '/live.json',
    '/healthz',
    `/${randomBytes(6).toString('hex')}`,
    '/%2e%2e/x',
  ]) {
    await text(`${server.urls['http']}${path}`, signal)
  }
}

/** Asks for a stream and reads nothing of it. */
const stall: Visit = (server, name, signal) =>
  hold(server.ports['http'] ?? 0, signal, Buffer.from(`GET /live/${name}.flv HTTP/1.1\r\nHost: x\r\n\r\n`))

const noise =
  (protocol: string): Visit =>
  (server, _name, signal) =>
    hold(server.ports[protocol] ?? 0, signal, randomBytes(1 + Math.floor(Math.random() * 4000)))

const halfOpen =
  (protocol: string): Visit =>
  (server, _name, signal) =>
    hold(server.ports[protocol] ?? 0, signal, undefined)

/** A first byte that promises a handshake, and half of it. */
const halfHandshake: Visit = (server, _name, signal) =>
  hold(server.ports['rtmp'] ?? 0, signal, Buffer.concat([Buffer.of(3), randomBytes(800)]))

function hold(port: number, signal: AbortSignal, bytes: Buffer | undefined): Promise<void> {
  const socket = connect(port, '127.0.0.1').pause()
  if (bytes !== undefined) socket.write(bytes)
  const leave = () => socket.destroy()
  signal.addEventListener('abort', leave, { once: true })
  return new Promise((resolve) => {
    socket.on('error', () => {})
    socket.on('close', () => {
      signal.removeEventListener('abort', leave)
      resolve()
    })
  })
}

/** All kinds of visit by name; each comes about equally often. */
export const visits: Readonly<Record<string, Visit>> = {
  rtmp: playRtmp,
  'rtmp again': playRtmp,
  flv: playFlv,
  websocket: playWebSocket,
  hls: playHls,
  'hls again': playHls,
  dash: playDash,
  browser: browse,
  stall,
  'rtmp noise': noise('rtmp'),
  'http noise': noise('http'),
  'rtmp half-open': halfOpen('rtmp'),
  'http half-open': halfOpen('http'),
  'rtmp half a handshake': halfHandshake,
}

async function text(url: string, signal: AbortSignal): Promise<string> {
  const response = await fetch(url, { signal })
  return response.text()
}
