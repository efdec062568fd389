import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { readDataPacket } from '../../../../media/containers/asf/data-packet.ts'
import { testFile } from '../../../../media/containers/asf/test-files.suite.ts'
import { parseWmlogLine } from '../../../../playlog/wmlog-line.ts'
import type { Frame } from '../../framing.ts'
import { parseStartupProfile } from '../../startup-profile.ts'
import {
  nativeOf,
  OLD,
  Player,
  playTokens,
  request,
  type Setup,
  type SetupOptions,
  setup,
  turn,
} from '../loopback.suite.ts'

const ALL = 'ffff:1:0 ffff:2:0'
const file = nativeOf('wmv2-wmav2.wmv')
const FILES = { 'vod/a.wmv': testFile('wmv2-wmav2.wmv').bytes, 'vod/sound.wma': testFile('wmav2.wma').bytes }
const { packetSize } = file.init

const opened: { close(): Promise<void> | void }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

async function open(options: SetupOptions = {}): Promise<Setup> {
  const made = await setup({ files: FILES, ...options })
  opened.push(made)
  return made
}

async function play(made: Setup, options: Parameters<typeof request>[1] = {}, select = ALL, path = '/vod/a.wmv') {
  const client = await Player.open(made.port)
  opened.push(client)
  client.send(request(path, { ...options, pragma: [...playTokens(select), ...(options?.pragma ?? [])] }))
  return { client, head: await client.head() }
}

/** All packets to the end, with the clock moved as far as it takes. */
async function playOut(made: Setup, client: Player, chunked = false): Promise<Frame[]> {
  const frames: Frame[] = []
  const state = { over: false }
  const reading = client.framesTo('E', chunked).then((all) => {
    frames.push(...all)
    state.over = true
  })
  while (!state.over) {
    await turn()
    made.clock.advance(500)
  }
  await reading
  return frames
}

const data = (frames: readonly Frame[]) => frames.filter(({ type }) => type === 'D')

test('SRV-50, SRV-53: a file comes whole, packet by packet, and ends with $E(0)', async () => {
  const made = await open()
  const { client } = await play(made, { agent: OLD, version: '1.0' })
  const frames = await playOut(made, client)
  assert.deepEqual(
    data(frames).map(({ locationId }) => locationId),
    file.packets.map(({ number }) => number),
  )
  assert.deepEqual(
    data(frames).map(({ flags }) => flags),
    file.packets.map((_, index) => index & 0xff),
  )
  assert.equal(frames.at(-1)?.reason, 0)
  await client.closed()
})

test('a player that asks for nothing gets the first seconds faster and then real time', async () => {
  const made = await open({ fastStartMs: 300 })
  const { client } = await play(made, { agent: OLD, version: '1.0' })
  await client.framesTo('H')
  let received = 0
  const until = async (mediaMs: number) => {
    const expected = file.packets.filter(({ sendTimeMs }) => sendTimeMs <= mediaMs).length
    for (; received < expected; received++) assert.equal((await client.frame()).type, 'D')
    for (let round = 0; round < 5; round++) await turn()
    assert.equal(client.rest, 0, `no more than ${mediaMs} ms`)
  }
  await until(0)
  // 300 ms at ten times the speed, and 70 ms.
  made.clock.advance(100)
  await until(370)
  made.clock.advance(100)
  await until(470)
  made.clock.advance(100)
  await until(570)
})

