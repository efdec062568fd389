/** Subtitles of Matroska as text of WebVTT cues (RFC 9559 section 22, codec mappings of subtitles). */
import { assTextOfBlock } from '../../subtitles/ass-text.ts'
import { MAX_CUE_LENGTH } from '../../subtitles/cue.ts'
import { withoutEmptyLines } from '../../subtitles/cue-text.ts'
import { srtText } from '../../subtitles/srt-text.ts'
import type { TrackFormat } from './track-format.ts'

/** Of one block; what is longer is no text to read. */
const MAX_TEXT_BYTES = 64 * 1024

const PAYLOAD_OF: Readonly<Record<string, (text: string) => string>> = {
  'S_TEXT/UTF8': (text) => srtText(text).text,
  'S_TEXT/ASCII': (text) => srtText(text).text,
  'S_TEXT/ASS': (text) => assTextOfBlock(text).text,
  'S_TEXT/SSA': (text) => assTextOfBlock(text).text,
  S_ASS: (text) => assTextOfBlock(text).text,
  S_SSA: (text) => assTextOfBlock(text).text,
  'S_TEXT/WEBVTT': payloadOfWebVtt,
  // WebM: name of the cue and its settings, in a line each, before the payload.
  'D_WEBVTT/SUBTITLES': (text) =>
    payloadOfWebVtt(
      text
        .split(/\r\n|\n|\r/)
        .slice(2)
        .join('\n'),
    ),
  'D_WEBVTT/CAPTIONS': (text) =>
    payloadOfWebVtt(
      text
        .split(/\r\n|\n|\r/)
        .slice(2)
        .join('\n'),
    ),
  'D_WEBVTT/DESCRIPTIONS': (text) =>
    payloadOfWebVtt(
      text
        .split(/\r\n|\n|\r/)
        .slice(2)
        .join('\n'),
    ),
}

/** `undefined` for pictures and other things that are no text. */
export function textFormat(codecId: string): TrackFormat | undefined {
  const payloadOf = Object.hasOwn(PAYLOAD_OF, codecId) ? PAYLOAD_OF[codecId] : undefined
  if (payloadOf === undefined) return undefined
  return {
    codec: 'webvtt',
    canonical: (frame) => utf8.encode(payloadOf(text.decode(frame.subarray(0, MAX_TEXT_BYTES)).replaceAll('\0', ''))),
  }
}

function payloadOfWebVtt(payload: string): string {
  return withoutEmptyLines(payload.replaceAll('-->', '--&gt;')).slice(0, MAX_CUE_LENGTH)
}

// Media code runs in Node and in browsers; both have these, but neither's type library is loaded here.
declare const TextDecoder: new () => { decode(bytes: Uint8Array): string }
declare const TextEncoder: new () => { encode(text: string): Uint8Array }
const text = new TextDecoder()
const utf8 = new TextEncoder()
