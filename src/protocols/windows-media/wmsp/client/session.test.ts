import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HeadendError } from '../../../../errors.ts'
import { parseWmlogLine } from '../../../../playlog/wmlog-line.ts'
import { makeLegacyLog } from '../../../../playlog/wmlog-writer.ts'
import { formatWmlogXml, parseWmlogXml } from '../../../../playlog/wmlog-xml.ts'
import {
  answer,
  answerHead,
  dataFrames,
  headerFrame,
  metadataFrame,
  testInit,
  testPackets,
} from '../../client-vectors.ts'
import { changePacket, endPacket, frameHeader, MAX_DATA_PAYLOAD, REASON, testPacket } from '../../framing.ts'
import type { HeaderLine } from '../../message-head.ts'
import { packetPair } from '../../packet-pair.ts'
import { type Pragma, parsePragma } from '../../pragma.ts'
import { readRemoteEvent } from '../../remote-event.ts'
import { type WmRequest, WmRequestReader } from '../../request-reader.ts'
import type { WmspClientEvent, WmspClientRequest } from './events.ts'
import { MAX_HEADER_BYTES } from './fragment-joiner.ts'
import { MAX_REDIRECTS } from './peer.ts'
import { ClientReception } from './reception.ts'
import { WmspClientSession } from './session.ts'

const GUID = '{3300AD50-2C39-46C0-AE0A-0102030405FF}'

interface Asked {
  readonly request: WmRequest
  readonly pragma: Pragma
  readonly body: string
}

/** A session and the server's end of its connections, without sockets. */
class Dialogue {
  readonly session: WmspClientSession
  /** Addresses dialled. */
  readonly dialled: string[] = []
  readonly events: WmspClientEvent[] = []
  readonly asked: Asked[] = []
  readonly aside: Asked[] = []
  readonly #step: number | undefined

  constructor(request: Partial<WmspClientRequest> & { readonly address?: string } = {}, step?: number) {
    const { address = 'mms://media.test/harbour.wmv', ...rest } = request
    this.#step = step
    this.session = new WmspClientSession({
      url: new URL(address),
      role: 'player',
      guid: GUID,
      cnonce: 'c0ffee',
      ...rest,
    })
    this.#pump()
  }

  /** The server sends these bytes on the connection that plays. */
  hears(...parts: readonly Uint8Array[]): this {
    const bytes = Buffer.concat(parts)
    const step = this.#step ?? Math.max(1, bytes.byteLength)
    for (let at = 0; at < bytes.byteLength; at += step) {
      const dials = this.dialled.length
      this.session.write(Uint8Array.from(bytes.subarray(at, at + step)))
      this.#pump()
      // What the old connection still had is lost.
      if (this.dialled.length > dials) break
    }
    this.#pump()
    return this
  }

  closes(): this {
    this.session.end()
    this.#pump()
    return this
  }

  get last(): Asked {
    return this.asked.at(-1)!
  }

  types(): string {
    return this.events.map(({ type }) => type).join(' ')
  }

  #pump(): void {
    for (let event = this.session.read(); event !== undefined; event = this.session.read()) {
      if (event.type === 'dial') {
        this.dialled.push(`${event.address.host}:${event.address.port}${event.address.tls ? ' tls' : ''}`)
      } else {
        this.events.push(event)
        if (event.type === 'side') this.aside.push(...requests(event.request))
      }
    }
    for (let bytes = this.session.takeOutput(); bytes !== undefined; bytes = this.session.takeOutput()) {
      this.asked.push(...requests(bytes))
    }
  }
}

function requests(bytes: Uint8Array): Asked[] {
  const reader = new WmRequestReader()
  reader.write(bytes)
  const asked: Asked[] = []
  let body = ''
  let request: WmRequest | undefined
  for (let read = reader.read(); read !== undefined; read = reader.read()) {
    if (read.type === 'request') request = read.request
    else if (read.type === 'body') body += Buffer.from(read.bytes).toString('utf8')
    else asked.push({ request: request!, pragma: parsePragma(request!.headerAll('pragma')), body })
  }
  return asked
}

const init = testInit()
const packets = testPackets(init, 3)
const META = metadataFrame('playlist-gen-id=7, broadcast-id=0, features="seekable,stridable"')

/** A dialogue whose Describe was answered. */
function described(request: Partial<WmspClientRequest> = {}, options: Parameters<typeof answerHead>[0] = {}): Dialogue {
  return new Dialogue(request).hears(answer(Buffer.concat([META, headerFrame(init)]), options))
}

function playing(request: Partial<WmspClientRequest> = {}, options: Parameters<typeof answerHead>[0] = {}): Dialogue {
  return described(request, options).hears(answerHead(options), META, headerFrame(init))
}

function refuses(run: () => unknown, code: string): void {
  assert.throws(run, (error) => error instanceof HeadendError && error.code === code, code)
}

