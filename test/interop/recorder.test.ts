/** Recordings as other programs find them: after a kill, on a full disk, played back while live, and cut. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { Hub } from '../../src/live/hub.ts'
import { SILENT_LOGGER } from '../../src/protocols/protocol.ts'
import { DEFAULT_RECORD } from '../../src/services/recorder/record-settings.ts'
import { Recorder } from '../../src/services/recorder/recorder.ts'
import { makeMedia, watchCounters } from '../support/media.ts'
import { killGroup, runOrThrow, start } from '../support/process.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { callApi, playUrls, publishFile, publishUrl, runHeadend, waitOnAir, waitUntil } from './peers.ts'

const RATE = 25
/** Pictures of a fragment of 0.334 s, and a little for how parts are cut. */
const FRAGMENT = 10
const KILLS = 12
const TOGETHER = 4
/** Pictures that are decoded before others that are shown earlier: B-frames in a row, and one. */
const REORDERED = 3
/** The published file plays at this speed. */
const SPEED = 4

describe('recordings', { concurrency: true }, () => {
  it('G-F3: a recorder that is killed at any moment loses one fragment at most', async (t) => {
    const ffmpeg = requireTool(t, 'ffmpeg')
    const ffprobe = requireTool(t, 'ffprobe')
    if (ffmpeg === undefined || ffprobe === undefined) return
    const file = await makeMedia(ffmpeg, { container: 'mp4', seconds: 24, gop: 12, bFrames: 2 })

    // A few at a time: each must have its moment.
    for (let kill = 0; kill < KILLS; kill += TOGETHER) {
      const indexes = Array.from({ length: TOGETHER }, (_, i) => kill + i)
      await Promise.all(indexes.map((index) => killOnce(t, { ffmpeg, ffprobe, file, index })))
    }
  })

  it('a live stream is rewound to its beginning, becomes a file of the library, and is cut on key pictures', async (t) => {
    const ffmpeg = requireTool(t, 'ffmpeg')
    if (ffmpeg === undefined) return
    const seconds = 16
    const file = await makeMedia(ffmpeg, { container: 'flv', seconds, gop: RATE })
    const config = join(mkdtempSync(join(tmpdir(), 'headend-recording-')), 'headend.yaml')
    t.after(() => rmSync(join(config, '..'), { recursive: true, force: true }))
    writeFileSync(config, 'hls: {windowSeconds: 6}\npaths:\n  live/**: {record: {windowSeconds: 600}, graceMs: 0}\n')
    const server = await startServer({ args: ['--config', config] })
    t.after(() => server.stop())

    const begun = Date.now()
    const publishing = publishFile(ffmpeg, file, publishUrl(server, 'a'))
    await waitUntil('the stream has run for a while', () => Date.now() - begun > 14_000, 30_000)
    // Memory holds six seconds and some; the beginning comes from the disk.
    const rewound = await watchCounters(ffmpeg, playUrls(server, 'a').hls, {
      input: ['-live_start_index', '0'],
      seconds: 4,
    })
    assert.deepEqual(
      rewound.slice(0, 4 * RATE),
      Array.from({ length: 4 * RATE }, (_, i) => i),
    )

    assert.equal((await publishing).code, 0)
    type Listed = { items: { name: string; file: string; durationMs?: number; startedAt: string }[] }
    let listed: Listed['items'] = []
    await waitUntil('the recording is complete', async () => {
      listed = (await callApi<Listed>(server, 'recordings?path=live/a')).items
      return listed[0]?.durationMs !== undefined
    })
    const [recording] = listed
    assert.ok(recording !== undefined && listed.length === 1)
    const all = Array.from({ length: seconds * RATE }, (_, i) => i)
    const http = server.urls['http'] ?? ''
    assert.equal(recording.file, `vod/recordings/live/a/${recording.name}`)
    assert.deepEqual(await watchCounters(ffmpeg, `${http}/${recording.file}`), all)
    assert.deepEqual(await watchCounters(ffmpeg, `${http}/${recording.file}/index.m3u8`), all)

    const folder = mkdtempSync(join(tmpdir(), 'headend-export-'))
    t.after(() => rmSync(folder, { recursive: true, force: true }))
    const startMs = Date.parse(recording.startedAt)
    const moment = (second: number) => new Date(startMs + second * 1000).toISOString()
    const range = ['live/a', '--from', moment(5.4), '--to', moment(9.2)]
    const place = ['--server', http, '--token', server.secrets.adminToken]
    const made = await Promise.all([
      runHeadend(['record', 'export', ...range, '--data', server.data, '-o', join(folder, 'offline.mp4'), '--json']),
      runHeadend(['record', 'export', ...range, ...place, '-o', join(folder, 'online.mp4'), '--json']),
    ])
    for (const [i, name] of ['offline.mp4', 'online.mp4'].entries()) {
      const { code, stderr } = made[i] ?? {}
      assert.equal(code, 0, stderr ?? name)
      const counters = await watchCounters(ffmpeg, join(folder, name))
      // From the key picture before the moment that was asked for.
      assert.equal(counters[0], 5 * RATE)
      assert.deepEqual(counters, all.slice(5 * RATE, 5 * RATE + counters.length))
      assert.ok(Math.abs(counters.length - 4.2 * RATE) <= 1, `${counters.length} pictures`)
    }
    const nothing = await runHeadend(['record', 'export', 'live/b', '--from', '-10m', '--data', server.data])
    assert.equal(nothing.code, 1)
    assert.match(nothing.stderr, /ERR_RECORDING_NOT_FOUND/)
    const listedBy = await runHeadend(['record', 'list', '--data', server.data, '--json'])
    assert.equal((JSON.parse(listedBy.stdout.toString()) as { recordings: unknown[] }).recordings.length, 1)
  })

  it('G-F4: a full disk stops the recording and nothing else, and it goes on when there is room', async (t) => {
    const ffmpeg = requireTool(t, 'ffmpeg')
    if (ffmpeg === undefined) return
    const file = await makeMedia(ffmpeg, {
      container: 'flv',
      seconds: 20,
      gop: 12,
      extra: ['-b:v', '2M', '-minrate', '2M'],
    })
    const config = join(mkdtempSync(join(tmpdir(), 'headend-full-')), 'headend.yaml')
    t.after(() => rmSync(join(config, '..'), { recursive: true, force: true }))
    writeFileSync(config, 'paths: {live/**: {record: true, graceMs: 0}}\n')
    const server = await startServer({ args: ['--config', config] })
    t.after(() => server.stop())
    const disk = join(server.data, 'recordings')
    const unmount = mountSmallDisk(t, disk)
    if (unmount === undefined) return
    try {
      await fillWhileRecording(ffmpeg, { server, file, disk })
    } finally {
      unmount()
    }
  })
})

