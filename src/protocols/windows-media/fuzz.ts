/** Fuzz targets of what both protocols over HTTP read from the wire. */
import type { FuzzTarget } from '../../fuzz-target.ts'
import { DigestServer } from '../../net/http/digest.ts'
import { readDescriptions, readMetadata, writeDescriptions } from './cdl.ts'
import { changePacket, endPacket, FrameReader, type FramingMode, fillerPackets, frameHeader } from './framing.ts'
import { packetPair } from './packet-pair.ts'
import { parsePragma } from './pragma.ts'
import { parseProduct } from './product.ts'
import { readRemoteEvent } from './remote-event.ts'
import { WmRequestReader } from './request-reader.ts'
import { WmResponseReader } from './response-reader.ts'
import { parseStartupProfile } from './startup-profile.ts'
import { switchEntries } from './stream-selection.ts'

const text = (value: string) => Buffer.from(value, 'latin1')

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'windows-media/request-reader',
    seeds: () => [
      text(
        'GET /live/a%20b?key=x HTTP/1.0\r\nUser-Agent: NSPlayer/4.1.0.3856\r\n' +
          'Pragma: no-cache,rate=1.000000,stream-time=0Connection: Close\r\n\r\n',
      ),
      text('POST http://a:80/b HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloOPTIONS * HTTP/1.1\r\n\r\n'),
      text('\r\n\r\nPOST /x HTTP/1.1\r\nContent-Length: 2147483647\r\nTransfer-Encoding: chunked\r\n\r\n$H'),
    ],
    run: (input) => drain(new WmRequestReader(), input),
  },
  {
    name: 'windows-media/response-reader',
    seeds: () => [
      text('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nSet-Cookie: push-id=1\r\n\r\n'),
      text('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n$T\0\0\r\n0\r\nA: b\r\n\r\n'),
      text('HTTP/1.0 200 OK\r\nServer: Cougar 4.1\r\n\r\n$H'),
      text('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 302 Found\r\nLocation: http://a/\r\n\r\n'),
    ],
    run: (input) => drain(new WmResponseReader(), input),
  },
  {
    name: 'windows-media/pragma',
    seeds: () =>
      [
        'no-cache,rate=1.000000,stream-time=0,stream-offset=0:859,packet-num=4294967295Connection: Close',
        'features="seekable, stridable",client-id=7\nproxy-client-agent="a, \\"b\\"",pl-offset=-1',
        'features=broadcast,playlist,client-id=7\nlog-line=0.0.0.0 2024-01-01 a,b',
        'switch-stream-count=2\nswitch-stream-entry=ffff:1:0 a:10:1 ffff:2:2 ',
      ].map(text),
    run(input) {
      const values = Buffer.from(input).toString('latin1').split('\n')
      const pragma = parsePragma(values)
      for (const name of pragma.names()) {
        pragma.signed(name)
        pragma.real(name)
        pragma.u32(name)
      }
      switchEntries(pragma, parseProduct(values[0]), [1, 2, 3, 10, 16])
      return void [pragma.rate, pragma.streamOffset, pragma.features]
    },
  },
  ...(['wmsp', 'push'] as const).map((mode): FuzzTarget => framingTarget(mode)),
  {
    name: 'windows-media/cdl',
    seeds: () => [
      text('8,language,31,0,,5,title,31,1,x\r\n1,a,3,1,5\r\n'),
      text('features=""\x008,language,31,0,\r\n'),
    ],
    run(input) {
      const mark = input.indexOf(0)
      const read = mark < 0 ? readDescriptions(input) : readMetadata(input).descriptions
      // What was not UTF-8 was replaced: the second reading must give the same, whatever the first bytes were.
      const again = readDescriptions(writeDescriptions(read).subarray(0, 64 * 1024))
      if (again.length !== read.length) throw new Error('read back other descriptions')
    },
  },
  {
    name: 'windows-media/remote-event',
    seeds: () => [text('1\r\n1,28,0\r\n'), text('1\r\n1,30,5\r\n1,a,3,1,2\r\n1,b,31,0,\r\n')],
    run(input) {
      readRemoteEvent(input)
    },
  },
  {
    name: 'windows-media/startup-profile',
    seeds: () => [
      text('Rate=10,12;MaxBytes=9,7;Time=4,0;StartTime=3;LastTime=9;MaxDiffTime=0;MaxDiffSndTime=-5;ByteRate=6,6;'),
    ],
    run(input) {
      parseStartupProfile(Buffer.from(input).toString('latin1'))
    },
  },
  {
    name: 'windows-media/digest',
    seeds: () => {
      const { nonce } = digestServer()
      return [
        text(
          `Digest username="a", realm="r", nonce="${nonce}", uri="/", qop=auth, nc=00000001, cnonce="c", response="00", algorithm=MD5`,
        ),
        text(
          `Digest username*=UTF-8''%41,realm=r,nonce="${nonce}",uri="http://a/",response=0,qop="auth",nc=1,cnonce=x`,
        ),
      ]
    },
    run(input) {
      const answer = digestServer().server.judge(Buffer.from(input).toString('latin1'), 'GET', '/')
      if (answer?.type === 'claim' && answer.proves('secret')) throw new Error('proved what it does not know')
    },
  },
]

function framingTarget(mode: FramingMode): FuzzTarget {
  return {
    name: `windows-media/framing-${mode}`,
    seeds: () =>
      mode === 'push'
        ? [
            Buffer.concat([
              text('$H\x02\0ab$D\x01\0c'),
              endPacket(1),
              text('$C\x05\0\0\0\0\0d'),
              fillerPackets(8),
              endPacket(0),
            ]),
          ]
        : [
            Buffer.concat([frameHeader('M', text('a\0')), frameHeader('H', text('b')), changePacket(0), endPacket(0)]),
            Buffer.concat([...packetPair(500, (count) => new Uint8Array(count)), text('$T\0\0')]),
            text('\xa4D\x09\0\x01\0\0\0\0\x07\x09\0x'),
          ],
    run: (input) => drain(new FrameReader(mode), input),
  }
}

/** The clock and the key stand still, so that the nonce of the seeds stays good. */
function digestServer(): { readonly server: DigestServer; readonly nonce: string } {
  const server = new DigestServer({ realm: 'r', now: () => 0, key: new Uint8Array(32) })
  return { server, nonce: /nonce="([^"]+)"/.exec(server.challenge('MD5'))?.[1] ?? '' }
}

function drain(machine: { write(input: Uint8Array): void; read(): unknown; end(): void }, input: Uint8Array): void {
  machine.write(input)
  while (machine.read() !== undefined);
  machine.end()
  while (machine.read() !== undefined);
}
