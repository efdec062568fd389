/** Films of protected paths through a server: all that is sent is encrypted, from the moment that the settings say so, and no other way leads to them. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { topLevelBoxes } from '../media/containers/isobmff/box.ts'
import { clearInitSegment, encryptedSamples } from '../media/containers/isobmff/decryption.ts'
import { FragmentReader } from '../media/containers/isobmff/fragment-reader.ts'
import { type Movie, readInitSegment } from '../media/containers/isobmff/movie.ts'
import { parseMpd } from '../media/manifests/dash/parse.ts'
import type { Key, MediaPlaylist, MultivariantPlaylist } from '../media/manifests/hls/model.ts'
import { parsePlaylist } from '../media/manifests/hls/parse.ts'
import { movieFile } from '../packaging/on-demand/vectors.ts'
import { SampleCipher } from '../packaging/protection/sample-cipher.ts'
import { createServer } from './server.ts'

const SECONDS = 20
const BOX_HEADER_BYTES = 8

type Paths = Record<string, unknown>

async function start(t: TestContext, paths: Paths) {
  const folder = mkdtempSync(join(tmpdir(), 'headend-protected-'))
  const media = join(folder, 'media')
  mkdirSync(media)
  const film = movieFile({ seconds: SECONDS, slices: true })
  for (const name of ['film.mp4', 'one.720p.mp4', 'one.360p.mp4']) writeFileSync(join(media, name), film)
  writeFileSync(join(media, 'film.en.srt'), '1\n00:00:01,000 --> 00:00:02,000\nhello\n')
  const settingsOf = (next: Paths) => ({
    host: '127.0.0.1',
    data: join(folder, 'data'),
    testChannel: false,
    http: { port: 0 },
    rtmp: false,
    media,
    paths: next,
  })
  const server = await createServer(settingsOf(paths), { writeLog: () => undefined })
  t.after(async () => {
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const origin = server.urls['http'] ?? ''
  return { origin, reload: (next: Paths) => server.reload(settingsOf(next)) }
}

async function get(url: string | URL, status = 200): Promise<Buffer> {
  const response = await fetch(url)
  const body = Buffer.from(await response.arrayBuffer())
  assert.equal(response.status, status, `${String(url)}: ${status === 200 ? body.toString().slice(0, 200) : ''}`)
  return body
}

async function codeOf(url: string | URL): Promise<string> {
  const response = await fetch(url)
  return response.ok ? `${response.status}` : ((await response.json()) as { code: string }).code
}

async function playlist<T extends MediaPlaylist | MultivariantPlaylist>(url: string | URL): Promise<T> {
  return parsePlaylist((await get(url)).toString()) as T
}

/** Init segment and media of a rendition. */
async function rendition(url: URL) {
  const { segments } = await playlist<MediaPlaylist>(url)
  const init = await get(new URL(segments[0]?.map?.uri ?? '', url))
  const media = await Promise.all(segments.map(({ uri }) => get(new URL(uri, url))))
  return { init, media, keys: segments.flatMap(({ keys = [] }) => keys) }
}

/** Playlists of pictures, sound and key pictures. */
async function renditions(origin: string, path: string, query = '') {
  const index = new URL(`${origin}/${path}/index.m3u8${query}`)
  const { variants, renditions: others, iFrameVariants } = await playlist<MultivariantPlaylist>(index)
  const sounds = others.filter(({ type }) => type === 'AUDIO')
  const uris = [...variants, ...sounds, ...iFrameVariants].map(({ uri }) => uri ?? '')
  assert.ok(uris.length >= 3)
  return Promise.all(uris.map((uri) => rendition(new URL(uri, index))))
}

interface Decrypted {
  readonly samples: readonly Buffer[]
  /** Key id and counter of each encrypted sample. */
  readonly counters: readonly string[]
}

