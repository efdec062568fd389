/** The classic attacks on Windows Media servers, on the running server: M-02, M-05, M-06, M-08, and N-02, N-03, N-05 of these protocols. */
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import {
  type AttackedServer,
  eventually,
  faultCount,
  figures,
  openFiles,
  openLogServer,
  residentBytes,
  startAttacked,
} from './attacked-server.ts'
import {
  asfInit,
  asfPackets,
  describeRequest,
  openPush,
  playRequest,
  pushPacket,
  pushRequest,
  WindowsMediaPeer,
} from './windows-media-peer.ts'

const MEGABYTE = 1024 * 1024
const CYCLES = 80
const AT_ONCE = 10

// Most of the time is waiting, and each has a server of its own.
describe('Windows Media', { concurrency: true }, () => {
  it('M-02: peers that cut the connection at every message leave nothing behind', async (t) => {
    // An encoder whose connection is lost may come back for so long.
    const server = await startAttacked(t, { settings: { windowsMedia: { pushIdleMs: 10_000, waitMs: 1000 } } })
    await keepLive(t, server)
    const watching = await play(server, '/live/kept')
    const target = (turn: number) => `/live/cut-${turn}?key=${server.secrets.publishKey}`
    const states: Readonly<Record<string, (turn: number) => Promise<WindowsMediaPeer>>> = {
      'in the middle of a head': () =>
        new WindowsMediaPeer(server.http).say('GET /live/kept HTTP/1.0\r\nUser-Agent: NSPl').connected(),
      'after Describe': async () => {
        const peer = new WindowsMediaPeer(server.http).say(describeRequest('/live/kept'))
        assert.ok(await peer.hears('$H'), peer.heard)
        return peer
      },
      playing: () => play(server, '/live/kept'),
      'waiting for a stream': (turn) =>
        new WindowsMediaPeer(server.http).say(playRequest(`/live/absent-${turn}`)).connected(),
      'after PushSetup': async (turn) => {
        const peer = new WindowsMediaPeer(server.http).say(pushRequest('setup', target(turn), '0'))
        await peer.hears('\r\n\r\n')
        return peer
      },
      'after the header': (turn) => openPush(server.http, target(turn)),
      'in the middle of a packet': async (turn) => {
        const peer = await openPush(server.http, target(turn))
        return peer.say(pushPacket('D', new Uint8Array(100), 1000))
      },
    }
    for (const state of Object.values(states)) {
      for (let turn = 0; turn < CYCLES; turn += AT_ONCE) {
        const peers = await Promise.all(Array.from({ length: AT_ONCE }, (_, index) => state(turn + index)))
        for (const { socket } of peers) socket.resetAndDestroy()
      }
    }
    await eventually('only the stream and its viewer are left', async () => {
      const { sessions, connections } = await figures(server)
      return sessions <= 2 && connections <= 2
    })
    await assertPlaying(watching)
  })

  it('M-05: bombs of pragmas are refused with 400', async (t) => {
    const server = await startAttacked(t)
    await keepLive(t, server)
    const watching = await play(server, '/live/kept')
    const every = Array.from({ length: 65_535 }, (_, index) => `ffff:${(index + 1).toString(16)}:0`).join(' ')
    const bombs: readonly (readonly string[])[] = [
      Array.from({ length: 1000 }, (_, index) => `token-${index}=1`),
      ['xPlayStrm=1', 'stream-switch-count=65535', `stream-switch-entry=${every.slice(0, 12_000)}`],
      ['xPlayStrm=1', 'rate=-99999999999'],
      ['xPlayStrm=1', 'client-id=99999999999999999999'],
      ['xPlayStrm=1', 'xStopStrm=1', 'pipeline-request=1'],
      ['pipeline-request=1'],
    ]
    for (const pragmas of bombs) {
      const peer = new WindowsMediaPeer(server.http).say(playRequest('/live/kept', pragmas))
      await Promise.race([peer.hears('\r\n\r\n'), peer.closed()])
      assert.ok(peer.status >= 400 && peer.status < 500, `${pragmas[0]?.slice(0, 40)}: ${peer.heard.slice(0, 200)}`)
      peer.socket.destroy()
    }
    await assertPlaying(watching)
  })

  it('M-06: a push that breaks the order or its lengths ends, and its reason is in the log', async (t) => {
    const server = await startAttacked(t)
    const key = server.secrets.publishKey
    const [packet = new Uint8Array()] = asfPackets(1)
    const huge = Buffer.from(asfInit.bytes)
    huge.writeBigUInt64LE(2n ** 63n, 16)
    const pushes: Readonly<Record<string, readonly Uint8Array[]>> = {
      'data before the header': [pushPacket('D', packet)],
      'a change before the end of an entry': [
        pushPacket('H', asfInit.bytes),
        pushPacket('C', Buffer.concat([Buffer.alloc(4), asfInit.bytes])),
      ],
      'a header twice': [pushPacket('H', asfInit.bytes), pushPacket('H', asfInit.bytes)],
      'a header object of 2^63 bytes': [pushPacket('H', huge)],
      'a header that is none': [pushPacket('H', Buffer.alloc(200, 0x41))],
      'an unknown packet': [pushPacket('H', asfInit.bytes), pushPacket('Z', Buffer.alloc(8))],
      'no framing at all': [Buffer.from('GET / HTTP/1.1\r\n\r\n')],
      'a packet larger than the header says': [
        pushPacket('H', asfInit.bytes),
        pushPacket('D', Buffer.alloc(60_000, 0x82)),
      ],
    }
    for (const [name, parts] of Object.entries(pushes)) {
      const target = `/live/broken?key=${key}`
      const peer = new WindowsMediaPeer(server.http).say(pushRequest('setup', target, '0'))
      await peer.hears('\r\n\r\n')
      const pushId = /push-id=([^;\r]+)/i.exec(peer.heard)?.[1] ?? ''
      peer.heard = ''
      peer.say(pushRequest('start', target, pushId), ...parts)
      await peer.closed()
      assert.ok(peer.status === 0 || peer.status >= 400, `${name}: ${peer.heard.slice(0, 100)}`)
      await eventually(`the session is gone: ${name}`, async () => (await figures(server)).sessions === 0)
    }
    assert.match(server.log(), /ERR_(?:ASF|WM)/)
  })

  it('M-08 and SYS-04: logs that are none are refused, nothing of them reaches a file, and the stream goes on', async (t) => {
    const server = await startAttacked(t)
    await keepLive(t, server)
    const watching = await play(server, '/live/kept')
    const clientId = await describeClient(server)
    const fields =
      '0.0.0.0 2031-05-06 07:08:09 - http://h/live/kept 0 9 1 200 {3300AD50-2C39-46c0-AE0A-1A2B3C4D5E6F} 12.0.0.42 en-GB P/1 - p.exe 1.4.0.0 Linux 6.1.0.0 x64 0 0 64000 http TCP MP3 - - - 9000 - 71 0 0 0 - 0 0 1 2 100 - - - -'
    const evil = [
      fields.replace(/ \S+$/, ''),
      `${fields} - - - - - - - - -`,
      fields.replace('9000', '1000000000000000000000'),
      fields.replace('9000', '-1'),
      fields.replace('P/1', 'P\u0001evil'),
    ]
    for (const line of evil) assert.equal(await log(server, clientId, { line }), 400, line)
    const xml = `<XML><Summary>${fields}</Summary></XML>`
    for (const body of [
      Buffer.alloc(MEGABYTE, 0x41),
      Buffer.from(`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>${xml}`),
      Buffer.concat([Buffer.from('<XML><Summary>'), Buffer.of(0xff, 0xfe, 0xc3), Buffer.from('</Summary></XML>')]),
      Buffer.from('<XML>'.repeat(20_000)),
    ]) {
      const status = await log(server, clientId, { body })
      assert.ok(status === 400 || status === 413 || status === 0, `${status} for ${body.subarray(0, 30).toString()}`)
    }
    assert.ok([200, 204].includes(await log(server, clientId, { line: fields })))
    assert.ok([200, 204].includes(await log(server, clientId, { body: Buffer.from(xml) })))

    const folder = join(server.data, 'logs')
    const text = await eventually('both good logs are in a file', async () => {
      if (!existsSync(folder)) return undefined
      const all = readdirSync(folder)
        .map((name) => readFileSync(join(folder, name), 'latin1'))
        .join('')
      return all.split('\n').filter((one) => one !== '' && !one.startsWith('#')).length >= 2 ? { all } : undefined
    })
    assert.ok(typeof text === 'object')
    assert.equal(text.all.split('\n').filter((one) => one !== '' && !one.startsWith('#')).length, 2)
    await assertPlaying(watching)
    assert.doesNotMatch(text.all, /evil|root:|[\u0000-\u0008\u000b\u000c\u000e-\u001f]/)
  })

  it('N-02: a head that drips is closed after ten seconds, all together', async (t) => {
    const server = await startAttacked(t)
    const peer = new WindowsMediaPeer(server.http).say('POST /live/x HTTP/1.1\r\n')
    const started = performance.now()
    const dripping = setInterval(() => peer.say('X'), 1000)
    await peer.closed()
    clearInterval(dripping)
    assert.ok(performance.now() - started < 15_000)
  })

  it('N-03: viewers that never read cost no memory to speak of, are cut off, and change nothing for others', async (t) => {
    const server = await startAttacked(t)
    await keepLive(t, server, 20)
    const watching = await play(server, '/live/kept')
    await openLogServer(server)
    const before = residentBytes(server)
    const stalled = Array.from({ length: 50 }, () => {
      const peer = new WindowsMediaPeer(server.http)
      peer.socket.pause()
      return peer.say(playRequest('/live/kept'))
    })
    await eventually('all are there', async () => (await figures(server)).connected >= 52)
    await eventually('they are cut off', async () => (await figures(server)).connected <= 2, 60_000)

    t.diagnostic(`${(residentBytes(server) - before) / MEGABYTE} MB more`)
    assert.ok(residentBytes(server) - before < 60 * MEGABYTE, `${(residentBytes(server) - before) / MEGABYTE} MB more`)
    await assertPlaying(watching)
    for (const { socket } of stalled) socket.destroy()
    const ended = await endings(server, 'live/kept', stalled.length)
    const cutOff = ended.filter(({ reason }) => reason === 'ERR_WMSP_STALLED')
    assert.equal(cutOff.length, stalled.length, JSON.stringify(ended))
  })

  it('N-05: bodies and lengths that lie cost neither memory nor descriptors', async (t) => {
    const server = await startAttacked(t)
    const files = openFiles(server)
    const before = residentBytes(server)
    const lies = ['-1', '99999999999999999999', '0x10', '1e9', '18446744073709551615', '10, 20']
    for (const length of lies) {
      const peer = new WindowsMediaPeer(server.http).say(
        `POST /live/x?key=${server.secrets.publishKey} HTTP/1.1\r\nHost: h\r\nUser-Agent: WMEncoder/12.0.0.7\r\nContent-Type: application/x-wms-pushstart\r\nCookie: push-id=none\r\nContent-Length: ${length}\r\n\r\n`,
      )
      await Promise.race([peer.closed(), delay(5000)])
      assert.ok(peer.status === 0 || peer.status >= 400, `${length}: ${peer.heard.slice(0, 100)}`)
      peer.socket.destroy()
    }
    await eventually('no descriptor is left open', async () => openFiles(server) <= files + 2)
    assert.ok(residentBytes(server) - before < 30 * MEGABYTE)
    assert.equal(await faultCount(server, 'ERR_INTERNAL'), 0)
  })
})

