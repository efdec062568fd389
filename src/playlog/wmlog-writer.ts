/** Makes the play logs of a player of our own from what it did (MS-WMLOG 2.5 to 2.8). */
import type { Wmlog, WmlogExtension, WmlogFields, WmlogItem } from './wmlog.ts'
import { WMLOG_FIELDS, type WmlogField } from './wmlog-fields.ts'

/** The player itself. */
export interface PlayerFacts {
  /** GUID in braces; see `anonymousPlayerId`. */
  readonly id: string
  readonly version: string
  /** RFC 3066. */
  readonly language?: string
  readonly userAgent?: string
  /** Page that holds it. */
  readonly referer?: string
  /** Program that hosts it, and its version. */
  readonly program?: string
  readonly programVersion?: string
  readonly os?: string
  readonly osVersion?: string
  readonly cpu?: string
}

/** Packets of one session. What was lost for good follows from them: lost on the way without what error correction brought back. */
export interface PacketFacts {
  /** Arrived in the first place. */
  readonly received: number
  readonly lost?: number
  readonly longestLoss?: number
  readonly recoveredByCorrection?: number
  readonly recoveredByResending?: number
  /** Absent: the transport cannot ask for anything again. */
  readonly resendRequests?: number
}

/** What is known at the beginning of a session. */
export interface ConnectFacts {
  readonly at: Date
  readonly player: PlayerFacts
  readonly transport: 'TCP' | 'UDP'
}

/** What happened from the beginning to the end of one playlist entry. */
export interface PlayFacts extends ConnectFacts {
  /** Address that was asked for. */
  readonly url: string
  /** Address that was really used, if it is another. */
  readonly usedUrl?: string
  /** The announcement file of a multicast. */
  readonly channelUrl?: string
  /** `http`, `rtsp`, `mms`, `asfm`. */
  readonly protocol: string
  readonly live: boolean
  /** Place in the content where it began, milliseconds. */
  readonly startMs: number
  /** Content rendered, milliseconds, without the time of buffering; negative when it played backwards. */
  readonly playedMs: number
  /** Time in which it was received, milliseconds, without pauses. */
  readonly receivedMs: number
  /** 1 is normal. */
  readonly rate: number
  /** The connection was lost and came back. */
  readonly reconnected?: boolean
  /** Length of the content, milliseconds. */
  readonly lengthMs?: number
  /** Size of the content, bytes. */
  readonly size?: number
  readonly bytesReceived: number
  readonly packets: PacketFacts
  /** Times it stopped to buffer, and for how many milliseconds in all. */
  readonly bufferCount?: number
  readonly bufferMs?: number
  readonly audioCodecs?: readonly string[]
  readonly videoCodecs?: readonly string[]
  /** What the server told of the content; absent when it told nothing. */
  readonly contentDescription?: readonly WmlogItem[]
  /** `log:` parameters of the ASX file that led here, with that prefix. */
  readonly parameters?: readonly WmlogItem[]
}

/** Who reads a log: web servers learn the address of the server that played. */
export type LogReader = 'media-server' | { readonly serverAddress: string }

const ANONYMOUS_ID_PREFIX = '3300AD50-2C39-46c0-AE0A'
const ANONYMOUS_ID_BYTES = 6
const MAX_CODEC_NAMES_LENGTH = 256
const STATUS_OK = 200
const STATUS_RECONNECTED = 210
const LOG_PARAMETER = 'log:'
const ENTRY_URL = 'WMS_CONTENT_DESCRIPTION_PLAYLIST_ENTRY_URL'
const ENTRY_ROLE = 'WMS_CONTENT_DESCRIPTION_ROLE'