test('SRV-36: the start is taken from stream-time, then packet-num, then stream-offset', async () => {
  const made = await open()
  const header = file.init.bytes.byteLength
  const at = async (...pragma: string[]) => {
    const client = await Player.open(made.port)
    opened.push(client)
    client.send(request('/vod/a.wmv', { pragma: ['xPlayStrm=1', `stream-switch-entry=${ALL}`, ...pragma] }))
    assert.equal((await client.head()).status, 200)
    const first = (await client.framesTo('D')).at(-1)
    client.close()
    return first?.locationId
  }
  const ignored = 4294967295
  assert.equal(await at(), 0)
  assert.equal(await at('stream-time=0', 'packet-num=5', `stream-offset=0:${header}`), 5)
  assert.equal(await at(`stream-time=${ignored}`, 'packet-num=5'), 5)
  assert.equal(await at(`packet-num=${ignored}`, `stream-offset=0:${header + 7 * packetSize}`), 7)
  assert.equal(await at(`stream-offset=${ignored}:${ignored}`), 0)
  const key = file.packets.findLast((packet) => packet.key)
  assert.equal(await at('stream-time=1010', 'packet-num=5'), key?.number)
})

test('VLC counts offsets without the header, libmms with it; what is no start of a packet is rounded', async () => {
  const made = await open()
  const header = file.init.bytes.byteLength
  const at = async (agent: string, offset: number, version: '1.0' | '1.1' = '1.0') => {
    const client = await Player.open(made.port)
    opened.push(client)
    const pragma = ['xPlayStrm=1', `stream-switch-entry=${ALL}`, `stream-offset=0:${offset}`]
    client.send(request('/vod/a.wmv', { agent, version, pragma }))
    const first = (await client.head(), await client.framesTo('D')).at(-1)
    client.close()
    return first?.locationId
  }
  assert.equal(await at('NSPlayer/7.10.0.3059', 3 * packetSize), 3)
  assert.equal(await at(OLD, header + 3 * packetSize), 3)
  assert.equal(await at('NSPlayer/12.0', header + 3 * packetSize + 10), 3)
})

test('libmms adds the preroll to its times', async () => {
  const made = await open()
  const at = async (version: '1.0' | '1.1', ms: number) => {
    const client = await Player.open(made.port)
    opened.push(client)
    const pragma = ['xPlayStrm=1', `stream-switch-entry=${ALL}`, `stream-time=${ms}`]
    client.send(request('/vod/a.wmv', { agent: OLD, version, pragma }))
    await client.head()
    const first = (await client.framesTo('D')).at(-1)
    client.close()
    return first?.locationId
  }
  const key = file.packets.findLast((packet) => packet.key)
  assert.equal(await at('1.0', 1010 + file.init.prerollMs), key?.number)
  assert.equal(await at('1.1', 1010), key?.number)
  assert.equal(await at('1.0', 500 + file.init.prerollMs), 0)
})

test('SRV-40, SRV-41, SRV-42: rates are granted up to what was asked, and said only to who asked', async () => {
  const made = await open()
  const pragma = ['AccelBW=2147483647,AccelDuration=10000,BurstBW=1000000,BurstDuration=7000,Speed=91.5']
  const modern = (await play(made, { pragma })).head.pragma
  const accel = modern.u32('AccelBW') ?? 0
  assert.ok(accel > 0 && accel < 2147483647)
  assert.equal(modern.u32('AccelDuration'), 10_000)
  assert.ok((modern.u32('BurstBW') ?? 0) <= 1_000_000 && (modern.u32('BurstBW') ?? 0) > 0)
  assert.equal(modern.u32('BurstDuration'), 7_000)
  assert.equal(modern.real('Speed'), 5)
  const eight = (await play(made, { agent: 'NSPlayer/8.0', pragma })).head.pragma
  assert.ok((eight.u32('AccelBW') ?? 0) <= 1_048_576 && eight.has('AccelBW'))
  assert.equal(eight.has('BurstBW'), false)
  const seven = (await play(made, { agent: 'NSPlayer/7.0', pragma })).head.pragma
  assert.equal(seven.has('AccelBW'), false)
  const none = (await play(made)).head.pragma
  for (const name of ['AccelBW', 'AccelDuration', 'BurstBW', 'BurstDuration', 'Speed'])
    assert.equal(none.has(name), false)
  const small = (await play(made, { pragma: ['AccelBW=1000,AccelDuration=500,Speed=1.5'] })).head.pragma
  assert.deepEqual([small.u32('AccelBW'), small.u32('AccelDuration'), small.real('Speed')], [1000, 500, 1.5])
})

