/** What players report: Log and SendEvent (MS-WMSP 2.2.2.4, 2.2.2.9, 2.2.5, 3.2.5.11, 3.2.5.12). */
import { FormatError, PeerError } from '../../../errors.ts'
import { playLogOf } from '../../../playlog/play-log.ts'
import type { Wmlog } from '../../../playlog/wmlog.ts'
import { parseWmlogLine } from '../../../playlog/wmlog-line.ts'
import { parseWmlogXml } from '../../../playlog/wmlog-xml.ts'
import { itemValue } from '../cdl.ts'
import { readRemoteEvent } from '../remote-event.ts'
import type { Answer } from './answer.ts'
import type { Call, WmspService } from './call.ts'
import { emptyAnswer } from './describe.ts'
import { openContent } from './playing/content.ts'

const REMOTE_LOG = '@.REMOTE_LOG'
const NO_CONTENT = 204

/** A log of what was received, as a line in a token or as XML in the body. */
export function takeLog(service: WmspService, call: Call): Answer {
  const line = call.pragma.text('log-line')
  const wmlog = parse(() => (line === undefined ? parseWmlogXml(textOf(call.body)) : parseWmlogLine(line)))
  report(service, call, wmlog)
  return emptyAnswer(service, call, { status: NO_CONTENT })
}

/** A log of what was shown, or what a cache did with its copy. Needs no session. */
export async function takeEvent(service: WmspService, call: Call): Promise<Answer> {
  // A player that was here knows the path; anybody else must name something that exists.
  if (call.session === undefined) await demandContent(service, call)
  const event = parse(() => readRemoteEvent(call.body))
  const xml = event.kind === 'log' ? itemValue(event.descriptions[1] ?? [], REMOTE_LOG) : undefined
  if (xml !== undefined)
    report(
      service,
      call,
      parse(() => parseWmlogXml(xml)),
    )
  return emptyAnswer(service, call)
}

function report({ context }: WmspService, call: Call, wmlog: Wmlog): void {
  const { connection, path, session } = call
  context.onPlayLog(
    playLogOf(wmlog, {
      receivedAt: new Date(),
      remoteAddress: connection.remoteAddress,
      protocol: 'wmsp',
      path,
      sessionId: session?.playId,
    }),
  )
}

async function demandContent({ context }: WmspService, { path, connection }: Call): Promise<void> {
  if (context.playlist(path) !== undefined || context.hub.find(path) !== undefined) return
  const content = await openContent(context, path, { waitMs: 0, signal: connection.signal })
  content.close()
}

/** Throws PeerError ERR_WMSP_LOG for what cannot be read. */
function parse<Result>(read: () => Result): Result {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new PeerError('ERR_WMSP_LOG', cause.message, { cause })
  }
}

function textOf(body: Uint8Array): string {
  return Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8')
}
