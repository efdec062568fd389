/** Codecs of Enhanced RTMP, published by FFmpeg 8, arrive unchanged at every output. */
import assert from 'node:assert/strict'
import { it, type TestContext } from 'node:test'
import { type MediaOptions, makeMedia } from '../support/media.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { callApi, playUrls, publishUrl, runNewFfmpeg, waitForViewers, waitOnAir, waitUntil } from './peers.ts'
import { assertUnbroken, type Seen, watchByNewFfmpeg } from './watching.ts'

const SECONDS = 5
const DASH_TAIL_MS = 2500

interface Case {
  readonly name: string
  /** As the API names them. */
  readonly codecs: readonly string[]
  readonly media: Omit<MediaOptions, 'container' | 'seconds'>
  readonly container?: string
}

const CASES: readonly Case[] = [
  {
    name: 'hevc-opus',
    codecs: ['h265', 'opus'],
    media: { video: 'libx265', audio: 'libopus', bFrames: 2, extra: ['-x265-params', 'log-level=error'] },
  },
  {
    name: 'av1-ac3',
    codecs: ['av1', 'ac3'],
    media: { video: 'libsvtav1', audio: 'ac3', extra: ['-preset', '12'] },
  },
  {
    name: 'vp9-flac',
    codecs: ['vp9', 'flac'],
    media: {
      video: 'libvpx-vp9',
      audio: 'flac',
      extra: ['-deadline', 'realtime', '-cpu-used', '8', '-strict', '-2'],
    },
  },
  { name: 'h264-eac3', codecs: ['h264', 'eac3'], media: { audio: 'eac3' } },
  { name: 'h264-mp3', codecs: ['h264', 'mp3'], media: { audio: 'libmp3lame', bFrames: 2 } },
]

it('codecs of Enhanced RTMP pass through', { concurrency: true }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const files = new Map<Case, string>()
  for (const one of CASES) {
    files.set(one, await makeMedia(ffmpeg, { container: 'mp4', seconds: SECONDS, ...one.media }))
  }
  const server = await startServer()
  t.after(() => server.stop())

  const everyoneWaits = waitForViewers(server, 2 * CASES.length)
  await Promise.all(
    [...files].map(([one, file]) => t.test(one.name, (t) => passThrough(t, server, { one, file, everyoneWaits }))),
  )
})

async function passThrough(
  t: TestContext,
  server: RunningServer,
  { one, file, everyoneWaits }: { readonly one: Case; readonly file: string; readonly everyoneWaits: Promise<void> },
): Promise<void> {
  const urls = playUrls(server, one.name)
  const ended = new AbortController()
  const early: [string, Promise<Seen>][] = [
    ['RTMP', watchByNewFfmpeg(urls.rtmp)],
    ['HTTP-FLV', watchByNewFfmpeg(urls.httpFlv)],
  ]
  await everyoneWaits
  const publishing = runNewFfmpeg(['publish', file, publishUrl(server, one.name)])
  await waitOnAir(server, one.name)
  const late: [string, Promise<Seen>][] = [
    ['HLS', watchByNewFfmpeg(urls.hls)],
    ['DASH', watchByNewFfmpeg(urls.dash, { signal: ended.signal })],
  ]
  let codecs: string[] = []
  await waitUntil(`${one.name} has its tracks`, async () => {
    const { tracks } = await callApi<{ tracks: { codec: string }[] }>(server, `streams/live/${one.name}`)
    codecs = tracks.map(({ codec }) => codec).sort()
    return codecs.length >= one.codecs.length
  })
  const published = await publishing
  setTimeout(() => ended.abort(), DASH_TAIL_MS)
  const sent = await watchByNewFfmpeg(file)
  const seen = await Promise.all(
    [...early, ...late].map(async ([output, watching]) => [output, await watching] as const),
  )

  assert.equal(published.code, 0, published.stderr)
  assert.deepEqual(codecs, [...one.codecs].sort())
  for (const [output, packets] of seen) {
    const dash = output === 'DASH'
    await t.test(output, () =>
      // FFmpeg's DASH reader may miss the last segment of a stream that ended. A viewer begins with a key packet: a sound before the first picture is not for it.
      assertUnbroken(packets, sent, dash ? { fewest: 0.6 } : { fewest: 0.97, until: 'end' }),
    )
  }
}
