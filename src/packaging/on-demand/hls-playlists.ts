/** A presentation as HLS playlists (RFC 8216bis section 4.4). Pure: same presentation, same playlist. */
import { codecString } from '../../media/codecs/codec-string.ts'
import type {
  IFrameVariant,
  MediaPlaylist,
  MultivariantPlaylist,
  Rendition,
  Segment,
  Variant,
} from '../../media/manifests/hls/model.ts'
import { MICROS_PER_SECOND } from '../../media/time.ts'
import { shownSize } from '../../media/track.ts'
import { videoRange } from '../hls.ts'
import type { KeyLines } from '../protection/signalling.ts'
import { cuesName, initName, keyPictureName, keyPicturePlaylistName, playlistName, segmentName } from './names.ts'
import { type OnDemandRendition, type Presentation, type SegmentSpan, segmentsOf } from './presentation.ts'
import { languageName, type TextRendition } from './text-rendition.ts'

const NO_SIZE = { width: 0, height: 0 }
/** EXT-X-MAP in playlists without EXT-X-I-FRAMES-ONLY needs 6; fragments are of version 7. */
const VERSION = 7
const TEXT_GROUP = 'text'
/** Section 4.4.6.1: what subtitles for the deaf are. */
const FOR_DEAF = 'public.accessibility.transcribes-spoken-dialog,public.accessibility.describes-music-and-sound'

/** The entry playlist: every quality with every codec of the sound, sounds and subtitles as groups. */
export function onDemandMultivariant(
  presentation: Presentation,
  texts: readonly TextRendition[],
): MultivariantPlaylist {
  const { renditions } = presentation
  const videos = renditions.filter(({ track }) => track.kind === 'video')
  const audios = renditions.filter(({ track }) => track.kind === 'audio')
  const groups = audioGroups(audios)
  const subtitles = texts.length > 0 ? { subtitles: TEXT_GROUP } : {}
  const variants = videos.flatMap((video) =>
    groups.length === 0
      ? [videoVariant(video, undefined, subtitles)]
      : groups.map((group) => videoVariant(video, group, subtitles)),
  )
  if (videos.length === 0) variants.push(...groups.map((group) => audioVariant(group, subtitles)))
  return {
    type: 'multivariant',
    version: VERSION,
    ...(videos.every((video) => isIndependent(segmentsOf(presentation, video)))
      ? { independentSegments: true as const }
      : {}),
    sessionKeys: [],
    renditions: [
      ...groups.flatMap((group) =>
        videos.length > 0 || group.audios.length > 1 ? audioRenditions(group, groups) : [],
      ),
      ...texts.map(textRendition),
    ],
    variants,
    iFrameVariants: videos.filter(({ keyPictures }) => keyPictures.length > 0).map(iFrameVariant),
  }
}

/** The playlist of one rendition. */
export function onDemandPlaylist(
  presentation: Presentation,
  rendition: OnDemandRendition,
  lines: KeyLines = 'all',
): MediaPlaylist {
  const spans = segmentsOf(presentation, rendition)
  const { name } = rendition
  const { token } = presentation
  const head = { map: { uri: initName(name, token) }, ...keysOf(presentation, rendition, lines) }
  return wholePlaylist(spans, (index) => ({ ...head, uri: segmentName(name, token, index) }))
}

/** The playlist of key pictures: each a small fragment that lasts until the next. */
export function keyPicturePlaylist(
  presentation: Presentation,
  rendition: OnDemandRendition,
  lines: KeyLines = 'all',
): MediaPlaylist {
  const { token } = presentation
  const { name, keyPictures } = rendition
  const head = { map: { uri: initName(name, token) }, ...keysOf(presentation, rendition, lines) }
  return {
    ...wholePlaylist(keyPictures, (index) => ({ ...head, uri: keyPictureName(name, token, index) })),
    iFramesOnly: true,
  }
}

/** The playlist of subtitles, in the segments of all. */
export function textPlaylist({ segments }: Presentation, { name, token }: TextRendition): MediaPlaylist {
  return wholePlaylist(segments, (index) => ({ uri: cuesName(name, token, index) }))
}

function keysOf({ protection }: Presentation, rendition: OnDemandRendition, lines: KeyLines): Pick<Segment, 'keys'> {
  return protection === undefined ? {} : { keys: protection.hlsKeys(rendition, lines) }
}

