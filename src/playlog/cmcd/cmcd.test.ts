import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { CMCD_KEYS, isCustomKey } from './keys.ts'
import { cmcdOfBody, cmcdOfRequest, MAX_CMCD_RECORDS, withoutCmcd } from './message.ts'
import { type CmcdRecord, type CmcdValue, MAX_CMCD_LENGTH, readCmcd } from './record.ts'
import { writeCmcd, writeCmcdHeaders } from './write.ts'

/** All that the grammar has a meaning for. */
const CHARACTERS = Array.from('abdsv=,;()"\\?019.- *:')

function record(text: string): CmcdRecord {
  const read = readCmcd(text)
  return typeof read === 'string' ? assert.fail(`${text}: ${read}`) : read
}

function values(text: string): Record<string, unknown> {
  return Object.fromEntries(record(text).values)
}

describe('a record of version 1', () => {
  it('is read as players send it', () => {
    const text =
      'bl=21300,br=3200,bs,cid="faec5fc2-ac30-11ea-bb37-0242ac130002",d=4004,mtp=25400,nor="..%2F300kbps%2Ftrack.m4v",ot=v,pr=1.08,sf=h,sid="6e2fb550",st=v,su,tb=6000'

    assert.deepEqual(values(text), {
      bl: [{ value: 21_300 }],
      br: [{ value: 3200 }],
      bs: true,
      cid: 'faec5fc2-ac30-11ea-bb37-0242ac130002',
      d: 4004,
      mtp: [{ value: 25_400 }],
      nor: [{ value: '..%2F300kbps%2Ftrack.m4v' }],
      ot: 'v',
      pr: 1.08,
      sf: 'h',
      sid: '6e2fb550',
      st: 'v',
      su: true,
      tb: [{ value: 6000 }],
    })
    assert.equal(record(text).version, 1)
    assert.equal(record(text).ignored, 0)
  })

  it('knows no keys of version 2', () => {
    assert.deepEqual(values('sid="a",sta=p,ltc=900'), { sid: 'a' })
    assert.equal(record('sid="a",sta=p,ltc=900').ignored, 2)
  })
})

describe('a record of version 2', () => {
  it('has lists whose entries say what they are for', () => {
    assert.deepEqual(
      values('br=(4200;v 256;a),bl=(3000),nor=("a.m4s" "b.m4s";r="0-99"),ec=("404" "net.timeout"),v=2'),
      {
        br: [
          { value: 4200, of: 'v' },
          { value: 256, of: 'a' },
        ],
        bl: [{ value: 3000 }],
        nor: [{ value: 'a.m4s' }, { value: 'b.m4s', range: '0-99' }],
        ec: [{ value: '404' }, { value: 'net.timeout' }],
        v: 2,
      },
    )
  })

  it('is an event', () => {
    assert.deepEqual(values('e=ps,sid="s",sn=4,sta=r,ts=1790000000000,v=2'), {
      e: 'ps',
      sid: 's',
      sn: 4,
      sta: 'r',
      ts: 1_790_000_000_000,
      v: 2,
    })
  })

  it('takes keys of somebody’s own with a hyphen, up to 64 characters', () => {
    assert.deepEqual(values(`com.example-room="blue",com.example-long="${'x'.repeat(65)}",nohyphen=1,v=2`), {
      'com.example-room': 'blue',
      v: 2,
    })
    assert.ok(isCustomKey('com.example-a'))
    assert.ok(!isCustomKey('-a') && !isCustomKey('a-') && !isCustomKey('A-b'))
  })
})

