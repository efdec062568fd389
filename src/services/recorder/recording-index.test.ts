import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { crc32 } from 'node:zlib'
import { formatIndexEntry, readIndex } from './recording-index.ts'
import { indexName, parseRecordingName, recordingFolder, recordingName } from './recording-name.ts'
import { INDEX_ENTRIES } from './vectors.ts'

const WHOLE = Buffer.from(INDEX_ENTRIES.map(formatIndexEntry).join(''))

function line(value: unknown): Buffer {
  const json = JSON.stringify(value)
  return Buffer.from(`${crc32(json).toString(16).padStart(8, '0')} ${json}\n`)
}

describe('index of a recording', () => {
  it('gives back what was written', () => {
    assert.deepEqual(readIndex(WHOLE), { entries: INDEX_ENTRIES, wholeBytes: WHOLE.byteLength })
  })

  it('ends before the line that is torn, wherever that is', () => {
    const ends = INDEX_ENTRIES.map((_, i) =>
      Buffer.byteLength(
        INDEX_ENTRIES.slice(0, i + 1)
          .map(formatIndexEntry)
          .join(''),
      ),
    )
    for (let length = 0; length <= WHOLE.byteLength; length++) {
      const { entries, wholeBytes } = readIndex(WHOLE.subarray(0, length))
      const whole = ends.filter((end) => end <= length)
      assert.equal(entries.length, whole.length)
      assert.equal(wholeBytes, whole.at(-1) ?? 0)
    }
  })

  it('ends before a line of which any bit was changed', () => {
    for (let at = 0; at < WHOLE.byteLength; at++) {
      const bytes = Buffer.from(WHOLE)
      bytes[at] = (bytes[at] ?? 0) ^ 4
      const { entries, wholeBytes } = readIndex(bytes)
      assert.ok(wholeBytes <= at, `${wholeBytes} at ${at}`)
      assert.deepEqual(entries, INDEX_ENTRIES.slice(0, entries.length))
    }
  })

  it('passes over lines of a later version, and believes none that lies', () => {
    const [file, , segment] = INDEX_ENTRIES
    const later = Buffer.concat([line({ type: 'chapter', name: 'x' }), line(segment)])
    assert.deepEqual(readIndex(later).entries, [segment])
    const lies = [
      { ...segment, number: -1 },
      { ...segment, start: 1.5 },
      { ...segment, duration: Number.MAX_VALUE },
      { ...segment, rendition: '../video-1' },
      { ...segment, extents: [[0, -5]] },
      { ...segment, extents: [[0]] },
      { ...segment, extents: 'all' },
      { ...segment, wallMs: 1e300 },
      { ...file, run: { token: '../../etc', epochMs: 0 } },
      { ...file, version: 2 },
      null,
      7,
    ]
    for (const lie of lies) assert.deepEqual(readIndex(line(lie)), { entries: [], wholeBytes: 0 }, JSON.stringify(lie))
  })
})

describe('names of recordings', () => {
  it('tell when they began, also for times that no name can tell', () => {
    const at = Date.UTC(2026, 10, 25, 3, 41, 0)
    assert.equal(recordingName({ startedAt: at, repeat: 1, format: 'mp4' }), '2026-11-25T03-41-00Z.mp4')
    assert.equal(recordingName({ startedAt: at, repeat: 2, format: 'asf' }), '2026-11-25T03-41-00Z-2.asf')
    assert.equal(recordingName({ startedAt: -5e12, repeat: 1, format: 'mp4' }), '1970-01-01T00-00-00Z.mp4')
    assert.equal(recordingName({ startedAt: 9e14, repeat: 1, format: 'mp4' }), '9999-12-31T23-59-59Z.mp4')
    assert.deepEqual(parseRecordingName('2026-11-25T03-41-00Z-2.asf'), { startedAt: at, repeat: 2, format: 'asf' })
    assert.equal(indexName('2026-11-25T03-41-00Z.mp4'), '.2026-11-25T03-41-00Z.mp4.index')
  })

  it('are of one form only', () => {
    for (const name of [
      'film.mp4',
      '2026-02-30T03-41-00Z.mp4',
      '2026-11-25T03-41-00Z-1.mp4',
      '2026-11-25T03-41-00Z-02.mp4',
      '2026-11-25T03-41-00Z.mkv',
      '../2026-11-25T03-41-00Z.mp4',
      '2026-11-25T03-41-00Z.mp4\n',
    ]) {
      assert.equal(parseRecordingName(name), undefined, name)
    }
  })

  it('F-01: lie in the folder of a path and nowhere else', () => {
    assert.equal(recordingFolder('/data/recordings', 'live/a/b.c'), '/data/recordings/live/a/b.c')
    for (const path of ['live/..', 'live/a/../../b', '/live/a', 'live//a', 'vod/a', 'live/a%2fb/..', 'live/con:']) {
      assert.throws(() => recordingFolder('/data/recordings', path), { code: 'ERR_PATH_INVALID' }, path)
    }
  })
})
