import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { topLevelBoxes } from '../../media/containers/isobmff/box.ts'
import { shiftDecodeTimes } from '../../media/containers/isobmff/decode-time.ts'
import { lintMediaPlaylist } from '../../media/manifests/hls/lint.ts'
import { applyDelta } from '../../media/manifests/hls/media-playlist.ts'
import type { MediaPlaylist } from '../../media/manifests/hls/model.ts'
import { parsePlaylist } from '../../media/manifests/hls/parse.ts'
import { dashManifest } from '../../packaging/dash.ts'
import { findMedia } from '../../packaging/media-objects.ts'
import type { Packager } from '../../packaging/packager.ts'
import { packagersOf } from '../../packaging/packagers.ts'
import { playlistText } from '../../packaging/rewind-playlist.ts'
import { VIDEO } from '../../packaging/vectors.ts'
import { readIndex, type SegmentEntry } from './recording-index.ts'
import { indexName } from './recording-name.ts'
import {
  contentOf,
  makePlace,
  openRecorder,
  PATH,
  packetContent,
  publish,
  streamPackets,
  TestClock,
} from './vectors.ts'

const NEVER = new AbortController().signal

function playlistOf(packager: Packager, name: string, delta = false): MediaPlaylist {
  const rendition = packager.store.rendition(name)
  assert.ok(rendition)
  return parsePlaylist(playlistText(packager, rendition, { delta })) as MediaPlaylist
}

/** Bytes of all complete segments that are in memory, by name. */
function segmentsOf(packager: Packager): Map<string, Buffer> {
  return new Map(
    packager.store.renditions.flatMap(({ name, segments }) =>
      segments.flatMap(({ number, bytes }) =>
        bytes === undefined ? [] : [[`${name}-${packager.token}-${number}.m4s`, Buffer.from(bytes)] as const],
      ),
    ),
  )
}

function indexOf(root: string, name: string): SegmentEntry[] {
  const bytes = readFileSync(join(root, PATH, indexName(name)))
  return readIndex(bytes).entries.filter((entry) => entry.type === 'segment')
}

