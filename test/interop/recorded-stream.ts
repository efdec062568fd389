/** A process that records a file as if it were live, until somebody kills it: `node recorded-stream.ts FILE FOLDER SPEED`. */
import { open } from 'node:fs/promises'
import { setTimeout as delay, setImmediate as immediate } from 'node:timers/promises'
import { Hub } from '../../src/live/hub.ts'
import { openReader } from '../../src/media/open-reader.ts'
import { SILENT_LOGGER } from '../../src/protocols/protocol.ts'
import { fileSource } from '../../src/services/recorder/index-file.ts'
import { DEFAULT_RECORD } from '../../src/services/recorder/record-settings.ts'
import { Recorder } from '../../src/services/recorder/recorder.ts'

const PATH = 'live/a'

const [file = '', root = '', speed = '1'] = process.argv.slice(2)
const hub = new Hub()
const recorder = new Recorder({
  hub,
  root,
  settingsOf: () => ({ ...DEFAULT_RECORD, splitMinutes: 0.1 }),
  limits: () => ({ maxBytes: undefined }),
  log: SILENT_LOGGER,
})
await recorder.open()
const handle = await open(file, 'r')
const reader = await openReader(fileSource(handle, (await handle.stat()).size))
const publisher = hub.publish(PATH)
recorder.published(PATH)
publisher.announce(reader.tracks)
const begin = performance.now()
let pictures = 0
for await (const packet of reader.packets(0)) {
  const wait = packet.dts / 1000 / Number(speed) - (performance.now() - begin)
  // The disk has its turn as with a publisher that is far away, also when this process was late.
  await (wait > 1 ? delay(wait) : immediate())
  publisher.write(packet)
  if (packet.track.kind !== 'video') continue
  // Standard output is a pipe, which is written at once: what was said is what was published when the end came.
  process.stdout.write(`${++pictures}\n`)
}
publisher.close({ final: true })
await recorder.close()
