import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { PeerError } from '../../../../errors.ts'
import { readDataPacket } from '../../../../media/containers/asf/data-packet.ts'
import { withoutPadding } from '../../../../media/containers/asf/padding.ts'
import type { Frame } from '../../framing.ts'
import {
  nativeOf,
  OLD,
  Player,
  playTokens,
  publishNative,
  request,
  type Setup,
  type SetupOptions,
  setup,
  turn,
} from '../loopback.suite.ts'

const ALL = 'ffff:1:0 ffff:2:0'

const opened: { close(): Promise<void> | void }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

async function open(options: SetupOptions = {}): Promise<Setup> {
  const made = await setup(options)
  opened.push(made)
  return made
}

async function player({ port }: Setup): Promise<Player> {
  const made = await Player.open(port)
  opened.push(made)
  return made
}

/** A Play of everything, over a connection of its own. */
async function play(made: Setup, options: Parameters<typeof request>[1] = {}, select: string | undefined = ALL) {
  const client = await player(made)
  client.send(request('/live/a', { ...options, pragma: [...playTokens(select), ...(options?.pragma ?? [])] }))
  return { client, head: await client.head() }
}

async function dataFrames(client: Player, count: number, chunked = false): Promise<Frame[]> {
  const frames: Frame[] = []
  while (frames.length < count) {
    const frame = chunked ? await client.chunkedFrame() : await client.frame()
    assert.ok(frame)
    if (frame.type === 'D') frames.push(frame)
  }
  return frames
}

function streamsIn(frames: readonly Frame[], packetSize: number): Set<number> {
  return new Set(
    frames.flatMap(({ payload }) => readDataPacket(payload, packetSize).payloads.map(({ stream }) => stream)),
  )
}

test('SRV-31, SRV-33, SRV-39, SRV-46, SRV-49, SRV-50: a Play body is [$M] $H $D…, numbered per viewer and per packet', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(6)
  const { client, head } = await play(made)
  assert.equal(head.status, 200)
  assert.equal(head.header('transfer-encoding'), undefined)
  assert.equal(head.header('content-length'), undefined)
  assert.ok((head.pragma.u32('client-id') ?? 0) > 0)
  assert.equal((await client.frame()).type, 'M')
  const header = await client.frame()
  assert.equal(header.type, 'H')
  assert.deepEqual(Buffer.from(header.payload), Buffer.from(source.init.bytes))
  source.send(4)
  const frames = await dataFrames(client, 6)
  const first = frames[0]?.locationId ?? 0
  assert.deepEqual(
    frames.map(({ flags }) => flags),
    [0, 1, 2, 3, 4, 5],
  )
  assert.deepEqual(
    frames.map(({ locationId }) => locationId),
    frames.map((_, index) => first + index),
  )
  for (const frame of frames) {
    const packet = source.packets[frame.locationId ?? 0]
    assert.deepEqual(Buffer.from(frame.payload), Buffer.from(withoutPadding(packet!.bytes)))
  }
  assert.equal(made.sessions.size, 1)
  assert.equal([...made.sessions.list()][0]?.start.protocol, 'wmsp')
})

test('a viewer starts at the newest key packet', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(source.packets.length)
  const newest = source.packets.findLast(({ key }) => key)?.number
  const { client } = await play(made)
  const [first] = await dataFrames(client, 1)
  assert.equal(first?.locationId, newest)
})

test('SRV-49: viewers who came at different times read the same packets with numbers of their own, over 256 and on', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(3)
  const early = await play(made)
  await dataFrames(early.client, 3)
  source.send(40)
  const late = await play(made)
  const before = await dataFrames(early.client, 40)
  source.send(600)
  const a = [...before, ...(await dataFrames(early.client, 600))]
  const b = await dataFrames(late.client, 600)
  assert.deepEqual(
    a.map(({ flags }) => flags),
    a.map((_, index) => (index + 3) & 0xff),
  )
  assert.deepEqual(
    b.map(({ flags }) => flags),
    b.map((_, index) => index & 0xff),
  )
  const same = a.find(({ locationId }) => locationId === b[0]?.locationId)
  assert.deepEqual(Buffer.from(same!.payload), Buffer.from(b[0]!.payload))
})

