/** Requests of a Windows Media client, byte for byte (MS-WMSP 2.2.2, 3.1.5.1). */
import type { Wmlog } from '../../../../playlog/wmlog.ts'
import { formatWmlogLine } from '../../../../playlog/wmlog-line.ts'
import { formatWmlogXml } from '../../../../playlog/wmlog-xml.ts'
import { CDL_TYPE, type CdlItem } from '../../cdl.ts'
import type { HeaderLine } from '../../message-head.ts'
import { formatPragma, type PragmaToken } from '../../pragma.ts'
import { writeRemoteEvent } from '../../remote-event.ts'
import { formatSwitches, type SwitchEntry } from '../../stream-selection.ts'

/** Who asks. */
export interface ClientIdentity {
  /** `NSPlayer/12.0.0.1` and the like. */
  readonly userAgent: string
  /** In braces; the same in every request of a session. */
  readonly guid: string
  /** A new playlist entry may begin with the streams that the server chooses. */
  readonly predictive: boolean
}

/** What every request of a session carries. */
export interface RequestContext extends ClientIdentity {
  /** Of the content: scheme `http` or `https`. */
  readonly url: URL
  /** Through a proxy the request line holds the whole address. */
  readonly viaProxy: boolean
  readonly clientId: number | undefined
  readonly cookie: string | undefined
  /** `Authorization` and `Proxy-Authorization`, for this method and target. */
  readonly authorize: (method: string, target: string) => readonly HeaderLine[]
}

/** Where and how a Play request begins. */
export interface PlayRequest {
  readonly startMs: number
  /** 1 is normal, up to 5; negative rewinds. */
  readonly rate: number
  readonly streams: readonly SwitchEntry[]
  /** Entry of the playlist that was described; 0: none. */
  readonly playlistGenId: number
  /** Bits a second of the way here, when measured. */
  readonly linkBps: number | undefined
  /** Times its own rate that media may come at all the time: it is shown at another pace then, of which a log of its own tells. */
  readonly speed: number | undefined
  /** Bits a second at which the first milliseconds of media may come; `undefined`: as fast as they are played. */
  readonly burst:
    | { readonly kind: 'Accel' | 'Burst'; readonly bitrateBps: number; readonly durationMs: number }
    | undefined
}

/** "Not specified" in fields of 32 bits. */
const UNSPECIFIED = 0xffff_ffff
/** Link speed of who does not measure it, bits a second. */
const LINK_BPS = 0x7fff_ffff
const SUPPORTED = ['com.microsoft.wm.srvppair', 'com.microsoft.wm.sswitch']
const PREDICTS = 'com.microsoft.wm.predstrm'

/** What stands in the request line. */
export function requestTarget({ url, viaProxy }: Pick<RequestContext, 'url' | 'viaProxy'>): string {
  const path = `${url.pathname === '' ? '/' : url.pathname}${url.search}`
  return viaProxy ? `${url.protocol}//${url.host}${path}` : path
}

/** Asks what is there. */
export function describeRequest(context: RequestContext, packetPair: boolean): Uint8Array {
  const tokens: PragmaToken[] = packetPair ? [['packet-pair-experiment', 1]] : []
  return format('GET', context, { pragmas: tokens.map((token) => [token]), keepAlive: true })
}

/** Asks for the media. */
export function playRequest(context: RequestContext, play: PlayRequest): Uint8Array {
  const { startMs, rate, streams, playlistGenId, linkBps = LINK_BPS, burst, speed } = play
  const position: PragmaToken[] = [
    ['rate', rate.toFixed(3)],
    ['stream-time', startMs],
    ['stream-offset', `${UNSPECIFIED}:${UNSPECIFIED}`],
    ['packet-num', UNSPECIFIED],
    ['max-duration', 0],
  ]
  const pragmas: PragmaToken[][] = [position, [['xPlayStrm', 1]]]
  if (playlistGenId !== 0) pragmas.push([['playlist-gen-id', playlistGenId]])
  if (burst !== undefined) {
    const { kind, bitrateBps, durationMs } = burst
    pragmas.push([
      ['LinkBW', linkBps],
      [`${kind}BW`, bitrateBps],
      [`${kind}Duration`, durationMs],
    ])
  }
  if (speed !== undefined) pragmas.push([['Speed', speed.toFixed(3)]])
  return format('GET', context, { pragmas: [...pragmas, ...switchPragmas(streams)] })
}

