/** Files of other containers, made into ASF while they are played. */
import assert from 'node:assert/strict'
import { afterEach, test } from 'node:test'
import { testFile } from '../../../../media/containers/asf/test-files.suite.ts'
import { FlvMuxer } from '../../../../media/containers/flv/muxer.ts'
import { AUDIO, audioPackets, TRACKS, VIDEO, videoPackets } from '../../../../media/containers/isobmff/vectors.ts'
import type { Packet } from '../../../../media/packet.ts'
import type { Track } from '../../../../media/track.ts'
import type { Frame } from '../../framing.ts'
import { OLD, Player, playTokens, request, type Setup, setup, turn } from '../loopback.suite.ts'

const ALL = 'ffff:1:0 ffff:2:0'
const SECONDS = 10

function flv(tracks: readonly Track[], packets: readonly Packet[]): Uint8Array {
  const muxer = new FlvMuxer(tracks)
  for (const packet of packets.toSorted((a, b) => a.dts - b.dts)) muxer.write(packet)
  const pieces: Uint8Array[] = []
  for (let piece = muxer.read(); piece !== undefined; piece = muxer.read()) pieces.push(piece)
  return Buffer.concat(pieces)
}

const opus = TRACKS.find(({ codec }) => codec === 'opus')!
const FILES = {
  'vod/film.flv': flv([VIDEO, AUDIO], [...videoPackets(SECONDS * 30), ...audioPackets(SECONDS * 46)]),
  'vod/opus.flv': flv([opus], audioPackets(10, opus)),
  'vod/text.txt': Buffer.from('no media at all'),
  'vod/old.wmv': testFile('wmv2-wmav2.wmv').bytes,
}

const opened: { close(): Promise<void> | void }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

async function open(): Promise<Setup> {
  const playlists = { 'channel/mixed': { entries: ['vod/old.wmv', 'vod/film.flv'], loop: false } }
  const made = await setup({ files: FILES, playlists })
  opened.push(made)
  return made
}

async function play(made: Setup, path: string, options: Parameters<typeof request>[1] = {}) {
  const client = await Player.open(made.port)
  opened.push(client)
  client.send(request(path, { ...options, pragma: [...playTokens(ALL), ...(options?.pragma ?? [])] }))
  return { client, head: await client.head() }
}

/** All packets to the end, with the clock moved as far as it takes. */
async function playOut(made: Setup, client: Player): Promise<Frame[]> {
  const frames: Frame[] = []
  const state = { over: false }
  const reading = client.framesTo('E').then((all) => {
    frames.push(...all)
    state.over = true
  })
  while (!state.over) {
    await turn()
    made.clock.advance(200)
  }
  await reading
  return frames
}

const data = (frames: readonly Frame[]) =>
  frames.flatMap(({ type, locationId = -1, flags }) => (type === 'D' ? [{ locationId, flags }] : []))

test('a file comes whole, seekable, with rising packet numbers and an end', async () => {
  const made = await open()
  const { client, head } = await play(made, '/vod/film.flv', { agent: OLD, version: '1.0' })
  const frames = await playOut(made, client)

  assert.equal(head.status, 200)
  assert.match(head.text, /seekable,stridable/)
  const numbers = data(frames).map(({ locationId }) => locationId)
  assert.ok(numbers.length > 30 && numbers.every((number, index) => index === 0 || number > numbers[index - 1]!))
  assert.deepEqual(
    data(frames).map(({ flags }) => flags),
    numbers.map((_, index) => index & 0xff),
  )
  assert.equal(frames.at(-1)?.reason, 0)
})

test('it starts at a time, and where another viewer has seen a packet of that number', async () => {
  const made = await open()
  const { client } = await play(made, '/vod/film.flv', { agent: OLD, version: '1.0' })
  const numbers = data(await playOut(made, client)).map(({ locationId }) => locationId)
  const first = async (...pragma: string[]) => {
    const { client: other } = await play(made, '/vod/film.flv', { pragma })
    const frame = (await other.framesTo('D')).at(-1)
    other.close()
    return frame?.locationId
  }

  for (const number of [numbers[10]!, numbers[20]!, numbers.at(-1)!]) {
    assert.equal(await first(`packet-num=${number}`), number)
  }
  const byTime = await first('stream-time=5500')
  assert.ok(numbers.includes(byTime!), `${byTime}`)
  const share = numbers.indexOf(byTime!) / numbers.length
  assert.ok(share > 0.4 && share < 0.6, `${share} of the file`)
})

test('F: absurd places are answered, and others go on', async () => {
  const made = await open()
  for (const pragma of [
    'stream-time=4294967294',
    'packet-num=4294967294',
    'stream-offset=2097151:4294967295',
    'stream-offset=0:4294967294',
    'stream-offset=0:1',
  ]) {
    const { client, head } = await play(made, '/vod/film.flv', { agent: OLD, version: '1.0', pragma: [pragma] })
    assert.equal(head.status, 200)
    assert.equal((await playOut(made, client)).at(-1)?.type, 'E', pragma)
  }
  const { head } = await play(made, '/vod/film.flv')
  assert.equal(head.status, 200)
})

test('fast forward shows key pictures only', async () => {
  const made = await open()
  const { client } = await play(made, '/vod/film.flv', { pragma: ['rate=5.000'] })
  const normal = await play(made, '/vod/film.flv', { agent: OLD, version: '1.0' })
  const fast = data(await playOut(made, client))
  const all = data(await playOut(made, normal.client))

  assert.ok(fast.length > SECONDS / 2 && fast.length < all.length / 2, `${fast.length} of ${all.length}`)
})

test('a playlist may have such entries', async () => {
  const made = await open()
  const { client } = await play(made, '/channel/mixed', { agent: 'NSPlayer/12.0.0.1' })
  const frames: Frame[] = []
  const state = { headers: 0, over: false }
  const reading = (async () => {
    while (state.headers < 2) {
      const frame = await client.frame()
      frames.push(frame)
      if (frame.type === 'H') state.headers++
    }
    state.over = true
  })()
  while (!state.over) {
    await turn()
    made.clock.advance(500)
  }
  await reading

  const headers = frames.filter(({ type }) => type === 'H')
  assert.notDeepEqual(headers[0]?.payload, headers[1]?.payload)
})

test('what is no media, or has nothing that ASF carries, is told', async () => {
  const made = await open()
  for (const [path, status, words] of [
    ['/vod/opus.flv', 406, /opus/],
    ['/vod/text.txt', 415, /text\.txt/],
    ['/vod/absent.mp4', 404, /absent/],
  ] as const) {
    const client = await Player.open(made.port)
    opened.push(client)
    client.send(request(path))
    const head = await client.head()
    assert.equal(head.status, status, path)
    const body = await client.bytes(Number(head.header('content-length')))
    assert.match(body.toString(), words)
  }
})
