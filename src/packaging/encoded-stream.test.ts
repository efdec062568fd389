import assert from 'node:assert/strict'
import { test } from 'node:test'
import { UnavailableError } from '../errors.ts'
import { Hub } from '../live/hub.ts'
import type { Publisher } from '../live/publisher.ts'
import type { Stream } from '../live/stream.ts'
import type { Track } from '../media/track.ts'
import { Packagers } from './packagers.ts'
import type { LiveTranscode, Transcoder } from './transcoder.ts'
import { AUDIO, audioPackets, interleave, VIDEO, videoPackets } from './vectors.ts'

const WMV: Track = { id: 1, kind: 'video', codec: 'wmv2', timescale: 1000, video: { width: 64, height: 48 } }
const PATH = 'live/old'
const EPOCH = new Date('2026-01-01T00:00:00Z')

/** A transcoder whose renditions are written by the test. */
class HandTranscoder implements Transcoder {
  readonly opened: { readonly source: Stream; readonly publisher: Publisher; released: boolean }[] = []
  error: Error | undefined

  available(): Promise<boolean> {
    return Promise.resolve(true)
  }

  openFile(): never {
    throw new Error('not for files')
  }

  stillPictures(): never {
    throw new Error('not for pictures')
  }

  async openLive(source: Stream): Promise<LiveTranscode> {
    if (this.error !== undefined) throw this.error
    const publisher = new Hub().publish(source.path)
    const one = { source, publisher, released: false }
    this.opened.push(one)
    const release = () => {
      one.released = true
    }
    return { stream: publisher.stream, epoch: EPOCH, failure: undefined, release }
  }
}

function setup() {
  const hub = new Hub({ pathSettings: () => ({ graceMs: 60_000, onBusy: 'takeover', windowMs: 0 }) })
  const packagers = new Packagers(hub)
  const transcoder = new HandTranscoder()
  packagers.transcoder = transcoder
  const publish = (tracks: readonly Track[]) => {
    const publisher = hub.publish(PATH)
    publisher.announce(tracks)
    return publisher
  }
  return { hub, packagers, transcoder, publish }
}

/** Lets what was promised already happen. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
}

test('a stream of codecs that browsers do not know is packaged as its rendition, by the clock of its source', async () => {
  const { packagers, transcoder, publish } = setup()
  publish([WMV]).write({ track: WMV, dts: 0, pts: 0, key: true, data: Uint8Array.of(1) })

  const packager = packagers.find(PATH)
  await settle()
  const [rendition] = transcoder.opened
  rendition?.publisher.announce([VIDEO, AUDIO])
  for (const packet of interleave([...videoPackets({ seconds: 6 }), ...audioPackets({ seconds: 6 })])) {
    rendition?.publisher.write(packet)
  }

  assert.equal(transcoder.opened.length, 1)
  assert.equal(packager?.failure, undefined)
  assert.deepEqual(
    packager?.store.renditions.map(({ track }) => track.codec),
    ['h264', 'aac'],
  )
  assert.equal(packager?.epochMs, EPOCH.getTime())
  assert.equal(packagers.find(PATH), packager)
  packager?.close()
  assert.equal(rendition?.released, true)
})

test('nothing is encoded for who does not look', async () => {
  const { packagers, transcoder, publish } = setup()
  const source = publish([WMV])
  const write = (at: number) => source.write({ track: WMV, dts: at, pts: at, key: true, data: Uint8Array.of(1) })
  write(0)

  const packager = packagers.find(PATH, { watched: false })
  write(100_000)
  await settle()
  assert.equal(transcoder.opened.length, 0)
  assert.equal(packager?.failure?.code, 'ERR_STREAM_NO_TRACK')

  packagers.find(PATH)
  await settle()
  assert.equal(transcoder.opened.length, 1)
  assert.equal(packager?.failure, undefined)
  packager?.close()
})

test('why it cannot be encoded is told to those who wait', async () => {
  const { packagers, transcoder, publish } = setup()
  transcoder.error = new UnavailableError('ERR_TRANSCODE_BUSY', 'all are at work')
  publish([WMV]).write({ track: WMV, dts: 0, pts: 0, key: true, data: Uint8Array.of(1) })

  const packager = packagers.find(PATH)
  await packager?.store.waitForStart({ waitMs: 10_000, signal: new AbortController().signal })

  assert.equal(packager?.failure?.code, 'ERR_TRANSCODE_BUSY')
  packager?.close()
})

test('a publisher of other codecs gets another packager', async () => {
  const { packagers, transcoder, publish } = setup()
  publish([WMV]).write({ track: WMV, dts: 0, pts: 0, key: true, data: Uint8Array.of(1) })
  const encoded = packagers.find(PATH)
  await settle()

  const modern = publish([VIDEO])
  for (const packet of videoPackets({ seconds: 6 })) modern.write({ ...packet, track: VIDEO })
  const direct = packagers.find(PATH)

  assert.notEqual(direct, encoded)
  assert.equal(encoded?.closed, true)
  assert.equal(transcoder.opened[0]?.released, true)
  assert.equal(direct?.store.renditions.length, 1)
  const old = publish([WMV])
  old.write({ track: WMV, dts: 0, pts: 0, key: true, data: Uint8Array.of(1) })
  assert.notEqual(packagers.find(PATH), direct)
  await settle()
  assert.equal(transcoder.opened.length, 2)
  packagers.find(PATH)?.close()
})