/** Chooses the streams of a new playlist entry, on a connection of its own. */
export function selectStreamRequest(context: RequestContext, streams: readonly SwitchEntry[]): Uint8Array {
  return format('POST', context, { pragmas: switchPragmas(streams) })
}

/** Says that the session is still wanted, on a connection of its own. */
export function keepAliveRequest(context: RequestContext): Uint8Array {
  return format('POST', context, { pragmas: [[['xKeepAliveInPause', 1]]] })
}

/** Reports what came, or that and what was shown in one: in XML where the server reads that, in a line for those of old. */
export function logRequest(context: RequestContext, log: Wmlog, readsXml: boolean): Uint8Array {
  if (!readsXml) return format('POST', context, { pragmas: [[['log-line', formatWmlogLine(log, 47)]]] })
  return format('POST', context, {
    pragmas: [],
    body: { type: 'application/x-wms-LogStats;charset=UTF-8', bytes: Buffer.from(formatWmlogXml(log), 'utf8') },
  })
}

/** Reports what was shown, whenever it came, as the remote event `log` (MS-WMSP 2.2.2.9, 2.2.5). */
export function remoteLogRequest(context: RequestContext, log: Wmlog): Uint8Array {
  const { protocol, host, pathname } = context.url
  const text = (name: string, value: string): CdlItem => ({ name, type: CDL_TYPE.LPWSTR, value })
  const contextType = (value: number): CdlItem => ({ name: 'context-type', type: CDL_TYPE.I4, value: String(value) })
  const bytes = writeRemoteEvent({
    kind: 'log',
    result: 0,
    descriptions: [
      [contextType(2), text('WMS_USER_AGENT', context.userAgent), text('WMS_USER_GUID', context.guid)],
      [
        contextType(5),
        text('@WMS_COMMAND_CONTEXT_URL', `${protocol}//${host}${pathname}`),
        text('@.REMOTE_LOG', formatWmlogXml(log)),
      ],
    ],
  })
  return format('POST', context, { pragmas: [], body: { type: 'application/x-wms-sendevent', bytes } })
}

function switchPragmas(streams: readonly SwitchEntry[]): PragmaToken[][] {
  return formatSwitches(streams).map((token) => [token])
}

interface Parts {
  /** Tokens of one Pragma header each. */
  readonly pragmas: readonly (readonly PragmaToken[])[]
  readonly body?: { readonly type: string; readonly bytes: Uint8Array }
  /** The connection is wanted for the next request. */
  readonly keepAlive?: boolean
}

function format(method: 'GET' | 'POST', context: RequestContext, { pragmas, body, keepAlive }: Parts): Uint8Array {
  const { url, clientId, cookie, predictive } = context
  const target = requestTarget(context)
  const features = predictive ? [...SUPPORTED, PREDICTS] : SUPPORTED
  const headers: HeaderLine[] = [
    ['Accept', '*/*'],
    ['User-Agent', context.userAgent],
    ['Host', url.host],
    ['Supported', features.join(', ')],
    ['X-Accept-Authentication', 'Digest, Basic'],
    ['Pragma', 'no-cache'],
    formatPragma([['xClientGUID', context.guid]]),
    ...(clientId === undefined ? [] : [formatPragma([['client-id', clientId]])]),
    ...pragmas.map(formatPragma),
    ...(cookie === undefined ? [] : [['Cookie', cookie] as const]),
    ...context.authorize(method, target),
    ...(body === undefined ? [] : [['Content-Type', body.type] as const]),
    ...(method === 'POST' ? [['Content-Length', String(body?.bytes.byteLength ?? 0)] as const] : []),
    ['Connection', keepAlive === true ? 'Keep-Alive' : 'Close'],
  ]
  const lines = headers.map(([name, value]) => `${name}: ${value.replaceAll(/[\r\n\0]/g, ' ')}\r\n`)
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1')
  return body === undefined ? head : Buffer.concat([head, body.bytes])
}
