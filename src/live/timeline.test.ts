import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { audioTrack, dataTrack, packetAt, videoTrack } from '../../test/support/packets.ts'
import type { Packet } from '../media/packet.ts'
import { ClockUnwrapper } from '../media/time.ts'
import { Timeline } from './timeline.ts'

const MS = 1000

/** Stream times in ms of packets at source times in ms. */
function place(timeline: Timeline, times: readonly number[], track = videoTrack): number[] {
  return times.map((ms) => timeline.place(packetAt(ms, { track })).dts / MS)
}

describe('Timeline', () => {
  it('starts at zero and keeps steps', () => {
    assert.deepEqual(place(new Timeline(), [5000, 5040, 5080]), [0, 40, 80])
  })

  it('gives the same object when nothing changes', () => {
    const timeline = new Timeline()
    const packet = packetAt(0)

    assert.equal(timeline.place(packet), packet)
    const next = packetAt(40, { composition: 80 })
    assert.equal(timeline.place(next), next)
  })

  it('moves small steps back forward by a microsecond and counts them', () => {
    const timeline = new Timeline()

    assert.deepEqual(place(timeline, [0, 40, 40, 30, 80]), [0, 40, 40.001, 40.002, 80])
    assert.equal(timeline.repairs, 2)
  })

  it('believes a pause, and bridges a longer jump with a mark', () => {
    const timeline = new Timeline()
    place(timeline, [0, 40])

    const pause = timeline.place(packetAt(9_000))
    assert.deepEqual([pause.dts / MS, pause.discontinuity], [9_000, undefined])
    const jump = timeline.place(packetAt(60_000))
    assert.deepEqual([jump.dts / MS, jump.discontinuity], [9_033, true])
    const next = timeline.place(packetAt(60_040))
    assert.deepEqual([next.dts / MS, next.discontinuity], [9_073, undefined])
  })

  it('bridges jumps of 2^31 ms in both directions', () => {
    const timeline = new Timeline()

    assert.deepEqual(place(timeline, [0, 40, 2 ** 31, 2 ** 31 + 40, 0, 40]), [0, 40, 73, 113, 146, 186])
  })

  it('does not notice the wrap of an unwrapped 32-bit clock', () => {
    const timeline = new Timeline()
    const clock = new ClockUnwrapper(32)
    const source = [2 ** 32 - 80, 2 ** 32 - 40, 0, 40].map((ms) => clock.unwrap(ms))

    assert.deepEqual(place(timeline, source), [0, 40, 80, 120])
    assert.equal(timeline.repairs, 0)
  })

  it('goes on forward when the source steps back to its start', () => {
    const timeline = new Timeline()

    assert.deepEqual(place(timeline, [0, 5000, 10_000, 0, 40]), [0, 5000, 10_000, 10_033, 10_073])
  })

  it('keeps tracks together while one has jumped and the other still brings the old clock', () => {
    const timeline = new Timeline()
    const video = (ms: number) => timeline.place(packetAt(ms))
    const audio = (ms: number) => timeline.place(packetAt(ms, { track: audioTrack }))
    video(0)
    audio(0)
    video(40)

    const jumped = video(100_000)
    assert.equal(jumped.dts / MS, 73)
    const late = audio(20)
    assert.deepEqual([late.dts / MS, late.discontinuity], [20, undefined])
    assert.equal(audio(60).dts / MS, 60)
    const followed = audio(100_010)
    assert.deepEqual([followed.dts / MS, followed.discontinuity], [83, true])
    assert.equal(video(100_040).dts / MS, 113)
    assert.equal(timeline.repairs, 1)
  })

  it('marks each known track once after a jump', () => {
    const timeline = new Timeline()
    const tracks = [videoTrack, audioTrack, dataTrack]
    for (const track of tracks) timeline.place(packetAt(0, { track }))

    const marks = tracks.map((track) => timeline.place(packetAt(50_000, { track })).discontinuity)
    assert.deepEqual(marks, [true, true, true])
    assert.equal(timeline.place(packetAt(50_040)).discontinuity, undefined)
  })

  it('continues at the given place after a restart, and never before the newest packet', () => {
    const timeline = new Timeline()
    place(timeline, [0, 1000])

    timeline.restart(5_000 * MS)
    const after = timeline.place(packetAt(777_000))
    assert.deepEqual([after.dts / MS, after.discontinuity], [5_000, true])
    timeline.restart(1_000 * MS)
    assert.equal(timeline.place(packetAt(0)).dts / MS, 5_033)
  })

  it('takes back presentation times that cannot be', () => {
    const timeline = new Timeline()
    const offset = (composition: number, ms: number) => {
      const placed = timeline.place(packetAt(ms, { composition }))
      return (placed.pts - placed.dts) / MS
    }

    assert.deepEqual([offset(80, 0), offset(-40, 40), offset(11_000, 80), offset(0, 120)], [80, 0, 0, 0])
  })

  it('gives strictly increasing decode times on every track, whatever comes in', () => {
    const clock = fc.oneof(
      fc.integer({ min: 0, max: 20_000 }),
      fc.integer({ min: -1_000, max: 1_000 }).map((step) => 2 ** 31 + step),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.integer({ min: -(2 ** 32), max: -1 }),
    )
    const action = fc.record({
      track: fc.constantFrom(videoTrack, audioTrack, dataTrack),
      ms: clock,
      composition: fc.integer({ min: -20_000, max: 20_000 }),
      restart: fc.option(fc.integer({ min: 0, max: 2 ** 40 }), { freq: 10, nil: undefined }),
    })
    fc.assert(
      fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
        const timeline = new Timeline()
        const last = new Map<number, Packet>()
        for (const { track, ms, composition, restart } of actions) {
          if (restart !== undefined) timeline.restart(restart)
          const placed = timeline.place(packetAt(ms, { track, composition }))
          const before = last.get(track.id)
          assert.ok(before === undefined || placed.dts > before.dts, `${before?.dts} then ${placed.dts}`)
          assert.ok(Number.isSafeInteger(placed.dts) && placed.pts >= placed.dts)
          assert.ok(timeline.newest >= placed.dts)
          last.set(track.id, placed)
        }
      }),
      { numRuns: 300, seed: 1 },
    )
  })
})