test('SRV-32, SRV-54: a pipelined stream is chunked, and ends with $E(0) and the zero chunk', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(3)
  const { client, head } = await play(made, { pragma: ['version11-enabled=1'] })
  assert.equal(head.header('transfer-encoding'), 'chunked')
  assert.match(head.line, /^HTTP\/1\.1 200/)
  await dataFrames(client, 3, true)
  source.publisher.close({ final: true })
  const end = await client.chunkedFrame()
  assert.deepEqual([end?.type, end?.reason], ['E', 0])
  assert.equal(await client.chunkedFrame(), undefined)
  // The connection is good for more.
  client.send(request('*', { method: 'OPTIONS', pragma: [`client-id=${head.pragma.u32('client-id')}`] }))
  assert.equal((await client.head()).status, 200)
  assert.equal(made.sessions.size, 0)
})

test('SRV-53: a stream that is not pipelined ends with $E(0) and the end of the connection', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(3)
  const { client } = await play(made, { version: '1.0', agent: OLD, headers: ['Connection: Close'] })
  source.publisher.close({ final: true })
  const frames = await client.framesTo('E')
  assert.equal(frames.at(-1)?.reason, 0)
  await client.closed()
  assert.equal(client.rest, 0)
})

test('SRV-55: where the connection stays open without chunks, 511 more $E follow', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(3)
  const { client, head } = await play(made, { headers: ['Connection: Keep-Alive'] })
  source.publisher.close({ final: true })
  await client.framesTo('E')
  for (let count = 0; count < 511; count++) assert.equal((await client.frame()).type, 'E')
  client.send(
    request('/live/a', {
      method: 'POST',
      pragma: [`client-id=${head.pragma.u32('client-id')}`, 'xKeepAliveInPause=1'],
    }),
  )
  assert.equal((await client.head()).status, 200)
})

test('SRV-34, SRV-35: a session that streams cannot be taken; an unknown one is made anew', async () => {
  const made = await open()
  publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv').send(3)
  const first = await play(made)
  const id = first.head.pragma.u32('client-id')
  const second = await play(made, { pragma: [`client-id=${id}`] })
  assert.equal(second.head.status, 409)
  const third = await play(made, { pragma: ['client-id=77'] })
  assert.equal(third.head.status, 200)
  assert.equal(third.head.pragma.u32('xResetStrm'), 1)
  await dataFrames(first.client, 3)
})

test('SRV-22: Describe for a session that streams is refused', async () => {
  const made = await open()
  publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv').send(3)
  const { head } = await play(made)
  const other = await player(made)
  other.send(request('/live/a', { pragma: [`client-id=${head.pragma.u32('client-id')}`] }))
  assert.equal((await other.head()).status, 409)
})

test('SRV-68: a viewer that leaves can come back with its session for as long as it is kept', async () => {
  const made = await open()
  publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv').send(3)
  const { client, head } = await play(made)
  client.close()
  while (made.sessions.size > 0) await turn()
  const again = await play(made, { pragma: [`client-id=${head.pragma.u32('client-id')}`] })
  assert.equal(again.head.status, 200)
  assert.equal(again.head.pragma.has('xResetStrm'), false)
  assert.equal(again.head.pragma.u32('client-id'), head.pragma.u32('client-id'))
})

test('SRV-37: who selects nothing gets nothing, but for servers of old, which get all', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(3)
  const none = await player(made)
  none.send(request('/live/a', { pragma: playTokens(undefined) }))
  await none.head()
  await none.framesTo('H')
  const old = await player(made)
  old.send(request('/live/a', { agent: 'NSServer/4.1', pragma: playTokens(undefined) }))
  await old.head()
  source.send(10)
  await dataFrames(old, 10)
  assert.equal(none.rest, 0)
  source.publisher.close({ final: true })
  assert.deepEqual(
    (await none.framesTo('E')).map(({ type }) => type),
    ['E'],
  )
})

test('SRV-51, SRV-52: padding is taken off, and put back for servers before version 5', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(source.packets.length)
  const { client } = await play(made)
  for (const { payload } of await dataFrames(client, 3)) {
    assert.equal(readDataPacket(payload, source.init).paddingLength, 0)
  }
  const old = await play(made, { agent: 'NSServer/4.1' })
  for (const { payload } of await dataFrames(old.client, 3)) {
    assert.equal(payload.byteLength, source.init.packetSize)
  }
})

