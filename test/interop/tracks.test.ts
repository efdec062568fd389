/** Streams of other shapes: sound only, picture only, 44.1 kHz, and two sounds beside one picture. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { type MediaOptions, makeMedia } from '../support/media.ts'
import { runOrThrow } from '../support/process.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { playUrls, publishFile, publishUrl, runHeadend, waitForViewers, waitOnAir } from './peers.ts'
import { assertUnbroken, type Seen, watch } from './watching.ts'

const SECONDS = 7
const FROM_START = ['-live_start_index', '0']

/** Viewers by protocol, who came before the stream. */
type Early = readonly (readonly [string, Promise<Seen>])[]

interface Shape {
  readonly name: string
  readonly kinds: readonly ('video' | 'audio')[]
  readonly media: Partial<MediaOptions>
}

const SHAPES: readonly Shape[] = [
  { name: 'sound-only', kinds: ['audio'], media: { video: 'none' } },
  { name: 'sound-only-44100', kinds: ['audio'], media: { video: 'none', extra: ['-ar', '44100'] } },
  { name: 'picture-only', kinds: ['video'], media: { audio: 'none', bFrames: 2 } },
  {
    name: 'both-44100',
    kinds: ['video', 'audio'],
    media: { extra: ['-ar', '44100', '-ac', '2'], bFrames: 3, rate: 30 },
  },
]

it('streams of other shapes', { concurrency: true }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const files = new Map<Shape, string>()
  for (const shape of SHAPES) {
    files.set(shape, await makeMedia(ffmpeg, { container: 'flv', seconds: SECONDS, ...shape.media }))
  }
  const server = await startServer()
  t.after(() => server.stop())

  const waiting = new Map<Shape, Early>()
  for (const shape of SHAPES) {
    const { rtmp, httpFlv } = playUrls(server, shape.name)
    waiting.set(shape, [
      ['RTMP', watch(ffmpeg, rtmp)],
      ['HTTP-FLV', watch(ffmpeg, httpFlv)],
    ])
  }
  // Who comes after the first sound has missed it.
  await waitForViewers(server, 2 * SHAPES.length)

  await Promise.all([
    ...[...files].map(([shape, file]) =>
      t.test(shape.name, (t) => passThrough(t, ffmpeg, server, { shape, file, early: waiting.get(shape) ?? [] })),
    ),
    t.test('two sounds', () => twoSounds(ffmpeg, server)),
  ])
})

async function passThrough(
  t: TestContext,
  ffmpeg: string,
  server: RunningServer,
  { shape: { name, kinds }, file, early }: { readonly shape: Shape; readonly file: string; readonly early: Early },
): Promise<void> {
  const sent = await watch(ffmpeg, file)
  const urls = playUrls(server, name)
  const publishing = publishFile(ffmpeg, file, publishUrl(server, name))
  await waitOnAir(server, name)
  const folder = mkdtempSync(join(tmpdir(), 'headend-tracks-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const output = join(folder, 'dash.mp4')
  // FFmpeg asks for the segment after the last one listed, gets it as it grows, and asks for it again once it is listed: of a stream with
  // one track it plays everything twice. Our own player is the judge here.
  const players = [
    ['play', urls.hls],
    ['play', urls.dash, '--output', output],
  ].map((args) => runHeadend([...args, '--json'], { timeout: 40_000 }))
  const late: [string, Promise<Seen>][] = [['HLS', watch(ffmpeg, urls.hls, { input: FROM_START })]]
  const published = await publishing
  assert.equal(published.code, 0, published.stderr)
  for (const [output, watching] of [...early, ...late]) {
    await t.test(output, async () => {
      const seen = await watching
      assertUnbroken(seen, sent, { kinds, fewest: 0.99, until: 'end' })
      for (const kind of ['video', 'audio'] as const) if (!kinds.includes(kind)) assert.equal(seen[kind].length, 0)
    })
  }
  await t.test('our player', async () => {
    for (const { code, stdout, stderr } of await Promise.all(players)) {
      assert.equal(code, 0, `${stdout.toString()}${stderr}`)
    }
    assertUnbroken(await watch(ffmpeg, output), sent, { kinds, fewest: 0.6, until: 'end' })
  })
}

/** Published by our own encoder, as multitrack of Enhanced RTMP; two renditions in HLS. */
async function twoSounds(ffmpeg: string, server: RunningServer): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'headend-tracks-'))
  try {
    const picture = await makeMedia(ffmpeg, { container: 'mp4', seconds: SECONDS, tone: 1000 })
    const sound = await makeMedia(ffmpeg, { container: 'mp4', seconds: SECONDS, tone: 500, video: 'none' })
    const file = join(folder, 'two.mp4')
    const maps = [
      '-map',
      '0:v',
      '-map',
      '0:a',
      '-map',
      '1:a',
      '-metadata:s:a:0',
      'language=eng',
      '-metadata:s:a:1',
      'language=deu',
    ]
    await runOrThrow(ffmpeg, ['-loglevel', 'error', '-i', picture, '-i', sound, ...maps, '-c', 'copy', file])
    const pushing = runHeadend(['push', file, publishUrl(server, 'two'), '--retries', '0'], { timeout: 40_000 })
    await waitOnAir(server, 'two')
    const { hls } = playUrls(server, 'two')
    const index = await (await fetch(hls)).text()
    const audio = [...new Set([...index.matchAll(/audio-\d+\.m3u8/g)].map(([name]) => name))]
    assert.equal(audio.length, 2, index)
    assert.equal(index.match(/#EXT-X-MEDIA:TYPE=AUDIO/g)?.length, 2, index)
    const [first, second] = await Promise.all(
      audio.map((name) => watch(ffmpeg, new URL(name, hls).href, { input: FROM_START })),
    )
    const pushed = await pushing
    assert.equal(pushed.code, 0, pushed.stderr)
    const [one, two] = [await watch(ffmpeg, picture), await watch(ffmpeg, sound)]
    assert.ok(first !== undefined && second !== undefined)
    assertUnbroken(first, one, { kinds: ['audio'], fewest: 0.98, until: 'end' })
    assertUnbroken(second, two, { kinds: ['audio'], fewest: 0.98, until: 'end' })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