test('SRV-43: X-StartupProfile goes to players that list it, in Play', async () => {
  const made = await open()
  const pragma = ['AccelBW=1000000,AccelDuration=5000']
  const headers = ['Supported: com.microsoft.wm.predstrm, com.microsoft.wm.startupprofile']
  const value = (await play(made, { pragma, headers })).head.header('x-startupprofile')
  const profile = parseStartupProfile(value ?? '')
  assert.deepEqual(profile.rates, [10, 12, 15, 20, 30])
  assert.ok(profile.lastTime > 0 && profile.byteRates.some((rate) => rate > 0))
  assert.equal((await play(made, { pragma })).head.header('x-startupprofile'), undefined)
  assert.equal((await play(made, { headers })).head.header('x-startupprofile'), undefined)
})

test('SRV-46: the burst mark goes to players of version 9 that asked for AccelBW, on packets that others follow at once', async () => {
  const made = await open()
  const pragma = ['AccelBW=20000000,AccelDuration=60000']
  const { client } = await play(made, { pragma })
  const frames = data(await playOut(made, client))
  assert.ok(frames.some(({ burst }) => burst))
  assert.equal(frames.at(-1)?.burst, false)
  for (const options of [{ agent: OLD, pragma }, {}]) {
    const plain = await play(made, options)
    assert.ok((await playOut(made, plain.client)).every(({ burst }) => !burst))
  }
})

test('max-duration ends a file early: as a length, or as a place when its highest bit is set', async () => {
  const made = await open()
  const limit = 600
  const expected = file.packets.filter(({ sendTimeMs }) => sendTimeMs < limit).length
  for (const value of [limit, 0x8000_0000 + limit]) {
    const { client } = await play(made, { pragma: [`max-duration=${value}`] })
    assert.equal(data(await playOut(made, client)).length, expected)
  }
  const all = await play(made, { pragma: ['max-duration=0'] })
  assert.equal(data(await playOut(made, all.client)).length, file.packets.length)
})

test('fast forward shows key frames in rising order', async () => {
  const made = await open()
  const client = await Player.open(made.port)
  opened.push(client)
  client.send(request('/vod/a.wmv', { pragma: ['xPlayStrm=1', 'rate=5.000', `stream-switch-entry=${ALL}`] }))
  assert.equal((await client.head()).status, 200)
  const frames = await playOut(made, client)
  const times = data(frames).flatMap(({ payload }) => {
    const { payloads } = readDataPacket(payload, packetSize)
    assert.ok(payloads.every(({ key }) => key))
    return payloads.filter(({ offset }) => offset === 0).map(({ presentationTimeMs }) => presentationTimeMs)
  })
  assert.ok(times.length >= 2)
  assert.deepEqual(
    times,
    times.toSorted((a, b) => a - b),
  )
  assert.equal(frames.at(-1)?.reason, 0)
})

test('SRV-56: rewinding shows key frames in falling order and ends with $E(0x000D2F09)', async () => {
  const made = await open()
  const client = await Player.open(made.port)
  opened.push(client)
  const pragma = ['xPlayStrm=1', 'rate=-5.000', 'stream-time=1040', `stream-switch-entry=${ALL}`]
  client.send(request('/vod/a.wmv', { pragma }))
  assert.equal((await client.head()).status, 200)
  const frames = await playOut(made, client)
  const times = data(frames).flatMap(({ payload }) => {
    const { payloads } = readDataPacket(payload, packetSize)
    return payloads.filter(({ offset }) => offset === 0).map(({ presentationTimeMs }) => presentationTimeMs)
  })
  assert.ok(times.length >= 2)
  assert.deepEqual(
    times,
    times.toSorted((a, b) => b - a),
  )
  assert.equal(frames.at(-1)?.reason, 0x000d_2f09)
})

