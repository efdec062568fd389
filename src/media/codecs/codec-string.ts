/** Codec strings as HLS, DASH and browsers want them: RFC 6381 and the ISO BMFF binding of each codec. */
import { FormatError } from '../../errors.ts'
import type { Track } from '../track.ts'
import { readAacConfig } from './aac/config.ts'
import { readAv1Config } from './av1/config.ts'
import { readHevcConfig } from './h265/config.ts'
import { readVpxConfig } from './vp9/config.ts'

/**
 * For example `avc1.640028`, `hvc1.1.6.L93.B0`, `av01.0.04M.08`, `mp4a.40.2`. Throws FormatError when the track lacks the
 * configuration that the string is made of, for data tracks, and for Windows Media codecs, which have no such string.
 */
export function codecString(track: Track): string {
  switch (track.codec) {
    case 'h264':
      return avcString(configOf(track))
    case 'h265':
      return hevcString(configOf(track))
    case 'av1':
      return av1String(configOf(track))
    case 'vp9':
      return vpxString('vp09', configOf(track))
    case 'vp8':
      return track.config === undefined ? 'vp8' : vpxString('vp08', track.config)
    case 'aac':
      return `mp4a.40.${readAacConfig(configOf(track)).signalledType}`
    // Registered as mp4a.6B too, but players' media source extensions and HLS know this one.
    case 'mp3':
      return 'mp4a.40.34'
    case 'opus':
      return 'opus'
    case 'ac3':
      return 'ac-3'
    case 'eac3':
      return 'ec-3'
    case 'flac':
      return 'fLaC'
    default:
      throw new FormatError(
        'ERR_CODEC_NO_STRING',
        `expected a codec that browsers know by a string, found ${track.codec}`,
      )
  }
}

function configOf(track: Track): Uint8Array {
  if (track.config !== undefined) return track.config
  throw new FormatError('ERR_CODEC_NO_STRING', `expected a ${track.codec} track with its configuration, found none`)
}

function avcString(config: Uint8Array): string {
  if (config.byteLength < 4)
    throw new FormatError('ERR_MEDIA_TRUNCATED', `expected avcC, found ${config.byteLength} bytes`, 0)
  return `avc1.${[...config.subarray(1, 4)].map(hex2).join('').toUpperCase()}`
}

/** ISO/IEC 14496-15 section E.3: profile, compatibility bits in reverse, tier and level, constraint bytes without trailing zeros. */
function hevcString(config: Uint8Array): string {
  const { space, tier, profile, compatibility, level, constraints } = readHevcConfig(config)
  let reversed = 0
  for (let bit = 0; bit < 32; bit++) if (((compatibility >>> bit) & 1) === 1) reversed += 2 ** (31 - bit)
  const bytes = [...constraints]
  while (bytes.at(-1) === 0) bytes.pop()
  const fields = [
    'hvc1',
    `${['', 'A', 'B', 'C'][space]}${profile}`,
    reversed.toString(16).toUpperCase(),
    `${tier === 1 ? 'H' : 'L'}${level}`,
    ...bytes.map((byte) => byte.toString(16).toUpperCase()),
  ]
  return fields.join('.')
}

function av1String(config: Uint8Array): string {
  const { profile, level, tier, bitDepth } = readAv1Config(config)
  return `av01.${profile}.${decimal2(level)}${tier === 1 ? 'H' : 'M'}.${decimal2(bitDepth)}`
}

function vpxString(fourCc: string, config: Uint8Array): string {
  const { profile, level, bitDepth } = readVpxConfig(config)
  return `${fourCc}.${decimal2(profile)}.${decimal2(level === 0 ? 10 : level)}.${decimal2(bitDepth)}`
}

function hex2(value: number): string {
  return value.toString(16).padStart(2, '0')
}

function decimal2(value: number): string {
  return String(value).padStart(2, '0')
}
