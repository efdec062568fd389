import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { readDataPacket } from '../../../../media/containers/asf/data-packet.ts'
import { parseAsfInit } from '../../../../media/containers/asf/header.ts'
import { testFile } from '../../../../media/containers/asf/test-files.suite.ts'
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
const a = nativeOf('wmv2-wmav2.wmv')
const b = nativeOf('h264-aac.asf')
const FILES = { 'vod/a.wmv': testFile('wmv2-wmav2.wmv').bytes, 'vod/b.asf': testFile('h264-aac.asf').bytes }
const PREDICTS = 'Supported: com.microsoft.wm.predstrm, com.microsoft.wm.sswitch'
const SELECTS = 'Supported: com.microsoft.wm.sswitch'

const opened: { close(): Promise<void> | void }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

async function open(entries: readonly string[], options: SetupOptions & { loop?: boolean } = {}): Promise<Setup> {
  const { loop = false, ...rest } = options
  const made = await setup({ files: FILES, playlists: { 'channel/p': { entries, loop } }, ...rest })
  opened.push(made)
  return made
}

async function play(made: Setup, options: Parameters<typeof request>[1] = {}) {
  const client = await Player.open(made.port)
  opened.push(client)
  client.send(request('/channel/p', { ...options, pragma: [...playTokens(ALL), ...(options?.pragma ?? [])] }))
  return { client, head: await client.head() }
}

/** What comes while the clock runs, until `done` says so. */
async function collect(
  made: Setup,
  client: Player,
  done: (frame: Frame, all: readonly Frame[]) => boolean,
  chunked = false,
) {
  const frames: Frame[] = []
  const state = { over: false }
  const reading = (async () => {
    for (;;) {
      const frame = chunked ? await client.chunkedFrame() : await client.frame()
      if (frame === undefined) break
      frames.push(frame)
      if (done(frame, frames)) break
    }
    state.over = true
  })()
  while (!state.over) {
    await turn()
    made.clock.advance(200)
  }
  await reading
  return frames
}

/** `HDDDECMHDDE` without repetitions. */
function shape(frames: readonly Frame[]): string {
  return frames
    .map(({ type }) => type)
    .join('')
    .replaceAll(/(.)\1+/g, '$1')
}

const metadata = ({ payload }: Frame) => /^[^\0]*/.exec(Buffer.from(payload).toString('latin1'))?.[0] ?? ''
const isEnd = ({ type, reason }: Frame) => type === 'E' && reason === 0

test('SRV-53, SRV-57, SRV-59: entries follow one another by $E(1) $C $M $H, each with a number of its own', async () => {
  const made = await open(['vod/a.wmv', 'vod/b.asf'])
  const { client, head } = await play(made, { headers: [PREDICTS] })
  assert.equal(head.pragma.text('features'), 'playlist,seekable,stridable,skipbackward,skipforward')
  assert.equal(head.pragma.u32('playlist-gen-id'), 1)
  const frames = await collect(made, client, isEnd)
  assert.equal(shape(frames), 'MHDECMHDE')
  const [first, second] = frames.filter(({ type }) => type === 'M').map(metadata)
  assert.match(first ?? '', /^playlist-gen-id=1, broadcast-id=0,/)
  assert.match(second ?? '', /^playlist-gen-id=2, broadcast-id=0,/)
  const data = frames.filter(({ type }) => type === 'D')
  assert.equal(data.length, a.packets.length + b.packets.length)
  assert.equal(data[a.packets.length]?.locationId, 0)
  assert.deepEqual(
    data.map(({ flags }) => flags),
    data.map((_, index) => index & 0xff),
  )
})

