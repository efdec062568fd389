/** A play log from the bytes of a message, whichever form it has (MS-WMLOG 2.2 to 2.4). */
import { FormatError } from '../errors.ts'
import { isWebLogBody, parseWebLogBody } from './weblog.ts'
import type { Wmlog } from './wmlog.ts'
import { parseWmlogLine } from './wmlog-line.ts'
import { MAX_WMLOG_LENGTH } from './wmlog-value.ts'
import { parseWmlogXml } from './wmlog-xml.ts'

/** Throws FormatError: ERR_WMLOG_TOO_LARGE above 64 KiB, ERR_WMLOG_ENCODING for what is not UTF-8, and those of the form. */
export function parseWmlogBody(bytes: Uint8Array): Wmlog {
  if (bytes.length > MAX_WMLOG_LENGTH) {
    throw new FormatError(
      'ERR_WMLOG_TOO_LARGE',
      `expected a log of at most ${MAX_WMLOG_LENGTH} bytes, found ${bytes.length}`,
    )
  }
  const text = decode(bytes)
  if (isWebLogBody(text)) return parseWebLogBody(text)
  return text.trimStart().startsWith('<') ? parseWmlogXml(text) : parseWmlogLine(text)
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (error) {
    throw new FormatError('ERR_WMLOG_ENCODING', 'expected a log in UTF-8, found other bytes', undefined, {
      cause: error,
    })
  }
}
