/** Reads a DASH media presentation description (ISO/IEC 23009-1 section 5), within the limits of the XML reader. */
import { FormatError } from '../../../errors.ts'
import { parseDateTime, parseDuration } from '../iso8601.ts'
import { type Loose, withoutUndefined } from '../without-undefined.ts'
import { parseXml, type XmlElement, xmlAttribute, xmlChildren } from '../xml.ts'
import type {
  AdaptationSet,
  BaseUrl,
  ContentProtection,
  Descriptor,
  Latency,
  Mpd,
  Period,
  PlaybackRate,
  ProducerReferenceTime,
  Representation,
  RepresentationCommon,
  SegmentTemplate,
  ServiceDescription,
  TimelineEntry,
} from './model.ts'

/** Unknown elements and attributes are ignored. Throws FormatError for text that is no MPD and for malformed values. */
export function parseMpd(text: string): Mpd {
  const root = parseXml(text)
  if (root.localName !== 'MPD') throw invalid('an MPD element', root.name)
  return withoutUndefined<Mpd>({
    type: xmlAttribute(root, 'type') === 'dynamic' ? 'dynamic' : 'static',
    id: xmlAttribute(root, 'id'),
    profiles: xmlAttribute(root, 'profiles') ?? '',
    availabilityStartTime: moment(root, 'availabilityStartTime'),
    publishTime: moment(root, 'publishTime'),
    mediaPresentationDuration: span(root, 'mediaPresentationDuration'),
    minimumUpdatePeriod: span(root, 'minimumUpdatePeriod'),
    minBufferTime: span(root, 'minBufferTime') ?? 0,
    timeShiftBufferDepth: span(root, 'timeShiftBufferDepth'),
    suggestedPresentationDelay: span(root, 'suggestedPresentationDelay'),
    maxSegmentDuration: span(root, 'maxSegmentDuration'),
    baseUrls: xmlChildren(root, 'BaseURL').map(readBaseUrl),
    locations: xmlChildren(root, 'Location').map((location) => location.text.trim()),
    serviceDescriptions: xmlChildren(root, 'ServiceDescription').map(readServiceDescription),
    periods: xmlChildren(root, 'Period').map(readPeriod),
    utcTimings: xmlChildren(root, 'UTCTiming').map(readDescriptor),
  })
}

function readServiceDescription(element: XmlElement): ServiceDescription {
  const latency = xmlChildren(element, 'Latency')[0]
  const playbackRate = xmlChildren(element, 'PlaybackRate')[0]
  return withoutUndefined<ServiceDescription>({
    id: xmlAttribute(element, 'id'),
    scopes: xmlChildren(element, 'Scope').map(readDescriptor),
    latency:
      latency &&
      withoutUndefined<Latency>({
        referenceId: integer(latency, 'referenceId'),
        targetMs: integer(latency, 'target'),
        maxMs: integer(latency, 'max'),
        minMs: integer(latency, 'min'),
      }),
    playbackRate:
      playbackRate &&
      withoutUndefined<PlaybackRate>({ max: decimal(playbackRate, 'max'), min: decimal(playbackRate, 'min') }),
  })
}

function readPeriod(element: XmlElement): Period {
  return withoutUndefined<Period>({
    id: xmlAttribute(element, 'id'),
    start: span(element, 'start'),
    duration: span(element, 'duration'),
    baseUrls: xmlChildren(element, 'BaseURL').map(readBaseUrl),
    segmentTemplate: readSegmentTemplate(element),
    adaptationSets: xmlChildren(element, 'AdaptationSet').map(readAdaptationSet),
  })
}

function readAdaptationSet(element: XmlElement): AdaptationSet {
  return withoutUndefined<AdaptationSet>({
    id: xmlAttribute(element, 'id'),
    contentType: xmlAttribute(element, 'contentType'),
    lang: xmlAttribute(element, 'lang'),
    par: xmlAttribute(element, 'par'),
    maxWidth: integer(element, 'maxWidth'),
    maxHeight: integer(element, 'maxHeight'),
    maxFrameRate: xmlAttribute(element, 'maxFrameRate'),
    segmentAlignment: boolean(element, 'segmentAlignment'),
    ...readCommon(element),
    labels: xmlChildren(element, 'Label').map((label) => label.text.trim()),
    accessibilities: xmlChildren(element, 'Accessibility').map(readDescriptor),
    roles: xmlChildren(element, 'Role').map(readDescriptor),
    representations: xmlChildren(element, 'Representation').map(readRepresentation),
  })
}

function readRepresentation(element: XmlElement): Representation {
  return withoutUndefined<Representation>({
    id: required(element, 'id'),
    bandwidth: integer(element, 'bandwidth') ?? 0,
    ...readCommon(element),
  })
}

function readCommon(element: XmlElement): Loose<RepresentationCommon> {
  return {
    mimeType: xmlAttribute(element, 'mimeType'),
    codecs: xmlAttribute(element, 'codecs'),
    width: integer(element, 'width'),
    height: integer(element, 'height'),
    sar: xmlAttribute(element, 'sar'),
    frameRate: xmlAttribute(element, 'frameRate'),
    audioSamplingRate: integer(element, 'audioSamplingRate'),
    startWithSap: integer(element, 'startWithSAP'),
    audioChannelConfigurations: xmlChildren(element, 'AudioChannelConfiguration').map(readDescriptor),
    contentProtections: xmlChildren(element, 'ContentProtection').map(readContentProtection),
    essentialProperties: xmlChildren(element, 'EssentialProperty').map(readDescriptor),
    supplementalProperties: xmlChildren(element, 'SupplementalProperty').map(readDescriptor),
    producerReferenceTimes: xmlChildren(element, 'ProducerReferenceTime').map(readProducerReferenceTime),
    baseUrls: xmlChildren(element, 'BaseURL').map(readBaseUrl),
    segmentTemplate: readSegmentTemplate(element),
  }
}

