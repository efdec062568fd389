/** Live streams of protected paths, by the programs that decrypt: bit for bit what was published, under keys that are used once. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { parseMpd } from '../../src/media/manifests/dash/parse.ts'
import type { MediaPlaylist, MultivariantPlaylist, Segment } from '../../src/media/manifests/hls/model.ts'
import { parsePlaylist } from '../../src/media/manifests/hls/parse.ts'
import { CounterRecorder } from '../support/counter-recorder.ts'
import { makeMedia } from '../support/media.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { packetHashes, readByFfmpeg, readByMediabunny } from './encrypted-packets.ts'
import { playUrls, publishFile, publishUrl, runHeadend, waitOnAir } from './peers.ts'
import { assertUnbroken, watch } from './watching.ts'

const RATE = 25
const SECONDS = 12
const ROTATE_SECONDS = 4
const SCHEMES = ['cenc', 'cbcs'] as const
const RENDITIONS = [
  ['video-1', 'v'],
  ['audio-101', 'a'],
] as const

/** What players got of a rendition. */
interface Fetched {
  readonly segments: readonly Segment[]
  readonly bytes: ReadonlyMap<string, Buffer>
}

it('live streams of protected paths are decrypted to what was published, across changes of the key and a restart', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const file = await makeMedia(ffmpeg, { container: 'flv', seconds: SECONDS, rate: RATE, gop: RATE, bFrames: 2 })
  const { folder, start } = setUp(t)
  const server = await start()
  const players = playAll(server, folder)
  const published = await publishAll(ffmpeg, file, server)
  const counters = new CounterRecorder()

  for (const scheme of SCHEMES) {
    for (const [name, kind] of RENDITIONS) {
      const fetched = published.get(`${scheme} ${name}`) ?? assert.fail(name)
      const keys = await licensed(server, fetched.segments)
      const wanted = await packetHashes(ffmpeg, file, kind)
      const [mediabunny, newFfmpeg] = [[] as string[], [] as string[]]
      for (const [init, segments] of byInit(fetched)) {
        const joined = Buffer.concat([init, ...segments])
        mediabunny.push(...(await readByMediabunny(joined, (id) => keys.get(id))))
        newFfmpeg.push(...(await readByFfmpeg(folder, joined, keys)))
      }

      assert.ok(keys.size >= SECONDS / ROTATE_SECONDS, `${keys.size} keys`)
      assert.deepEqual(mediabunny, wanted, `${scheme} ${name}, mediabunny`)
      assert.deepEqual(newFfmpeg, wanted, `${scheme} ${name}, FFmpeg 8`)
      if (scheme === 'cenc') recordCounters(counters, fetched)
    }
  }
  const sent = await watch(ffmpeg, file)
  for (const [name, output, playing] of players) {
    const { code, stdout, stderr } = await playing
    assert.equal(code, 0, `${name}: ${stdout.toString()}${stderr}`)
    assertUnbroken(await watch(ffmpeg, output), sent, { fewest: 0.5, until: 'end' })
  }
  for (const scheme of SCHEMES) await assertSameByDash(server, scheme, published)
  await server.stop()

  const again = await start()
  const secondTime = await publishAll(ffmpeg, file, again)
  for (const [name, { segments, bytes }] of secondTime) {
    const before = published.get(name) ?? assert.fail(name)
    // Who goes back to before the restart gets the very bytes of then, which lie in the clear in the recording.
    const kept = before.segments.filter(({ uri }) => bytes.has(uri))
    assert.equal(kept.length, before.segments.length, name)
    for (const { uri } of kept) assert.deepEqual(bytes.get(uri), before.bytes.get(uri), uri)
    assert.ok(segments.length > kept.length + 2, `${segments.length} segments`)
    if (name.startsWith('cenc')) recordCounters(counters, { segments, bytes })
  }
  const { counters: count, keyIds } = counters.facts
  t.diagnostic(`${count} counters under ${keyIds.length} keys`)
  assert.ok(keyIds.length >= 2 * (SECONDS / ROTATE_SECONDS), `${keyIds.length} keys`)
})

function setUp(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'headend-protected-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const config = join(folder, 'headend.yaml')
  const paths = SCHEMES.map((scheme) => {
    const protect = `{ scheme: ${scheme}, rotateSeconds: ${ROTATE_SECONDS} }`
    return `  live/${scheme}: { protect: ${protect}, record: { windowSeconds: 600 }, graceMs: 0 }\n`
  })
  writeFileSync(config, `paths:\n${paths.join('')}`)
  const start = async () => {
    const server = await startServer({ args: ['--config', config], data: join(folder, 'data') })
    t.after(() => server.stop())
    return server
  }
  return { folder, start }
}

