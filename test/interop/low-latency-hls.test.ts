/** Low-latency HLS of a running server: blocking reloads, parts, hints, delta updates, reports and headers (RFC 8216bis, annex B). */
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { lintMediaPlaylist } from '../../src/media/manifests/hls/lint.ts'
import { applyDelta } from '../../src/media/manifests/hls/media-playlist.ts'
import type { MediaPlaylist } from '../../src/media/manifests/hls/model.ts'
import { parsePlaylist } from '../../src/media/manifests/hls/parse.ts'
import { makeMedia } from '../support/media.ts'
import { startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { playUrls, publishFile, publishUrl, waitOnAir } from './peers.ts'

const SECONDS = 21
const RELOADS_MS = 16_000
/** A busy machine delays what was right on time, milliseconds. */
const SLACK_MS = 300
/** Delivered together with what is merged in the server, milliseconds. */
const EARLY_MS = 60
const MEDIA_TYPE = 'application/vnd.apple.mpegurl'

interface Position {
  readonly number: number
  readonly part: number
}

interface Reload {
  readonly asked: Position
  readonly sentAt: number
  readonly answeredAt: number
  readonly response: Response
  readonly playlist: MediaPlaylist
}

it('keeps the rules of low-latency HLS', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const file = await makeMedia(ffmpeg, { container: 'flv', seconds: SECONDS, bFrames: 2 })
  const server = await startServer()
  t.after(() => server.stop())
  const stop = new AbortController()
  t.after(() => stop.abort())
  const publishing = publishFile(ffmpeg, file, publishUrl(server, 'll'), { signal: stop.signal })
  await waitOnAir(server, 'll')
  const base = playUrls(server, 'll').hls
  const index = await (await fetch(base)).text()
  const names = [...index.matchAll(/(?:video|audio)-\d+\.m3u8/g)].map(([name]) => name)
  assert.equal(new Set(names).size, 2, index)

  const urlOf = (name: string) => new URL(name, base)
  const runs = await Promise.all([...new Set(names)].map((name) => follow(urlOf(name), RELOADS_MS)))
  const playlists = runs.map(({ reloads }) => reloads.map(({ playlist }) => playlist))

  for (const [run, { url, reloads, hints, deltas }] of runs.entries()) {
    const list = playlists[run] ?? []
    const target = (list[0]?.partTarget ?? 0) * 1000
    const kind = /video|audio/.exec(url.pathname)?.[0] ?? ''

    await t.test(`${kind}: a reload is answered when the part is there, neither before nor late`, () => {
      assert.ok(reloads.length > 30, `${reloads.length} reloads`)
      for (const { asked, playlist } of reloads) {
        assert.ok(
          reaches(playlist, asked),
          `asked for ${asked.number}.${asked.part}, got ${JSON.stringify(end(playlist))}`,
        )
      }
      const spans = reloads.slice(1).map(({ answeredAt }, index) => answeredAt - (reloads[index]?.answeredAt ?? 0))
      const late = spans.filter((span) => span > 2 * target + SLACK_MS)
      assert.deepEqual(late, [], `parts of ${target} ms came after so many milliseconds`)
      // Parts are made in real time: as many answers as parts, and nearly all of them were waited for.
      const held = reloads.filter(({ sentAt, answeredAt }) => answeredAt - sentAt > EARLY_MS / 2)
      assert.ok(held.length > reloads.length * 0.7, `${held.length} of ${reloads.length} reloads were held`)
    })

    await t.test(`${kind}: nothing is there before its time`, () => {
      // Media time that has appeared since the first answer cannot be ahead of the clock.
      const start = reloads[0]
      assert.ok(start !== undefined)
      for (const { playlist, answeredAt } of reloads) {
        const ahead: number = endTime(playlist) - endTime(start.playlist) - (answeredAt - start.answeredAt)
        assert.ok(ahead < 2 * target, `${ahead} ms ahead of real time`)
        assert.ok(ahead > -2 * target - SLACK_MS, `${-ahead} ms behind real time`)
      }
    })

    await t.test(`${kind}: lint finds nothing`, () => {
      const found = list.flatMap((playlist, index) => lintMediaPlaylist(playlist, list[index - 1]))
      assert.deepEqual([...new Set(found.map(({ rule, severity, message }) => `${severity} ${rule}: ${message}`))], [])
    })

    await t.test(`${kind}: parts keep PART-TARGET, hold back is three of them`, () => {
      for (const playlist of list) {
        const { partTarget = 0, serverControl } = playlist
        assert.ok((serverControl?.partHoldBack ?? 0) >= 3 * partTarget)
        assert.equal(serverControl?.canBlockReload, true)
        const segments = [...playlist.segments, ...(playlist.openSegment === undefined ? [] : [playlist.openSegment])]
        for (const { parts } of segments) {
          for (const [place, { duration }] of parts.entries()) {
            assert.ok(duration <= partTarget + 0.0005, `part of ${duration} s, target ${partTarget} s`)
            // Only the last of a segment may be short.
            if (place < parts.length - 1) assert.ok(duration >= 0.85 * partTarget, `part of ${duration} s`)
          }
        }
      }
    })

    await t.test(`${kind}: what is hinted is delivered`, () => {
      assert.ok(hints.length > 10)
      for (const hint of hints) {
        assert.equal(hint.status, 200, hint.url)
        assert.ok(hint.bytes > 0)
      }
    })

    await t.test(`${kind}: delta updates say the same`, () => {
      assert.ok(
        deltas.some(({ delta }) => delta.skip !== undefined),
        'no delta update left anything out',
      )
      for (const { full, delta, before } of deltas) {
        if (delta.skip === undefined) continue
        assert.deepEqual(applyDelta(before, delta), full)
      }
    })

    await t.test(`${kind}: rendition reports are right`, () => {
      const others = playlists[1 - run] ?? []
      const lasts = new Set(others.map((playlist) => JSON.stringify(end(playlist))))
      let known = 0
      for (const playlist of list) {
        const [report] = playlist.renditionReports
        assert.equal(playlist.renditionReports.length, 1)
        assert.ok(report !== undefined && !url.pathname.endsWith(report.uri))
        if (lasts.has(JSON.stringify({ number: report.lastMsn, part: report.lastPart }))) known++
      }
      // The other playlist was not seen in every state it had.
      assert.ok(known > list.length * 0.5, `${known} of ${list.length} reports name a state of the other playlist`)
    })

    await t.test(`${kind}: a segment is its parts, and media is cached for ever`, async () => {
      const last = list.at(-1)
      const segment = last?.segments.at(-1)
      assert.ok(segment !== undefined && segment.parts.length > 1)
      const whole = await fetch(new URL(segment.uri, url))
      const parts = await Promise.all(segment.parts.map((part) => fetch(new URL(part.uri, url))))
      const bytes = await Promise.all(parts.map(async (part) => Buffer.from(await part.arrayBuffer())))
      assert.deepEqual(Buffer.from(await whole.arrayBuffer()), Buffer.concat(bytes))
      for (const response of [whole, ...parts]) {
        assert.match(response.headers.get('cache-control') ?? '', /max-age=\d{5,}.*immutable|immutable.*max-age=\d{5,}/)
        assert.equal(response.headers.get('access-control-allow-origin'), '*')
        assert.match(response.headers.get('content-type') ?? '', /^(video|audio)\/mp4/)
      }
    })
  }

  const [first] = runs
  assert.ok(first !== undefined)
  await t.test('playlist headers: type, caching, CORS, gzip', async () => {
    const live = await fetch(first.url)
    const blocked = first.reloads[0]?.response
    for (const response of [live, blocked]) {
      assert.ok(response !== undefined)
      assert.match(response.headers.get('content-type') ?? '', new RegExp(`^${MEDIA_TYPE}`))
      assert.equal(response.headers.get('access-control-allow-origin'), '*')
      assert.equal(response.headers.get('content-encoding'), 'gzip')
    }
    assert.equal(live.headers.get('cache-control'), 'no-cache')
    assert.match(blocked?.headers.get('cache-control') ?? '', /max-age=\d+/)
    const plain = await fetch(first.url, { headers: { 'accept-encoding': 'identity' } })
    assert.equal(plain.headers.get('content-encoding'), null)
    const head = await fetch(first.url, { method: 'HEAD' })
    assert.equal(head.status, 200)
    await Promise.all([live, plain].map((response) => response.arrayBuffer()))
  })

  await t.test('requests too far ahead or without sense are refused at once', async () => {
    const now = end(await load(first.url))
    for (const query of [
      `_HLS_msn=${now.number + 20}`,
      `_HLS_msn=${now.number + 20}&_HLS_part=0`,
      '_HLS_part=0',
      '_HLS_msn=x',
      '_HLS_msn=-1',
      `_HLS_msn=${now.number}&_HLS_part=99999999`,
    ]) {
      const started = performance.now()
      const response = await fetch(`${first.url.href}?${query}`)
      assert.equal(response.status, 400, query)
      assert.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/)
      await response.arrayBuffer()
      assert.ok(performance.now() - started < SLACK_MS, query)
    }
  })

  await t.test('what was there before is answered at once', async () => {
    const now = await load(first.url)
    const started = performance.now()
    const old = await load(`${first.url.href}?_HLS_msn=${now.mediaSequence}&_HLS_part=0`)
    assert.ok(performance.now() - started < SLACK_MS)
    assert.ok(end(old).number >= end(now).number)
  })
  stop.abort()
  await publishing
})

