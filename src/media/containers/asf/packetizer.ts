/** Makes ASF data packets of canonical packets: ASF 1.20, section 5.2. */
import { FormatError } from '../../../errors.ts'
import type { Machine } from '../../machine.ts'
import type { Packet } from '../../packet.ts'
import { MICROS_PER_MS } from '../../time.ts'
import { ParameterSetWriter } from './annex-b.ts'
import type { AsfInit, AsfPacket, AsfStream } from './model.ts'

/** Error correction, flags, packet length, send time, duration, payload flags. */
const HEAD_SIZE = 14
const LENGTH_AT = 5
const TIMES_AT = 7
/** Stream, object number, offset, replicated data, length. */
const PAYLOAD_HEAD_SIZE = 17
/** Multiple payloads with a packet length, or a padding length, of 16 bits. */
const FLAGS_WITH_LENGTH = 0x41
const FLAGS_WITH_PADDING = 0x11
/** 8-bit object numbers and replicated lengths, 32-bit offsets. */
const PROPERTY_FLAGS = 0x5d
const PAYLOAD_LENGTHS_U16 = 0x80
const KEY_FLAG = 0x80
const MAX_PAYLOADS = 63
/** A smaller piece of a picture is not worth its header: it starts in the next packet. */
const MIN_FRAGMENT = 64
/** What a packet begun long ago holds would reach a player late. */
const MAX_SPAN_MS = 2000
const MIN_PACKET_SIZE = 128
const MAX_PACKET_SIZE = 65_535

export interface AsfPacketizerOptions {
  /** Packets in the fixed size of a file, padding stated; else without padding, for networks. */
  readonly padded?: boolean
}

interface Lane {
  readonly stream: AsfStream
  readonly parameterSets: ParameterSetWriter | undefined
  /** Starts where decoding starts: nothing of it stands before its key frames in a packet. */
  readonly video: boolean
  objectNumber: number
}

/**
 * Several small objects share a packet, large ones go over several; sound is only split when it is larger than a packet, and a key frame
 * of a picture begins a packet, so that whoever starts there gets nothing that cannot be decoded. Send times are decode times and never
 * go back; presentation times are ahead by the preroll, and of H.264 they are decode times, as FFmpeg has them. `flush` completes the packet that was begun.
 */
export class AsfPacketizer implements Machine<Packet, AsfPacket> {
  readonly #init: AsfInit
  readonly #padded: boolean
  readonly #lanes = new Map<number, Lane>()
  readonly #firstVideo: number | undefined
  readonly #out: AsfPacket[] = []
  #number = 0
  #bytes: Uint8Array
  #view: DataView
  /** 0: no packet is begun. */
  #used = 0
  #payloads = 0
  #key = false
  #sendTimeMs = 0
  #lastTimeMs = 0

  /** Packets of tracks that `init` lacks are left out. Throws FormatError for a packet size outside 128 to 65 535. */
  constructor(init: AsfInit, options: AsfPacketizerOptions = {}) {
    const { packetSize } = init
    if (packetSize < MIN_PACKET_SIZE || packetSize > MAX_PACKET_SIZE) {
      throw new FormatError(
        'ERR_ASF_PACKET_SIZE',
        `expected packets of ${MIN_PACKET_SIZE} to ${MAX_PACKET_SIZE} bytes, found ${packetSize}`,
      )
    }
    this.#init = init
    this.#padded = options.padded === true
    this.#firstVideo = init.streams.find((stream) => stream.kind === 'video')?.number
    for (const stream of init.streams) {
      const { track } = stream
      if (track === undefined) continue
      const parameterSets = track.codec === 'h264' ? new ParameterSetWriter() : undefined
      this.#lanes.set(track.id, { stream, parameterSets, video: stream.kind === 'video', objectNumber: 0 })
    }
    this.#bytes = new Uint8Array(packetSize)
    this.#view = new DataView(this.#bytes.buffer)
  }