/** Our own player, with licences as they are needed, from when a stream comes to its end. */
function playAll(server: RunningServer, folder: string) {
  return SCHEMES.flatMap((scheme) =>
    (['hls', 'dash'] as const).map((manifest) => {
      const output = join(folder, `${scheme}-${manifest}.mp4`)
      const playing = waitOnAir(server, scheme).then(() => {
        const address = playUrls(server, scheme)[manifest]
        const license = `${server.urls['http']}/license/clearkey`
        return runHeadend(['play', address, '--license', license, '--json', '--output', output], { timeout: 40_000 })
      })
      return [`${scheme} ${manifest}`, output, playing] as const
    }),
  )
}

/** Both streams to their end, and all that their playlists then list. */
async function publishAll(ffmpeg: string, file: string, server: RunningServer): Promise<Map<string, Fetched>> {
  const all = SCHEMES.map(async (scheme) => {
    const { code, stderr } = await publishFile(ffmpeg, file, publishUrl(server, scheme))
    assert.equal(code, 0, stderr)
    return Promise.all(
      RENDITIONS.map(async ([name]) => {
        const url = new URL(`${server.urls['http']}/live/${scheme}/${name}.m3u8`)
        return [`${scheme} ${name}`, await fetchAll(url)] as const
      }),
    )
  })
  return new Map((await Promise.all(all)).flat())
}

async function fetchAll(url: URL): Promise<Fetched> {
  const { segments, ended } = await playlist<MediaPlaylist>(url)
  assert.equal(ended, true)
  const names = segments.flatMap(({ uri, map }) => (map === undefined ? [uri] : [map.uri, uri]))
  const bytes = new Map<string, Buffer>()
  for (const name of names) bytes.set(name, await get(new URL(name, url)))
  return { segments, bytes }
}

async function playlist<T extends MediaPlaylist | MultivariantPlaylist>(url: URL): Promise<T> {
  return parsePlaylist((await get(url)).toString()) as T
}

async function get(url: string | URL): Promise<Buffer> {
  const response = await fetch(url)
  assert.equal(response.status, 200, String(url))
  return Buffer.from(await response.arrayBuffer())
}

/** Keys by id in hexadecimal, from the licence server. */
async function licensed(server: RunningServer, segments: readonly Segment[]): Promise<Map<string, Uint8Array>> {
  const kids = new Set(
    segments
      .flatMap(({ keys = [] }) => keys)
      .filter(({ keyFormat }) => keyFormat === 'org.w3.clearkey')
      .map(({ uri }) => Buffer.from(uri.split(',')[1] ?? '', 'base64').toString('base64url')),
  )
  const response = await fetch(`${server.urls['http']}/license/clearkey`, {
    method: 'POST',
    body: JSON.stringify({ kids: [...kids], type: 'temporary' }),
  })
  assert.equal(response.status, 200, await response.clone().text())
  const { keys } = (await response.json()) as { keys: { kid: string; k: string }[] }
  const bytes = (text: string) => Buffer.from(text, 'base64url')
  return new Map(keys.map(({ kid, k }) => [bytes(kid).toString('hex'), bytes(k)]))
}

/** Init segments with what belongs to them, in the order of the playlist. */
function byInit({ segments, bytes }: Fetched): (readonly [init: Buffer, segments: Buffer[]])[] {
  const groups = new Map<string, Buffer[]>()
  for (const { map, uri } of segments) {
    const own = groups.get(map?.uri ?? '') ?? []
    groups.set(map?.uri ?? '', own)
    own.push(bytes.get(uri) ?? assert.fail(uri))
  }
  return [...groups].map(([name, own]) => [bytes.get(name) ?? assert.fail(name), own])
}

function recordCounters(recorder: CounterRecorder, { segments, bytes }: Fetched): void {
  for (const { map, uri } of segments) {
    recorder.add(bytes.get(map?.uri ?? '') ?? assert.fail(uri), bytes.get(uri) ?? assert.fail(uri), uri)
  }
}

/** DASH leads to the init segments of HLS, a period for each key. */
async function assertSameByDash(
  server: RunningServer,
  scheme: string,
  published: ReadonlyMap<string, Fetched>,
): Promise<void> {
  const mpd = parseMpd((await get(`${server.urls['http']}/live/${scheme}/manifest.mpd`)).toString())
  for (const [name] of RENDITIONS) {
    const sets = mpd.periods.map(({ adaptationSets }) =>
      adaptationSets.find(({ representations }) => representations[0]?.id === name),
    )
    const inits = sets.map((set) => (set?.representations[0]?.segmentTemplate ?? set?.segmentTemplate)?.initialization)
    const { segments = [] } = published.get(`${scheme} ${name}`) ?? {}
    assert.deepEqual(
      inits.map((init) => init?.replace('$RepresentationID$', name)),
      [...new Set(segments.map(({ map }) => map?.uri))],
    )
    assert.ok(sets.every((set) => (set?.contentProtections.length ?? 0) > 0))
  }
}
