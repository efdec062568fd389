/** Writes a DASH media presentation description (ISO/IEC 23009-1 annex B gives the order of attributes and elements). */
import { formatDateTime, formatDuration } from '../iso8601.ts'
import { escapeXml } from '../xml.ts'
import type {
  AdaptationSet,
  BaseUrl,
  ContentProtection,
  Descriptor,
  Mpd,
  Period,
  ProducerReferenceTime,
  Representation,
  RepresentationCommon,
  SegmentTemplate,
  ServiceDescription,
} from './model.ts'

/** The document's text. Values are escaped; control characters that XML cannot carry are left out. */
export function formatMpd(mpd: Mpd): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"${attributes([
    ['id', mpd.id],
    ['profiles', mpd.profiles],
    ['type', mpd.type],
    ['availabilityStartTime', moment(mpd.availabilityStartTime)],
    ['publishTime', moment(mpd.publishTime)],
    ['mediaPresentationDuration', span(mpd.mediaPresentationDuration)],
    ['minimumUpdatePeriod', span(mpd.minimumUpdatePeriod)],
    ['minBufferTime', span(mpd.minBufferTime)],
    ['timeShiftBufferDepth', span(mpd.timeShiftBufferDepth)],
    ['suggestedPresentationDelay', span(mpd.suggestedPresentationDelay)],
    ['maxSegmentDuration', span(mpd.maxSegmentDuration)],
  ])}>
