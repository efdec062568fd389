import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hub } from '../live/hub.ts'
import type { Packet } from '../media/packet.ts'
import { packagedStreams } from './packaged-streams.ts'
import { packagersOf } from './packagers.ts'
import { choosePartTarget } from './part-target.ts'
import { AUDIO, audioPackets, interleave, VIDEO, videoPackets } from './vectors.ts'

function publish(hub: Hub, packets: readonly Packet[], path = 'live/a') {
  const publisher = hub.publish(path)
  publisher.announce([VIDEO, AUDIO])
  for (const packet of packets) publisher.write(packet)
  return publisher
}

const SIX_SECONDS = interleave([...videoPackets({ seconds: 6.5 }), ...audioPackets({ seconds: 6.5 })])

test('nothing is packaged before the first request; then the log makes several segments at once', () => {
  const hub = new Hub()
  publish(hub, SIX_SECONDS)
  const packagers = packagersOf(hub)
  assert.equal(packagers.size, 0)

  const packager = packagers.find('live/a')

  assert.equal(packagers.size, 1)
  assert.equal(packager?.store.targetDuration, 2)
  assert.equal(packager?.store.rendition('video-1')?.segments.filter(({ complete }) => complete).length, 3)
  hub.close()
})

test('asking for streams that do not exist keeps nothing', () => {
  const packagers = packagersOf(new Hub())

  for (let count = 0; count < 1000; count++) assert.equal(packagers.find(`live/none-${count}`), undefined)

  assert.equal(packagers.size, 0)
})

test('what nobody asks for any more is freed, and packaged again its numbers go on', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const hub = new Hub()
  const publisher = publish(hub, SIX_SECONDS)
  const packagers = packagersOf(hub)
  packagers.configure({ idleSeconds: 0 })
  const first = packagers.find('live/a')
  const readers = publisher.stream.readers

  context.mock.timers.tick(2_000)

  assert.equal(packagers.size, 0)
  assert.equal(first?.closed, true)
  assert.equal(publisher.stream.readers, readers - 1)
  const second = packagers.find('live/a')
  assert.ok(second !== undefined && second !== first)
  assert.notEqual(second.token, first?.token)
  const number = second.store.rendition('video-1')?.segments[0]?.number ?? 0
  assert.ok(number > (first?.store.rendition('video-1')?.segments.at(-1)?.number ?? 0))
  hub.close()
})

test('a stream that ends is complete, and stays for those who watch the end', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const hub = new Hub()
  const publisher = publish(hub, SIX_SECONDS)
  const packagers = packagersOf(hub)
  const packager = packagers.find('live/a')

  publisher.close({ final: true })

  assert.equal(packager?.store.ended, true)
  assert.ok(packager?.store.rendition('video-1')?.segments.every(({ complete }) => complete))
  assert.equal(packagers.find('live/a'), packager)
  context.mock.timers.tick(31_000)
  assert.equal(packagers.find('live/a'), undefined)
  assert.equal(packagers.size, 0)
})

test('segments of an ended stream that nobody asks for go sooner, and no ready answer keeps them', (context) => {
  context.mock.timers.enable({ apis: ['setTimeout'] })
  const hub = new Hub()
  const publisher = publish(hub, SIX_SECONDS)
  const packagers = packagersOf(hub)
  packagers.configure({ idleSeconds: 0 })
  const packager = packagers.find('live/a')
  assert.ok(packager !== undefined)
  packagers.hot.add('/live/a/index.m3u8', { packager, answer: () => undefined })
  packagers.hot.add('/live/a/video-1-0.m4s', { packager, number: 0, answer: () => undefined })
  assert.equal(packagedStreams(hub), 1)

  publisher.close({ final: true })
  context.mock.timers.tick(1)

  assert.equal(packagedStreams(hub), 0)
  assert.equal(packager.closed, true)
  assert.equal(packagers.hot.size, 0)
})

test('a new stream of the same path has new names', () => {
  const hub = new Hub()
  const publisher = publish(hub, SIX_SECONDS)
  const packagers = packagersOf(hub)
  const before = packagers.find('live/a')
  publisher.close({ final: true })
  publish(hub, SIX_SECONDS)

  const after = packagers.find('live/a')

  assert.notEqual(after?.token, before?.token)
  assert.equal(packagers.size, 1)
  hub.close()
})

test('a track that MP4 cannot describe fails its own packaging and nothing else', () => {
  const hub = new Hub()
  const bad = { ...AUDIO, config: new Uint8Array(0) }
  const publisher = publish(
    hub,
    interleave([...videoPackets({ seconds: 3 }), ...audioPackets({ track: bad, seconds: 3 })]),
  )

  const packager = packagersOf(hub).find('live/a')

  publisher.write({ track: VIDEO, data: new Uint8Array(5), dts: 3_000_000, pts: 3_000_000, key: true })
  assert.ok(packager !== undefined)
  assert.ok(packager.failure === undefined || packager.failure.code.startsWith('ERR_'))
  hub.close()
})

test('the part target fits whole packets of every track', () => {
  const wanted = 334_000
  for (const milliseconds of [16.7, 20, 21.3, 23.2, 33.4, 40, 41.7, 66.7, 100, 125, 128, 143, 200, 250, 500]) {
    const interval = milliseconds * 1000
    const target = choosePartTarget(wanted, [interval])
    const fullest = Math.floor(target / interval) * interval
    assert.ok(fullest >= 0.85 * target, `${milliseconds} ms: ${fullest} of ${target}`)
    assert.ok(target >= wanted && target % 1000 === 0)
  }
})

test('no segment ends in a part that hls.js takes for a rounding error', () => {
  const wanted = 334_000
  const audio = (1024 / 48_000) * 1e6
  for (const [rate, seconds] of [
    [25, 1],
    [25, 2],
    [25, 4],
    [30, 1],
    [30, 2],
    [24, 2],
    [50, 2],
    [60, 2],
    [29.97, 2],
  ] as const) {
    const video = 1e6 / rate
    const segment = Math.round(rate * seconds) * video
    const target = choosePartTarget(wanted, [video, audio], segment)
    for (const interval of [video, audio]) {
      const full = Math.floor((target - 1000) / interval) * interval
      const rest = segment % full
      const even = Math.min(rest, full - rest) < interval / 2
      assert.ok(even || rest > 100_000, `${rate} fps, ${seconds} s, parts of ${full}: the last has ${rest} µs`)
      assert.ok(full >= 0.85 * target)
    }
    assert.ok(target <= 1.25 * wanted, `${rate} fps, ${seconds} s: ${target}`)
  }
})
