import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MICROS_PER_SECOND } from '../media/time.ts'
import type { StoredRendition } from './stored-segment.ts'
import { audioPackets, interleave, runLive, videoPackets } from './vectors.ts'

function video(run: ReturnType<typeof runLive>): StoredRendition {
  const rendition = run.store.rendition('video-1')
  assert.ok(rendition !== undefined)
  return rendition
}

test('the bytes of a segment are those of its parts', () => {
  const run = runLive(videoPackets({ seconds: 9 }))

  const first = video(run).segments.at(-2)
  assert.ok(first?.bytes !== undefined && first.parts.length >= 6)
  assert.deepEqual(Buffer.concat(first.parts.map(({ bytes }) => bytes)), first.bytes)
})

test('a long run keeps a window of segments and the parts of the newest only', () => {
  const run = runLive(interleave([...videoPackets({ seconds: 300 }), ...audioPackets({ seconds: 300 })]))

  const { segments } = video(run)
  assert.deepEqual(run.violations, [])
  assert.ok(segments.length < 30, `${segments.length} segments`)
  assert.ok(segments.filter(({ parts }) => parts.length > 0).length <= 7)
  assert.ok(run.store.firstListed > (segments[0]?.number ?? 0))
  const kept = run.store.renditions.flatMap((rendition) => rendition.segments)
  assert.equal(
    run.store.bytes,
    kept.reduce((sum, { byteLength }) => sum + byteLength, 0),
  )
})

test('memory is bounded in bytes; the oldest segments go', () => {
  const maxBytes = 2_000_000
  const run = runLive(videoPackets({ seconds: 120, size: 10_000 }), {
    store: { maxBytes },
    ignore: ['window-short', 'discontinuity-sequence'],
  })

  assert.ok(run.store.bytes <= maxBytes + 700_000, `${run.store.bytes}`)
  assert.deepEqual(run.violations, [])
})

test('H-03: requests that wait are capped, and end at their deadline', async () => {
  const run = runLive(videoPackets({ seconds: 5 }), { store: { maxWaiting: 3 } })
  const rendition = video(run)
  const next = { number: (rendition.segments.at(-1)?.number ?? 0) + 1, part: 0 }

  const waiting = [1, 2, 3].map(() => run.store.waitFor(rendition, next, { waitMs: 20 }))
  await assert.rejects(run.store.waitFor(rendition, next, { waitMs: 20 }), { code: 'ERR_PACKAGING_BUSY' })

  assert.deepEqual(await Promise.all(waiting), [false, false, false])
  assert.equal(run.store.waiting, 0)
})

test('who waits is told when the part comes, when its own connection goes, and when the stream ends', async () => {
  const packets = videoPackets({ seconds: 10 })
  const run = runLive(packets.slice(0, 150))
  const rendition = video(run)
  const last = rendition.segments.at(-1)
  assert.ok(last !== undefined)
  const gone = new AbortController()

  const part = run.store.waitFor(rendition, { number: last.number, part: last.parts.length }, { waitMs: 10_000 })
  const whole = run.store.waitFor(rendition, { number: last.number }, { waitMs: 10_000 })
  const left = run.store.waitFor(rendition, { number: last.number }, { waitMs: 10_000, signal: gone.signal })
  gone.abort()
  for (const packet of packets.slice(150, 175)) {
    run.segmenter.write(packet)
    for (let result = run.segmenter.read(); result !== undefined; result = run.segmenter.read()) run.store.add(result)
  }
  assert.equal(await part, true)
  assert.equal(await left, false)
  assert.equal(run.store.waiting, 1)
  run.store.end()

  assert.equal(await whole, true)
  assert.equal(run.store.waiting, 0)
})

test('a part after the last one of a complete segment is the first of the next segment', () => {
  const run = runLive(videoPackets({ seconds: 6.2 }))
  const rendition = video(run)
  const open = rendition.segments.at(-1)
  const before = rendition.segments.at(-2)
  assert.ok(open !== undefined && before !== undefined && open.parts.length === 0)

  assert.equal(run.store.reached(rendition, { number: before.number, part: before.parts.length - 1 }), true)
  assert.equal(run.store.reached(rendition, { number: before.number, part: before.parts.length }), false)
  assert.equal(run.store.reached(rendition, { number: before.number }), true)
  assert.equal(run.store.reached(rendition, { number: open.number }), false)
})

test('an answer that holds the bytes of a segment takes their place', () => {
  const run = runLive(videoPackets({ seconds: 5 }))
  const rendition = video(run)
  const first = rendition.segments.at(-2)
  assert.ok(first?.bytes !== undefined)
  const copy = Buffer.from(first.bytes)

  run.store.adopt(rendition, first.number, copy)

  assert.equal(rendition.segments.at(-2)?.bytes, copy)
  assert.equal(rendition.segments.at(-2)?.parts[0]?.bytes.buffer, copy.buffer)
  assert.ok(run.store.targetDuration === 2 && run.store.periodStart(0) < MICROS_PER_SECOND)
})