describe('a client session', () => {
  for (const step of [undefined, 1]) {
    test(`plays an address to its end, read ${step === 1 ? 'byte by byte' : 'whole'}`, () => {
      const dialogue = new Dialogue({}, step)
        .hears(answer(Buffer.concat([META, headerFrame(init)])))
        .hears(answerHead({}), META, headerFrame(init), dataFrames(packets), endPacket(0))
      assert.equal(dialogue.types(), 'header packet packet packet log end')
      const got = dialogue.events.flatMap((event) => (event.type === 'packet' ? [Buffer.from(event.bytes)] : []))
      assert.deepEqual(
        got,
        packets.map(({ bytes }) => Buffer.from(bytes)),
      )
      assert.deepEqual(dialogue.dialled, ['media.test:80'])
      assert.deepEqual(
        dialogue.asked.map(({ request }) => `${request.method} ${request.target}`),
        ['GET /harbour.wmv', 'GET /harbour.wmv'],
      )
    })
  }

  test('gives the very header that Describe brought when Play repeats it', () => {
    const dialogue = playing()
    const header = dialogue.events.find((event) => event.type === 'header')
    assert.equal(header?.init, dialogue.session.init)
  })

  test('dials anew for Play where the server does not keep the connection', () => {
    const closing: HeaderLine[] = [['Connection', 'Close']]
    assert.deepEqual(described({}, { headers: closing }).dialled, ['media.test:80', 'media.test:80'])
    assert.deepEqual(described({}, { http11: false }).dialled, ['media.test:80', 'media.test:80'])
    const unsized = new Dialogue().hears(answerHead({}), META, headerFrame(init))
    assert.deepEqual(unsized.dialled, ['media.test:80', 'media.test:80'])
    assert.equal(unsized.last.pragma.text('xPlayStrm'), '1')
  })

  test('asks again on a new connection when the kept one is closed before the answer', () => {
    const dialogue = described().closes()
    assert.equal(dialogue.dialled.length, 2)
    assert.equal(dialogue.last.pragma.text('xPlayStrm'), '1')
    refuses(() => dialogue.closes(), 'ERR_WMSP_CLOSED')
  })

  test('speaks to the port, the host and the scheme of the address', () => {
    assert.deepEqual(new Dialogue({ address: 'mmsh://u:p@[::1]:8080/a?key=k' }).dialled, ['::1:8080'])
    assert.deepEqual(new Dialogue({ address: 'https://media.test/a' }).dialled, ['media.test:443 tls'])
    const { request } = new Dialogue({ address: 'mmsh://u:p@[::1]:8080/a%20b?key=k' }).last
    assert.equal(request.target, '/a%20b?key=k')
    assert.equal(request.header('host'), '[::1]:8080')
    assert.equal(new Dialogue({ address: 'mms://media.test' }).last.request.target, '/')
    for (const address of ['wmhttp://media.test/x', 'mms:///x', 'mms:x']) {
      refuses(() => new Dialogue({ address }), 'ERR_WMSP_URL')
    }
  })

  test('asks for its place in the media', () => {
    const { pragma } = described({ startMs: 2500, rate: 2 }).last
    assert.equal(pragma.u32('stream-time'), 2500)
    assert.equal(pragma.rate, 2)
    assert.equal(pragma.streamOffset, undefined)
    assert.equal(pragma.u32('packet-num'), 0xffff_ffff)
  })

  test('refuses to begin later in what cannot be sought', () => {
    const live = metadataFrame('features="broadcast"')
    const dialogue = new Dialogue({ startMs: 1000 })
    refuses(() => dialogue.hears(answer(Buffer.concat([live, headerFrame(init)]))), 'ERR_WMSP_NOT_SEEKABLE')
  })

  test('asks for media ahead of its time, as player and as server, but not of servers of old', () => {
    assert.equal(described().last.pragma.u32('AccelDuration'), 10_000)
    const server = described({ role: 'server' }).last.pragma
    assert.equal(server.u32('BurstDuration'), 10_000)
    assert.equal(server.has('AccelBW'), false)
    const old = new Dialogue().hears(answer(headerFrame(init), { server: 'Cougar/4.1.0.3921' })).last.pragma
    assert.equal(old.has('AccelBW') || old.has('LinkBW'), false)
  })

  test('reports a stream that broke off', () => {
    refuses(() => playing().hears(dataFrames(packets)).closes(), 'ERR_WMSP_CLOSED')
    refuses(() => new Dialogue().closes(), 'ERR_WMSP_CLOSED')
    refuses(() => playing().hears(dataFrames(packets).subarray(0, 100)).closes(), 'ERR_WMSP_CLOSED')
  })

  test('names what the server says no with', () => {
    const refused = (status: number) => () => new Dialogue().hears(answer(new Uint8Array(0), { status }))
    refuses(refused(404), 'ERR_WMSP_NOT_FOUND')
    refuses(refused(403), 'ERR_WMSP_DENIED')
    refuses(refused(503), 'ERR_WMSP_STATUS')
    refuses(refused(400), 'ERR_WMSP_REFUSED')
    refuses(() => playing().hears(endPacket(REASON.PUBLISHING_POINT_STOPPED)), 'ERR_WMSP_ENDED')
  })

  test('says nothing more after its end', () => {
    const dialogue = playing().hears(endPacket(0), dataFrames(packets))
    assert.equal(dialogue.types(), 'header end')
    dialogue.hears(Buffer.from('garbage')).closes()
    assert.equal(dialogue.types(), 'header end')
  })
})

