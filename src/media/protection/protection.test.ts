import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { playReadyHeader, writePlayReadyObject } from './playready.ts'
import { readPsshBoxes, writePssh } from './pssh.ts'
import { patternOf } from './scheme.ts'
import { maxSubsamples, SubsampleMap } from './subsample-map.ts'
import { formatUuid, parseUuid, SYSTEM_ID, swapGuidOrder } from './systems.ts'
import { writeWidevineData } from './widevine.ts'

/** Every byte differs, so that a wrong order shows. */
const KEY_ID = bytes('00112233445566778899aabbccddeeff')

describe('key and system ids', () => {
  it('are read with and without hyphens, and written with', () => {
    assert.deepEqual(parseUuid('00112233-4455-6677-8899-AABBCCDDEEFF'), KEY_ID)
    assert.deepEqual(parseUuid('00112233445566778899aabbccddeeff'), KEY_ID)
    assert.equal(formatUuid(KEY_ID), '00112233-4455-6677-8899-aabbccddeeff')
  })

  it('are refused in any other form', () => {
    for (const text of [
      '',
      '0011',
      '00112233-4455-6677-8899-aabbccddeef',
      '0011-2233445566778899aabbccddeeff',
      'g'.repeat(32),
    ]) {
      assert.equal(parseUuid(text), undefined, text)
    }
  })

  it('have three fields turned round in PlayReady', () => {
    assert.equal(Buffer.from(swapGuidOrder(KEY_ID)).toString('hex'), '33221100554477668899aabbccddeeff')
    assert.deepEqual(swapGuidOrder(swapGuidOrder(KEY_ID)), KEY_ID)
  })
})

describe('pssh', () => {
  // The example of the W3C "Common PSSH Box Format for EME", section 4, with two key ids.
  const common =
    '0000004470737368010000001077efecc0b24d02ace33c1e52e2fb4b00000002' +
    '3031323334353637383930313233343541424344454647484950515253545556' +
    '00000000'

  it('is the registry example, byte for byte', () => {
    const keyIds = [Buffer.from('0123456789012345'), Buffer.from('ABCDEFGHIPQRSTUV')]

    const box = writePssh({ systemId: SYSTEM_ID.common, keyIds, data: new Uint8Array(0) })

    assert.equal(Buffer.from(box).toString('hex'), common)
  })

  it('gives back what was written, several boxes in a row', () => {
    const boxes = [
      { systemId: SYSTEM_ID.common, keyIds: [KEY_ID], data: new Uint8Array(0) },
      { systemId: SYSTEM_ID.widevine, keyIds: [], data: bytes('0102030405') },
    ]

    const read = readPsshBoxes(Buffer.concat(boxes.map((box) => writePssh(box))))

    assert.deepEqual(
      read.map(({ systemId, keyIds, data }) => ({ systemId, keyIds: keyIds.map(hex), data: hex(data) })),
      boxes.map(({ systemId, keyIds, data }) => ({ systemId, keyIds: keyIds.map(hex), data: hex(data) })),
    )
  })

  it('is refused when its counts and sizes lie', () => {
    const box = Buffer.from(common, 'hex')
    for (const [offset, value] of [
      [0, 0x45],
      [0, 7],
      [28, 0xffff_ffff],
      [28, 3],
      [64, 1],
    ] as const) {
      const lying = Buffer.from(box)
      lying.writeUInt32BE(value, offset)
      assert.throws(() => readPsshBoxes(lying), { name: 'FormatError' }, `${value} at ${offset}`)
    }
    for (let length = 1; length < box.byteLength; length++) {
      assert.throws(() => readPsshBoxes(box.subarray(0, length)), { name: 'FormatError' }, `${length} bytes`)
    }
  })
})

