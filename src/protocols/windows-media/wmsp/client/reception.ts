/** What a client received of one playlist entry, for the log that it sends at its end (MS-WMSP 3.1.5.13, MS-WMLOG 2.5). */
import type { AsfInit } from '../../../../media/containers/asf/model.ts'
import { packetSendTime } from '../../../../media/containers/asf/packet-info.ts'
import type { WmlogItem } from '../../../../playlog/wmlog.ts'
import type { PlayerFacts, PlayFacts } from '../../../../playlog/wmlog-writer.ts'

/** Counts from one header to the next. Owns no clock. */
export class ClientReception {
  readonly #init: AsfInit
  readonly #beganMs: number
  #bytes = 0
  #packets = 0
  #firstSendMs: number | undefined
  #newestSendMs = 0

  /** `nowMs` is of any clock that goes forward. */
  constructor(init: AsfInit, nowMs: number) {
    this.#init = init
    this.#beganMs = nowMs
  }

  /** Counts one data packet. */
  add(packet: Uint8Array): void {
    this.#bytes += packet.byteLength
    this.#packets++
    const sendTimeMs = packetSendTime(packet)
    if (sendTimeMs === undefined) return
    this.#firstSendMs ??= sendTimeMs
    this.#newestSendMs = Math.max(this.#newestSendMs, sendTimeMs)
  }

  /** What the log tells. `at` is the time of day, `nowMs` of the clock given before. */
  facts(options: {
    readonly at: Date
    readonly nowMs: number
    readonly player: PlayerFacts
    readonly url: URL
    readonly usedUrl: URL
    readonly rate: number
    /** What the server said of the entry. */
    readonly description: readonly WmlogItem[]
  }): PlayFacts {
    const { at, nowMs, player, url, usedUrl, rate, description } = options
    const { broadcast, durationMs, packetCount, packetSize, streams } = this.#init
    const first = this.#firstSendMs ?? 0
    const codecs = (kind: 'audio' | 'video') =>
      streams.flatMap((stream) => (stream.kind === kind && stream.track !== undefined ? [stream.track.codec] : []))
    return {
      at,
      player,
      transport: 'TCP',
      protocol: 'http',
      url: withoutSecrets(url),
      usedUrl: withoutSecrets(usedUrl),
      live: broadcast,
      startMs: first,
      playedMs: this.#newestSendMs - first,
      receivedMs: nowMs - this.#beganMs,
      rate,
      lengthMs: durationMs,
      size: this.#init.bytes.byteLength + packetCount * packetSize,
      bytesReceived: this.#bytes,
      packets: { received: this.#packets },
      audioCodecs: codecs('audio'),
      videoCodecs: codecs('video'),
      ...(description.length === 0 ? {} : { contentDescription: description }),
    }
  }
}

/** Logs are kept and shown: no user, no password, no key. */
function withoutSecrets(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`
}
