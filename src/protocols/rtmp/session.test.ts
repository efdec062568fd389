import assert from 'node:assert/strict'
import { describe, it as test } from 'node:test'
import { HeadendError, PeerError } from '../../errors.ts'
import { readAmf0Values } from '../../media/amf/amf0.ts'
import { type AmfValue, amfProperties } from '../../media/amf/value.ts'
import { ByteReader } from '../../media/bytes/byte-reader.ts'
import { ByteWriter } from '../../media/bytes/byte-writer.ts'
import { ChunkReader } from './chunk-reader.ts'
import { type ClientEvent, RtmpClientSession } from './client-session.ts'
import { commandMessage, readCommand } from './command.ts'
import { ClientHandshake } from './handshake.ts'
import { MESSAGE_TYPE, type RtmpMessage, readUserControl, USER_CONTROL, userControlMessage } from './message.ts'
import { MessageChannel } from './message-channel.ts'
import type { ServerEvent } from './server-event.ts'
import { ServerSession } from './session.ts'

/** A peer that says anything in any order, and keeps what the server says. */
class RawPeer {
  readonly session = new ServerSession()
  readonly events: ServerEvent[] = []
  readonly heard: RtmpMessage[] = []
  /** Events of all user control messages. */
  readonly controls: number[] = []
  readonly #chunks = new ChunkReader()
  readonly #channel = new MessageChannel()
  #answered = false

  constructor() {
    const handshake = new ClientHandshake()
    this.session.write(handshake.takeOutput()!)
    handshake.write(this.session.takeOutput()!)
    this.session.write(handshake.takeOutput()!)
  }

  /** Sends a command and returns what the server answers. */
  command(name: string, streamId: number, ...values: AmfValue[]): string[] {
    const transactionId = streamId === 0 ? 7 : 0
    return this.send(commandMessage(streamId, { name, transactionId, values }))
  }

