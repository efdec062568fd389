import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { topLevelBoxes } from '../../media/containers/isobmff/box.ts'
import { type Disk, type DiskFile, nodeDisk } from './disk.ts'
import { readIndex } from './recording-index.ts'
import { indexName, parseRecordingName } from './recording-name.ts'
import { recover } from './recovery.ts'
import {
  contentOf,
  makePlace,
  openRecorder,
  PATH,
  packetContent,
  publish,
  type RecorderRun,
  streamPackets,
} from './vectors.ts'

const PACKETS = streamPackets({ seconds: 9, size: 200 })

/** A complete recording, and the places in it where a fragment ends. */
async function completeRecording(t: TestContext) {
  const place = makePlace(t)
  const run = await openRecorder(place)
  publish(run, PACKETS).end()
  await run.recorder.close()
  const [name = ''] = run.files()
  const folder = join(place.root, PATH)
  const bytes = readFileSync(join(folder, name))
  const ends = [...topLevelBoxes(bytes)]
    .filter(({ type }) => type === 'mdat')
    .map(({ body }) => body.offset + body.remaining)
  return { folder, name, bytes, index: readFileSync(join(folder, indexName(name))), ends, place }
}

/** Pictures and sounds of the whole fragments before a place. */
async function fragmentsBefore(folder: string, bytes: Uint8Array, end: number) {
  const file = join(folder, 'wanted.mp4')
  writeFileSync(file, bytes.subarray(0, end))
  return contentOf(file)
}

/** Of the first rendition. */
function segmentNumbers(index: string): number[] {
  const segments = readIndex(readFileSync(index)).entries.filter((entry) => entry.type === 'segment')
  return segments.filter(({ rendition }) => rendition === segments[0]?.rendition).map(({ number }) => number)
}

describe('recovery', () => {
  it('G-F3: whatever a crash leaves of a recording and of its index, all whole fragments are there afterwards', async (t) => {
    const { folder, name, bytes, index, ends } = await completeRecording(t)
    const work = join(folder, 'work')
    mkdirSync(work)
    const parsed = parseRecordingName(name)
    assert.ok(parsed)
    const header = [...topLevelBoxes(bytes)].find(({ type }) => type === 'moov')
    const first = (header?.body.offset ?? 0) + (header?.body.remaining ?? 0)
    for (let cut = 0; cut < 60; cut++) {
      const at = Math.floor((bytes.byteLength * cut) / 60) + (cut % 7)
      writeFileSync(join(work, name), bytes.subarray(0, at))
      // What the index has of it is written behind the bytes that it tells of, but may be torn, short or missing.
      const lines = index.subarray(0, Math.floor((index.byteLength * Math.max(0, cut - (cut % 5))) / 60))
      if (cut % 6 === 0) rmSync(join(work, indexName(name)), { force: true })
      else writeFileSync(join(work, indexName(name)), lines)

      const result = await recover({ folder: work, name, parsed, path: PATH })

      const end = ends.findLast((one) => one <= at)
      if (end === undefined) {
        assert.ok(result === 'removed' || result === 'foreign', `${result} at ${at} of ${first}`)
        rmSync(join(work, name), { force: true })
        continue
      }
      assert.equal(result, 'recovered')
      assert.deepEqual(await contentOf(join(work, name)), await fragmentsBefore(folder, bytes, end), `cut at ${at}`)
      const boxes = [...topLevelBoxes(readFileSync(join(work, name)))].map(({ type }) => type)
      assert.equal(boxes.at(-1), 'mfra')
      const { entries, wholeBytes } = readIndex(readFileSync(join(work, indexName(name))))
      assert.equal(wholeBytes, statSync(join(work, indexName(name))).size)
      assert.deepEqual([entries[0]?.type, entries.at(-1)?.type], ['file', 'end'])
      assert.equal(await recover({ folder: work, name, parsed, path: PATH }), 'complete')
    }
  })

  it('is done by the next start, and the window goes on with what was saved', async (t) => {
    const { folder, name, bytes, index, ends, place } = await completeRecording(t)
    const at = (ends[20] ?? 0) + 77
    truncateSync(join(folder, name), at)
    // As it is written: each line when the bytes are on the disk.
    const lines = index
      .toString()
      .split('\n')
      .filter((line) => {
        const entry = JSON.parse(line.slice(9) || '{}') as { type?: string; extents?: [number, number][] }
        return entry.type !== 'end' && (entry.extents ?? []).every(([offset, length]) => offset + length <= at)
      })
    writeFileSync(join(folder, indexName(name)), `${lines.filter((line) => line !== '').join('\n')}\n`)

    const run = await openRecorder(place)
    const { packager } = publish(run, PACKETS)

    assert.deepEqual(await contentOf(join(folder, name)), await fragmentsBefore(folder, bytes, ends[20] ?? 0))
    const numbers =
      packager.archive?.blocks('video-1').flatMap(({ segments }) => segments.map(({ number }) => number)) ?? []
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i),
    )
    assert.ok(numbers.length >= 5)
    await run.recorder.close()
  })

  it('numbers go on where they were when a crash came before the first line of a segment', async (t) => {
    const place = makePlace(t)
    const run = await openRecorder(place, { record: { splitMinutes: 0.1 } })
    publish(run, PACKETS).end()
    await run.recorder.close()
    const folder = join(place.root, PATH)
    const name = run.files().at(-1) ?? ''
    const parsed = parseRecordingName(name)
    assert.ok(parsed && run.files().length > 1)
    const index = join(folder, indexName(name))
    const lines = readFileSync(index, 'utf8').split('\n')
    const numbers = segmentNumbers(index)
    assert.ok((numbers[0] ?? 0) > 0)
    writeFileSync(
      index,
      lines
        .slice(
          0,
          lines.findIndex((line) => line.includes('"type":"segment"')),
        )
        .join('\n') + '\n',
    )

    const result = await recover({ folder, name, parsed, path: PATH })

    assert.equal(result, 'recovered')
    assert.deepEqual(segmentNumbers(index), numbers)
  })

  it('leaves files alone that are not recordings of ours', async (t) => {
    const place = makePlace(t)
    const folder = join(place.root, PATH)
    mkdirSync(folder, { recursive: true })
    const name = '2026-11-25T03-41-00Z.mp4'
    writeFileSync(join(folder, name), 'not a movie')

    const run = await openRecorder(place)
    await run.recorder.close()

    assert.equal(readFileSync(join(folder, name), 'latin1'), 'not a movie')
  })
})

