/** The fields of a Windows Media play log, their types and their order in a line (MS-WMLOG 2.1, 2.2). */

/**
 * `text`: words, spaces written as `_`; `url`: percent-encoded; `date`, `time`: UTC; `u32`: 0 to 4294967295; `rate`: -99 to 99;
 * `status`: 100 to 999; `percent`: 0 to 100; `flag`: 0 or 1.
 */
export type WmlogFieldType = 'text' | 'url' | 'date' | 'time' | 'u32' | 'rate' | 'status' | 'percent' | 'flag'

/** Every field by its name on the wire. */
export const WMLOG_FIELDS = {
  /** Address of the player: itself writes 0.0.0.0, a proxy that passes a log on writes what it sees. */
  'c-ip': 'text',
  /** Day when the log was made: YYYY-MM-DD, UTC. */
  date: 'date',
  /** Time when the log was made: HH:MM:SS, UTC. */
  time: 'time',
  /** Host name of the player. */
  'c-dns': 'text',
  /** Address that was really used, cut at `?`. */
  'cs-uri-stem': 'url',
  /** Place in the content where rendering began, seconds; 0 for live streams. */
  'c-starttime': 'u32',
  /** Seconds, rounded up: content rendered without the time of buffering, or in a streaming log the time it took to receive it. */
  'x-duration': 'u32',
  /** Rate at the beginning of the period: 1 is normal, negative is backwards. */
  'c-rate': 'rate',
  /** 200, or 210 when the player lost the connection and got it back. */
  'c-status': 'status',
  /** GUID in braces: of a user, or of one session with the anonymous prefix. */
  'c-playerid': 'text',
  /** Version of the player. */
  'c-playerversion': 'text',
  /** Language of the player (RFC 3066). */
  'c-playerlanguage': 'text',
  /** Product text; begins with `_via_` when a proxy wrote it. */
  'cs-User-Agent': 'text',
  /** Page that holds the player. */
  'cs-Referer': 'url',
  /** Program that hosts the player. */
  'c-hostexe': 'text',
  /** Version of that program. */
  'c-hostexever': 'text',
  /** Operating system. */
  'c-os': 'text',
  /** Version of the operating system. */
  'c-osversion': 'text',
  /** Kind of processor. */
  'c-cpu': 'text',
  /** Length of the content, seconds; 0 for live streams. */
  filelength: 'u32',
  /** Size of the content, bytes; 0 for live streams. */
  filesize: 'u32',
  /** Average receive rate without pauses, bits a second. */
  avgbandwidth: 'u32',
  /** `http`, `rtsp`, `mms`, `asfm`; `Cache` in a rendering log. */
  protocol: 'text',
  /** `UDP` or `TCP`. */
  transport: 'text',
  /** Decoders used, joined with `;`. */
  audiocodec: 'text',
  /** Decoders used, joined with `;`. */
  videocodec: 'text',
  /** The announcement file of a multicast. */
  'c-channelURL': 'url',
  /** Bytes sent; players leave it out. */
  'sc-bytes': 'u32',
  /** Bytes of content received, without what the transport adds. */
  'c-bytes': 'u32',
  /** Packets sent; players leave it out. */
  's-pkts-sent': 'u32',
  /** Packets that arrived in the first place. */
  'c-pkts-received': 'u32',
  /** Packets lost and never recovered. */
  'c-pkts-lost-client': 'u32',
  /** Packets the network lost. */
  'c-pkts-lost-net': 'u32',
  /** Longest run of packets the network lost. */
  'c-pkts-lost-cont-net': 'u32',
  /** Requests to send again. */
  'c-resendreqs': 'u32',
  /** Packets recovered by error correction. */
  'c-pkts-recovered-ECC': 'u32',
  /** Packets recovered by sending again, or late. */
  'c-pkts-recovered-resent': 'u32',
  /** Times the player stopped to buffer. */
  'c-buffercount': 'u32',
  /** Seconds of buffering. */
  'c-totalbuffertime': 'u32',
  /** Packets rendered of all that were to be rendered. */
  'c-quality': 'percent',
  /** Address of the server, in logs to web servers. */
  's-ip': 'text',
  /** Host name of a proxy. */
  's-dns': 'text',
  /** Players connected to a proxy. */
  's-totalclients': 'u32',
  /** Processor load of a proxy. */
  's-cpu-util': 'percent',
  /** Address that was asked for, its query included. */
  'cs-url': 'url',
  /** The playlist's name for the entry. */
  'cs-media-name': 'text',
  /** The playlist's role for the entry, such as `ad`. */
  'cs-media-role': 'text',
  /** Always left out by players. */
  'cs-user-name': 'text',
  /** Always left out by players. */
  's-session-id': 'text',
  /** Always left out by players. */
  's-content-path': 'text',
  /** Always left out by players. */
  'c-max-bandwidth': 'u32',
  /** 1 when a proxy passed the log on. */
  's-proxied': 'flag',
} as const satisfies Readonly<Record<string, WmlogFieldType>>

/** Name of a field on the wire. */
export type WmlogField = keyof typeof WMLOG_FIELDS

/** Number of fields in a line. */
export type WmlogForm = 44 | 47 | 52

const LINE_44 = [
  ...(['c-ip', 'date', 'time', 'c-dns', 'cs-uri-stem', 'c-starttime', 'x-duration', 'c-rate', 'c-status'] as const),
  ...(['c-playerid', 'c-playerversion', 'c-playerlanguage', 'cs-User-Agent', 'cs-Referer', 'c-hostexe'] as const),
  ...(['c-hostexever', 'c-os', 'c-osversion', 'c-cpu', 'filelength', 'filesize', 'avgbandwidth', 'protocol'] as const),
  ...(['transport', 'audiocodec', 'videocodec', 'c-channelURL', 'sc-bytes', 'c-bytes', 's-pkts-sent'] as const),
  ...(['c-pkts-received', 'c-pkts-lost-client', 'c-pkts-lost-net', 'c-pkts-lost-cont-net', 'c-resendreqs'] as const),
  ...(['c-pkts-recovered-ECC', 'c-pkts-recovered-resent', 'c-buffercount', 'c-totalbuffertime'] as const),
  ...(['c-quality', 's-ip', 's-dns', 's-totalclients', 's-cpu-util'] as const),
] as const satisfies readonly WmlogField[]

/** Fields of a line in their order, by their number. */
export const WMLOG_LINES: Readonly<Record<WmlogForm, readonly WmlogField[]>> = {
  44: LINE_44,
  47: [...LINE_44, 'cs-url', 'cs-media-name', 'cs-media-role'],
  52: [
    ...LINE_44,
    ...(['cs-user-name', 's-session-id', 's-content-path', 'cs-url', 'cs-media-name'] as const),
    ...(['c-max-bandwidth', 'cs-media-role', 's-proxied'] as const),
  ],
}

/** Elements of the XML form in their order, behind `Summary`. */
export const WMLOG_ELEMENTS: readonly WmlogField[] = [...LINE_44, 'cs-url']

/** Elements of the connect-time form in their order, behind an empty `Summary`. */
export const WMLOG_CONNECT_ELEMENTS: readonly WmlogField[] = [
  ...(['c-dns', 'c-ip', 'c-os', 'c-osversion', 'date', 'time', 'c-cpu', 'transport'] as const),
]
