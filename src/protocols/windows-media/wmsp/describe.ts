/** Describe and GetContentInfo: what lies behind a path, before it is played (MS-WMSP 2.2.2.1, 2.2.2.2, 3.2.5.3, 3.2.5.4). */
import { randomBytes } from 'node:crypto'
import { PACKET_PAIR_LENGTH, packetPair } from '../packet-pair.ts'
import type { PragmaToken } from '../pragma.ts'
import {
  type Answer,
  answerHead,
  cacheControlOf,
  type HeadOptions,
  headersOf,
  NOT_CACHED,
  validatorsOf,
} from './answer.ts'
import type { Call, WmspService } from './call.ts'
import type { OpenOptions } from './playing/content.ts'
import { type EntryFacts, entryHeader, featuresOfEntry } from './playing/entry-header.ts'
import { type OpenEntry, type Programme, programmeOf } from './playing/programme.ts'
import type { WmspSession } from './session.ts'
import { featuresOf } from './viewer-rules.ts'

const HEADER_TYPE = 'application/vnd.ms.wms-hdr.asfv1'

/** The ASF header of what is to be played, with an optional measurement before it. */
export async function describe(service: WmspService, call: Call): Promise<Answer> {
  const shown = await service.authorize(call)
  const programme = programmeOf(service.context, call.path)
  const entry = await programme.open(call.session?.entries.index ?? 0, openOptions(service, call))
  try {
    const session = sessionFor(service, call)
    const facts = factsOf(session, programme, entry)
    const metadata = call.rules.modern && service.server === 'Cougar'
    return describeAnswer({
      service,
      call,
      session,
      entry,
      facts,
      header: entryHeader(facts, call.rules, metadata),
      shown,
    })
  } finally {
    entry.content.close()
  }
}

interface Description {
  readonly service: WmspService
  readonly call: Call
  readonly session: WmspSession
  readonly entry: OpenEntry
  readonly facts: EntryFacts
  readonly header: Uint8Array
  readonly shown: boolean
}

function describeAnswer({ service, call, session, entry, facts, header, shown }: Description): Answer {
  const { pragma, request, rules } = call
  const pair = pragma.flag('packet-pair-experiment')
  const tokens: PragmaToken[] = [['features', `"${featuresOfEntry(facts, rules)}"`]]
  if (call.unknownSession) tokens.push(['xResetStrm', 1])
  if (pair) tokens.push(['packet-pair-experiment', 1])
  if (request.http11 && pragma.flag('pipeline-experiment')) tokens.push(['pipeline-experiment', 1])
  const headers = headersOf({
    ...headOf(service, call, session),
    cacheControl: cacheControlOf(entry.content, facts.playlist, shown),
    tokens,
    contentType: HEADER_TYPE,
    length: header.byteLength + (pair ? PACKET_PAIR_LENGTH : 0),
    more: validatorsOf(entry.content),
  })
  let body: Uint8Array[] = [header]
  if (pair) {
    const { byteLength } = answerHead({ status: 200, headers }, request.http11)
    const [first, second, third] = packetPair(byteLength, (count) => randomBytes(count))
    // The time between the first and the second is what is measured: they must not share a segment.
    body = [first, second, Buffer.concat([third, header])]
  }
  return { status: 200, headers, session, body, form: 'whole', interrupts: false, close: !call.keepAlive }
}

/** What a cache must know to go on using what it has. */
export async function contentInfo(service: WmspService, call: Call): Promise<Answer> {
  const shown = await service.authorize(call)
  const programme = programmeOf(service.context, call.path)
  const entry = await programme.open(0, openOptions(service, call))
  entry.content.close()
  // Outside of the pipelined mode such a request has a connection to itself.
  const keepAlive = call.keepAlive && call.session?.pipelined === true
  const headers = headersOf({
    ...headOf(service, { ...call, keepAlive }, call.session),
    cacheControl: cacheControlOf(entry.content, programme.playlist, shown),
    length: 0,
    more: validatorsOf(entry.content),
  })
  return { status: 200, headers, session: call.session, body: [], form: 'whole', interrupts: false, close: !keepAlive }
}

/** An answer that says nothing but that it was heard. */
export function emptyAnswer(
  service: WmspService,
  call: Call,
  options: { readonly status?: number; readonly tokens?: readonly PragmaToken[]; readonly keepAlive?: boolean } = {},
): Answer {
  const { status = 200, tokens = [], keepAlive = call.keepAlive } = options
  const head = headOf(service, { ...call, keepAlive }, call.session)
  const headers = headersOf({ ...head, cacheControl: NOT_CACHED, tokens, length: 0 })
  return { status, headers, session: call.session, body: [], form: 'whole', interrupts: false, close: !keepAlive }
}

/** What is the same in all heads for a call. */
export function headOf(
  service: WmspService,
  call: Pick<Call, 'request' | 'rules' | 'keepAlive'>,
  session: WmspSession | undefined,
): Pick<HeadOptions, 'server' | 'modern' | 'session' | 'connection'> {
  const { keepAlive, request, rules } = call
  const connection = keepAlive ? (request.http11 ? undefined : 'keep-alive') : 'close'
  return { server: service.server, modern: rules.modern, session, connection }
}

/** How entries are opened for a call. */
export function openOptions(service: WmspService, call: Call): OpenOptions {
  return { waitMs: service.options.waitMs, signal: call.connection.signal }
}

/** The session of the call, or a new one. */
export function sessionFor(service: WmspService, call: Call): WmspSession {
  if (call.session !== undefined) return call.session
  const session = service.sessions.open(call.path, service.clock.now())
  session.features = featuresOf(call.request.headerAll('supported')) ?? session.features
  return session
}

/** The entry under the number that the session knows it by. */
export function factsOf(session: WmspSession, programme: Programme, { content, index }: OpenEntry): EntryFacts {
  const { entries } = session
  if (entries.current === 0 || entries.index !== index) entries.enter(index)
  const live = content.kind === 'live'
  const broadcastId = live ? entries.broadcast(content.path) : 0
  return { init: content.init, live, playlist: programme.playlist, id: entries.current, broadcastId }
}