test('a rate of 0 and rates beyond 5 are refused', async () => {
  const made = await open()
  for (const rate of ['0', '0.000', '6.000', '-7']) {
    const client = await Player.open(made.port)
    opened.push(client)
    client.send(request('/vod/a.wmv', { pragma: ['xPlayStrm=1', `rate=${rate}`] }))
    assert.equal((await client.head()).status, 400, rate)
  }
})

test('sound alone can be seeked but not strode through', async () => {
  const made = await open()
  const { head } = await play(made, {}, 'ffff:1:0', '/vod/sound.wma')
  assert.equal(head.pragma.text('features'), 'seekable')
})

test('SRV-54: a pipelined file ends with $E(0), the zero chunk and what was waiting', async () => {
  const made = await open()
  const { client, head } = await play(made, { pragma: ['version11-enabled=1'] })
  client.send(request('*', { method: 'OPTIONS', pragma: [`client-id=${head.pragma.u32('client-id')}`] }))
  const frames = await playOut(made, client, true)
  assert.equal(data(frames).length, file.packets.length)
  assert.equal(await client.chunkedFrame(), undefined)
  assert.equal((await client.head()).status, 200)
})

test('SRV-66: logs are taken as lines and as XML, answered without a body, and handed on with their session', async () => {
  const made = await open()
  const { client, head } = await play(made)
  await client.framesTo('D')
  const id = `client-id=${head.pragma.u32('client-id')}`
  const line =
    '0.0.0.0 2011-06-01 12:00:00 - /a.wmv 0 10 1 200 {3300AD50-2C39-46c0-AE0A-0123456789AB} 12.0.7601.17514 en-US - - wmplayer.exe 12.0.7601 Windows_7 6.1.0.7601 Pentium 10 0 0 http TCP - - - - 0 - 0 0 0 0 0 0 0 1 0 100 - - - -'
  const control = await Player.open(made.port)
  opened.push(control)
  assert.ok(parseWmlogLine(line))
  control.send(request('/vod/a.wmv', { method: 'POST', pragma: [id, `log-line=${line}`] }))
  const answer = await control.head()
  assert.equal(answer.status, 204)
  assert.equal(control.rest, 0)
  assert.equal(made.playLogs.length, 1)
  const [session] = [...made.sessions.list()]
  assert.deepEqual(
    [made.playLogs[0]?.path, made.playLogs[0]?.sessionId, made.playLogs[0]?.protocol],
    ['vod/a.wmv', session?.id, 'wmsp'],
  )
  control.send(
    request('/vod/a.wmv', {
      method: 'POST',
      pragma: [id],
      headers: ['Content-Type: application/x-wms-LogStats;charset=UTF-8'],
      body: '<broken',
    }),
  )
  assert.equal((await control.head()).status, 400)
  assert.ok(made.log.lines.includes('ERR_WMSP_LOG'))
})

test('FFmpeg runs the last token into the next header; that is read all the same', async () => {
  const made = await open()
  const client = await Player.open(made.port)
  opened.push(client)
  client.send(
    'GET /vod/a.wmv HTTP/1.1\r\nHost: x\r\nUser-Agent: NSPlayer/4.1.0.3856\r\nAccept: */*\r\nRange: bytes=0-\r\nIcy-MetaData: 1\r\n' +
      'Pragma: no-cache,rate=1.000000,request-context=2\r\nPragma: xPlayStrm=1\r\n' +
      'Pragma: xClientGUID={c77e7400-738a-11d2-9add-0020af0a3278}\r\nPragma: stream-switch-count=2\r\n' +
      'Pragma: stream-switch-entry=ffff:1:0 ffff:2:0 \r\nPragma: no-cache,rate=1.000000,stream-time=0Connection: Close\r\n\r\n',
  )
  const head = await client.head()
  assert.equal(head.status, 200)
  assert.deepEqual(
    (await client.framesTo('D')).map(({ type }) => type),
    ['H', 'D'],
  )
})
