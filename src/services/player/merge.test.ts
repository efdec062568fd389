import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { DemuxResult } from '../../media/container.ts'
import type { Track } from '../../media/track.ts'
import { mergeSources } from './merge.ts'
import type { Source } from './source.ts'

const video: Track = { id: 1, kind: 'video', codec: 'h264', timescale: 1000 }
const audio: Track = { id: 1, kind: 'audio', codec: 'aac', timescale: 1000 }

async function* source(results: readonly DemuxResult[], failure?: Error): Source {
  for (const result of results) {
    await Promise.resolve()
    yield result
  }
  if (failure !== undefined) throw failure
}

function packets(track: Track, count: number): DemuxResult[] {
  return Array.from({ length: count }, (_, i) => ({
    type: 'packet',
    packet: { track, data: Uint8Array.of(i & 255), dts: i * 1000, pts: i * 1000, key: true },
  }))
}

async function collect(merged: Source): Promise<DemuxResult[]> {
  const results: DemuxResult[] = []
  for await (const result of merged) results.push(result)
  return results
}

test('tracks of two sources get ids of their own and come before every packet', async () => {
  const results = await collect(
    mergeSources([
      source([{ type: 'tracks', tracks: [video] }, ...packets(video, 2000)]),
      source([{ type: 'tracks', tracks: [audio] }, ...packets(audio, 3000)]),
    ]),
  )

  assert.equal(results[0]?.type, 'tracks')
  assert.deepEqual(results[0].type === 'tracks' && results[0].tracks.map((track) => [track.id, track.kind]), [
    [1, 'video'],
    [101, 'audio'],
  ])
  const counts = new Map<number, number>()
  for (const result of results) {
    if (result.type === 'packet') counts.set(result.packet.track.id, (counts.get(result.packet.track.id) ?? 0) + 1)
  }
  assert.equal(counts.get(1), 2000)
  assert.equal(counts.get(101), 3000)
})

test('a source that starts late does not make the reader spin', async () => {
  async function* late(): Source {
    // Timers only fire when the reader waits instead of spinning.
    await new Promise((resolve) => setImmediate(() => setTimeout(resolve, 1)))
    yield { type: 'tracks', tracks: [audio] }
    yield* packets(audio, 1)
  }

  const results = await collect(
    mergeSources([source([{ type: 'tracks', tracks: [video] }, ...packets(video, 3)]), late()]),
  )

  assert.equal(results.length, 5)
})

test('a source that fails ends the whole with its error, after what it gave', async () => {
  const merged = mergeSources([
    source([{ type: 'tracks', tracks: [video] }, ...packets(video, 5)], new Error('gone')),
    source([{ type: 'tracks', tracks: [audio] }, ...packets(audio, 5)]),
  ])
  const seen: DemuxResult[] = []

  await assert.rejects(async () => {
    for await (const result of merged) seen.push(result)
  }, /gone/)
  assert.equal(seen.filter((result) => result.type === 'packet').length, 10)
})

test('a reader that leaves stops the sources', async () => {
  let stopped = 0
  async function* endless(track: Track): Source {
    try {
      yield { type: 'tracks', tracks: [track] }
      for (;;) {
        await Promise.resolve()
        yield* packets(track, 10)
      }
    } finally {
      stopped++
    }
  }

  for await (const result of mergeSources([endless(video), endless(audio)])) {
    if (result.type === 'packet') break
  }

  assert.equal(stopped, 2)
})
