/** The encoder's inputs and ways out; what they are pushed with, and ffmpeg, are judged by the interop tests. */
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { ConfigError } from '../../errors.ts'
import type { Hub } from '../../live/hub.ts'
import { buildAsfInit } from '../../media/containers/asf/header-builder.ts'
import type { AsfInit } from '../../media/containers/asf/model.ts'
import { AsfPacketizer } from '../../media/containers/asf/packetizer.ts'
import { FlvMuxer } from '../../media/containers/flv/muxer.ts'
import { audioPackets, progressiveFile, videoPackets } from '../../media/containers/isobmff/vectors.ts'
import type { Packet } from '../../media/packet.ts'
import { MICROS_PER_MS } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import type { Logger } from '../../protocols/protocol.ts'
import type { AsfInputPacket } from './asf-input.ts'
import { ffmpegArguments } from './ffmpeg.ts'
import { type InputOptions, kindOfInput, openInput } from './input.ts'
import { push } from './push.ts'

const WMV: Track = { id: 1, kind: 'video', codec: 'wmv2', timescale: 1000, video: { width: 64, height: 48 } }
const MP3: Track = { id: 101, kind: 'audio', codec: 'mp3', timescale: 1000, audio: { sampleRate: 44_100, channels: 2 } }
/** A frame of MPEG-1 Layer III, 128 kb/s, 44.1 kHz. */
const MP3_FRAME = Uint8Array.of(0xff, 0xfb, 0x90, 0x00, ...new Uint8Array(413))
const FRAMES = 4
const STEP_MS = 40
const log: Logger = { debug() {}, info() {}, warn() {}, error() {}, counted() {}, child: () => log }

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'encoder-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

function packetsOf(track: Track): Packet[] {
  return Array.from({ length: FRAMES }, (_, number) => {
    const time = number * STEP_MS * MICROS_PER_MS
    const data = track.kind === 'audio' ? MP3_FRAME : new Uint8Array(100).fill(number)
    return { track, data, pts: time, dts: time, key: true }
  })
}

/** A file of four frames, one data packet each. */
async function asfFile(t: TestContext, track: Track): Promise<{ path: string; init: AsfInit; packets: Uint8Array[] }> {
  const init = buildAsfInit({
    tracks: [track],
    packetSize: 600,
    prerollMs: 1000,
    broadcast: false,
    durationMs: FRAMES * STEP_MS,
    packetCount: FRAMES,
  })
  const packetizer = new AsfPacketizer(init, { padded: true })
  const own = init.streams[0]?.track ?? track
  const packets: Uint8Array[] = []
  for (const packet of packetsOf(own)) {
    packetizer.write(packet)
    packetizer.flush()
    for (let made = packetizer.read(); made !== undefined; made = packetizer.read()) packets.push(made.bytes)
  }
  const path = join(await folderOf(t), 'file.bin')
  await writeFile(path, Buffer.concat([init.bytes, ...packets]))
  return { path, init, packets }
}

async function flvFile(t: TestContext): Promise<string> {
  const muxer = new FlvMuxer([MP3])
  for (const packet of packetsOf(MP3)) muxer.write(packet)
  muxer.end()
  const pieces: Uint8Array[] = []
  for (let piece = muxer.read(); piece !== undefined; piece = muxer.read()) pieces.push(piece)
  const path = join(await folderOf(t), 'file.bin')
  await writeFile(path, Buffer.concat(pieces))
  return path
}

const inputOptions = (target: 'flv' | 'asf', transcode = false): InputOptions => ({
  target,
  transcode,
  ffmpeg: 'ffmpeg',
  videoBitrateBps: 1,
  keyInterval: 1,
  signal: new AbortController().signal,
})

async function kindFor(path: string, target: 'flv' | 'asf', transcode = false): Promise<string> {
  const input = await openInput(path, inputOptions(target, transcode))
  await input.close()
  return input.kind
}

