/** Random playlists for round-trip tests: every optional property present or absent, text with awkward characters. */
import * as fc from 'fast-check'
import type {
  DateRange,
  Key,
  MediaPlaylist,
  MultivariantPlaylist,
  Part,
  Segment,
  SegmentHead,
  Variant,
} from './model.ts'

const yes = fc.constant<true>(true)
const text = fc
  .string({ unit: fc.constantFrom(...Array.from('aZ09 ,=:;#$@&<>%é漢😀')), maxLength: 12 })
  .map((value) => `x${value}x`)
const uri = fc
  .string({ unit: fc.constantFrom(...Array.from('aZ09,=:;$@&/?.%é')), minLength: 1, maxLength: 12 })
  .map((value) => `u${value}`)
const count = fc.nat(2 ** 40)
const duration = fc.nat(60_000_000).map((micros) => micros / 1e6)
const moment = fc.integer({ min: 0, max: 4e12 })
const byteRange = fc.record({ length: count, offset: count }, { noNullPrototype: true })

/** Optional properties are left out at random. */
function record<T>(
  required: { [K in keyof T]?: fc.Arbitrary<T[K]> },
  optional: { [K in keyof T]?: fc.Arbitrary<Exclude<T[K], undefined>> },
): fc.Arbitrary<T> {
  const model: Record<string, fc.Arbitrary<unknown>> = { ...required, ...optional }
  return fc.record(model, { requiredKeys: Object.keys(required), noNullPrototype: true }) as fc.Arbitrary<T>
}

const key = record<Key>(
  { method: fc.constantFrom('AES-128', 'SAMPLE-AES'), uri },
  { iv: fc.constant('0x00FF'), keyFormat: text, keyFormatVersions: fc.constant('1/2') },
)
const part = record<Part>({ duration, uri }, { independent: yes, byteRange, gap: yes })
const head = {
  discontinuity: yes,
  map: record<NonNullable<Segment['map']>>({ uri }, { byteRange }),
  keys: fc.uniqueArray(key, { selector: (one) => one.keyFormat ?? 'identity', minLength: 1, maxLength: 3 }),
  programDateTime: moment,
  gap: yes,
}
const segment = record<Segment>(
  { duration, uri, parts: fc.array(part, { maxLength: 3 }) },
  { ...head, title: text, byteRange },
)
const openSegment = record<SegmentHead>({ parts: fc.array(part, { minLength: 1, maxLength: 3 }) }, head)
const dateRange = record<DateRange>(
  { id: text },
  {
    class: text,
    startDate: moment,
    cue: fc.constant('PRE,ONCE'),
    endDate: moment,
    duration,
    plannedDuration: duration,
    scte35Out: fc.constant('0xFC'),
    endOnNext: yes,
    clientAttributes: fc.dictionary(fc.constantFrom('X-A', 'X-B'), text, { minKeys: 1, noNullPrototype: true }),
  },
)

/** A map and a bit rate stay in force once given, so a later segment without one is not expressible. */
function inForce(playlist: MediaPlaylist): MediaPlaylist {
  let map: SegmentHead['map']
  const carry = <T extends SegmentHead>(one: T): T => {
    map = one.map ?? map
    return map === undefined ? one : { ...one, map }
  }
  const segments = playlist.segments.map(carry)
  return playlist.openSegment === undefined
    ? { ...playlist, segments }
    : { ...playlist, segments, openSegment: carry(playlist.openSegment) }
}

/** Media playlists that can be written. */
export const arbitraryMediaPlaylist: fc.Arbitrary<MediaPlaylist> = record<MediaPlaylist>(
  {
    type: fc.constant('media'),
    version: fc.nat(12),
    targetDuration: fc.nat(60),
    mediaSequence: count,
    discontinuitySequence: count,
    dateRanges: fc.array(dateRange, { maxLength: 2 }),
    segments: fc.array(segment, { maxLength: 5 }),
    preloadHints: fc.array(
      record<MediaPlaylist['preloadHints'][number]>(
        { type: fc.constantFrom('PART', 'MAP'), uri },
        { byteRangeStart: count, byteRangeLength: count },
      ),
      { maxLength: 2 },
    ),
    renditionReports: fc.array(
      record<MediaPlaylist['renditionReports'][number]>({ uri }, { lastMsn: count, lastPart: count }),
      { maxLength: 2 },
    ),
    ended: fc.boolean(),
  },
  {
    independentSegments: yes,
    start: record<NonNullable<MediaPlaylist['start']>>(
      { timeOffset: fc.integer({ min: -1e6, max: 1e6 }) },
      { precise: yes },
    ),
    serverControl: record<NonNullable<MediaPlaylist['serverControl']>>(
      { canBlockReload: yes },
      { canSkipUntil: duration, canSkipDateRanges: yes, partHoldBack: duration, holdBack: duration },
    ),
    partTarget: duration,
    playlistType: fc.constantFrom('EVENT', 'VOD'),
    iFramesOnly: yes,
    skip: record<NonNullable<MediaPlaylist['skip']>>(
      { skippedSegments: count },
      { recentlyRemovedDateRanges: fc.array(text, { minLength: 1, maxLength: 3 }) },
    ),
    openSegment,
  },
).map(inForce)

const variantCommon = {
  averageBandwidth: count,
  codecs: fc.constant('avc1.64001f,mp4a.40.2'),
  supplementalCodecs: text,
  resolution: fc.record({ width: fc.nat(9_999), height: fc.nat(9_999) }, { noNullPrototype: true }),
  videoRange: fc.constantFrom('SDR', 'HLG', 'PQ'),
  hdcpLevel: fc.constantFrom('NONE', 'TYPE-0'),
  score: fc.nat(100),
  stableVariantId: text,
  pathwayId: text,
  video: text,
  name: text,
}

/** Multivariant playlists that can be written. */
export const arbitraryMultivariantPlaylist: fc.Arbitrary<MultivariantPlaylist> = record<MultivariantPlaylist>(
  {
    type: fc.constant('multivariant'),
    version: fc.nat(12),
    sessionKeys: fc.array(key, { maxLength: 2 }),
    renditions: fc.array(
      record<MultivariantPlaylist['renditions'][number]>(
        { type: fc.constantFrom('AUDIO', 'VIDEO', 'SUBTITLES', 'CLOSED-CAPTIONS'), groupId: text, name: text },
        {
          uri,
          language: text,
          associatedLanguage: text,
          default: yes,
          autoselect: yes,
          forced: yes,
          instreamId: text,
          bitDepth: count,
          sampleRate: count,
          characteristics: text,
          channels: text,
        },
      ),
      { maxLength: 3 },
    ),
    // At least one tag that tells a multivariant playlist from a media playlist.
    variants: fc.array(
      record<Variant>(
        { bandwidth: count, uri },
        {
          ...variantCommon,
          frameRate: fc.nat(120_000).map((value) => value / 1e3),
          audio: text,
          subtitles: text,
          closedCaptions: text,
        },
      ),
      { minLength: 1, maxLength: 3 },
    ),
    iFrameVariants: fc.array(
      record<MultivariantPlaylist['iFrameVariants'][number]>({ bandwidth: count, uri }, variantCommon),
      { maxLength: 2 },
    ),
  },
  { independentSegments: yes },
)
