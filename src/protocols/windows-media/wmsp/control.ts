/** What a client says while it plays: other streams, the next entry, stop (MS-WMSP 2.2.2.7, 2.2.2.8, 2.2.2.10, 3.2.5.7, 3.2.5.9, 3.2.5.10). */
import { PeerError } from '../../../errors.ts'
import { applySwitches, type StreamLevels, switchEntries } from '../stream-selection.ts'
import { type Answer, headersOf, NOT_CACHED } from './answer.ts'
import type { Call, WmspService } from './call.ts'
import { emptyAnswer, headOf } from './describe.ts'
import { PACKETS_TYPE } from './play.ts'
import type { ActivePlay } from './playing/active-play.ts'

/** GET on the connection that plays: its answer takes over from the one that runs. POST on another: the stream goes on where it is. */
export function selectStream(service: WmspService, call: Call): Answer {
  const play = playing(service, call)
  const waiting = play.session.state === 'waiting'
  if (call.request.method === 'POST') {
    select(service, call, play)
    return emptyAnswer(service, call)
  }
  demandDataConnection(call, play)
  if (!waiting) {
    select(service, call, play)
    return takeOver(service, call, play)
  }
  // Of a new entry it only says what it wants; PlayNextEntry follows.
  play.viewing.select(selectionOf(call, play))
  return { ...emptyAnswer(service, call), interrupts: true }
}

/** Goes on with the entry whose header was sent, or confirms what the server selected of it. */
export function playNextEntry(service: WmspService, call: Call): Answer {
  const play = playing(service, call)
  demandDataConnection(call, play)
  select(service, call, play)
  return takeOver(service, call, play)
}

/** Ends what the session plays. */
export function stop(service: WmspService, call: Call): Answer {
  const { session } = call
  const play = session === undefined ? undefined : service.playOf(session)
  if (play !== undefined) service.stopPlay(play)
  session?.stop(service.clock.now())
  return { ...emptyAnswer(service, call), interrupts: true }
}

function select(service: WmspService, call: Call, play: ActivePlay): void {
  const selection = selectionOf(call, play)
  play.session.select(service.clock.now(), call.pragma.u32('client-lag'))
  play.session.selection = selection
  play.viewing.select(selection)
  play.playback.select(selection)
}

/** In the middle of an entry only changes need be listed, of a new one everything that is wanted. */
function selectionOf(call: Call, { viewing, session }: ActivePlay): StreamLevels {
  const { init } = viewing
  const numbers = init.streams.map(({ number }) => number)
  const entries = switchEntries(call.pragma, call.product, numbers)
  if (entries === undefined) return viewing.selection
  return applySwitches(entries, init, session.state === 'waiting' ? undefined : viewing.selection)
}

/** The packets that come next belong to this answer. */
function takeOver(service: WmspService, call: Call, play: ActivePlay): Answer {
  const headers = headersOf({
    ...headOf(service, { ...call, keepAlive: true }, call.session),
    cacheControl: NOT_CACHED,
    tokens: [['features', `"${play.viewing.features()}"`]],
    contentType: PACKETS_TYPE,
    length: undefined,
    chunked: true,
  })
  return { status: 200, headers, session: call.session, body: [], form: 'open', interrupts: true, close: false }
}

function playing(service: WmspService, { session }: Call): ActivePlay {
  const play = session === undefined ? undefined : service.playOf(session)
  if (play === undefined)
    throw new PeerError('ERR_WMSP_STATE', 'expected a session that plays, found one that does not')
  return play
}

function demandDataConnection({ connection }: Call, play: ActivePlay): void {
  if (connection.playing === play && play.chunked) return
  throw new PeerError('ERR_WMSP_STATE', 'expected the request on the connection of a pipelined stream, found another')
}
