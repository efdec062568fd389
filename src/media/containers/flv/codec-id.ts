/** How FLV names codecs: the numbers of Video File Format 10.1 annex E.4 and the FourCC of Enhanced RTMP. */
import { UnavailableError } from '../../../errors.ts'
import type { AudioCodec, Codec, Track, VideoCodec } from '../../track.ts'

/** The video codecs that FLV and RTMP have a name for. */
export type FlvVideoCodec = Extract<VideoCodec, 'h264' | 'h265' | 'av1' | 'vp9' | 'vp8'>
/** The audio codecs that FLV and RTMP have a name for. */
export type FlvAudioCodec = Extract<AudioCodec, 'aac' | 'opus' | 'mp3' | 'ac3' | 'eac3' | 'flac'>

/** CodecID of video; 12 is not in the specification but what encoders and servers in China agreed on. */
export const VIDEO_CODEC_ID = { AVC: 7, HEVC: 12 } as const
/** SoundFormat of audio. */
export const SOUND_FORMAT = { MP3: 2, EX_HEADER: 9, AAC: 10, MP3_8_KHZ: 14 } as const

export const VIDEO_FOUR_CC = {
  h264: 'avc1',
  h265: 'hvc1',
  av1: 'av01',
  vp9: 'vp09',
  vp8: 'vp08',
} as const satisfies Record<FlvVideoCodec, string>
export const AUDIO_FOUR_CC = {
  aac: 'mp4a',
  opus: 'Opus',
  mp3: '.mp3',
  ac3: 'ac-3',
  eac3: 'ec-3',
  flac: 'fLaC',
} as const satisfies Record<FlvAudioCodec, string>

/** A Set, because it is asked for every packet. */
const CARRIED: ReadonlySet<Codec> = new Set<Codec>([
  ...(Object.keys(VIDEO_FOUR_CC) as FlvVideoCodec[]),
  ...(Object.keys(AUDIO_FOUR_CC) as FlvAudioCodec[]),
  'amf0-data',
])
const VIDEO_CODECS: ReadonlyMap<string, FlvVideoCodec> = inverse(VIDEO_FOUR_CC)
const AUDIO_CODECS: ReadonlyMap<string, FlvAudioCodec> = inverse(AUDIO_FOUR_CC)

const VIDEO_NAMES: Readonly<Record<number, string>> = {
  2: 'Sorenson H.263',
  3: 'Screen Video',
  4: 'VP6',
  5: 'VP6 with alpha',
  6: 'Screen Video 2',
}
const AUDIO_NAMES: Readonly<Record<number, string>> = {
  0: 'PCM',
  1: 'ADPCM',
  3: 'PCM',
  4: 'Nellymoser 16 kHz',
  5: 'Nellymoser 8 kHz',
  6: 'Nellymoser',
  7: 'G.711 A-law',
  8: 'G.711 mu-law',
  11: 'Speex',
}

/** Whether FLV and RTMP can carry the track; they leave out others. */
export function isFlvTrack({ codec }: Track): boolean {
  return CARRIED.has(codec)
}

/** Throws ERR_STREAM_NO_TRACK when a stream has tracks, but none that FLV and RTMP can carry. */
export function checkFlvTracks(tracks: readonly Track[]): void {
  if (tracks.length === 0 || tracks.some(isFlvTrack)) return
  const codecs = tracks.map(({ codec }) => codec).join(', ')
  throw new UnavailableError('ERR_STREAM_NO_TRACK', `expected a track that FLV can carry, found ${codecs}`)
}

export function videoCodecOf(fourCc: string): FlvVideoCodec | undefined {
  return VIDEO_CODECS.get(fourCc)
}

export function audioCodecOf(fourCc: string): FlvAudioCodec | undefined {
  return AUDIO_CODECS.get(fourCc)
}

/** For messages: the name of a CodecID that we do not carry. */
export function videoCodecName(id: number): string {
  return VIDEO_NAMES[id] ?? `video codec ${id}`
}

/** For messages: the name of a SoundFormat that we do not carry. */
export function audioCodecName(format: number): string {
  return AUDIO_NAMES[format] ?? `sound format ${format}`
}

/** A FourCC as the number that onMetaData holds in Enhanced RTMP. */
export function fourCcNumber(fourCc: string): number {
  let value = 0
  for (const character of fourCc) value = value * 256 + character.charCodeAt(0)
  return value
}

function inverse<T extends string>(names: Readonly<Record<T, string>>): ReadonlyMap<string, T> {
  return new Map((Object.keys(names) as T[]).map((codec) => [names[codec], codec]))
}