${each(mpd.baseUrls, (base) => formatBaseUrl('  ', base))}${each(mpd.locations, (url) => `  <Location>${escapeXml(url)}</Location>\n`)}${each(mpd.serviceDescriptions, formatServiceDescription)}${each(mpd.periods, formatPeriod)}${each(mpd.utcTimings, (timing) => formatDescriptor('  ', 'UTCTiming', timing))}</MPD>
`
}

function formatServiceDescription(service: ServiceDescription): string {
  const { latency, playbackRate } = service
  return element(
    '  ',
    'ServiceDescription',
    attributes([['id', service.id]]),
    each(service.scopes, (scope) => formatDescriptor('    ', 'Scope', scope)) +
      (latency === undefined
        ? ''
        : `    <Latency${attributes([
            ['referenceId', latency.referenceId],
            ['target', latency.targetMs],
            ['max', latency.maxMs],
            ['min', latency.minMs],
          ])}/>\n`) +
      (playbackRate === undefined
        ? ''
        : `    <PlaybackRate${attributes([
            ['max', playbackRate.max],
            ['min', playbackRate.min],
          ])}/>\n`),
  )
}

function formatPeriod(period: Period): string {
  return element(
    '  ',
    'Period',
    attributes([
      ['id', period.id],
      ['start', span(period.start)],
      ['duration', span(period.duration)],
    ]),
    each(period.baseUrls, (base) => formatBaseUrl('    ', base)) +
      formatSegmentTemplate('    ', period.segmentTemplate) +
      each(period.adaptationSets, formatAdaptationSet),
  )
}

function formatAdaptationSet(set: AdaptationSet): string {
  const indent = '      '
  return element(
    '    ',
    'AdaptationSet',
    attributes([
      ['id', set.id],
      ['contentType', set.contentType],
      ['lang', set.lang],
      ['par', set.par],
      ['maxWidth', set.maxWidth],
      ['maxHeight', set.maxHeight],
      ['maxFrameRate', set.maxFrameRate],
      ['segmentAlignment', set.segmentAlignment],
    ]) + commonAttributes(set),
    commonDescriptors(indent, set) +
      each(set.labels, (label) => `${indent}<Label>${escapeXml(label)}</Label>\n`) +
      each(set.producerReferenceTimes, (time) => formatProducerReferenceTime(indent, time)) +
      each(set.accessibilities, (accessibility) => formatDescriptor(indent, 'Accessibility', accessibility)) +
      each(set.roles, (role) => formatDescriptor(indent, 'Role', role)) +
      each(set.baseUrls, (base) => formatBaseUrl(indent, base)) +
      formatSegmentTemplate(indent, set.segmentTemplate) +
      each(set.representations, formatRepresentation),
  )
}

function formatRepresentation(representation: Representation): string {
  const indent = '        '
  return element(
    '      ',
    'Representation',
    attributes([
      ['id', representation.id],
      ['bandwidth', Math.round(representation.bandwidth)],
    ]) + commonAttributes(representation),
    commonDescriptors(indent, representation) +
      each(representation.producerReferenceTimes, (time) => formatProducerReferenceTime(indent, time)) +
      each(representation.baseUrls, (base) => formatBaseUrl(indent, base)) +
      formatSegmentTemplate(indent, representation.segmentTemplate),
  )
}

function commonAttributes(common: RepresentationCommon): string {
  return attributes([
    ['mimeType', common.mimeType],
    ['codecs', common.codecs],
    ['width', common.width],
    ['height', common.height],
    ['sar', common.sar],
    ['frameRate', common.frameRate],
    ['audioSamplingRate', common.audioSamplingRate],
    ['startWithSAP', common.startWithSap],
  ])
}

function commonDescriptors(indent: string, common: RepresentationCommon): string {
  return (
    each(common.audioChannelConfigurations, (one) => formatDescriptor(indent, 'AudioChannelConfiguration', one)) +
    each(common.contentProtections, (one) => formatContentProtection(indent, one)) +
    each(common.essentialProperties, (one) => formatDescriptor(indent, 'EssentialProperty', one)) +
    each(common.supplementalProperties, (one) => formatDescriptor(indent, 'SupplementalProperty', one))
  )
}

function formatContentProtection(indent: string, protection: ContentProtection): string {
  const { defaultKid, pssh, pro, licenseUrl } = protection
  const cenc = defaultKid !== undefined || pssh !== undefined
  return element(
    indent,
    'ContentProtection',
    attributes([
      ['xmlns:cenc', cenc ? 'urn:mpeg:cenc:2013' : undefined],
      ['xmlns:mspr', pro === undefined ? undefined : 'urn:microsoft:playready'],
      ['xmlns:dashif', licenseUrl === undefined ? undefined : 'https://dashif.org/CPS'],
      ['schemeIdUri', protection.schemeIdUri],
      ['value', protection.value],
      ['robustness', protection.robustness],
      ['cenc:default_KID', defaultKid],
    ]),
    (pssh === undefined ? '' : `${indent}  <cenc:pssh>${escapeXml(pssh)}</cenc:pssh>\n`) +
      (pro === undefined ? '' : `${indent}  <mspr:pro>${escapeXml(pro)}</mspr:pro>\n`) +
      (licenseUrl === undefined ? '' : formatLicenseUrl(`${indent}  `, escapeXml(licenseUrl))),
  )
}

/** The guidelines spell the element in lower case, players look for the other form too. */
function formatLicenseUrl(indent: string, url: string): string {
  return `${indent}<dashif:laurl>${url}</dashif:laurl>\n${indent}<dashif:Laurl Lic_type="EME-1.0">${url}</dashif:Laurl>\n`
}

function formatProducerReferenceTime(indent: string, time: ProducerReferenceTime): string {
  return element(
    indent,
    'ProducerReferenceTime',
    attributes([
      ['id', time.id],
      ['inband', time.inband],
      ['type', time.type],
      ['wallClockTime', moment(time.wallClockTime)],
      ['presentationTime', time.presentationTime],
    ]),
    time.utcTiming === undefined ? '' : formatDescriptor(`${indent}  `, 'UTCTiming', time.utcTiming),
  )
}

function formatSegmentTemplate(indent: string, template: SegmentTemplate | undefined): string {
  if (template === undefined) return ''
  let timeline = ''
  if (template.timeline !== undefined) {
    for (const { time, duration, repeat } of template.timeline) {
      timeline += `${indent}    <S${time === undefined ? '' : ` t="${time}"`} d="${duration}"${repeat ? ` r="${repeat}"` : ''}/>\n`
    }
    timeline = element(`${indent}  `, 'SegmentTimeline', '', timeline)
  }
  return element(
    indent,
    'SegmentTemplate',
    attributes([
      ['timescale', template.timescale],
      ['presentationTimeOffset', template.presentationTimeOffset],
      ['duration', template.duration],
      ['startNumber', template.startNumber],
      ['endNumber', template.endNumber],
      ['initialization', template.initialization],
      ['media', template.media],
      ['availabilityTimeOffset', offset(template.availabilityTimeOffset)],
      ['availabilityTimeComplete', template.availabilityTimeComplete],
    ]),
    timeline,
  )
}

function formatBaseUrl(indent: string, base: BaseUrl): string {
  const list = attributes([
    ['serviceLocation', base.serviceLocation],
    ['availabilityTimeOffset', offset(base.availabilityTimeOffset)],
    ['availabilityTimeComplete', base.availabilityTimeComplete],
  ])
  return `${indent}<BaseURL${list}>${escapeXml(base.url)}</BaseURL>\n`
}

function formatDescriptor(indent: string, name: string, descriptor: Descriptor): string {
  return `${indent}<${name}${attributes([
    ['schemeIdUri', descriptor.schemeIdUri],
    ['value', descriptor.value],
  ])}/>\n`
}

function element(indent: string, name: string, list: string, content: string): string {
  return content === '' ? `${indent}<${name}${list}/>\n` : `${indent}<${name}${list}>\n${content}${indent}</${name}>\n`
}

function attributes(pairs: readonly (readonly [string, string | number | boolean | undefined])[]): string {
  let text = ''
  for (const [name, value] of pairs) if (value !== undefined) text += ` ${name}="${escapeXml(String(value))}"`
  return text
}

function each<T>(items: readonly T[], format: (item: T) => string): string {
  let text = ''
  for (const item of items) text += format(item)
  return text
}

function moment(epochMs: number | undefined): string | undefined {
  return epochMs === undefined ? undefined : formatDateTime(epochMs)
}

function span(value: number | undefined): string | undefined {
  return value === undefined ? undefined : formatDuration(value)
}

function offset(value: number | undefined): string | number | undefined {
  return value === Number.POSITIVE_INFINITY ? 'INF' : value
}