/** A pushed stream that goes on until the test ends; `times` packets each 26 ms. */
async function keepLive(t: TestContext, server: AttackedServer, times = 1): Promise<void> {
  const peer = await openPush(server.http, `/live/kept?key=${server.secrets.publishKey}`)
  const packets = asfPackets(20_000)
  let next = 0
  const timer = setInterval(() => {
    for (let count = 0; count < times && next < packets.length; count++)
      peer.say(pushPacket('D', packets[next++] ?? new Uint8Array()))
  }, 26)
  t.after(() => {
    clearInterval(timer)
    peer.socket.destroy()
  })
  await eventually('it is on air', async () => (await figures(server)).streams === 1)
}

async function play(server: AttackedServer, path: string): Promise<WindowsMediaPeer> {
  const peer = new WindowsMediaPeer(server.http).say(playRequest(path))
  assert.ok(await peer.hears('$D'), `it plays: ${peer.heard.slice(0, 300)}`)
  return peer
}

async function assertPlaying(peer: WindowsMediaPeer): Promise<void> {
  peer.heard = ''
  assert.ok(await peer.hears('$D'), 'the other viewer still gets packets')
  peer.socket.destroy()
}

/** A player's session, by its client-id. */
async function describeClient(server: AttackedServer): Promise<string> {
  const peer = new WindowsMediaPeer(server.http).say(playRequest('/live/kept', []))
  await peer.hears('\r\n\r\n')
  peer.socket.destroy()
  return /client-id=(\d+)/.exec(peer.heard)?.[1] ?? ''
}