test('SRV-38: a viewer gets the payloads of the streams it selected, and no others', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(source.packets.length)
  const audio = source.init.streams.find(({ kind }) => kind === 'audio')!.number
  const video = source.init.streams.find(({ kind }) => kind === 'video')!.number
  for (const [wanted, other] of [
    [audio, video],
    [video, audio],
  ] as const) {
    const { client } = await play(made, {}, `ffff:${wanted}:0 ffff:${other}:2`)
    source.send(10)
    assert.deepEqual(streamsIn(await dataFrames(client, 5), source.init.packetSize), new Set([wanted]))
  }
})

test('SRV-38: of a thinned stream only key frames are sent', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(source.packets.length)
  const video = source.init.streams.find(({ kind }) => kind === 'video')!.number
  const { client } = await play(made, {}, `${video}:${video}:1`)
  source.send(source.packets.length)
  for (const { payload } of await dataFrames(client, 3)) {
    for (const one of readDataPacket(payload, source.init).payloads) assert.ok(one.key && one.stream === video)
  }
})

test('SRV-60: a newly selected video begins with a key frame, and what it replaces goes on until then', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'two-video-two-audio.wmv')
  const [a, b] = source.init.streams.filter(({ kind }) => kind === 'video').map(({ number }) => number) as [
    number,
    number,
  ]
  source.send(4)
  const { client, head } = await play(made, {}, `ffff:${a}:0`)
  const control = await player(made)
  await dataFrames(client, 1)
  control.send(
    request('/live/a', {
      method: 'POST',
      pragma: [
        `client-id=${head.pragma.u32('client-id')}`,
        'stream-switch-count=1',
        `stream-switch-entry=${a.toString(16)}:${b.toString(16)}:0`,
      ],
    }),
  )
  const answer = await control.head()
  assert.equal(answer.status, 200)
  assert.equal(answer.header('content-length'), '0')
  source.send(source.packets.length * 2)
  const seen: { stream: number; key: boolean; offset: number }[] = []
  while (!seen.some(({ stream }) => stream === b) || seen.length < 20) {
    const [frame] = await dataFrames(client, 1)
    for (const one of readDataPacket(frame!.payload, source.init).payloads) seen.push(one)
  }
  const first = seen.findIndex(({ stream }) => stream === b)
  assert.ok(seen.slice(0, first).every(({ stream }) => stream === a))
  assert.ok(seen[first]?.key && seen[first]?.offset === 0)
  const rest = seen.slice(first + 1)
  assert.ok(rest.length > 0 && rest.filter(({ stream }) => stream === a).length <= 4)
})

test('SRV-62, SRV-63: pipelined selection and Stop end the running answer with a zero chunk', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(3)
  const { client, head } = await play(made, { pragma: ['version11-enabled=1'] })
  const id = `client-id=${head.pragma.u32('client-id')}`
  await dataFrames(client, 3, true)
  client.send(request('/live/a', { pragma: [id, 'stream-switch-count=1', 'stream-switch-entry=ffff:1:0'] }))
  while ((await client.chunkedFrame()) !== undefined);
  const select = await client.head()
  assert.equal(select.header('transfer-encoding'), 'chunked')
  source.send(5)
  await dataFrames(client, 3, true)
  client.send(request('/live/a', { method: 'POST', pragma: [id, 'xStopStrm=1'] }))
  while ((await client.chunkedFrame()) !== undefined);
  const stopped = await client.head()
  assert.equal(stopped.status, 200)
  assert.equal(stopped.header('content-length'), '0')
  assert.equal(made.sessions.size, 0)
  // Idle again, and good for another Play on the same connection.
  client.send(request('/live/a', { pragma: [...playTokens(ALL), 'version11-enabled=1', id] }))
  assert.equal((await client.head()).status, 200)
  const [again] = await dataFrames(client, 1, true)
  assert.equal(again?.flags, 0)
})

