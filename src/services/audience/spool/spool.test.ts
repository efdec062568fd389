import assert from 'node:assert/strict'
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import { MAX_BATCH_EVENTS, parseEvent, parseEvents } from './event-lines.ts'
import { readRecord, SPOOL_MAGIC, writeRecord } from './record.ts'
import { Spool, type SpoolOptions } from './spool.ts'
import { listSpoolFiles, spoolFile } from './spool-files.ts'
import { SpoolReader } from './spool-reader.ts'
import { EVENT, RECORD_HEX } from './vectors.ts'

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'spool-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return folder
}

async function openSpool(t: TestContext, options: SpoolOptions): Promise<Spool> {
  const spool = await Spool.open(options)
  t.after(() => spool.close())
  return spool
}

const numbered = (sequence: number, more: Partial<PlayEvent> = {}): PlayEvent => ({ ...EVENT, sequence, ...more })

/** Numbers of batches with the sequences of their events. */
function readAll(folder: string, after = 0, maxEvents = 3) {
  const reader = new SpoolReader(folder, after)
  const found: [number, (number | undefined)[]][] = []
  for (;;) {
    const batches = reader.read(Number.MAX_SAFE_INTEGER, maxEvents)
    if (batches.length === 0) break
    for (const { number, lines } of batches) found.push([number, lines.map(({ event }) => event.sequence)])
  }
  reader.close()
  return { found, damaged: reader.damaged }
}

describe('a record of the spool', () => {
  const bytes = Buffer.from(RECORD_HEX, 'hex')

  it('is read and written as its layout says', () => {
    const record = readRecord(bytes, 0)

    assert.ok(record !== undefined)
    assert.deepEqual([record.number, record.end], [7, bytes.length])
    assert.deepEqual(parseEvents(Buffer.from(record.payload).toString()), [
      { event: EVENT, line: JSON.stringify(EVENT) },
    ])
    assert.deepEqual(writeRecord(7, record.payload), bytes)
  })

  it('is not there before its last byte', () => {
    for (let length = 0; length < bytes.length; length++) {
      assert.equal(readRecord(bytes.subarray(0, length), 0), undefined)
    }
  })

  it('is refused where it lies: length, checksum, number', () => {
    const changed = (at: number, value: number) => {
      const copy = Buffer.from(bytes)
      copy[at] = value
      return copy
    }

    for (const lie of [changed(0, 0xff), changed(3, 0), changed(7, 1), changed(15, 8), changed(40, 0)]) {
      assert.throws(() => readRecord(lie, 0), { code: 'ERR_AUDIENCE_SPOOL' })
    }
    const payload = Buffer.from('{}')
    assert.throws(() => readRecord(writeRecord(0, payload), 0), { code: 'ERR_AUDIENCE_SPOOL' })
    assert.throws(() => writeRecord(1, Buffer.alloc(0)), RangeError)
  })

  it('holds events and nothing else', () => {
    const lines = [
      '',
      '[]',
      '{}',
      '{"sessionId":"a"}',
      JSON.stringify({ ...EVENT, state: 'flying' }),
      JSON.stringify({ ...EVENT, sessionId: '' }),
      JSON.stringify({ ...EVENT, time: null }),
      JSON.stringify({ ...EVENT, colour: 1 }),
      JSON.stringify({ ...EVENT, errors: [1] }),
      `{"__proto__":1,${JSON.stringify(EVENT).slice(1)}`,
    ]

    for (const line of lines) assert.throws(() => parseEvent(line), { code: 'ERR_AUDIENCE_SPOOL' }, line)
    assert.throws(() => parseEvents('{}\n'.repeat(MAX_BATCH_EVENTS)), { code: 'ERR_AUDIENCE_SPOOL' })
  })
})

