import assert from 'node:assert/strict'
import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { RecordSettings } from './record-settings.ts'
import type { RecorderOptions } from './recorder.ts'
import { makePlace, openRecorder, publish, streamPackets } from './vectors.ts'

const QUOTA = 2_000_000
const SECONDS = 60
/** 240 kB a second: the stream has seven times the quota. */
const PICTURE_BYTES = 8_000
/** A file that is open stays, and so does what is completed while others are removed. */
const ROOM = QUOTA / 2

const LIMITS: Readonly<Record<string, Partial<RecorderOptions> & { record?: Partial<RecordSettings> }>> = {
  'of the path': { record: { keepBytes: QUOTA } },
  'of all recordings': { limits: () => ({ maxBytes: QUOTA }) },
}

describe('F-05: at the quota', () => {
  for (const [whose, options] of Object.entries(LIMITS)) {
    it(`${whose}, the oldest files make room, recording goes on and so does the stream`, async (t) => {
      const run = await openRecorder(makePlace(t), options)
      const packets = streamPackets({ seconds: SECONDS, size: PICTURE_BYTES })
      const stream = publish(run, packets.slice(0, 1))
      let most = 0

      for (let second = 0; second < SECONDS; second++) {
        stream.write(packets.slice(1).filter(({ dts }) => Math.floor(dts / 1e6) === second))
        while (run.recorder.waiting > 0) await setImmediate()
        await run.recorder.settled()
        most = Math.max(most, bytesIn(run.root))
      }

      assert.ok(most > QUOTA / 2, `${most} bytes at most`)
      assert.ok(most <= QUOTA + ROOM, `${most} bytes at most`)
      assert.ok(run.recorder.totals.removed > 10, `${run.recorder.totals.removed} files were removed`)
      assert.equal(run.recorder.states()[0]?.state, 'recording')
      assert.equal(run.recorder.totals.lostBytes, 0)
      stream.end()
      await run.recorder.close()
    })
  }
})

/** A file that is removed meanwhile has none. */
function bytesIn(root: string): number {
  const names = readdirSync(root, { recursive: true, encoding: 'utf8' })
  const files = names
    .map((name) => statSync(join(root, name), { throwIfNoEntry: false }))
    .filter((one) => one?.isFile())
  return files.reduce((sum, file) => sum + (file?.size ?? 0), 0)
}
