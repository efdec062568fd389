/** Fuzz targets of what the client reads of a server; `fuzz.ts` lists them. */
import type { FuzzTarget } from '../../../../fuzz-target.ts'
import { ClientAuthorization } from '../../client-authorization.ts'
import {
  answer,
  answerHead,
  dataFrames,
  headerFrame,
  metadataFrame,
  testInit,
  testPackets,
} from '../../client-vectors.ts'
import { changePacket, endPacket } from '../../framing.ts'
import { packetPair } from '../../packet-pair.ts'
import { ClientCookies } from './cookies.ts'
import { WmspClientSession } from './session.ts'

const WHO = { user: 'user', password: 'password' }
const ADDRESS = new URL('http://user:password@media.test/live/x')

export const clientFuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'wmsp/client-session',
    seeds,
    run(input) {
      const session = new WmspClientSession({
        url: ADDRESS,
        role: 'player',
        guid: '{3300AD50-2C39-46C0-AE0A-000000000000}',
        cnonce: '00',
        packetPair: true,
        predictive: false,
      })
      const drain = () => {
        while (session.read() !== undefined);
        while (session.takeOutput() !== undefined);
      }
      drain()
      session.write(input)
      drain()
      session.keepAliveRequest()
      session.end()
      drain()
    },
  },
  {
    name: 'wmsp/client-authorization',
    seeds: () =>
      [
        'Basic realm="media"',
        'Negotiate, NTLM, Digest realm="a \\"b\\"", nonce="1", qop="auth,auth-int", algorithm=SHA-256, opaque="x", Basic realm="c"',
        'Digest realm=media,nonce=abc,stale=true',
        'a=1; path=/live; domain=.media.test; max-age=0',
      ].map((text) => Buffer.from(text, 'latin1')),
    run(input) {
      const values = Buffer.from(input).toString('latin1').split('\n')
      ClientAuthorization.isStale(values)
      ClientAuthorization.answering(values, WHO, '00')?.header('GET', '/live/x')
      const cookies = new ClientCookies()
      cookies.store(ADDRESS, values)
      cookies.header(ADDRESS)
    },
  },
]

function seeds(): readonly Uint8Array[] {
  const init = testInit()
  const packets = testPackets(init, 2)
  const metadata = metadataFrame('playlist-gen-id=7, broadcast-id=0, features="seekable"')
  const header = headerFrame(init)
  const described = answer(Buffer.concat([metadata, header]))
  const play = (...body: readonly Uint8Array[]) => Buffer.concat([described, answerHead({}), ...body])
  const pair = packetPair(300, (count) => new Uint8Array(count))
  return [
    play(metadata, header, dataFrames(packets), endPacket(0)),
    play(
      header,
      dataFrames(packets),
      endPacket(1),
      changePacket(0),
      metadata,
      headerFrame(testInit('two')),
      dataFrames(packets),
    ),
    Buffer.concat([
      answer(Buffer.concat([...pair, header]), { pragma: 'client-id=1,packet-pair-experiment=1' }),
      answerHead({}),
    ]),
    answer(new Uint8Array(0), { status: 302, headers: [['Location', 'mmsh://other.test/x']] }),
    answer(new Uint8Array(0), { status: 305, headers: [['Location', 'http://proxy.test:8080/']] }),
    Buffer.concat([
      answer(Buffer.from('no'), {
        status: 401,
        headers: [['WWW-Authenticate', 'Digest realm="x", nonce="n", qop="auth"']],
      }),
      described,
    ]),
    Buffer.concat([
      answerHead({ headers: [['Transfer-Encoding', 'chunked']] }),
      Buffer.from(`${header.byteLength.toString(16)}\r\n`),
      header,
      Buffer.from('\r\n0\r\n\r\n'),
    ]),
  ]
}
