/** Packets of a push to the hub: as they are for Windows Media players, and as tracks and packets for everybody else. */
import { FormatError, UnavailableError } from '../../../errors.ts'
import type { Publisher } from '../../../live/publisher.ts'
import { parseAsfInit } from '../../../media/containers/asf/header.ts'
import type { AsfInit } from '../../../media/containers/asf/model.ts'
import { AsfPacketDemuxer } from '../../../media/containers/asf/packet-demuxer.ts'
import { asfUnits, NativeAsfUnits } from '../asf-units.ts'

export class PushIngest {
  readonly #publisher: Publisher
  readonly #units: NativeAsfUnits
  #init: AsfInit | undefined
  #demuxer: AsfPacketDemuxer | undefined

  constructor(publisher: Publisher) {
    this.#publisher = publisher
    this.#units = new NativeAsfUnits(publisher.provide(asfUnits))
  }

  /** The first header, or one that takes its place. Throws FormatError ERR_ASF_…, and UnavailableError when the publisher was closed. */
  header(bytes: Uint8Array): void {
    // Before anything is changed: a broken header leaves the stream as it was.
    const init = parseAsfInit(bytes)
    this.#finishDemuxer()
    this.#init = init
    this.#demuxer = new AsfPacketDemuxer(init)
    this.#forward()
  }

  /** One data packet; its bytes are not changed any more. Throws FormatError, and UnavailableError when the publisher was closed. */
  packet(bytes: Uint8Array): void {
    const init = this.#init
    const demuxer = this.#demuxer
    if (init === undefined || demuxer === undefined) {
      throw new FormatError('ERR_WMHTTP_ORDER', 'expected an ASF header first, found a data packet')
    }
    if (bytes.byteLength === 0 || bytes.byteLength > init.packetSize) {
      const found = `${bytes.byteLength} bytes`
      throw new FormatError(
        'ERR_WMHTTP_PACKET_SIZE',
        `expected a packet of 1 to ${init.packetSize} bytes, found ${found}`,
      )
    }
    // The units of a stream that somebody else publishes now are not ours to write to.
    if (this.#publisher.closed) throw new UnavailableError('ERR_PUBLISHER_CLOSED', 'another publisher took over')
    this.#units.write(bytes, init)
    demuxer.write(bytes)
    this.#forward()
  }

  /** Hands over what is held back, and leaves the path; `final` ends the stream at once. */
  close(options: { readonly final: boolean }): void {
    if (!this.#publisher.closed) this.#finishDemuxer()
    this.#publisher.close(options)
  }

  #finishDemuxer(): void {
    this.#demuxer?.end()
    this.#forward()
    this.#demuxer = undefined
  }

  #forward(): void {
    const demuxer = this.#demuxer
    if (demuxer === undefined) return
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
      if (result.type === 'packet') this.#publisher.write(result.packet)
      else this.#publisher.announce(result.tracks, result.metadata)
    }
  }
}
