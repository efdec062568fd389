import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, describe, mock, it as test } from 'node:test'
import { unusedServices } from '../../../test/support/unused-services.ts'
import { PeerError } from '../../errors.ts'
import { Hub } from '../../live/hub.ts'
import { Sessions } from '../../live/sessions.ts'
import type { Listening, Logger, ServerContext } from '../protocol.ts'
import { openRtmpClient, type RtmpClient } from './client.ts'
import { dataMessage } from './command.ts'
import { ClientHandshake } from './handshake.ts'
import { rtmp } from './index.ts'
import { MESSAGE_TYPE, type RtmpMessage } from './message.ts'
import { rtmpOptions } from './options.ts'
import { serveRtmp } from './server.ts'

interface Setup {
  readonly hub: Hub
  readonly context: ServerContext
  readonly listening: Listening
  readonly port: number
  /** Codes of counted faults. */
  readonly faults: string[]
}

const open: Listening[] = []
const sockets: Socket[] = []
after(async () => {
  for (const socket of sockets) socket.destroy()
  await Promise.all(open.map((listening) => listening.close()))
})

async function serve(options: Record<string, number> = {}): Promise<Setup> {
  const faults: string[] = []
  const nothing = () => {}
  const log: Logger = {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: (fields, message) => assert.fail(`${message} ${String(fields['error'])}`),
    counted: (code) => faults.push(code),
    child: () => log,
  }
  const hub = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) })
  const context: ServerContext = {
    hub,
    sessions: new Sessions(),
    authorize: ({ action, credentials }) => {
      if (action === 'publish' && credentials.key !== 'good') {
        return Promise.reject(new PeerError('ERR_ACCESS_DENIED', 'expected the publish key'))
      }
      return Promise.resolve()
    },
    http: undefined as unknown as ServerContext['http'],
    ...unusedServices,
    log,
    host: '127.0.0.1',
    tls: undefined,
  }
  const listening = await serveRtmp(context, rtmpOptions.parse({ port: 0, ...options }))
  open.push(listening)
  return { hub, context, listening, port: listening.ports['rtmp'] as number, faults }
}

async function dial(port: number): Promise<Socket> {
  const socket = connect({ host: '127.0.0.1', port })
  sockets.push(socket)
  await once(socket, 'connect')
  return socket
}

/** Resolves when the connection is over; whether it ended by reset. */
async function ended(socket: Socket): Promise<'fin' | 'reset'> {
  let result: 'fin' | 'reset' = 'fin'
  socket.on('error', () => (result = 'reset'))
  socket.resume()
  if (!socket.closed) await once(socket, 'close')
  return result
}

function client(
  port: number,
  role: 'publish' | 'play',
  name: string,
  onMedia?: (message: RtmpMessage) => void,
): Promise<RtmpClient> {
  return openRtmpClient(new URL(`rtmp://127.0.0.1:${port}/live/${name}`), {
    role,
    signal: new AbortController().signal,
    ...(onMedia === undefined ? {} : { onMedia }),
  })
}

/** H.264 sequence header with the parameter sets of a tiny picture, and a frame. */
const AVC_CONFIG = Buffer.from('17000000000142c00affe1000e6742c00ada7b011000000303200001000568ce0fc880', 'hex')
const AAC_CONFIG = Uint8Array.of(0xaf, 0x00, 0x12, 0x10)
const aacFrame = (value: number) => Uint8Array.of(0xaf, 0x01, value, value, value)

function audio(payload: Uint8Array, timestampMs: number): RtmpMessage {
  return { type: MESSAGE_TYPE.AUDIO, streamId: 1, timestampMs, payload }
}

async function publishAudio(port: number, name: string): Promise<RtmpClient> {
  const publisher = await client(port, 'publish', name)
  publisher.session.sendMedia(dataMessage(1, ['@setDataFrame', 'onMetaData', { audiocodecid: 10 }]))
  publisher.session.sendMedia(audio(AAC_CONFIG, 0))
  publisher.flush()
  return publisher
}

function sendFrames(publisher: RtmpClient, from: number, count: number): void {
  for (let i = from; i < from + count; i++) publisher.session.sendMedia(audio(aacFrame(i), i * 23))
  publisher.flush()
}

