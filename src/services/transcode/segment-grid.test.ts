import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { chooseFrameRate, rateOfTimes, rateValue } from './frame-rate.ts'
import { AUDIO_FRAME, AUDIO_RATE, audioFrameTime, createGrid, frameTime } from './segment-grid.ts'

const HOUR = 3_600_000_000

describe('segment grid', () => {
  it('lets pictures and sound meet at each boundary where the frame rate can', () => {
    for (const [rate, frames, seconds] of [
      [25, 80, 3.2],
      [30, 96, 3.2],
      [24, 64, 64 / 24],
      [50, 160, 3.2],
      [15, 48, 3.2],
      [10, 32, 3.2],
    ] as const) {
      const grid = createGrid(HOUR, chooseFrameRate(rate))

      assert.equal(grid.framesPerSegment, frames)
      for (const index of [0, 1, 7, 1000]) {
        const samples = grid.audio(index).first * AUDIO_FRAME
        assert.ok(Math.abs(samples / AUDIO_RATE - index * seconds) < 1e-9, `${rate}: segment ${index}`)
      }
    }
  })

  it('leaves no frame out and has none twice, at any rate', () => {
    for (const rate of [1, 7.5, 12.5, 23.976, 24, 25, 29.97, 30, 50, 59.94, 60]) {
      const grid = createGrid(600_000_000, chooseFrameRate(rate))
      let frame = 0
      let audio = 0
      for (const [index, span] of grid.spans.entries()) {
        assert.equal(grid.video(index).first, frame)
        assert.equal(grid.audio(index).first, audio)
        frame = grid.video(index).end
        audio = grid.audio(index).end
        const late = audioFrameTime(grid.audio(index).first) - span.start
        assert.ok(late >= 0 && late < 21_334, `${rate}: sound of segment ${index} is ${late} µs behind`)
        assert.equal(span.start + span.duration, grid.spans[index + 1]?.start ?? span.start + span.duration)
      }
      assert.equal(frame, grid.frames)
      assert.equal(audio, grid.audioFrames)
      assert.equal(frame, Math.round(600 * rateValue(chooseFrameRate(rate))))
    }
  })

  it('counts in frames, so that an hour of 29.97 is not off by a microsecond', () => {
    assert.equal(frameTime(107_892, { frames: 30_000, seconds: 1001 }), 3_599_996_400)
  })

  it('lays out sound alone in frames of sound', () => {
    const grid = createGrid(10_000_000, undefined)

    assert.deepEqual(grid.spans[1], { start: 3_200_000, duration: 3_200_000 })
    assert.deepEqual(grid.audio(3), { first: 450, end: 469 })
  })

  it('refuses what has no length, and what lies about it', () => {
    for (const duration of [0, -1, Number.NaN]) {
      assert.throws(() => createGrid(duration, chooseFrameRate(25)), { code: 'ERR_TRANSCODE_NO_MEDIA' })
    }
    assert.throws(() => createGrid(1000 * HOUR, chooseFrameRate(25)), { code: 'ERR_TRANSCODE_TOO_LONG' })
    assert.throws(() => createGrid(Number.MAX_SAFE_INTEGER, undefined), { code: 'ERR_TRANSCODE_TOO_LONG' })
  })
})

describe('frame rate', () => {
  it('is one that exists, near what a file says', () => {
    const chosen = [25, 24.99, 29.97, 30.01, 23.976, 120, 100, 240, 59.94, 14.985, 22, 7].map((rate) =>
      Number(rateValue(chooseFrameRate(rate)).toFixed(3)),
    )

    assert.deepEqual(chosen, [25, 25, 29.97, 30, 23.976, 60, 50, 60, 59.94, 14.985, 23.976, 7.493])
    for (const none of [undefined, 0, Number.NaN, Number.POSITIVE_INFINITY, -5]) {
      assert.equal(rateValue(chooseFrameRate(none)), 25)
    }
  })

  it('is measured by times of whole milliseconds', () => {
    const times = (rate: number) => Array.from({ length: 300 }, (_, at) => Math.round((at * 1000) / rate) * 1000)

    for (const rate of [12.5, 23.976, 25, 29.97, 30, 59.94]) {
      assert.equal(Number(rateValue(chooseFrameRate(rateOfTimes(times(rate)))).toFixed(3)), rate)
    }
  })

  it('of a screen recording that pauses is the one of its moving parts', () => {
    const bursts = [0, 5, 11].flatMap((second) =>
      Array.from({ length: 40 }, (_, at) => second * 1_000_000 + at * 66_667),
    )

    assert.equal(rateValue(chooseFrameRate(rateOfTimes(bursts))), 15)
    assert.equal(rateOfTimes([0, 40_000]), undefined)
    assert.equal(rateOfTimes([5, 5, 5, 5]), undefined)
  })
})
