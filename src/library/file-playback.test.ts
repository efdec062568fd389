import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { audioTrack, packetAt, videoTrack } from '../../test/support/packets.ts'
import { TestClock } from '../../test/support/test-clock.ts'
import { FormatError } from '../errors.ts'
import type { Packet } from '../media/packet.ts'
import type { MediaReader } from '../media/reader.ts'
import { MICROS_PER_MS, type Micros } from '../media/time.ts'
import { FilePlayback, type FilePlaybackOptions } from './file-playback.ts'
import { timeOffset } from './time-offset.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A file of the packets given, in the order given; `opened` are the places from which it was read. */
function fileOf(packets: readonly Packet[], seconds: number, fault?: { readonly at: number }) {
  const opened: Micros[] = []
  const state = { reading: 0, mostReading: 0, read: 0 }
  const reader: MediaReader = {
    format: 'mp4',
    tracks: [videoTrack, audioTrack],
    foreign: [],
    duration: seconds * 1_000_000,
    metadata: {},
    notes: [],
    keyPoints: async () => [],
    async *packets(from, options) {
      const place = typeof from === 'number' ? from : from.pts
      opened.push(place)
      state.reading++
      state.mostReading = Math.max(state.mostReading, state.reading)
      try {
        const first = packets.findLastIndex(({ track, key, pts }) => track === videoTrack && key && pts <= place)
        for (let at = Math.max(0, first); at < packets.length; at++) {
          const packet = packets[at]!
          if (options?.tracks?.includes(packet.track.id) === false) continue
          await Promise.resolve()
          if (at === fault?.at) throw new FormatError('ERR_TEST', 'broken')
          state.read++
          yield packet
        }
      } finally {
        state.reading--
      }
    },
  }
  return { reader, opened, state }
}

/** Pictures of 25 a second, a key picture each second, numbered by `fill`. */
function pictures(seconds: number, size = 4): Packet[] {
  return Array.from({ length: seconds * 25 }, (_, index) =>
    packetAt(index * 40, { key: index % 25 === 0, size, fill: index & 0xff }),
  )
}

interface Made {
  readonly playback: FilePlayback
  readonly clock: TestClock
  readonly closed: { count: number }
  /** Decode times in milliseconds of all that is due now. */
  due(): number[]
}

async function play(reader: MediaReader, options: Partial<FilePlaybackOptions> = {}): Promise<Made> {
  const clock = new TestClock()
  const closed = { count: 0 }
  const tracks = reader.tracks
  const onClose = () => closed.count++
  const playback = new FilePlayback({ reader, tracks, offset: 0, from: 0, aheadMs: 1000, clock, onClose, ...options })
  for (let count = 0; count < 5; count++) await turn()
  const due = () => {
    const times: number[] = []
    for (let packet = playback.take(); packet !== undefined; packet = playback.take())
      times.push(packet.dts / MICROS_PER_MS)
    return times
  }
  return { playback, clock, closed, due }
}

const range = (from: number, to: number) =>
  Array.from({ length: (to - from) / 40 + 1 }, (_, index) => from + index * 40)

