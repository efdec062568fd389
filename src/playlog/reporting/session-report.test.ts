import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { readCmcd } from '../cmcd/record.ts'
import { cmcdToEvent } from '../cmcd/to-event.ts'
import { measureSession } from '../measures/session-measures.ts'
import type { PlaybackSignal } from './playback-states.ts'
import { DEFAULT_INTERVAL_MS, type PlaybackReading, SessionReport } from './session-report.ts'

const T0 = 1_790_000_000_000

function newReport(intervalMs?: number): SessionReport {
  const report = new SessionReport({
    sessionId: 'a1',
    contentId: 'live/studio',
    streamType: 'll',
    ...(intervalMs !== undefined && { intervalMs }),
  })
  report.setFormat('h')
  return report
}

/** Of each record, without what is in all of them. */
function told(report: SessionReport): readonly string[] {
  return report
    .take()
    .map((record) => record.replaceAll(/(?:,|^)(?:cid="live\/studio"|sf=h|sid="a1"|st=ll|v=2)/g, '').replace(/^,/, ''))
}

function events(report: SessionReport) {
  return report.take().map((line) => {
    const record = readCmcd(line)
    assert.ok(typeof record !== 'string' && record.ignored === 0, line)
    return cmcdToEvent(record, { receivedAt: T0 }) ?? assert.fail(line)
  })
}

