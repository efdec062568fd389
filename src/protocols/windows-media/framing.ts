/** Packets of MS-WMSP (2.2.3, with a data packet header) and of MS-WMHTTP (2.2.3, without it): letters, lengths, reasons. */
import { FormatError } from '../../errors.ts'
import { ByteQueue } from '../../media/bytes/byte-queue.ts'
import type { Machine } from '../../media/machine.ts'

/** Letters of packets, as they stand behind the dollar sign. */
export const PACKET = {
  /** The stream changes; in a push with the new ASF header. */
  CHANGE: 0x43,
  /** One ASF data packet. */
  DATA: 0x44,
  END: 0x45,
  /** Fills the body of a push. */
  FILLER: 0x46,
  /** ASF header. */
  HEADER: 0x48,
  METADATA: 0x4d,
  PAIR: 0x50,
  TEST: 0x54,
} as const

export type PacketLetter = 'C' | 'D' | 'E' | 'F' | 'H' | 'M' | 'P' | 'T'

/** What `$E` and `$C` give as their reason: HRESULTs. */
export const REASON = {
  FINISHED: 0,
  /** This entry is over, another follows behind `$C`. */
  NEXT_ENTRY: 1,
  /** Rewound to the start. */
  EOS_RECEDING: 0x000d_2f09,
  /** `$C` to the entry before. */
  PLAYLIST_CHANGE_RECEDING: 0x400d_14be,
  PUBLISHING_POINT_REMOVED: 0xc00d_145a,
  PUBLISHING_POINT_STOPPED: 0xc00d_145e,
  ACCESS_DENIED: 0x8007_0005,
} as const

/** AFFlags of `$H` and `$M`: which piece it is. */
export const FRAGMENT = { MIDDLE: 0x00, FIRST: 0x04, LAST: 0x08, ONLY: 0x0c } as const

/** Bytes of framing and data packet header before the payload of `$D`, `$H` and `$M`. */
export const DATA_HEADER_LENGTH = 12
/** Bytes of framing. */
export const FRAME_HEADER_LENGTH = 4
/** Bytes of payload that fit into one `$D`, `$H` or `$M`. */
export const MAX_DATA_PAYLOAD = 65_527
/** Bytes of payload that fit into one `$H`, `$D` or `$F` of a push; `$C` and `$E` have 4 less. */
export const MAX_PUSH_PAYLOAD = 65_531
/** Bytes of the longest packet that a push writes; all documents count so, though the length field has room for 4 more. */
export const MAX_PUSH_FRAME = FRAME_HEADER_LENGTH + MAX_PUSH_PAYLOAD

const DOLLAR = 0x24
const BURST_DOLLAR = 0xa4
const LETTERS: ReadonlyMap<number, PacketLetter> = new Map([
  [PACKET.CHANGE, 'C'],
  [PACKET.DATA, 'D'],
  [PACKET.END, 'E'],
  [PACKET.FILLER, 'F'],
  [PACKET.HEADER, 'H'],
  [PACKET.METADATA, 'M'],
  [PACKET.PAIR, 'P'],
  [PACKET.TEST, 'T'],
])
/** Letters of each protocol. */
const KNOWN = { wmsp: new Set('CDEHMPT'), push: new Set('CDEFH') } as const

/** Length fields of the second and the third `$P` (2.2.3.7). */
const PAIR_LENGTH = 504
const PAIR_LENGTH_LAST = 1048

export type FramingMode = 'wmsp' | 'push'

/** One packet. */
export interface Frame {
  readonly type: PacketLetter
  /** The next packet follows at once. */
  readonly burst: boolean
  /** Of `$C`, `$E` and `$P`; an unsigned number. */
  readonly reason?: number
  /** Of `$D`: number of the ASF packet; of `$H` and `$M`: number of the piece. WMSP only, like the next two. */
  readonly locationId?: number
  readonly incarnation?: number
  /** AFFlags: sequence number of `$D`, FRAGMENT of `$H` and `$M`. */
  readonly flags?: number
  /** A view of the input where it lay in one piece. */
  readonly payload: Uint8Array
}

/** Packets from a body. Throws FormatError ERR_WMS_FRAME_TYPE or ERR_WMS_FRAME_LENGTH; a packet is never above 64 KiB and 4 bytes. */
export class FrameReader implements Machine<Uint8Array, Frame> {
  readonly #mode: FramingMode
  readonly #queue = new ByteQueue()
  /** Bytes that were read before the packet in work. */
  #offset = 0
  #pairs = 0

