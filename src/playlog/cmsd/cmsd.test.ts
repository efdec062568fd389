import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MAX_CMSD_LENGTH, MAX_HOPS, readCmsdDynamic, readCmsdStatic } from './record.ts'
import { DYNAMIC, STATIC } from './vectors.ts'
import { writeCmsdHop, writeCmsdStatic } from './write.ts'

describe('CMSD-Static', () => {
  it('is read and written as it was', () => {
    const record = readCmsdStatic(STATIC)

    assert.deepEqual(record, {
      availableAt: 1_790_000_000_000,
      bitrate: 4200,
      duration: 4004,
      held: 312,
      server: 'origin-1',
      nextObject: 'seg-8.m4s',
      nextRange: '0-999',
      objectType: 'v',
      format: 'h',
      streamType: 'l',
      startup: true,
    })
    assert.equal(writeCmsdStatic(record ?? {}), STATIC)
  })

  it('truncated anywhere, tells what came before', () => {
    const whole = readCmsdStatic(STATIC) as Readonly<Record<string, unknown>>

    for (let length = 0; length < STATIC.length; length++) {
      const complete = STATIC.slice(0, length).split(',').slice(0, -1)
      const record = (readCmsdStatic(STATIC.slice(0, length)) ?? {}) as Readonly<Record<string, unknown>>

      assert.ok(Object.keys(record).length >= complete.length, STATIC.slice(0, length))
      for (const name of Object.keys(record).slice(0, complete.length)) assert.deepEqual(record[name], whole[name])
    }
  })

  it('tells nothing by values of a wrong type, below zero, or of no such token', () => {
    assert.equal(readCmsdStatic('br="4200",d=-1,ht=1.5,n=edge,ot=movie,sf=(h),st="l",su=1,at=?1'), undefined)
    assert.deepEqual(readCmsdStatic('constructor=1,toString=2,br=1'), { bitrate: 1 })
  })

  it('of a newer version, or too long, is not read', () => {
    assert.equal(readCmsdStatic('br=4200,v=2'), undefined)
    assert.deepEqual(readCmsdStatic('br=4200,v=1'), { bitrate: 4200 })
    assert.equal(readCmsdStatic(`br=4200,n="${'x'.repeat(MAX_CMSD_LENGTH)}"`), undefined)
  })

  it('L-01: has no line ends and no control characters, whatever is told', () => {
    const text = writeCmsdStatic({
      server: 'a\r\nSet-Cookie: b=c\u0000\u202e"\\',
      bitrate: Number.NaN,
      duration: 1e300,
    })

    assert.equal(text, 'n="aSet-Cookie: b=c\\"\\\\"')
    assert.deepEqual(readCmsdStatic(text), { server: 'aSet-Cookie: b=c"\\' })
  })
})

describe('CMSD-Dynamic', () => {
  it('has an entry of each server on the way', () => {
    const hops = readCmsdDynamic(DYNAMIC)

    assert.deepEqual(hops, [
      { server: 'origin-1', throughput: 96_000, maxBitrate: 6000, delay: 12, roundTrip: 8 },
      { server: 'edge "b"', duress: true, roundTrip: 31 },
    ])
    assert.equal(
      hops?.map(writeCmsdHop).join(', '),
      '"origin-1";etp=96000;mb=6000;rd=12;rtt=8, "edge \\"b\\"";du;rtt=31',
    )
  })

  it('goes on behind an entry that is broken, cut off or has no name', () => {
    assert.deepEqual(readCmsdDynamic('"a, b";etp, 7;etp=1, ("x" "y"), "c";etp="1";rtt=-4;du=?0, "d'), [
      { server: 'a, b' },
      { server: 'c', duress: false },
    ])
    assert.deepEqual(readCmsdDynamic(''), [])
  })

  it('of more servers than any way has is not believed', () => {
    assert.equal(readCmsdDynamic(Array.from({ length: MAX_HOPS }, () => '"n"').join(','))?.length, MAX_HOPS)
    assert.equal(readCmsdDynamic(Array.from({ length: MAX_HOPS + 1 }, () => '"n"').join(',')), undefined)
  })

  it('comes back as it was written', () => {
    const natural = fc.integer({ min: 0, max: 999_999_999_999_999 })
    const hop = fc.record(
      {
        server: fc.string({ unit: 'grapheme-ascii' }),
        duress: fc.constant(true),
        throughput: natural,
        maxBitrate: natural,
        delay: natural,
        roundTrip: natural,
      },
      { requiredKeys: ['server'] },
    )

    fc.assert(
      fc.property(fc.array(hop, { maxLength: MAX_HOPS }), (hops) => {
        assert.deepEqual(
          readCmsdDynamic(hops.map(writeCmsdHop).join(',')),
          hops.map((one) => ({ ...one })),
        )
      }),
    )
  })
})
