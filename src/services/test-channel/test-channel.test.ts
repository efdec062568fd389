import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Packet } from '../../media/packet.ts'
import { microsToTicks } from '../../media/time.ts'
import type { Track } from '../../media/track.ts'
import { startTestChannel, type TestChannelClock, TestSource } from './test-channel.ts'
import { loadTestSound, readTestSound, soundIndexAt, soundTime } from './test-sound.ts'

const sound = await loadTestSound()
const START = Date.UTC(2026, 0, 31, 12, 0, 0) + 517

test('the sound is a whole number of seconds in at most 60 KB', () => {
  const bytes = sound.frames.reduce((sum, frame) => sum + frame.byteLength, 0)

  assert.equal((sound.frames.length * 1_024) % 48_000, 0)
  assert.ok(bytes < 60_000)
  assert.deepEqual([...sound.config], [0x11, 0x90])
  assert.throws(() => readTestSound(Uint8Array.of(0, 2, 1)), { code: 'ERR_MEDIA_TRUNCATED' })
})

test('sound frames are found by time, to the microsecond, in any century', () => {
  for (const time of [
    0, 1, 21_333, 21_334, 8_000_000, 1_800_000_000_000_000, 1_800_000_000_000_001, 4_000_000_007_999_999,
  ]) {
    const index = soundIndexAt(sound, time)

    assert.ok(soundTime(sound, index) >= time)
    assert.ok(soundTime(sound, index - 1) < time)
  }
})

test('packets come in order, both tracks without a gap, over the end of the loop', () => {
  const source = new TestSource(sound, START)
  const packets = collect(source, START, START + 20_000)
  const video = packets.filter((packet) => packet.track.kind === 'video')
  const audio = packets.filter((packet) => packet.track.kind === 'audio')

  assert.equal(video[0], packets[0])
  assert.equal(video[0]?.key, true)
  assert.equal(video[0]?.dts, 0)
  for (const [index, packet] of packets.entries()) assert.ok(packet.dts >= (packets[index - 1]?.dts ?? 0))
  for (const [index, packet] of video.entries()) assert.equal(packet.pts, index * 40_000)
  const first = microsToTicks(audio[0]?.pts ?? -1, 48_000)
  assert.ok(first < 1_024)
  for (const [index, packet] of audio.entries()) assert.equal(microsToTicks(packet.pts, 48_000), first + index * 1_024)
  assert.equal(video.length, 501)
  assert.ok(audio.length >= 937)
})

test('each second begins with a key picture, and its beep at the same time', () => {
  const source = new TestSource(sound, START)
  const packets = collect(source, START, START + 17_000)
  const origin = Math.floor(START / 40) * 40
  const keys = packets.filter((packet) => packet.track.kind === 'video' && packet.key).slice(1)
  const firstOfLoop = packets.filter((packet) => packet.data === sound.frames[0])

  assert.equal(keys.length, 17)
  for (const key of keys) assert.equal((origin + key.pts / 1_000) % 1_000, 0)
  assert.equal(firstOfLoop.length, 2)
  for (const packet of firstOfLoop) assert.equal((origin + packet.pts / 1_000) % 8_000, 0)
})

test('the rate stays below 300 kb/s', () => {
  const packets = collect(new TestSource(sound, START), START, START + 20_000)
  const bytes = packets.reduce((sum, packet) => sum + packet.data.byteLength, 0)

  assert.ok((bytes * 8) / 20 < 300_000)
})

test('a long pause or a stepped clock goes on without a gap in time, with a key picture', () => {
  for (const step of [5 * 3_600_000, -5 * 3_600_000, 1_500, -1_500]) {
    const source = new TestSource(sound, START)
    const before = collect(source, START, START + 3_000)
    const after = [...source.packetsUntil(START + 3_000 + step)]
    after.push(...collect(source, START + 3_000 + step, START + 6_000 + step))

    const lastVideo = before.findLast((packet) => packet.track.kind === 'video')
    const lastAudio = before.findLast((packet) => packet.track.kind === 'audio')
    const nextVideo = after.find((packet) => packet.track.kind === 'video')
    const nextAudio = after.find((packet) => packet.track.kind === 'audio')
    assert.equal(nextVideo?.pts, (lastVideo?.pts ?? 0) + 40_000)
    assert.equal(nextVideo?.key, true)
    const audioStep = (nextAudio?.pts ?? 0) - (lastAudio?.pts ?? 0)
    assert.ok(audioStep >= 21_333 && audioStep < 43_000, String(audioStep))
    assert.ok(after.length < 250)
  }
})

