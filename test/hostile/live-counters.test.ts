/** D-07 and D-08 of live streams: whoever publishes again, whatever the server does, a counter never meets other bytes under its key. */
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { createServer, type HeadendServer } from '../../src/index.ts'
import { memorySource } from '../../src/media/byte-source.ts'
import type { MediaPlaylist, MultivariantPlaylist, Segment } from '../../src/media/manifests/hls/model.ts'
import { parsePlaylist } from '../../src/media/manifests/hls/parse.ts'
import { openReader } from '../../src/media/open-reader.ts'
import type { Packet } from '../../src/media/packet.ts'
import { MICROS_PER_MS } from '../../src/media/time.ts'
import { movieFile } from '../../src/packaging/on-demand/vectors.ts'
import { CounterRecorder } from '../support/counter-recorder.ts'
import { eventually } from './attacked-server.ts'

const PATH = 'live/studio'
const SECONDS = 12
const ROTATE_SECONDS = 4
/** Keys of a stream: it spans so many stretches of time. */
const KEYS = SECONDS / ROTATE_SECONDS
const START = Date.UTC(2026, 10, 25, 3, 0, 0)
/** From the end of a publisher to the next one, milliseconds. */
const PAUSE_MS = 5000

describe('D-08: counters of live streams', () => {
  it('are used once across changes of the key, other publishers and restarts of the server', async (t) => {
    const place = await placeOf(t)
    const clock = clockOf(t)
    const recorder = new CounterRecorder()

    const first = await serve(t, place)
    await publish(first, clock, 900)
    const one = await recordAll(recorder, first, 'first')
    await publish(first, clock, 901)
    const two = await recordAll(recorder, first, 'second publisher')
    await first.close()
    const live = recorder.facts
    const second = await serve(t, place)
    await publish(second, clock, 902)
    const three = await recordAll(recorder, second, 'after the restart')

    const { facts } = recorder
    assert.ok(facts.counters > 3 * SECONDS * 25 * 50, `${facts.counters} counters`)
    assert.ok(
      one.size >= 2 * KEYS && two.size > one.size && three.size > two.size,
      `${one.size} ${two.size} ${three.size}`,
    )
    assert.ok(facts.keyIds.length >= 3 * KEYS, `${facts.keyIds.length} keys`)
    // What lies in the recording goes out as it did before the restart: the same names, the same bytes.
    assert.ok(facts.repeated > live.repeated)
    for (const [name, bytes] of two) assert.ok(three.get(name)?.equals(bytes), name)
  })

  it('are used once where a stream that changes no key begins again', async (t) => {
    const place = await placeOf(t)
    const clock = clockOf(t)
    const recorder = new CounterRecorder()
    const protect = { scheme: 'cenc' } as const

    for (const [index, size] of [900, 901, 902].entries()) {
      const server = await serve(t, place, protect)
      await publish(server, clock, size)
      await recordAll(recorder, server, `run ${index}`)
      await server.close()
    }

    assert.equal(recorder.facts.keyIds.length, 3)
    assert.ok(recorder.facts.counters > 3 * SECONDS * 25 * 50, `${recorder.facts.counters} counters`)
  })
})

async function placeOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headend-live-counters-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

interface Clock {
  /** Milliseconds since the last pause began. */
  to(passedMs: number): void
  pause(): void
}

/** The wall clock goes as the packets tell it: each stream is published in a moment, and believed to be where its times are. */
function clockOf(t: TestContext): Clock {
  let begin = START
  let now = START
  t.mock.timers.enable({ apis: ['Date'], now })
  const set = (time: number) => t.mock.timers.setTime((now = Math.max(now, Math.round(time))))
  return {
    to: (passedMs) => set(begin + passedMs),
    pause: () => set((begin = now + PAUSE_MS)),
  }
}

async function serve(
  t: TestContext,
  data: string,
  protect: object = { scheme: 'cenc', rotateSeconds: ROTATE_SECONDS },
): Promise<HeadendServer> {
  const paths = { [PATH]: { protect, record: true } }
  const settings = { host: '127.0.0.1', data, testChannel: false, http: { port: 0 }, rtmp: false, paths } as const
  const server = await createServer(settings, { writeLog: () => undefined })
  t.after(() => server.close())
  return server
}

/** A stream of `SECONDS`, to its end. `size` of its pictures makes all its bytes others than those of another size. */
async function publish(server: HeadendServer, clock: Clock, size: number): Promise<void> {
  const over = new Promise<void>((resolve) => {
    const stop = server.on('recording', ({ state }) => {
      if (state !== 'stopped') return
      stop()
      resolve()
    })
  })
  const reader = await openReader(memorySource(movieFile({ seconds: SECONDS, gop: 48, size, slices: true })))
  const packets: Packet[] = []
  for await (const packet of reader.packets(0)) packets.push(packet)
  const publisher = await eventually('the path is free', () => Promise.resolve(server.publish(PATH)))
  assert.ok(publisher !== true)
  publisher.announce(reader.tracks)
  for (const packet of packets) {
    clock.to(packet.dts / MICROS_PER_MS)
    publisher.write(packet)
  }
  publisher.close({ final: true })
  clock.pause()
  await over
}

/** All that the stream lists, pictures and sound; the bytes by name. */
async function recordAll(recorder: CounterRecorder, server: HeadendServer, run: string): Promise<Map<string, Buffer>> {
  const index = new URL(`${server.urls['http']}/${PATH}/index.m3u8`)
  const { variants, renditions } = parsePlaylist((await get(index)).toString()) as MultivariantPlaylist
  const all = new Map<string, Buffer>()
  for (const { uri } of [...variants, ...renditions]) {
    const url = new URL(uri ?? '', index)
    const { segments } = parsePlaylist((await get(url)).toString()) as MediaPlaylist
    for (const segment of segments.filter(({ gap }: Segment) => gap !== true)) {
      const init = await get(new URL(segment.map?.uri ?? '', url))
      const bytes = await get(new URL(segment.uri, url))
      recorder.add(init, bytes, `${run}: ${segment.uri}`)
      all.set(segment.uri, bytes)
    }
  }
  return all
}

async function get(url: URL): Promise<Buffer> {
  const response = await fetch(url)
  const body = Buffer.from(await response.arrayBuffer())
  assert.equal(response.status, 200, `${url.href}: ${body.toString('utf8', 0, 200)}`)
  return body
}
