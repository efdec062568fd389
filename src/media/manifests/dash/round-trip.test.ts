import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { formatMpd } from './format.ts'
import type {
  AdaptationSet,
  BaseUrl,
  ContentProtection,
  Descriptor,
  Mpd,
  Period,
  ProducerReferenceTime,
  Representation,
  SegmentTemplate,
  ServiceDescription,
} from './model.ts'
import { parseMpd } from './parse.ts'

test('reading what was written gives the same description', () => {
  fc.assert(
    fc.property(mpd, (model) => {
      assert.deepEqual(parseMpd(formatMpd(model)), model)
    }),
    { numRuns: 60 },
  )
})

const text = fc
  .string({ unit: fc.constantFrom(...Array.from('aZ9 &<>"\'=/:%$é漢😀\t')), maxLength: 8 })
  .map((value) => `x${value}x`)
const count = fc.nat(2 ** 45)
const seconds = fc.nat(10 ** 12).map((micros) => micros / 1e6)
const moment = fc.integer({ min: 0, max: 4e12 })
const offset = fc.constantFrom(0, 0.8, 1.5, Number.POSITIVE_INFINITY)

/** Optional properties are left out at random. */
function record<T>(
  required: { [K in keyof T]?: fc.Arbitrary<T[K]> },
  optional: { [K in keyof T]?: fc.Arbitrary<Exclude<T[K], undefined>> },
): fc.Arbitrary<T> {
  const model: Record<string, fc.Arbitrary<unknown>> = { ...required, ...optional }
  return fc.record(model, { requiredKeys: Object.keys(required), noNullPrototype: true }) as fc.Arbitrary<T>
}

function few<T>(one: fc.Arbitrary<T>): fc.Arbitrary<T[]> {
  return fc.array(one, { maxLength: 2 })
}

const descriptor = record<Descriptor>({ schemeIdUri: text }, { value: text })
const baseUrl = record<BaseUrl>(
  { url: text },
  { serviceLocation: text, availabilityTimeOffset: offset, availabilityTimeComplete: fc.boolean() },
)
const segmentTemplate = record<SegmentTemplate>(
  {},
  {
    timescale: count,
    presentationTimeOffset: count,
    duration: count,
    startNumber: count,
    endNumber: count,
    initialization: text,
    media: text,
    availabilityTimeOffset: offset,
    availabilityTimeComplete: fc.boolean(),
    timeline: fc.array(
      record<NonNullable<SegmentTemplate['timeline']>[number]>(
        { duration: count },
        { time: count, repeat: fc.oneof(fc.constant(-1), fc.integer({ min: 1, max: 1e6 })) },
      ),
      { minLength: 1, maxLength: 3 },
    ),
  },
)
const required = {
  audioChannelConfigurations: few(descriptor),
  contentProtections: few(
    record<ContentProtection>(
      { schemeIdUri: text },
      { value: text, defaultKid: text, robustness: text, pssh: text, pro: text, licenseUrl: text },
    ),
  ),
  essentialProperties: few(descriptor),
  supplementalProperties: few(descriptor),
  producerReferenceTimes: few(
    record<ProducerReferenceTime>(
      { id: count, wallClockTime: moment, presentationTime: count },
      { type: text, inband: fc.boolean(), utcTiming: descriptor },
    ),
  ),
  baseUrls: few(baseUrl),
}
const optional = {
  mimeType: text,
  codecs: text,
  width: count,
  height: count,
  frameRate: text,
  audioSamplingRate: count,
  sar: text,
  startWithSap: count,
  segmentTemplate,
}
const adaptationSet = record<AdaptationSet>(
  {
    ...required,
    labels: few(text),
    accessibilities: few(descriptor),
    roles: few(descriptor),
    representations: few(record<Representation>({ ...required, id: text, bandwidth: count }, optional)),
  },
  {
    ...optional,
    id: text,
    contentType: text,
    lang: text,
    par: text,
    segmentAlignment: fc.boolean(),
    maxWidth: count,
    maxHeight: count,
    maxFrameRate: text,
  },
)
const mpd = record<Mpd>(
  {
    type: fc.constantFrom('static', 'dynamic'),
    profiles: text,
    minBufferTime: seconds,
    baseUrls: few(baseUrl),
    locations: few(text),
    serviceDescriptions: few(
      record<ServiceDescription>(
        { scopes: few(descriptor) },
        {
          id: text,
          latency: record<NonNullable<ServiceDescription['latency']>>(
            {},
            { referenceId: count, targetMs: count, maxMs: count, minMs: count },
          ),
          playbackRate: record<NonNullable<ServiceDescription['playbackRate']>>(
            {},
            { max: fc.constantFrom(1, 1.04), min: fc.constantFrom(0.96, 1) },
          ),
        },
      ),
    ),
    periods: few(
      record<Period>(
        { baseUrls: few(baseUrl), adaptationSets: few(adaptationSet) },
        { id: text, start: seconds, duration: seconds, segmentTemplate },
      ),
    ),
    utcTimings: few(descriptor),
  },
  {
    id: text,
    availabilityStartTime: moment,
    publishTime: moment,
    mediaPresentationDuration: seconds,
    minimumUpdatePeriod: seconds,
    timeShiftBufferDepth: seconds,
    suggestedPresentationDelay: seconds,
    maxSegmentDuration: seconds,
  },
)