describe('the spool', () => {
  for (const strict of [false, true]) {
    it(`gives back what was appended, in order${strict ? ', strict' : ''}`, async (t) => {
      const folder = folderFor(t)
      const spool = await openSpool(t, { folder, committed: 0, fileBytes: 1000, strict })

      const numbers = await Promise.all([0, 10, 20, 30, 40].map((at) => spool.append([numbered(at), numbered(at + 1)])))
      numbers.push(await spool.append([numbered(50)]))

      assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6])
      assert.equal(spool.written, 6)
      assert.deepEqual(readAll(folder).found, [
        [1, [0, 1]],
        [2, [10, 11]],
        [3, [20, 21]],
        [4, [30, 31]],
        [5, [40, 41]],
        [6, [50]],
      ])
      assert.deepEqual(readAll(folder, 5).found, [[6, [50]]])
    })
  }

  it('is read while it is written, up to what is whole', async (t) => {
    const folder = folderFor(t)
    const spool = await openSpool(t, { folder, committed: 0, fileBytes: 400 })
    const reader = new SpoolReader(folder, 0)
    const seen: number[] = []
    for (let count = 0; count < 10; count++) {
      await spool.append([numbered(count)])
      const before = reader.read(spool.written - 1, 100)
      seen.push(...[...before, ...reader.read(spool.written, 100)].map(({ number }) => number))
    }
    reader.close()

    assert.deepEqual(seen, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('goes on behind its last batch, or behind the last of the store', async (t) => {
    const folder = folderFor(t)
    const first = await Spool.open({ folder, committed: 0 })
    await first.append([numbered(1)])
    await first.append([numbered(2)])
    await first.close()

    const second = await openSpool(t, { folder, committed: 0 })
    assert.equal(await second.append([numbered(3)]), 3)
    await second.close()
    const third = await openSpool(t, { folder, committed: 40 })
    assert.equal(await third.append([numbered(4)]), 41)
    assert.deepEqual(readAll(folder).found, [[41, [4]]])
  })

  it('never gives a number again whose batch is torn', async (t) => {
    const folder = folderFor(t)
    writeFileSync(spoolFile(folder, 9).path, SPOOL_MAGIC.subarray(0, 5))

    const spool = await openSpool(t, { folder, committed: 3 })

    assert.equal(await spool.append([numbered(1)]), 9)
    assert.deepEqual(readAll(folder, 3), { found: [[9, [1]]], damaged: 0 })
  })

  it('cuts what a crash left half written, wherever it was cut', async (t) => {
    const record = writeRecord(3, Buffer.from(JSON.stringify(numbered(3))))
    for (let length = 1; length < record.length; length += 7) {
      const folder = folderFor(t)
      const before = await Spool.open({ folder, committed: 0 })
      await before.append([numbered(1)])
      await before.append([numbered(2)])
      await before.close()
      const [file] = listSpoolFiles(folder)
      const whole = readFileSync(file?.path ?? '').length
      appendFileSync(file?.path ?? '', record.subarray(0, length))

      const after = await Spool.open({ folder, committed: 0 })
      assert.equal(readFileSync(file?.path ?? '').length, whole)
      await after.append([numbered(4)])
      await after.close()
      assert.deepEqual(readAll(folder), {
        found: [
          [1, [1]],
          [2, [2]],
          [3, [4]],
        ],
        damaged: 0,
      })
    }
  })

  it('passes over what lies, and counts it', (t) => {
    const folder = folderFor(t)
    const payload = Buffer.from(JSON.stringify(EVENT))
    const lie = writeRecord(2, payload)
    lie[30] = 0
    const file = (first: number, ...records: readonly Buffer[]) =>
      writeFileSync(spoolFile(folder, first).path, Buffer.concat([SPOOL_MAGIC, ...records]))
    file(1, writeRecord(1, payload), lie, writeRecord(3, payload))
    file(4, writeRecord(4, payload), writeRecord(5, Buffer.from('{"no":"event"}')), writeRecord(6, payload))
    writeFileSync(spoolFile(folder, 7).path, 'no spool at all')
    file(8, writeRecord(8, payload))

    const { found, damaged } = readAll(folder)

    assert.deepEqual(
      found.map(([number]) => number),
      [1, 4, 5, 6, 8],
    )
    assert.equal(damaged, 3)
  })

  it('refuses above its quota, keeps what it has, and takes more when that is stored', async (t) => {
    const folder = folderFor(t)
    const spool = await openSpool(t, { folder, committed: 0, maxBytes: 3000, fileBytes: 500 })
    let taken = 0
    await assert.rejects(
      async () => {
        for (; taken < 100; taken++) await spool.append([numbered(taken)])
      },
      { code: 'ERR_AUDIENCE_SPOOL_FULL', name: 'UnavailableError' },
    )

    assert.ok(taken > 10 && spool.bytes <= 3000)
    assert.equal(readAll(folder).found.length, taken)
    await spool.release(taken - 1)
    assert.deepEqual(
      readAll(folder, taken - 1).found.map(([number]) => number),
      [taken],
    )
    assert.equal(await spool.append([numbered(0)]), taken + 1)
  })

  it('removes files that are stored, and no others', async (t) => {
    const folder = folderFor(t)
    const spool = await openSpool(t, { folder, committed: 0, fileBytes: 1 })
    for (const at of [1, 2, 3, 4]) await spool.append([numbered(at)])

    await spool.release(2)

    assert.deepEqual(
      listSpoolFiles(folder).map(({ first }) => first),
      [3, 4],
    )
    await spool.close()
    await (await openSpool(t, { folder, committed: 4 })).close()
    assert.deepEqual(readdirSync(folder), [])
  })

  it('removes them while reports come without a pause', async (t) => {
    const folder = folderFor(t)
    const spool = await openSpool(t, { folder, committed: 0, fileBytes: 1 })
    const appended: Promise<number>[] = []
    let isComing = true
    const come = () => {
      if (!isComing) return
      // Always more than one, so that something waits behind each write.
      for (let count = 0; count < 3; count++) appended.push(spool.append([numbered(appended.length)]))
      setImmediate(come)
    }
    come()
    while (appended.length < 60) await new Promise((resolve) => setImmediate(resolve))
    await appended[59]

    await spool.release(40)

    assert.ok(isComing)
    isComing = false
    const [first] = listSpoolFiles(folder)
    assert.ok((first?.first ?? 0) > 1)
    assert.deepEqual(
      await Promise.all(appended),
      appended.map((_, at) => at + 1),
    )
  })

  it('says what the disk refused, and recovers by itself', async (t) => {
    const folder = folderFor(t)
    const spool = await openSpool(t, { folder, committed: 0, fileBytes: 1 })
    await spool.append([numbered(1)])
    const inTheWay = spoolFile(folder, 2).path
    mkdirSync(inTheWay)

    await assert.rejects(spool.append([numbered(2)]), { code: 'ERR_AUDIENCE_SPOOL_WRITE', name: 'UnavailableError' })
    rmdirSync(inTheWay)
    await spool.append([numbered(3)])

    assert.deepEqual(readAll(folder).found, [
      [1, [1]],
      [3, [3]],
    ])
  })

  it('lets go of a small file, when it is told to, as soon as the store has it', async (t) => {
    const folder = folderFor(t)
    const spool = await openSpool(t, { folder, committed: 0 })
    await spool.append([numbered(1)])
    await spool.release(1)
    await spool.append([numbered(2)])

    await spool.renew()
    const before = listSpoolFiles(folder).length
    await spool.release(2)

    assert.deepEqual([before, listSpoolFiles(folder)], [1, []])
    assert.equal(await spool.append([numbered(3)]), 3)
    assert.deepEqual(readAll(folder).found, [[3, [3]]])
  })

  it('refuses batches that are empty or too large, and any when it is closed', async (t) => {
    const spool = await openSpool(t, { folder: folderFor(t), committed: 0 })

    await assert.rejects(spool.append([]), { code: 'ERR_AUDIENCE_BATCH' })
    await assert.rejects(spool.append(Array.from({ length: MAX_BATCH_EVENTS + 1 }, () => EVENT)), {
      code: 'ERR_AUDIENCE_BATCH',
    })
    await assert.rejects(spool.append([numbered(1, { original: 'x'.repeat(1_100_000) })]), {
      code: 'ERR_AUDIENCE_BATCH',
    })
    await spool.close()
    await assert.rejects(spool.append([EVENT]), { code: 'ERR_AUDIENCE_SPOOL_WRITE' })
  })
})
