/** A presentation as a static DASH manifest (ISO/IEC 23009-1 section 5; key pictures as DASH-IF IOP 3.2.9). Pure: same presentation, same manifest. */
import { codecString } from '../../media/codecs/codec-string.ts'
import { trackTimescale } from '../../media/containers/isobmff/movie-boxes.ts'
import type {
  AdaptationSet,
  ContentProtection,
  Descriptor,
  Mpd,
  Representation,
  SegmentTemplate,
} from '../../media/manifests/dash/model.ts'
import { formatTimeline } from '../../media/manifests/dash/segment-template.ts'
import { MICROS_PER_SECOND, microsToTicks } from '../../media/time.ts'
import { shownSize, type Track } from '../../media/track.ts'
import { channelConfiguration, fraction } from '../dash.ts'
import { initName, keyPictureName, segmentName } from './names.ts'
import { type OnDemandRendition, type Presentation, type SegmentSpan, segmentsOf } from './presentation.ts'
import type { TextRendition } from './text-rendition.ts'

const PROFILES = 'urn:mpeg:dash:profile:isoff-live:2011'
const ROLE = 'urn:mpeg:dash:role:2011'
const CHANNELS = 'urn:mpeg:mpegB:cicp:ChannelConfiguration'
const TRICK_MODE = 'http://dashif.org/guidelines/trickmode'
/** Seconds that a player has at hand before it begins. */
const MIN_BUFFER = 2
/** Subtitles are some hundred bits a second. */
const TEXT_BPS = 1_000
const VIDEO_SET = '1'
const KEY_PICTURE_SET = '2'
const NOTHING = {
  audioChannelConfigurations: [],
  contentProtections: [],
  essentialProperties: [],
  supplementalProperties: [],
  producerReferenceTimes: [],
  baseUrls: [],
} as const

export function onDemandManifest(presentation: Presentation, texts: readonly TextRendition[]): Mpd {
  const { renditions, duration, segments } = presentation
  const videos = renditions.filter(({ track }) => track.kind === 'video')
  const audios = renditions.filter(({ track }) => track.kind === 'audio')
  const all = renditions.flatMap((rendition) => segmentsOf(presentation, rendition))
  const seconds = duration / MICROS_PER_SECOND
  return {
    type: 'static',
    profiles: PROFILES,
    mediaPresentationDuration: seconds,
    minBufferTime: MIN_BUFFER,
    maxSegmentDuration: Math.max(1, ...all.map((span) => span.duration / MICROS_PER_SECOND)),
    baseUrls: [],
    locations: [],
    serviceDescriptions: [],
    periods: [
      {
        id: '0',
        start: 0,
        duration: seconds,
        baseUrls: [],
        adaptationSets: [
          ...(videos.length > 0 ? [videoSet(presentation, videos)] : []),
          ...keyPictureSets(presentation, videos),
          ...audios.map((audio, index) => audioSet(presentation, audio, index === 0)),
          ...texts.map((text) => textSet(text, segments)),
        ],
      },
    ],
    utcTimings: [],
  }
}

function videoSet(presentation: Presentation, videos: readonly OnDemandRendition[]): AdaptationSet {
  const aligned = videos.every(
    (video) => segmentsOf(presentation, video) === segmentsOf(presentation, videos[0] as OnDemandRendition),
  )
  const independent = videos.every((video) =>
    segmentsOf(presentation, video).every(({ dependent }) => dependent !== true),
  )
  return {
    ...set(VIDEO_SET, 'video', 'video/mp4', undefined, [{ schemeIdUri: ROLE, value: 'main' }]),
    segmentAlignment: aligned,
    ...(independent ? { startWithSap: 1 } : {}),
    contentProtections: protectionsOf(presentation, videos[0]),
    representations: videos.map((video) => ({
      ...representation(video, video.name, video.peakBps),
      segmentTemplate: template(video.track, segmentsOf(presentation, video), {
        initialization: initName(video.name, presentation.token),
        media: segmentName(video.name, presentation.token, '$Number$'),
      }),
    })),
  }
}

