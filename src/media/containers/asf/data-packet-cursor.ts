/** Walks over one data packet without making objects: ASF 1.20, sections 5.2.1 to 5.2.3. */
import { FormatError } from '../../../errors.ts'

/** Bytes of a field by its two-bit type: absent, 8, 16 or 32 bits. */
const FIELD_SIZE = [0, 1, 2, 4] as const
const SEND_TIME_AND_DURATION = 6
/** Object size and presentation time, at the start of replicated data. */
const REPLICATED_BASICS = 8
const EMPTY = new Uint8Array(0)

/**
 * `open` reads the head of a packet, `next` one payload after the other; the fields hold what was read last. Every length is compared
 * with the packet before it is believed. One cursor serves any number of packets. All positions are offsets in `bytes`.
 */
export class DataPacketCursor {
  bytes: Uint8Array = EMPTY
  /** Parity of an error correction scheme: there are no payloads, and nothing below `flagsAt` is known. */
  opaque = false
  /** Length Type Flags; the error correction data lies before it. */
  flagsAt = 0
  /** Send Time; the variable fields lie before it, behind the Property Flags. */
  timesAt = 0
  /** Where the payloads end and padding begins. */
  end = 0
  /** The payloads stand behind their lengths. */
  multiple = false
  /** Whether the packet says its own length. */
  explicitLength = false
  /** As the Padding Length field says. */
  paddingLength = 0
  sendTimeMs = 0
  durationMs = 0
  /** In a packet of multiple payloads: Payload Flags, and the first payload behind it. */
  payloadFlags = 0
  payloadsAt = 0

  /** The payload: its stream byte, the data, and the replicated data. */
  payloadAt = 0
  dataAt = 0
  dataEnd = 0
  replicatedAt = 0
  replicatedLength = 0
  stream = 0
  key = false
  objectNumber = 0
  /** Of the data in its object. */
  offset = 0
  /** 0 when the payload does not say. */
  objectSize = 0
  /** With preroll; of the first object where `compressed`. The packet's send time when the payload does not say. */
  presentationTimeMs = 0
  /** The data is a run of whole objects, each behind its length of one byte; times are `presentationTimeDelta` ms apart. */
  compressed = false
  presentationTimeDelta = 0

  #at = 0
  #left = 0
  #payloadHeaderSize = 0
  #propertyFlags = 0
  #packetLength = 0
  #payloadLengthType = 0

  /**
   * Reads the head; false for an opaque packet. The bytes may be fewer than `packetSize`: with a length of its own, or with the padding
   * cut off, whether its field says so or not. Throws FormatError for anything that leaves the packet.
   */
  open(bytes: Uint8Array, packetSize: number): boolean {
    if (bytes.byteLength > packetSize) {
      throw new FormatError(
        'ERR_ASF_PACKET_SIZE',
        `expected a data packet of at most ${packetSize} bytes, found ${bytes.byteLength}`,
      )
    }
    if (!this.openTimes(bytes)) return false
    this.end = this.#endOfPayloads(this.explicitLength ? this.#packetLength : packetSize)
    this.#at = this.payloadsAt
    this.#countPayloads()
    return true
  }

  /** As `open`, but of the head only the fields up to the duration, which need no packet size; `next` finds no payloads. */
  openTimes(bytes: Uint8Array): boolean {
    this.bytes = bytes
    this.#left = 0
    this.#skipErrorCorrection()
    if (this.opaque) return false
    this.#readParsingInformation()
    return true
  }

