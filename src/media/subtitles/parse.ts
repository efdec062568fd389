/** Reads a subtitle file beside a film, whichever of the known formats it is of. */
import { FormatError } from '../../errors.ts'
import type { Cue } from './cue.ts'
import { parseSrt } from './srt.ts'
import { decodeSubtitleText } from './text-encoding.ts'
import { isWebVtt, parseWebVtt } from './webvtt.ts'

/**
 * The cues of a SubRip or WebVTT file in the order in which they begin; the bytes tell which it is. Throws ERR_SUBTITLE_TOO_LARGE, and
 * ERR_SUBTITLE_FORMAT when there is text but no line with times.
 */
export function parseSubtitles(bytes: Uint8Array): readonly Cue[] {
  const text = decodeSubtitleText(bytes)
  if (isWebVtt(text)) return parseWebVtt(text)
  const cues = parseSrt(text)
  if (cues.length === 0 && text.trim() !== '') {
    throw new FormatError('ERR_SUBTITLE_FORMAT', 'expected subtitles of SubRip or WebVTT, found no line with times')
  }
  return cues
}
