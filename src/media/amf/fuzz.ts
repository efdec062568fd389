/** Fuzz targets of the AMF readers. */
import type { FuzzTarget } from '../../fuzz-target.ts'
import { ByteReader } from '../bytes/byte-reader.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { readAmf0Values, writeAmf0 } from './amf0.ts'
import { readAmf3, writeAmf3 } from './amf3.ts'
import { AmfEcmaArray, AmfTypedObject, type AmfValue, AmfXml } from './value.ts'

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'amf/amf0',
    seeds: () => [
      bytesOf((writer) => {
        writeAmf0(writer, 'connect')
        writeAmf0(writer, 1)
        writeAmf0(writer, { app: 'live', tcUrl: 'rtmp://example.test/live', audioCodecs: 3575 })
      }),
      bytesOf((writer) => writeAmf0(writer, sample)),
      Uint8Array.of(0x0a, 0, 0, 0, 2, 0x03, 0, 0, 9, 0x07, 0, 1),
    ],
    run(input) {
      for (const value of readAmf0Values(new ByteReader(input))) writeAmf0(new ByteWriter(), value)
    },
  },
  {
    name: 'amf/amf3',
    seeds: () => [
      bytesOf((writer) => writeAmf3(writer, sample)),
      Uint8Array.of(0x09, 0x05, 0x01, 0x06, 0x03, 0x61, 0x06, 0x00),
      Uint8Array.of(0x0a, 0x13, 0x03, 0x43, 0x03, 0x61, 0x04, 0x01),
      Uint8Array.of(0x0d, 0x03, 0x00, 0xff, 0xff, 0xff, 0xfe),
    ],
    run(input) {
      writeAmf3(new ByteWriter(), readAmf3(new ByteReader(input)))
    },
  },
]

const sample: AmfValue = {
  list: [1, -1, 0.5, 'text', null, undefined, true],
  map: new AmfEcmaArray({ duration: 0, encoder: 'test' }),
  typed: new AmfTypedObject('Point', { x: 1, y: 2 }),
  when: new Date(0),
  bytes: Uint8Array.of(1, 2, 3),
  xml: new AmfXml('<a/>'),
}

function bytesOf(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter()
  write(writer)
  return writer.toBytes()
}