describe('a disk that refuses', () => {
  it('G-F4, G-F5: live goes on, nothing torn stays, one state is told, and another file begins when there is room', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    for (let failing = 1; failing <= 24; failing++) {
      await t.test(`at call ${failing}`, async (context) => {
        const disk = new FailingDisk(failing)
        const place = makePlace(context)
        const run = await openRecorder(place, { disk })
        const stream = publish(run, streamPackets({ seconds: 3, size: 200 }))
        for (let second = 3; second < 16; second++) {
          stream.write(streamPackets({ seconds: 1, from: second * 1_000_000, size: 200 }))
          await idle(disk, run)
        }
        const refused = disk.failed
        disk.repair()
        t.mock.timers.tick(1_000)
        await idle(disk, run)
        for (let second = 16; second < 24; second++) {
          stream.write(streamPackets({ seconds: 1, from: second * 1_000_000, size: 200 }))
          await idle(disk, run)
        }
        const live = stream.packager.store.rendition('video-1')?.segments ?? []
        stream.end()
        await run.recorder.close()

        assert.equal(stream.packager.failure, undefined)
        assert.equal(live.reduce((sum, { packets }) => sum + packets, 0) > 600, true)
        const told = run.states.map(({ state }) => state)
        assert.equal(told.filter((state) => state === 'suspended').length, refused ? 1 : 0, told.join())
        assert.equal(told.at(-1), 'stopped')
        const wanted = packetContent(streamPackets({ seconds: 24, size: 200 })).video
        const pictures: string[] = []
        for (const name of run.files()) {
          const file = join(place.root, PATH, name)
          const parsed = parseRecordingName(name)
          assert.ok(parsed)
          assert.equal(await recover({ folder: join(place.root, PATH), name, parsed, path: PATH }), 'complete', name)
          pictures.push(...(await contentOf(file)).video)
        }
        assert.deepEqual(
          pictures,
          wanted.filter((picture) => pictures.includes(picture)),
        )
        assert.ok(pictures.includes(wanted[700] ?? ''), 'the end is recorded')
        if (!refused) assert.equal(pictures.length, wanted.length)
      })
    }
  })
})

/** The real disk, of which one call fails as a full one does, and all calls after it until it is repaired. */
class FailingDisk implements Disk {
  #left: number
  #repaired = false
  #running = 0
  failed = false

  constructor(failing: number) {
    this.#left = failing
  }

  get busy(): boolean {
    return this.#running > 0
  }

  repair(): void {
    this.#repaired = true
  }

  makeFolder = (path: string) => this.#run(() => nodeDisk.makeFolder(path))
  remove = (path: string) => this.#run(() => nodeDisk.remove(path))
  free = () => Promise.resolve(this.#repaired ? 1e12 : 0)

  create = (path: string): Promise<DiskFile> =>
    this.#run(async () => {
      this.#check()
      return this.#file(await nodeDisk.create(path))
    })

  #file(file: DiskFile): DiskFile {
    return {
      size: () => this.#run(() => file.size()),
      truncate: (length) => this.#run(() => file.truncate(length)),
      close: () => this.#run(() => file.close()),
      write: (buffers, position) => this.#run(() => this.#write(file, buffers, position)),
      sync: () =>
        this.#run(() => {
          this.#check()
          return file.sync()
        }),
    }
  }

  async #write(file: DiskFile, buffers: readonly Uint8Array[], position: number): Promise<void> {
    try {
      this.#check()
    } catch (error) {
      // A part of it reaches the disk.
      const all = Buffer.concat([...buffers])
      await file.write([all.subarray(0, Math.floor(all.byteLength / 2))], position)
      throw error
    }
    await file.write(buffers, position)
  }

  async #run<Result>(task: () => Promise<Result>): Promise<Result> {
    this.#running++
    try {
      return await task()
    } finally {
      this.#running--
    }
  }

  #check(): void {
    if (this.#repaired || --this.#left > 0) return
    this.failed = true
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC' })
  }
}

/** What was asked of the disk is done, and what follows from that. */
async function idle(disk: FailingDisk, { recorder }: RecorderRun): Promise<void> {
  for (let quiet = 0; quiet < 5; quiet = disk.busy || recorder.waiting > 0 ? 0 : quiet + 1) {
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}