/** The id of a player that says nothing of its user, from six random bytes that live as long as its session. */
export function anonymousPlayerId(random: Uint8Array): string {
  const digits = [...random.subarray(0, ANONYMOUS_ID_BYTES)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return `{${ANONYMOUS_ID_PREFIX}-${digits.padEnd(ANONYMOUS_ID_BYTES * 2, '0').toUpperCase()}}`
}

/** Reception and playback in one: for servers that take no rendering logs, and for web servers. */
export function makeLegacyLog(facts: PlayFacts, reader: LogReader = 'media-server'): Wmlog {
  return finish(facts, 47, {
    ...played(facts),
    ...received(facts),
    'x-duration': seconds(facts.playedMs),
    audiocodec: codecNames(facts.audioCodecs),
    videocodec: codecNames(facts.videoCodecs),
    ...readBy(reader),
  })
}

/** Reception only; a rendering log follows it. */
export function makeStreamingLog(facts: PlayFacts, reader: LogReader = 'media-server'): Wmlog {
  const told = { ...played(facts), ...received(facts), 'x-duration': seconds(facts.receivedMs) }
  return finish(facts, 47, { ...told, ...readBy(reader) })
}

/** Playback only, whenever it was that the content came. */
export function makeRenderingLog(facts: PlayFacts, reader: LogReader = 'media-server'): Wmlog {
  return finish(facts, reader === 'media-server' ? 52 : 47, {
    ...played(facts),
    'x-duration': seconds(facts.playedMs),
    audiocodec: codecNames(facts.audioCodecs),
    videocodec: codecNames(facts.videoCodecs),
    protocol: 'Cache',
    'c-bytes': 0,
    'c-quality': 100,
    ...readBy(reader),
    ...(reader === 'media-server' ? { 's-proxied': 0 } : {}),
  })
}

/** The beginning of a session. Media servers only. */
export function makeConnectLog({ at, player, transport }: ConnectFacts): Wmlog {
  const { date, time } = moment(at)
  const fields: WmlogFields = {
    'c-ip': '0.0.0.0',
    'c-os': player.os,
    'c-osversion': player.osVersion,
    date,
    time,
    'c-cpu': player.cpu,
    transport,
  }
  return { form: 'connect-time', fields }
}

/** Of all packets to be rendered, those that were, in hundredths; 100 when there were none. */
export function receptionQuality(packets: PacketFacts): number {
  const { received: inTime, recoveredByCorrection = 0, recoveredByResending = 0 } = packets
  const rendered = inTime + recoveredByCorrection + recoveredByResending
  const all = rendered + lostForGood(packets)
  return all === 0 ? 100 : Math.round((rendered / all) * 100)
}

function played({ at, player, live, ...facts }: PlayFacts): WmlogFields {
  const { url, usedUrl = url, protocol } = facts
  const address = (text: string) => (protocol === 'asfm' ? text.replace(/^[a-z][a-z\d+.-]*:/i, 'asfm:') : text)
  return {
    'c-ip': '0.0.0.0',
    ...moment(at),
    'cs-uri-stem': address(usedUrl).replace(/[?#].*$/s, ''),
    'c-starttime': live ? 0 : Math.floor(facts.startMs / 1000),
    'c-rate': Math.round(facts.rate),
    'c-status': facts.reconnected ? STATUS_RECONNECTED : STATUS_OK,
    'c-playerid': player.id,
    'c-playerversion': player.version,
    'c-playerlanguage': player.language,
    'cs-User-Agent': player.userAgent,
    'cs-Referer': player.referer,
    'c-hostexe': player.program,
    'c-hostexever': player.programVersion,
    'c-os': player.os,
    'c-osversion': player.osVersion,
    'c-cpu': player.cpu,
    filelength: live ? 0 : seconds(facts.lengthMs ?? 0),
    filesize: live ? 0 : (facts.size ?? 0),
    'c-channelURL': facts.channelUrl,
    'cs-url': address(url),
  }
}

function received({ protocol, transport, bytesReceived, receivedMs, packets, ...facts }: PlayFacts): WmlogFields {
  return {
    avgbandwidth: receivedMs > 0 ? Math.round((bytesReceived * 8 * 1000) / receivedMs) : undefined,
    protocol,
    transport,
    'c-bytes': bytesReceived,
    'c-pkts-received': packets.received,
    'c-pkts-lost-client': lostForGood(packets),
    'c-pkts-lost-net': packets.lost ?? 0,
    'c-pkts-lost-cont-net': packets.longestLoss ?? 0,
    'c-resendreqs': packets.resendRequests,
    'c-pkts-recovered-ECC': packets.recoveredByCorrection ?? 0,
    'c-pkts-recovered-resent': packets.recoveredByResending ?? 0,
    'c-buffercount': facts.bufferCount ?? 0,
    'c-totalbuffertime': seconds(facts.bufferMs ?? 0),
    'c-quality': receptionQuality(packets),
  }
}

/** Adds what the server and the playlist say of the entry: the server first. */
function finish({ contentDescription, parameters = [] }: PlayFacts, form: 47 | 52, own: WmlogFields): Wmlog {
  const fields: Record<string, WmlogFields[WmlogField]> = { ...own }
  const extensions = new Map<string, WmlogExtension & { readonly items: WmlogItem[] }>()
  for (const { name, value } of parameters) {
    if (!name.toLowerCase().startsWith(LOG_PARAMETER)) continue
    const [item = '', space] = name.slice(LOG_PARAMETER.length).split(':')
    if (space !== undefined) {
      const extension = extensions.get(space) ?? { name: space, items: [] }
      extensions.set(space, extension)
      extension.items.push({ name: item, value })
    } else if (isText(item)) fields[item] = value
    else if (!Object.hasOwn(WMLOG_FIELDS, item)) extensions.set(item, { name: item, value, items: [] })
  }
  const described = (name: string) => contentDescription?.find((item) => item.name === name)?.value
  fields['cs-media-name'] = described(ENTRY_URL) ?? fields['cs-media-name']
  fields['cs-media-role'] = described(ENTRY_ROLE) ?? fields['cs-media-role']
  return {
    form,
    fields,
    ...(contentDescription === undefined ? {} : { contentDescription }),
    ...(extensions.size === 0 ? {} : { extensions: [...extensions.values()] }),
  }
}

function isText(name: string): boolean {
  const type = Object.hasOwn(WMLOG_FIELDS, name) ? WMLOG_FIELDS[name as WmlogField] : undefined
  return type === 'text' || type === 'url'
}

function readBy(reader: LogReader): WmlogFields {
  return reader === 'media-server' ? {} : { 's-ip': reader.serverAddress }
}

function lostForGood({ lost = 0, recoveredByCorrection = 0 }: PacketFacts): number {
  return Math.max(0, lost - recoveredByCorrection)
}

/** Each name once, joined while they fit. */
function codecNames(names: readonly string[] = []): string | undefined {
  let text = ''
  for (const name of new Set(names)) {
    const longer = text === '' ? name : `${text};${name}`
    if (longer.length <= MAX_CODEC_NAMES_LENGTH) text = longer
  }
  return text === '' ? undefined : text
}

function moment(at: Date): { readonly date: string; readonly time: string } {
  const text = at.toISOString()
  return { date: text.slice(0, 10), time: text.slice(11, 19) }
}

/** Whole seconds, a begun one counts. */
function seconds(ms: number): number {
  return Math.ceil(Math.abs(ms) / 1000)
}