describe('what the encoder reads', () => {
  test('is told by its first bytes', async (t) => {
    const { path } = await asfFile(t, WMV)
    assert.equal(await kindOfInput(path), 'asf')
    assert.equal(await kindOfInput(await flvFile(t)), 'flv')
    assert.equal(await kindOfInput('lavfi:testsrc2'), 'ffmpeg')
    assert.equal(await kindOfInput('-'), 'flv')
    const short = join(await folderOf(t), 'short')
    await writeFile(short, Uint8Array.of(0x30, 0x26))
    assert.equal(await kindOfInput(short), 'ffmpeg')
  })

  test('goes as it is where the target carries it, and through ffmpeg where it does not', async (t) => {
    const wmv = (await asfFile(t, WMV)).path
    const mp3 = (await asfFile(t, MP3)).path
    const flv = await flvFile(t)
    assert.equal(await kindFor(wmv, 'asf'), 'asf')
    assert.equal(await kindFor(wmv, 'flv'), 'ffmpeg')
    assert.equal(await kindFor(mp3, 'flv'), 'asf')
    assert.equal(await kindFor(flv, 'flv'), 'flv')
    assert.equal(await kindFor(flv, 'asf'), 'flv')
    assert.equal(await kindFor(flv, 'asf', true), 'ffmpeg')
    await assert.rejects(kindFor('-', 'asf', true), ConfigError)
  })

  test('a movie goes as it is, once through with each reading', async (t) => {
    const path = join(await folderOf(t), 'movie.bin')
    const packets = [...videoPackets(5), ...audioPackets(8)].sort((a, b) => a.dts - b.dts)
    await writeFile(path, progressiveFile(packets))
    assert.equal(await kindOfInput(path), 'mp4')
    assert.equal(await kindFor(path, 'asf'), 'mp4')
    const input = await openInput(path, inputOptions('flv'))
    t.after(() => input.close())

    for (let round = 0; round < 2; round++) {
      const results = []
      for await (const result of input.read()) results.push(result)
      const [first, ...others] = results
      assert.ok(first?.type === 'tracks')
      assert.deepEqual(
        first.tracks.map(({ codec }) => codec),
        ['h264', 'aac'],
      )
      assert.deepEqual(
        others.map((result) => (result.type === 'packet' ? Buffer.from(result.packet.data) : result.type)),
        packets.map(({ data }) => Buffer.from(data)),
      )
    }
  })

  test('an ASF file gives its data packets bit for bit, each before the packets within', async (t) => {
    const { path, packets } = await asfFile(t, WMV)
    const input = await openInput(path, inputOptions('asf'))
    const order: string[] = []
    const got: Uint8Array[] = []
    for await (const result of input.read()) {
      order.push(result.type)
      if (result.type === 'asf') got.push(result.packet.bytes)
    }
    await input.close()
    assert.deepEqual(
      got.map((bytes) => Buffer.from(bytes)),
      packets.map((bytes) => Buffer.from(bytes)),
    )
    assert.equal(order.filter((type) => type === 'packet').length, FRAMES)
    assert.equal(order[0], 'asf')
    assert.ok(order.indexOf('tracks') < order.indexOf('packet'))
  })

  test('an ASF file goes on where it ended when it is read again', async (t) => {
    const { path } = await asfFile(t, WMV)
    const input = await openInput(path, inputOptions('asf'))
    const units: AsfInputPacket['packet'][] = []
    const times: number[] = []
    for (let round = 0; round < 3; round++) {
      for await (const result of input.read()) {
        if (result.type === 'asf') units.push(result.packet)
        else if (result.type === 'packet') times.push(result.packet.dts / MICROS_PER_MS)
      }
    }
    await input.close()
    const expected = Array.from({ length: 3 * FRAMES }, (_, number) => number * STEP_MS)
    assert.deepEqual(
      units.map(({ sendTimeMs }) => sendTimeMs),
      expected,
    )
    assert.deepEqual(
      times.map((time) => time - (times[0] ?? 0)),
      expected,
    )
    assert.equal(new Set(units.map(({ init }) => init)).size, 1)
  })

  test('ffmpeg makes Windows Media for ASF and H.264 for FLV', () => {
    const options = { videoBitrateBps: 500_000, keyInterval: 3 }
    const asf = ffmpegArguments('-x.avi', 'asf', options).join(' ')
    assert.match(asf, /-i file:-x\.avi .*-c:v wmv2 .*-b:v 500000 .*-c:a wmav2 .*-f asf pipe:1$/)
    assert.match(ffmpegArguments('a', 'flv', options).join(' '), /-c:v libx264 .*-c:a aac .*-f flv pipe:1$/)
  })
})

describe('the ways out of the encoder', () => {
  test('an ASF target gets whole packets beside the media', async (t) => {
    const { path, packets } = await asfFile(t, WMV)
    const written: Uint8Array[] = []
    const report = await push({
      input: path,
      url: 'wmhttp://media.test/live/x',
      target: 'asf',
      log,
      provideAsf: () => ({ write: (bytes) => void written.push(bytes) }),
      push: async (stream) => {
        const cursor = stream.subscribe()
        while (await cursor.ready()) while (cursor.take() !== undefined);
      },
    })
    assert.deepEqual(
      written.map((bytes) => Buffer.from(bytes)),
      packets.map((bytes) => Buffer.from(bytes)),
    )
    assert.equal(report.packets, FRAMES)
  })

  test('a stream is offered until its input ends', async (t) => {
    const { path } = await asfFile(t, WMV)
    let offered: Hub | undefined
    const ports: number[] = []
    let closed = 0
    const report = await push({
      input: path,
      target: 'asf',
      log,
      serve: {
        host: '127.0.0.1',
        port: 0,
        open: async ({ hub, path: name }) => {
          offered = hub
          assert.notEqual(hub.find(name), undefined)
          return { port: 4711, close: async () => void closed++ }
        },
      },
      onServing: (port) => ports.push(port),
    })
    assert.equal(report.state, 'serving')
    assert.equal(report.packets, FRAMES)
    assert.deepEqual(ports, [4711])
    assert.equal(closed, 1)
    assert.notEqual(offered, undefined)
  })

  test('an offer ends when it is stopped, and fails when nobody can listen', async (t) => {
    const { path } = await asfFile(t, WMV)
    const stop = new AbortController()
    const open = async () => {
      setTimeout(() => stop.abort(), 20)
      return { port: 1, close: async () => undefined }
    }
    await push({ input: path, loop: true, target: 'asf', log, signal: stop.signal, serve: { host: '', port: 0, open } })
    const taken = () => Promise.reject(new ConfigError('ERR_CONFIG_PORT', 'taken'))
    const failing = push({ input: path, loop: true, target: 'asf', log, serve: { host: '', port: 0, open: taken } })
    await assert.rejects(failing, (error) => error instanceof ConfigError && error.code === 'ERR_CONFIG_PORT')
  })

  test('needs an address or a port', async (t) => {
    const { path } = await asfFile(t, WMV)
    await assert.rejects(push({ input: path, log }), (error) => error instanceof ConfigError)
  })
})