test('SRV-58, SRV-61: without prediction nothing of the new entry comes before SelectStream', async () => {
  const made = await open(['vod/a.wmv', 'vod/b.asf'])
  const { client, head } = await play(made, { headers: [SELECTS] })
  const frames = await collect(
    made,
    client,
    ({ type }, all) => type === 'H' && all.filter((one) => one.type === 'H').length === 2,
  )
  assert.equal(shape(frames), 'MHDECMH')
  made.clock.advance(5_000)
  for (let round = 0; round < 5; round++) await turn()
  assert.equal(client.rest, 0)
  const id = `client-id=${head.pragma.u32('client-id')}`
  const describe = await Player.open(made.port)
  opened.push(describe)
  describe.send(request('/channel/p', { pragma: [id], headers: [SELECTS] }))
  assert.equal((await describe.head()).status, 409, 'SRV-22 in WAITING')
  const control = await Player.open(made.port)
  opened.push(control)
  const pragma = [id, 'stream-switch-count=1', 'stream-switch-entry=ffff:2:0']
  control.send(request('/channel/p', { method: 'POST', headers: [SELECTS], pragma }))
  assert.equal((await control.head()).status, 200)
  const rest = await collect(made, client, isEnd)
  const streams = new Set(
    rest
      .filter(({ type }) => type === 'D')
      .flatMap(({ payload }) => readDataPacket(payload, b.init).payloads.map(({ stream }) => stream)),
  )
  assert.deepEqual(streams, new Set([2]))
})

test('SRV-62: a pipelined client goes on with PlayNextEntry, whose answer takes over', async () => {
  const made = await open(['vod/a.wmv', 'vod/b.asf'])
  const { client, head } = await play(made, { headers: [SELECTS], pragma: ['version11-enabled=1'] })
  await collect(
    made,
    client,
    ({ type }, all) => type === 'H' && all.filter((one) => one.type === 'H').length === 2,
    true,
  )
  const id = `client-id=${head.pragma.u32('client-id')}`
  client.send(request('*', { method: 'OPTIONS', pragma: [id] }))
  for (let round = 0; round < 5; round++) await turn()
  const pragma = [id, 'xPlayNextEntry=1', 'stream-switch-count=2', `stream-switch-entry=${ALL}`]
  client.send(request('/channel/p', { headers: [SELECTS], pragma }))
  assert.equal(await client.chunkedFrame(), undefined)
  assert.ok((await client.head()).header('public'))
  const next = await client.head()
  assert.equal(next.header('transfer-encoding'), 'chunked')
  const frames = await collect(made, client, isEnd, true)
  assert.equal(shape(frames), 'DE')
  assert.equal(await client.chunkedFrame(), undefined)
})

test('the next header waits for a client that lags, up to 15 s, and 8 s behind its selection', async () => {
  const made = await open(['vod/a.wmv', 'vod/b.asf', 'vod/a.wmv'])
  const { client, head } = await play(made, { headers: [PREDICTS] })
  const control = await Player.open(made.port)
  opened.push(control)
  const id = `client-id=${head.pragma.u32('client-id')}`
  const pragma = [id, 'client-lag=99999', 'stream-switch-count=2', `stream-switch-entry=${ALL}`]
  control.send(request('/channel/p', { method: 'POST', headers: [PREDICTS], pragma }))
  assert.equal((await control.head()).status, 200)
  await collect(made, client, ({ type }) => type === 'E')
  const at = made.clock.now()
  await collect(made, client, ({ type }) => type === 'C')
  const waited = made.clock.now() - at
  assert.ok(waited >= 14_000 && waited <= 15_600, `${waited} ms`)
})

test('SRV-72: players before version 9 see a channel on the air, with a header that ends nowhere', async () => {
  const made = await open(['vod/a.wmv', 'vod/a.wmv'])
  const { client, head } = await play(made, { agent: OLD, version: '1.0' })
  assert.equal(head.pragma.text('features'), 'broadcast,playlist')
  const frames = await collect(made, client, isEnd)
  assert.equal(shape(frames), 'HDE')
  const init = parseAsfInit(frames[0]!.payload)
  assert.deepEqual([init.broadcast, init.packetCount, init.durationMs], [true, 0, 0])
  const data = frames.filter(({ type }) => type === 'D')
  assert.equal(data.length, 2 * a.packets.length)
  const times = data.map(({ payload }) => readDataPacket(payload, a.init).sendTimeMs)
  assert.deepEqual(
    times,
    times.toSorted((x, y) => x - y),
  )
  assert.ok(times.at(-1)! > 1_900)
})

