import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readCmcd } from './cmcd/record.ts'
import { type CmcdReception, cmcdToEvent } from './cmcd/to-event.ts'
import { playLogOf } from './play-log.ts'
import { LINE_47, LINE_52, STREAMING_LINE } from './vectors.ts'
import { parseWmlogLine } from './wmlog-line.ts'
import { wmlogToEvent } from './wmlog-to-event.ts'

const NOW = Date.UTC(2031, 4, 6, 7, 8, 10)

function ofCmcd(text: string, reception: Partial<CmcdReception> = {}) {
  const record = readCmcd(text)
  if (typeof record === 'string') assert.fail(`${text}: ${record}`)
  return cmcdToEvent(record, { receivedAt: NOW, ...reception })
}

function ofLog(line: string, sessionId = 'w') {
  const received = { receivedAt: new Date(NOW), remoteAddress: '192.0.2.7', protocol: 'wmsp', path: 'vod/harbour.wmv' }
  return wmlogToEvent(playLogOf(parseWmlogLine(line), received), sessionId)
}

describe('CMCD as an event', () => {
  it('of a state', () => {
    assert.deepEqual(
      ofCmcd('e=ps,sta=r,sid="a",sn=7,ts=1900000000123,v=2,bsa=(3;v 1;a),bsda=(900;v),ltc=2400,cid="x"'),
      {
        sessionId: 'a',
        kind: 'state',
        source: 'cmcd',
        time: 1_900_000_000_123,
        receivedAt: NOW,
        sequence: 7,
        contentId: 'x',
        state: 'rebuffering',
        latency: 2400,
        stalls: 3,
        stalled: 900,
      },
    )
  })

  it('of a request of version 1, whose session only the server knows', () => {
    const found = ofCmcd('bl=4300,br=3200,bs,mtp=25400,ot=v,pr=0,sf=d', { sessionId: 'viewer', path: 'live/a' })

    assert.deepEqual(found, {
      sessionId: 'viewer',
      kind: 'request',
      source: 'cmcd',
      time: NOW,
      receivedAt: NOW,
      path: 'live/a',
      protocol: 'dash',
      rate: 0,
      bitrate: 3200,
      throughput: 25_400,
      buffer: 4300,
      starved: true,
    })
  })

  it('takes what is said of video, and what is played before what is asked for', () => {
    assert.equal(ofCmcd('sid="a",br=(128;a 4200;v),v=2')?.bitrate, 4200)
    assert.equal(ofCmcd('sid="a",br=(4200;v),pb=(800;v),v=2')?.bitrate, 800)
    assert.equal(ofCmcd('sid="a",br=128,ot=a')?.bitrate, undefined)
  })

  it('of a request for sound, says nothing of pictures', () => {
    assert.equal(ofCmcd('br=(44;a),ot=a,pb=(44;a),sid="a",v=2')?.bitrate, undefined)
    assert.equal(ofCmcd('br=(238;v 44;a),e=t,sid="a",ts=1900000000123,v=2')?.bitrate, 238)
  })

  it('of a response, has no state of the time when it was asked for, and no first byte behind the last', () => {
    const found = ofCmcd('e=rr,rc=200,sid="a",sta=r,ts=1900000000123,ttfb=1795618239359,ttlb=71,url="a.m4s",v=2')

    assert.deepEqual(
      [found?.kind, found?.state, found?.firstByte, found?.lastByte],
      ['response', undefined, undefined, 71],
    )
  })

  it('of a start that goes on, does not know how long it takes', () => {
    assert.equal(ofCmcd('e=ps,msd=1,sid="a",sta=s,ts=1900000000123,v=2')?.startup, undefined)
    assert.equal(ofCmcd('e=t,msd=494,sid="a",ts=1900000000123,v=2')?.startup, 494)
  })

  it('of errors and answers', () => {
    assert.deepEqual(ofCmcd('e=e,ec=("3016" "x"),sid="a",ts=1,v=2')?.errors, ['3016', 'x'])
    const answer = ofCmcd('e=rr,rc=503,ttfb=20,ttlb=70,url="a",sid="a",ts=1,v=2')
    assert.deepEqual([answer?.kind, answer?.status, answer?.firstByte, answer?.lastByte], ['response', 503, 20, 70])
  })

  it('is of nobody without a session', () => {
    assert.equal(ofCmcd('bl=4300'), undefined)
    assert.equal(ofCmcd('bl=4300,sid=""'), undefined)
  })

  it('knows no time or amount below zero', () => {
    assert.deepEqual(ofCmcd('sid="a",dfa=-1,ltc=-5,msd=-1,ts=-1,v=2'), ofCmcd('sid="a",v=2'))
  })
})

describe('Windows Media logs as events', () => {
  it('of what was shown', () => {
    const found = ofLog(LINE_52, 's')

    assert.deepEqual([found?.kind, found?.played, found?.position, found?.time], ['log', 48_000, 12_000, NOW - 1000])
    assert.deepEqual([found?.playerId, found?.contentId], ['{3300AD50-2C39-46c0-AE0A-1A2B3C4D5E6F}', 'harbour.wmv'])
    assert.equal(found?.original, LINE_52)
  })

  it('of what was received: no time of playing, which the other log tells', () => {
    const found = ofLog(STREAMING_LINE, 's')

    assert.deepEqual(
      [found?.played, found?.bytes, found?.stalls, found?.stalled, found?.throughput],
      [undefined, 2_990_144, 1, 2000, 498.211],
    )
  })

  it('of both, and of a failure', () => {
    assert.equal(ofLog(LINE_47, 's')?.played, 48_000)
    assert.deepEqual(ofLog(LINE_47.replace(' 200 ', ' 404 '), 's')?.errors, ['404'])
  })
})