async function killOnce(
  t: TestContext,
  { ffmpeg, ffprobe, file, index }: { ffmpeg: string; ffprobe: string; file: string; index: number },
): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'headend-killed-'))
  t.after(() => rmSync(root, { recursive: true, force: true }))
  // From the third second of the stream on, a picture and a bit apart each time, over two files.
  const doomedAt = 4 * RATE + Math.round((index * 9.3 * RATE) / KILLS) + index
  const child = start(process.execPath, [join(import.meta.dirname, 'recorded-stream.ts'), file, root, String(SPEED)])
  let published = 0
  child.stdout?.on('data', (piece: Buffer) => {
    published = Number(piece.toString().trimEnd().split('\n').at(-1))
    if (published >= doomedAt) killGroup(child, 'SIGKILL')
  })
  await new Promise((resolve) => child.once('close', resolve))
  assert.ok(published >= doomedAt, `${published} pictures`)

  const recorder = new Recorder({
    hub: new Hub(),
    root,
    settingsOf: () => DEFAULT_RECORD,
    limits: () => ({ maxBytes: undefined }),
    log: SILENT_LOGGER,
  })
  await recorder.open()
  await recorder.close()

  const folder = join(root, 'live/a')
  const files = readdirSync(folder).filter((name) => !name.startsWith('.'))
  const counters: (number | undefined)[] = []
  for (const name of files.toSorted()) {
    const path = join(folder, name)
    const probed = await runOrThrow(ffprobe, [
      '-v',
      'error',
      '-show_entries',
      'stream=codec_name',
      '-of',
      'csv=p=0',
      path,
    ])
    assert.deepEqual(probed.toString().trim().split('\n'), ['h264', 'aac'])
    counters.push(...(await watchCounters(ffmpeg, path)))
  }
  // Where the end was torn, a picture may be there before those that are shown before it.
  const settled = counters.slice(0, -REORDERED)
  assert.deepEqual(
    settled,
    settled.map((_, i) => i),
    'every picture, in its order',
  )
  // One fragment may be lost, and one was being made: that one needs its pictures, and the last waits for how long it lasts.
  assert.ok(counters.length >= published - 2 * FRAGMENT - 2, `${counters.length} of ${published} pictures are there`)
}

