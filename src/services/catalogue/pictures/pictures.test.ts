import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { parseThumbnails, ThumbnailTrack } from '../../../../web/player/thumbnail-track.ts'
import { MICROS_PER_SECOND } from '../../../media/time.ts'
import { PictureCache } from './picture-cache.ts'
import { Queue } from './queue.ts'
import { MAX_THUMBNAILS, thumbnailList, thumbnailsOf, thumbnailTime } from './thumbnails.ts'

const never = new AbortController().signal

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'headend-pictures-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

describe('thumbnails', () => {
  it('are few enough, whatever the duration', () => {
    for (const seconds of [0.04, 1, 59, 600, 5400, 86_400, 800_000]) {
      const { interval, count } = thumbnailsOf(seconds * MICROS_PER_SECOND)

      assert.ok(count >= 1 && count <= MAX_THUMBNAILS, `${seconds} s: ${count}`)
      assert.ok((count - 1) * interval < seconds && count * interval >= seconds, `${seconds} s: ${interval}`)
    }
    for (const none of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e9 * MICROS_PER_SECOND]) {
      assert.equal(thumbnailsOf(none).count, 0)
    }
  })

  it('are listed as WebVTT that covers the film without a gap, as the player reads it', () => {
    const duration = 3_725_500_000
    const thumbnails = thumbnailsOf(duration)

    const list = thumbnailList(thumbnails, duration, '?v=0123456789ab')
    const cues = parseThumbnails(list, 'http://127.0.0.1/vod/a%20b.mp4/thumbnails.vtt')

    assert.match(list, /^WEBVTT\n\n00:00:00\.000 --> 00:00:20\.000\nthumbnails-0\.jpg\?v=0123456789ab\n\n/)
    assert.match(list, /01:02:00\.000 --> 01:02:05\.500\n/)
    assert.equal(cues.length, thumbnails.count)
    assert.deepEqual(
      cues.map(({ start }) => start * MICROS_PER_SECOND),
      cues.map((_, index) => thumbnailTime(thumbnails, index)),
    )
    assert.ok(cues.every(({ end }, at) => end === (cues[at + 1]?.start ?? 3725.5)))
    assert.equal(cues[3]?.url, 'http://127.0.0.1/vod/a%20b.mp4/thumbnails-3.jpg?v=0123456789ab')
  })

  it('of other servers are read too, with parts of pictures; what is wrong is left out', () => {
    const text =
      'WEBVTT\r\n\r\n1\r\n00:00.000 --> 00:05.000\r\nsheet.jpg#xywh=160,90,160,90\r\n\r\nno cue\r\n\r\n00:05.000 --> 00:07.000'

    const track = new ThumbnailTrack(parseThumbnails(text, 'http://127.0.0.1/x/'))

    assert.deepEqual(track.at(2), {
      start: 0,
      end: 5,
      url: 'http://127.0.0.1/x/sheet.jpg',
      part: { x: 160, y: 90, width: 160, height: 90 },
    })
    assert.equal(track.at(99)?.url, 'http://127.0.0.1/x/sheet.jpg')
    assert.ok(new ThumbnailTrack(parseThumbnails('WEBVTT\n', 'http://127.0.0.1/')).empty)
  })
})

describe('queue of pictures', () => {
  it('makes one at a time, the last asked for first, and each once for all who wait', async () => {
    const queue = new Queue<string>()
    const order: string[] = []
    const gates: (() => void)[] = []
    const ask = (name: string) =>
      queue.run(
        name,
        async () => {
          order.push(name)
          await new Promise<void>((resolve) => gates.push(resolve))
          return name
        },
        never,
      )

    const asked = ['a', 'b', 'c', 'a', 'b'].map(ask)
    for (let at = 0; at < 3; at++) {
      while (gates.length === 0) await new Promise(setImmediate)
      gates.pop()?.()
    }

    assert.deepEqual(await Promise.all(asked), ['a', 'b', 'c', 'a', 'b'])
    assert.deepEqual(order, ['a', 'b', 'c'])
  })

  it('leaves out what nobody waits for any more', async () => {
    const queue = new Queue<string>()
    const gate = Promise.withResolvers<string>()
    const gone = new AbortController()
    const order: string[] = []

    const first = queue.run('first', () => gate.promise, never)
    const dropped = queue.run('dropped', () => Promise.resolve(order.push('dropped').toString()), gone.signal)
    gone.abort()
    await assert.rejects(dropped, { name: 'AbortError' })
    const last = queue.run('last', () => Promise.resolve(order.push('last').toString()), never)
    gate.resolve('done')

    assert.equal(await first, 'done')
    await last
    assert.deepEqual(order, ['last'])
  })

  it('refuses when too many wait, and goes on after a failure', async () => {
    const queue = new Queue<number>()
    const gate = Promise.withResolvers<number>()
    const running = queue.run('running', () => gate.promise, never)
    const waiting = Array.from({ length: 257 }, (_, at) =>
      queue.run(`${at}`, () => (at === 3 ? Promise.reject(new Error('broken')) : Promise.resolve(at)), never),
    )

    gate.resolve(-1)
    const ends = await Promise.allSettled([running, ...waiting])

    const reasons = ends.flatMap((end) =>
      end.status === 'rejected' ? [end.reason as { code?: string; message: string }] : [],
    )
    assert.deepEqual(
      reasons.map(({ code, message }) => code ?? message),
      ['ERR_CATALOGUE_BUSY', 'broken'],
    )
  })
})

describe('cache of pictures', () => {
  const picture = (size: number) => new Uint8Array(size).fill(7)
  const open = (folder: string, maxBytes: number, faults: unknown[] = []) =>
    new PictureCache({ folder, maxBytes: () => maxBytes, onFault: (error) => faults.push(error) })

  it('keeps pictures over a restart, and removes those not looked at for longest', async (t) => {
    const folder = folderOf(t)
    const before = open(folder, 250)
    await before.set('a.jpg', picture(100))
    await before.set('b.jpg', picture(100))
    assert.equal((await before.get('a.jpg'))?.byteLength, 100)
    await before.set('c.jpg', picture(100))

    const after = open(folder, 250)

    assert.deepEqual(await after.get('a.jpg'), Buffer.from(picture(100)))
    assert.equal(await after.get('b.jpg'), undefined)
    assert.equal((await after.get('c.jpg'))?.byteLength, 100)
    assert.equal(after.bytes, 200)
    assert.deepEqual(readdirSync(folder).sort(), ['a.jpg', 'c.jpg'])
  })

  it('clears away drafts of a crash, keeps to a smaller quota, and never touches foreign files', async (t) => {
    const folder = folderOf(t)
    writeFileSync(join(folder, 'draft-1-1.jpg'), 'half')
    writeFileSync(join(folder, 'Notes of mine.txt'), 'mine')
    await open(folder, 1000).set('a.jpg', picture(500))

    const small = open(folder, 100)

    assert.equal(await small.get('a.jpg'), undefined)
    await small.set('big.jpg', picture(101))
    assert.deepEqual(readdirSync(folder), ['Notes of mine.txt'])
  })

  it('does without a folder it cannot use', async (t) => {
    const folder = folderOf(t)
    writeFileSync(join(folder, 'file'), '')
    const faults: unknown[] = []

    const cache = open(join(folder, 'file', 'below'), 1000, faults)
    await cache.set('a.jpg', picture(10))

    assert.equal(await cache.get('a.jpg'), undefined)
    assert.equal(faults.length, 1)
  })
})
