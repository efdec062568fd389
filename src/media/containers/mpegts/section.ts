/** Sections of program specific information: ISO/IEC 13818-1 sections 2.4.4.1 to 2.4.4.11 and annex A. */

/** table_id, length; then identifier, version, numbers. */
const LONG_HEADER_SIZE = 8
const CRC_SIZE = 4
/** section_length is at most 1021 in PAT and PMT; private sections go to 4093. */
const MAX_SECTION_BYTES = 3 + 4093
const STUFFING = 0xff

const EMPTY: Uint8Array = new Uint8Array(0)

/** A section whose checksum is right. */
export interface Section {
  readonly tableId: number
  /** transport_stream_id of a PAT, program_number of a PMT. */
  readonly identifier: number
  readonly version: number
  /** Whether it is in force already. */
  readonly current: boolean
  readonly number: number
  /** Between header and checksum. */
  readonly body: Uint8Array
}

/** Puts sections of one PID together. Holds one section at most, and no more than `MAX_SECTION_BYTES`. */
export class SectionAssembler {
  #buffer: Uint8Array = EMPTY
  #begun = false
  #received = 0
  /** Sections whose checksum was wrong or whose length left their packet's room, so far. */
  broken = 0

  /** The sections that the payload of the next packet completes. */
  write(payload: Uint8Array, unitStart: boolean): Section[] {
    const sections: Section[] = []
    if (!unitStart) {
      this.#append(payload, sections)
      return sections
    }
    // pointer_field: what belongs to the section before.
    const pointer = payload[0] ?? 0
    const start = 1 + pointer
    if (start > payload.byteLength) {
      this.broken++
      this.reset()
      return sections
    }
    this.#append(payload.subarray(1, start), sections)
    this.reset()
    for (let rest = payload.subarray(start); rest.byteLength > 0 && rest[0] !== STUFFING; ) {
      if (this.#buffer.byteLength === 0) this.#buffer = new Uint8Array(MAX_SECTION_BYTES)
      this.#begun = true
      rest = this.#append(rest, sections)
    }
    return sections
  }

  /** Something was lost: what is begun is no longer of use. */
  reset(): void {
    this.#begun = false
    this.#received = 0
  }

  /** Takes what belongs to the section that is begun and returns what is behind it. */
  #append(bytes: Uint8Array, sections: Section[]): Uint8Array {
    if (!this.#begun) return EMPTY
    const begun = this.#buffer
    const before = this.#received
    const taken = Math.min(bytes.byteLength, MAX_SECTION_BYTES - before)
    begun.set(bytes.subarray(0, taken), before)
    this.#received += taken
    if (this.#received < 3) return EMPTY
    const size = 3 + ((((begun[1] as number) & 0x0f) << 8) | (begun[2] as number))
    if (size > MAX_SECTION_BYTES) {
      this.broken++
      this.reset()
      return EMPTY
    }
    if (this.#received < size) return EMPTY
    const section = readSection(begun.slice(0, size))
    if (section === undefined) this.broken++
    else sections.push(section)
    this.reset()
    return bytes.subarray(size - before)
  }
}

/** `undefined` for a section without the long header or with a wrong checksum. */
function readSection(bytes: Uint8Array): Section | undefined {
  const hasLongHeader = ((bytes[1] as number) & 0x80) !== 0
  if (!hasLongHeader || bytes.byteLength < LONG_HEADER_SIZE + CRC_SIZE || crc32(bytes) !== 0) return undefined
  return {
    tableId: bytes[0] as number,
    identifier: ((bytes[3] as number) << 8) | (bytes[4] as number),
    version: ((bytes[5] as number) >> 1) & 0x1f,
    current: ((bytes[5] as number) & 1) !== 0,
    number: bytes[6] as number,
    body: bytes.subarray(LONG_HEADER_SIZE, bytes.byteLength - CRC_SIZE),
  }
}

const POLYNOMIAL = 0x04c11db7
const CRC_TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte << 24
  for (let bit = 0; bit < 8; bit++) remainder = remainder < 0 ? (remainder << 1) ^ POLYNOMIAL : remainder << 1
  return remainder
})

/** The checksum of annex A, as an unsigned number; 0 over a whole section that is right. */
export function crc32(bytes: Uint8Array): number {
  let remainder = -1
  for (const byte of bytes) remainder = (remainder << 8) ^ (CRC_TABLE[((remainder >>> 24) ^ byte) & 0xff] as number)
  return remainder >>> 0
}