async function fillWhileRecording(
  ffmpeg: string,
  { server, file, disk }: { server: RunningServer; file: string; disk: string },
): Promise<void> {
  const states = async () => (await callApi<{ items: { state: string }[] }>(server, 'recordings/active')).items
  const publishing = publishFile(ffmpeg, file, publishUrl(server, 'a'))
  await waitOnAir(server, 'a')
  const watching = watchCounters(ffmpeg, playUrls(server, 'a').httpFlv)
  await waitUntil('it records', async () => (await states())[0]?.state === 'recording')
  await delay(3000)
  fill(join(disk, 'filler'))
  await waitUntil('the disk is full', async () => (await states())[0]?.state === 'suspended')
  rmSync(join(disk, 'filler'))
  await waitUntil('it records again', async () => (await states())[0]?.state === 'recording')
  assert.equal((await publishing).code, 0)
  await waitUntil('it is over', async () => (await states()).length === 0)
  type Listed = { items: { durationMs?: number }[] }
  await waitUntil('the recordings are complete', async () => {
    const { items } = await callApi<Listed>(server, 'recordings')
    return items.length === 2 && items.every(({ durationMs }) => durationMs !== undefined)
  })

  const seen = await watching
  const inOrder = (counters: readonly unknown[]) => counters.map((_, i) => Number(counters[0]) + i)
  assert.deepEqual(seen, inOrder(seen), 'viewers have seen every picture')
  const folder = join(disk, 'live/a')
  for (const name of readdirSync(folder).filter((one) => !one.startsWith('.'))) {
    const counters = await watchCounters(ffmpeg, join(folder, name))
    assert.ok(counters.length > RATE, `${counters.length} pictures in ${name}`)
    assert.deepEqual(counters, inOrder(counters))
  }
}

/**
 * A file system of 64 MB in a folder. Returns what takes it away; `undefined` after the test was marked as skipped where that is not permitted.
 */
function mountSmallDisk(t: TestContext, folder: string): (() => void) | undefined {
  mkdirSync(folder)
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64m', 'tmpfs', folder], { stdio: 'pipe' })
  } catch (error) {
    const reason = 'a file system of its own cannot be mounted: needs root'
    if (process.env['CI'] === 'true' && process.getuid?.() === 0) throw new Error(reason, { cause: error })
    t.skip(reason)
    return undefined
  }
  return () => {
    execFileSync('umount', ['-l', folder])
  }
}

/** Takes all the room that is left. */
function fill(file: string): void {
  const piece = Buffer.alloc(1024 * 1024)
  try {
    for (;;) writeFileSync(file, piece, { flag: 'a' })
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC')
  }
}
