/** What a Windows Media server plays, into a stream of the hub: its packets as they are, and the media within. */
import type { Publisher } from '../../../../live/publisher.ts'
import type { AsfInit } from '../../../../media/containers/asf/model.ts'
import { AsfPacketDemuxer } from '../../../../media/containers/asf/packet-demuxer.ts'
import { asfUnits, NativeAsfUnits } from '../../asf-units.ts'

export class ClientIngest {
  readonly #publisher: Publisher
  #units: NativeAsfUnits | undefined
  #current: { readonly init: AsfInit; readonly demuxer: AsfPacketDemuxer } | undefined

  constructor(publisher: Publisher) {
    this.#publisher = publisher
  }

  /** The streams of what comes now. */
  header(init: AsfInit): void {
    if (this.#current?.init === init) return
    this.end()
    this.#units ??= new NativeAsfUnits(this.#publisher.provide(asfUnits))
    this.#current = { init, demuxer: new AsfPacketDemuxer(init) }
  }

  /** One data packet. Throws FormatError for what is none, and UnavailableError when the publisher was closed. */
  write(bytes: Uint8Array): void {
    if (this.#current === undefined) return
    const { init, demuxer } = this.#current
    this.#units?.write(bytes, init)
    demuxer.write(bytes)
    this.#forward(demuxer)
  }

  /** Hands over what is held back. */
  end(): void {
    const demuxer = this.#current?.demuxer
    this.#current = undefined
    if (demuxer === undefined || this.#publisher.closed) return
    demuxer.end()
    this.#forward(demuxer)
  }

  #forward(demuxer: AsfPacketDemuxer): void {
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
      if (result.type === 'packet') this.#publisher.write(result.packet)
      else this.#publisher.announce(result.tracks, result.metadata)
    }
  }
}