  send(message: RtmpMessage): string[] {
    this.#channel.send(message)
    const before = this.heard.length
    this.session.write(this.#channel.takeOutput()!)
    for (let event = this.session.read(); event !== undefined; event = this.session.read()) this.events.push(event)
    this.listen()
    return this.heard
      .slice(before)
      .map(codeOf)
      .filter((code) => code !== '')
  }

  listen(): void {
    for (let bytes = this.session.takeOutput(); bytes !== undefined; bytes = this.session.takeOutput()) {
      this.#channel.write(bytes)
      this.#chunks.write(bytes)
    }
    for (let message = this.#chunks.read(); message !== undefined; message = this.#chunks.read()) {
      if (message.type === MESSAGE_TYPE.USER_CONTROL) this.controls.push(readUserControl(message.payload).event)
    }
    for (let message = this.#channel.read(); message !== undefined; message = this.#channel.read())
      this.heard.push(message)
  }

  /** What is said from now on, after `act`. */
  codes(act: () => void): string[] {
    const before = this.heard.length
    act()
    this.listen()
    return this.heard
      .slice(before)
      .map(codeOf)
      .filter((code) => code !== '')
  }

  connect(fields: Record<string, AmfValue> = {}): string[] {
    this.#answered = true
    return this.command('connect', 0, { app: 'live', tcUrl: 'rtmp://host/live', ...fields })
  }

  /** Up to a stream created. */
  ready(): this {
    if (!this.#answered) this.connect()
    this.command('createStream', 0, null)
    return this
  }

  publishing(): this {
    this.ready().command('publish', 1, null, 'name', 'live')
    this.codes(() => this.session.acceptPublish())
    return this
  }

  playing(): this {
    this.ready().command('play', 1, null, 'name')
    this.codes(() => this.session.acceptPlay())
    return this
  }
}

/** `code` of a status, else the command's name. */
function codeOf(message: RtmpMessage): string {
  if (message.type !== MESSAGE_TYPE.COMMAND_AMF0) return ''
  const { name, values } = readCommand(message)
  const info = values.map(amfProperties).findLast((value) => value?.['code'] !== undefined)
  return typeof info?.['code'] === 'string' ? info['code'] : name
}

function media(type: number, text: string, timestampMs = 0): RtmpMessage {
  return { type, streamId: 1, timestampMs, payload: new TextEncoder().encode(text) }
}

/** Moves bytes between a client and a server session until both are silent; pieces of `split` bytes. */
function converse(
  client: RtmpClientSession,
  server: ServerSession,
  options: { split: number; onServer: (event: ServerEvent) => void; onClient: (event: ClientEvent) => void },
): void {
  for (let moved = true; moved; ) {
    moved = false
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      for (let bytes = from.takeOutput(); bytes !== undefined; bytes = from.takeOutput()) {
        moved = true
        for (let at = 0; at < bytes.byteLength; at += options.split) {
          to.write(bytes.subarray(at, at + options.split))
          for (let event = server.read(); event !== undefined; event = server.read()) options.onServer(event)
          for (let event = client.read(); event !== undefined; event = client.read()) options.onClient(event)
        }
      }
    }
  }
}

describe('client session against server session', () => {
  for (const split of [1, 333, 65_536]) {
    for (const digest of [false, true]) {
      test(`publishes in pieces of ${split} bytes, ${digest ? 'digest' : 'plain'} handshake`, () => {
        const request = { role: 'publish', app: 'live', name: 'cam?key=secret', tcUrl: 'rtmp://host/live' } as const
        const client = new RtmpClientSession({ ...request, digest })
        const server = new ServerSession()
        const got: string[] = []
        const options = {
          split,
          onServer: (event: ServerEvent) => {
            if (event.type === 'publish') {
              assert.deepEqual(event.stream, { path: 'live/cam', key: 'secret' })
              server.acceptPublish()
            }
            got.push(event.type === 'media' ? `${event.message.type}@${event.message.timestampMs}` : event.type)
          },
          onClient: (event: ClientEvent) => {
            got.push(`client ${event.type}`)
            if (event.type !== 'start') return
            client.sendMedia(media(MESSAGE_TYPE.VIDEO, 'picture'.repeat(1000), 40))
            client.sendMedia(media(MESSAGE_TYPE.AUDIO, 'sound', 0x0123_4567))
          },
        }

        converse(client, server, options)
        client.stop()
        converse(client, server, options)

        assert.deepEqual(got, ['publish', 'client start', '9@40', `8@${0x0123_4567}`, 'stop', 'client status'])
        assert.ok(client.serverFourCc.includes('hvc1'))
      })
    }
  }

  test('plays until the stream ends', () => {
    const client = new RtmpClientSession({ role: 'play', app: 'live', name: 'cam', tcUrl: 'rtmp://host/live?key=k' })
    const server = new ServerSession()
    const got: string[] = []
    const options = {
      split: 100,
      onServer: (event: ServerEvent) => {
        if (event.type !== 'play') return
        assert.deepEqual(event.stream, { path: 'live/cam', key: 'k' })
        server.acceptPlay()
        server.endPlay()
      },
      onClient: (event: ClientEvent) => got.push(event.type === 'status' ? event.code : event.type),
    }

    converse(client, server, options)

    assert.deepEqual(got, ['NetStream.Play.Reset', 'start', 'end', 'NetStream.Play.Stop'])
  })

  test('a refusal reaches the client in words, without the key', () => {
    const client = new RtmpClientSession({ role: 'publish', app: 'live', name: 'cam?key=k', tcUrl: 'rtmp://host/live' })
    const server = new ServerSession()
    const options = {
      split: 4096,
      onServer: () => server.refuse(new PeerError('ERR_STREAM_BUSY', 'cam?key=k is published already')),
      onClient: () => {},
    }

    assert.throws(() => converse(client, server, options), {
      code: 'ERR_RTMP_REMOTE_REFUSED',
      message: 'the server refused: NetStream.Publish.BadName: cam?key=… is published already',
    })
  })
})

describe('server session', () => {
  test('answers connect with what Enhanced RTMP asks for', () => {
    const peer = new RawPeer()

    peer.connect({ objectEncoding: 3, fourCcList: ['*'] })

    const answer = peer.heard.find((message) => message.type === MESSAGE_TYPE.COMMAND_AMF0)!
    const [properties, info] = readCommand(answer).values.map(amfProperties)
    assert.equal(info?.['code'], 'NetConnection.Connect.Success')
    assert.equal(info?.['objectEncoding'], 3)
    assert.ok(JSON.stringify(properties?.['fourCcList']).includes('av01'))
    assert.equal(properties?.['capsEx'], 14)
  })

  test('reads commands and data in AMF 3 messages', () => {
    const peer = new RawPeer()
    const inner = commandMessage(0, { name: 'connect', transactionId: 1, values: [{ app: 'live', objectEncoding: 3 }] })
    const payload = new ByteWriter().u8(0).bytes(inner.payload).view()

    assert.deepEqual(peer.send({ ...inner, type: MESSAGE_TYPE.COMMAND_AMF3, payload }), [
      'NetConnection.Connect.Success',
      'onBWDone',
    ])
  })

  test('takes aggregates apart and moves their times', () => {
    const peer = new RawPeer().publishing()
    const writer = new ByteWriter()
    for (const [type, time, text] of [
      [MESSAGE_TYPE.AUDIO, 1000, 'one'],
      [MESSAGE_TYPE.VIDEO, 1040, 'second'],
    ] as const) {
      writer
        .u8(type)
        .u24(text.length)
        .u24(time)
        .u8(0)
        .u24(0)
        .latin1(text)
        .u32(text.length + 11)
    }

    peer.send({ type: MESSAGE_TYPE.AGGREGATE, streamId: 1, timestampMs: 5000, payload: writer.view() })

    const got = peer.events.flatMap((event) => (event.type === 'media' ? [event.message] : []))
    assert.deepEqual(
      got.map(({ type, timestampMs, payload }) => [type, timestampMs, Buffer.from(payload).toString()]),
      [
        [8, 5000, 'one'],
        [9, 5040, 'second'],
      ],
    )
  })

  test('answers pings, acknowledges bytes, passes over what it does not know', () => {
    const peer = new RawPeer().publishing()
    peer.send({
      type: MESSAGE_TYPE.WINDOW_ACK_SIZE,
      streamId: 0,
      timestampMs: 0,
      payload: Uint8Array.of(0, 0, 0x20, 0),
    })
    peer.send(userControlMessage({ event: USER_CONTROL.PING_REQUEST, value: 77 }))
    peer.send({ type: MESSAGE_TYPE.SHARED_OBJECT_AMF0, streamId: 0, timestampMs: 0, payload: new Uint8Array(5) })
    const bytesFor = (act: () => void) => {
      act()
      return peer.session.takeOutput()
    }

    // RawPeer's own channel hears control messages without showing them, so the bytes are looked at.
    const channel = new MessageChannel()
    channel.send(media(MESSAGE_TYPE.VIDEO, 'x'.repeat(9000)))
    const answer = bytesFor(() => peer.session.write(channel.takeOutput()!))

    assert.equal(answer?.[7], MESSAGE_TYPE.ACKNOWLEDGEMENT)
  })

  test('R-06 publish with a name that is no name', () => {
    for (const name of [true, null, 5, '', undefined, {}, 'x'.repeat(10_000), 'a b', '../x', 'x/../../y']) {
      const peer = new RawPeer().ready()

      const codes = peer.codes(() => {
        assert.throws(
          () => peer.command('publish', 1, null, name, 'live'),
          (error) => {
            assert.ok(error instanceof PeerError)
            assert.equal(error.code, 'ERR_PATH_INVALID')
            peer.session.refuse(error)
            return true
          },
        )
      })

      assert.deepEqual(codes, ['NetStream.Publish.BadName'])
    }
  })

  test('R-06 a megabyte of name does not get past the command limit', () => {
    const peer = new RawPeer().ready()

    assert.throws(() => peer.command('publish', 1, null, 'x'.repeat(1024 * 1024)), {
      code: 'ERR_RTMP_MESSAGE_TOO_LARGE',
    })
  })

  test('R-07 applications that break the rule of names', () => {
    const apps = [
      undefined,
      5,
      null,
      '..',
      'live/..',
      'live\0',
      'live\r\n',
      'live\\x',
      '%2e%2e',
      '．．',
      'vods',
      'vod/..',
      'vod/a\\b',
      'l'.repeat(9999),
    ]
    for (const app of apps) {
      const peer = new RawPeer()

      const codes = peer.codes(() => {
        assert.throws(
          () => peer.connect({ app }),
          (error) => {
            assert.ok(error instanceof PeerError)
            peer.session.refuse(error)
            return true
          },
        )
      })

      assert.deepEqual(codes, ['NetConnection.Connect.InvalidApp'], String(app))
    }
  })

  test('R-07 connect without tcUrl, or with nonsense in it, goes on', () => {
    for (const tcUrl of [undefined, 7, '?key=%%%', 'x'.repeat(5000)]) {
      assert.ok(new RawPeer().connect({ tcUrl }).includes('NetConnection.Connect.Success'))
    }
  })

  test('finds the key in name, application and tcUrl', () => {
    const keyOf = (app: string, tcUrl: string, name: string) => {
      const peer = new RawPeer()
      peer.connect({ app, tcUrl })
      peer.ready().command('publish', 1, null, name)
      const event = peer.events[0]
      return event?.type === 'publish' ? `${event.stream.path} ${event.stream.key}` : undefined
    }

    assert.equal(keyOf('live', 'rtmp://h/live', 'cam?key=a%2Bb&x=1'), 'live/cam a+b')
    assert.equal(keyOf('live?key=app', 'rtmp://h/live?key=url', 'cam'), 'live/cam app')
    assert.equal(keyOf('live/', 'rtmp://h/live?key=url', '/cam'), 'live/cam url')
    assert.equal(keyOf('live/a', 'rtmp://h/live', 'b'), 'live/a/b undefined')
    assert.equal(keyOf('', 'rtmp://h', 'live/b'), 'live/b undefined')
  })

  test('names of files: with and without prefix and ending, percent-encoded or not, in any script', () => {
    const filesOf = (app: string, name: string) => {
      const peer = new RawPeer()
      peer.connect({ app })
      peer.ready().command('play', 1, null, name)
      const event = peer.events[0]
      return event?.type === 'play' ? event.stream.files : undefined
    }

    assert.deepEqual(filesOf('vod', 'film.mp4?key=x'), ['vod/film.mp4', 'vod/film.mp4.flv'])
    assert.deepEqual(filesOf('vod', 'mp4:folder/film')?.slice(0, 2), ['vod/folder/film', 'vod/folder/film.mp4'])
    assert.deepEqual(filesOf('vod', 'flv:film'), ['vod/film', 'vod/film.flv'])
    assert.equal(filesOf('vod/фильмы', 'Ночь 1.mkv')?.[0], 'vod/фильмы/Ночь 1.mkv')
    assert.deepEqual(filesOf('vod/a%20b', 'mp3:c%20d'), [
      'vod/a%20b/c%20d',
      'vod/a b/c d',
      'vod/a%20b/c%20d.mp3',
      'vod/a b/c d.mp3',
    ])
    assert.deepEqual(filesOf('vod', '%2e%2e/x')?.slice(0, 1), ['vod/%2e%2e/x'])
    assert.equal(filesOf('live', 'film.mp4'), undefined)
  })

  test('F-03: names that leave the library, and files to publish to, are refused', () => {
    for (const [command, name] of [
      ['play', '../x'],
      ['play', 'a/../../x'],
      ['play', 'a\0b'],
      ['play', `${'x/'.repeat(40)}y`],
      ['publish', 'film.mp4'],
    ] as const) {
      const peer = new RawPeer()
      peer.connect({ app: 'vod' })
      peer.ready()

      assert.throws(() => peer.command(command, 1, null, name), { code: 'ERR_PATH_INVALID' }, name)
    }
  })

  test('a file: start and length, pause with the time, seek, and its end, behind which it may be sought in', () => {
    const peer = new RawPeer()
    peer.connect({ app: 'vod' })
    peer.ready().command('play', 1, null, 'film.mp4', 5000, 2000)
    assert.deepEqual(
      peer.codes(() => peer.session.acceptPlay(true)),
      ['NetStream.Play.Reset', 'NetStream.Play.Start'],
    )

    assert.deepEqual(peer.command('pause', 1, null, true, 6100), ['NetStream.Pause.Notify'])
    assert.deepEqual(peer.command('pause', 1, null, false, 0), ['NetStream.Unpause.Notify'])
    const before = peer.controls.length
    assert.deepEqual(peer.command('seek', 1, null, 1000), ['NetStream.Seek.Notify', 'NetStream.Play.Start'])
    assert.deepEqual(peer.command('seek', 1, null, Number.NaN), ['NetStream.Seek.InvalidTime'])
    assert.deepEqual(peer.command('seek', 1, null, '7'), ['NetStream.Seek.InvalidTime'])
    assert.deepEqual(
      peer.codes(() => peer.session.endPlay()),
      ['NetStream.Play.Stop'],
    )
    assert.equal(peer.session.role, 'play')
    peer.command('seek', 1, null, -7)

    const [play, ...others] = peer.events
    assert.deepEqual(play?.type === 'play' && play.part, { startMs: 5000, durationMs: 2000 })
    assert.deepEqual(others, [
      { type: 'pause', paused: true, atMs: 6100 },
      { type: 'pause', paused: false, atMs: undefined },
      { type: 'seek', toMs: 1000 },
      { type: 'seek', toMs: -7 },
    ])
    const { STREAM_BEGIN, STREAM_EOF, STREAM_IS_RECORDED } = USER_CONTROL
    assert.deepEqual(peer.controls.slice(0, 2), [STREAM_IS_RECORDED, STREAM_BEGIN])
    assert.deepEqual(peer.controls.slice(before, before + 3), [STREAM_EOF, STREAM_IS_RECORDED, STREAM_BEGIN])
  })

  test('reads nothing more before a publisher was accepted', () => {
    const peer = new RawPeer().ready()
    peer.command('publish', 1, null, 'name')
    peer.send(media(MESSAGE_TYPE.VIDEO, 'early'))
    assert.deepEqual(
      peer.events.map(({ type }) => type),
      ['publish'],
    )

    peer.session.acceptPublish()

    assert.equal(peer.session.read()?.type, 'media')
  })

  test('R-12 every command in every state has a defined end', () => {
    const commands: readonly [string, number, ...AmfValue[]][] = [
      ['connect', 0, { app: 'live' }],
      ['createStream', 0, null],
      ['releaseStream', 0, null, 'name'],
      ['FCPublish', 0, null, 'name'],
      ['publish', 1, null, 'name', 'live'],
      ['publish', 5, null, 'name', 'live'],
      ['publish', 0, null, 'name', 'record'],
      ['FCUnpublish', 0, null, 'name'],
      ['play', 1, null, 'name'],
      ['play', 2, null, 'name'],
      ['play2', 1, null, {}],
      ['pause', 1, null, true, 0],
      ['pause', 1, null, false, 0],
      ['seek', 1, null, 1000],
      ['receiveAudio', 1, null, false],
      ['receiveVideo', 1, null, true],
      ['closeStream', 1, null],
      ['deleteStream', 0, null, 1],
      ['deleteStream', 0, null, 'one'],
      ['getStreamLength', 0, null, 'name'],
      ['FCSubscribe', 0, null, 'name'],
      ['_checkbw', 0, null],
      ['__proto__', 0, null],
      ['toString', 0],
      ['nothing like it', 0, null],
      ['_result', 0, null],
    ]
    const states: readonly [string, () => RawPeer][] = [
      ['fresh', () => new RawPeer()],
      ['ready', () => new RawPeer().ready()],
      ['publishing', () => new RawPeer().publishing()],
      ['playing', () => new RawPeer().playing()],
    ]
    for (const [state, make] of states) {
      for (const first of commands) {
        for (const second of commands) {
          const peer = make()
          try {
            for (const [name, streamId, ...values] of [first, second]) {
              peer.command(name, streamId, ...values)
              peer.session.acceptPublish()
              peer.session.acceptPlay()
              peer.send(media(MESSAGE_TYPE.AUDIO, 'x'))
            }
          } catch (error) {
            assert.ok(error instanceof HeadendError, `${state}: ${first[0]}, ${second[0]}: ${String(error)}`)
            peer.session.refuse(error)
          }
          peer.listen()
          const publishing = peer.events.filter(({ type }) => type === 'publish' || type === 'play').length
          const stopped = peer.events.filter(({ type }) => type === 'stop').length
          assert.ok(
            publishing - stopped === (peer.session.role === undefined ? 0 : 1) || peer.session.role === undefined,
          )
        }
      }
    }
  })

  test('R-12 wrong orders are answered by name', () => {
    assert.throws(() => new RawPeer().command('publish', 1, null, 'name'), { code: 'ERR_RTMP_ORDER' })
    assert.throws(() => new RawPeer().ready().connect(), { code: 'ERR_RTMP_ORDER' })
    assert.deepEqual(new RawPeer().ready().command('publish', 3, null, 'name'), ['NetStream.Publish.BadName'])
    assert.deepEqual(new RawPeer().ready().command('play', 3, null, 'name'), ['NetStream.Play.Failed'])
    assert.deepEqual(new RawPeer().ready().command('pause', 1, null, true), ['NetStream.Failed'])
    assert.deepEqual(new RawPeer().ready().command('seek', 1, null, 5), ['NetStream.Failed'])
    assert.deepEqual(new RawPeer().playing().command('seek', 1, null, 5), ['NetStream.Seek.Failed'])
    assert.deepEqual(new RawPeer().playing().command('play2', 1, null, {}), ['NetStream.Play.Failed'])
    assert.deepEqual(new RawPeer().playing().command('play', 1, null, 'other'), ['NetStream.Play.Failed'])
    assert.deepEqual(new RawPeer().publishing().command('publish', 1, null, 'other'), ['NetStream.Publish.BadName'])
    assert.deepEqual(new RawPeer().ready().command('nonsense', 0, null), ['NetConnection.Call.Failed'])
    assert.deepEqual(new RawPeer().playing().command('pause', 1, null, true), ['NetStream.Pause.Notify'])
    assert.deepEqual(new RawPeer().publishing().command('deleteStream', 0, null, 1), ['NetStream.Unpublish.Success'])
  })

  test('R-12 at most eight streams, and their numbers are used again', () => {
    const peer = new RawPeer().ready()
    const create = () => {
      peer.command('createStream', 0, null)
      return readCommand(peer.heard.at(-1)!).values[1]
    }
    const ids = Array.from({ length: 7 }, create)
    assert.deepEqual(ids, [2, 3, 4, 5, 6, 7, 8])
    assert.deepEqual(peer.command('createStream', 0, null), ['NetConnection.Call.Failed'])

    peer.command('deleteStream', 0, null, 4)

    assert.equal(create(), 4)
  })

  test('R-05 hostile AMF in a command ends in our error', () => {
    const deep = (writer: ByteWriter, depth: number) => {
      for (let i = 0; i < depth; i++) writer.u8(3).u16(1).latin1('a')
    }
    const bodies: ((writer: ByteWriter) => void)[] = [
      (writer) => deep(writer, 10_000),
      (writer) => writer.u8(0x0a).u32(0xffff_ffff),
      (writer) => writer.u8(0x02).u16(0xffff).latin1('short'),
      (writer) => writer.u8(0x0c).u32(0xffff_ffff),
      (writer) => writer.u8(0x07).u16(0),
      (writer) => writer.u8(0x55),
    ]
    for (const write of bodies) {
      const writer = new ByteWriter().u8(2).u16(7).latin1('connect').u8(0).f64(1)
      write(writer)
      const message = { type: MESSAGE_TYPE.COMMAND_AMF0, streamId: 0, timestampMs: 0, payload: writer.toBytes() }

      assert.throws(() => new RawPeer().send(message), HeadendError)
    }
  })

  test('R-05 names of the prototype are ordinary names', () => {
    const peer = new RawPeer()
    const writer = new ByteWriter().u8(2).u16(7).latin1('connect').u8(0).f64(1)
    writer.u8(3).u16(9).latin1('__proto__').u8(3).u16(3).latin1('app').u8(2).u16(4).latin1('live').u24(9).u24(9)

    const message = { type: MESSAGE_TYPE.COMMAND_AMF0, streamId: 0, timestampMs: 0, payload: writer.toBytes() }

    assert.throws(() => peer.send(message), { code: 'ERR_PATH_INVALID' })
    assert.equal(({} as Record<string, unknown>)['app'], undefined)
  })

  test('onMetaData passes as it came', () => {
    const peer = new RawPeer().publishing()
    const body = commandMessage(1, { name: '@setDataFrame', transactionId: 0, values: ['onMetaData', { width: 1 }] })

    peer.send({ ...body, type: MESSAGE_TYPE.DATA_AMF0 })

    const event = peer.events.at(-1)
    assert.ok(event?.type === 'media')
    assert.equal(readAmf0Values(new ByteReader(event.message.payload))[0], '@setDataFrame')
  })
})
