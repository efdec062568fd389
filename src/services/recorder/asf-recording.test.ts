import assert from 'node:assert/strict'
import { readFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { memorySource } from '../../media/byte-source.ts'
import { buildAsfInit } from '../../media/containers/asf/header-builder.ts'
import type { AsfInit } from '../../media/containers/asf/model.ts'
import { AsfPacketizer } from '../../media/containers/asf/packetizer.ts'
import { openReader } from '../../media/open-reader.ts'
import type { Packet } from '../../media/packet.ts'
import type { Track } from '../../media/track.ts'
import { asfUnits, NativeAsfUnits } from '../../protocols/windows-media/asf-units.ts'
import { parseRecordingName } from './recording-name.ts'
import { recover } from './recovery.ts'
import { makePlace, openRecorder, PATH, type RecorderRun, streamPackets } from './vectors.ts'

const WMV: Track = {
  id: 1,
  kind: 'video',
  codec: 'wmv2',
  config: Uint8Array.of(1, 2, 3, 4),
  video: { width: 64, height: 48 },
  timescale: 1000,
}

/** Video that only ASF carries, a key picture each second. */
const PICTURES = streamPackets({ seconds: 14, video: WMV }).filter(({ track }) => track === WMV)

/** As a Windows Media encoder pushes it: data packets for those who speak that, and the pictures in them for everybody else. */
function push(
  run: RecorderRun,
  packets: readonly Packet[],
  init: AsfInit,
  { encrypted = false }: { readonly encrypted?: boolean } = {},
): void {
  const publisher = run.hub.publish(PATH)
  run.recorder.published(PATH)
  publisher.announce(encrypted ? [] : [WMV])
  const units = new NativeAsfUnits(publisher.provide(asfUnits))
  const packetizer = new AsfPacketizer(init)
  for (const packet of packets) {
    run.clock.to(packet.dts / 1000)
    packetizer.write(packet)
    packetizer.flush()
    for (let one = packetizer.read(); one !== undefined; one = packetizer.read()) units.write(one.bytes, init)
    if (!encrypted) publisher.write(packet)
  }
  publisher.close({ final: true })
  run.recorder.ended(PATH)
}

async function picturesOf(bytes: Uint8Array): Promise<string[]> {
  const reader = await openReader(memorySource(bytes))
  assert.equal(reader.format, 'asf')
  const pictures: string[] = []
  for await (const { data } of reader.packets(0)) pictures.push(Buffer.from(data).toString('hex'))
  return pictures
}

const newInit = () => buildAsfInit({ tracks: [WMV], metadata: {}, packetSize: 1400, prerollMs: 2000, broadcast: true })
const hex = ({ data }: Packet) => Buffer.from(data).toString('hex')

describe('recording of ASF', () => {
  it('keeps what came in as ASF as ASF, in files that begin with a key picture, and only that where MP4 cannot carry it', async (t) => {
    const run = await openRecorder(makePlace(t), { nativeUnits: asfUnits, record: { splitMinutes: 0.1 } })
    push(run, PICTURES, newInit())
    await run.recorder.close()

    const files = run.files()
    assert.equal(files.length, 3)
    assert.ok(
      files.every((name) => name.endsWith('.asf')),
      files.join(),
    )
    const contents = await Promise.all(files.map((name) => picturesOf(readFileSync(join(run.root, PATH, name)))))
    // Times come in milliseconds, so that a file may end a picture early.
    assert.deepEqual(contents.flat(), PICTURES.map(hex))
    for (const [first] of contents) assert.equal(PICTURES.find((one) => hex(one) === first)?.key, true)
    const listed = await Promise.all((await run.recorder.find(PATH)).map((found) => run.recorder.describe(found)))
    assert.ok(
      listed.every(({ durationMs = 0 }) => durationMs > 1000 && durationMs < 7000),
      JSON.stringify(listed),
    )
    for (const name of files) {
      const parsed = parseRecordingName(name)
      assert.ok(parsed)
      assert.equal(await recover({ folder: join(run.root, PATH), name, parsed, path: PATH }), 'complete')
    }
  })

  it('keeps what is encrypted, of which no packet of a track ever comes', async (t) => {
    const run = await openRecorder(makePlace(t), { nativeUnits: asfUnits })
    push(run, PICTURES, newInit(), { encrypted: true })
    await run.recorder.close()

    const [file = '', ...others] = run.files()
    assert.deepEqual(others, [])
    assert.deepEqual(await picturesOf(readFileSync(join(run.root, PATH, file))), PICTURES.map(hex))
  })

  it('completes what a crash left', async (t) => {
    const run = await openRecorder(makePlace(t), { nativeUnits: asfUnits })
    const init = newInit()
    push(run, PICTURES, init)
    await run.recorder.close()
    const [name = ''] = run.files()
    const file = join(run.root, PATH, name)
    const parsed = parseRecordingName(name)
    assert.ok(parsed)
    const header = init.bytes.byteLength
    const whole = await picturesOf(readFileSync(file))
    assert.equal(whole.length, PICTURES.length)

    truncateSync(file, header + 100 * init.packetSize + 333)
    assert.equal(await recover({ folder: join(run.root, PATH), name, parsed, path: PATH }), 'recovered')
    const saved = await picturesOf(readFileSync(file))
    assert.deepEqual(saved, whole.slice(0, saved.length))
    assert.ok(saved.length >= 99, `${saved.length} pictures of 100 packets`)
    assert.equal(await recover({ folder: join(run.root, PATH), name, parsed, path: PATH }), 'complete')

    truncateSync(file, header - 1)
    assert.equal(await recover({ folder: join(run.root, PATH), name, parsed, path: PATH }), 'removed')
  })
})
