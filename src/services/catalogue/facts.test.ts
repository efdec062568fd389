import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { FormatError, UnavailableError } from '../../errors.ts'
import type { MediaFile } from '../../library/media-files.ts'
import type { MediaReader } from '../../media/reader.ts'
import type { Track } from '../../media/track.ts'
import type { Logger } from '../../protocols/protocol.ts'
import { type FileFacts, factsOf } from './facts.ts'
import { FactsReader } from './facts-reader.ts'
import { FactsStore, type FileIdentity } from './facts-store.ts'

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {}, counted() {}, child: () => quiet }
const FACTS: FileFacts = { format: 'mp4', duration: 1, tracks: [], plays: 'direct' }

function file(path: string, size = 10): FileIdentity {
  return { path, size, modified: new Date(1000) }
}

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'headend-facts-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

function reader(tracks: readonly Partial<Track>[], more: Partial<MediaReader> = {}): MediaReader {
  return {
    format: 'mp4',
    tracks: tracks.map((track, at) => ({ id: at + 1, timescale: 1000, ...track }) as Track),
    foreign: [],
    duration: 61_234_567,
    metadata: {},
    notes: [],
    keyPoints: () => Promise.resolve([]),
    packets: () => {
      throw new Error('facts need no packets')
    },
    ...more,
  }
}

describe('facts of a file', () => {
  it('are what its reader says', () => {
    const facts = factsOf(
      reader(
        [
          { kind: 'video', codec: 'h264', video: { width: 1280, height: 720, frameRate: 25 } },
          { kind: 'audio', codec: 'aac', audio: { sampleRate: 48_000, channels: 2 }, language: 'de' },
          { kind: 'data', codec: 'amf0-data' },
        ],
        { metadata: { title: '  A\u0000 title\u202e ' } },
      ),
    )

    assert.deepEqual(facts, {
      format: 'mp4',
      duration: 61.235,
      title: 'A  title',
      plays: 'direct',
      tracks: [
        { kind: 'video', codec: 'h264', width: 1280, height: 720, frameRate: 25 },
        { kind: 'audio', codec: 'aac', sampleRate: 48_000, channels: 2, language: 'de' },
      ],
    })
  })

  it('tell what has to be encoded, and what nobody can see or hear', () => {
    const plays = (tracks: readonly Partial<Track>[], foreign: MediaReader['foreign'] = []) =>
      factsOf(reader(tracks, { foreign })).plays

    assert.equal(plays([{ kind: 'video', codec: 'wmv2' }]), 'encoded')
    assert.equal(plays([{ kind: 'audio', codec: 'aac' }], [{ kind: 'video', codec: 'mpeg2video' }]), 'encoded')
    assert.equal(plays([{ kind: 'text', codec: 'webvtt' }]), 'never')
    const encrypted = { foreign: [{ kind: 'video', codec: 'WMV3' }], metadata: { drmScheme: 'DRM' } } as const
    assert.equal(factsOf(reader([], encrypted)).plays, 'never')
  })

  it('survive what files lie about', () => {
    const facts = factsOf(reader([], { duration: Number.NaN, metadata: { title: 'x'.repeat(100_000) } }))

    assert.equal(facts.duration, 0)
    assert.equal(facts.title?.length, 200)
  })
})

describe('store of facts', () => {
  it('knows a file as long as it is the same, also after a restart', (t) => {
    const folder = folderOf(t)
    const before = new FactsStore({ folder, log: quiet })
    before.set(file('vod/a.mp4'), FACTS)
    before.close()

    const after = new FactsStore({ folder, log: quiet })

    assert.deepEqual(after.get(file('vod/a.mp4')), FACTS)
    assert.equal(after.get(file('vod/a.mp4', 11)), undefined)
    assert.equal(after.get(file('vod/A.mp4')), undefined)
    after.close()
  })

  it('forgets the oldest, in memory and on disk', (t) => {
    const folder = folderOf(t)
    const store = new FactsStore({ folder, log: quiet, maxInMemory: 2, maxOnDisk: 10 })
    for (let at = 0; at < 100; at++) store.set(file(`vod/${at}.mp4`), FACTS)
    store.close()
    const again = new FactsStore({ folder, log: quiet })

    const kept = Array.from({ length: 100 }, (_, at) => again.get(file(`vod/${at}.mp4`))).filter(Boolean)

    assert.equal(kept.length, 10)
    assert.deepEqual(again.get(file('vod/99.mp4')), FACTS)
    again.close()
  })

  it('begins anew when its file is damaged, and does without when it cannot write', (t) => {
    const folder = folderOf(t)
    writeFileSync(
      join(folder, 'facts.db'),
      'this is no database, only some text that is longer than a page header'.repeat(100),
    )
    const repaired = new FactsStore({ folder, log: quiet })
    repaired.set(file('vod/a.mp4'), FACTS)
    const nowhere = new FactsStore({ folder: join(folder, 'facts.db', 'below a file'), log: quiet })
    nowhere.set(file('vod/a.mp4'), FACTS)

    assert.deepEqual(repaired.get(file('vod/a.mp4')), FACTS)
    assert.deepEqual(nowhere.get(file('vod/a.mp4')), FACTS)
    assert.ok(statSync(join(folder, 'facts.db')).size > 0)
    repaired.close()
    nowhere.close()
  })
})

