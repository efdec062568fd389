/** File names of renditions, init segments, segments and parts: the same for HLS and DASH, never used twice for different bytes. */
import { randomBytes } from 'node:crypto'
import type { Track } from '../media/track.ts'
import type { StoredInit } from './stored-segment.ts'

/**
 * `video-1`, `audio-101`: the kind and the track's id. Its playlist is `video-1.m3u8`; its media is
 * `video-1-TOKEN-init-PERIOD.mp4` (of a protected path `video-1-TOKEN-init-PERIOD.KEY.mp4`), `video-1-TOKEN-NUMBER.m4s` and
 * `video-1-TOKEN-NUMBER.PART.m4s`.
 */
export function renditionName(track: Track): string {
  return `${track.kind}-${track.id}`
}

/** Makes names unique: media is cached for a year, and another run of the same stream counts from the same numbers. */
export function createToken(): string {
  return randomBytes(6).toString('hex')
}

export function initName(
  rendition: string,
  token: string,
  { period, key }: Pick<StoredInit, 'period' | 'key'>,
): string {
  return `${rendition}-${token}-init-${period}${key === undefined ? '' : `.${key.period}`}.mp4`
}

export function segmentName(rendition: string, token: string, number: number | string): string {
  return `${rendition}-${token}-${number}.m4s`
}

export function partName(rendition: string, token: string, number: number, part: number): string {
  return `${rendition}-${token}-${number}.${part}.m4s`
}

/** What a media file's name asks for. */
export interface MediaName {
  readonly rendition: string
  readonly token: string
  /** Set for an init segment. */
  readonly period?: number
  /** Set for one of a protected path. */
  readonly keyPeriod?: number
  /** Set for a segment or part. */
  readonly number?: number
  readonly part?: number
}

/** `undefined`: not a name of ours. Numbers have at most 15 digits, so all are exact. */
export function parseMediaName(name: string): MediaName | undefined {
  const match =
    /^((?:video|audio)-\d{1,10})-([0-9a-f]{12})-(?:init-(\d{1,15})(?:\.(\d{1,15}))?\.mp4|(\d{1,15})(?:\.(\d{1,6}))?\.m4s)$/.exec(
      name,
    )
  if (match === null) return undefined
  const [, rendition = '', token = '', period, keyPeriod, number, part] = match
  if (period !== undefined) {
    return {
      rendition,
      token,
      period: Number(period),
      ...(keyPeriod === undefined ? {} : { keyPeriod: Number(keyPeriod) }),
    }
  }
  return { rendition, token, number: Number(number), ...(part === undefined ? {} : { part: Number(part) }) }
}
