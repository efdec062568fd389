import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PlayEvent } from '../../playlog/play-event.ts'
import { Privacy, type PrivacyOptions } from './privacy.ts'

const EVENT: PlayEvent = {
  sessionId: 'a',
  kind: 'log',
  source: 'wmlog',
  time: 1,
  receivedAt: 1,
  address: '203.0.113.77',
  playerId: '{3300AD50}',
  userAgent: 'NSPlayer/12',
  original: '203.0.113.77 2031-05-06 07:08:09 host.test /a 0 1 1 200 {3300AD50} 12.0',
}
const KEEP: PrivacyOptions = { address: 'whole', doNotTrack: true }
const DAY_MS = 86_400_000

describe('what is kept of a viewer', () => {
  it('is the whole address, its network, a hash or nothing', () => {
    const privacy = new Privacy()
    const kept = (address: PrivacyOptions['address']) => privacy.keep(EVENT, { ...KEEP, address }, false)

    assert.deepEqual(kept('whole'), EVENT)
    assert.equal(kept('network').address, '203.0.113.0/24')
    assert.equal(kept('network').playerId, EVENT.playerId)
    assert.equal(kept('network').original, '- 2031-05-06 07:08:09 - /a 0 1 1 200 {3300AD50} 12.0')
    assert.match(kept('hashed').address ?? '', /^[\w-]{16}$/)
    assert.match(kept('hashed').playerId ?? '', /^[\w-]{16}$/)
    assert.equal(kept('hashed').original, '- 2031-05-06 07:08:09 - /a 0 1 1 200 - 12.0')
    assert.deepEqual([kept('none').address, kept('none').playerId], [undefined, undefined])
    assert.doesNotMatch(JSON.stringify(kept('none')), /203\.0|3300AD50|host\.test/)
  })

  it('is the network of every form of an address, and nothing of what is none', () => {
    const privacy = new Privacy()
    const kept = (address: string) =>
      privacy.keep({ ...EVENT, address }, { ...KEEP, address: 'network' }, false).address

    assert.equal(kept('2001:db8:7:8::9'), '2001:db8:7::/48')
    assert.equal(kept('2001:db8::9'), '2001:db8:0::/48')
    assert.equal(kept('::1'), '0:0:0::/48')
    assert.equal(kept('fe80::1%eth0'), 'fe80:0:0::/48')
    assert.equal(kept('::ffff:203.0.113.77'), '203.0.113.0/24')
    assert.equal(kept('unknown'), undefined)
    assert.equal(kept('<b>'), undefined)
  })

  it('has another hash each day, and in each run', () => {
    let now = 5 * DAY_MS
    const privacy = new Privacy(() => now)
    const hashed = (one = privacy) => one.keep(EVENT, { ...KEEP, address: 'hashed' }, false).address

    const first = hashed()
    now += DAY_MS - 1
    assert.equal(hashed(), first)
    now += 1
    assert.notEqual(hashed(), first)
    assert.notEqual(hashed(new Privacy(() => 5 * DAY_MS)), first)
  })

  it('is nothing that names those who ask not to be tracked', () => {
    const privacy = new Privacy()

    const kept = privacy.keep(EVENT, KEEP, true)

    assert.deepEqual(kept, { sessionId: 'a', kind: 'log', source: 'wmlog', time: 1, receivedAt: 1 })
    assert.deepEqual(privacy.keep(EVENT, { ...KEEP, doNotTrack: false }, true), EVENT)
  })
})

describe('texts of a report', () => {
  it('L-01: are cut, and have no character that ends lines, steers terminals or turns text around', () => {
    const privacy = new Privacy()
    const evil = `a\r\n\u001b[31m\0\u202egpj.exe\u2028${'x'.repeat(1_000_000)}`

    const kept = privacy.keep(
      {
        ...EVENT,
        source: 'cmcd',
        sessionId: evil,
        path: evil,
        contentId: evil,
        userAgent: evil,
        errors: [evil],
        original: evil,
      },
      KEEP,
      false,
    )

    const text = JSON.stringify(kept)
    assert.ok(text.length < 12_000, String(text.length))
    assert.doesNotMatch(text, /\\[rnu]|[\u0000-\u001f\u202e\u2028]/)
    assert.equal(kept.sessionId.length, 128)
    assert.equal(kept.path?.length, 256)
    assert.equal(kept.original?.length, 8192)
  })

  it('L-04: lose what is behind the question mark of an address, where tokens are', () => {
    const privacy = new Privacy()
    const record = 'bs=?0,nor=("../2.m4s?token=s3cret";r="0-9"),su=?0,url="https://a/1.m4s?key=s3cret&b=\\"c'

    const { original } = privacy.keep({ ...EVENT, source: 'cmcd', original: record }, KEEP, false)

    assert.equal(original, 'bs=?0,nor=("../2.m4s";r="0-9"),su=?0,url="https://a/1.m4s"')
  })
})