function decrypt(init: Uint8Array, segments: readonly Uint8Array[], keys: ReadonlyMap<string, Uint8Array>): Decrypted {
  const clear = Uint8Array.from(init)
  const tracks = clearInitSegment(clear)
  const movie = readInitSegment(clear)
  const counters: string[] = []
  const samples = segments.flatMap((segment) => {
    const bytes = Uint8Array.from(segment)
    for (const sample of encryptedSamples(bytes, movie, tracks)) {
      const keyId = Buffer.from(sample.keyId).toString('hex')
      const key = keys.get(keyId)
      assert.ok(key !== undefined, `no key ${keyId}`)
      counters.push(`${keyId} ${Buffer.from(sample.iv).toString('hex')}`)
      new SampleCipher(key, sample.scheme, sample.pattern).decrypt(sample.bytes, sample.iv, sample.ranges)
    }
    return samplesOf(movie, bytes)
  })
  return { samples, counters }
}

function samplesOf(movie: Movie, segment: Uint8Array): Buffer[] {
  const reader = new FragmentReader(movie)
  return [...topLevelBoxes(segment)].flatMap((box) => {
    if (box.type !== 'moof') return []
    const locations = reader.read(box, box.body.offset - BOX_HEADER_BYTES)
    return locations.map(({ offset, size }) => Buffer.from(segment.subarray(offset, offset + size)))
  })
}