describe('the player of the checklist', () => {
  test('PLY-01: a Server header that is missing or not Cougar or Rex is an error', () => {
    refuses(() => described({}, { server: undefined }), 'ERR_WMSP_SERVER')
    refuses(() => described({}, { server: 'nginx/1.22.0' }), 'ERR_WMSP_SERVER')
    assert.equal(described({}, { server: 'Rex/12.0.0.7' }).asked.length, 2)
    refuses(() => described().hears(answerHead({ server: undefined })), 'ERR_WMSP_SERVER')
  })

  test('PLY-02: User-Agent is NSPlayer with its version, for servers NSServer', () => {
    assert.match(new Dialogue().last.request.header('user-agent') ?? '', /^NSPlayer\/12\.0\.0\.1$/)
    assert.match(new Dialogue({ role: 'server' }).last.request.header('user-agent') ?? '', /^NSServer\/9\.6\.0\.1$/)
  })

  test('PLY-03: every request carries the same xClientGUID', () => {
    const dialogue = playing()
    const all = [...dialogue.asked, ...requests(dialogue.session.keepAliveRequest())]
    assert.deepEqual(
      all.map(({ pragma }) => pragma.text('xClientGUID')),
      [GUID, GUID, GUID],
    )
  })

  test('PLY-04: client-id is sent once received, a new one replaces it, and 401 gives none', () => {
    const dialogue = new Dialogue({ address: 'mms://u:p@media.test/x' })
    assert.equal(dialogue.last.pragma.has('client-id'), false)
    const challenge: HeaderLine[] = [['WWW-Authenticate', 'Basic realm="x"']]
    dialogue.hears(answer(new Uint8Array(0), { status: 401, pragma: 'client-id=5', headers: challenge }))
    assert.equal(dialogue.last.pragma.has('client-id'), false)
    dialogue.hears(answer(headerFrame(init)))
    assert.equal(dialogue.last.pragma.u32('client-id'), 77)
    dialogue.hears(answerHead({ pragma: 'client-id=78,xResetStrm=1' }))
    assert.equal(requests(dialogue.session.keepAliveRequest())[0]?.pragma.u32('client-id'), 78)
  })

  test('PLY-05, PLY-06: pipelining is never asked for, whatever the server offers', () => {
    const dialogue = described({}, { pragma: 'no-cache,client-id=1,pipeline-experiment=1' })
    for (const { pragma } of dialogue.asked) {
      for (const token of ['pipeline-experiment', 'pipeline-request', 'version11-enabled', 'xPlayNextEntry']) {
        assert.equal(pragma.has(token), false, token)
      }
    }
  })

  test('PLY-09: Play lists every stream with level 0 or 2 in a Pragma header of its own', () => {
    const { request, pragma } = described().last
    assert.ok(request.headerAll('pragma').includes('stream-switch-entry=ffff:1:0 ffff:2:0'))
    assert.equal(pragma.u32('stream-switch-count'), 2)
  })

  test('PLY-09: of streams that exclude each other the best is taken; a list of numbers decides itself', () => {
    const exclusive = answer(headerFrame(testInit('x', { exclusive: true })))
    const entries = (dialogue: Dialogue) => dialogue.last.pragma.text('stream-switch-entry')
    assert.equal(entries(new Dialogue().hears(exclusive)), 'ffff:1:2 ffff:2:0')
    assert.equal(entries(new Dialogue({ streams: [1] }).hears(exclusive)), 'ffff:1:0 ffff:2:2')
  })

  test('PLY-10: Speed is never sent', () => {
    const fast: HeaderLine[] = [['Supported', 'com.microsoft.wm.fastcache']]
    assert.equal(described({}, { headers: fast }).last.pragma.has('Speed'), false)
  })

  test('PLY-11: startupprofile is not listed, because the header is not understood', () => {
    for (const { request } of described().asked)
      assert.doesNotMatch(request.header('supported') ?? '', /startupprofile/)
  })

  test('PLY-13: packets outside the expected set are errors', () => {
    refuses(() => new Dialogue().hears(answerHead({}), dataFrames(packets)), 'ERR_WMSP_UNEXPECTED')
    refuses(() => new Dialogue().hears(answerHead({}), META, META), 'ERR_WMSP_UNEXPECTED')
    refuses(() => described().hears(answerHead({}), dataFrames(packets)), 'ERR_WMSP_UNEXPECTED')
    refuses(() => playing().hears(headerFrame(init)), 'ERR_WMSP_UNEXPECTED')
    refuses(() => playing().hears(testPacket()), 'ERR_WMSP_UNEXPECTED')
  })

  test('PLY-14: answers are those of the requests in their order, also when they come in one piece', () => {
    const headers: HeaderLine[] = [['WWW-Authenticate', 'Basic realm="x"']]
    const dialogue = new Dialogue({ address: 'mms://u:p@media.test/x' }).hears(
      answer(Buffer.from('no'), { status: 401, headers }),
      answer(Buffer.concat([META, headerFrame(init)])),
      answerHead({}),
      Buffer.concat([META, headerFrame(init), dataFrames(packets)]),
    )
    assert.deepEqual(
      dialogue.asked.map(({ pragma }) => pragma.flag('xPlayStrm')),
      [false, false, true],
    )
    assert.equal(dialogue.types(), 'header packet packet packet')
  })

  test('PLY-15: three packets of a pair are taken with their corrected lengths, when they were asked for', () => {
    const options = { pragma: 'no-cache,client-id=1,packet-pair-experiment=1' }
    const pair = packetPair(312, (count) => new Uint8Array(count).fill(0x24))
    const body = Buffer.concat([...pair, META, headerFrame(init)])
    const dialogue = new Dialogue({ packetPair: true }, 1).hears(answer(body, options))
    assert.equal(dialogue.types(), 'pair pair pair')
    assert.equal(dialogue.asked[0]?.pragma.flag('packet-pair-experiment'), true)
    assert.equal(dialogue.last.pragma.flag('xPlayStrm'), true)
    refuses(() => new Dialogue().hears(answer(body, options)), 'ERR_WMSP_UNEXPECTED')
  })

  test('PLY-15: what the pair measured is told in Play', () => {
    const dialogue = new Dialogue({ packetPair: true })
    dialogue.session.linkBps = 1_234_567
    assert.equal(dialogue.hears(answer(headerFrame(init))).last.pragma.u32('LinkBW'), 1_234_567)
  })

  test('PLY-16: $M and $H in pieces are put together by AFFlags', () => {
    const long = testInit('x'.repeat(200))
    const pieces = Buffer.concat([
      piece('H', 0x04, long.bytes.subarray(0, 10)),
      piece('H', 0x00, long.bytes.subarray(10, 20)),
      piece('H', 0x08, long.bytes.subarray(20)),
    ])
    const dialogue = new Dialogue({}, 1).hears(answer(pieces))
    assert.deepEqual(Buffer.from(dialogue.session.init?.bytes ?? []), Buffer.from(long.bytes))
    refuses(() => new Dialogue().hears(answerHead({}), piece('H', 0x08, init.bytes)), 'ERR_WMSP_FRAGMENT')
    const twice = Buffer.concat([piece('H', 0x04, init.bytes), piece('H', 0x04, init.bytes)])
    refuses(() => new Dialogue().hears(answerHead({}), twice), 'ERR_WMSP_FRAGMENT')
    const mixed = Buffer.concat([piece('M', 0x04, Buffer.from('a')), piece('H', 0x0c, init.bytes)])
    refuses(() => new Dialogue().hears(answerHead({}), mixed), 'ERR_WMSP_UNEXPECTED')
  })

  test('PLY-17, PLY-38: playlist-gen-id is taken from $M and sent in Play', () => {
    assert.equal(described().last.pragma.u32('playlist-gen-id'), 7)
    const none = new Dialogue().hears(answer(headerFrame(init)))
    assert.equal(none.last.pragma.has('playlist-gen-id'), false)
  })

  test('PLY-17: features of $M override those of the head', () => {
    const dialogue = described({}, { pragma: 'client-id=1,features="broadcast"' })
    assert.deepEqual([...dialogue.session.features], ['seekable', 'stridable'])
    assert.equal(dialogue.session.description.find(({ name }) => name === 'title')?.value, 'Harbour Cam')
  })

  test('PLY-18: packets of a burst are packets', () => {
    const dialogue = playing().hears(dataFrames(packets, true), endPacket(0))
    assert.equal(dialogue.types(), 'header packet packet packet log end')
  })

  test('PLY-19: a log is due after each $E of an entry that played, and when the player stops', () => {
    assert.equal(playing().hears(dataFrames(packets), endPacket(1)).types(), 'header packet packet packet log')
    const stopped = playing().hears(dataFrames(packets))
    stopped.session.stop()
    stopped.hears()
    assert.equal(stopped.types(), 'header packet packet packet log end')
  })

  test('PLY-20, PLY-21: the log is a legacy one: XML to Cougar from 9.0, a line to others', () => {
    const log = legacyLog()
    const [xml] = requests(playing().session.logRequest(log))
    assert.equal(xml?.request.method, 'POST')
    assert.match(xml?.request.header('content-type') ?? '', /^application\/x-wms-LogStats/)
    assert.equal(parseWmlogXml(xml?.body ?? '').fields['c-pkts-received'], 3)
    const line = requests(playing({}, { server: 'Rex/12.0' }).session.logRequest(log))[0]
    assert.equal(line?.request.header('content-type'), undefined)
    assert.equal(line?.request.header('content-length'), '0')
    assert.equal(parseWmlogLine(line?.pragma.text('log-line') ?? '').fields.protocol, 'http')
  })

  test('PLY-10, PLY-20, PLY-35: servers that take the log of what is shown get Speed, and two logs', () => {
    const subscribed: HeaderLine = ['Cache-Control', 'no-cache, x-wms-event-subscription="remote-open,remote-log"']
    const dialogue = playing({}, { headers: [subscribed] })
    const log = legacyLog()
    const [event] = requests(dialogue.session.remoteLogRequest(log))

    assert.equal(dialogue.last.pragma.text('Speed'), '1.000')
    assert.equal(dialogue.session.tellsApart, true)
    assert.equal(event?.request.method, 'POST')
    assert.equal(event?.request.header('content-type'), 'application/x-wms-sendevent')
    assert.equal(event?.pragma.u32('client-id'), 77)
    const { kind, result, descriptions } = readRemoteEvent(Buffer.from(event?.body ?? ''))
    const [user, command] = descriptions.map((items) =>
      Object.fromEntries(items.map(({ name, value }) => [name, value])),
    )
    assert.deepEqual([kind, result, user?.['context-type'], command?.['context-type']], ['log', 0, '2', '5'])
    assert.deepEqual([user?.['WMS_USER_AGENT'], user?.['WMS_USER_GUID']], ['NSPlayer/12.0.0.1', GUID])
    assert.equal(command?.['@WMS_COMMAND_CONTEXT_URL'], 'http://media.test/harbour.wmv')
    assert.deepEqual(parseWmlogXml(command?.['@.REMOTE_LOG'] ?? '').fields, parseWmlogXml(formatWmlogXml(log)).fields)
  })

  test('PLY-20: who has not asked for it, is too old for it, or is no player, sends one log', () => {
    const subscribed: HeaderLine = ['Cache-Control', 'x-wms-event-subscription="remote-log"']
    for (const dialogue of [
      playing(),
      playing({}, { headers: [['Cache-Control', 'x-wms-event-subscription="remote-open"']] }),
      playing({}, { headers: [subscribed], server: 'Rex/12.0' }),
      playing({}, { headers: [subscribed], server: 'Cougar/4.1.0.3921' }),
      playing({ role: 'server' }, { headers: [subscribed] }),
    ]) {
      assert.deepEqual([dialogue.last.pragma.has('Speed'), dialogue.session.tellsApart], [false, false])
    }
  })

  test('PLY-22: repeated $E(0) are tolerated', () => {
    const dialogue = playing().hears(dataFrames(packets), ...Array.from({ length: 512 }, () => endPacket(0)))
    assert.equal(dialogue.types(), 'header packet packet packet log end')
  })

  test('PLY-23: $C with an error is reported, $C to the entry before ends what nobody steers', () => {
    refuses(() => playing().hears(endPacket(1), changePacket(0x8007_0005)), 'ERR_WMSP_ENDED')
    const receding = playing().hears(endPacket(1), changePacket(REASON.PLAYLIST_CHANGE_RECEDING))
    assert.equal(receding.types(), 'header end')
  })

  test('PLY-24: on xResetStrm nothing is asked for', () => {
    const dialogue = described().hears(answerHead({ pragma: 'client-id=9,xResetStrm=1' }), META, headerFrame(init))
    assert.equal(dialogue.asked.length, 2)
    assert.equal(dialogue.hears(dataFrames(packets)).types(), 'header packet packet packet')
  })

  test('PLY-25: expect-new-header makes the client expect $C behind the first $H', () => {
    const next = testInit('two')
    const announced = described().hears(
      answerHead({ pragma: 'client-id=7,expect-new-header=1' }),
      META,
      headerFrame(init),
    )
    const dialogue = announced.hears(changePacket(0), META, headerFrame(next), dataFrames(testPackets(next, 1)))
    assert.equal(dialogue.types(), 'header header packet')
    const other = described().hears(answerHead({ pragma: 'client-id=7,expect-new-header=1' }), META, headerFrame(init))
    refuses(() => other.hears(dataFrames(packets)), 'ERR_WMSP_UNEXPECTED')
  })

  test('PLY-26: stopping sends nothing on the connection that plays', () => {
    const dialogue = playing().hears(dataFrames(packets))
    dialogue.session.stop()
    dialogue.hears()
    assert.equal(dialogue.asked.length, 2)
    assert.equal(dialogue.session.takeOutput(), undefined)
  })

  test('PLY-28: while idle the session is kept alive by POST within what the server allows', () => {
    const dialogue = playing({}, { pragma: 'client-id=77,timeout=20000' }).hears(endPacket(1))
    assert.equal(dialogue.session.idle, true)
    assert.ok(dialogue.session.keepAliveMs < 20_000 && dialogue.session.keepAliveMs > 10_000)
    const [asked] = requests(dialogue.session.keepAliveRequest())
    assert.equal(asked?.request.method, 'POST')
    assert.equal(asked?.request.contentLength, 0)
    assert.equal(asked?.request.header('content-type'), undefined)
    assert.equal(asked?.pragma.flag('xKeepAliveInPause'), true)
  })

  test('PLY-29, PLY-30: without prediction a new entry is selected on a connection of its own', () => {
    const next = testInit('two')
    const dialogue = playing({ predictive: false }).hears(endPacket(1), changePacket(0), META, headerFrame(next))
    assert.equal(dialogue.types(), 'header header side')
    const [asked] = dialogue.aside
    assert.equal(asked?.request.method, 'POST')
    assert.equal(asked?.pragma.text('stream-switch-entry'), 'ffff:1:0 ffff:2:0')
    assert.equal(asked?.pragma.u32('client-id'), 77)
    assert.equal(
      dialogue.hears(dataFrames(testPackets(next, 2)), endPacket(0)).types(),
      'header header side packet packet log end',
    )
  })

  test('PLY-30: with prediction on both sides the server goes on by itself', () => {
    const predicts: HeaderLine[] = [['Supported', 'com.microsoft.wm.sswitch, com.microsoft.wm.predstrm']]
    const next = testInit('two')
    const dialogue = playing({}, { headers: predicts }).hears(endPacket(1), changePacket(0), META, headerFrame(next))
    assert.equal(dialogue.hears(dataFrames(testPackets(next, 1))).types(), 'header header packet')
    const silent: HeaderLine[] = [['Supported', 'com.microsoft.wm.sswitch']]
    const other = playing({}, { headers: silent }).hears(endPacket(1), changePacket(0), META, headerFrame(next))
    assert.equal(other.aside.length, 1)
  })

  test('PLY-30: of a predicted entry those streams are selected that are wanted, where it has others', () => {
    const predicts: HeaderLine[] = [['Supported', 'com.microsoft.wm.predstrm']]
    const next = testInit('two', { exclusive: true })
    const dialogue = playing({}, { headers: predicts }).hears(endPacket(1), changePacket(0), META, headerFrame(next))
    assert.equal(dialogue.types(), 'header header side')
    assert.equal(dialogue.aside[0]?.pragma.text('stream-switch-entry'), 'ffff:1:2 ffff:2:0')
  })

  test('PLY-09: the header told has the streams that come; none is an error', () => {
    const dialogue = playing({ streams: [2] })
    const header = dialogue.events.find((event) => event.type === 'header')
    assert.deepEqual(
      header?.init.streams.map(({ number }) => number),
      [2],
    )
    assert.equal(header?.init.bytes, dialogue.session.init?.bytes)
    refuses(() => described({ streams: [9] }), 'ERR_WMSP_NO_STREAM')
  })

  test('PLY-31: a client that does not want prediction does not list it', () => {
    assert.match(new Dialogue().last.request.header('supported') ?? '', /predstrm/)
    assert.doesNotMatch(new Dialogue({ predictive: false }).last.request.header('supported') ?? '', /predstrm/)
  })

  test('PLY-32: 300 to 304 replace the URL, 305 uses the proxy, both on a new connection', () => {
    const moved = new Dialogue().hears(redirect(302, 'http://other.test:8080/b?c=1'))
    assert.deepEqual(moved.dialled, ['media.test:80', 'other.test:8080'])
    assert.equal(moved.last.request.target, '/b?c=1')
    assert.equal(new Dialogue().hears(redirect(301, 'mmsh://other.test/b')).dialled[1], 'other.test:80')
    assert.equal(new Dialogue().hears(redirect(302, '/elsewhere')).last.request.target, '/elsewhere')
    const proxied = new Dialogue().hears(redirect(305, 'http://proxy.test:3128/'))
    assert.deepEqual(proxied.dialled, ['media.test:80', 'proxy.test:3128'])
    assert.equal(proxied.last.request.target, 'http://media.test/harbour.wmv')
    assert.equal(proxied.last.request.header('host'), 'media.test')
    refuses(() => new Dialogue().hears(redirect(302, 'file:///etc/passwd')), 'ERR_WMSP_REDIRECTS')
  })

  test('PLY-32: user and password are not shown to another server', () => {
    const dialogue = new Dialogue({ address: 'mms://u:p@media.test/x' })
    const challenge: HeaderLine[] = [['WWW-Authenticate', 'Basic realm="x"']]
    dialogue.hears(answer(new Uint8Array(0), { status: 401, headers: challenge }))
    assert.equal(dialogue.last.request.header('authorization'), 'Basic dTpw')
    assert.equal(dialogue.hears(redirect(302, '/y')).last.request.header('authorization'), 'Basic dTpw')
    assert.equal(dialogue.hears(redirect(302, 'http://other.test/y')).last.request.header('authorization'), undefined)
    refuses(() => dialogue.hears(answer(new Uint8Array(0), { status: 401, headers: challenge })), 'ERR_WMSP_DENIED')
  })

  test('PLY-33: after 401 the retry uses the same connection unless it is closed', () => {
    const challenge: HeaderLine[] = [['WWW-Authenticate', 'Basic realm="x"']]
    const kept = new Dialogue({ address: 'mms://u:p@media.test/x' })
    kept.hears(answer(Buffer.from('<html>'), { status: 401, headers: challenge }))
    assert.equal(kept.dialled.length, 1)
    assert.equal(kept.last.request.header('authorization'), 'Basic dTpw')
    const closed = new Dialogue({ address: 'mms://u:p@media.test/x' })
    closed.hears(answer(new Uint8Array(0), { status: 401, headers: [...challenge, ['Connection', 'close']] }))
    assert.equal(closed.dialled.length, 2)
    assert.equal(closed.last.request.header('authorization'), 'Basic dTpw')
    const unsized = new Dialogue({ address: 'mms://u:p@media.test/x' })
    unsized.hears(answerHead({ status: 401, headers: challenge }))
    assert.equal(unsized.dialled.length, 2)
  })

  test('PLY-33: a refusal with a long body is not waited for', () => {
    const headers: HeaderLine[] = [
      ['WWW-Authenticate', 'Basic realm="x"'],
      ['Content-Length', '100000000'],
    ]
    const dialogue = new Dialogue({ address: 'mms://u:p@media.test/x' }).hears(answerHead({ status: 401, headers }))
    assert.equal(dialogue.dialled.length, 1)
    dialogue.hears(new Uint8Array(70_000))
    assert.equal(dialogue.dialled.length, 2)
  })

  test('PLY-37: cookies that match the address are sent', () => {
    const headers: HeaderLine[] = [
      ['Set-Cookie', 'a=1; path=/'],
      ['Set-Cookie', 'b=2; path=/other'],
      ['Set-Cookie', 'c=3; domain=evil.test'],
    ]
    const dialogue = described({}, { headers })
    assert.equal(dialogue.last.request.header('cookie'), 'a=1')
    const elsewhere = new Dialogue().hears(
      answer(new Uint8Array(0), { status: 302, headers: [...headers, ['Location', 'http://o.test/']] }),
    )
    assert.equal(elsewhere.last.request.header('cookie'), undefined)
  })
})

