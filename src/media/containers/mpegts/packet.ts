/** The packets of a transport stream: ISO/IEC 13818-1 sections 2.4.3.2 to 2.4.3.5. */

/*
 *  0        1                  2         3                4 …
 * ┌────────┬─┬─┬─┬────────────┬─────────┬──┬──┬─────────┬──────────────────────┐
 * │ 0x47   │E│S│P│ PID (high)  PID (low)│ SC│AF│ counter │ adaptation │ payload │
 * └────────┴─┴─┴─┴────────────┴─────────┴──┴──┴─────────┴──────────────────────┘
 *  E error, S payload unit start, P priority, SC scrambling, AF 1: payload, 2: adaptation field, 3: both
 */

/** Bytes, without what 192- and 204-byte packets have besides. */
export const TS_PACKET_SIZE = 188
export const TS_SYNC_BYTE = 0x47
/** Stuffing. */
export const NULL_PID = 0x1fff
export const PAT_PID = 0
/** Values of a PID. */
export const MAX_PIDS = 0x2000

const HEADER_SIZE = 4

/** The header of one packet after another, without an object for each. */
export class TsPacketCursor {
  pid = 0
  /** A section or a PES packet begins in the payload. */
  unitStart = false
  /** The packet is known to be damaged. */
  error = false
  scrambled = false
  /** Of the packets with payload of this PID, modulo 16. */
  counter = 0
  /** The counter or the clock does not continue, and that is meant so. */
  discontinuity = false
  /** Decoding can start here, says the multiplexer. */
  randomAccess = false
  /** Where the payload lies; equal to `payloadEnd` when there is none. */
  payloadAt = 0
  payloadEnd = 0
  /** Whether the header says that there is payload: then the counter counts. */
  hasPayload = false

  /** Reads the packet whose sync byte is at `at`; the whole packet must be there. */
  read(bytes: Uint8Array, at: number): void {
    const second = bytes[at + 1] as number
    const fourth = bytes[at + 3] as number
    const end = at + TS_PACKET_SIZE
    this.error = (second & 0x80) !== 0
    this.unitStart = (second & 0x40) !== 0
    this.pid = ((second & 0x1f) << 8) | (bytes[at + 2] as number)
    this.scrambled = (fourth & 0xc0) !== 0
    this.counter = fourth & 15
    this.hasPayload = (fourth & 0x10) !== 0
    this.discontinuity = false
    this.randomAccess = false
    this.payloadEnd = end
    let payloadAt = at + HEADER_SIZE
    if ((fourth & 0x20) !== 0) {
      const length = bytes[payloadAt] as number
      if (length > 0) {
        const flags = bytes[payloadAt + 1] as number
        this.discontinuity = (flags & 0x80) !== 0
        this.randomAccess = (flags & 0x40) !== 0
      }
      payloadAt += 1 + length
    }
    // An adaptation field that is longer than its packet leaves no payload.
    this.payloadAt = this.hasPayload && payloadAt < end ? payloadAt : end
  }
}
