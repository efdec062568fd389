import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { FormatError, HeadendError } from '../../errors.ts'
import { ByteReader } from '../bytes/byte-reader.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { readAmf0, readAmf0Values, writeAmf0 } from './amf0.ts'
import { readAmf3, writeAmf3 } from './amf3.ts'
import { fuzzTargets } from './fuzz.ts'
import { AmfEcmaArray, AmfTypedObject, type AmfValue, AmfXml, amfProperties, MAX_AMF_DEPTH } from './value.ts'

const formats = [
  { name: 'AMF 0', read: readAmf0, write: writeAmf0 },
  {
    name: 'AMF 3',
    read: (reader: ByteReader) => readAmf3(reader),
    write: (w: ByteWriter, v: AmfValue) => writeAmf3(w, v),
  },
]

const names = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 })
const { value: anyValue } = fc.letrec<{ value: AmfValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 5 },
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.string({ unit: 'binary' }),
    fc.constant(null),
    fc.constant(undefined),
    fc.date(),
    fc.uint8Array(),
    fc.string().map((text) => new AmfXml(text)),
    fc.array(tie('value'), { maxLength: 4 }),
    properties(tie('value')),
    properties(tie('value'), 1).map((entries) => new AmfEcmaArray(entries)),
    properties(tie('value')).map((entries) => new AmfTypedObject('some.Class', entries)),
  ),
}))

function properties(value: fc.Arbitrary<AmfValue>, minKeys = 0): fc.Arbitrary<Record<string, AmfValue>> {
  return fc
    .dictionary(fc.oneof(names, fc.constantFrom('__proto__', 'constructor', 'toString')), value, {
      minKeys,
      maxKeys: 4,
      noNullPrototype: false,
    })
    .map((entries) => Object.assign(Object.create(null), entries))
}

for (const { name, read, write } of formats) {
  describe(name, () => {
    it('reads back every value it writes, and nothing more', () => {
      fc.assert(
        fc.property(anyValue, (value) => {
          const writer = new ByteWriter()
          write(writer, value)
          const reader = new ByteReader(writer.toBytes())

          assert.deepStrictEqual(read(reader), value)
          assert.equal(reader.remaining, 0)
        }),
      )
    })

    it('refuses every truncation of a value', () => {
      const writer = new ByteWriter()
      write(writer, {
        list: [1, 2.5, 'three'],
        map: new AmfEcmaArray({ a: null, b: true }),
        when: new Date(5),
        last: 'x',
      })
      const bytes = writer.toBytes()

      for (let length = 0; length < bytes.byteLength; length++) {
        assert.throws(() => read(new ByteReader(bytes.subarray(0, length))), FormatError)
      }
    })

    it('refuses to write and to read what is nested too deeply', () => {
      let value: AmfValue = 1
      for (let i = 0; i < MAX_AMF_DEPTH; i++) value = [value]
      const writer = new ByteWriter()
      write(writer, value)
      assert.deepEqual(read(new ByteReader(writer.toBytes())), value)

      assert.throws(() => write(new ByteWriter(), [value]), { code: 'ERR_AMF_TOO_DEEP' })
      const loop: AmfValue[] = []
      loop.push(loop)
      assert.throws(() => write(new ByteWriter(), loop), { code: 'ERR_AMF_TOO_DEEP' })
    })

    it('keeps dangerous names as ordinary properties', () => {
      const entries = Object.assign(Object.create(null), { constructor: 'b' }) as Record<string, AmfValue>
      entries['__proto__'] = { polluted: true }
      const writer = new ByteWriter()
      write(writer, entries)

      const value = amfProperties(read(new ByteReader(writer.toBytes())))

      assert.ok(value !== undefined)
      assert.equal(Object.getPrototypeOf(value), null)
      assert.deepEqual(Object.keys(value), ['constructor', '__proto__'])
      assert.equal('polluted' in {}, false)
    })
  })
}

