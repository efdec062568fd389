/** What Windows Media DRM and PlayReady protected passes bit for bit wherever ASF goes, and is refused by name wherever it would have to be decoded. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { AsfReader } from '../../src/media/containers/asf/demuxer.ts'
import type { AsfInit } from '../../src/media/containers/asf/model.ts'
import { withoutPadding } from '../../src/media/containers/asf/padding.ts'
import { makeMedia } from '../support/media.ts'
import { ASF_PROTECTIONS, type AsfProtection, protectAsf } from '../support/protected-asf.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { playUrls, runHeadend, waitOnAir, waitUntil } from './peers.ts'
import { hostOf, openFolder } from './windows-media-peers.ts'

const RATE = 25
const SECONDS = 5
/** Names of the files and streams. */
const NAMES = { 'Windows Media DRM': 'drm', PlayReady: 'playready' } as const satisfies Record<AsfProtection, string>

it('SYS-02: protected ASF passes as it is, and is given to no decoder', { concurrency: true }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const folder = openFolder()
  const media = join(folder, 'media')
  mkdirSync(media)
  const film = { container: 'wmv', video: 'wmv2', audio: 'wmav2', seconds: SECONDS, rate: RATE, gop: RATE } as const
  const clear = readFileSync(await makeMedia(ffmpeg, film))
  const protections = Object.keys(ASF_PROTECTIONS) as AsfProtection[]
  for (const protection of protections)
    writeFileSync(join(media, `${NAMES[protection]}.wmv`), protectAsf(clear, protection))
  const origin = await serverOf(t, folder, { paths: { 'live/*': { record: true, graceMs: 1000 } } }, ['--media', media])
  const pulls = protections.map((protection) => {
    const name = NAMES[protection]
    return [`live/${name}`, { graceMs: 1000, pull: `mms://${hostOf(origin)}/live/${name}` }] as const
  })
  const edge = await serverOf(t, folder, { paths: Object.fromEntries(pulls) })
  t.after(() => rmSync(folder, { recursive: true, force: true }))

  const tests = protections.flatMap((protection) => {
    const name = NAMES[protection]
    const source = join(media, `${name}.wmv`)
    return [
      t.test(`${protection}: live, pushed, relayed, recorded and played`, async () => {
        const url = `wmhttp://${hostOf(origin)}/live/${name}?key=${origin.secrets.publishKey}`
        const pushing = runHeadend(['push', source, url])
        await waitOnAir(origin, name)
        const players = [origin, edge].map(async (server, index) => {
          await waitOnAir(server, name)
          const file = join(folder, `${name}-${index}.wmv`)
          const played = await runHeadend(['play', `mms://${hostOf(server)}/live/${name}`, '--output', file])
          assert.equal(played.code, 0, played.stderr)
          return file
        })
        const { rtmp, httpFlv, hls, dash } = playUrls(origin, name)
        const refusals = [rtmp, httpFlv, hls, dash].map((address) => refusalOf(address))

        for (const refusal of await Promise.all(refusals)) assertNamed(refusal, protection)
        const pushed = await pushing
        assert.equal(pushed.code, 0, pushed.stderr)
        for (const file of await Promise.all(players)) assertSame(file, source, protection)
        const recordings = join(origin.data, 'recordings', 'live', name)
        await waitUntil('the recording is complete', () =>
          origin
            .log()
            .split('\n')
            .some((line) => line.includes('recording is complete') && line.includes(`"live/${name}"`)),
        )
        const recorded = readdirSync(recordings).filter((file) => /\.(asf|mp4)$/.test(file))
        assert.equal(recorded.length, 1, recorded.join())
        assertSame(join(recordings, recorded[0] ?? ''), source, protection)
      }),

      t.test(`${protection}: a film of the library`, async () => {
        const path = `vod/${name}.wmv`
        const file = join(folder, `${name}-film.wmv`)

        const played = await runHeadend(['play', `mms://${hostOf(origin)}/${path}`, '--output', file])
        const download = await fetch(`${origin.urls['http']}/${path}`)

        assert.equal(played.code, 0, played.stderr)
        assertSame(file, source, protection)
        assert.ok(Buffer.from(await download.arrayBuffer()).equals(readFileSync(source)))
        const urls = ['index.m3u8', 'manifest.mpd'].map((manifest) => `${origin.urls['http']}/${path}/${manifest}`)
        urls.push(`${origin.urls['http']}/${path}.flv`, `${origin.urls['rtmp']}/${path}`)
        urls.push(`mms://${hostOf(origin)}/${path}`)
        for (const url of urls) assertNamed(await refusalOf(url), protection)
      }),

      t.test(`${protection}: what encodes and packages`, async () => {
        const out = join(folder, `${name}-out`)
        const pushed = await runHeadend([
          'push',
          source,
          `${origin.urls['rtmp']}/live/x?key=${origin.secrets.publishKey}`,
        ])
        const packaged = await runHeadend(['package', source, '--out', out])
        const probed = await runHeadend(['probe', source, '--json'])

        for (const { code, stderr } of [pushed, packaged]) {
          assert.equal(code, 1, stderr)
          assertNamed(stderr, protection)
        }
        const { browsers, protection: told } = JSON.parse(probed.stdout.toString())
        assert.deepEqual([browsers, told], ['none', ASF_PROTECTIONS[protection]])
      }),
    ]
  })
  await Promise.all(tests)
})

