import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FormatError } from '../../errors.ts'
import {
  computeStartupProfile,
  formatStartupProfile,
  parseStartupProfile,
  type StartingPayload,
  type StartupProfileOptions,
} from './startup-profile.ts'

const VALUE =
  'Rate=10,12,15,20,30;MaxBytes=9000,7000,5000,3000,900;Time=400,400,80,80,80;StartTime=3000;LastTime=9800;MaxDiffTime=0;MaxDiffSndTime=-5;ByteRate=62000,62000,62000,62000,62000;'

const options: StartupProfileOptions = {
  accelDurationMs: 1000,
  averageBitrateBps: 80_000,
  broadcast: false,
  hasVideo: true,
  hasAudio: true,
}

function video(sendTimeMs: number, presentationTimeMs: number, objectSize: number, key = false): StartingPayload {
  return { kind: 'video', key, sendTimeMs, presentationTimeMs, objectSize }
}

function audio(sendTimeMs: number, presentationTimeMs: number, objectSize: number): StartingPayload {
  return { kind: 'audio', key: true, sendTimeMs, presentationTimeMs, objectSize }
}

test('a value is read and written again', () => {
  const profile = parseStartupProfile(VALUE)
  assert.deepEqual(profile.times, [400, 400, 80, 80, 80])
  assert.equal(profile.maxDiffSendTime, -5)
  assert.equal(formatStartupProfile(profile), VALUE)
})

test('lists of different lengths, and what is no number, are refused', () => {
  for (const value of ['', 'Rate=10;MaxBytes=1,2;Time=1;ByteRate=1;', VALUE.replace('9000', 'x'), 'x'.repeat(5000)]) {
    assert.throws(() => parseStartupProfile(value), FormatError)
  }
})

test('worked by hand: a big first picture is missing longest at the lowest speed', () => {
  // 10,000 bytes a second. Needed before 3040: 2000 bytes, none streamed. Before 3080: 2500 bytes, of 40 ms 400 (10), 480, 600, 800, 1200.
  const profile = computeStartupProfile(
    [
      video(0, 3000, 2000, true),
      video(10, 3040, 500),
      video(20, 3080, 100),
      video(30, 3500, 100),
      video(1001, 9000, 1e6),
    ],
    options,
  )
  assert.ok(profile !== undefined)
  assert.deepEqual(profile.rates, [10, 12, 15, 20, 30])
  // 2000 at first; the picture at 3040 leaves 2500 - 400; then 2600 - 800 is less.
  assert.deepEqual(profile.maxBytes.slice(0, 2), [2100, 2020])
  assert.deepEqual(profile.times, [40, 40, 0, 0, 0])
  assert.deepEqual(profile.byteRates, [10_000, 10_000, 10_000, 10_000, 10_000])
  assert.equal(profile.startTime, 3000)
  assert.equal(profile.lastTime, 500)
  assert.equal(profile.maxDiffSendTime, 0)
})

test('audio behind video: where it is farthest, and how far', () => {
  const profile = computeStartupProfile(
    [video(0, 3000, 100, true), audio(5, 3000, 10), video(10, 3200, 100), audio(30, 3050, 10), audio(40, 3190, 10)],
    options,
  )
  // 150 ms behind; sent 25 ms after the audio before it.
  assert.equal(profile?.maxDiffSendTime, 125)
  assert.equal(profile?.maxDiffTime, 50)
})

test('a broadcast begins at a key frame; without a duration or payloads there is no profile', () => {
  const payloads = [audio(0, 2900, 10), video(0, 2950, 10), video(5, 3000, 10, true), video(10, 3040, 10)]
  assert.equal(computeStartupProfile(payloads, { ...options, broadcast: true })?.startTime, 3000)
  assert.equal(computeStartupProfile(payloads, options)?.startTime, 2900)
  assert.equal(computeStartupProfile(payloads, { ...options, accelDurationMs: 0 }), undefined)
  assert.equal(computeStartupProfile([], options), undefined)
})

test('audio alone', () => {
  const profile = computeStartupProfile([audio(0, 0, 400), audio(0, 100, 400), audio(0, 200, 400)], {
    ...options,
    hasVideo: false,
    averageBitrateBps: 32_000,
  })
  assert.equal(profile?.lastTime, 200)
  assert.equal(profile?.maxDiffSendTime, 0)
  assert.ok(profile.maxBytes.every((bytes) => bytes > 0))
})
