/** What a player and a web server that takes its logs say to each other (MS-WMLOG 2.3). */
import { FormatError } from '../errors.ts'
import type { Wmlog } from './wmlog.ts'
import { formatWmlogLine, parseWmlogLine } from './wmlog-line.ts'

/** Content type of a log that is posted. */
export const WEB_LOG_CONTENT_TYPE = 'text/plain;charset=UTF-8'
/** Content type of the page that tells a player it may post. */
export const WEB_LOG_PAGE_CONTENT_TYPE = 'text/html'

/** The page that answers the GET: players look for these very tags, with nothing between them, and post nothing without. */
export const WEB_LOG_PAGE = '<html><body><h1>WMS ISAPI Log Dll/9.06.7600.0001</h1></body></html>'

const MARK = 'MX_STATS_LogLine:'
/** Characters of a page that are looked at. */
const MAX_PAGE_LENGTH = 64 * 1024
const SINK = /<body><h1>(?:NetShow ISAPI Log Dll|WMS ISAPI Log Dll\/\d{1,4}\.\d{1,4}\.\d{1,4}\.\d{1,4})<\/h1>/i

/** Whether the answer to the GET is one of a server that takes logs. */
export function isWebLogSink(status: number, page: string): boolean {
  const text = page.slice(0, MAX_PAGE_LENGTH)
  const heading = SINK.exec(text)
  return status === 200 && heading !== null && text.toLowerCase().includes('</body>', heading.index)
}

/** Body of the POST. A rendering log goes to web servers with 47 fields, too. */
export function formatWebLogBody(log: Wmlog, form: 44 | 47 = 47): string {
  return `${MARK} \t${formatWmlogLine(log, form)}`
}

/** Whether a text begins as the body of such a POST does. */
export function isWebLogBody(text: string): boolean {
  return text.slice(0, MARK.length).toLowerCase() === MARK.toLowerCase()
}

/** The log of a body. Throws FormatError ERR_WMLOG_FIELDS for another text, and those of `parseWmlogLine`. */
export function parseWebLogBody(text: string): Wmlog {
  if (!isWebLogBody(text)) {
    throw new FormatError('ERR_WMLOG_FIELDS', `expected ${MARK}, found ${JSON.stringify(text.slice(0, MARK.length))}`)
  }
  return parseWmlogLine(text.slice(MARK.length))
}