interface Hint {
  readonly url: string
  readonly status: number
  readonly bytes: number
}

interface Delta {
  readonly before: MediaPlaylist
  readonly full: MediaPlaylist
  readonly delta: MediaPlaylist
}

/** Reloads as a player does, and asks for every hinted part before it is there. */
async function follow(url: URL, timeMs: number) {
  const reloads: Reload[] = []
  const hints: Promise<Hint>[] = []
  const deltas: Delta[] = []
  const started = performance.now()
  for (let playlist = await load(url); performance.now() - started < timeMs && !playlist.ended; ) {
    const [hint] = playlist.preloadHints
    assert.ok(hint !== undefined, 'no preload hint')
    hints.push(getPart(new URL(hint.uri, url)))
    const asked = next(playlist)
    const query = `${url.href}?_HLS_msn=${asked.number}&_HLS_part=${asked.part}`
    const sentAt = performance.now()
    const both = reloads.length % 3 === 0
    const [response, delta] = await Promise.all([fetch(query), both ? load(`${query}&_HLS_skip=YES`) : undefined])
    const answeredAt = performance.now()
    assert.equal(response.status, 200, query)
    const answer = parse(await response.text())
    reloads.push({ asked, sentAt, answeredAt, response, playlist: answer })
    // The two answers may be of two states when a part comes between them.
    if (delta !== undefined && JSON.stringify(end(delta)) === JSON.stringify(end(answer))) {
      deltas.push({ before: playlist, full: answer, delta })
    }
    playlist = answer
  }
  return { url, reloads, deltas, hints: await Promise.all(hints) }
}