test('players before version 9 are closed where the streams change', async () => {
  const made = await open(['vod/a.wmv', 'vod/b.asf'])
  const { client } = await play(made, { agent: OLD, version: '1.0' })
  const frames = await collect(made, client, ({ type }) => type === 'E')
  assert.equal(shape(frames), 'HDE')
  assert.equal(frames.at(-1)?.reason, 0)
  await client.closed()
})

test('an entry that does not work is left out and counted', async () => {
  const made = await open(['vod/none.wmv', 'vod/a.wmv', 'live/nobody', 'vod/b.asf'])
  const { client } = await play(made, { headers: [PREDICTS] })
  const frames = await collect(made, client, isEnd)
  assert.equal(shape(frames), 'MHDECMHDE')
  assert.deepEqual(made.log.lines.filter((line) => line === 'ERR_WMSP_ENTRY').length, 2)
})

test('a playlist of which nothing works is not found; one that loops ends nowhere', async () => {
  const none = await open(['vod/none.wmv', 'live/nobody'], { loop: true })
  assert.equal((await play(none)).head.status, 404)
  const made = await open(['vod/a.wmv'], { loop: true })
  const { client } = await play(made, { headers: [PREDICTS] })
  const frames = await collect(made, client, (_frame, all) => all.filter(({ type }) => type === 'C').length === 4)
  assert.equal(shape(frames), 'MHDECMHDECMHDECMHDEC')
})

test('SRV-74: the same live source has the same broadcast-id whenever it comes', async () => {
  const made = await open(['live/a', 'vod/a.wmv', 'live/a'])
  const source = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  source.send(3)
  const { client } = await play(made, { headers: [PREDICTS] })
  await collect(made, client, ({ type }) => type === 'D')
  source.publisher.close({ final: true })
  const again = publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv')
  again.send(3)
  const frames = await collect(
    made,
    client,
    ({ type }, all) => type === 'M' && all.filter((one) => one.type === 'M').length === 2,
  )
  const ids = frames.filter(({ type }) => type === 'M').map((frame) => /broadcast-id=(\d+)/.exec(metadata(frame))?.[1])
  assert.deepEqual(ids, ['0', '1'])
})

test('SRV-44: skipping begins with the header of the entry left and $C to the next', async () => {
  const made = await open(['vod/a.wmv', 'vod/b.asf'])
  const { client, head } = await play(made, { headers: [PREDICTS] })
  await collect(made, client, ({ type }) => type === 'D')
  client.close()
  while (made.sessions.size > 0) await turn()
  const id = `client-id=${head.pragma.u32('client-id')}`
  const forward = await play(made, { headers: [PREDICTS], pragma: [id, 'playlist-seek-id=1', 'pl-offset=1'] })
  assert.equal(forward.head.pragma.u32('expect-new-header'), 1)
  const frames = await collect(made, forward.client, ({ type }) => type === 'D')
  assert.equal(shape(frames), 'MHCMHD')
  assert.deepEqual(Buffer.from(frames[1]!.payload), Buffer.from(a.init.bytes))
  assert.deepEqual(Buffer.from(frames[4]!.payload), Buffer.from(b.init.bytes))
  forward.client.close()
  while (made.sessions.size > 0) await turn()
  const now = /playlist-gen-id=(\d+)/.exec(metadata(frames[3]!))?.[1]
  const back = await play(made, { headers: [PREDICTS], pragma: [id, `playlist-seek-id=${now}`, 'pl-offset=-1'] })
  const more = await collect(made, back.client, ({ type }) => type === 'D')
  assert.equal(more[2]?.reason, 0x400d_14be)
  assert.deepEqual(Buffer.from(more[4]!.payload), Buffer.from(a.init.bytes))
})

test('Describe and the Play behind it tell of the same entry', async () => {
  const made = await open(['vod/a.wmv', 'vod/b.asf'])
  const client = await Player.open(made.port)
  opened.push(client)
  client.send(request('/channel/p', { headers: [PREDICTS] }))
  const head = await client.head()
  const described = metadata((await client.framesTo('H'))[0]!)
  const { client: viewer } = await play(made, {
    headers: [PREDICTS],
    pragma: [`client-id=${head.pragma.u32('client-id')}`],
  })
  assert.equal(metadata((await viewer.framesTo('H'))[0]!), described)
})
