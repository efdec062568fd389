/** Fuzz targets of the push protocol: what an encoder sends to us, and what a server answers us. */
import type { FuzzTarget } from '../../../fuzz-target.ts'
import { Hub } from '../../../live/hub.ts'
import { testInit, testPackets } from '../client-vectors.ts'
import { endPacket, fillerPackets, pushChangeHeader, pushPacketHeader } from '../framing.ts'
import { PushClientSession } from './client-session.ts'
import { PushIngest } from './ingest.ts'
import { parseSetupBody } from './request.ts'
import { PushSession } from './session.ts'

const init = testInit()
const packets = testPackets(init, 3)
const header = Buffer.concat([pushPacketHeader('H', init.bytes.byteLength), init.bytes])
const media = Buffer.concat(packets.flatMap(({ bytes }) => [pushPacketHeader('D', bytes.byteLength), bytes]))
const change = Buffer.concat([endPacket(1), pushChangeHeader(init.bytes.byteLength), init.bytes])

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'wmhttp/push-session',
    seeds: () => [
      Buffer.concat([header, media, endPacket(0)]),
      Buffer.concat([header, media.subarray(0, 400), fillerPackets(20), change, media.subarray(0, 400), endPacket(5)]),
    ],
    run(input) {
      const hub = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) })
      try {
        const ingest = new PushIngest(hub.publish('live/a'))
        const session = new PushSession({ id: 'x', path: 'live/a', idleMs: 1, now: 0 })
        session.start(0)
        session.write(input)
        for (let event = session.read(0); event !== undefined; event = session.read(0)) {
          if (event.type === 'header') ingest.header(event.bytes)
          else if (event.type === 'packet') ingest.packet(event.bytes)
        }
        ingest.close({ final: true })
        session.finish(0)
      } finally {
        hub.close()
      }
    },
  },
  {
    name: 'wmhttp/setup-body',
    seeds: () => [Buffer.from('Template-URL: "/live/a%20"\r\nAutoDestroy: 1\r\n')],
    run(input) {
      parseSetupBody(input)
    },
  },
  {
    name: 'wmhttp/client-session',
    seeds: () =>
      [
        'HTTP/1.1 204 No Content\r\nServer: Cougar/9.6\r\nSet-Cookie: push-id=a\r\nVia: x\r\n\r\n',
        'HTTP/1.1 401 X\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 1\r\n\r\nx',
        'HTTP/1.1 305 X\r\nLocation: http://a/\r\nContent-Length: 0\r\n\r\n',
      ].map((text) => Buffer.from(text.repeat(2))),
    run(input) {
      const session = new PushClientSession({ target: '/a', host: 'a' })
      session.setUp()
      session.write(input)
      for (let event = session.read(); event !== undefined; event = session.read()) {
        if (event.type === 'ready') session.begin({ ...init, maxBitrateBps: 1 })
        else if (event.type === 'challenge') session.setUp(() => [])
        for (const { bytes } of packets) if (session.ready) session.packet(bytes)
      }
      session.finish()
      session.takeOutput()
    },
  },
]