/** By a licence. */
async function keysOf(origin: string, lines: readonly Key[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const ids = lines.flatMap(({ keyFormat, uri }) =>
    keyFormat === 'org.w3.clearkey' ? [Buffer.from(uri.split(',')[1] ?? '', 'base64').toString('base64url')] : [],
  )
  const body = JSON.stringify({ kids: [...new Set(ids)], type: 'temporary' })
  const response = await fetch(`${origin}/license/clearkey`, { method: 'POST', body })
  assert.equal(response.status, 200)
  const { keys } = (await response.json()) as { keys: { kid: string; k: string }[] }
  const bytes = (text: string) => Buffer.from(text, 'base64url')
  return new Map(keys.map(({ kid, k }) => [bytes(kid).toString('hex'), bytes(k)]))
}

describe('films of protected paths', () => {
  for (const scheme of ['cenc', 'cbcs'] as const) {
    it(`are encrypted with ${scheme} in every form, to the same pictures and sounds`, async (t) => {
      const open = await start(t, {})
      const { origin } = await start(t, { 'vod/**': { protect: { scheme } } })
      const clear = await renditions(open.origin, 'vod/film.mp4')

      const encrypted = await renditions(origin, 'vod/film.mp4')

      const keys = await keysOf(
        origin,
        encrypted.flatMap((one) => one.keys),
      )
      const met = new Map<string, string>()
      for (const [index, { init, media }] of encrypted.entries()) {
        const { samples, counters } = decrypt(init, media, keys)
        const plain = clear[index] ?? assert.fail()
        const movie = readInitSegment(plain.init)
        assert.deepEqual(
          samples,
          plain.media.flatMap((segment) => samplesOf(movie, segment)),
        )
        assert.equal(counters.length, samples.length)
        const sent = media.flatMap((segment) => samplesOf(movie, segment))
        const same = sent.flatMap((data, at) => (data.equals(samples[at] ?? data) ? [`${at} ${data.byteLength}`] : []))
        assert.deepEqual(same, [], String(index))
        if (scheme === 'cbcs') continue
        for (const [at, counter] of counters.entries()) {
          const plaintext: string = samples[at]?.toString('hex') ?? ''
          assert.ok((met.get(counter) ?? plaintext) === plaintext, `${counter} meets two plaintexts`)
          met.set(counter, plaintext)
        }
      }
      const mpd = parseMpd((await get(`${origin}/vod/film.mp4/manifest.mpd`)).toString())
      const sets = mpd.periods[0]?.adaptationSets ?? []
      assert.deepEqual(
        sets.map((set) => [set.contentType, set.contentProtections[0]?.value, set.contentProtections[1]?.licenseUrl]),
        [
          ['video', scheme, `${origin}/license/clearkey`],
          ['video', scheme, `${origin}/license/clearkey`],
          ['audio', scheme, `${origin}/license/clearkey`],
          ['text', undefined, undefined],
        ],
      )
    })
  }

  it('have the key lines that their player reads', async (t) => {
    const { origin } = await start(t, { 'vod/**': { protect: { scheme: 'cbcs' } } })

    const usual = await renditions(origin, 'vod/film.mp4')
    const identity = await renditions(origin, 'vod/film.mp4', '?keys=identity')

    const formats = (all: typeof usual) => new Set(all.flatMap(({ keys }) => keys.map(({ keyFormat }) => keyFormat)))
    assert.deepEqual([...formats(usual)], ['org.w3.clearkey'])
    assert.deepEqual([...formats(identity)], ['identity'])
    const key = await get(new URL(identity[0]?.keys[0]?.uri ?? '', origin))
    const [known] = (
      await keysOf(
        origin,
        usual.flatMap(({ keys }) => keys),
      )
    ).values()
    assert.deepEqual(key, Buffer.from(known ?? []))
  })

  it('are encrypted from a reload on, and nothing goes out in the clear any more', async (t) => {
    const { origin, reload } = await start(t, {})
    const index = new URL(`${origin}/vod/film.mp4/index.m3u8`)
    const { variants } = await playlist<MultivariantPlaylist>(index)
    const video = new URL(variants[0]?.uri ?? '', index)
    const { segments } = await playlist<MediaPlaylist>(video)
    const first = new URL(segments[0]?.uri ?? '', video)
    // Kept in memory as a whole from the second time on.
    for (let times = 0; times < 3; times++) await get(first)

    await reload({ 'vod/film.mp4': { protect: true } })
    const after = await playlist<MediaPlaylist>(video)

    assert.equal(await codeOf(first), 'ERR_HTTP_NOT_FOUND')
    assert.equal(after.segments[0]?.keys?.length, 2)
    assert.notEqual(after.segments[0]?.uri, segments[0]?.uri)
    assert.equal(await codeOf(`${origin}/vod/film.mp4`), 'ERR_PROTECTION_CLEAR')
    assert.equal(await codeOf(`${origin}/vod/film.mp4.flv`), 'ERR_PROTECTION_CLEAR')

    await reload({})
    assert.equal(await codeOf(new URL(after.segments[0]?.uri ?? '', video)), 'ERR_HTTP_NOT_FOUND')
    await get(first)
    await get(`${origin}/vod/film.mp4`)
  })

  it('are protected in all qualities when one is', async (t) => {
    for (const [setting, path] of [
      ['vod/one', 'vod/one.720p.mp4'],
      ['vod/one.360p.mp4', 'vod/one'],
    ] as const) {
      const { origin } = await start(t, { [setting]: { protect: true } })

      const [video] = await renditions(origin, path)

      assert.equal(video?.keys[0]?.method, 'SAMPLE-AES-CTR', `${path} with ${setting}`)
      if (setting === 'vod/one') assert.equal(await codeOf(`${origin}/${path}`), 'ERR_PROTECTION_CLEAR')
    }
  })

  it('ask for the same in all that shows of them', async (t) => {
    const { origin } = await start(t, { 'vod/**': { protect: true, play: 'key', playKey: 'a-key-to-play-films' } })
    const index = `${origin}/vod/film.mp4/index.m3u8`
    const { renditions: others } = await playlist<MultivariantPlaylist>(`${index}?key=a-key-to-play-films`)
    const texts = new URL(others.find(({ type }) => type === 'SUBTITLES')?.uri ?? '', index)
    const list = await playlist<MediaPlaylist>(texts)
    const cues = new URL(list.segments[0]?.uri ?? '', texts)

    assert.match((await get(cues)).toString(), /hello/)
    for (const one of [index, texts, cues]) {
      const without = new URL(one)
      without.search = ''
      assert.equal(await codeOf(without), 'ERR_ACCESS_DENIED')
    }
    for (const name of ['poster.jpg', 'thumbnails.vtt', 'manifest.mpd']) {
      assert.equal(await codeOf(`${origin}/vod/film.mp4/${name}`), 'ERR_ACCESS_DENIED', name)
    }
    assert.equal(await codeOf(`${origin}/vod/film.en.srt`), 'ERR_ACCESS_DENIED')
    const film = (await (await fetch(`${origin}/library.json`)).json()) as { films: unknown[] }
    assert.deepEqual(film.films, [])
  })
})