async function getPart(url: URL): Promise<Hint> {
  const response = await fetch(url)
  return { url: url.href, status: response.status, bytes: (await response.arrayBuffer()).byteLength }
}

async function load(url: URL | string): Promise<MediaPlaylist> {
  const response = await fetch(url)
  const text = await response.text()
  assert.equal(response.status, 200, `${String(url)}: ${text}`)
  return parse(text)
}

function parse(text: string): MediaPlaylist {
  const playlist = parsePlaylist(text)
  assert.ok(playlist.type === 'media')
  return playlist
}

/** The newest part. */
function end({ mediaSequence, skip, segments, openSegment }: MediaPlaylist): Position {
  const following = mediaSequence + (skip?.skippedSegments ?? 0) + segments.length
  if (openSegment !== undefined && openSegment.parts.length > 0) {
    return { number: following, part: openSegment.parts.length - 1 }
  }
  return { number: following - 1, part: (segments.at(-1)?.parts.length ?? 0) - 1 }
}

function next(playlist: MediaPlaylist): Position {
  const { number, part } = end(playlist)
  return playlist.openSegment === undefined ? { number: number + 1, part: 0 } : { number, part: part + 1 }
}

/** A segment that ended sooner has reached what was asked for as well. */
function reaches(playlist: MediaPlaylist, asked: Position): boolean {
  const { number, part } = end(playlist)
  return number > asked.number || (number === asked.number && part >= asked.part) || playlist.openSegment === undefined
}

/** End of the newest part, milliseconds since 1970. */
function endTime({ segments, openSegment }: MediaPlaylist): number {
  const last = segments.at(-1)
  const head = openSegment ?? last
  const seconds =
    openSegment === undefined
      ? (last?.duration ?? 0)
      : openSegment.parts.reduce((sum, { duration }) => sum + duration, 0)
  return (head?.programDateTime ?? 0) + seconds * 1000
}