/** Sends a log and returns the status of the answer; 0: closed without one. */
async function log(
  server: AttackedServer,
  clientId: string,
  { line, body }: { readonly line?: string; readonly body?: Buffer },
): Promise<number> {
  const head = [
    'POST /live/kept HTTP/1.0',
    'User-Agent: NSPlayer/12.0.0.42',
    `Pragma: no-cache, client-id=${clientId}`,
    ...(line === undefined ? ['Content-Type: application/x-wms-LogStats;charset=UTF-8'] : [`Pragma: log-line=${line}`]),
    `Content-Length: ${body?.byteLength ?? 0}`,
    '\r\n',
  ].join('\r\n')
  const peer = new WindowsMediaPeer(server.http).say(head, ...(body === undefined ? [] : [body]))
  await Promise.race([peer.hears('\r\n\r\n'), peer.closed()])
  peer.socket.destroy()
  return peer.status
}

/** The server's last words on the sessions of a path, once there are so many. */
async function endings(server: AttackedServer, path: string, count: number) {
  interface Told {
    readonly events: readonly { readonly source: string; readonly kind: string; readonly reason?: string }[]
  }
  const ask = async <Answer>(what: string) => {
    const headers = { authorization: `Bearer ${server.secrets.adminToken}` }
    return (await (await fetch(`${server.urls['api']}/audience/${what}`, { headers })).json()) as Answer
  }
  let ended: Told['events'] = []
  await eventually(`${count} sessions of ${path} are over`, async () => {
    const { items } = await ask<{ items: readonly { id: string }[] }>(`sessions?path=${path}`)
    const all = await Promise.all(items.map(({ id }) => ask<Told>(`session?id=${id}`)))
    ended = all.flatMap(({ events }) => events.filter(({ source, kind }) => source === 'server' && kind === 'close'))
    return ended.length >= count
  })
  return ended
}
