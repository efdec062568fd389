import assert from 'node:assert/strict'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { HeadendError } from '../../../../errors.ts'
import { Hub } from '../../../../live/hub.ts'
import { asfUnits } from '../../asf-units.ts'
import {
  answer,
  answerHead,
  dataFrames,
  headerFrame,
  metadataFrame,
  testInit,
  testPackets,
} from '../../client-vectors.ts'
import { endPacket, frameHeader, MAX_DATA_PAYLOAD } from '../../framing.ts'
import { type WmRequest, WmRequestReader } from '../../request-reader.ts'
import { pullWindowsMedia, type WmspPullOptions } from './client.ts'

type Respond = (request: WmRequest, socket: Socket, body: string) => void

const init = testInit()
const packets = testPackets(init, 5)
const META = metadataFrame('playlist-gen-id=7, broadcast-id=0, features="seekable"')

/** A server that answers each request as told, closed with the test; gives its port. */
async function serve(t: TestContext, respond: Respond): Promise<number> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    const reader = new WmRequestReader()
    let request: WmRequest | undefined
    let body = ''
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => {
      reader.write(bytes)
      for (let read = reader.read(); read !== undefined; read = reader.read()) {
        if (read.type === 'request') request = read.request
        else if (read.type === 'body') body += Buffer.from(read.bytes).toString('utf8')
        else if (request !== undefined) {
          respond(request, socket, body)
          body = ''
        }
      }
    })
  })
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** Plays into a stream of a hub; collects what arrives there. */
function pull(t: TestContext, port: number, options: Partial<WmspPullOptions> & { readonly path?: string } = {}) {
  const { path = 'x', ...rest } = options
  const hub = new Hub()
  t.after(() => hub.close())
  const publisher = hub.publish('live/x')
  const units = publisher.provide(asfUnits).open()
  const cursor = publisher.stream.subscribe()
  const log = { debug() {}, info() {}, warn() {}, error() {}, counted() {}, child: () => log }
  const done = pullWindowsMedia(new URL(`mms://127.0.0.1:${port}/${path}`), publisher, {
    signal: new AbortController().signal,
    log,
    ...rest,
  })
  const take = () => {
    const taken: { units: Buffer[]; times: number[] } = { units: [], times: [] }
    for (let unit = units.take(); unit !== undefined; unit = units.take()) taken.units.push(Buffer.from(unit.bytes))
    for (let entry = cursor.take(); entry !== undefined; entry = cursor.take()) taken.times.push(entry.packet.dts)
    return taken
  }
  return { done, take, stream: publisher.stream }
}

const isPlay = (request: WmRequest) => request.headerAll('pragma').includes('xPlayStrm=1')

/** Plays the test packets, whole. */
function wellBehaved(logs: string[]): Respond {
  return (request, socket, body) => {
    if (request.method === 'POST') {
      logs.push(body)
      socket.end(answerHead({ status: 204 }))
    } else if (isPlay(request)) {
      socket.end(Buffer.concat([answerHead({}), META, headerFrame(init), dataFrames(packets), endPacket(0)]))
    } else {
      socket.write(answer(Buffer.concat([META, headerFrame(init)])))
    }
  }
}

async function refused(done: Promise<void>, code: string): Promise<void> {
  await assert.rejects(done, (error) => error instanceof HeadendError && error.code === code, code)
}

describe('pulling from a Windows Media server', () => {
  test('brings its packets as they are, the media within, and reports what was played', async (t) => {
    const logs: string[] = []
    const { done, take, stream } = pull(t, await serve(t, wellBehaved(logs)))
    await done
    const taken = take()
    assert.deepEqual(
      taken.units,
      packets.map(({ bytes }) => Buffer.from(bytes)),
    )
    assert.deepEqual(taken.times, [0, 100_000, 200_000, 300_000, 400_000])
    assert.deepEqual(
      stream.tracks.map(({ codec }) => codec),
      ['wmv2', 'wmv2'],
    )
    assert.equal(logs.length, 1)
    assert.match(logs[0] ?? '', /<c-pkts-received>5<\/c-pkts-received>/)
    assert.match(logs[0] ?? '', /<title>Harbour[_ ]Cam<\/title>/)
  })

  test('PLY-19: a log that the server does not take changes nothing', async (t) => {
    const port = await serve(t, (request, socket, body) => {
      if (request.method === 'POST') socket.destroy()
      else wellBehaved([])(request, socket, body)
    })
    await pull(t, port).done
  })

  test('PLY-26: stopping closes the connection, then reports', async (t) => {
    const stop = new AbortController()
    const logs: string[] = []
    let playing: Socket | undefined
    const port = await serve(t, (request, socket, body) => {
      if (!isPlay(request)) return wellBehaved(logs)(request, socket, body)
      playing = socket
      socket.write(Buffer.concat([answerHead({}), headerFrame(init), dataFrames(packets)]))
    })
    const { done, stream } = pull(t, port, { signal: stop.signal })
    const cursor = stream.subscribe()
    await cursor.ready()
    stop.abort()
    await done
    assert.equal(logs.length, 1)
    assert.equal(playing?.readableEnded || playing?.destroyed, true)
  })

  test('an abort before anything was answered is no error', async (t) => {
    const port = await serve(t, () => undefined)
    await pull(t, port, { signal: AbortSignal.abort() }).done
    const stop = new AbortController()
    const { done } = pull(t, port, { signal: stop.signal })
    stop.abort()
    await done
  })

  test('PLY-32: follows to another port', async (t) => {
    const port = await serve(t, wellBehaved([]))
    const first = await serve(t, (_request, socket) => {
      socket.end(answer(new Uint8Array(0), { status: 302, headers: [['Location', `http://127.0.0.1:${port}/y`]] }))
    })
    const { done, take } = pull(t, first)
    await done
    assert.equal(take().units.length, 5)
  })

  test('PLY-28: a waiting session is kept alive', async (t) => {
    let alive = 0
    let playing: Socket | undefined
    const port = await serve(t, (request, socket, body) => {
      if (request.headerAll('pragma').includes('xKeepAliveInPause=1')) {
        socket.end(answerHead({ status: 204 }))
        if (++alive === 2) playing?.end(endPacket(0))
      } else if (isPlay(request)) {
        playing = socket
        const head = answerHead({ pragma: 'client-id=1,timeout=1000' })
        socket.write(Buffer.concat([head, headerFrame(init), dataFrames(packets), endPacket(1)]))
      } else wellBehaved([])(request, socket, body)
    })
    const begun = performance.now()
    await pull(t, port).done
    assert.equal(alive, 2)
    assert.ok(performance.now() - begun >= 1500)
  })

  test('nobody there, and a name that does not exist', async (t) => {
    const port = await serve(t, () => undefined)
    const gone = await serve(t, () => undefined)
    assert.notEqual(port, gone)
    await refused(pull(t, 1).done, 'ERR_WMSP_CONNECT')
  })
})