test('SRV-64, SRV-66: what is reported on the streaming connection is answered behind the stream, in order', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(3)
  const { client, head } = await play(made, { pragma: ['version11-enabled=1'] })
  const id = `client-id=${head.pragma.u32('client-id')}`
  await dataFrames(client, 3, true)
  client.send(
    Buffer.concat([
      request('*', { method: 'OPTIONS', pragma: [id] }),
      request('/live/a', { method: 'POST', pragma: [id, 'log-line=broken'] }),
      request('/live/a', {
        method: 'POST',
        body: 'x',
        pragma: [id],
        headers: ['Content-Type: application/x-wms-getcontentinfo'],
      }),
      request('/live/a', {
        method: 'POST',
        body: '1\r\n1,28,0\r\n',
        pragma: [id],
        headers: ['Content-Type: application/x-wms-sendevent'],
      }),
    ]),
  )
  source.send(4)
  await dataFrames(client, 4, true)
  source.publisher.close({ final: true })
  assert.equal((await client.framesTo('E', true)).at(-1)?.reason, 0)
  assert.equal(await client.chunkedFrame(), undefined)
  assert.ok((await client.head()).header('public'))
  const log = await client.head()
  assert.equal(log.status, 400)
  await client.bytes(Number(log.header('content-length')))
  assert.equal((await client.head()).status, 404)
})

test('SRV-28, SRV-29: the pipeline test', async () => {
  const made = await open()
  publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv').send(3)
  const client = await player(made)
  client.send(request('/live/a', { pragma: ['pipeline-experiment=1'] }))
  const id = `client-id=${(await client.head()).pragma.u32('client-id')}`
  await client.framesTo('H')
  const one = request('/live/a', {
    pragma: ['pipeline-request=1', id, 'no-cache'],
    headers: ['Connection: keep-alive'],
  })
  client.send(one)
  const first = await client.head()
  assert.equal(first.header('transfer-encoding'), 'chunked')
  assert.equal((await client.bytes(9)).toString('hex'), '340d0a245400000d0a')
  await turn()
  assert.equal(client.rest, 0)
  client.send(one)
  assert.equal((await client.bytes(5)).toString('latin1'), '0\r\n\r\n')
  const second = await client.head()
  assert.match(second.line, /^HTTP\/1\.1 204 /)
  assert.equal(second.pragma.u32('pipeline-result'), 1)
  client.send(request('/live/a', { pragma: [...playTokens(ALL), 'version11-enabled=1', id] }))
  assert.equal((await client.head()).status, 200)
  await dataFrames(client, 3, true)
})

test('SRV-30: a pipeline test that takes too long fails', async () => {
  const made = await open()
  publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv').send(3)
  const client = await player(made)
  client.send(request('/live/a'))
  const id = `client-id=${(await client.head()).pragma.u32('client-id')}`
  await client.framesTo('H')
  const one = request('/live/a', { pragma: ['pipeline-request=1', id] })
  client.send(one)
  await client.head()
  await client.bytes(9)
  made.clock.advance(1_000)
  assert.equal((await client.bytes(5)).toString('latin1'), '0\r\n\r\n')
  client.send(one)
  assert.equal((await client.head()).pragma.u32('pipeline-result'), 0)
})

test('SRV-45, SRV-44: a player of old whose session is a new one is told of a stream that begins again', async () => {
  const made = await open()
  publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv').send(3)
  const { client, head } = await play(made, {
    agent: 'NSPlayer/6.4.7.1112',
    pragma: ['client-id=5', 'request-context=2'],
  })
  assert.equal(head.pragma.u32('xResetStrm'), 1)
  const types: string[] = []
  for (let count = 0; count < 5; count++) types.push((await client.frame()).type)
  assert.deepEqual(types, ['H', 'E', 'C', 'H', 'D'])
  const ffmpeg = await play(made, { agent: OLD, pragma: ['request-context=2'] })
  assert.equal(ffmpeg.head.pragma.has('xResetStrm'), false)
  assert.equal((await ffmpeg.client.frame()).type, 'H')
  assert.equal((await ffmpeg.client.frame()).type, 'D')
})

test('SRV-57, SRV-59: a new header in the middle is told to players that predict, with a number of its own', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(3)
  const { client } = await play(made, { headers: ['Supported: com.microsoft.wm.predstrm'] })
  await dataFrames(client, 3)
  const other = nativeOf('h264-aac.asf')
  source.units.write(other.packets[0]!.bytes, other.init)
  const frames = await client.framesTo('D')
  assert.deepEqual(
    frames.map(({ type }) => type),
    ['E', 'C', 'M', 'H', 'D'],
  )
  assert.equal(frames[0]?.reason, 1)
  assert.match(Buffer.from(frames[2]!.payload).toString('latin1'), /playlist-gen-id=2,/)
  assert.deepEqual(Buffer.from(frames[3]!.payload), Buffer.from(other.init.bytes))
})

