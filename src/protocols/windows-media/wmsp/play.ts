/** Play: from the request to the first packet (MS-WMSP 2.2.2.6, 3.2.5.6). */
import { PeerError } from '../../../errors.ts'
import type { AsfInit } from '../../../media/containers/asf/model.ts'
import type { HeaderLine } from '../message-head.ts'
import type { PragmaToken } from '../pragma.ts'
import { atLeast } from '../product.ts'
import { allStreams, applySwitches, type StreamLevels, switchEntries } from '../stream-selection.ts'
import { type Answer, cacheControlOf, headersOf, validatorsOf } from './answer.ts'
import type { Call, WmspService } from './call.ts'
import { factsOf, headOf, openOptions, sessionFor } from './describe.ts'
import { bitrateOf, type Grant, grantPace, type PlayRequest, readPlayRequest } from './play-request.ts'
import type { ActivePlay } from './playing/active-play.ts'
import type { Content } from './playing/content.ts'
import { Playback } from './playing/playback.ts'
import { type OpenEntry, type Programme, programmeOf } from './playing/programme.ts'
import { startupProfile } from './playing/startup.ts'
import { Viewing } from './playing/viewing.ts'
import type { WmspSession } from './session.ts'

export const PACKETS_TYPE = 'application/x-mms-framed'
/** Characters kept of what a viewer calls itself. */
const MAX_USER_AGENT = 200
/** As players write it; ones of old write others, which are those of every copy. */
const GUID = /^\{[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}\}$/i

export async function play(service: WmspService, call: Call): Promise<Answer> {
  const { clock } = service
  const asked = readPlayRequest(call.pragma)
  // Chunks do not exist in HTTP/1.0.
  const request = { ...asked, chunked: asked.chunked && call.request.http11 }
  if (call.connection.playing !== undefined) {
    throw new PeerError('ERR_WMSP_STATE', 'expected Play on a connection that plays nothing, found one that plays')
  }
  // From here on no other Play can have it, however long the rest takes.
  call.session?.play(request.chunked)
  let choice: Choice | undefined
  try {
    const shown = await service.authorize(call)
    const programme = programmeOf(service.context, call.path)
    choice = await choose(service, call, programme, request)
    const session = sessionFor(service, call)
    session.play(request.chunked)
    return await begin(service, call, { session, programme, request, shown, choice })
  } catch (error) {
    choice?.entry.content.close()
    call.session?.stop(clock.now())
    throw error
  } finally {
    choice?.before?.content.close()
  }
}

/** The entry to play; when the client skips to it, the one it comes from. */
interface Choice {
  readonly entry: OpenEntry
  readonly before: OpenEntry | undefined
}

async function choose(service: WmspService, call: Call, programme: Programme, request: PlayRequest): Promise<Choice> {
  const open = openOptions(service, call)
  const { session } = call
  const index = (request.seekId !== undefined ? session?.entries.indexOf(request.seekId) : session?.entries.index) ?? 0
  const { seekOffset } = request
  if (seekOffset === 0 || !programme.playlist) return { entry: await programme.open(index, open), before: undefined }
  const other = seekOffset > 0 ? await programme.next(index, open) : await programme.previous(index, open)
  // There is nothing to skip to: the entry begins anew.
  if (other === undefined) return { entry: await programme.open(index, open), before: undefined }
  if (!call.rules.changesHeader) return { entry: other, before: undefined }
  try {
    return { entry: other, before: await programme.open(index, open) }
  } catch (error) {
    other.content.close()
    throw error
  }
}

interface Beginning {
  readonly session: WmspSession
  readonly programme: Programme
  readonly request: PlayRequest
  readonly shown: boolean
  readonly choice: Choice
}