describe('a session’s report', () => {
  it('tells what happened with what was read, numbered, whole', () => {
    const report = newReport()
    const reading: PlaybackReading = { position: 0, rate: 1, buffer: 0, droppedFrames: 0, hidden: false }

    report.signal('start', T0, reading)
    report.signal('moving', T0 + 812, { ...reading, bitrate: 2500, buffer: 1234, throughput: 8049, latency: 1900 })
    report.signal('waiting', T0 + 9000, { ...reading, position: 8188, bitrate: 2500, droppedFrames: 3 })
    report.signal('moving', T0 + 9500, { ...reading, position: 8188, bitrate: 2500, hidden: true })

    assert.deepEqual(told(report), [
      `bl=(0),dfa=0,e=ps,pr=0,pt=0,sn=0,sta=s,ts=${T0}`,
      `bl=(1200),br=(2500),dfa=0,e=ps,ltc=1900,msd=812,mtp=(8000),pr=1,pt=0,sn=1,sta=p,ts=${T0 + 812}`,
      `bl=(0),br=(2500),bs,bsa=(1),bsda=(0),dfa=3,e=ps,pr=0,pt=8188,sn=2,sta=r,ts=${T0 + 9000}`,
      `bg,bl=(0),br=(2500),bsa=(1),bsd=(500),bsda=(500),dfa=0,e=ps,pr=1,pt=8188,sn=3,sta=p,ts=${T0 + 9500}`,
    ])
    assert.deepEqual(told(report), [])
  })

  it('tells another bit rate, another speed and a hidden page when they come, and how it goes by the interval', () => {
    const report = newReport(10_000)
    const reading: PlaybackReading = { rate: 1, bitrate: 2500, hidden: false }
    report.signal('start', T0, {})
    report.signal('moving', T0 + 100, reading)
    report.take()

    report.tick(T0 + 1000, reading)
    // Following a live stream.
    report.tick(T0 + 2000, { ...reading, rate: 1.04 })
    report.tick(T0 + 3000, { ...reading, bitrate: 800 })
    report.tick(T0 + 4000, { ...reading, bitrate: 800, rate: 2 })
    report.tick(T0 + 5000, { ...reading, bitrate: 800, rate: 2, hidden: true })
    report.tick(T0 + 9999, { ...reading, bitrate: 800, rate: 2, hidden: true })
    report.tick(T0 + 10_000, { ...reading, bitrate: 800, rate: 2, hidden: false })
    report.tick(T0 + 19_000, { ...reading, bitrate: 800, rate: 2 })
    report.tick(T0 + 20_000, { ...reading, bitrate: 800, rate: 2 })

    assert.deepEqual(told(report), [
      `br=(800),e=bc,pr=1,sn=2,sta=p,ts=${T0 + 3000}`,
      `br=(800),e=pr,pr=2,sn=3,sta=p,ts=${T0 + 4000}`,
      `bg,br=(800),e=b,pr=2,sn=4,sta=p,ts=${T0 + 5000}`,
      `bg=?0,br=(800),e=b,pr=2,sn=5,sta=p,ts=${T0 + 10_000}`,
      `br=(800),e=t,pr=2,sn=6,sta=p,ts=${T0 + 10_000}`,
      `br=(800),e=t,pr=2,sn=7,sta=p,ts=${T0 + 20_000}`,
    ])
  })

  it('says nothing before the start, by itself after the end, and nothing at all once it is over', () => {
    const report = newReport()

    report.tick(T0, {})
    report.error(['early'], T0, {})
    report.signal('moving', T0, {})
    assert.deepEqual(told(report), [])
    report.signal('start', T0, {})
    report.signal('end', T0 + 1, {})
    report.take()
    report.tick(T0 + 2 * DEFAULT_INTERVAL_MS, {})
    assert.deepEqual(told(report), [])
    report.signal('start', T0 + 2, {})
    report.signal('fail', T0 + 3, {})
    report.take()
    report.error(['late'], T0 + 4, {})
    report.signal('quit', T0 + 5, {})
    report.tick(T0 + 2 * DEFAULT_INTERVAL_MS, {})
    assert.ok(report.over)
    assert.deepEqual(told(report), [])
  })

  it('L-01: the words of a failure stay one field of one line', () => {
    const report = newReport()
    report.signal('start', T0, {})
    report.take()

    report.error([`HLS: x",sid="other\r\ne=t ${'y'.repeat(200)}`], T0 + 1, {})

    const [event] = events(report)
    assert.equal(event?.sessionId, 'a1')
    assert.equal(event?.kind, 'error')
    assert.equal(event?.errors?.length, 1)
    assert.match(event?.errors?.[0] ?? '', /^HLS: x",sid="othere=t y+$/)
  })

  it('leaves out what is no number', () => {
    const report = newReport()

    report.signal('start', T0, {
      position: Number.NaN,
      buffer: Number.POSITIVE_INFINITY,
      latency: -1,
      bitrate: Number.NaN,
    })

    assert.deepEqual(told(report), [`e=ps,pr=0,sn=0,sta=s,ts=${T0}`])
  })

  it('counts requests for themselves, and calls them urgent while nothing moves', () => {
    const report = newReport()
    const request = () =>
      report.request({ type: 'v', duration: 334, bitrate: 2500 }, { buffer: 1100, throughput: 9000 })

    assert.equal(report.request({ type: 'm' }, {}), 'cid="live/studio",ot=m,sf=h,sid="a1",sn=0,st=ll,su,v=2')
    report.signal('start', T0, {})
    report.signal('moving', T0 + 1, {})
    const common = 'bl=(1100),br=(2500),BScid="live/studio",d=334,mtp=(9000),ot=v,sf=h,sid="a1",SNst=ll,'
    const record = (starved: string, number: number, urgent: string) =>
      `${common.replace('BS', starved).replace('SN', `sn=${number},`)}${urgent}v=2`
    assert.equal(request(), record('', 1, ''))
    report.signal('waiting', T0 + 2, {})
    assert.equal(request(), record('bs,', 2, 'su,'))
    assert.equal(request(), record('', 3, 'su,'))
  })

  it('measures to what was played', () => {
    const timeline: readonly (readonly [number, PlaybackSignal])[] = [
      [0, 'start'],
      [750, 'moving'],
      [10_750, 'waiting'],
      [12_750, 'moving'],
      [20_000, 'pause'],
      [25_000, 'moving'],
      [30_000, 'seeking'],
      [30_400, 'moving'],
      [40_400, 'waiting'],
      [41_400, 'quit'],
    ]
    const report = newReport()

    for (const [at, signal] of timeline) report.signal(signal, T0 + at, { rate: 1, bitrate: 1000 })

    const measures = measureSession(events(report), { over: true })
    assert.equal(measures.startup, 750)
    assert.equal(measures.played, 10_000 + 7250 + 5000 + 10_000)
    assert.equal(measures.stalled, 3000)
    assert.equal(measures.stalls, 2)
    assert.equal(measures.paused, 5000)
    assert.equal(measures.seeking, 400)
    assert.equal(measures.bitrate, 1000)
  })
})
