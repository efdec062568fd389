import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FormatError } from '../../../errors.ts'
import { expandTemplate, expandTimeline, formatTimeline, resolveSegmentTemplate } from './segment-template.ts'

test('identifiers with and without padding', () => {
  const values = { representationId: 'v1', bandwidth: 1_500_000, number: 42, time: 8_100_000_000_000 }

  assert.equal(
    expandTemplate('$RepresentationID$/$Bandwidth$/$Number%06d$-$Time$.m4s', values),
    'v1/1500000/000042-8100000000000.m4s',
  )
  assert.equal(expandTemplate('a$$b$Number%01d$', values), 'a$b42')
})

test('an unknown identifier, one without a value, and absurd padding are refused', () => {
  assert.throws(() => expandTemplate('$Name$', { number: 1 }), FormatError)
  assert.throws(() => expandTemplate('$Time$', { number: 1 }), FormatError)
  assert.throws(() => expandTemplate('$Number%0999d$', { number: 1 }), FormatError)
})

test('runs and gaps, there and back', () => {
  const segments = [
    { time: 100, duration: 50 },
    { time: 150, duration: 50 },
    { time: 200, duration: 60 },
    { time: 300, duration: 60 },
    { time: 360, duration: 60 },
  ]
  const entries = formatTimeline(segments)

  assert.deepEqual(entries, [
    { time: 100, duration: 50, repeat: 1 },
    { duration: 60 },
    { time: 300, duration: 60, repeat: 1 },
  ])
  assert.deepEqual(expandTimeline(entries, { limit: 100 }), segments)
  assert.deepEqual(expandTimeline(entries, { limit: 2 }), segments.slice(-2))
})

test('an open run ends at the next entry or the end of the period', () => {
  assert.equal(expandTimeline([{ time: 0, duration: 10, repeat: -1 }], { limit: 100, end: 95 }).length, 10)
  assert.equal(
    expandTimeline(
      [
        { time: 0, duration: 10, repeat: -1 },
        { time: 30, duration: 5 },
      ],
      { limit: 100 },
    ).length,
    4,
  )
  assert.equal(expandTimeline([{ time: 0, duration: 10, repeat: -1 }], { limit: 100 }).length, 1)
})

test('hostile repeat counts cost neither time nor memory', () => {
  const many = Array.from({ length: 50_000 }, () => ({ time: 0, duration: 1, repeat: 2 ** 50 }))

  assert.equal(expandTimeline(many, { limit: 1_000 }).length, 1_000)
  assert.equal(expandTimeline([{ duration: 0, repeat: 2 ** 50 }], { limit: 1_000 }).length, 1_000)
  assert.throws(() => expandTimeline([{ duration: 2 ** 50, repeat: 2 ** 50 }], { limit: 10 }), FormatError)
})

test('the innermost value of a template counts', () => {
  const common = {
    audioChannelConfigurations: [],
    contentProtections: [],
    essentialProperties: [],
    supplementalProperties: [],
    producerReferenceTimes: [],
    baseUrls: [],
  }
  const set = {
    ...common,
    labels: [],
    accessibilities: [],
    roles: [],
    representations: [],
    segmentTemplate: { timescale: 90_000, media: 'a' },
  }
  const period = { baseUrls: [], adaptationSets: [set], segmentTemplate: { timescale: 1, startNumber: 7 } }
  const representation = { ...common, id: '1', bandwidth: 1, segmentTemplate: { media: 'b' } }

  assert.deepEqual(resolveSegmentTemplate(period, set, representation), {
    timescale: 90_000,
    startNumber: 7,
    media: 'b',
  })
})
