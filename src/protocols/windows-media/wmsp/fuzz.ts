/** Fuzz targets of what reads a player's bytes, and of what is done with the packets of a publisher. */
import type { FuzzTarget } from '../../../fuzz-target.ts'
import { buildAsfInit } from '../../../media/containers/asf/header-builder.ts'
import { AsfPacketizer } from '../../../media/containers/asf/packetizer.ts'
import type { Track } from '../../../media/track.ts'
import { parsePragma } from '../pragma.ts'
import { parseProduct } from '../product.ts'
import { WmRequestReader } from '../request-reader.ts'
import { applySwitches, switchEntries } from '../stream-selection.ts'
import { clientFuzzTargets } from './client/fuzz-targets.ts'
import { filePosition, grantPace, readPlayRequest } from './play-request.ts'
import { fileForm, networkForm } from './playing/packet-forms.ts'
import { beginsKey, SelectionFilter } from './playing/selection-filter.ts'
import { classify } from './request.ts'
import { WmspSession } from './session.ts'
import { rulesOf } from './viewer-rules.ts'

const VIDEO: Track = { id: 1, kind: 'video', codec: 'wmv2', video: { width: 16, height: 16 }, timescale: 1000 }
const OTHER: Track = { ...VIDEO, id: 2 }
const INIT = buildAsfInit({ tracks: [VIDEO, OTHER], packetSize: 200, prerollMs: 1000, broadcast: true })

export const fuzzTargets: readonly FuzzTarget[] = [
  ...clientFuzzTargets,
  {
    name: 'wmsp/request',
    seeds: () => [
      head('GET /live/a HTTP/1.1', 'Pragma: no-cache,rate=1.000000,request-context=1'),
      head(
        'GET /vod/a.wmv?WMCache=0 HTTP/1.0',
        'Pragma: no-cache,rate=-2.5,stream-time=0,stream-offset=4294967295:4294967295,packet-num=4294967295,max-duration=2147483650',
        'Pragma: xPlayStrm=1,AccelBW=2147483647,AccelDuration=10000,BurstBW=1,BurstDuration=1,Speed=5.000',
        'Pragma: stream-switch-count=2',
        'Pragma: stream-switch-entry=ffff:1:0 1:2:1',
        'Supported: com.microsoft.wm.predstrm',
      ),
      head('POST /live/a HTTP/1.1', 'Pragma: client-id=1,xStopStrm=1', 'Content-Length: 0'),
      head('OPTIONS * HTTP/1.1', 'Pragma: client-id=1'),
    ],
    run(input) {
      const reader = new WmRequestReader()
      reader.write(input)
      const session = new WmspSession(1, 'live/a', 0)
      for (let event = reader.read(); event !== undefined; event = reader.read()) {
        if (event.type !== 'request') continue
        const { request } = event
        const product = parseProduct(request.header('user-agent'))
        if (product === undefined) continue
        const pragma = parsePragma(request.headerAll('pragma'))
        const kind = classify(request, pragma)
        session.accept(kind)
        const asked = readPlayRequest(pragma)
        filePosition(asked.position, { product, http11: request.http11 }, INIT)
        grantPace(asked, rulesOf(product), { fastStartMs: 5000, maxSpeed: 5 }, 0)
        const entries = switchEntries(pragma, product, [1, 2])
        if (entries !== undefined) applySwitches(entries, INIT)
        if (kind === 'play') session.play(asked.chunked)
        session.answered(1)
      }
    },
  },
  {
    name: 'wmsp/selection',
    seeds: () => packets(),
    run(input) {
      const filter = new SelectionFilter(INIT, new Map([[1, 0]]))
      for (const selection of [new Map([[2, 0] as const]), new Map([[1, 1] as const])]) {
        filter.select(selection)
        const left = filter.filter(input)
        if (left === undefined) continue
        networkForm(left)
        fileForm(left, INIT.packetSize)
        beginsKey(left, INIT, 2)
      }
    },
  },
]

function head(line: string, ...headers: readonly string[]): Uint8Array {
  return Buffer.from([line, 'Host: x', 'User-Agent: NSPlayer/12.0', ...headers, '', ''].join('\r\n'), 'latin1')
}

/** Data packets of both streams. */
function packets(): Uint8Array[] {
  const packetizer = new AsfPacketizer(INIT)
  for (const [index, track] of [VIDEO, OTHER, VIDEO, OTHER].entries()) {
    const time = index * 40_000
    packetizer.write({ track, data: new Uint8Array(70).fill(index), pts: time, dts: time, key: index < 2 })
  }
  packetizer.flush()
  const made: Uint8Array[] = []
  for (let packet = packetizer.read(); packet !== undefined; packet = packetizer.read()) made.push(packet.bytes)
  return made
}
