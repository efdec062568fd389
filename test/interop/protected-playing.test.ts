/** `headend play` on films of protected paths: what it writes is bit for bit what is in the file, and without the right key it says why. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { keysOfFile, packageMedia } from '../../src/index.ts'
import { mediaFolder } from '../browser/media-folder.ts'
import { makeMedia } from '../support/media.ts'
import { runOrThrow } from '../support/process.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { runHeadend } from './peers.ts'

const SCHEMES = ['cenc', 'cbcs'] as const
const MANIFESTS = ['index.m3u8', 'manifest.mpd'] as const
const SECONDS = 12

test('films of protected paths by headend play', { timeout: 120_000 }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const film = await makeMedia(ffmpeg, { container: 'mp4', seconds: SECONDS, bFrames: 2 })
  const { server, folder } = await serveFilms(t, film)
  const expected = await packetsOf(ffmpeg, film)
  assert.ok(expected.video.length === SECONDS * 25 && expected.audio.length > 500)
  const { token, links } = await makeToken(server, 'vod/cenc.mp4')
  const both = await makeToken(server, 'vod/*')
  const license = `${server.urls['http']}/license/clearkey`
  const address = (name: string, manifest: string, query = `?token=${both.token}`) =>
    `${server.urls['http']}/vod/${name}/${manifest}${query}`
  const output = join(folder, 'played.mp4')
  const playTo = async (url: string, ...flags: readonly string[]) => {
    const { code, stderr } = await runHeadend(['play', url, '--json', '--output', output, ...flags], {
      timeout: 30_000,
    })
    assert.equal(code, 0, stderr)
    return packetsOf(ffmpeg, output)
  }

  for (const scheme of SCHEMES) {
    for (const manifest of MANIFESTS) {
      await t.test(`${scheme}, ${manifest}: with a licence, which the token of the address opens`, async () => {
        assert.deepEqual(await playTo(address(`${scheme}.mp4`, manifest), '--license', license), expected)
      })
    }
  }
  await t.test('with what headend token prints', async () => {
    assert.match(links.Watch, /\/watch\/vod\/cenc\.mp4\?token=eyJ/)
    const page = await fetch(links.Watch)
    assert.deepEqual([page.status, links.Licence], [200, `${license}?token=${token}`])

    assert.deepEqual(await playTo(links.HLS, '--license', links.Licence), expected)
    assert.deepEqual(await playTo(links.DASH, '--license', links.Licence), expected)
  })
  await t.test('with keys that the owner has, on the command line and in a file', async () => {
    const { kid, key } = await keyOf(server, 'vod/cenc.mp4')
    const file = join(folder, 'keys')
    writeFileSync(file, `${kid}:${key}\n`)

    assert.deepEqual(await playTo(address('cenc.mp4', 'index.m3u8'), '--key', `${kid}:${key}`), expected)
    assert.deepEqual(await playTo(address('cenc.mp4', 'manifest.mpd'), '--key-file', file), expected)
  })
  await t.test('packages with keys that change and a clear beginning, and of AES-128', async () => {
    for (const scheme of [...SCHEMES, 'aes-128'] as const) {
      const out = join(folder, scheme)
      const keys = join(folder, `${scheme}.keys`)
      const changes = scheme === 'aes-128' ? {} : { clearLeadSeconds: 2 }
      const encryption = { scheme, key: keysOfFile(keys), rotateSeconds: 4, ...changes }
      const { keyIds } = await packageMedia({ inputs: [film], out, segmentSeconds: 2, encryption })
      assert.equal(keyIds.length, 3)
      const site = await serveFolder(t, out)

      for (const manifest of scheme === 'aes-128' ? MANIFESTS.slice(0, 1) : MANIFESTS) {
        const flags = scheme === 'aes-128' ? [] : ['--key-file', keys]
        assert.deepEqual(await playTo(`${site}/${manifest}`, ...flags), expected)
      }
    }
  })
  await t.test('without the right key it says what was expected and found', async () => {
    const { kid, key } = await keyOf(server, 'vod/cenc.mp4')
    const wrong = `${kid}:${'0123456789abcdef'.repeat(2)}`
    const other = await makeToken(server, 'live/other')
    const url = address('cenc.mp4', 'index.m3u8')
    const fails = async (...flags: readonly string[]) => {
      const { code, stderr } = await runHeadend(['play', url, ...flags], { timeout: 30_000 })
      assert.equal(code, flags.includes('secret') ? 2 : 1)
      assert.ok(!stderr.includes(key) && !stderr.includes(both.token), stderr)
      return stderr
    }
    const uuid = kid.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

    assert.match(
      await fails(),
      new RegExp(`ERR_PLAY_KEY\\b.*is encrypted \\(cenc\\) with the key ${uuid}; .*expected --license URL`, 's'),
    )
    assert.match(
      await fails('--key', wrong),
      new RegExp(`ERR_PLAY_WRONG_KEY.*expected aac under the key ${uuid}, found noise in`, 's'),
    )
    assert.match(
      await fails('--license', license, '--token', other.token),
      /ERR_PLAY_LICENSE.*license\/clearkey refuses: ERR_LICENSE_REFUSED, /s,
    )
    assert.match(
      await fails('--license', 'ftp://keys.example/'),
      /ERR_PLAY_URL.*expected the address of a licence server/s,
    )
    assert.match(await fails('--key', 'secret'), /expected KID:KEY/)
  })
})

/** Films with the name of their scheme, for those who show a token. */
async function serveFilms(t: TestContext, film: string): Promise<{ server: RunningServer; folder: string }> {
  const folder = mediaFolder(t, Object.fromEntries(SCHEMES.map((scheme) => [`${scheme}.mp4`, film])))
  const config = join(folder, '.headend.yaml')
  const lines = SCHEMES.map((scheme) => `  vod/${scheme}.mp4: { play: token, protect: { scheme: ${scheme} } }\n`)
  writeFileSync(config, `paths:\n${lines.join('')}`)
  const server = await startServer({ args: ['--media', folder, '--config', config] })
  t.after(() => server.stop())
  return { server, folder }
}

