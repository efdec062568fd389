/** onMetaData, and the colour description that Enhanced RTMP sends as AMF 0: both ways between AMF and Track. */
import { AmfEcmaArray, type AmfObject, type AmfValue, amfProperties, newAmfObject } from '../../amf/value.ts'
import { MICROS_PER_SECOND, type Micros } from '../../time.ts'
import { type AudioParameters, type ColorInfo, TRACK_ID_BASE, type Track, type VideoParameters } from '../../track.ts'
import { AUDIO_FOUR_CC, fourCcNumber, SOUND_FORMAT, VIDEO_CODEC_ID, VIDEO_FOUR_CC } from './codec-id.ts'
import { MAX_TRACK_ID } from './tag-part.ts'

export type Metadata = Readonly<Record<string, unknown>>

/** What metadata says of one track; configuration records win where both speak. */
export interface TrackHints {
  readonly video?: Partial<VideoParameters>
  readonly audio?: Partial<AudioParameters>
  readonly bitrateBps?: number
  readonly language?: string
  readonly name?: string
}

/** Text for people, and BCP 47 tags, are cut here. */
const MAX_NAME_LENGTH = 200
const LANGUAGE_PATTERN = /^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$/
/** Names of onMetaData that describe a file, or that we say ourselves. */
const OWN_NAMES: ReadonlySet<string> = new Set([
  'duration',
  'filesize',
  'width',
  'height',
  'framerate',
  'videocodecid',
  'videodatarate',
  'audiocodecid',
  'audiodatarate',
  'audiosamplerate',
  'audiochannels',
  'stereo',
  'language',
])
const MAX_PASSED_ENTRIES = 64

/** The tracks that onMetaData announces, by kind; `undefined` for a kind it does not speak of. */
export function announcedTracks(metadata: Metadata): { audio: readonly number[]; video: readonly number[] } {
  return {
    audio: announced(metadata['audiocodecid'], metadata['audioTrackIdInfoMap']),
    video: announced(metadata['videocodecid'], metadata['videoTrackIdInfoMap']),
  }
}

/** What the metadata says of a track. */
export function trackHints(metadata: Metadata, kind: 'audio' | 'video', trackId: number): TrackHints {
  const own = trackId === 0 ? metadata : amfProperties(trackInfo(metadata[`${kind}TrackIdInfoMap`], trackId))
  if (own === undefined) return {}
  // The default track's language is that of the sound.
  const language = trackId === 0 && kind === 'video' ? undefined : own['language']
  const name = own['name']
  const bitrateKbps = positive(own[`${kind}datarate`])
  return {
    ...(kind === 'video' ? { video: videoHints(own) } : { audio: audioHints(own) }),
    ...(bitrateKbps !== undefined && { bitrateBps: Math.round(bitrateKbps * 1000) }),
    ...(typeof language === 'string' && LANGUAGE_PATTERN.test(language) && { language }),
    ...(trackId !== 0 && typeof name === 'string' && { name: name.slice(0, MAX_NAME_LENGTH) }),
  }
}

/** onMetaData for these tracks; of a file with its duration. Of the source's metadata the plain values are passed on. */
export function onMetaData(tracks: readonly Track[], metadata: Metadata, duration?: Micros): AmfEcmaArray {
  const entries = newAmfObject()
  if (duration !== undefined) entries['duration'] = duration / MICROS_PER_SECOND
  let passed = 0
  for (const [name, value] of Object.entries(metadata)) {
    const plain = typeof value === 'string' || typeof value === 'boolean' || typeof value === 'number'
    if (plain && name !== '' && !OWN_NAMES.has(name) && passed++ < MAX_PASSED_ENTRIES) entries[name] = value
  }
  const [video, ...otherVideo] = tracks.filter((track) => track.kind === 'video')
  const [audio, ...otherAudio] = tracks.filter((track) => track.kind === 'audio')
  if (video !== undefined) Object.assign(entries, trackEntries(video, false))
  if (audio !== undefined) Object.assign(entries, trackEntries(audio, false))
  if (otherVideo.length > 0) entries['videoTrackIdInfoMap'] = infoMap(otherVideo, TRACK_ID_BASE.video)
  if (otherAudio.length > 0) entries['audioTrackIdInfoMap'] = infoMap(otherAudio, TRACK_ID_BASE.audio)
  return new AmfEcmaArray(entries)
}

/** Reads the object of a colorInfo message. Fields that are missing or senseless are left out. */
export function readColorInfo(value: AmfValue): ColorInfo {
  const info = amfProperties(value)
  const config = amfProperties(info?.['colorConfig']) ?? {}
  const light = amfProperties(info?.['hdrCll'])
  const maxCll = positive(light?.['maxCLL'])
  const maxFall = positive(light?.['maxFall'])
  const mastering = readMastering(amfProperties(info?.['hdrMdcv']))
  const [bitDepth, primaries, transfer, matrix] = [
    positive(config['bitDepth']),
    positive(config['colorPrimaries']),
    positive(config['transferCharacteristics']),
    codePoint(config['matrixCoefficients']),
  ]
  return {
    ...(bitDepth !== undefined && { bitDepth }),
    ...(primaries !== undefined && { primaries }),
    ...(transfer !== undefined && { transfer }),
    ...(matrix !== undefined && { matrix }),
    ...(maxCll !== undefined && { contentLight: { maxCll, maxFall: maxFall ?? 0 } }),
    ...(mastering !== undefined && { mastering }),
  }
}

