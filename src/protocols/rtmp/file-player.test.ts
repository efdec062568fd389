/** Files of the library over real connections, with made-up packets. */
import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { mediaLibraryOf, readerOf } from '../../../test/support/media-library.ts'
import { packetAt } from '../../../test/support/packets.ts'
import { unusedServices } from '../../../test/support/unused-services.ts'
import { PeerError } from '../../errors.ts'
import type { Authorize } from '../../live/access.ts'
import { Hub } from '../../live/hub.ts'
import { Sessions } from '../../live/sessions.ts'
import { readAmf0Values } from '../../media/amf/amf0.ts'
import { amfProperties } from '../../media/amf/value.ts'
import { ByteReader } from '../../media/bytes/byte-reader.ts'
import type { Track } from '../../media/track.ts'
import { quietLogger } from '../../net/testdata/raw-client.ts'
import { ChunkWriter } from './chunk-writer.ts'
import { openRtmpClient, type RtmpClient } from './client.ts'
import { rtmp } from './index.ts'
import { MESSAGE_TYPE, type RtmpMessage, USER_CONTROL, userControlMessage } from './message.ts'

const video: Track = { id: 1, kind: 'video', codec: 'h264', timescale: 1000, video: { width: 320, height: 180 } }
const audio: Track = {
  id: 101,
  kind: 'audio',
  codec: 'aac',
  config: Uint8Array.of(0x12, 0x10),
  audio: { sampleRate: 44_100, channels: 2 },
  timescale: 44_100,
}
const text: Track = { id: 301, kind: 'text', codec: 'webvtt', timescale: 1000 }
const old: Track = { id: 101, kind: 'audio', codec: 'wma2', timescale: 1000 }

/** Pictures and sound of 25 a second, a key picture each second; the bytes tell the number. */
function film(seconds: number, size = 4) {
  const packets = Array.from({ length: seconds * 25 }, (_, index) => [
    packetAt(index * 40, { track: video, key: index % 25 === 0, size, fill: index & 0xff }),
    packetAt(index * 40, { track: audio, fill: index & 0xff }),
    ...(index === 3 ? [packetAt(120, { track: text })] : []),
  ]).flat()
  return readerOf([video, audio, text], packets)
}

const FILES = {
  'vod/film.mp4': film(2),
  'vod/long.mp4': film(60),
  'vod/huge.mp4': film(60, 100_000),
  'vod/плёнка 1.mkv': film(1),
  'vod/old.flv': readerOf([old], [packetAt(0, { track: old })]),
}

const opened: { close(): Promise<void> | void }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

async function serve(authorize: Authorize = async () => {}) {
  const sessions = new Sessions()
  const log = quietLogger()
  const context = {
    hub: new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) }),
    sessions,
    authorize,
    http: undefined as never,
    ...unusedServices,
    ...mediaLibraryOf(FILES),
    log,
    host: '127.0.0.1',
    tls: undefined,
  }
  const listening = await rtmp.serve!(context, rtmp.options.parse({ port: 0, tlsPort: 0 }))
  opened.push(listening)
  return { port: listening.ports['rtmp']!, sessions, log }
}

interface Viewer {
  readonly client: RtmpClient
  readonly heard: RtmpMessage[]
  /** Resolves when a message like that came, now or later. */
  until(matches: (message: RtmpMessage) => boolean): Promise<RtmpMessage>
}

async function watch(port: number, path: string, startMs?: number): Promise<Viewer> {
  const heard: RtmpMessage[] = []
  const waiting = new Set<() => void>()
  const client = await openRtmpClient(new URL(`rtmp://127.0.0.1:${port}/${path}`), {
    role: 'play',
    signal: new AbortController().signal,
    ...(startMs === undefined ? {} : { startMs }),
    onMedia: (message) => {
      heard.push(message)
      for (const wake of waiting) wake()
    },
  })
  opened.push({ close: () => client.close() })
  return {
    client,
    heard,
    async until(matches) {
      for (;;) {
        const found = heard.find(matches)
        if (found !== undefined) return found
        await new Promise<void>((resolve) => waiting.add(resolve))
      }
    },
  }
}

const isPicture = ({ type, payload }: RtmpMessage) => type === MESSAGE_TYPE.VIDEO && payload[1] === 1
const pictures = (heard: readonly RtmpMessage[]) => heard.filter(isPicture).map(({ timestampMs }) => timestampMs)