describe('pulling from a hostile server', () => {
  const timeouts = { startMs: 200, idleMs: 200, sideMs: 100 }

  test('M-11: silence before the answer, within the header, and while playing', async (t) => {
    await refused(pull(t, await serve(t, () => undefined), { timeouts }).done, 'ERR_WMSP_TIMEOUT')
    const cut = headerFrame(init).subarray(0, -10)
    const inHeader = await serve(t, (_request, socket) => void socket.write(Buffer.concat([answerHead({}), cut])))
    await refused(pull(t, inHeader, { timeouts }).done, 'ERR_WMSP_TIMEOUT')
    const playing = await serve(t, (request, socket, body) => {
      if (!isPlay(request)) return wellBehaved([])(request, socket, body)
      socket.write(Buffer.concat([answerHead({}), headerFrame(init), dataFrames(packets)]))
    })
    await refused(pull(t, playing, { timeouts }).done, 'ERR_WMSP_TIMEOUT')
  })

  test('M-11: a header that drips without an end is given up in time', async (t) => {
    const port = await serve(t, (_request, socket) => {
      socket.write(answerHead({}))
      const timer = setInterval(() => socket.write(Uint8Array.of(0x24)), 20)
      socket.on('close', () => clearInterval(timer))
    })
    await assert.rejects(pull(t, port, { timeouts }).done, HeadendError)
  })

  test('M-11: a header that never ends costs no more than its limit', async (t) => {
    let sent = 0
    const port = await serve(t, (_request, socket) => {
      socket.write(answerHead({}))
      const first = frameHeader('H', new Uint8Array(MAX_DATA_PAYLOAD))
      first[9] = 0x04
      const more = frameHeader('H', new Uint8Array(MAX_DATA_PAYLOAD))
      more[9] = 0x00
      socket.write(first)
      const pour = () => {
        while (socket.writable && socket.write(more)) sent += more.byteLength
        sent += more.byteLength
      }
      socket.on('drain', pour)
      pour()
    })
    await refused(pull(t, port).done, 'ERR_WMSP_FRAGMENT')
    assert.ok(sent < 64 * 1024 * 1024, `${sent} bytes`)
  })

  test('M-11: redirects in a circle, and chunks shorter than their header', async (t) => {
    const circle: number = await serve(t, (_request, socket) => {
      socket.end(answer(new Uint8Array(0), { status: 302, headers: [['Location', `http://127.0.0.1:${circle}/x`]] }))
    })
    await refused(pull(t, circle).done, 'ERR_WMSP_REDIRECTS')
    const short = await serve(t, (_request, socket) => {
      socket.end(Buffer.concat([answerHead({}), Uint8Array.of(0x24, 0x48, 2, 0, 0, 0)]))
    })
    await refused(pull(t, short).done, 'ERR_WMS_FRAME_LENGTH')
  })

  test('M-11: packets that are no ASF packets end in one error', async (t) => {
    const port = await serve(t, (request, socket, body) => {
      if (!isPlay(request)) return wellBehaved([])(request, socket, body)
      const broken = packets.map((packet) => ({ ...packet, bytes: new Uint8Array(100).fill(0xff) }))
      const many = Array.from({ length: 10 }, () => broken).flat()
      socket.end(Buffer.concat([answerHead({}), headerFrame(init), dataFrames(many), endPacket(0)]))
    })
    await assert.rejects(pull(t, port).done, HeadendError)
  })
})