describe('AMF 0 on the wire', () => {
  it('reads a command message', () => {
    const bytes = hex('0200 07636f6e6e656374 00 3ff0000000000000 03 0003617070 0200046c697665 000009 05')

    const values = readAmf0Values(new ByteReader(bytes))

    assert.deepEqual(values, ['connect', 1, Object.assign(Object.create(null), { app: 'live' }), null])
  })

  it('takes the end marker, not the announced count, as the end of an ECMA array', () => {
    const one = readAmf0(new ByteReader(hex('08 00000000 0001610500 0009')))
    assert.deepEqual(amfProperties(one), Object.assign(Object.create(null), { a: null }))

    const lying = readAmf0(new ByteReader(hex('08 ffffffff 00016105 000009')))
    assert.deepEqual(amfProperties(lying), Object.assign(Object.create(null), { a: null }))
  })

  it('accepts an ECMA array without end marker at the end of the message', () => {
    const value = readAmf0(new ByteReader(hex('08 00000001 00016105')))
    assert.deepEqual(amfProperties(value), Object.assign(Object.create(null), { a: null }))
  })

  it('refuses an array that announces more elements than bytes', () => {
    assert.throws(() => readAmf0(new ByteReader(hex('0a ffffffff 05'))), { code: 'ERR_MEDIA_TRUNCATED' })
  })

  it('refuses texts past the end and past the limit', () => {
    assert.throws(() => readAmf0(new ByteReader(hex('02 ffff 61'))), { code: 'ERR_MEDIA_TRUNCATED' })
    assert.throws(() => readAmf0(new ByteReader(hex('0c ffffffff 61'))), { code: 'ERR_AMF_TOO_LARGE' })
  })

  it('refuses unknown and reserved markers', () => {
    for (const marker of [0x04, 0x09, 0x0e, 0x12, 0x80, 0xff]) {
      assert.throws(() => readAmf0(new ByteReader(Uint8Array.of(marker, 0, 0, 0, 0))), { code: 'ERR_AMF_MARKER' })
    }
  })

  it('switches to AMF 3 at the avmplus marker', () => {
    assert.equal(readAmf0(new ByteReader(hex('11 04 01'))), 1)
  })

  it('resolves references, and refuses those to the container itself or to nothing', () => {
    const shared = readAmf0(new ByteReader(hex('0a 00000002 03 000009 07 0001')))
    assert.ok(Array.isArray(shared))
    assert.equal(shared[0], shared[1])

    assert.throws(() => readAmf0(new ByteReader(hex('0a 00000001 07 0000'))), { code: 'ERR_AMF_REFERENCE' })
    assert.throws(() => readAmf0(new ByteReader(hex('07 0005'))), { code: 'ERR_AMF_REFERENCE' })
  })

  it('counts what references stand for, so that a small message cannot unfold into a large one', () => {
    // Each array holds the one before it a hundred times.
    const writer = new ByteWriter()
    const levels = 8
    writer.u8(0x0a).u32(levels)
    for (let level = 1; level <= levels; level++) {
      writer.u8(0x0a).u32(100)
      for (let i = 0; i < 100; i++) {
        if (level === 1) writer.u8(0x05)
        else writer.u8(0x07).u16(level - 1)
      }
    }

    assert.throws(() => readAmf0(new ByteReader(writer.toBytes())), { code: 'ERR_AMF_TOO_LARGE' })
  })
})

describe('AMF 3 on the wire', () => {
  it('reads integers of every length', () => {
    for (const [bytes, value] of [
      ['04 7f', 127],
      ['04 8100', 128],
      ['04 818000', 16_384],
      ['04 80c08000', 2 ** 21],
      ['04 bfffffff', 2 ** 28 - 1],
      ['04 c0808000', -(2 ** 28)],
      ['04 ffffffff', -1],
    ] as const) {
      assert.equal(readAmf3(new ByteReader(hex(bytes))), value)
    }
  })

  it('resolves references to strings, objects and classes', () => {
    const value = readAmf3(new ByteReader(hex('09 0901 06 0361 06 00 0a 13 0343 00 0401 0a 01 0402')))

    const point = (a: number) => new AmfTypedObject('C', Object.assign(Object.create(null), { a }))
    assert.deepStrictEqual(value, ['a', 'a', point(1), point(2)])
  })

  it('refuses references that lead nowhere', () => {
    for (const bytes of ['06 02', '0a 01', '0a 02', '09 03 01 09 00']) {
      assert.throws(() => readAmf3(new ByteReader(hex(bytes))), { code: 'ERR_AMF_REFERENCE' })
    }
  })

  it('reads vectors', () => {
    assert.deepEqual(readAmf3(new ByteReader(hex('0d 03 00 fffffffe'))), [-2])
    assert.deepEqual(readAmf3(new ByteReader(hex('0e 03 00 fffffffe'))), [0xffff_fffe])
    assert.deepEqual(readAmf3(new ByteReader(hex('0f 03 00 3ff0000000000000'))), [1])
    assert.deepEqual(readAmf3(new ByteReader(hex('10 03 00 01 04 05'))), [5])
  })

  it('refuses externalizable classes, dictionaries and lying counts', () => {
    assert.throws(() => readAmf3(new ByteReader(hex('0a 07 03 43'))), { code: 'ERR_AMF_EXTERNALIZABLE' })
    assert.throws(() => readAmf3(new ByteReader(hex('11 01 00'))), { code: 'ERR_AMF_MARKER' })
    assert.throws(() => readAmf3(new ByteReader(hex('09 ffffffff 01 00'))), { code: 'ERR_MEDIA_TRUNCATED' })
    assert.throws(() => readAmf3(new ByteReader(hex('0f ffffffff 01 00'))), { code: 'ERR_MEDIA_TRUNCATED' })
    assert.throws(() => writeAmf3(new ByteWriter(), { '': 1 }), { code: 'ERR_AMF_EMPTY_NAME' })
  })
})

describe('hostile AMF', () => {
  for (const target of fuzzTargets) {
    it(`${target.name} ends in a value or in our own error`, () => {
      const run = (input: Uint8Array): void => {
        try {
          target.run(input)
        } catch (error) {
          if (!(error instanceof HeadendError)) throw error
        }
      }
      fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), run))
      for (const seed of target.seeds()) {
        target.run(seed)
        for (let i = 0; i < seed.byteLength; i++) {
          for (const byte of [0, 1, 0x7f, 0x80, 0xff]) {
            const changed = seed.slice()
            changed[i] = byte
            run(changed)
          }
        }
      }
    })
  }
})

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'))
}