describe('RTMP: files of the library', () => {
  it('plays to the end: metadata with the duration, pictures and sound in order, no text', async () => {
    const { port, sessions } = await serve()
    const { client, heard } = await watch(port, 'vod/film.mp4')
    assert.deepEqual(
      [...sessions.list()].map(({ start }) => [start.path, start.role]),
      [['vod/film.mp4', 'play']],
    )

    await client.ended

    const [metadata, ...media] = heard
    const values = readAmf0Values(new ByteReader(metadata!.payload))
    assert.equal(values[0], 'onMetaData')
    const { duration, title } = amfProperties(values[1]) ?? {}
    assert.deepEqual([duration, title], [2, 'made up'])
    assert.deepEqual(
      pictures(heard),
      Array.from({ length: 50 }, (_, index) => index * 40),
    )
    const times = media.map(({ timestampMs }) => timestampMs)
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    )
  })

  it('names in any script, without an ending and with a prefix', async () => {
    const { port } = await serve()
    for (const path of [
      'vod/плёнка 1.mkv',
      'vod/mp4:film',
      'vod/mp4:film.mp4',
      'vod/%D0%BF%D0%BB%D1%91%D0%BD%D0%BA%D0%B0%201.mkv',
    ]) {
      const { until } = await watch(port, path)

      await until(isPicture)
    }
  })

  it('starts at the key picture of the place asked for, with times from 0, and counts from the beginning behind a seek', async () => {
    const { port } = await serve()
    const { client, until, heard } = await watch(port, 'vod/long.mp4', 30_500)

    await until(({ timestampMs }) => timestampMs >= 3000)

    const first = heard.find(isPicture)
    assert.deepEqual([first?.timestampMs, first?.payload.at(-1)], [0, (30 * 25) & 0xff])
    client.session.sendCommand('seek', 40_500)
    client.flush()
    await until((message) => isPicture(message) && message.timestampMs === 40_000)
  })

  it('a seek lets nothing of before through', async () => {
    const { port } = await serve()
    const { client, heard, until } = await watch(port, 'vod/long.mp4')
    await until(({ timestampMs }) => timestampMs >= 2900)

    client.session.sendCommand('seek', 40_500)
    client.flush()
    await until(({ timestampMs }) => timestampMs >= 43_000)
    client.session.sendCommand('seek', 10_000)
    client.flush()
    await until(({ timestampMs }) => timestampMs >= 10_000 && timestampMs < 20_000)

    const times = pictures(heard)
    const jumps = times.flatMap((time, index) => (index > 0 && Math.abs(time - times[index - 1]!) > 40 ? [time] : []))
    assert.deepEqual(jumps, [40_000, 10_000])
  })

  it('pauses, and goes on behind the time that the player shows', async () => {
    const { port } = await serve()
    const { client, heard, until } = await watch(port, 'vod/long.mp4')
    await until(({ timestampMs }) => timestampMs >= 2900)
    client.session.sendCommand('pause', true, 1000)
    client.session.sendCommand('pause', false, 1000)
    client.flush()

    await until((message) => isPicture(message) && message.timestampMs > 3040)

    const again = pictures(heard)
      .slice(1)
      .findIndex((time, index) => time < pictures(heard)[index]!)
    assert.equal(pictures(heard)[again + 1], 1040)
  })

  it('leaves out what is not to be received, and begins pictures again with a key picture', async () => {
    const { port } = await serve()
    const { client, heard, until } = await watch(port, 'vod/long.mp4')
    await until(({ timestampMs }) => timestampMs >= 2900)
    client.session.sendCommand('receiveVideo', false)
    client.session.sendCommand('seek', 20_000)
    client.flush()
    await until(({ timestampMs }) => timestampMs >= 22_000)
    client.session.sendCommand('receiveVideo', true)
    client.session.sendCommand('seek', 30_500)
    client.flush()
    await until((message) => isPicture(message) && message.timestampMs >= 30_000)

    assert.equal(pictures(heard).filter((time) => time >= 20_000)[0], 30_000)
  })

  it('F: absurd seeks and hundreds of them end at the last one, and hold nothing', async () => {
    const { port, log } = await serve()
    const { client, until } = await watch(port, 'vod/long.mp4')
    const other = await watch(port, 'vod/film.mp4')
    await until(isPicture)

    for (let count = 0; count < 200; count++) client.session.sendCommand('seek', (count * 7919) % 60_000)
    for (const place of [-5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY, 'x', null, 50_000]) {
      client.session.sendCommand('seek', place)
    }
    client.flush()
    await assert.rejects(client.ended, /InvalidTime/)

    await other.client.ended
    assert.deepEqual(log.lines, [])
  })

  it('F: a viewer that never reads gets no more than its socket holds', async () => {
    const { port, sessions } = await serve()
    const { client } = await watch(port, 'vod/huge.mp4')
    client.socket.pause()
    // It wants all of it at once, 150 MB.
    const wish = new ChunkWriter()
    wish.write(userControlMessage({ event: USER_CONTROL.SET_BUFFER_LENGTH, value: 1, extra: 3_600_000 }))
    client.socket.write(wish.read()!)
    const [session] = [...sessions.list()]
    const other = await watch(port, 'vod/film.mp4')

    await other.client.ended
    for (let before = -1, still = 0; still < 50; still = before === session!.bytesOut ? still + 1 : 0) {
      before = session!.bytesOut
      await new Promise((resolve) => setImmediate(resolve))
    }

    assert.ok(session!.bytesOut > 100_000, 'it plays')
    assert.ok(session!.bytesOut < 40_000_000, `${session!.bytesOut} bytes`)
  })

  it('says what is not there, what may not be played, and what RTMP cannot carry', async () => {
    const { port } = await serve(async ({ path }) => {
      if (path === 'vod/long.mp4') throw new PeerError('ERR_ACCESS_DENIED', 'expected a key')
    })

    await assert.rejects(watch(port, 'vod/absent.mp4'), { code: 'ERR_RTMP_REMOTE_NOT_FOUND' })
    await assert.rejects(watch(port, 'vod/long.mp4'), /expected a key/)
    await assert.rejects(watch(port, 'vod/old'), /wma2/)
  })
})
