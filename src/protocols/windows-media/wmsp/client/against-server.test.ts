/** The client against the server of this package, over loopback. */
import assert from 'node:assert/strict'
import { describe, type TestContext, test } from 'node:test'
import { HeadendError, PeerError } from '../../../../errors.ts'
import { systemClock } from '../../../../library/clock.ts'
import { Hub } from '../../../../live/hub.ts'
import { withoutPadding } from '../../../../media/containers/asf/padding.ts'
import { testFile } from '../../../../media/containers/asf/test-files.suite.ts'
import { quietLogger } from '../../../../net/testdata/raw-client.ts'
import { type AsfUnit, asfUnits } from '../../asf-units.ts'
import { nativeOf, publishNative, type SetupOptions, setup, turn } from '../loopback.suite.ts'
import { pullWindowsMedia, type WmspPullOptions } from './client.ts'

const FILE = 'wmv2-wmav2.wmv'
const { init, packets } = nativeOf(FILE)

async function serverOf(t: TestContext, options: SetupOptions = {}) {
  const server = await setup({ clock: systemClock, fastStartMs: 30_000, ...options })
  t.after(() => server.close())
  return server
}

function pull(t: TestContext, address: string, options: Partial<WmspPullOptions> = {}) {
  const hub = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) })
  t.after(() => hub.close())
  const publisher = hub.publish('live/pulled')
  const cursor = publisher.provide(asfUnits).open()
  const units: AsfUnit[] = []
  const media = publisher.stream.subscribe()
  let packetCount = 0
  const collect = () => {
    for (let unit = cursor.take(); unit !== undefined; unit = cursor.take()) units.push(unit)
    while (media.take() !== undefined) packetCount++
  }
  cursor.onWake = collect
  const done = pullWindowsMedia(new URL(address), publisher, {
    signal: new AbortController().signal,
    log: quietLogger(),
    ...options,
  }).then(collect)
  return {
    done,
    units,
    stream: publisher.stream,
    get packetCount() {
      return packetCount
    },
  }
}

const bare = (bytes: Uint8Array) => Buffer.from(withoutPadding(bytes))

describe('the client and the server of Windows Media over HTTP', () => {
  test('a file comes packet by packet as it is, and its logs go back: of what came, and of what was shown', async (t) => {
    const server = await serverOf(t, { files: { 'vod/a.wmv': testFile(FILE).bytes } })
    const pulled = pull(t, `mms://127.0.0.1:${server.port}/vod/a.wmv`)
    await pulled.done
    assert.deepEqual(
      pulled.units.map(({ bytes }) => Buffer.from(bytes)),
      packets.map(({ bytes }) => bare(bytes)),
    )
    assert.deepEqual(
      pulled.stream.tracks.map(({ codec }) => codec),
      ['wmv2', 'wma2'],
    )
    assert.ok(pulled.packetCount > 10)
    const [received, shown] = ['streaming', 'rendering'].map((kind) => server.playLogs.find((log) => log.kind === kind))
    assert.equal(server.playLogs.length, 2)
    assert.equal(received?.wmlog.fields['c-pkts-received'], packets.length)
    assert.deepEqual([received?.path, shown?.path], ['vod/a.wmv', 'vod/a.wmv'])
    assert.ok((shown?.wmlog.fields['x-duration'] ?? 0) > 0)
    assert.equal(shown?.wmlog.form, 52)
    assert.ok(received?.sessionId !== undefined && received.sessionId === shown?.sessionId)
  })

  test('a broadcast comes from a key packet on, as the encoder sent it, to its end', async (t) => {
    const server = await serverOf(t)
    const encoder = publishNative(server.hub, 'live/a', FILE)
    encoder.send(2)
    const pulled = pull(t, `mms://127.0.0.1:${server.port}/live/a`, { role: 'server' })
    while (pulled.units.length === 0) await turn()
    encoder.send(5)
    while (pulled.units.length < 5) await turn()
    encoder.publisher.close()
    await pulled.done
    const got = pulled.units.map(({ bytes }) => Buffer.from(bytes))
    const sent = packets.slice(0, 7).map(({ bytes }) => bare(bytes))
    assert.deepEqual(got, sent.slice(sent.length - got.length))
    assert.equal(server.playLogs.length, 1)
  })

  for (const predictive of [true, false]) {
    test(`a playlist plays through, ${predictive ? 'predicted' : 'selected entry by entry'}`, async (t) => {
      const server = await serverOf(t, {
        files: { 'vod/a.wmv': testFile(FILE).bytes, 'vod/b.wma': testFile('wmav2.wma').bytes },
        playlists: { 'channel/x': { entries: ['vod/a.wmv', 'vod/b.wma'], loop: false } },
      })
      const pulled = pull(t, `mms://127.0.0.1:${server.port}/channel/x`, { predictive })
      await pulled.done
      const second = nativeOf('wmav2.wma').packets
      assert.equal(pulled.units.length, packets.length + second.length)
      assert.equal(new Set(pulled.units.map((unit) => unit.init)).size, 2)
      assert.deepEqual(server.playLogs.map(({ kind }) => kind).sort(), [
        'rendering',
        'rendering',
        'streaming',
        'streaming',
      ])
    })
  }

  test('begins where it is told, at the key packet before', async (t) => {
    const server = await serverOf(t, { files: { 'vod/a.wmv': testFile(FILE).bytes } })
    const pulled = pull(t, `mms://127.0.0.1:${server.port}/vod/a.wmv`, { startMs: 1000 })
    await pulled.done
    const sent = pulled.units.map(({ bytes }) => Buffer.from(bytes))
    assert.ok(sent.length > 0 && sent.length < packets.length, `${sent.length} of ${packets.length} packets`)
    assert.deepEqual(
      sent,
      packets.slice(-sent.length).map(({ bytes }) => bare(bytes)),
    )
  })

  test('takes the streams it is told', async (t) => {
    const server = await serverOf(t, { files: { 'vod/a.wmv': testFile(FILE).bytes } })
    const audio = init.streams.find(({ kind }) => kind === 'audio')?.number ?? 0
    const pulled = pull(t, `mms://127.0.0.1:${server.port}/vod/a.wmv`, { streams: [audio] })
    await pulled.done
    const bytes = pulled.units.reduce((sum, unit) => sum + unit.size, 0)
    const all = packets.reduce((sum, packet) => sum + withoutPadding(packet.bytes).byteLength, 0)
    assert.ok(bytes > 0 && bytes < all / 2, `${bytes} of ${all} bytes`)
  })

  test('shows user and password by Digest, and is told no', async (t) => {
    const server = await serverOf(t, {
      files: { 'vod/a.wmv': testFile(FILE).bytes },
      authorize: async ({ credentials }) => {
        if (credentials.proves?.('pass:word') !== true) throw new PeerError('ERR_ACCESS_DENIED', 'no')
      },
    })
    const address = (who: string) => `mms://${who}127.0.0.1:${server.port}/vod/a.wmv`
    const pulled = pull(t, address('user:pass%3Aword@'))
    await pulled.done
    assert.equal(pulled.units.length, packets.length)
    for (const who of ['', 'user:wrong@']) {
      await assert.rejects(
        pull(t, address(who)).done,
        (error) => error instanceof HeadendError && error.code === 'ERR_WMSP_DENIED',
      )
    }
  })

  test('a stream that is not there is named so', async (t) => {
    const server = await serverOf(t)
    await assert.rejects(
      pull(t, `mms://127.0.0.1:${server.port}/live/none`).done,
      (error) => error instanceof HeadendError && error.code === 'ERR_WMSP_NOT_FOUND',
    )
  })
})