function readContentProtection(element: XmlElement): ContentProtection {
  // Both spellings of the licence address are in use.
  const licenseUrl = element.children.find((child) => child.localName.toLowerCase() === 'laurl')
  return withoutUndefined<ContentProtection>({
    schemeIdUri: required(element, 'schemeIdUri'),
    value: xmlAttribute(element, 'value'),
    robustness: xmlAttribute(element, 'robustness'),
    defaultKid: xmlAttribute(element, 'default_KID'),
    pssh: xmlChildren(element, 'pssh')[0]?.text.trim(),
    pro: xmlChildren(element, 'pro')[0]?.text.trim(),
    licenseUrl: licenseUrl?.text.trim(),
  })
}

function readProducerReferenceTime(element: XmlElement): ProducerReferenceTime {
  const utcTiming = xmlChildren(element, 'UTCTiming')[0]
  return withoutUndefined<ProducerReferenceTime>({
    id: integer(element, 'id') ?? 0,
    inband: boolean(element, 'inband'),
    type: xmlAttribute(element, 'type'),
    wallClockTime: moment(element, 'wallClockTime') ?? missing(element, 'wallClockTime'),
    presentationTime: integer(element, 'presentationTime') ?? missing(element, 'presentationTime'),
    utcTiming: utcTiming && readDescriptor(utcTiming),
  })
}

function readSegmentTemplate(parent: XmlElement): SegmentTemplate | undefined {
  const element = xmlChildren(parent, 'SegmentTemplate')[0]
  if (element === undefined) return undefined
  const timeline = xmlChildren(element, 'SegmentTimeline')[0]
  return withoutUndefined<SegmentTemplate>({
    timescale: integer(element, 'timescale'),
    presentationTimeOffset: integer(element, 'presentationTimeOffset'),
    duration: integer(element, 'duration'),
    startNumber: integer(element, 'startNumber'),
    endNumber: integer(element, 'endNumber'),
    initialization: xmlAttribute(element, 'initialization'),
    media: xmlAttribute(element, 'media'),
    availabilityTimeOffset: offset(element),
    availabilityTimeComplete: boolean(element, 'availabilityTimeComplete'),
    timeline: timeline && xmlChildren(timeline, 'S').map(readTimelineEntry),
  })
}

function readTimelineEntry(element: XmlElement): TimelineEntry {
  const repeat = xmlAttribute(element, 'r') === '-1' ? -1 : integer(element, 'r')
  return withoutUndefined<TimelineEntry>({
    time: integer(element, 't'),
    duration: integer(element, 'd') ?? missing(element, 'd'),
    repeat: repeat === 0 ? undefined : repeat,
  })
}

function readBaseUrl(element: XmlElement): BaseUrl {
  return withoutUndefined<BaseUrl>({
    url: element.text.trim(),
    serviceLocation: xmlAttribute(element, 'serviceLocation'),
    availabilityTimeOffset: offset(element),
    availabilityTimeComplete: boolean(element, 'availabilityTimeComplete'),
  })
}

function readDescriptor(element: XmlElement): Descriptor {
  return withoutUndefined<Descriptor>({
    schemeIdUri: required(element, 'schemeIdUri'),
    value: xmlAttribute(element, 'value'),
  })
}

function required(element: XmlElement, name: string): string {
  return xmlAttribute(element, name) ?? missing(element, name)
}

/** Not negative, below 2^53. */
function integer(element: XmlElement, name: string): number | undefined {
  const text = xmlAttribute(element, name)
  if (text === undefined) return undefined
  const value = /^\s*\d{1,20}\s*$/.test(text) ? Number(text) : Number.NaN
  if (!Number.isSafeInteger(value)) throw invalid(`an integer below 2^53 in ${element.name} ${name}`, text)
  return value
}

/** Not negative. */
function decimal(element: XmlElement, name: string): number | undefined {
  const text = xmlAttribute(element, name)
  if (text === undefined) return undefined
  if (!/^\s*\d{1,20}(?:\.\d{0,20})?\s*$/.test(text)) throw invalid(`a number in ${element.name} ${name}`, text)
  return Number(text)
}

function offset(element: XmlElement): number | undefined {
  if (xmlAttribute(element, 'availabilityTimeOffset') === 'INF') return Number.POSITIVE_INFINITY
  return decimal(element, 'availabilityTimeOffset')
}

function boolean(element: XmlElement, name: string): boolean | undefined {
  const text = xmlAttribute(element, name)
  if (text === undefined) return undefined
  return text === 'true' || text === '1'
}

function moment(element: XmlElement, name: string): number | undefined {
  const text = xmlAttribute(element, name)
  return text === undefined ? undefined : parseDateTime(text)
}

function span(element: XmlElement, name: string): number | undefined {
  const text = xmlAttribute(element, name)
  return text === undefined ? undefined : parseDuration(text)
}

function missing(element: XmlElement, name: string): never {
  throw invalid(`attribute ${name} in ${element.name}`, 'none')
}

function invalid(expected: string, found: string): FormatError {
  const shown = found.length > 60 ? `${found.slice(0, 60)}…` : found
  return new FormatError('ERR_DASH_SYNTAX', `expected ${expected}, found ${shown}`)
}