describe('rtmp server', () => {
  test('what is published is played, byte for byte', async () => {
    const { port, context, hub } = await serve()
    const got: string[] = []
    const enough = Promise.withResolvers<void>()
    const playing = client(port, 'play', 'one', (message) => {
      if (message.type !== MESSAGE_TYPE.AUDIO) return
      got.push(Buffer.from(message.payload).toString('hex'))
      if (got.length === 11) enough.resolve()
    })
    const publisher = await publishAudio(port, 'one?key=good')
    const player = await playing
    sendFrames(publisher, 0, 10)
    await enough.promise

    assert.equal(got[0], Buffer.from(AAC_CONFIG).toString('hex'))
    assert.deepEqual(
      got.slice(1),
      Array.from({ length: 10 }, (_, i) => Buffer.from(aacFrame(i)).toString('hex')),
    )
    const roles = [...context.sessions.list()].map(({ start, bytesIn, bytesOut }) => [
      start.role,
      start.path,
      bytesIn + bytesOut > 0,
    ])
    assert.deepEqual(
      roles.toSorted((a, b) => String(a).localeCompare(String(b))),
      [
        ['play', 'live/one', true],
        ['publish', 'live/one', true],
      ],
    )

    publisher.close()
    await player.ended
    assert.equal(hub.find('live/one'), undefined)
  })

  test('a stream without a track that RTMP can carry fails with the reason', async () => {
    const { port, hub } = await serve()
    hub.publish('live/old').announce([{ id: 101, kind: 'audio', codec: 'wma2', timescale: 1000 }])

    await assert.rejects(client(port, 'play', 'old'), /NetStream.Play.Failed: .*wma2/)
  })

  test('R-08 a second publisher is refused, the first goes on', async () => {
    const { port, hub } = await serve()
    const first = await publishAudio(port, 'busy?key=good')

    await assert.rejects(client(port, 'publish', 'busy?key=good'), /NetStream.Publish.BadName: live\/busy is published/)

    assert.equal(hub.find('live/busy')?.state, 'live')
    first.close()
    await first.ended
  })

  test('a wrong key is denied before any media, and the connection ends in good form', async () => {
    const { port, context, faults } = await serve()

    await assert.rejects(client(port, 'publish', 'secret?key=bad'), /NetStream.Publish.Denied/)

    assert.equal(context.sessions.size, 0)
    assert.deepEqual(faults, ['ERR_ACCESS_DENIED'])
  })

  test('a stream that nobody publishes is not found', async () => {
    const { port } = await serve({ playWaitMs: 0 })

    await assert.rejects(client(port, 'play', 'absent'), { code: 'ERR_RTMP_REMOTE_NOT_FOUND' })
  })

  test('R-10 a configuration record cut short ends the session, not the server', async () => {
    const { port, faults, hub } = await serve()
    const publisher = await client(port, 'publish', 'cut?key=good')
    publisher.session.sendMedia({
      type: MESSAGE_TYPE.VIDEO,
      streamId: 1,
      timestampMs: 0,
      payload: AVC_CONFIG.subarray(0, 12),
    })
    publisher.flush()

    await assert.rejects(publisher.ended, /NetStream.Publish.Failed/)

    assert.equal(faults.length, 1)
    assert.equal(hub.find('live/cut'), undefined)
  })

  test('R-11 too many tracks in one message end the session', async () => {
    const { port } = await serve()
    const publisher = await client(port, 'publish', 'many?key=good')
    const tracks = Array.from({ length: 255 }, (_, id) => [id, 0, 0, 1, 0]).flat()
    const payload = Uint8Array.of(0x96, 0x10, ...Buffer.from('avc1'), ...tracks)
    publisher.session.sendMedia({ type: MESSAGE_TYPE.VIDEO, streamId: 1, timestampMs: 0, payload })
    publisher.flush()

    await assert.rejects(publisher.ended, { code: 'ERR_RTMP_REMOTE_REFUSED' })
  })

  test('N-01 caps per address and in all hold', async () => {
    for (const options of [{ maxConnections: 2 }, { maxConnectionsPerAddress: 2 }]) {
      const { port, faults } = await serve(options)
      const kept = [await dial(port), await dial(port)]
      const refused = connect({ host: '127.0.0.1', port })
      await ended(refused)
      assert.deepEqual(faults, ['ERR_RTMP_TOO_MANY_CONNECTIONS'])

      for (const socket of kept) {
        socket.destroy()
        await once(socket, 'close')
      }
    }
  })

  test('N-01 N-02 N-06 N-11 deadlines and budgets', async () => {
    mock.timers.enable({ apis: ['setInterval'] })
    try {
      const { port, faults, context } = await serve({ maxMessagesPerSecond: 1000 })
      const seconds = (count: number) => mock.timers.tick(count * 1000)

      // N-01: says nothing. N-02: a byte now and then.
      const silent = await dial(port)
      const slow = await dial(port)
      const bytes = new ClientHandshake().takeOutput()!
      slow.write(bytes.subarray(0, 1))
      seconds(5)
      slow.write(bytes.subarray(1, 2))
      seconds(5)
      await Promise.all([ended(silent), ended(slow)])
      assert.deepEqual(faults.splice(0), ['ERR_RTMP_HANDSHAKE_TIMEOUT', 'ERR_RTMP_HANDSHAKE_TIMEOUT'])

      // N-06: many tiny messages.
      const flood = await publishAudio(port, 'flood?key=good')
      sendFrames(flood, 0, 1100)
      await assert.rejects(flood.ended)
      assert.deepEqual(faults.splice(0), ['ERR_RTMP_TOO_MANY_MESSAGES'])

      // A publisher that falls silent answers the ping, and lives; one that does not is dead after half a minute (N-11).
      const quiet = await publishAudio(port, 'quiet?key=good')
      const answered = Promise.withResolvers<void>()
      const session = [...context.sessions.list()].find(({ start }) => start.path === 'live/quiet')!
      const before = session.bytesIn
      const check = setImmediate(function poll() {
        if (session.bytesIn > before) answered.resolve()
        else setImmediate(poll)
      })
      seconds(15)
      await answered.promise
      clearImmediate(check)
      quiet.socket.pause()
      seconds(15)
      seconds(15)
      assert.deepEqual(faults.splice(0), ['ERR_RTMP_IDLE'])
      quiet.socket.destroy()
    } finally {
      mock.timers.reset()
    }
  })

  test('N-09 what is not RTMP is closed at its first byte', async () => {
    const { port, faults } = await serve()
    const scans = [
      Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      Buffer.from('1603010200010001fc0303', 'hex'),
      Buffer.from('SSH-2.0-scan\r\n'),
      Buffer.alloc(4000, 0xff),
      Buffer.alloc(4000),
    ]
    for (const scan of scans) {
      const socket = await dial(port)
      socket.write(scan)
      assert.equal(await ended(socket), 'fin')
    }
    assert.deepEqual(
      faults,
      scans.map(() => 'ERR_RTMP_VERSION'),
    )
  })

  test('N-12 connections that come and go leave nothing', async () => {
    const { port, context, hub, listening } = await serve()
    for (let i = 0; i < 50; i++) {
      const socket = await dial(port)
      if (i % 2 === 0) socket.write(Uint8Array.of(3))
      socket.destroy()
      const publisher = await publishAudio(port, `wheel-${i % 5}?key=good`)
      if (i % 3 === 0) publisher.socket.destroy()
      publisher.close()
      await publisher.ended.catch(() => {})
      await once(publisher.socket, 'close').catch(() => {})
    }
    await listening.close()

    assert.equal(context.sessions.size, 0)
    assert.deepEqual([...hub.streams()], [])
    assert.equal(hub.waiting, 0)
  })

  test('closing refuses publishers and ends players in form', async () => {
    const { port, listening, context } = await serve()
    const publisher = await publishAudio(port, 'last?key=good')
    const player = await client(port, 'play', 'last')
    const ends = Promise.allSettled([publisher.ended, player.ended])

    await listening.close()

    assert.deepEqual(
      (await ends).map(({ status }) => status),
      ['rejected', 'fulfilled'],
    )
    assert.equal(context.sessions.size, 0)
  })
})