describe('servers that are not Windows Media Services', () => {
  /** As captured from VLC 3.0.24. */
  const vlc = (features = 'broadcast') =>
    Buffer.from(
      `HTTP/1.0 200 OK\r\nContent-type: application/octet-stream\r\nServer: Cougar 4.1.0.3921\r\nPragma: no-cache\r\nPragma: client-id=1717\r\nPragma: features="${features}"\r\nConnection: close\r\n\r\n`,
      'latin1',
    )

  test("VLC's server is played: names in lower case, octet-stream, from number N, to the close", () => {
    const dialogue = new Dialogue().hears(vlc(), headerFrame(init)).hears(vlc(), headerFrame(init))
    assert.equal(dialogue.dialled.length, 2)
    const later = packets.map((packet) => ({ ...packet, number: packet.number + 900 }))
    dialogue.hears(dataFrames(later)).closes()
    assert.equal(dialogue.types(), 'header packet packet packet log end')
    assert.deepEqual(
      dialogue.events.flatMap((event) => (event.type === 'packet' ? [event.number] : [])),
      [900, 901, 902],
    )
  })

  test("VLC's server is played on when a header comes without $C", () => {
    const next = testInit('two')
    const dialogue = new Dialogue().hears(vlc(), headerFrame(init)).hears(vlc(), headerFrame(init), dataFrames(packets))
    dialogue.hears(headerFrame(next), dataFrames(testPackets(next, 1)))
    assert.equal(dialogue.types(), 'header packet packet packet header packet')
  })

  test('one that speaks HTTP/1.1 and sends Play in chunks is played', () => {
    const chunked: HeaderLine[] = [['Transfer-Encoding', 'chunked']]
    const body = Buffer.concat([headerFrame(init), dataFrames(packets), endPacket(0)])
    const chunks: Uint8Array[] = []
    for (let at = 0; at < body.byteLength; at += 100) {
      const chunk = body.subarray(at, at + 100)
      chunks.push(Buffer.from(`${chunk.byteLength.toString(16)}\r\n`), chunk, Buffer.from('\r\n'))
    }
    const dialogue = described().hears(answerHead({ headers: chunked }), ...chunks, Buffer.from('0\r\n\r\n'))
    assert.equal(dialogue.types(), 'header packet packet packet log end')
  })

  test('a padded data packet is taken as it is', () => {
    const padded = new Uint8Array(init.packetSize)
    padded.set(packets[0]!.bytes)
    const dialogue = playing().hears(dataFrames([{ ...packets[0]!, bytes: padded }]))
    assert.equal(dialogue.types(), 'header packet')
  })
})