  /** Reads the next payload; false when there is none left. Throws FormatError for anything that leaves the packet. */
  next(): boolean {
    if (this.#left === 0) return false
    this.#left--
    const { bytes, end } = this
    const flags = this.#propertyFlags
    let at = this.#at
    if (at + this.#payloadHeaderSize > end) throw short('a payload header', at)
    this.payloadAt = at
    const streamByte = bytes[at++] as number
    this.stream = streamByte & 0x7f
    this.key = streamByte > 0x7f
    const numberType = (flags >> 4) & 3
    this.objectNumber = readField(bytes, at, numberType)
    at += FIELD_SIZE[numberType] as number
    const offsetType = (flags >> 2) & 3
    this.offset = readField(bytes, at, offsetType)
    at += FIELD_SIZE[offsetType] as number
    const replicatedType = flags & 3
    const replicatedLength = readField(bytes, at, replicatedType)
    at += FIELD_SIZE[replicatedType] as number
    if (replicatedLength > end - at) throw short(`${replicatedLength} bytes of replicated data`, at)
    this.replicatedAt = at
    this.replicatedLength = replicatedLength
    this.#readReplicated(at, replicatedLength)
    at += replicatedLength
    if (this.multiple) at = this.#readPayloadLength(at)
    else this.dataEnd = end
    this.dataAt = at
    this.#at = this.dataEnd
    return true
  }

  #skipErrorCorrection(): void {
    const first = this.bytes[0]
    if (first === undefined) throw short('a data packet', 0)
    this.opaque = false
    this.flagsAt = 0
    if (first < 0x80) return
    if ((first & 0x60) !== 0) {
      throw new FormatError('ERR_ASF_PACKET', 'expected error correction data with a length of four bits', 0)
    }
    this.opaque = (first & 0x10) !== 0
    this.flagsAt = 1 + (first & 0x0f)
  }

  #readParsingInformation(): void {
    const { bytes, flagsAt } = this
    if (flagsAt + 2 > bytes.byteLength) throw short('payload parsing information', flagsAt)
    const lengthFlags = bytes[flagsAt] as number
    const propertyFlags = bytes[flagsAt + 1] as number
    const lengthType = (lengthFlags >> 5) & 3
    const paddingType = (lengthFlags >> 3) & 3
    const lengthSize = FIELD_SIZE[lengthType] as number
    const sequenceSize = FIELD_SIZE[(lengthFlags >> 1) & 3] as number
    const lengthAt = flagsAt + 2
    const paddingAt = lengthAt + lengthSize + sequenceSize
    const timesAt = paddingAt + (FIELD_SIZE[paddingType] as number)
    this.multiple = (lengthFlags & 1) !== 0
    const payloadsAt = timesAt + SEND_TIME_AND_DURATION + (this.multiple ? 1 : 0)
    if (payloadsAt > bytes.byteLength) throw short('payload parsing information', flagsAt)
    if (propertyFlags >> 6 !== 1) {
      throw new FormatError('ERR_ASF_PACKET', 'expected stream numbers of one byte', flagsAt + 1)
    }
    this.explicitLength = lengthType !== 0
    this.paddingLength = readField(bytes, paddingAt, paddingType)
    this.timesAt = timesAt
    this.sendTimeMs = readU32(bytes, timesAt)
    this.durationMs = readU16(bytes, timesAt + 4)
    this.payloadsAt = payloadsAt
    this.#packetLength = readField(bytes, lengthAt, lengthType)
    this.#propertyFlags = propertyFlags
  }

  #endOfPayloads(packetLength: number): number {
    const { bytes, paddingLength } = this
    const end = packetLength - paddingLength
    // Servers that follow the letter cut the padding, write 0 as its length and leave the rest to the size of the transport's packet.
    if (end > bytes.byteLength && !this.explicitLength && paddingLength === 0) return bytes.byteLength
    if (end > bytes.byteLength || end < this.payloadsAt) {
      throw new FormatError(
        'ERR_ASF_PACKET',
        `expected payloads within ${bytes.byteLength} bytes, found a packet of ${packetLength} with ${paddingLength} of padding`,
        this.flagsAt,
      )
    }
    return end
  }

  #countPayloads(): void {
    const flags = this.#propertyFlags
    this.#payloadHeaderSize =
      1 +
      (FIELD_SIZE[(flags >> 4) & 3] as number) +
      (FIELD_SIZE[(flags >> 2) & 3] as number) +
      (FIELD_SIZE[flags & 3] as number)
    if (!this.multiple) {
      this.payloadFlags = 0
      this.#left = 1
      return
    }
    this.payloadFlags = this.bytes[this.payloadsAt - 1] as number
    this.#payloadLengthType = this.payloadFlags >> 6
    this.#left = this.payloadFlags & 0x3f
    if (this.#payloadLengthType === 0 && this.#left > 0) {
      throw new FormatError('ERR_ASF_PACKET', 'expected payloads with lengths, found none', this.payloadsAt - 1)
    }
  }

  #readReplicated(at: number, length: number): void {
    const { bytes } = this
    this.compressed = length === 1
    if (length >= REPLICATED_BASICS) {
      this.objectSize = readU32(bytes, at)
      this.presentationTimeMs = readU32(bytes, at + 4)
    } else if (length === 1) {
      this.presentationTimeMs = this.offset
      this.presentationTimeDelta = bytes[at] as number
      this.offset = 0
      this.objectSize = 0
    } else if (length === 0) {
      this.presentationTimeMs = this.sendTimeMs
      this.objectSize = 0
    } else {
      throw new FormatError(
        'ERR_ASF_PACKET',
        `expected replicated data of 0, 1 or from 8 bytes on, found ${length}`,
        at,
      )
    }
  }

  /** Returns where the data begins. */
  #readPayloadLength(at: number): number {
    const { end } = this
    const type = this.#payloadLengthType
    const dataAt = at + (FIELD_SIZE[type] as number)
    if (dataAt > end) throw short('a payload length', at)
    const length = readField(this.bytes, at, type)
    if (length > end - dataAt) throw short(`a payload of ${length} bytes`, dataAt)
    this.dataEnd = dataAt + length
    return dataAt
  }
}

function readField(bytes: Uint8Array, at: number, type: number): number {
  if (type === 1) return bytes[at] as number
  if (type === 3) return readU32(bytes, at)
  return type === 2 ? readU16(bytes, at) : 0
}

function readU16(bytes: Uint8Array, at: number): number {
  return (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
}

function readU32(bytes: Uint8Array, at: number): number {
  return (readU16(bytes, at) | ((bytes[at + 2] as number) << 16) | ((bytes[at + 3] as number) << 24)) >>> 0
}

function short(wanted: string, at: number): FormatError {
  return new FormatError('ERR_ASF_PACKET', `expected ${wanted} within the data packet`, at)
}