function wholePlaylist(
  spans: readonly SegmentSpan[],
  file: (index: number) => Pick<Segment, 'uri' | 'map' | 'keys'>,
): MediaPlaylist {
  const durations = spans.map(({ duration }) => duration / MICROS_PER_SECOND)
  return {
    type: 'media',
    version: VERSION,
    targetDuration: Math.max(1, ...durations.map((duration) => Math.round(duration))),
    ...(isIndependent(spans) ? { independentSegments: true as const } : {}),
    mediaSequence: 0,
    discontinuitySequence: 0,
    playlistType: 'VOD',
    dateRanges: [],
    segments: spans.map(
      (span, index): Segment => ({
        ...file(index),
        duration: span.duration / MICROS_PER_SECOND,
        parts: [],
        ...(span.gap ? { gap: true as const } : {}),
      }),
    ),
    preloadHints: [],
    renditionReports: [],
    ended: true,
  }
}

function isIndependent(spans: readonly SegmentSpan[]): boolean {
  return spans.every(({ dependent }) => dependent !== true)
}

/** Sounds of one codec: who does not know it takes another group. */
interface AudioGroup {
  readonly id: string
  readonly codecs: string
  readonly audios: readonly OnDemandRendition[]
  readonly peakBps: number
  readonly averageBps: number
}

function audioGroups(audios: readonly OnDemandRendition[]): AudioGroup[] {
  const codecs = [...new Set(audios.map(({ track }) => track.codec))]
  return codecs.map((codec) => {
    const own = audios.filter(({ track }) => track.codec === codec)
    return {
      id: codecs.length === 1 ? 'audio' : `audio-${codec}`,
      codecs: [...new Set(own.map(({ track }) => codecString(track)))].join(','),
      audios: own,
      peakBps: Math.max(...own.map(({ peakBps }) => peakBps)),
      averageBps: Math.max(...own.map(({ averageBps }) => averageBps)),
    }
  })
}

type Subtitles = Pick<Variant, 'subtitles'>

function videoVariant(video: OnDemandRendition, group: AudioGroup | undefined, subtitles: Subtitles): Variant {
  const { frameRate, peakBps, averageBps } = video
  return {
    ...pictureOf(video),
    bandwidth: peakBps + (group?.peakBps ?? 0),
    averageBandwidth: averageBps + (group?.averageBps ?? 0),
    codecs: [codecString(video.track), ...(group === undefined ? [] : [group.codecs])].join(','),
    ...(frameRate === undefined ? {} : { frameRate }),
    ...(group === undefined ? {} : { audio: group.id }),
    ...subtitles,
    closedCaptions: 'NONE',
    uri: playlistName(video.name),
  }
}

function audioVariant({ id, codecs, audios, peakBps, averageBps }: AudioGroup, subtitles: Subtitles): Variant {
  return {
    bandwidth: peakBps,
    averageBandwidth: averageBps,
    codecs,
    ...(audios.length > 1 ? { audio: id } : {}),
    ...subtitles,
    uri: playlistName(audios[0]?.name ?? ''),
  }
}

function iFrameVariant(video: OnDemandRendition): IFrameVariant {
  const { peakBps, averageBps } = video.keyPictureRate ?? video
  return {
    ...pictureOf(video),
    bandwidth: peakBps,
    averageBandwidth: averageBps,
    codecs: codecString(video.track),
    uri: keyPicturePlaylistName(video.name),
  }
}

function pictureOf({ track }: OnDemandRendition): Pick<Variant, 'resolution' | 'videoRange'> {
  const { width, height } = shownSize(track.video ?? NO_SIZE)
  return { ...(width > 0 && height > 0 ? { resolution: { width, height } } : {}), videoRange: videoRange(track) }
}

function audioRenditions({ id, audios }: AudioGroup, groups: readonly AudioGroup[]): Rendition[] {
  const names = new Set<string>()
  return audios.map((audio, index): Rendition => {
    const { track } = audio
    const wanted = track.name ?? languageName(track.language) ?? `Audio ${index + 1}`
    // Names are unique in their group.
    const name = names.has(wanted) ? `${wanted} (${track.id})` : wanted
    names.add(name)
    return {
      type: 'AUDIO',
      groupId: id,
      name,
      uri: playlistName(audio.name),
      ...(track.language === undefined ? {} : { language: track.language }),
      ...(index === 0 && groups[0]?.id === id ? { default: true as const } : {}),
      autoselect: true,
      ...(track.audio === undefined ? {} : { channels: String(track.audio.channels) }),
    }
  })
}

function textRendition(text: TextRendition): Rendition {
  const { language } = text.track
  return {
    type: 'SUBTITLES',
    groupId: TEXT_GROUP,
    name: text.label,
    uri: playlistName(text.name),
    ...(language === undefined ? {} : { language }),
    ...(text.default ? { default: true as const } : {}),
    autoselect: true,
    ...(text.forced ? { forced: true as const } : {}),
    ...(text.forDeaf ? { characteristics: FOR_DEAF } : {}),
  }
}