async function serverOf(
  t: TestContext,
  folder: string,
  settings: object,
  args: readonly string[] = [],
): Promise<RunningServer> {
  const file = join(folder, `${args.length}.yaml`)
  writeFileSync(file, JSON.stringify(settings))
  const server = await startServer({ args: ['--config', file, ...args] })
  t.after(() => server.stop())
  return server
}

/** What somebody reads who plays this. */
async function refusalOf(url: string): Promise<string> {
  if (url.startsWith('http')) {
    const response = await fetch(url)
    const text = await response.text()
    assert.equal(response.status, 406, `${url}: ${response.status} ${text}`)
    return text
  }
  const { code, stderr } = await runHeadend(['play', url, '--duration', '2'])
  assert.equal(code, 1, `${url}: ${stderr}`)
  return stderr
}

function assertNamed(text: string, protection: AsfProtection): void {
  const { scheme, keyId, licenseUrl } = ASF_PROTECTIONS[protection]
  for (const part of [`protected (${scheme}`, keyId, licenseUrl]) assert.ok(text.includes(part), `${part} in: ${text}`)
}

/** All data packets of `file` are packets of `source`, in a row up to its last, under a header that says the same of the protection. */
function assertSame(file: string, source: string, protection: AsfProtection): void {
  const [got, sent] = [contentOf(file), contentOf(source)]
  assert.deepEqual(got.init.encryption, ASF_PROTECTIONS[protection])
  assert.ok(got.init.streams.every(({ encrypted }) => encrypted))
  assert.ok(
    got.packets.length > sent.packets.length / 2,
    `${file}: ${got.packets.length} of ${sent.packets.length} packets`,
  )
  assert.deepEqual(got.packets, sent.packets.slice(-got.packets.length), file)
  // Key material of the old system, of which nothing is understood here.
  const objects = protectionObjects(sent.init.bytes, protection)
  assert.ok(objects.every((object) => Buffer.from(got.init.bytes).includes(object)))
}

function contentOf(file: string): { readonly init: AsfInit; readonly packets: readonly string[] } {
  const reader = new AsfReader()
  const packets: string[] = []
  let init: AsfInit | undefined
  reader.write(readFileSync(file))
  reader.end()
  for (let result = reader.read(); result !== undefined; result = reader.read()) {
    if (result.type === 'init') init = result.init
    if (result.type === 'packet') packets.push(Buffer.from(withoutPadding(result.packet.bytes)).toString('base64'))
  }
  assert.ok(init !== undefined, `expected a header in ${file}`)
  return { init, packets }
}

/** Whole objects of the header, found by their identifiers. */
function protectionObjects(header: Uint8Array, protection: AsfProtection): readonly Buffer[] {
  const bytes = Buffer.from(header)
  return OBJECTS[protection].map((guid) => {
    const at = bytes.indexOf(Buffer.from(guid, 'hex'))
    assert.ok(at > 0, guid)
    return bytes.subarray(at, at + Number(bytes.readBigUInt64LE(at + 16)))
  })
}

/** Content encryption and its extension; PlayReady header and advanced content encryption. Byte order of the file. */
const OBJECTS = {
  'Windows Media DRM': ['fbb3112223bdd211b4b700a0c955fc6e', '14e68a292226174cb935dae07ee9289c'],
  PlayReady: ['79f0049a40988642ab92e65be0885f95', '338505438169e6499b74ad12cb86d58c'],
} as const satisfies Record<AsfProtection, readonly string[]>