interface Made {
  readonly token: string
  readonly links: Readonly<Record<'Watch' | 'HLS' | 'DASH' | 'Licence', string>>
}

async function makeToken({ data, urls }: RunningServer, path: string): Promise<Made> {
  const places = ['--data', data, '--base', urls['http'] ?? '']
  const { code, stdout, stderr } = await runHeadend(['token', path, '--expires', '2h', '--json', ...places])
  assert.equal(code, 0, stderr)
  return JSON.parse(stdout.toString()) as Made
}

/** As owners get it, in hexadecimal. */
async function keyOf({ urls, secrets }: RunningServer, path: string): Promise<{ kid: string; key: string }> {
  const response = await fetch(`${urls['api']}/keys/export`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secrets.adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ path, includeKeys: true }),
  })
  const { keys } = (await response.json()) as { keys: readonly { id: string; key: string }[] }
  const { id: kid, key } = keys[0] ?? assert.fail(`${path} has no key`)
  return { kid, key }
}

/** A folder as any web server serves it; returns its address. */
async function serveFolder(t: TestContext, folder: string): Promise<string> {
  const site = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost')
    response.end(readFileSync(join(folder, pathname)))
  }).listen(0, '127.0.0.1')
  await once(site, 'listening')
  t.after(() => {
    site.closeAllConnections()
    site.close()
  })
  return `http://127.0.0.1:${(site.address() as AddressInfo).port}`
}

/** Digests of all packets, as they are in the file, but for sound before zero, which is not served. */
async function packetsOf(ffmpeg: string, file: string): Promise<{ video: string[]; audio: string[] }> {
  const list = async (map: string) => {
    const args = [
      '-v',
      'error',
      '-nostdin',
      '-copyts',
      '-i',
      file,
      '-map',
      map,
      '-c',
      'copy',
      '-f',
      'framemd5',
      'pipe:1',
    ]
    const lines = (await runOrThrow(ffmpeg, args)).toString()
    return [...lines.matchAll(/^\d+, +-?\d+, +(-?)\d+, .*, ([\da-f]{32})$/gm)]
      .filter(([, sign]) => sign === '')
      .map(([, , hash = '']) => hash)
  }
  return { video: await list('0:v:0'), audio: await list('0:a:0') }
}