/** The object of a colorInfo message. */
export function writeColorInfo(color: ColorInfo): AmfObject {
  const { bitDepth, primaries, transfer, matrix, contentLight, mastering } = color
  const config = newAmfObject()
  if (bitDepth !== undefined) config['bitDepth'] = bitDepth
  if (primaries !== undefined) config['colorPrimaries'] = primaries
  if (transfer !== undefined) config['transferCharacteristics'] = transfer
  if (matrix !== undefined) config['matrixCoefficients'] = matrix
  return {
    colorConfig: config,
    ...(contentLight !== undefined && { hdrCll: { maxFall: contentLight.maxFall, maxCLL: contentLight.maxCll } }),
    ...(mastering !== undefined && {
      hdrMdcv: {
        redX: mastering.red[0],
        redY: mastering.red[1],
        greenX: mastering.green[0],
        greenY: mastering.green[1],
        blueX: mastering.blue[0],
        blueY: mastering.blue[1],
        whitePointX: mastering.whitePoint[0],
        whitePointY: mastering.whitePoint[1],
        maxLuminance: mastering.maxLuminance,
        minLuminance: mastering.minLuminance,
      },
    }),
  }
}

/** Whether the colour is worth a message of its own: high dynamic range, which a configuration record may not tell in full. */
export function isHighDynamicRange({ transfer, contentLight, mastering }: ColorInfo): boolean {
  return transfer === 16 || transfer === 18 || contentLight !== undefined || mastering !== undefined
}

function readMastering(values: AmfObject | undefined): ColorInfo['mastering'] {
  if (values === undefined) return undefined
  const point = (name: string): readonly [number, number] => [number(values[`${name}X`]), number(values[`${name}Y`])]
  const maxLuminance = number(values['maxLuminance'])
  if (maxLuminance === 0) return undefined
  return {
    red: point('red'),
    green: point('green'),
    blue: point('blue'),
    whitePoint: point('whitePoint'),
    maxLuminance,
    minLuminance: number(values['minLuminance']),
  }
}

function announced(codecId: unknown, infoMap: unknown): number[] {
  const ids: number[] = []
  // Encoders without sound or picture write 0, or leave it out. 0 for audio is PCM, which is refused anyway.
  if ((typeof codecId === 'number' && codecId > 0) || (typeof codecId === 'string' && codecId !== '')) ids.push(0)
  for (const key of Object.keys(amfProperties(infoMap as AmfValue) ?? {}).slice(0, 16)) {
    const id = Number(key)
    if (Number.isInteger(id) && id > 0 && id <= MAX_TRACK_ID) ids.push(id)
  }
  return ids
}

function trackInfo(infoMap: unknown, trackId: number): AmfValue {
  return amfProperties(infoMap as AmfValue)?.[String(trackId)]
}

function videoHints(own: Metadata): Partial<VideoParameters> {
  const width = positive(own['width'])
  const height = positive(own['height'])
  const frameRate = positive(own['framerate'])
  return {
    ...(width !== undefined && height !== undefined && { width: Math.round(width), height: Math.round(height) }),
    ...(frameRate !== undefined && frameRate <= 1000 && { frameRate }),
  }
}

function audioHints(own: Metadata): Partial<AudioParameters> {
  const sampleRate = positive(own['audiosamplerate']) ?? positive(own['samplerate'])
  const channels = positive(own['audiochannels']) ?? positive(own['channels'])
  return {
    ...(sampleRate !== undefined && { sampleRate: Math.round(sampleRate) }),
    ...(channels !== undefined && { channels: Math.round(channels) }),
  }
}

/** `inMap`: an entry of a track map, where some names are shorter. */
function trackEntries(track: Track, inMap: boolean): Record<string, AmfValue> {
  const { video, audio, language, name, bitrateBps } = track
  const entries = newAmfObject()
  if (video !== undefined) {
    if (video.width > 0) {
      entries['width'] = video.width
      entries['height'] = video.height
    }
    if (video.frameRate !== undefined) entries['framerate'] = video.frameRate
    entries['videocodecid'] = videoCodecId(track, inMap)
    if (bitrateBps !== undefined) entries['videodatarate'] = bitrateBps / 1000
  }
  if (audio !== undefined) {
    entries['audiocodecid'] = audioCodecId(track, inMap)
    entries[inMap ? 'samplerate' : 'audiosamplerate'] = audio.sampleRate
    entries[inMap ? 'channels' : 'audiochannels'] = audio.channels
    if (!inMap) entries['stereo'] = audio.channels > 1
    if (bitrateBps !== undefined) entries['audiodatarate'] = bitrateBps / 1000
  }
  if ((inMap || audio !== undefined) && language !== undefined) entries['language'] = language
  if (inMap && name !== undefined) entries['name'] = name
  return entries
}

function infoMap(tracks: readonly Track[], base: number): AmfObject {
  const map = newAmfObject()
  for (const track of tracks) map[String(track.id - base)] = trackEntries(track, true)
  return map
}

function videoCodecId({ codec }: Track, inMap: boolean): number {
  if (codec === 'h264' && !inMap) return VIDEO_CODEC_ID.AVC
  return codec in VIDEO_FOUR_CC ? fourCcNumber(VIDEO_FOUR_CC[codec as keyof typeof VIDEO_FOUR_CC]) : 0
}

function audioCodecId({ codec }: Track, inMap: boolean): number {
  if (codec === 'aac' && !inMap) return SOUND_FORMAT.AAC
  if (codec === 'mp3' && !inMap) return SOUND_FORMAT.MP3
  return codec in AUDIO_FOUR_CC ? fourCcNumber(AUDIO_FOUR_CC[codec as keyof typeof AUDIO_FOUR_CC]) : 0
}

function number(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) ? value : 0
}

function positive(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined
}

function codePoint(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 255 ? value : undefined
}