describe('what is wrong in a record', () => {
  it('is left out and counted, and the rest is kept', () => {
    const cases: [string, number][] = [
      ['sid="a",ot=x', 1],
      ['sid="a",d="5"', 1],
      ['sid="a",d=5.5', 1],
      ['sid="a",bs=1', 1],
      ['sid="a",bs=?2', 1],
      ['sid="a",d=1234567890123456', 1],
      ['sid="a",pr=1.2345', 1],
      ['sid="a",cid="open, su', 1],
      ['sid="a",cid="bad \\n escape",su=?1x', 2],
      ['sid="a",,', 1],
      ['sid="a",9=1,Upper=2', 2],
      ['sid="a",br=(1 2', 1],
      ['sid="a",constructor-x.__proto__=1,__proto__=1', 1],
    ]
    for (const [text, ignored] of cases) {
      assert.equal(record(text).values.get('sid'), 'a', text)
      assert.equal(record(text).ignored, ignored, text)
    }
  })

  it('the last of several values counts, and false is a value', () => {
    assert.deepEqual(values('d=1,d=2,su,su=?0'), { d: 2, su: false })
  })

  it('limits: session ids of 64 characters, content ids of 128, records of 8192', () => {
    assert.equal(record(`sid="${'s'.repeat(64)}"`).values.size, 1)
    assert.equal(record(`d=1,sid="${'s'.repeat(65)}"`).values.size, 1)
    assert.equal(record(`cid="${'c'.repeat(128)}"`).values.size, 1)
    assert.equal(record(`d=1,cid="${'c'.repeat(129)}"`).values.size, 1)
    assert.equal(readCmcd(`nor="${'n'.repeat(MAX_CMCD_LENGTH)}"`), 'too-long')
  })

  it('a newer version is dropped whole, nothing is empty', () => {
    assert.equal(readCmcd('v=3,sid="a"'), 'newer-version')
    assert.equal(readCmcd(''), 'empty')
    assert.equal(readCmcd('  ,'), 'empty')
    assert.equal(record('v=2.0,sid="a"').version, 1)
  })

  it('never throws, whatever the text, and gives only known keys', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300, unit: fc.constantFrom(...CHARACTERS) }), (text) => {
        const read = readCmcd(text)
        if (typeof read === 'string') return
        for (const key of read.values.keys()) assert.ok(CMCD_KEYS.has(key) || isCustomKey(key), key)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('CMCD in messages', () => {
  it('comes in headers, which outdo the query', () => {
    const headers = { 'cmcd-request': 'bl=100', 'cmcd-session': 'sid="h",v=2' }

    const read = cmcdOfRequest(headers, 'CMCD=sid%3D%22q%22')

    assert.ok(typeof read === 'object')
    assert.deepEqual(Object.fromEntries(read.values), { bl: [{ value: 100 }], sid: 'h', v: 2 })
  })

  it('comes in the query, percent-encoded, or not at all', () => {
    const read = cmcdOfRequest({}, 'key=1&CMCD=sid%3D%22a%20b%22%2Csu&x=2')

    assert.ok(typeof read === 'object')
    assert.deepEqual(Object.fromEntries(read.values), { sid: 'a b', su: true })
    assert.equal(cmcdOfRequest({}, 'key=1&XCMCD=1'), undefined)
    assert.equal(cmcdOfRequest({}, 'CMCD=%'), 'empty')
  })

  it('comes in lines of a body, with blanks, empty lines and a mark at the start', () => {
    const body = '\ufeff e=t,sid="a",ts=1,v=2 \r\n\n e=e,ec=("x"),sid="a",ts=2,v=2\nv=9,sid="b"\n'

    const read = cmcdOfBody(body)

    assert.deepEqual(
      read?.map((one) => (typeof one === 'string' ? one : one.values.get('e'))),
      ['t', 'e', 'newer-version'],
    )
    assert.deepEqual(cmcdOfBody(''), [])
    assert.equal(cmcdOfBody('su\n'.repeat(MAX_CMCD_RECORDS + 1)), undefined)
  })

  it('is taken out of queries', () => {
    assert.equal(withoutCmcd('a=1&CMCD=x&b=2'), 'a=1&b=2')
    assert.equal(withoutCmcd('CMCD=x'), '')
    assert.equal(withoutCmcd('XCMCD=x&CMCDa=2'), 'XCMCD=x&CMCDa=2')
  })
})

describe('writing', () => {
  const all: [string, CmcdValue][] = [
    ['su', true],
    ['sid', 'a "quoted" \\ name'],
    ['br', [{ value: 4200, of: 'v' }, { value: 256 }]],
    ['mtp', [{ value: 25_449 }]],
    ['pr', 1.23456],
    ['sta', 'p'],
    ['nor', [{ value: 'next.m4s', range: '0-9' }]],
    ['com.example-x', 'y'],
  ]

  it('sorts, rounds and quotes, and reads back', () => {
    const text = writeCmcd(all, 2)

    assert.equal(
      text,
      'br=(4200;v 256),com.example-x="y",mtp=(25400),nor=("next.m4s";r="0-9"),pr=1.235,sid="a \\"quoted\\" \\\\ name",sta=p,su,v=2',
    )
    assert.equal(record(text).ignored, 0)
    assert.equal(writeCmcd(record(text).values, 2), text)
  })

  it('writes version 1 without what it does not know', () => {
    const text = writeCmcd(all, 1)

    assert.equal(text, 'br=4200,com.example-x="y",mtp=25400,nor="next.m4s",pr=1.235,sid="a \\"quoted\\" \\\\ name",su')
    assert.equal(record(text).ignored, 0)
  })

  it('puts each key into its header', () => {
    assert.deepEqual(
      writeCmcdHeaders(
        [
          ['bl', [{ value: 1234 }]],
          ['br', [{ value: 5 }]],
          ['sid', 'a'],
          ['bs', true],
        ],
        2,
      ),
      {
        'CMCD-Request': 'bl=(1200)',
        'CMCD-Object': 'br=(5)',
        'CMCD-Status': 'bs',
        'CMCD-Session': 'sid="a",v=2',
      },
    )
  })
})