test('SRV-58, SRV-61: a player that does not predict selects first', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(3)
  const { client, head } = await play(made, { headers: ['Supported: com.microsoft.wm.sswitch'] })
  await dataFrames(client, 3)
  const other = nativeOf('h264-aac.asf')
  for (const packet of other.packets.slice(0, 4)) source.units.write(packet.bytes, other.init)
  const frames = await client.framesTo('H')
  assert.deepEqual(
    frames.map(({ type }) => type),
    ['E', 'C', 'M', 'H'],
  )
  await turn()
  assert.equal(client.rest, 0)
  const control = await player(made)
  control.send(
    request('/live/a', {
      method: 'POST',
      headers: ['Supported: com.microsoft.wm.sswitch'],
      pragma: [`client-id=${head.pragma.u32('client-id')}`, 'stream-switch-count=2', `stream-switch-entry=${ALL}`],
    }),
  )
  assert.equal((await control.head()).status, 200)
  const [first] = await dataFrames(client, 1)
  assert.ok(first)
})

test('M-02: players that break on $C go on when the header says the same, and are closed when it does not', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(3)
  const { client } = await play(made, { agent: OLD, version: '1.0' })
  await dataFrames(client, 3)
  source.send(3, { ...source.init })
  assert.equal((await dataFrames(client, 3)).length, 3)
  const other = nativeOf('h264-aac.asf')
  source.units.write(other.packets[0]!.bytes, other.init)
  const frames = await client.framesTo('E')
  assert.deepEqual(
    frames.map(({ type, reason }) => [type, reason]),
    [['E', 0]],
  )
  await client.closed()
})

test('a viewer waits for a stream that is not published yet', async () => {
  const made = await open({ waitMs: 20_000 })
  const client = await player(made)
  client.send(request('/live/late', { pragma: playTokens(ALL) }))
  while (made.hub.waiting === 0) await turn()
  publishNative(made.hub, 'live/late', 'wmv2-wmav2.wmv').send(2)
  assert.equal((await client.head()).status, 200)
})

test('a session that the operator ends is told so', async () => {
  const made = await open()
  publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv').send(2)
  const { client } = await play(made)
  const [session] = [...made.sessions.list()]
  session!.start.close(new PeerError('ERR_ACCESS_DENIED', 'enough'))
  const frames = await client.framesTo('E')
  assert.equal(frames.at(-1)?.reason, 0xc00d_145e)
  await client.closed()
  assert.equal(made.sessions.size, 0)
})

test('N-03: a viewer that never reads holds one socket buffer, and the others lose nothing', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(3)
  const stuck = await play(made)
  stuck.client.raw.socket.pause()
  const [held] = [...made.sessions.list()]
  const reader = await play(made)
  const [, fast] = [...made.sessions.list()]
  const { socket } = reader.client.raw
  const read = { bytes: 0 }
  socket.removeAllListeners('data')
  socket.on('data', (chunk: Buffer) => {
    read.bytes += chunk.length
  })
  while (fast!.bytesOut < 20_000_000) {
    const before = read.bytes
    source.send(200)
    while (read.bytes === before) await turn()
  }
  assert.ok(held!.bytesOut < 8_000_000, `handed over ${held!.bytesOut} bytes`)
  assert.equal(fast!.skipped, 0)
})

test('requests in a wrong order are refused, and the stream goes on', async () => {
  const made = await open()
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(3)
  const { client, head } = await play(made)
  const id = `client-id=${head.pragma.u32('client-id')}`
  const wrong: Parameters<typeof request>[1][] = [
    { pragma: [id, 'xPlayNextEntry=1'] },
    { pragma: [id, 'pipeline-request=1'] },
    { pragma: [id, 'stream-switch-count=1', 'stream-switch-entry=ffff:1:0'] },
    { pragma: [id] },
  ]
  for (const options of wrong) {
    const other = await player(made)
    other.send(request('/live/a', options))
    assert.equal((await other.head()).status, 409, JSON.stringify(options))
  }
  source.send(3)
  await dataFrames(client, 6)
})
