/** The logs a player of our own makes: rules of each kind, and how its figures are computed. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { wmlogKind } from './wmlog.ts'
import type { WmlogField } from './wmlog-fields.ts'
import { formatWmlogLine, parseWmlogLine } from './wmlog-line.ts'
import {
  anonymousPlayerId,
  makeConnectLog,
  makeLegacyLog,
  makeRenderingLog,
  makeStreamingLog,
  type PlayFacts,
  receptionQuality,
} from './wmlog-writer.ts'
import { formatWmlogXml, parseWmlogXml } from './wmlog-xml.ts'

const ID = anonymousPlayerId(Uint8Array.of(0x1a, 0x2b, 0x3c, 0x4d, 0x5e, 0x6f))

const FACTS: PlayFacts = {
  at: new Date('2031-05-06T07:08:09.900Z'),
  player: {
    id: ID,
    version: '12.0.0.42',
    language: 'en-GB',
    userAgent: 'TestPlayer/1.4 (Suite)',
    program: 'testplayer',
    programVersion: '1.4.0.0',
    os: 'Linux',
    osVersion: '6.1.0.0',
    cpu: 'x64',
  },
  url: 'http://media.test/harbour.wmv?WMCache=0',
  protocol: 'http',
  transport: 'TCP',
  live: false,
  startMs: 12_900,
  playedMs: 47_001,
  receivedMs: 48_000,
  rate: 1,
  lengthMs: 89_500,
  size: 5_632_000,
  bytesReceived: 2_990_144,
  packets: { received: 712 },
  bufferCount: 1,
  bufferMs: 1500,
  audioCodecs: ['Windows Media Audio 9.2'],
  videoCodecs: ['Windows Media Video 9'],
}

const RECEPTION: readonly WmlogField[] = [
  'avgbandwidth',
  'c-buffercount',
  'c-pkts-received',
  'c-pkts-lost-client',
  'c-pkts-lost-net',
  'c-pkts-lost-cont-net',
  'c-pkts-recovered-ECC',
  'c-pkts-recovered-resent',
  'c-resendreqs',
  'c-totalbuffertime',
  'transport',
]

describe('logs of our own player', () => {
  test('a legacy log is the expected line, and is read as one', () => {
    const log = makeLegacyLog(FACTS)
    assert.equal(
      formatWmlogLine(log, 47),
      `0.0.0.0 2031-05-06 07:08:09 - http://media.test/harbour.wmv 12 48 1 200 ${ID} 12.0.0.42 en-GB TestPlayer/1.4_(Suite) - ` +
        'testplayer 1.4.0.0 Linux 6.1.0.0 x64 90 5632000 498357 http TCP Windows_Media_Audio_9.2 Windows_Media_Video_9 - - 2990144 - ' +
        '712 0 0 0 - 0 0 1 2 100 - - - - http://media.test/harbour.wmv?WMCache=0 - -',
    )
    assert.equal(wmlogKind(parseWmlogLine(formatWmlogLine(log, 47))), 'legacy')
  })

  test('LOG-03: a streaming log knows no decoder and has the three fields', () => {
    const log = makeStreamingLog(FACTS)
    const { fields } = log
    assert.equal(log.form, 47)
    assert.equal(fields.audiocodec, undefined)
    assert.equal(fields.videocodec, undefined)
    assert.equal(fields['c-ip'], '0.0.0.0')
    assert.equal(fields['x-duration'], 48)
    assert.equal(fields['cs-url'], FACTS.url)
    assert.equal(wmlogKind(parseWmlogXml(formatWmlogXml(log))), 'streaming')
  })

  test('LOG-04: a rendering log tells nothing of the reception', () => {
    const log = makeRenderingLog(FACTS)
    for (const name of RECEPTION) assert.equal(log.fields[name], undefined, name)
    assert.equal(log.form, 52)
    assert.equal(log.fields['c-quality'], 100)
    assert.equal(log.fields.protocol, 'Cache')
    assert.equal(log.fields['s-proxied'], 0)
    assert.equal(wmlogKind(parseWmlogXml(formatWmlogXml(log))), 'rendering')

    const forWeb = makeRenderingLog(FACTS, { serverAddress: '192.0.2.10' })
    assert.equal(forWeb.form, 47)
    assert.equal(wmlogKind(parseWmlogLine(formatWmlogLine(forWeb, 47))), 'rendering')
  })

  test('LOG-05: the address of the server is for web servers', () => {
    assert.equal(makeLegacyLog(FACTS).fields['s-ip'], undefined)
    assert.equal(makeLegacyLog(FACTS, { serverAddress: '192.0.2.10' }).fields['s-ip'], '192.0.2.10')
  })

  test('LOG-06: a connect-time log has an empty Summary and its elements in order', () => {
    assert.equal(
      formatWmlogXml(makeConnectLog(FACTS)),
      '<XML><Summary></Summary><c-dns>-</c-dns><c-ip>0.0.0.0</c-ip><c-os>Linux</c-os><c-osversion>6.1.0.0</c-osversion>' +
        '<date>2031-05-06</date><time>07:08:09</time><c-cpu>x64</c-cpu><transport>TCP</transport></XML>',
    )
  })

  test('LOG-07: quality is what was rendered of all, 100 of nothing', () => {
    assert.equal(receptionQuality({ received: 0 }), 100)
    assert.equal(receptionQuality({ received: 75, lost: 25 }), 75)
    assert.equal(receptionQuality({ received: 60, recoveredByCorrection: 10, recoveredByResending: 5, lost: 35 }), 75)
    assert.equal(receptionQuality({ received: 0, lost: 9 }), 0)
  })

  test('LOG-08: what the network lost without what the player lost was corrected', () => {
    const packets = { received: 100, lost: 12, longestLoss: 4, recoveredByCorrection: 5, resendRequests: 0 }
    const { fields } = makeLegacyLog({ ...FACTS, packets })
    assert.equal(fields['c-pkts-lost-net'], 12)
    assert.equal(fields['c-pkts-lost-client'], 7)
    assert.equal(fields['c-pkts-recovered-ECC'], 5)
    assert.equal(fields['c-pkts-lost-cont-net'], 4)
    assert.equal(fields['c-resendreqs'], 0)
  })

  test('LOG-09: a begun second counts, backwards too', () => {
    const duration = (playedMs: number) => makeLegacyLog({ ...FACTS, playedMs }).fields['x-duration']
    assert.deepEqual([0, 1, 1000, 1001, -5001].map(duration), [0, 1, 1, 2, 6])
    assert.equal(makeRenderingLog({ ...FACTS, playedMs: 1 }).fields['x-duration'], 1)
    assert.equal(makeStreamingLog({ ...FACTS, playedMs: 1, receivedMs: 5001 }).fields['x-duration'], 6)
  })

  test('LOG-11: live content has no start, length and size', () => {
    const { fields } = makeLegacyLog({ ...FACTS, live: true })
    assert.deepEqual([fields['c-starttime'], fields.filelength, fields.filesize], [0, 0, 0])
  })

  test('LOG-12: the stem has no query', () => {
    const { fields } = makeLegacyLog({ ...FACTS, usedUrl: 'http://media.test/other.wmv?a=b?c' })
    assert.equal(fields['cs-uri-stem'], 'http://media.test/other.wmv')
    assert.equal(fields['cs-url'], FACTS.url)
  })

  test('LOG-13: an anonymous id has the prefix', () => {
    assert.equal(ID, '{3300AD50-2C39-46c0-AE0A-1A2B3C4D5E6F}')
    assert.equal(anonymousPlayerId(new Uint8Array(2)), '{3300AD50-2C39-46c0-AE0A-000000000000}')
  })

  test('LOG-14: names come from the server, then from the playlist, then nowhere', () => {
    const parameters = [
      { name: 'log:cs-media-name', value: 'from ASX' },
      { name: 'log:cs-media-role', value: 'ad' },
      { name: 'other', value: 'x' },
    ]
    const contentDescription = [{ name: 'WMS_CONTENT_DESCRIPTION_PLAYLIST_ENTRY_URL', value: 'harbour.wmv' }]
    const names = (facts: Partial<PlayFacts>) => {
      const { fields } = makeLegacyLog({ ...FACTS, ...facts })
      return [fields['cs-media-name'], fields['cs-media-role']]
    }
    assert.deepEqual(names({}), [undefined, undefined])
    assert.deepEqual(names({ parameters }), ['from ASX', 'ad'])
    assert.deepEqual(names({ parameters, contentDescription }), ['harbour.wmv', 'ad'])
  })

  test('LOG-15: a content description goes back when there was one', () => {
    assert.ok(!formatWmlogXml(makeLegacyLog(FACTS)).includes('ContentDescription'))
    const contentDescription = [{ name: 'title', value: 'Harbour' }]
    assert.match(
      formatWmlogXml(makeLegacyLog({ ...FACTS, contentDescription })),
      /<\/cs-url><ContentDescription><title>Harbour<\/title><\/ContentDescription><\/XML>$/,
    )
  })

  test('parameters of playlists become elements or replace fields', () => {
    const log = makeLegacyLog({
      ...FACTS,
      parameters: [
        { name: 'log:item:Shop', value: '7' },
        { name: 'log:price:Shop', value: '8' },
        { name: 'log:campaign', value: 'spring' },
        { name: 'log:cs-Referer', value: 'http://a.test/' },
        { name: 'log:c-bytes', value: '1' },
        { name: 'log:__proto__', value: 'x' },
      ],
    })
    assert.equal(log.fields['cs-Referer'], 'http://a.test/')
    assert.equal(log.fields['c-bytes'], 2_990_144)
    assert.match(
      formatWmlogXml(log),
      /<Shop><item>7<\/item><price>8<\/price><\/Shop><campaign>spring<\/campaign><__proto__>x<\/__proto__><\/XML>$/,
    )
  })

  test('LOG-20: a multicast has addresses of its own scheme and the announcement file', () => {
    const channelUrl = 'http://media.test/lobby.nsc'
    const { fields } = makeLegacyLog({ ...FACTS, protocol: 'asfm', transport: 'UDP', channelUrl })
    assert.equal(fields['cs-url'], 'asfm://media.test/harbour.wmv?WMCache=0')
    assert.equal(fields['cs-uri-stem'], 'asfm://media.test/harbour.wmv')
    assert.equal(fields.protocol, 'asfm')
    assert.equal(fields['c-channelURL'], channelUrl)
  })

  test('codec names are written once, as many as fit', () => {
    const audioCodecs = ['a', 'a', 'b'.repeat(200), 'c'.repeat(200), 'd']
    assert.equal(makeLegacyLog({ ...FACTS, audioCodecs }).fields.audiocodec, `a;${'b'.repeat(200)};d`)
  })
})
