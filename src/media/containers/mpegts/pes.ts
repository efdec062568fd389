/** The header of PES packets: ISO/IEC 13818-1 sections 2.4.3.6 and 2.4.3.7. */

/** Ticks a second of PTS and DTS. */
export const PES_TIMESCALE = 90_000
/** Values of PTS and DTS. */
export const PES_CLOCK_RANGE = 2 ** 33
/** Ticks that a picture may be shown after it was decoded; more is a mistake. */
const MAX_REORDERING = 60 * PES_TIMESCALE
/** Start code, stream_id, length. */
const PREFIX_SIZE = 6
/** With flags and the length of what follows them. */
const FIXED_SIZE = 9

/** stream_ids whose packets have no header behind the length: program_stream_map, padding, private_stream_2, ECM, EMM, DSM-CC, … */
const WITHOUT_HEADER: ReadonlySet<number> = new Set([0xbc, 0xbe, 0xbf, 0xf0, 0xf1, 0xf2, 0xf8, 0xff])

export interface PesHeader {
  /** Bytes before the payload. */
  readonly size: number
  /** Of the payload; `undefined`: until the next PES packet begins. */
  readonly payloadSize: number | undefined
  /** 33 bits; `undefined` where there is none. */
  readonly pts: number | undefined
  /** As `pts` where the header does not say it. */
  readonly dts: number | undefined
}

/** The header at the start of `bytes`: `undefined` when it is not whole, `'none'` when there is none. */
export function readPesHeader(bytes: Uint8Array): PesHeader | 'none' | undefined {
  if (bytes.byteLength < PREFIX_SIZE) return undefined
  const [b0 = 0, b1 = 0, b2 = 0, streamId = 0] = bytes
  if (b0 !== 0 || b1 !== 0 || b2 !== 1) return 'none'
  const length = ((bytes[4] as number) << 8) | (bytes[5] as number)
  if (WITHOUT_HEADER.has(streamId)) {
    return { size: PREFIX_SIZE, payloadSize: length, pts: undefined, dts: undefined }
  }
  if (bytes.byteLength < FIXED_SIZE) return undefined
  if (((bytes[6] as number) & 0xc0) !== 0x80) return 'none'
  const flags = (bytes[7] as number) >> 6
  const size = FIXED_SIZE + (bytes[8] as number)
  if (length > 0 && PREFIX_SIZE + length < size) return 'none'
  if (bytes.byteLength < size) return undefined
  const payloadSize = length === 0 ? undefined : PREFIX_SIZE + length - size
  const pts = flags >= 2 && size >= FIXED_SIZE + 5 ? readTimestamp(bytes, FIXED_SIZE) : undefined
  const dts = flags === 3 && size >= FIXED_SIZE + 10 ? readTimestamp(bytes, FIXED_SIZE + 5) : pts
  return { size, payloadSize, pts, dts }
}

/** Ticks from decoding to showing; 0 where the two make no sense together. */
export function presentationDelay(pts: number, dts: number): number {
  const delay = (pts - dts + PES_CLOCK_RANGE) % PES_CLOCK_RANGE
  return delay <= MAX_REORDERING ? delay : 0
}

function readTimestamp(bytes: Uint8Array, at: number): number {
  const [b0 = 0, b1 = 0, b2 = 0, b3 = 0, b4 = 0] = bytes.subarray(at, at + 5)
  return ((b0 >> 1) & 7) * 2 ** 30 + ((b1 << 22) | ((b2 >> 1) << 15) | (b3 << 7) | (b4 >> 1))
}