describe('recorder', () => {
  it('records every packet into a file that begins at zero, and its index tells where the live segments are', async (t) => {
    const run = await openRecorder(makePlace(t))
    const packets = streamPackets({ seconds: 9 })
    const { packager, ...stream } = publish(run, packets)
    stream.end()
    const live = segmentsOf(packager)
    await run.recorder.close()

    const [name = ''] = run.files()
    assert.equal(run.files().length, 1)
    assert.match(name, /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ\.mp4$/)
    assert.deepEqual(await contentOf(join(run.root, PATH, name)), packetContent(packets))
    const file = readFileSync(join(run.root, PATH, name))
    const boxes = [...topLevelBoxes(file)].map(({ type }) => type)
    assert.deepEqual([boxes[0], boxes[1], boxes.at(-1)], ['ftyp', 'moov', 'mfra'])
    const entries = indexOf(run.root, name)
    assert.equal(entries.length, live.size)
    for (const { rendition, number, extents, shift } of entries) {
      const bytes = Buffer.concat(extents.map(([offset, length]) => file.subarray(offset, offset + length)))
      shiftDecodeTimes(bytes, shift)
      assert.deepEqual(bytes, live.get(`${rendition}-${packager.token}-${number}.m4s`))
    }
    assert.deepEqual(
      run.states.map(({ state }) => state),
      ['recording', 'stopped'],
    )
  })

  it('begins another file by time, on a segment, and for another configuration of a codec', async (t) => {
    const run = await openRecorder(makePlace(t), { record: { splitMinutes: 0.1 } })
    const config = VIDEO.config?.slice() ?? new Uint8Array()
    config[3] = (config[3] ?? 0) + 1
    const packets = [
      ...streamPackets({ seconds: 16 }),
      ...streamPackets({ seconds: 5, from: 16_000_000, video: { ...VIDEO, config } }),
    ]
    const stream = publish(run, packets)
    stream.end()
    await run.recorder.close()

    const contents = await Promise.all(run.files().map((name) => contentOf(join(run.root, PATH, name))))
    assert.equal(contents.length, 4)
    const pictures = contents.map(({ video }) => video.length)
    assert.deepEqual(pictures, [180, 180, 120, 150])
    // Sound of the moment before the change may be in either file.
    const joined = {
      video: contents.flatMap(({ video }) => video),
      audio: contents.flatMap(({ audio }) => audio).toSorted(),
    }
    const wanted = packetContent(packets)
    assert.deepEqual(joined, { video: wanted.video, audio: wanted.audio.toSorted() })
  })

  it('lists what memory does not hold any more, with the same names and the same bytes', async (t) => {
    const run = await openRecorder(makePlace(t), { record: { windowSeconds: 40 } })
    packagersOf(run.hub).configure({ windowSeconds: 8 })
    const seen = new Map<string, Buffer>()
    const stream = publish(run, streamPackets({ seconds: 4 }))
    const { packager } = stream
    let before: { full: MediaPlaylist; delta: MediaPlaylist } | undefined
    for (let second = 4; second < 70; second++) {
      stream.write(streamPackets({ seconds: 1, from: second * 1_000_000 }))
      for (const [name, bytes] of segmentsOf(packager)) seen.set(name, bytes)
      const full = playlistOf(packager, 'video-1')
      const delta = playlistOf(packager, 'video-1', true)
      assert.deepEqual(lintMediaPlaylist(full, before?.full), [], `${second}`)
      assert.deepEqual(lintMediaPlaylist(delta), [])
      if (before !== undefined) {
        assert.deepEqual(
          applyDelta(before.full, delta)?.segments.map(({ uri }) => uri),
          full.segments.map(({ uri }) => uri),
        )
      }
      before = { full, delta }
    }

    const listed = playlistOf(packager, 'video-1')
    const inMemory = packager.store.rendition('video-1')?.segments.length ?? 0
    assert.ok(listed.segments.length >= 19 && listed.segments.length <= 21, `${listed.segments.length} of 2 s in 40 s`)
    assert.ok(inMemory < listed.segments.length, `${inMemory} in memory`)
    for (const name of ['video-1', 'audio-101']) {
      for (const { uri } of playlistOf(packager, name).segments) {
        const found = await findMedia(packager, uri, NEVER)
        assert.ok(found?.type === 'bytes', uri)
        assert.deepEqual(found.bytes, seen.get(uri))
      }
    }
    const mpd = dashManifest({ ...sourceOf(packager), nowMs: Date.now() })
    const template = mpd.periods[0]?.adaptationSets[0]?.segmentTemplate
    assert.equal(mpd.periods.length, 1)
    assert.equal(template?.startNumber, listed.mediaSequence)
    assert.ok(Math.abs((mpd.timeShiftBufferDepth ?? 0) - 40) <= 4, `${mpd.timeShiftBufferDepth}`)
    stream.end()
    await run.recorder.close()
  })

  it('goes on with its window after a restart: numbers, discontinuities and times, and old names keep their bytes', async (t) => {
    const place = makePlace(t)
    const first = await openRecorder(place)
    const before = publish(first, streamPackets({ seconds: 9 }))
    before.end()
    const old = segmentsOf(before.packager)
    await first.recorder.close()
    const second = await openRecorder(place)
    const after = publish(second, streamPackets({ seconds: 9 }))

    const playlist = playlistOf(after.packager, 'video-1')
    assert.deepEqual(lintMediaPlaylist(playlist), [])
    assert.equal(playlist.mediaSequence, 0)
    assert.deepEqual(
      playlist.segments.map(({ discontinuity }) => discontinuity === true),
      [false, false, false, false, false, true, false, false, false],
    )
    const [last, next] = [playlist.segments[4], playlist.segments[5]]
    assert.ok((next?.programDateTime ?? 0) >= (last?.programDateTime ?? 0))
    assert.notEqual(next?.map?.uri, last?.map?.uri)
    for (const [name, bytes] of old) {
      const found = await findMedia(after.packager, name, NEVER)
      assert.ok(found?.type === 'bytes', name)
      assert.deepEqual(found.bytes, bytes)
    }
    const init = await findMedia(after.packager, String(last?.map?.uri ?? playlist.segments[0]?.map?.uri), NEVER)
    assert.deepEqual(
      init?.type === 'bytes' && init.bytes,
      Buffer.from(before.packager.store.rendition('video-1')?.inits[0]?.bytes ?? []),
    )
    const mpd = dashManifest({ ...sourceOf(after.packager), nowMs: Date.now() })
    assert.deepEqual(
      mpd.periods.map(({ id }) => id),
      ['p0', 'p1'],
    )
    assert.equal(mpd.availabilityStartTime, before.packager.epochMs)
    assert.ok((mpd.periods[1]?.start ?? 0) > 0)
    after.end()
    await second.recorder.close()
  })

  it('never answers an old name with other bytes: what was changed on the disk is gone', async (t) => {
    const place = makePlace(t)
    const { root } = place
    const first = await openRecorder(place)
    const before = publish(first, streamPackets({ seconds: 9 }))
    before.end()
    await first.recorder.close()
    const file = join(root, PATH, first.files()[0] ?? '')
    const bytes = readFileSync(file)
    const [segment] = indexOf(root, first.files()[0] ?? '').filter(({ rendition }) => rendition === 'video-1')
    const at = (segment?.extents[0]?.[0] ?? 0) + 300
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(file, bytes)
    const second = await openRecorder(place)
    const after = publish(second, streamPackets({ seconds: 9 }))

    const { token } = before.packager
    assert.equal(await findMedia(after.packager, `video-1-${token}-0.m4s`, NEVER), undefined)
    assert.equal((await findMedia(after.packager, `video-1-${token}-1.m4s`, NEVER))?.type, 'bytes')
    await second.recorder.close()
  })

  it('G-F6: a clock that is set disturbs neither media times nor names, and what is told of moments follows it', async (t) => {
    const run = await openRecorder(makePlace(t), { record: { splitMinutes: 0.1 } })
    const { packager, ...stream } = publish(run, streamPackets({ seconds: 4 }))
    const jumps = { 12: 3_600_000, 22: -7_200_000, 32: 315_360_000_000 }
    const shifts: number[] = []
    for (let second = 4; second < 42; second++) {
      run.clock.set(jumps[second as 12] ?? 0)
      shifts.push(run.shift.ms)
      stream.write(streamPackets({ seconds: 1, from: second * 1_000_000 }))
    }
    const { segments } = playlistOf(packager, 'video-1')
    stream.end()
    await run.recorder.close()

    assert.deepEqual([...new Set(shifts)], [0, 3_600_000, -3_600_000, 315_356_400_000])
    for (const [index, { programDateTime = 0 }] of segments.entries()) {
      if (index > 0) assert.equal(programDateTime - (segments[index - 1]?.programDateTime ?? 0), 2000)
    }
    const files = run.files()
    const content = await Promise.all(files.map((name) => contentOf(join(run.root, PATH, name))))
    assert.equal(
      content.reduce((sum, { video }) => sum + video.length, 0),
      42 * 30,
    )
    const years = new Set(files.map((name) => name.slice(0, 4)))
    assert.equal(years.size, 2)
    assert.equal(run.shift.undisturbed, TestClock.start + run.clock.passedMs)
  })

  it('records on request and no more on request, whatever the settings say', async (t) => {
    const run = await openRecorder(makePlace(t), { settingsOf: () => undefined })
    const stream = publish(run, streamPackets({ seconds: 5 }))
    run.recorder.start(PATH)
    stream.write(streamPackets({ seconds: 8, from: 5_000_000 }))
    const [state] = run.recorder.states()
    run.recorder.stop(PATH)
    stream.write(streamPackets({ seconds: 4, from: 13_000_000 }))
    await run.recorder.close()

    assert.equal(state?.state, 'recording')
    assert.deepEqual(run.recorder.states(), [])
    const content = await contentOf(join(run.root, PATH, run.files()[0] ?? ''))
    const wanted = packetContent(streamPackets({ seconds: 17 })).video
    const from = wanted.indexOf(content.video[0] ?? '')
    assert.ok(from > 0 && from % 30 === 0, `begins with picture ${from}`)
    assert.deepEqual(content.video, wanted.slice(from, from + content.video.length))
    assert.throws(() => run.recorder.start('live/../a'), { code: 'ERR_PATH_INVALID' })
  })

  it('F-01, F-03: names that break the rule are refused before anything is written', async (t) => {
    const run = await openRecorder(makePlace(t))
    for (const path of [
      'live/..',
      'live/../../x',
      'live/a/../b',
      '/etc/passwd',
      'live/a\0b',
      `live/${'x'.repeat(4096)}`,
      'live/ä',
    ]) {
      assert.throws(() => run.recorder.start(path), { code: 'ERR_PATH_INVALID' }, path)
      await assert.rejects(run.recorder.find(path), { code: 'ERR_PATH_INVALID' })
    }
    assert.deepEqual(readdirSync(run.root), [])
    await run.recorder.close()
  })

  it('F-07: a recording that somebody plays can be removed, and one that grows cannot', async (t) => {
    const place = makePlace(t)
    const run = await openRecorder(place, { record: { splitMinutes: 0.1 } })
    const { packager, ...stream } = publish(run, streamPackets({ seconds: 40 }))
    stream.end()
    await run.recorder.close()
    const second = await openRecorder(place)
    const [oldest = '', next = ''] = second.files()
    const growing = publish(second, streamPackets({ seconds: 9 }))
    const newest = await until(() => second.recorder.states()[0]?.file)

    await second.recorder.remove(PATH, oldest)

    assert.equal(existsSync(join(run.root, PATH, oldest)), false)
    assert.equal(existsSync(join(run.root, PATH, indexName(oldest))), false)
    await assert.rejects(second.recorder.remove(PATH, oldest), { code: 'ERR_RECORDING_NOT_FOUND' })
    await assert.rejects(second.recorder.remove(PATH, newest), { code: 'ERR_RECORDING_OPEN' })
    const listed = playlistOf(growing.packager, 'video-1')
    assert.equal(listed.mediaSequence, 3)
    assert.equal(await findMedia(growing.packager, `video-1-${packager.token}-0.m4s`, NEVER), undefined)
    assert.equal((await findMedia(growing.packager, `video-1-${packager.token}-3.m4s`, NEVER))?.type, 'bytes')
    assert.ok(statSync(join(run.root, PATH, next)).size > 0)
    await second.recorder.close()
  })

  it('leaves streams that MP4 cannot carry alone', async (t) => {
    const run = await openRecorder(makePlace(t))
    const publisher = run.hub.publish(PATH)
    run.recorder.published(PATH)
    const track = { id: 1, kind: 'video', codec: 'wmv2', timescale: 1000 } as const
    publisher.announce([track])
    for (let i = 0; i < 100; i++)
      publisher.write({ track, data: new Uint8Array(9), dts: i * 40_000, pts: i * 40_000, key: i % 25 === 0 })
    publisher.close({ final: true })
    await run.recorder.close()

    assert.deepEqual(readdirSync(run.root), [])
  })
})

function sourceOf({ store, token, epochMs, oldestEpochMs, partTarget, archive }: Packager) {
  return { store, token, epochMs, oldestEpochMs, partTarget, archive }
}

async function until<Value>(look: () => Value | undefined): Promise<Value> {
  for (;;) {
    const found = look()
    if (found !== undefined) return found
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}