  constructor(mode: FramingMode) {
    this.#mode = mode
  }

  /** Bytes of a packet that is not whole yet, or of packets not read yet. */
  get pending(): number {
    return this.#queue.length
  }

  write(bytes: Uint8Array): void {
    this.#queue.push(bytes)
  }

  read(): Frame | undefined {
    const head = this.#queue.peek(FRAME_HEADER_LENGTH)
    if (head === undefined) return undefined
    const [first = 0, letter = 0, low = 0, high = 0] = head
    const type = LETTERS.get(letter)
    if ((first & 0x7f) !== DOLLAR || type === undefined || !KNOWN[this.#mode].has(type)) {
      const found = [...head].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
      throw new FormatError('ERR_WMS_FRAME_TYPE', `expected a packet of ${this.#mode}, found ${found}`, this.#offset)
    }
    const field = low | (high << 8)
    const length = type === 'P' ? this.#pairLength(field) : field
    if (length === undefined) return undefined
    const bytes = this.#queue.take(FRAME_HEADER_LENGTH + length)
    if (bytes === undefined) return undefined
    const frame = this.#parse(type, first === BURST_DOLLAR, bytes)
    this.#offset += bytes.byteLength
    return frame
  }

  end(): void {
    // A packet cut short has no result; `pending` tells.
  }

  /** Bytes behind the framing header; `undefined`: more are needed to tell. The field of a `$P` tells another length than it has. */
  #pairLength(field: number): number | undefined {
    const start = this.#queue.peek(FRAME_HEADER_LENGTH + 4)
    if (start === undefined) return undefined
    const headerSize = u32le(start, FRAME_HEADER_LENGTH)
    if (headerSize > PAIR_LENGTH || (field !== PAIR_LENGTH && field !== PAIR_LENGTH_LAST)) {
      throw this.#badLength('P', `${field} with reason ${headerSize}`)
    }
    if (field === PAIR_LENGTH_LAST) return 4 + PAIR_LENGTH_LAST + headerSize
    return 4 + PAIR_LENGTH - (this.#pairs === 0 ? headerSize : 0)
  }

  #parse(type: PacketLetter, burst: boolean, bytes: Uint8Array): Frame {
    switch (type) {
      case 'D':
      case 'H':
      case 'M': {
        if (this.#mode === 'push') return { type, burst, payload: bytes.subarray(FRAME_HEADER_LENGTH) }
        const length = bytes.byteLength - FRAME_HEADER_LENGTH
        const inner = length < 8 ? -1 : (bytes[10] as number) | ((bytes[11] as number) << 8)
        if (inner !== length) throw this.#badLength(type, `${length} outside and ${inner} inside`)
        return {
          type,
          burst,
          locationId: u32le(bytes, 4),
          incarnation: bytes[8] as number,
          flags: bytes[9] as number,
          payload: bytes.subarray(DATA_HEADER_LENGTH),
        }
      }
      case 'P':
        this.#pairs = this.#pairs === 2 ? 0 : this.#pairs + 1
        return { type, burst, reason: u32le(bytes, 4), payload: bytes.subarray(8) }
      case 'C':
      case 'E': {
        if (bytes.byteLength < 8) throw this.#badLength(type, String(bytes.byteLength - FRAME_HEADER_LENGTH))
        return { type, burst, reason: u32le(bytes, 4), payload: bytes.subarray(8) }
      }
      // $F and $T
      default:
        return { type, burst, payload: bytes.subarray(FRAME_HEADER_LENGTH) }
    }
  }

  #badLength(type: PacketLetter, found: string): FormatError {
    return new FormatError(
      'ERR_WMS_FRAME_LENGTH',
      `expected the length of a $${type} packet, found ${found}`,
      this.#offset,
    )
  }
}

/** What stands before the payload of one `$D`. */
export interface DataHeader {
  /** Number of the ASF packet, modulo 2^32. */
  readonly locationId: number
  readonly incarnation: number
  /** Counts `$D` packets; 8 bits are kept. */
  readonly sequence: number
  /** Bytes of payload, at most MAX_DATA_PAYLOAD. */
  readonly length: number
  readonly burst: boolean
}

/** Writes the 12 bytes before the payload of a `$D` into `target` at `at`. Allocates nothing: it is called for every packet of every player. */
export function writeDataHeader(target: Uint8Array, at: number, header: DataHeader): void {
  writePacketHeader(target, at, PACKET.DATA, header)
}

/** All pieces of a `$H` or `$M` with their headers, in one array (2.2.3.1.2). An empty payload is one piece. */
export function frameHeader(type: 'H' | 'M', payload: Uint8Array, incarnation = 0, burst = false): Uint8Array {
  const count = Math.max(1, Math.ceil(payload.byteLength / MAX_DATA_PAYLOAD))
  const framed = new Uint8Array(payload.byteLength + count * DATA_HEADER_LENGTH)
  const letter = type === 'H' ? PACKET.HEADER : PACKET.METADATA
  let at = 0
  for (let piece = 0; piece < count; piece++) {
    const bytes = payload.subarray(piece * MAX_DATA_PAYLOAD, (piece + 1) * MAX_DATA_PAYLOAD)
    const sequence = (piece === 0 ? FRAGMENT.FIRST : 0) | (piece === count - 1 ? FRAGMENT.LAST : 0)
    writePacketHeader(framed, at, letter, {
      locationId: piece,
      incarnation,
      sequence,
      length: bytes.byteLength,
      burst,
    })
    framed.set(bytes, at + DATA_HEADER_LENGTH)
    at += DATA_HEADER_LENGTH + bytes.byteLength
  }
  return framed
}

/** `$E`, the same in both protocols. */
export function endPacket(reason: number): Uint8Array {
  return reasonPacket(PACKET.END, reason)
}

/** `$C` of WMSP, without a header. */
export function changePacket(reason: number): Uint8Array {
  return reasonPacket(PACKET.CHANGE, reason)
}

/** `$T`. */
export function testPacket(): Uint8Array {
  return Uint8Array.of(DOLLAR, PACKET.TEST, 0, 0)
}

/** The 4 bytes before the payload of a push's `$H` or `$D`; `length` at most MAX_PUSH_PAYLOAD. */
export function pushPacketHeader(type: 'H' | 'D', length: number): Uint8Array {
  const letter = type === 'H' ? PACKET.HEADER : PACKET.DATA
  return Uint8Array.of(DOLLAR, letter, length & 0xff, length >>> 8)
}

/** The 8 bytes before the new ASF header in a push's `$C`; `length` at most MAX_PUSH_PAYLOAD - 4. */
export function pushChangeHeader(length: number): Uint8Array {
  return Uint8Array.of(DOLLAR, PACKET.CHANGE, (length + 4) & 0xff, (length + 4) >>> 8, 0, 0, 0, 0)
}

/** `$F` packets of together exactly `total` bytes; `total` is 0 or at least 4. */
export function fillerPackets(total: number): Uint8Array {
  const bytes = new Uint8Array(total)
  for (let at = 0; at < total; ) {
    let length = Math.min(total - at, MAX_PUSH_FRAME)
    // Behind this one nothing is left, or enough for another.
    if (total - at - length > 0 && total - at - length < FRAME_HEADER_LENGTH) length -= FRAME_HEADER_LENGTH
    const payload = length - FRAME_HEADER_LENGTH
    bytes[at] = DOLLAR
    bytes[at + 1] = PACKET.FILLER
    bytes[at + 2] = payload & 0xff
    bytes[at + 3] = payload >>> 8
    at += length
  }
  return bytes
}

function writePacketHeader(target: Uint8Array, at: number, letter: number, header: DataHeader): void {
  const { locationId, length } = header
  const size = length + 8
  target[at] = header.burst ? BURST_DOLLAR : DOLLAR
  target[at + 1] = letter
  target[at + 2] = target[at + 10] = size & 0xff
  target[at + 3] = target[at + 11] = size >>> 8
  target[at + 4] = locationId & 0xff
  target[at + 5] = (locationId >>> 8) & 0xff
  target[at + 6] = (locationId >>> 16) & 0xff
  target[at + 7] = locationId >>> 24
  target[at + 8] = header.incarnation
  target[at + 9] = header.sequence
}

function reasonPacket(letter: number, reason: number): Uint8Array {
  return Uint8Array.of(
    DOLLAR,
    letter,
    4,
    0,
    reason & 0xff,
    (reason >>> 8) & 0xff,
    (reason >>> 16) & 0xff,
    reason >>> 24,
  )
}

function u32le(bytes: Uint8Array, at: number): number {
  const [a = 0, b = 0, c = 0, d = 0] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0
}