  /** Throws FormatError for H.264 that is not in canonical form. */
  write(packet: Packet): void {
    const lane = this.#lanes.get(packet.track.id)
    if (lane === undefined || packet.data.byteLength === 0) return
    const data = lane.parameterSets?.toAnnexB(packet) ?? packet.data
    const timeMs = Math.max(0, Math.round(packet.dts / MICROS_PER_MS))
    // Of H.264 FFmpeg, and with it mpv and MPlayer, take the presentation time for a decode time, and show reordered frames at random.
    const shown = lane.parameterSets === undefined ? packet.pts : packet.dts
    const presentationMs = Math.max(0, Math.round(shown / MICROS_PER_MS) + this.#init.prerollMs)
    if (this.#mustEnd(lane, packet.key, data.byteLength, timeMs)) this.flush()
    this.#append(lane, packet.key, data, timeMs, presentationMs)
    lane.objectNumber = (lane.objectNumber + 1) & 0xff
  }

  read(): AsfPacket | undefined {
    return this.#out.shift()
  }

  /** Completes the packet that was begun. */
  flush(): void {
    if (this.#used === 0) return
    const bytes = this.#finish()
    this.#out.push({
      number: this.#number++,
      bytes,
      sendTimeMs: this.#sendTimeMs >>> 0,
      key: this.#key,
      init: this.#init,
    })
    this.#used = 0
  }

  end(): void {
    this.flush()
  }

  /** Whether the object must not go into the packet that was begun. */
  #mustEnd(lane: Lane, key: boolean, size: number, timeMs: number): boolean {
    if (this.#used === 0) return false
    if (timeMs - this.#sendTimeMs > MAX_SPAN_MS || (lane.video && key)) return true
    const { byteLength } = this.#bytes
    const room = byteLength - this.#used - PAYLOAD_HEAD_SIZE
    if (size <= room) return false
    if (room < MIN_FRAGMENT) return true
    return !lane.video && size <= byteLength - HEAD_SIZE - PAYLOAD_HEAD_SIZE
  }

  #append(lane: Lane, key: boolean, data: Uint8Array, timeMs: number, presentationMs: number): void {
    const size = data.byteLength
    const streamByte = lane.stream.number | (key ? KEY_FLAG : 0)
    for (let offset = 0; offset < size; ) {
      if (this.#used === 0) this.#begin(timeMs)
      const at = this.#used
      const room = this.#bytes.byteLength - at - PAYLOAD_HEAD_SIZE
      const length = Math.min(room, size - offset)
      const bytes = this.#bytes
      const view = this.#view
      bytes[at] = streamByte
      bytes[at + 1] = lane.objectNumber
      view.setUint32(at + 2, offset, true)
      bytes[at + 6] = 8
      view.setUint32(at + 7, size, true)
      view.setUint32(at + 11, presentationMs >>> 0, true)
      view.setUint16(at + 15, length, true)
      bytes.set(length === size ? data : data.subarray(offset, offset + length), at + PAYLOAD_HEAD_SIZE)
      this.#used = at + PAYLOAD_HEAD_SIZE + length
      this.#payloads++
      this.#lastTimeMs = timeMs
      if (offset === 0 && (this.#firstVideo === undefined || (key && lane.stream.number === this.#firstVideo))) {
        this.#key = true
      }
      offset += length
      if (this.#isFull()) this.flush()
    }
  }

  #begin(timeMs: number): void {
    this.#used = HEAD_SIZE
    this.#payloads = 0
    this.#key = false
    this.#sendTimeMs = Math.max(this.#sendTimeMs, timeMs)
  }

  #isFull(): boolean {
    return this.#payloads === MAX_PAYLOADS || this.#bytes.byteLength - this.#used <= PAYLOAD_HEAD_SIZE
  }

  /** Writes the head; returns the packet and leaves a buffer for the next. */
  #finish(): Uint8Array {
    const bytes = this.#bytes
    const view = this.#view
    const padded = this.#padded
    const used = this.#used
    bytes[0] = 0x82
    bytes[1] = 0
    bytes[2] = 0
    bytes[3] = padded ? FLAGS_WITH_PADDING : FLAGS_WITH_LENGTH
    bytes[4] = PROPERTY_FLAGS
    view.setUint16(LENGTH_AT, padded ? bytes.byteLength - used : used, true)
    view.setUint32(TIMES_AT, this.#sendTimeMs >>> 0, true)
    view.setUint16(TIMES_AT + 4, Math.min(Math.max(this.#lastTimeMs - this.#sendTimeMs, 0), 0xffff), true)
    bytes[HEAD_SIZE - 1] = PAYLOAD_LENGTHS_U16 | this.#payloads
    if (!padded) return bytes.slice(0, used)
    this.#bytes = new Uint8Array(bytes.byteLength)
    this.#view = new DataView(this.#bytes.buffer)
    return bytes
  }
}