describe('data of systems', () => {
  it('Widevine: key id and scheme in protocol buffers', () => {
    const data = writeWidevineData({ keyIds: [KEY_ID], scheme: 'cenc' })

    // Field 2 with 16 bytes, then field 9 with 'cenc' as a number.
    assert.equal(hex(data), `1210${hex(KEY_ID)}48e3dc959b06`)
  })

  it('PlayReady: header with the key id in its own order, as UTF-16 behind counts', () => {
    const header = playReadyHeader({ keyIds: [KEY_ID], scheme: 'cbcs', licenseUrl: 'https://a.example/?x=1&y=2' })
    const object = Buffer.from(writePlayReadyObject({ keyIds: [KEY_ID], scheme: 'cenc' }))

    assert.match(header, /VALUE="MyIRAFVEd2aImaq7zN3u\/w=="/)
    assert.match(header, /ALGID="AESCBC"/)
    assert.match(header, /<LA_URL>https:\/\/a\.example\/\?x=1&amp;y=2<\/LA_URL>/)
    assert.equal(object.readUInt32LE(0), object.byteLength)
    assert.deepEqual([object.readUInt16LE(4), object.readUInt16LE(6)], [1, 1])
    assert.equal(object.readUInt16LE(8), object.byteLength - 10)
    assert.match(object.subarray(10).toString('utf16le'), /^<WRMHEADER .*ALGID="AESCTR".*<\/WRMHEADER>$/)
  })

  it('patterns: of pictures one block in ten, of sound and in counter mode all', () => {
    assert.deepEqual(patternOf('cbcs', 'video'), { crypt: 1, skip: 9 })
    assert.deepEqual(patternOf('cbcs', 'audio'), { crypt: 0, skip: 0 })
    assert.deepEqual(patternOf('cenc', 'video'), { crypt: 0, skip: 0 })
  })
})

describe('maps of subsamples', () => {
  const pieces = fc.array(
    fc.tuple(
      fc.integer({ min: 0, max: 300 }),
      fc.oneof(fc.integer({ min: 0, max: 200 }), fc.integer({ min: 0, max: 90_000 })),
    ),
    { minLength: 1, maxLength: 120 },
  )

  for (const scheme of ['cenc', 'cbcs'] as const) {
    it(`${scheme}: add up to the sample, fit their fields, and protect nothing that must be clear`, () => {
      fc.assert(
        fc.property(pieces, (given) => {
          const map = new SubsampleMap(scheme)
          for (const [clear, rest] of given) map.add(clear, rest)

          const ranges = map.finish()

          const size = given.reduce((sum, [clear, rest]) => sum + clear + rest, 0)
          assert.equal(
            ranges.reduce((sum, range) => sum + range.clear + range.protected, 0),
            size,
          )
          assert.ok(ranges.length <= maxSubsamples(scheme))
          for (const range of ranges) {
            assert.ok(range.clear <= 0xffff)
            if (scheme === 'cenc') assert.equal(range.protected % 16, 0)
          }
          assertWithin(ranges, given)
        }),
      )
    })
  }

  it('move what is over whole blocks to the clear side in counter mode only', () => {
    const map = (scheme: 'cenc' | 'cbcs') => {
      const made = new SubsampleMap(scheme)
      made.add(9, 50)
      return made.finish()
    }

    assert.deepEqual(map('cenc'), [{ clear: 11, protected: 48 }])
    assert.deepEqual(map('cbcs'), [{ clear: 9, protected: 50 }])
  })

  it('have 40 entries beside an IV and 42 without', () => {
    assert.equal(maxSubsamples('cenc'), 40)
    assert.equal(maxSubsamples('cbcs'), 42)
  })

  it('refuse a sample that is clear over more than a map can tell', () => {
    const map = new SubsampleMap('cbcs')
    map.add(43 * 0xffff, 0)

    assert.throws(() => map.finish(), { code: 'ERR_PROTECTION_MAP' })
  })
})

/** Every protected byte lies in the part of a piece that may be protected. */
function assertWithin(
  ranges: readonly { readonly clear: number; readonly protected: number }[],
  pieces: readonly (readonly [number, number])[],
): void {
  const allowed: [number, number][] = []
  let at = 0
  for (const [clear, rest] of pieces) {
    allowed.push([at + clear, at + clear + rest])
    at += clear + rest
  }
  let position = 0
  for (const range of ranges) {
    const start = position + range.clear
    const end = start + range.protected
    if (end > start)
      assert.ok(
        allowed.some(([from, to]) => start >= from && end <= to),
        `${start} to ${end}`,
      )
    position = end
  }
}

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

function hex(data: Uint8Array): string {
  return Buffer.from(data).toString('hex')
}
