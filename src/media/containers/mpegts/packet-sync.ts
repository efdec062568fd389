/** Finds the packets in bytes: packets of 188 bytes, of 192 (a time stamp of four bytes before each), of 204 (sixteen bytes of parity behind). */
import { TS_PACKET_SIZE, TS_SYNC_BYTE } from './packet.ts'

/** Bytes from one sync byte to the next. */
const STRIDES = [TS_PACKET_SIZE, 192, 204] as const
/** Packets with a time stamp before each. */
const STAMPED = 192
/** Sync bytes that must stand in a row: one byte in 256 is one by chance. */
const AGREEING = 4
/** Sync bytes that do where the bytes end. */
const MIN_AGREEING = 3
/** Bytes behind a place that must be known to judge it. */
const LOOK_AHEAD = (AGREEING - 1) * 204 + 1
/** Bytes before the first sync byte of what is still taken for a transport stream: less than a packet. */
const MAX_LEADING_BYTES = 204

/** A place where packets begin. */
export interface PacketSync {
  /** Of the first sync byte. */
  readonly at: number
  readonly stride: number
}

/**
 * The first place at or behind `from` where packets begin. `undefined`: none so far; what must be kept begins at `searchedTo(bytes)`. With
 * `final` no more bytes come, and three sync bytes are enough.
 */
export function findPacketSync(bytes: Uint8Array, from: number, final: boolean): PacketSync | undefined {
  const end = final ? bytes.byteLength : searchedTo(bytes)
  for (let at = bytes.indexOf(TS_SYNC_BYTE, from); at !== -1 && at < end; at = bytes.indexOf(TS_SYNC_BYTE, at + 1)) {
    for (const stride of STRIDES) if (agrees(bytes, at, stride)) return { at, stride }
  }
  return undefined
}

/** Where a search without a find ended: places from here on cannot be judged without the bytes that follow. */
export function searchedTo(bytes: Uint8Array): number {
  return Math.max(0, bytes.byteLength - LOOK_AHEAD)
}

/** Whether a file that begins so is a transport stream, perhaps cut within a packet. */
export function isTransportStream(head: Uint8Array): boolean {
  const sync = findPacketSync(head, 0, true)
  return sync !== undefined && sync.at < MAX_LEADING_BYTES
}

function agrees(bytes: Uint8Array, at: number, stride: number): boolean {
  let count = 1
  for (; count < AGREEING; count++) {
    const next = at + count * stride
    if (next >= bytes.byteLength) break
    if (bytes[next] !== TS_SYNC_BYTE) return false
  }
  return count >= MIN_AGREEING
}

/** Gives whole packets, one after another, from bytes in pieces of any size. What is in no packet is passed over. */
export class PacketSplitter {
  /** Holds the packet that `next` found. */
  bytes: Uint8Array = EMPTY
  /** Of its sync byte, in `bytes`. */
  at = 0
  /** Of its sync byte, in the whole. */
  position = 0
  /** Places where bytes were passed over that are in no packet, so far. */
  gaps = 0
  /** Where the last of them began, in the whole. */
  gapAt = 0
  /** And where it ended. */
  #gapEnd: number
  /** Not yet consumed, in the order of arrival; the first may be what is left of several. */
  readonly #pieces: Uint8Array[] = []
  #piece: Uint8Array = EMPTY
  /** In the piece: where the next sync byte is expected. */
  #next = 0
  /** In the whole: where the piece begins. */
  #origin: number
  #stride: number | undefined
  #ended = false

  /** `position`: where in the whole the bytes begin. */
  constructor(position = 0) {
    this.#origin = position
    // Who begins in the middle begins within a packet.
    this.#gapEnd = position > 0 ? position : -1
  }

  write(bytes: Uint8Array): void {
    if (bytes.byteLength > 0) this.#pieces.push(bytes)
  }

  end(): void {
    this.#ended = true
  }

  /** Moves to the next packet; false when more bytes are needed. */
  next(): boolean {
    for (;;) {
      const stride = this.#stride
      if (stride === undefined) {
        if (!this.#synchronise()) return false
        continue
      }
      if (this.#next + TS_PACKET_SIZE > this.#piece.byteLength) {
        if (!this.#join()) return false
        continue
      }
      if (this.#piece[this.#next] !== TS_SYNC_BYTE) {
        this.#stride = undefined
        continue
      }
      this.bytes = this.#piece
      this.at = this.#next
      this.position = this.#origin + this.#next
      this.#next += stride
      return true
    }
  }

  /** Looks for packets from `#next` on; false when more bytes are needed. */
  #synchronise(): boolean {
    if (this.#next > this.#piece.byteLength && !this.#join()) return false
    const final = this.#ended && this.#pieces.length === 0
    const sync = findPacketSync(this.#piece, this.#next, final)
    if (sync !== undefined) {
      // The time stamp before a packet of 192 bytes is no gap.
      if (sync.at - this.#next > sync.stride - TS_PACKET_SIZE || sync.stride !== STAMPED) this.#skipTo(sync.at)
      this.#next = sync.at
      this.#stride = sync.stride
      return true
    }
    if (final) {
      this.#skipTo(this.#piece.byteLength)
      return false
    }
    this.#skipTo(Math.max(this.#next, searchedTo(this.#piece)))
    return this.#join()
  }

  #skipTo(at: number): void {
    if (at <= this.#next) return
    if (this.#gapEnd !== this.#origin + this.#next) {
      this.gaps++
      this.gapAt = this.#origin + this.#next
    }
    this.#next = at
    this.#gapEnd = this.#origin + at
  }

  /** Puts the next piece behind what is left of this one; only that is copied, never more than a few packets. */
  #join(): boolean {
    const piece = this.#pieces.shift()
    if (piece === undefined) return false
    const left = this.#piece.byteLength - this.#next
    this.#origin += this.#next
    if (left <= 0) {
      // The next packet begins somewhere in what comes.
      this.#origin += left
      this.#next = -left
      this.#piece = piece
      return true
    }
    const joined = new Uint8Array(left + piece.byteLength)
    joined.set(this.#piece.subarray(this.#next))
    joined.set(piece, left)
    this.#piece = joined
    this.#next = 0
    return true
  }
}

const EMPTY = new Uint8Array(0)
