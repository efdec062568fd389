import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FormatError } from '../../../errors.ts'
import { formatMpd } from './format.ts'
import type { Mpd } from './model.ts'
import { parseMpd } from './parse.ts'

const refused: Record<string, string> = {
  'another document': '<html/>',
  'a document type': '<!DOCTYPE MPD><MPD/>',
  'a negative number': mpdWith('<SegmentTemplate timescale="-1"/>'),
  'a number above 2^53': mpdWith('<SegmentTemplate timescale="9007199254740993"/>'),
  'a number that is none': mpdWith('<SegmentTemplate timescale="NaN"/>'),
  'a segment without a duration': mpdWith(
    '<SegmentTemplate><SegmentTimeline><S t="1"/></SegmentTimeline></SegmentTemplate>',
  ),
  'a repeat count below -1': mpdWith(
    '<SegmentTemplate><SegmentTimeline><S d="1" r="-2"/></SegmentTimeline></SegmentTemplate>',
  ),
  'a representation without an id': mpdWith('<AdaptationSet><Representation bandwidth="1"/></AdaptationSet>'),
  'a role without a scheme': mpdWith('<AdaptationSet><Role/></AdaptationSet>'),
  'a date that is none': '<MPD publishTime="now"/>',
  'a duration that is none': '<MPD minBufferTime="1"/>',
  'an endless offset': mpdWith('<BaseURL availabilityTimeOffset="1e400">a</BaseURL>'),
}

for (const [what, text] of Object.entries(refused)) {
  test(`refused: ${what}`, () => {
    assert.throws(() => parseMpd(text), FormatError)
  })
}

test('an offset without end and prefixes of other namespaces', () => {
  const mpd = parseMpd(
    `<m:MPD xmlns:m="urn:mpeg:dash:schema:mpd:2011" xmlns:x="http://www.w3.org/1999/xlink"><m:Period x:href="file:///x">
     <m:BaseURL availabilityTimeOffset="INF"> https://a/ </m:BaseURL></m:Period></m:MPD>`,
  )

  assert.deepEqual(mpd.periods[0]?.baseUrls, [{ url: 'https://a/', availabilityTimeOffset: Number.POSITIVE_INFINITY }])
  assert.deepEqual(parseMpd(formatMpd(mpd)), mpd)
})

test('text from outside cannot leave its place', () => {
  const hostile = `"/><Period id='x'>&amp;\n\t\u0000]]>`
  const mpd: Mpd = {
    type: 'static',
    profiles: hostile,
    minBufferTime: 1,
    baseUrls: [],
    locations: ['</MPD>'],
    serviceDescriptions: [],
    periods: [],
    utcTimings: [{ schemeIdUri: hostile }],
  }
  const parsed = parseMpd(formatMpd(mpd))

  assert.deepEqual(parsed, {
    ...mpd,
    profiles: hostile.replace('\u0000', ''),
    utcTimings: [{ schemeIdUri: hostile.replace('\u0000', '') }],
  })
})

function mpdWith(inPeriod: string): string {
  return `<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><Period>${inPeriod}</Period></MPD>`
}
