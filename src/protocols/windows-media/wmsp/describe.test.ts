import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { PeerError } from '../../../errors.ts'
import { testFile } from '../../../media/containers/asf/test-files.suite.ts'
import {
  nativeOf,
  OLD,
  Player,
  publishNative,
  request,
  type Setup,
  type SetupOptions,
  setup,
} from './loopback.suite.ts'

const FILES = {
  'vod/a.wmv': testFile('wmv2-wmav2.wmv').bytes,
  'vod/mbr.wmv': testFile('two-video-two-audio.wmv').bytes,
}
const PACKET_PAIR = 2080

const opened: { close(): Promise<void> | void }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

async function open(options: SetupOptions = {}): Promise<Setup> {
  const made = await setup({ files: FILES, ...options })
  opened.push(made)
  return made
}

async function player({ port }: Setup): Promise<Player> {
  const made = await Player.open(port)
  opened.push(made)
  return made
}

async function ask(made: Setup, ...args: Parameters<typeof request>) {
  const client = await player(made)
  client.send(request(...args))
  return { client, head: await client.head() }
}

test('SRV-01: only Windows Media clients are served; what looks like one by its tokens is refused', async () => {
  const made = await open()
  const foreign = await ask(made, '/vod/a.wmv', { agent: 'VLC/3.0.18' })
  assert.equal(foreign.head.status, 200)
  assert.equal(foreign.head.header('content-type'), 'video/x-ms-asf')
  assert.match((await foreign.client.bytes(4)).toString(), /^<ASX/)
  const tokens = await ask(made, '/vod/a.wmv', { agent: 'Foo/1.0', pragma: ['xClientGUID={x}'] })
  assert.equal(tokens.head.status, 400)
  assert.equal((await ask(made, '/vod/a.wmv', { agent: null, pragma: ['xPlayStrm=1'] })).head.status, 400)
  for (const agent of ['NSPlayer/12.0', 'NSServer/9.0', 'WMCacheProxy/9.6']) {
    const { head } = await ask(made, '/vod/a.wmv', { agent, pragma: ['no-cache'] })
    assert.equal(head.header('content-type'), 'application/vnd.ms.wms-hdr.asfv1', agent)
  }
})

