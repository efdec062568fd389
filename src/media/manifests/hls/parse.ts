/** Reads any HLS playlist (RFC 8216bis section 4.1), within fixed limits. */
import { FormatError } from '../../../errors.ts'
import { MediaPlaylistReader } from './media-playlist.ts'
import type { MediaPlaylist, MultivariantPlaylist } from './model.ts'
import { MultivariantPlaylistReader } from './multivariant-playlist.ts'

/** Characters of a whole playlist: a day of 200 ms parts with long URIs stays below. */
const MAX_TEXT_LENGTH = 16 * 1024 * 1024
const MAX_LINE_LENGTH = 64 * 1024
const MAX_LINES = 100_000

/** Tags that only a multivariant playlist has. */
const MULTIVARIANT_TAG =
  /^#EXT-X-(?:STREAM-INF|MEDIA|I-FRAME-STREAM-INF|SESSION-KEY|SESSION-DATA|CONTENT-STEERING)(?=:|\s*$)/m

/**
 * Unknown tags, comments and empty lines are ignored; variables (EXT-X-DEFINE) are not substituted. Throws FormatError for text
 * that is no playlist, malformed values, and what is larger than the limits.
 */
export function parsePlaylist(text: string): MediaPlaylist | MultivariantPlaylist {
  if (text.length > MAX_TEXT_LENGTH) {
    throw new FormatError(
      'ERR_HLS_TOO_LARGE',
      `expected a playlist of at most ${MAX_TEXT_LENGTH} characters, found ${text.length}`,
    )
  }
  if (!/^#EXTM3U(?=\s|$)/.test(text)) {
    throw new FormatError(
      'ERR_HLS_SYNTAX',
      `expected a playlist that begins with #EXTM3U, found "${text.slice(0, 20)}"`,
    )
  }
  if (!MULTIVARIANT_TAG.test(text)) return readLines(text, new MediaPlaylistReader()).end()
  if (/^#EXT(?:INF|-X-TARGETDURATION):/m.test(text)) {
    throw new FormatError('ERR_HLS_SYNTAX', 'expected a media or a multivariant playlist, found tags of both')
  }
  return readLines(text, new MultivariantPlaylistReader()).end()
}

interface LineReader {
  tag(name: string, value: string): void
  uri(uri: string): void
}

function readLines<Reader extends LineReader>(text: string, reader: Reader): Reader {
  let lines = 0
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at)
    const end = newline < 0 ? text.length : newline
    if (end - at > MAX_LINE_LENGTH) {
      throw new FormatError(
        'ERR_HLS_TOO_LARGE',
        `expected lines of at most ${MAX_LINE_LENGTH} characters, found ${end - at}`,
      )
    }
    if (++lines > MAX_LINES) throw new FormatError('ERR_HLS_TOO_LARGE', `expected at most ${MAX_LINES} lines`)
    const line = text.slice(at, end).trim()
    at = end + 1
    if (line === '') continue
    if (!line.startsWith('#')) reader.uri(line)
    else if (line.startsWith('#EXT')) {
      const colon = line.indexOf(':')
      if (colon < 0) reader.tag(line, '')
      else reader.tag(line.slice(0, colon), line.slice(colon + 1))
    }
  }
  return reader
}