describe('rtmp pull and push', () => {
  test('a relay by pull and by push carries the stream on', async () => {
    const source = await serve()
    const target = await serve()
    const middle = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) })
    const { signal } = new AbortController()
    const { log } = source.context
    const publisher = await publishAudio(source.port, 'origin?key=good')
    const pulledTo = middle.publish('live/middle')
    const pulled = rtmp.pull!(new URL(`rtmp://127.0.0.1:${source.port}/live/origin`), pulledTo, { signal, log })
    const to = new URL(`rtmp://127.0.0.1:${target.port}/live/copy?key=good`)
    const pushed = rtmp.push!(middle.find('live/middle')!, to, { signal, log })
    const got: string[] = []
    const enough = Promise.withResolvers<void>()
    const player = await client(target.port, 'play', 'copy', (message) => {
      if (message.type !== MESSAGE_TYPE.AUDIO) return
      got.push(Buffer.from(message.payload).toString('hex'))
      if (got.includes(Buffer.from(aacFrame(30)).toString('hex'))) enough.resolve()
    })

    sendFrames(publisher, 0, 31)
    await enough.promise
    publisher.close()
    await pulled
    pulledTo.close()
    await pushed
    await player.ended

    assert.ok(got.length > 1)
  })

  test('pull ends by the signal, and a server that is not there is unavailable', async () => {
    const { port, context } = await serve()
    const { log } = context
    const abort = new AbortController()
    const hub = new Hub()
    const pulling = rtmp.pull!(new URL(`rtmp://127.0.0.1:${port}/live/none`), hub.publish('live/a'), {
      signal: abort.signal,
      log,
    })
    abort.abort()
    await pulling

    const { signal } = new AbortController()
    const nowhere = rtmp.pull!(new URL('rtmp://127.0.0.1:1/live/none'), hub.publish('live/b'), { signal, log })
    await assert.rejects(nowhere, { code: 'ERR_RTMP_CONNECT' })
    hub.close()
  })
})