/** Pictures since the full second before the start: the channel begins with them. */
const HEAD_START = Math.floor((START % 1000) / 40)

test('the driver keeps the rate with late timers, and stops', () => {
  const clock = new FakeClock(START)
  const packets: Packet[] = []
  let announced: readonly Track[] = []
  const target = {
    announce: (tracks: readonly Track[]) => void (announced = tracks),
    write: (packet: Packet) => void packets.push(packet),
  }
  const channel = startTestChannel(target, { sound, clock })
  clock.run(10_000, 7)

  assert.deepEqual(
    announced.map((track) => track.codec),
    ['h264', 'aac'],
  )
  assert.equal(packets.filter((packet) => packet.track.kind === 'video').length, 251 + HEAD_START)
  channel.close()
  const written = packets.length
  clock.run(1_000, 0)
  assert.equal(packets.length, written)
  assert.equal(clock.pending, false)
})

test('while nobody watches packets come five times a second, and none is left out', () => {
  const clock = new FakeClock(START)
  const times: number[] = []
  let watching = false
  const write = (packet: Packet) => void (packet.track.kind === 'video' && times.push(clock.now() - START))
  const channel = startTestChannel({ announce: () => {}, write }, { sound, clock, watched: () => watching })
  clock.run(4_000, 0)
  const wakeUps = new Set(times).size
  watching = true
  clock.run(4_000, 0)
  channel.close()

  assert.ok(wakeUps <= 21)
  assert.ok(new Set(times).size > 100)
  assert.ok(Math.abs(times.length - HEAD_START - 200) <= 1, `${times.length} pictures`)
})

test('a publisher that refuses ends the channel', () => {
  const clock = new FakeClock(START)
  const refusal = new Error('taken over')
  let ended: unknown
  let left = 30
  const write = () => {
    if (left-- === 0) throw refusal
  }
  startTestChannel({ announce: () => {}, write }, { sound, clock, onEnd: (error) => void (ended = error) })
  clock.run(5_000, 0)

  assert.equal(ended, refusal)
  assert.equal(clock.pending, false)
})

test('closing from within a write stops at once', () => {
  const clock = new FakeClock(START)
  let written = 0
  const write = () => {
    written++
    if (written === 30) channel.close()
  }
  const channel = startTestChannel({ announce: () => {}, write }, { sound, clock })
  clock.run(5_000, 0)

  assert.equal(written, 30)
  assert.equal(clock.pending, false)
})

/** Asks every frame time, as the driver does. */
function collect(source: TestSource, fromMs: number, untilMs: number): Packet[] {
  const packets: Packet[] = []
  for (let now = fromMs; now <= untilMs; now += 40) packets.push(...source.packetsUntil(now))
  return packets
}

class FakeClock implements TestChannelClock {
  #now: number
  #timer: { at: number; callback: () => void } | undefined

  constructor(now: number) {
    this.#now = now
  }

  get pending(): boolean {
    return this.#timer !== undefined
  }

  now(): number {
    return this.#now
  }

  after(delayMs: number, callback: () => void): () => void {
    const timer = { at: this.#now + delayMs, callback }
    this.#timer = timer
    return () => {
      if (this.#timer === timer) this.#timer = undefined
    }
  }

  /** Moves on; timers fire `lateMs` after they are due. */
  run(durationMs: number, lateMs: number): void {
    const end = this.#now + durationMs
    while (this.#timer !== undefined && this.#timer.at + lateMs <= end) {
      const { at, callback } = this.#timer
      this.#timer = undefined
      this.#now = at + lateMs
      callback()
    }
    this.#now = end
  }
}