test('SRV-02, SRV-03: what is none of the ten requests is an error; tokens that nobody knows are not', async () => {
  const made = await open()
  const cases: [string, Parameters<typeof request>[1]][] = [
    ['/vod/a.wmv', { method: 'PUT' }],
    ['/vod/a.wmv', { method: 'DELETE' }],
    ['/vod/a.wmv', { method: 'POST' }],
    ['/vod/a.wmv', { method: 'POST', body: 'x', headers: ['Content-Type: text/plain'] }],
    ['/vod/a.wmv', { method: 'POST', headers: ['Content-Type: application/x-wms-getcontentinfo'] }],
    ['/vod/a.wmv', { pragma: ['pipeline-request=1', 'xPlayStrm=1'] }],
    ['/vod/a.wmv', { pragma: ['xPlayNextEntry=1', 'xPlayStrm=1'] }],
    ['/vod/a.wmv', { pragma: ['stream-switch-entry=ffff:1:0', 'xStopStrm=1'] }],
    ['/vod/a.wmv', { version: '1.0', pragma: ['pipeline-request=1'] }],
    ['/vod/a.wmv', { method: 'OPTIONS' }],
  ]
  for (const [target, options] of cases) {
    const { head } = await ask(made, target, options)
    assert.equal(head.status, 400, JSON.stringify(options))
    assert.match(head.header('server') ?? '', /^Cougar\//)
  }
  const unknown = ['no-cache, frobnicate=7, xResetStrm=1, timeout=3, pipeline-result=0, expect-new-header=1', 'bare']
  assert.equal((await ask(made, '/vod/a.wmv', { pragma: unknown })).head.status, 200)
})

test('SRV-07, SRV-08, SRV-09, SRV-10, SRV-75: every answer has its server, a session its id and a time that is true', async () => {
  const made = await open()
  const { head } = await ask(made, '/vod/a.wmv', { pragma: ['no-cache', 'client-lag=5', 'LinkBW=7'] })
  assert.match(head.header('server') ?? '', /^Cougar\/9\.6/)
  const id = head.pragma.u32('client-id') ?? 0
  assert.ok(id > 0)
  const timeout = head.pragma.u32('timeout') ?? 0
  assert.ok(timeout >= 1000 && timeout <= 60_000)
  assert.match(head.header('supported') ?? '', /com\.microsoft\.wm\.sswitch/)
  assert.doesNotMatch(head.text, /client-lag|LinkBW|xClientGUID|User-Agent|version-info|version-url/i)
  assert.equal(head.pragma.text('features'), 'seekable,stridable')

  const keep = await ask(made, '/vod/a.wmv', {
    method: 'POST',
    pragma: [`client-id=${id}`, 'no-cache', 'xKeepAliveInPause=1'],
  })
  assert.equal(keep.head.status, 200)
  assert.equal(keep.head.pragma.u32('client-id'), id)
  assert.equal(keep.head.header('content-length'), '0')
  const refused = await ask(made, '/vod/a.wmv', { pragma: ['xPlayNextEntry=1', `client-id=${id}`] })
  assert.equal(refused.head.status, 409)
  assert.equal(refused.head.pragma.u32('client-id'), id)
})

test('SRV-07: an encoder that is pulled from is Rex, and sends no $M', async () => {
  const made = await open({ product: 'Rex' })
  const { client, head } = await ask(made, '/vod/a.wmv')
  assert.match(head.header('server') ?? '', /^Rex\//)
  assert.equal((await client.frame()).type, 'H')
})

test('SRV-11, SRV-12: ids of sessions differ and follow no order', async () => {
  const made = await open()
  const ids = new Set<number>()
  let rising = 0
  let last = 0
  for (let count = 0; count < 40; count++) {
    const { head } = await ask(made, '/vod/a.wmv')
    const id = head.pragma.u32('client-id') ?? 0
    if (id > last) rising++
    last = id
    ids.add(id)
  }
  assert.equal(ids.size, 40)
  assert.ok(rising > 5 && rising < 35, `${rising} of 40 rise`)
})

test('SRV-13, SRV-14, SRV-18, SRV-20, SRV-47: a Describe response has its length, $M right before $H, and nothing more', async () => {
  const made = await open()
  const { init } = nativeOf('wmv2-wmav2.wmv')
  const { client, head } = await ask(made, '/vod/a.wmv', { pragma: ['no-cache', 'version11-enabled=1'] })
  assert.equal(head.header('transfer-encoding'), undefined)
  const length = Number(head.header('content-length'))
  const metadata = await client.frame()
  const header = await client.frame()
  assert.deepEqual([metadata.type, metadata.flags, metadata.locationId], ['M', 0x0c, 0])
  assert.deepEqual([header.type, header.flags, header.locationId], ['H', 0x0c, 0])
  assert.deepEqual(Buffer.from(header.payload), Buffer.from(init.bytes))
  assert.equal(metadata.payload.byteLength + header.payload.byteLength + 24, length)
  assert.match(
    Buffer.from(metadata.payload).toString('latin1'),
    /^playlist-gen-id=1, broadcast-id=0, features="seekable,stridable"\0/,
  )
  assert.equal(client.rest, 0)
})

test('SRV-19, SRV-73: players before version 9 get $H alone', async () => {
  const made = await open()
  for (const agent of [OLD, 'NSPlayer/7.10.0.3059', 'NSPlayer/8.0.0.1']) {
    const { client, head } = await ask(made, '/vod/a.wmv', { agent })
    assert.equal((await client.frame()).type, 'H', agent)
    assert.equal(client.rest, 0)
    assert.equal(head.header('supported'), undefined)
  }
})

test('SRV-15, SRV-16, SRV-17: three $P of the right sizes when they are granted, none otherwise', async () => {
  const made = await open()
  const { client, head } = await ask(made, '/vod/a.wmv', { pragma: ['packet-pair-experiment=1'] })
  assert.equal(head.pragma.u32('packet-pair-experiment'), 1)
  const size = Math.min(504, Buffer.byteLength(head.text, 'latin1'))
  const wire = await client.bytes(PACKET_PAIR)
  const lengths = [512 - size, 512, 1056 + size]
  let at = 0
  for (const [index, length] of lengths.entries()) {
    assert.equal(wire.toString('latin1', at, at + 2), '$P')
    assert.equal(wire.readUInt16LE(at + 2), [504, 504, 1048][index])
    assert.equal(wire.readUInt32LE(at + 4), size)
    at += length
  }
  assert.equal(at, PACKET_PAIR)
  const metadata = await client.frame()
  const header = await client.frame()
  assert.deepEqual([metadata.type, header.type], ['M', 'H'])
  const length = PACKET_PAIR + metadata.payload.byteLength + header.payload.byteLength + 24
  assert.equal(Number(head.header('content-length')), length)
  assert.equal(client.rest, 0)

  const without = await ask(made, '/vod/a.wmv', { pragma: ['packet-pair-experiment=0'] })
  assert.equal(without.head.pragma.has('packet-pair-experiment'), false)
  assert.equal((await without.client.frame()).type, 'M')
})

test('SRV-21, SRV-06: an unknown client-id gets a new session, none at all is no fault', async () => {
  const made = await open()
  const { head } = await ask(made, '/vod/a.wmv', { pragma: ['client-id=1234567'] })
  assert.equal(head.status, 200)
  assert.equal(head.pragma.u32('xResetStrm'), 1)
  assert.notEqual(head.pragma.u32('client-id'), 1234567)
  assert.equal((await ask(made, '/vod/a.wmv')).head.pragma.has('xResetStrm'), false)
  const options = await ask(made, '*', { method: 'OPTIONS', pragma: ['client-id=99'] })
  assert.equal(options.head.status, 200)
  assert.match(options.head.header('public') ?? '', /OPTIONS/)
})

test('SRV-04, SRV-05: requests of a session need the id of one that there is', async () => {
  const made = await open()
  const requests: Parameters<typeof request>[1][] = [
    { pragma: ['stream-switch-count=1', 'stream-switch-entry=ffff:1:0'] },
    { method: 'POST', pragma: ['stream-switch-count=1', 'stream-switch-entry=ffff:1:0'] },
    { method: 'POST', pragma: ['log-line=0.0.0.0 - -'] },
    { method: 'POST', pragma: ['xStopStrm=1'] },
    { pragma: ['xPlayNextEntry=1'] },
    { pragma: ['pipeline-request=1'] },
    { method: 'POST', pragma: ['xKeepAliveInPause=1'] },
  ]
  for (const options of requests) {
    assert.equal((await ask(made, '/vod/a.wmv', options)).head.status, 400, JSON.stringify(options))
    const named = { ...options, pragma: [...(options?.pragma ?? []), 'client-id=4711'] }
    assert.equal((await ask(made, '/vod/a.wmv', named)).head.status, 400, JSON.stringify(named))
  }
  assert.ok(made.log.lines.includes('ERR_WMSP_SESSION'))
})

test('SRV-05: the id of a session is good for its own path only', async () => {
  const made = await open()
  const { head } = await ask(made, '/vod/a.wmv')
  const id = head.pragma.u32('client-id')
  const other = await ask(made, '/vod/mbr.wmv', { method: 'POST', pragma: [`client-id=${id}`, 'xKeepAliveInPause=1'] })
  assert.equal(other.head.status, 400)
  const describe = await ask(made, '/vod/mbr.wmv', { pragma: [`client-id=${id}`] })
  assert.equal(describe.head.pragma.u32('xResetStrm'), 1)
})

test('SRV-23: what is not there is 404 for Describe, Play, GetContentInfo and SendEvent', async () => {
  const made = await open()
  const cases: Parameters<typeof request>[1][] = [
    {},
    { pragma: ['xPlayStrm=1'] },
    { method: 'POST', body: 'x', headers: ['Content-Type: application/x-wms-getcontentinfo'] },
    { method: 'POST', body: '1\r\n1,28,0\r\n', headers: ['Content-Type: application/x-wms-sendevent'] },
  ]
  for (const path of ['/live/nobody', '/vod/none.wmv', '/channel/none']) {
    for (const options of cases)
      assert.equal((await ask(made, path, options)).head.status, 404, `${path} ${JSON.stringify(options)}`)
  }
  assert.equal((await ask(made, '/etc/passwd')).head.status, 400)
  assert.equal((await ask(made, '/vod/none.mp4')).head.status, 404)
})

test('a file that is no ASF file is told apart from one that is not there', async () => {
  const made = await open({ files: { 'vod/text.wmv': Buffer.alloc(5000, 'text') } })
  assert.equal((await ask(made, '/vod/text.wmv')).head.status, 415)
})

test('SRV-27: the pipeline test is offered to who asks over HTTP/1.1', async () => {
  const made = await open()
  const pragma = ['pipeline-experiment=1']
  assert.equal((await ask(made, '/vod/a.wmv', { pragma })).head.pragma.u32('pipeline-experiment'), 1)
  assert.equal(
    (await ask(made, '/vod/a.wmv', { pragma, version: '1.0' })).head.pragma.has('pipeline-experiment'),
    false,
  )
  assert.equal((await ask(made, '/vod/a.wmv')).head.pragma.has('pipeline-experiment'), false)
})

test('SRV-65: GetContentInfo says how long a copy is good, and nothing else', async () => {
  const made = await open()
  const { client, head } = await ask(made, '/vod/a.wmv', {
    method: 'POST',
    agent: 'WMCacheProxy/9.6',
    body: 'anything at all',
    headers: ['Content-Type: application/x-wms-getcontentinfo'],
  })
  assert.equal(head.status, 200)
  assert.equal(head.header('content-length'), '0')
  const control = head.header('cache-control') ?? ''
  assert.match(control, /^no-cache, x-wms-content-size=\d+, /)
  assert.match(control, /user-public/)
  assert.ok(head.header('last-modified'))
  assert.match(head.header('etag') ?? '', /^"[0-9a-f-]+"$/)
  await client.closed()
})

test('live content is told to be on the air and may be split', async () => {
  const made = await open()
  publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv').send(5)
  const { client, head } = await ask(made, '/live/a')
  assert.equal(head.pragma.text('features'), 'broadcast,live')
  assert.match(head.header('cache-control') ?? '', /x-wms-stream-type="broadcast".*x-wms-proxy-split/)
  const metadata = await client.frame()
  assert.match(Buffer.from(metadata.payload).toString('latin1'), /broadcast-id=1, features="broadcast,live"/)
})

test('SRV-69, SRV-70: who may not play is challenged with what it knows, before anything is told', async () => {
  const made = await open({
    authorize: async ({ credentials }) => {
      if (credentials.basic?.password !== 'good') throw new PeerError('ERR_ACCESS_DENIED', 'a key is needed')
    },
  })
  const { head } = await ask(made, '/vod/none.wmv', { headers: ['X-Accept-Authentication: Basic, NTLM'] })
  assert.equal(head.status, 401)
  assert.match(head.header('www-authenticate') ?? '', /^Basic /)
  assert.equal((await ask(made, '/vod/a.wmv', { pragma: ['xPlayStrm=1'] })).head.status, 401)
  const basic = `Authorization: Basic ${Buffer.from('user:good').toString('base64')}`
  const shown = await ask(made, '/vod/a.wmv', { headers: [basic] })
  assert.equal(shown.head.status, 200)
  assert.match(shown.head.header('cache-control') ?? '', /no-store/)
})

test('VLC and libmms: HTTP/1.0 is answered in HTTP/1.0, and the connection is closed behind it', async () => {
  const made = await open()
  const { client, head } = await ask(made, '/vod/a.wmv', { version: '1.0', agent: OLD, headers: ['Connection: Close'] })
  assert.match(head.line, /^HTTP\/1\.0 200 /)
  await client.closed()
  const kept = await ask(made, '/vod/a.wmv', { version: '1.0', headers: ['Connection: Keep-Alive'] })
  assert.equal(kept.head.header('connection'), 'keep-alive')
  await kept.client.framesTo('H')
  kept.client.send(request('/vod/a.wmv', { version: '1.0', headers: ['Connection: Keep-Alive'] }))
  assert.equal((await kept.client.head()).status, 200)
})

test('SRV-67: a session whose time is over is gone, with its connection', async () => {
  const made = await open()
  const { client, head } = await ask(made, '/vod/a.wmv')
  const id = head.pragma.u32('client-id')
  made.clock.advance(59_000)
  const keep = await ask(made, '/vod/a.wmv', { method: 'POST', pragma: [`client-id=${id}`, 'xKeepAliveInPause=1'] })
  assert.equal(keep.head.status, 200)
  made.clock.advance(59_000)
  assert.equal(made.server.sessions, 1)
  made.clock.advance(1_001)
  await client.closed()
  assert.equal(made.server.sessions, 0)
  const late = await ask(made, '/vod/a.wmv', { method: 'POST', pragma: [`client-id=${id}`, 'xKeepAliveInPause=1'] })
  assert.equal(late.head.status, 400)
})

test('the oldest idle session goes when there is no room for another', async () => {
  const made = await open({ maxSessions: 3 })
  const ids: (number | undefined)[] = []
  for (let count = 0; count < 4; count++) ids.push((await ask(made, '/vod/a.wmv')).head.pragma.u32('client-id'))
  assert.equal(made.server.sessions, 3)
  const keep = (id: number | undefined) =>
    ask(made, '/vod/a.wmv', { method: 'POST', pragma: [`client-id=${id}`, 'xKeepAliveInPause=1'] })
  assert.equal((await keep(ids[0])).head.status, 400)
  assert.equal((await keep(ids[1])).head.status, 200)
})

test('requests that cannot be read are refused and the connection is closed', async () => {
  const made = await open()
  const client = await player(made)
  client.send('GET /vod/a.wmv HTTP/1.1\r\nHost: x\r\nUser-Agent: NSPlayer/12.0\r\nbroken line\r\n\r\n')
  assert.equal((await client.head()).status, 400)
  await client.closed()
  const large = await player(made)
  large.send(
    request('/vod/a.wmv', {
      headers: ['Content-Type: application/x-wms-LogStats', 'Content-Length: 99999999'],
      method: 'GET',
    }),
  )
  assert.equal((await large.head()).status, 413)
  await large.closed()
})