/** Key pictures of the smallest quality, for fast seeking. */
function keyPictureSets(presentation: Presentation, videos: readonly OnDemandRendition[]): AdaptationSet[] {
  const { token } = presentation
  const video = videos.findLast(({ keyPictures }) => keyPictures.length > 0)
  if (video === undefined) return []
  const { name, track, keyPictures } = video
  return [
    {
      ...set(KEY_PICTURE_SET, 'video', 'video/mp4', undefined, []),
      essentialProperties: [{ schemeIdUri: TRICK_MODE, value: VIDEO_SET }],
      segmentAlignment: true,
      startWithSap: 1,
      contentProtections: protectionsOf(presentation, video),
      representations: [
        {
          ...representation(video, `${name}-key-pictures`, (video.keyPictureRate ?? video).peakBps),
          segmentTemplate: template(track, keyPictures, {
            initialization: initName(name, token),
            media: keyPictureName(name, token, '$Number$'),
          }),
        },
      ],
    },
  ]
}

function audioSet(presentation: Presentation, audio: OnDemandRendition, main: boolean): AdaptationSet {
  const { name, track } = audio
  return {
    ...set(String(track.id), 'audio', 'audio/mp4', track, [{ schemeIdUri: ROLE, value: main ? 'main' : 'alternate' }]),
    segmentAlignment: true,
    startWithSap: 1,
    contentProtections: protectionsOf(presentation, audio),
    representations: [
      {
        ...representation(audio, name, audio.peakBps),
        segmentTemplate: template(track, segmentsOf(presentation, audio), {
          initialization: initName(name, presentation.token),
          media: segmentName(name, presentation.token, '$Number$'),
        }),
      },
    ],
  }
}

/** A set has one key: its renditions are encrypted alike. */
function protectionsOf(
  { protection }: Presentation,
  rendition: OnDemandRendition | undefined,
): readonly ContentProtection[] {
  return protection === undefined || rendition === undefined ? [] : protection.contentProtections(rendition)
}

function textSet(text: TextRendition, spans: readonly SegmentSpan[]): AdaptationSet {
  const { name, track, token } = text
  const value = text.forced ? 'forced-subtitle' : text.forDeaf ? 'caption' : 'subtitle'
  return {
    ...set(String(track.id), 'text', 'application/mp4', { ...track, name: text.label }, [{ schemeIdUri: ROLE, value }]),
    segmentAlignment: true,
    representations: [
      {
        ...NOTHING,
        id: name,
        bandwidth: TEXT_BPS,
        codecs: 'wvtt',
        segmentTemplate: template(track, spans, {
          initialization: initName(name, token),
          media: segmentName(name, token, '$Number$'),
        }),
      },
    ],
  }
}

function set(
  id: string,
  contentType: string,
  mimeType: string,
  track: Pick<Track, 'language' | 'name'> | undefined,
  roles: readonly Descriptor[],
): AdaptationSet {
  return {
    ...NOTHING,
    id,
    contentType,
    mimeType,
    ...(track?.language === undefined ? {} : { lang: track.language }),
    labels: track?.name === undefined ? [] : [track.name],
    accessibilities: [],
    roles,
    representations: [],
  }
}

function representation({ track, frameRate }: OnDemandRendition, id: string, bandwidth: number): Representation {
  const { video, audio } = track
  return {
    ...NOTHING,
    id,
    bandwidth,
    codecs: codecString(track),
    ...(video === undefined || video.width === 0 ? {} : shownSize(video)),
    ...(frameRate === undefined ? {} : { frameRate: fraction(frameRate) }),
    ...(audio === undefined ? {} : { audioSamplingRate: audio.sampleRate }),
    audioChannelConfigurations:
      audio === undefined ? [] : [{ schemeIdUri: CHANNELS, value: String(channelConfiguration(audio.channels)) }],
  }
}

/** Segments are numbered from 0; a track that begins later has its first number then. */
function template(
  track: Track,
  spans: readonly SegmentSpan[],
  names: Required<Pick<SegmentTemplate, 'initialization' | 'media'>>,
): SegmentTemplate {
  const timescale = trackTimescale(track)
  const first = Math.max(
    0,
    spans.findIndex(({ gap }) => gap !== true),
  )
  return {
    timescale,
    startNumber: first,
    ...names,
    timeline: formatTimeline(
      spans.slice(first).map(({ start, duration }) => {
        const time = microsToTicks(start, timescale)
        // To where the next one begins, so that nothing adds up.
        return { time, duration: Math.max(1, microsToTicks(start + duration, timescale) - time) }
      }),
    ),
  }
}
