import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Packet } from '../media/packet.ts'
import { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from '../media/time.ts'
import type { Track } from '../media/track.ts'
import type { StoredSegment } from './stored-segment.ts'
import { AUDIO, audioPackets, interleave, type LiveRun, runLive, VIDEO, videoPackets } from './vectors.ts'

const SECOND: Micros = MICROS_PER_SECOND
/** A rendition that does not begin with number 0 has few segments at first. */
const YOUNG = ['window-short']
/** The last packet before a pause is longer than a part may say. */
const PAUSE = ['parts-sum']

function segmentsOf(run: LiveRun, name: string): readonly StoredSegment[] {
  return run.store.rendition(name)?.segments ?? []
}

/** Seconds of the complete segments, to the millisecond. */
function durations(run: LiveRun, name: string): number[] {
  return segmentsOf(run, name)
    .filter(({ complete }) => complete)
    .map(({ duration }) => Math.round(duration / MICROS_PER_MS) / 1000)
}

function withFlag(packets: Packet[]): Packet[] {
  return packets.map((packet, index) => (index === 0 ? { ...packet, discontinuity: true as const } : packet))
}

test('with a key frame each second, segments last the target duration of 2 s and start with key frames', () => {
  const run = runLive(interleave([...videoPackets({ seconds: 13 }), ...audioPackets({ seconds: 13 })]))

  assert.deepEqual(run.violations, [])
  assert.deepEqual(durations(run, 'video-1').slice(0, 5), [2, 2, 2, 2, 2])
  assert.ok(segmentsOf(run, 'video-1').every(({ independent }) => independent))
  assert.equal(run.store.targetDuration, 2)
})

test('audio segments have the numbers of the video segments of the same time', () => {
  const run = runLive(interleave([...videoPackets({ seconds: 13 }), ...audioPackets({ seconds: 13 })]))
  const video = segmentsOf(run, 'video-1')
  const audio = segmentsOf(run, 'audio-101')

  for (const { number, start } of audio) {
    const same = video.find((segment) => segment.number === number)
    assert.ok(same !== undefined && Math.abs(same.start - start) < 22 * MICROS_PER_MS, `segment ${number}`)
  }
  assert.ok(audio.length >= video.length - 1)
})

test('every packet is in exactly one part, in order', () => {
  const packets = interleave([...videoPackets({ seconds: 7 }), ...audioPackets({ seconds: 7 })])
  const run = runLive(packets, { end: true })

  const counted = new Map<string, number>()
  for (const { name, segments } of run.store.renditions) {
    counted.set(
      name,
      segments.reduce((sum, segment) => sum + segment.packets, 0),
    )
  }
  assert.equal(counted.get('video-1'), 210)
  assert.equal(counted.get('audio-101'), packets.length - 210)
})

test('a stream of audio only is cut by duration', () => {
  const run = runLive(audioPackets({ seconds: 20 }))

  assert.deepEqual(run.violations, [])
  for (const duration of durations(run, 'audio-101')) assert.ok(Math.abs(duration - 2) < 0.022, String(duration))
})

test('a stream of video only', () => {
  const run = runLive(videoPackets({ seconds: 20 }))

  assert.deepEqual(run.violations, [])
  assert.equal(run.store.renditions.length, 1)
})

test('audio that comes 700 ms after the video is aligned all the same', () => {
  const packets = [...videoPackets({ seconds: 20 }), ...audioPackets({ seconds: 20 })]
  const run = runLive(interleave(packets, { [AUDIO.id]: 700 * MICROS_PER_MS }))

  assert.deepEqual(run.violations, [])
  for (const { start, number } of segmentsOf(run, 'audio-101')) {
    assert.ok(Math.abs(start - number * 2 * SECOND) < 22 * MICROS_PER_MS, `segment ${number} starts at ${start}`)
  }
})

test('video that comes 200 ms after the audio: audio waits for it, no longer than a part', () => {
  const packets = [...videoPackets({ seconds: 20 }), ...audioPackets({ seconds: 20 })]
  const run = runLive(interleave(packets, { [VIDEO.id]: 200 * MICROS_PER_MS }))

  assert.deepEqual(run.violations, [])
  for (const { start, number } of segmentsOf(run, 'audio-101')) {
    assert.ok(Math.abs(start - number * 2 * SECOND) < 22 * MICROS_PER_MS, `segment ${number} starts at ${start}`)
  }
})

test('audio goes on when video stops, and its segments stay within the target duration', () => {
  const packets = [...videoPackets({ seconds: 6 }), ...audioPackets({ seconds: 30 })]
  const run = runLive(interleave(packets), { ignore: PAUSE })

  assert.deepEqual(run.violations, [])
  const last = segmentsOf(run, 'audio-101').at(-1)
  assert.ok(last !== undefined && last.start > 26 * SECOND)
  assert.ok(segmentsOf(run, 'video-1').some(({ gap }) => gap))
})

test('video goes on when audio stops; its playlist gets gaps and does not fall behind', () => {
  const packets = [...videoPackets({ seconds: 20 }), ...audioPackets({ seconds: 6 })]
  const run = runLive(interleave(packets))

  assert.deepEqual(run.violations, [])
  assert.ok(segmentsOf(run, 'audio-101').some(({ gap }) => gap))
  assert.ok(
    Math.abs((segmentsOf(run, 'audio-101').at(-1)?.number ?? 0) - (segmentsOf(run, 'video-1').at(-1)?.number ?? 0)) <=
      2,
  )
})

test('a rendition of gaps only is forgotten', () => {
  const packets = [...videoPackets({ seconds: 120 }), ...audioPackets({ seconds: 6 })]
  const run = runLive(interleave(packets))

  assert.equal(run.store.rendition('audio-101'), undefined)
  assert.ok(run.store.rendition('video-1') !== undefined)
})

test('before the first key frame nothing is packaged', () => {
  const video = videoPackets({ seconds: 8 }).slice(7)
  const run = runLive(video)

  assert.deepEqual(run.violations, [])
  assert.equal(segmentsOf(run, 'video-1')[0]?.start, SECOND)
})

test('a group of pictures longer than the target makes the segment as long, and the target duration with it', () => {
  const run = runLive(interleave([...videoPackets({ seconds: 30, gop: 150 }), ...audioPackets({ seconds: 30 })]))

  assert.deepEqual(run.violations, [])
  assert.equal(run.store.targetDuration, 5)
  assert.deepEqual(durations(run, 'video-1').slice(-2), [5, 5])
})

test('without key frames a segment is cut at 10 s, and does not claim to be independent', () => {
  const run = runLive(videoPackets({ seconds: 35, gop: 1_000_000 }))

  assert.deepEqual(run.violations, [])
  assert.equal(run.store.targetDuration, 10)
  assert.equal(segmentsOf(run, 'video-1').at(-1)?.independent, false)
  assert.equal(run.playlist('video-1').independentSegments, undefined)
})

test('a group of pictures that gets longer later is cut at the target duration told before', () => {
  const short = videoPackets({ seconds: 8 })
  const long = videoPackets({ from: 8 * SECOND, seconds: 20, gop: 240 })
  const run = runLive(interleave([...short, ...long, ...audioPackets({ seconds: 28 })]))

  assert.deepEqual(run.violations, [])
  assert.equal(run.store.targetDuration, 2)
  assert.ok(segmentsOf(run, 'video-1').some(({ independent }) => !independent))
})

test('key frames that jitter around 1 s still make segments of 2 s', () => {
  const jitter = (frame: number) => ((frame * 7919) % 13) * MICROS_PER_MS - 6 * MICROS_PER_MS
  const packets = videoPackets({ seconds: 40, jitter: (frame) => Math.max(jitter(frame), 0) })
  const run = runLive(interleave([...packets, ...audioPackets({ seconds: 40 })]))

  assert.deepEqual(run.violations, [])
  for (const duration of durations(run, 'video-1')) assert.ok(Math.abs(duration - 2) < 0.05, String(duration))
})

test('millisecond clocks, as RTMP has them, keep parts between 85 % and the part target', () => {
  for (const rate of [
    [30, 1],
    [25, 1],
    [24, 1],
    [60, 1],
    [50, 1],
    [30_000, 1001],
    [15, 1],
  ] as const) {
    const packets = videoPackets({ seconds: 12, rate, gop: Math.round(rate[0] / rate[1]) })
    const rounded = packets.map((packet) => {
      const dts = Math.round(packet.dts / MICROS_PER_MS) * MICROS_PER_MS
      return { ...packet, dts, pts: dts }
    })
    const run = runLive(interleave([...rounded, ...audioPackets({ seconds: 12 })]))

    assert.deepEqual(run.violations, [], `${rate[0]}/${rate[1]}`)
  }
})

test('29.97 frames a second do not drift from the clock over three hours', () => {
  const from = 3 * 3600 * SECOND
  const rate = [30_000, 1001] as const
  const frames = Math.round((3 * 3600 * 30_000) / 1001 / 30) * 30
  const start = Math.round((frames * 1001 * SECOND) / 30_000)
  const run = runLive(videoPackets({ from: start, seconds: 21, rate }), {
    segmenter: { firstNumber: 5400 },
    ignore: YOUNG,
  })

  assert.ok(Math.abs(start - from) < 2 * SECOND)
  assert.deepEqual(run.violations, [])
  for (const [index, segment] of segmentsOf(run, 'video-1').entries()) {
    const exact = Math.round(((frames + index * 60) * 1001 * SECOND) / 30_000)
    assert.ok(Math.abs(segment.start - exact) <= 1, `segment ${segment.number} starts at ${segment.start}`)
  }
})

test('composition offsets: a segment says where it is presented', () => {
  const run = runLive(videoPackets({ seconds: 6, composition: 66 * MICROS_PER_MS }))

  const [first] = segmentsOf(run, 'video-1')
  assert.equal(first?.start, 0)
  assert.equal(first?.presentationStart, 66 * MICROS_PER_MS)
})

test('a discontinuity begins a new period with new init segments in all renditions', () => {
  const before = interleave([...videoPackets({ seconds: 9 }), ...audioPackets({ seconds: 9 })])
  const from = 12 * SECOND
  const after = interleave([
    ...withFlag(videoPackets({ from, seconds: 12 })),
    ...withFlag(audioPackets({ from, seconds: 12 })),
  ])
  const run = runLive([...before, ...after])

  assert.deepEqual(run.violations, [])
  for (const name of ['video-1', 'audio-101']) {
    const [first, ...others] = run.playlist(name).segments.filter(({ discontinuity }) => discontinuity)
    assert.ok(first !== undefined && others.length === 0, `${name} has one discontinuity`)
    assert.match(first.map?.uri ?? '', /-init-1\.mp4$/)
  }
  assert.deepEqual(
    run.results.filter(({ type }) => type === 'init').map((result) => ('period' in result ? result.period : -1)),
    [0, 0, 1, 1],
  )
})

test('the audio of a publisher that is back comes first and waits for the key frame', () => {
  const before = interleave([...videoPackets({ seconds: 9 }), ...audioPackets({ seconds: 9 })])
  const from = 12 * SECOND
  const audio = withFlag(audioPackets({ from, seconds: 12 }))
  const video = withFlag(videoPackets({ from: from + 500 * MICROS_PER_MS, seconds: 12 }))
  const run = runLive([...before, ...interleave([...audio, ...video])])

  assert.deepEqual(run.violations, [])
  const period = segmentsOf(run, 'audio-101').filter((segment) => segment.period === 1)
  assert.ok((period[0]?.start ?? 0) >= from + 500 * MICROS_PER_MS)
  assert.equal(Math.max(...segmentsOf(run, 'video-1').map((segment) => segment.period)), 1)
})

test('a publisher that comes back without video is played by its audio, and video that returns leads again', () => {
  const before = interleave([...videoPackets({ seconds: 9 }), ...audioPackets({ seconds: 9 })])
  const audio = withFlag(audioPackets({ from: 12 * SECOND, seconds: 20 }))
  const video = withFlag(videoPackets({ from: 22 * SECOND, seconds: 10 }))
  const run = runLive([...before, ...interleave([...audio, ...video])])

  assert.deepEqual(run.violations, [])
  const audioSegments = segmentsOf(run, 'audio-101')
  assert.ok(audioSegments.some(({ period, gap }) => period === 1 && !gap))
  assert.ok(segmentsOf(run, 'video-1').some(({ period, gap, packets }) => period === 2 && !gap && packets > 0))
})

test('a changed configuration begins a new period without being marked', () => {
  const larger: Track = { ...VIDEO, video: { width: 128, height: 96 } }
  const packets = [
    ...videoPackets({ seconds: 8 }),
    ...videoPackets({ track: larger, from: 8 * SECOND, seconds: 8 }),
    ...audioPackets({ seconds: 16 }),
  ]
  const run = runLive(interleave(packets))

  assert.deepEqual(run.violations, [])
  const discontinuity = run.playlist('audio-101').segments.filter((segment) => segment.discontinuity)
  assert.equal(discontinuity.length, 1)
  assert.equal(run.store.rendition('video-1')?.inits.length, 2)
})

test('an equal track object is no change', () => {
  const packets = [
    ...videoPackets({ seconds: 8 }),
    ...videoPackets({
      track: { ...VIDEO, config: VIDEO.config?.slice() ?? new Uint8Array() },
      from: 8 * SECOND,
      seconds: 8,
    }),
  ]
  const run = runLive(packets)

  assert.deepEqual(run.violations, [])
  assert.equal(Math.max(...segmentsOf(run, 'video-1').map(({ period }) => period)), 0)
})

test('a second audio track is a rendition; one that joins late begins a period', () => {
  const second: Track = { ...AUDIO, id: 102, language: 'de' }
  const packets = [
    ...videoPackets({ seconds: 16 }),
    ...audioPackets({ seconds: 16 }),
    ...audioPackets({ track: second, from: 7 * SECOND, seconds: 9 }),
  ]
  const run = runLive(interleave(packets), { ignore: YOUNG })

  assert.deepEqual(run.violations, [])
  assert.equal(segmentsOf(run, 'audio-102')[0]?.period, 1)
  assert.equal(run.playlist('audio-102').discontinuitySequence, 1)
})

test('two video tracks whose key frames are a frame apart have aligned independent segments', () => {
  const small: Track = { ...VIDEO, id: 2 }
  const packets = [
    ...videoPackets({ seconds: 16 }),
    ...videoPackets({ track: small, from: 15 * MICROS_PER_MS, seconds: 16 }),
  ]
  const run = runLive(interleave(packets))

  assert.deepEqual(run.violations, [])
  assert.ok(segmentsOf(run, 'video-2').every(({ independent }) => independent))
})

test('a pause of the publisher becomes a gap, not a segment that is too long', () => {
  const packets = [
    ...videoPackets({ seconds: 9 }),
    ...videoPackets({ from: 15 * SECOND, seconds: 15 }),
    ...audioPackets({ seconds: 9 }),
    ...audioPackets({ from: 15 * SECOND, seconds: 15 }),
  ]
  const run = runLive(interleave(packets))

  assert.deepEqual(run.violations, [])
  assert.ok(run.playlist('video-1').segments.some(({ gap }) => gap))
})

test('data tracks and codecs without a place in MP4 are left out', () => {
  const data: Track = { id: 201, kind: 'data', codec: 'amf0-data', timescale: 1000 }
  const packet: Packet = { track: data, data: new Uint8Array(3), dts: 0, pts: 0, key: true }
  const run = runLive([packet, ...videoPackets({ seconds: 5 })])

  assert.deepEqual(
    run.store.renditions.map(({ name }) => name),
    ['video-1'],
  )
})

test('any order, loss and marks of packets leave a store with consecutive numbers', () => {
  for (let seed = 1; seed <= 30; seed++) {
    const random = mulberry(seed)
    let clock: Micros = 0
    const packets: Packet[] = []
    for (let count = 0; count < 1500; count++) {
      clock += Math.floor(random() * 40) * MICROS_PER_MS
      if (random() < 0.005) clock += Math.floor(random() * 9) * SECOND
      const track = random() < 0.5 ? VIDEO : random() < 0.9 ? AUDIO : { ...AUDIO, id: 102 }
      const dts = clock
      packets.push({
        track: random() < 0.01 ? { ...track, config: Uint8Array.of(0x12, 0x10, seed, count) } : track,
        data: new Uint8Array(10),
        dts,
        pts: dts,
        key: track.kind === 'audio' || random() < 0.05,
        ...(random() < 0.01 ? { discontinuity: true as const } : {}),
      })
    }
    const run = runLive(packets, { end: true })

    for (const { name, segments } of run.store.renditions) {
      for (const [index, segment] of segments.entries()) {
        assert.equal(segment.number, (segments[0]?.number ?? 0) + index, `${name}, seed ${seed}`)
        assert.ok(segment.complete, `${name} ${segment.number}, seed ${seed}`)
        assert.ok(segment.duration >= 0)
      }
    }
  }
})

function mulberry(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let value = Math.imul(state ^ (state >>> 15), 1 | state)
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value
    return ((value ^ (value >>> 14)) >>> 0) / 4294967296
  }
}