async function begin(service: WmspService, call: Call, beginning: Beginning): Promise<Answer> {
  const { session, programme, request, shown, choice } = beginning
  const { clock, context, feeds, server } = service
  const { connection, product, rules, pragma } = call
  const { entry, before } = choice
  const { content } = entry
  const selection = selectionOf(call, session, content.init)
  const beforeId = before === undefined ? 0 : factsOf(session, programme, before).id
  factsOf(session, programme, entry)
  const viewing = new Viewing(
    {
      session,
      programme,
      entry,
      product,
      rules,
      http11: call.request.http11,
      metadata: rules.modern && server === 'Cougar',
      request,
      linkBps: pragma.u32('LinkBW'),
      feeds,
      open: openOptions(service, call),
      clock,
      onWaiting: () => session.wait(clock.now()),
    },
    selection,
  )
  const bitrateBps = bitrateFor(content, selection)
  const grant = grantFor(service, call, request, content, bitrateBps)
  const source = await viewing.firstSource(grant.pace)
  const profile = await profileHeader(session, content, { selection, grant, request, bitrateBps })
  const keepOpen = !request.chunked && rules.modern && call.keepAlive && saysKeepAlive(call)
  const opening =
    before !== undefined
      ? viewing.openingForSkip(before.content, beforeId, request.seekOffset < 0)
      : needsReset(call)
        ? viewing.openingForReset()
        : viewing.opening()
  const playback = new Playback({
    host: viewing,
    source,
    opening,
    selection,
    chunked: request.chunked,
    keepOpen,
    changesHeader: rules.changesHeader,
    clock,
  })
  const registered = context.sessions.open({
    protocol: 'wmsp',
    role: 'play',
    path: programme.path,
    remoteAddress: connection.remoteAddress,
    userAgent: product.text.slice(0, MAX_USER_AGENT),
    playerId: GUID.exec(call.pragma.text('xClientGUID') ?? '')?.[0],
    grant: service.grantOf(call),
    close: (reason) => service.stopPlay(active, reason),
    details: () => ({ entry: viewing.content.path, pipelined: request.chunked }),
  })
  const active: ActivePlay = { session, viewing, playback, registered, chunked: request.chunked, keepOpen }
  session.playId = registered.id
  service.startPlay(active, connection)
  const tokens: PragmaToken[] = [['features', `"${viewing.features()}"`]]
  if (call.unknownSession) tokens.push(['xResetStrm', 1])
  if (before !== undefined) tokens.push(['expect-new-header', 1])
  const keepAlive = request.chunked || keepOpen
  const headers = headersOf({
    ...headOf(service, { ...call, keepAlive }, session),
    cacheControl: cacheControlOf(content, programme.playlist, shown),
    tokens: [...tokens, ...grant.tokens],
    contentType: PACKETS_TYPE,
    length: undefined,
    chunked: request.chunked,
    more: [...validatorsOf(content), ...profile],
  })
  return { status: 200, headers, session, body: [], form: 'play', play: active, interrupts: false, close: !keepAlive }
}

/** What the client names, of nothing; without a name nothing, or all for servers of old. */
function selectionOf(call: Call, session: WmspSession, init: AsfInit): StreamLevels {
  const entries = switchEntries(
    call.pragma,
    call.product,
    init.streams.map(({ number }) => number),
  )
  const selected = entries === undefined ? undefined : applySwitches(entries, init)
  session.selection = selected ?? (call.rules.takesAllUnasked ? allStreams(init) : undefined)
  return session.selection ?? new Map()
}

/** Bits a second of what is sent: as the header says, else as the whole file has. */
function bitrateFor(content: Content, selection: StreamLevels): number {
  const told = bitrateOf(content.init, selection)
  if (told > 0 || content.kind === 'live' || content.asf.durationMs <= 0) return told
  return Math.round((content.size * 8000) / content.asf.durationMs)
}

/** A live stream comes as fast as it is made. */
function grantFor(service: WmspService, call: Call, request: PlayRequest, content: Content, bitrateBps: number): Grant {
  if (content.kind === 'live') return { pace: { fastMs: 0, fastFactor: 1, speed: 1 }, tokens: [], accelMs: 0 }
  return grantPace(request, call.rules, service.options, bitrateBps)
}

interface Granted {
  readonly selection: StreamLevels
  readonly grant: Grant
  readonly request: PlayRequest
  readonly bitrateBps: number
}

/** For who says that it understands it. */
async function profileHeader(
  session: WmspSession,
  content: Content,
  { selection, grant, request, bitrateBps }: Granted,
): Promise<HeaderLine[]> {
  const { accelMs } = grant
  if (!session.features.startupProfile || content.kind === 'live' || accelMs === 0 || request.rate !== 1) return []
  const from = request.position.type === 'time' ? await content.asf.packetAt(request.position.ms) : 0
  const value = await startupProfile(content, { from, selection, accelMs, bitrateBps })
  return value === undefined ? [] : [['X-StartupProfile', value]]
}

/** Players before version 7 that wait for a stream to be reset (MS-WMSP 3.2.5.6). */
function needsReset({ unknownSession, product, pragma }: Call): boolean {
  if (!unknownSession || atLeast(product, 7)) return false
  const context = pragma.u32('request-context')
  return (product.token === 'NSPlayer' && context === 2) || (product.token === 'NSServer' && context === 3)
}

function saysKeepAlive({ request }: Call): boolean {
  return request.headerAll('connection').some((value) => value.toLowerCase().includes('keep-alive'))
}
