/** Logs to a web server: first the look whether it takes any, then each as a line (MS-WMLOG 2.3). */
import { formatWebLogBody, isWebLogSink, WEB_LOG_CONTENT_TYPE } from '../../../../playlog/weblog.ts'
import type { Wmlog } from '../../../../playlog/wmlog.ts'

const HEADERS = { 'User-Agent': 'NSPlayer', 'Cache-Control': 'no-cache' } as const
/** Bytes of the page that are read. */
const MAX_PAGE_BYTES = 64 * 1024

/** Resolves when they were taken, or were not: what becomes of a log changes nothing for who plays. */
export async function postWebLogs(url: URL, logs: readonly Wmlog[], timeoutMs: number): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    const answer = await fetch(url, { headers: HEADERS, signal })
    if (!isWebLogSink(answer.status, await beginningOf(answer))) return
    for (const log of logs) {
      const headers = { ...HEADERS, 'Content-Type': WEB_LOG_CONTENT_TYPE }
      const taken = await fetch(url, { method: 'POST', headers, body: formatWebLogBody(log), signal })
      await taken.body?.cancel()
    }
  } catch {
    // It is away, or is none.
  }
}

async function beginningOf({ body }: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let length = 0
  for await (const piece of body ?? []) {
    pieces.push(piece)
    length += piece.byteLength
    if (length >= MAX_PAGE_BYTES) break
  }
  return Buffer.concat(pieces).toString('utf8')
}