describe('reader of facts', () => {
  function opened(open: (path: string) => Promise<void>, now = 60_000) {
    const store = new FactsStore({ folder: undefined, log: quiet })
    const order: string[] = []
    const faults: string[] = []
    const mediaFiles = {
      open: async (path: string): Promise<MediaFile> => {
        order.push(path)
        await open(path)
        const identity = file(path)
        const opened = {
          ...identity,
          read: () => Promise.reject(new Error('not read')),
          close: () => Promise.resolve(),
        }
        return { file: opened, reader: reader([]), close: () => undefined }
      },
    }
    const facts = new FactsReader({
      mediaFiles,
      store,
      now: () => now,
      onFault: (_error, path) => void faults.push(path),
    })
    return { facts, order, faults, store }
  }

  it('reads two at a time, the last asked for first', async () => {
    const gates = new Map<string, () => void>()
    const { facts, order } = opened((path) => new Promise((resolve) => gates.set(path, resolve)))

    for (const name of ['a', 'b', 'c', 'd', 'c']) facts.know(file(`vod/${name}`))

    assert.deepEqual(order, ['vod/a', 'vod/b'])
    assert.equal(facts.pending, 4)
    while (facts.pending > 0) {
      for (const open of gates.values()) open()
      await turn()
    }
    assert.deepEqual(order, ['vod/a', 'vod/b', 'vod/c', 'vod/d'])
    assert.equal((facts.know(file('vod/c')) as FileFacts).duration, 61.235)
    await facts.close()
  })

  it('tells what was known of a file that is being written, and reads it again when it rests', async () => {
    const growing = opened(() => Promise.resolve(), 2000)
    const resting = opened(() => Promise.resolve())
    for (const { facts } of [growing, resting]) facts.know(file('vod/a'))
    while (growing.facts.pending + resting.facts.pending > 0) await turn()

    for (const { facts } of [growing, resting]) assert.ok(facts.know(file('vod/a', 11)) !== undefined)

    assert.equal(growing.facts.pending, 0)
    assert.equal(resting.facts.pending, 1)
    await resting.facts.close()
  })

  it('keeps what is wrong with a file, and asks again for one that was not there', async () => {
    const { facts, faults } = opened((path) => {
      if (path.endsWith('cut')) return Promise.reject(new FormatError('ERR_ISOBMFF_BOX_SIZE', 'cut off', 12))
      if (path.endsWith('text')) return Promise.reject(new FormatError('ERR_MEDIA_UNKNOWN_FORMAT', 'text', 0))
      if (path.endsWith('gone')) return Promise.reject(new UnavailableError('ERR_LIBRARY_NOT_FOUND', 'gone'))
      return Promise.reject(new Error('the disk is on fire'))
    })

    for (const name of ['cut', 'text', 'gone', 'fire']) facts.know(file(`vod/${name}`))
    while (facts.pending > 0) await turn()

    assert.deepEqual(facts.know(file('vod/cut')), { unreadable: 'damaged', note: 'cut off (at byte 12)' })
    assert.equal((facts.know(file('vod/text')) as { unreadable?: string }).unreadable, 'other')
    assert.equal(facts.know(file('vod/gone')), undefined)
    assert.deepEqual(faults, ['vod/fire'])
    await facts.close()
  })
})