describe('hostile servers', () => {
  test('M-11: a chunk shorter than its own header', () => {
    refuses(() => playing().hears(Uint8Array.of(0x24, 0x44, 4, 0, 0, 0, 0, 0)), 'ERR_WMS_FRAME_LENGTH')
    refuses(() => new Dialogue().hears(answerHead({}), Uint8Array.of(0x24, 0x48, 0, 0)), 'ERR_WMS_FRAME_LENGTH')
    refuses(() => playing().hears(Uint8Array.of(0x24, 0x45, 0, 0)), 'ERR_WMS_FRAME_LENGTH')
  })

  test('M-11: over-long answer lines and heads without an end', () => {
    const line = Buffer.from(`HTTP/1.0 200 ${'x'.repeat(20_000)}`, 'latin1')
    refuses(() => new Dialogue().hears(line), 'ERR_WMS_HEAD_TOO_LARGE')
    const lines = Buffer.from(`HTTP/1.0 200 OK\r\n${'a: b\r\n'.repeat(5000)}`, 'latin1')
    refuses(() => new Dialogue({}, 1000).hears(lines), 'ERR_WMS_HEAD_TOO_LARGE')
    const pragmas = `${'a=1,'.repeat(100)}client-id=1`
    refuses(() => new Dialogue().hears(answerHead({ pragma: pragmas })), 'ERR_WMS_PRAGMA_LIMIT')
  })

  test('M-11: an announced header that is larger than what was sent', () => {
    const cut = headerFrame(init).subarray(0, -20)
    refuses(() => new Dialogue().hears(answerHead({}), cut).closes(), 'ERR_WMSP_CLOSED')
    const lying = Buffer.from(init.bytes)
    lying.writeUInt32LE(0x7fff_ffff, 16)
    assert.throws(() => new Dialogue().hears(answer(frameHeader('H', lying))), HeadendError)
  })

  test('M-11: a header that never ends is given up within its limit', () => {
    const dialogue = new Dialogue().hears(answerHead({}), piece('H', 0x04, new Uint8Array(MAX_DATA_PAYLOAD)))
    let sent = MAX_DATA_PAYLOAD
    refuses(() => {
      for (; sent < 4 * MAX_HEADER_BYTES; sent += MAX_DATA_PAYLOAD) {
        dialogue.hears(piece('H', 0x00, new Uint8Array(MAX_DATA_PAYLOAD)))
      }
    }, 'ERR_WMSP_FRAGMENT')
    assert.ok(sent <= MAX_HEADER_BYTES + MAX_DATA_PAYLOAD, `${sent} bytes`)
    const empty = new Dialogue().hears(answerHead({}), piece('H', 0x04, new Uint8Array(0)))
    refuses(() => {
      for (let count = 0; count < 10_000; count++) empty.hears(piece('H', 0x00, new Uint8Array(0)))
    }, 'ERR_WMSP_FRAGMENT')
  })

  test('M-11: a loop of redirects, and one of challenges', () => {
    const dialogue = new Dialogue()
    for (let count = 0; count < MAX_REDIRECTS; count++) dialogue.hears(redirect(302, 'http://media.test/harbour.wmv'))
    refuses(() => dialogue.hears(redirect(302, 'http://media.test/harbour.wmv')), 'ERR_WMSP_REDIRECTS')
    const headers: HeaderLine[] = [['WWW-Authenticate', 'Digest realm="x", nonce="1", qop="auth", stale=true']]
    const challenged = new Dialogue({ address: 'mms://u:p@media.test/x' })
    refuses(() => {
      for (let count = 0; count < 10; count++) challenged.hears(answer(new Uint8Array(0), { status: 401, headers }))
    }, 'ERR_WMSP_DENIED')
  })

  test('M-11: data packets larger than the header allows, or empty', () => {
    const large = { ...packets[0]!, bytes: new Uint8Array(init.packetSize + 1) }
    refuses(() => playing().hears(dataFrames([large])), 'ERR_WMSP_PACKET')
    refuses(() => playing().hears(dataFrames([{ ...packets[0]!, bytes: new Uint8Array(0) }])), 'ERR_WMSP_PACKET')
  })

  test('M-11: a body behind the header is not read for ever', () => {
    const headers: HeaderLine[] = [['Content-Length', '99999999']]
    const dialogue = new Dialogue().hears(answerHead({ headers }), META, headerFrame(init))
    assert.equal(dialogue.asked.length, 1)
    refuses(() => dialogue.hears(headerFrame(init)), 'ERR_WMSP_UNEXPECTED')
  })
})

function piece(type: 'H' | 'M', flags: number, payload: Uint8Array): Uint8Array {
  const bytes = frameHeader(type, payload)
  bytes[9] = flags
  return bytes
}

function redirect(status: number, location: string): Uint8Array {
  return answer(new Uint8Array(0), { status, server: 'Cougar/9.6.0', headers: [['Location', location]] })
}

function legacyLog() {
  const reception = new ClientReception(init, 0)
  for (const { bytes } of packets) reception.add(bytes)
  return makeLegacyLog(
    reception.facts({
      at: new Date('2031-05-06T07:08:09Z'),
      nowMs: 300,
      player: { id: GUID, version: '12.0.0.1' },
      url: new URL('mms://u:p@media.test/harbour.wmv?key=secret'),
      usedUrl: new URL('http://u:p@media.test/harbour.wmv?key=secret'),
      rate: 1,
      description: [],
    }),
  )
}