describe('FilePlayback', () => {
  it('gives the lead at once and the rest in real time', async () => {
    const { due, clock } = await play(fileOf(pictures(4), 4).reader, { tracks: [videoTrack] })

    assert.deepEqual(due(), range(0, 1000))
    clock.advance(400)
    assert.deepEqual(due(), range(1040, 1400))
    assert.deepEqual(due(), [])
  })

  it('wakes its owner when the next packets are due, not for each of them', async () => {
    const { playback, due, clock } = await play(fileOf(pictures(4), 4).reader, { tracks: [videoTrack] })
    let woken = 0
    playback.onWake = () => {
      woken++
      due()
    }
    due()

    clock.advance(1000)

    assert.equal(woken, 10)
  })

  it('orders tracks by decode times, however far apart the file has them', async () => {
    const video = pictures(1)
    const audio = Array.from({ length: 40 }, (_, index) => packetAt(index * 25, { track: audioTrack }))
    const { due } = await play(fileOf([...video, ...audio], 1).reader)

    const times = due()

    assert.equal(times.length, 65)
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    )
  })

  it('a track that falls silent does not hold the other up', async () => {
    const silent = [packetAt(0, { track: audioTrack }), ...pictures(8)]
    const { due, clock } = await play(fileOf(silent, 8).reader)
    const times = due()
    clock.advance(5000)

    times.push(...due())

    assert.equal(times.at(-1), 6000)
  })

  it('a seek takes effect at once: nothing of before comes out, and the key picture before the place is not waited for', async () => {
    const { playback, due } = await play(fileOf(pictures(9), 9).reader, { tracks: [videoTrack] })
    due()

    playback.seek(5_500_000)

    assert.deepEqual(due(), [])
    await turn()
    assert.deepEqual(due(), range(5000, 6480))
  })

  it('F: 200 seeks in a turn read once at a time and end where the last one went', async () => {
    const { reader, opened, state } = fileOf(pictures(9), 9)
    const { playback, due } = await play(reader, { tracks: [videoTrack] })

    for (let count = 0; count < 200; count++) playback.seek((count % 9) * 1_000_000)
    playback.seek(7_000_000)
    for (let count = 0; count < 5; count++) await turn()

    assert.equal(state.mostReading, 1)
    assert.ok(opened.length <= 3, `${opened.length} readings`)
    assert.equal(due()[0], 7000)
  })

  it('F: absurd places are the nearest one of the file', async () => {
    const { playback, due } = await play(fileOf(pictures(3), 3).reader, { tracks: [videoTrack] })
    for (const [place, first] of [
      [-5, 0],
      [Number.NaN, 0],
      [2 ** 53, 2000],
      [Number.NEGATIVE_INFINITY, 0],
      [Number.POSITIVE_INFINITY, 2000],
    ] as const) {
      playback.seek(place)
      for (let count = 0; count < 3; count++) await turn()

      assert.equal(due()[0], first, String(place))
    }
  })

  it('pauses, and goes on without catching up', async () => {
    const { playback, due, clock } = await play(fileOf(pictures(9), 9).reader, { tracks: [videoTrack] })
    due()
    playback.pause()
    clock.advance(5000)
    assert.deepEqual(due(), [])

    playback.resume()
    clock.advance(80)

    assert.deepEqual(due(), range(1040, 1080))
  })

  it('goes on behind the place where a viewer stopped that let go of what it had', async () => {
    const { playback, due } = await play(fileOf(pictures(9), 9).reader, { tracks: [videoTrack], aheadMs: 3000 })
    due()
    playback.pause()

    playback.resume(1_320_000)
    await turn()

    assert.equal(due()[0], 1360)
  })

  it('reads no further ahead than its limit, and stops when closed', async () => {
    const { reader, state } = fileOf(pictures(60, 16_384), 60)
    const { playback, closed } = await play(reader, { tracks: [videoTrack], aheadMs: 0 })

    assert.ok(playback.heldBytes < 256 * 1024 + 17_000 && state.read < 20, `${state.read} packets`)
    playback.close()
    await turn()
    assert.deepEqual([closed.count, state.reading, playback.heldBytes], [1, 0, 0])
  })

  it('ends at the end, at the place asked for, and can go back from there', async () => {
    const { playback, due } = await play(fileOf(pictures(1), 1).reader, { tracks: [videoTrack], until: 200_000 })

    assert.deepEqual(due(), range(0, 160))
    assert.equal(playback.state, 'ended')
    playback.seek(0)
    await turn()
    assert.deepEqual([playback.state, due().length, playback.state], ['open', 5, 'ended'])
  })

  it('gives what was read before a fault, then tells of it', async () => {
    const { playback, due } = await play(fileOf(pictures(1), 1, { at: 10 }).reader, { tracks: [videoTrack] })

    assert.deepEqual([due().length, playback.state], [10, 'failed'])
  })
})

describe('timeOffset', () => {
  it('is the delay of reordered pictures; what is cut off stays before zero', async () => {
    const cut = packetAt(-1000, { key: true })
    const shown = packetAt(-66.667, { key: true, composition: 66.667 })
    const { reader } = fileOf([cut, packetAt(-20, { track: audioTrack }), shown, packetAt(1, { track: audioTrack })], 1)

    const offset = await timeOffset(reader)

    assert.equal(offset, 67_000)
    const { due } = await play(reader, { offset })
    assert.deepEqual(due().map(Math.round), [0, 0, 47, 68])
  })
})
