import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { memorySource } from '../../media/byte-source.ts'
import { topLevelBoxes } from '../../media/containers/isobmff/box.ts'
import { openReader } from '../../media/open-reader.ts'
import type { Packet } from '../../media/packet.ts'
import { VIDEO } from '../../packaging/vectors.ts'
import { cutRecordings } from './cut.ts'
import type { CutRange } from './cut-source.ts'
import { writeExport } from './export-file.ts'
import { makePlace, openRecorder, PATH, publish, streamPackets, TestClock } from './vectors.ts'

async function cutBytes(
  root: string,
  range: CutRange,
): Promise<{ bytes: Buffer; startedAt: number; durationMs: number }> {
  const cut = await cutRecordings(root, PATH, range)
  const bytes = Buffer.concat(await listOf(cut.pieces()))
  assert.equal(bytes.byteLength, cut.byteLength)
  return { bytes, startedAt: cut.startedAt, durationMs: cut.durationMs }
}

async function packetsOf(bytes: Uint8Array): Promise<Packet[]> {
  const reader = await openReader(memorySource(bytes))
  return listOf(reader.packets(0))
}

async function listOf<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = []
  for await (const item of items) list.push(item)
  return list
}

const hex = ({ data }: Packet) => Buffer.from(data).toString('hex')
const isVideo = ({ track }: Packet) => track.kind === 'video'
const at = (seconds: number) => TestClock.start + seconds * 1000

describe('cut', () => {
  it('takes a range across files, from the key picture before it, in one movie that begins at zero', async (t) => {
    const place = makePlace(t)
    const run = await openRecorder(place, { record: { splitMinutes: 0.1 } })
    const source = streamPackets({ seconds: 20 })
    publish(run, source).end()
    await run.recorder.close()

    for (const [from, to, first, last] of [
      [4.5, 14.2, 4, 14.2],
      [7, 8, 7, 8],
      [6.999, 7.001, 6, 7.001],
      [-30, 3, 0, 3],
      [18.5, 99, 18, 20],
      [-1, 99, 0, 20],
    ] as const) {
      const { bytes, startedAt, durationMs } = await cutBytes(place.root, { from: at(from), to: at(to) })
      const packets = await packetsOf(bytes)

      const wanted = source.filter((one) => isVideo(one) && one.pts >= first * 1e6 && one.pts < last * 1e6)
      assert.deepEqual(packets.filter(isVideo).map(hex), wanted.map(hex), `${from} to ${to}`)
      assert.equal(startedAt, at(first))
      assert.ok(Math.abs(durationMs - (last - first) * 1000) <= 34, `${durationMs}`)
      assert.deepEqual([packets.find(isVideo)?.pts, packets.find(isVideo)?.key], [0, true])
      // Sound of the same moments, and as it was against the picture.
      const sound = packets.filter((one) => !isVideo(one))
      const sounds = new Map(source.map((one) => [hex(one), one]))
      for (const one of sound) {
        const { pts = Number.NaN } = sounds.get(hex(one)) ?? {}
        // The clock of a movie counts milliseconds.
        assert.ok(Math.abs(one.pts - (pts - first * 1e6)) <= 530, `${one.pts} of ${pts}`)
      }
      assert.ok(
        Math.abs(sound.length * 1024 - (last - first) * 48_000) <= 3 * 1024,
        `${sound.length} of ${last - first} s`,
      )
      assert.deepEqual(
        [...topLevelBoxes(bytes)].map(({ type }) => type),
        ['ftyp', 'moov', 'mdat'],
      )
    }
  })

  it('joins what was recorded before and behind a pause', async (t) => {
    const place = makePlace(t)
    const run = await openRecorder(place)
    publish(run, streamPackets({ seconds: 6 })).end()
    run.clock.to(run.clock.passedMs + 600_000)
    publish(run, streamPackets({ seconds: 6, size: 300 })).end()
    await run.recorder.close()

    const { bytes } = await cutBytes(place.root, { from: at(2), to: at(700) })

    const pictures = (await packetsOf(bytes)).filter(isVideo)
    assert.equal(pictures.length, 4 * 30 + 6 * 30)
    for (const [i, { dts }] of pictures.entries()) assert.ok(Math.abs(dts - (i * 1e6) / 30) < 30, `${i}: ${dts}`)
  })

  it('takes what has been written of a recording that grows', async (t) => {
    const place = makePlace(t)
    const run = await openRecorder(place)
    const stream = publish(run, streamPackets({ seconds: 9 }))
    while (run.recorder.waiting > 0 || run.states.length === 0) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
    }

    const { bytes } = await cutBytes(place.root, { from: at(1), to: at(5) })

    assert.equal((await packetsOf(bytes)).filter(isVideo).length, 4 * 30)
    stream.end()
    await run.recorder.close()
  })

  it('says when nothing was recorded, and where codecs change', async (t) => {
    const place = makePlace(t)
    const run = await openRecorder(place)
    const config = VIDEO.config?.slice() ?? new Uint8Array()
    config[3] = (config[3] ?? 0) + 1
    publish(run, [
      ...streamPackets({ seconds: 6 }),
      ...streamPackets({ seconds: 6, from: 6_000_000, video: { ...VIDEO, config } }),
    ]).end()
    await run.recorder.close()

    const cut = (from: number, to: number) => cutRecordings(place.root, PATH, { from: at(from), to: at(to) })
    await assert.rejects(cut(3, 9), { code: 'ERR_RECORDING_TRACKS_CHANGED', message: /2026-11-25T03:00:06/ })
    assert.ok((await cut(1, 5)).byteLength > 0)
    await assert.rejects(cut(100, 200), { code: 'ERR_RECORDING_NOT_FOUND' })
    await assert.rejects(cutRecordings(place.root, 'live/none', { from: 0, to: at(9) }), {
      code: 'ERR_RECORDING_NOT_FOUND',
    })
    await assert.rejects(cutRecordings(place.root, 'live/../..', { from: 0, to: at(9) }), { code: 'ERR_PATH_INVALID' })
  })

  it('gives an exported file its name when it is whole, and leaves nothing of one that is not', async (t) => {
    const { root } = makePlace(t)
    const pieces = async function* (fails: boolean) {
      yield Buffer.from('12')
      if (fails) throw new Error('gone')
      yield Buffer.from('345')
    }
    const progress: number[] = []

    await writeExport(pieces(false), { output: join(root, 'a.mp4'), onProgress: (bytes) => progress.push(bytes) })
    await assert.rejects(writeExport(pieces(true), { output: join(root, 'b.mp4') }), /gone/)

    assert.equal(readFileSync(join(root, 'a.mp4'), 'latin1'), '12345')
    assert.deepEqual(progress, [2, 5])
    assert.deepEqual(readdirSync(root), ['a.mp4'])
    assert.equal(existsSync(join(root, 'b.mp4.part')), false)
  })
})
