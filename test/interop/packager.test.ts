/** What the packager writes: read by independent parsers, decrypted by others, gone on with after an interruption. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import HLS from 'hls-parser'
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from 'mediabunny'
import { decryptMedia, formatContentKey, newContentKey, packageMedia, readKeyFile } from '../../src/index.ts'
import { formatUuid } from '../../src/media/protection/systems.ts'
import { makeMedia } from '../support/media.ts'
import { runOrThrow } from '../support/process.ts'
import { repository } from '../support/sources.ts'
import { requireTool } from '../support/tools.ts'

/** Published without types; the part that is used. */
const { parse: parseMpd } = createRequire(import.meta.url)('mpd-parser') as {
  parse(text: string, options: { manifestUri: string }): { playlists: MpdPlaylist[] }
}

interface MpdPlaylist {
  readonly contentProtection?: Readonly<Record<string, unknown>>
  readonly segments: readonly unknown[]
}

const FILM = { container: 'mp4', seconds: 8, width: 320, height: 180, gop: 50, bFrames: 2 } as const

describe('packager', () => {
  for (const scheme of ['cenc', 'cbcs'] as const) {
    it(`writes segments that others decrypt to the film: ${scheme}`, async (t) => {
      const ffmpeg = requireTool(t, 'ffmpeg')
      if (ffmpeg === undefined) return
      const film = await makeMedia(ffmpeg, FILM)
      const out = join(await folderOf(t), 'out')
      const key = newContentKey()

      const result = await packageMedia({ inputs: [film], out, segmentSeconds: 2, encryption: { scheme, key } })

      assert.equal(result.kept, 0)
      assert.equal(result.verified, 4 + 4 + 4)
      for (const [name, kind] of [
        ['video-1', 'v'],
        ['audio-101', 'a'],
      ] as const) {
        const bytes = await joined(out, name)
        const found = await readEncrypted(bytes, key.key, formatUuid(key.id))
        const wanted = await packetHashes(ffmpeg, film, kind)
        // Sound before zero is not packaged.
        assert.ok(wanted.length - found.length <= (kind === 'a' ? 1 : 0))
        assert.deepEqual(found, wanted.slice(-found.length))
      }
    })
  }

  it('writes manifests that name the key and the licence, as independent parsers read them', async (t) => {
    const ffmpeg = requireTool(t, 'ffmpeg')
    if (ffmpeg === undefined) return
    const film = await makeMedia(ffmpeg, FILM)
    const out = join(await folderOf(t), 'out')
    const key = newContentKey()
    const encryption = {
      scheme: 'cenc',
      key,
      licenseUrl: 'https://license.example/clearkey?a=1&b=2',
      systems: ['widevine', 'playready'],
    } as const

    await packageMedia({ inputs: [film], out, segmentSeconds: 2, encryption })

    const mpd = await readFile(join(out, 'manifest.mpd'), 'utf8')
    const { playlists } = parseMpd(mpd, { manifestUri: 'https://example/manifest.mpd' })
    const [video] = playlists
    assert.equal(video?.segments.length, 4)
    assert.deepEqual(Object.keys(video?.contentProtection ?? {}).toSorted(), [
      'com.microsoft.playready',
      'com.widevine.alpha',
      'mp4protection',
    ])
    assert.ok(mpd.includes('urn:uuid:e2719d58-a985-b3c9-781a-b030af78d30e'))
    assert.ok(mpd.includes('>https://license.example/clearkey?a=1&amp;b=2</dashif:Laurl>'))
    assert.ok(mpd.includes(`cenc:default_KID="${formatUuid(key.id)}"`))
    const playlist = HLS.parse(await readFile(join(out, 'video-1.m3u8'), 'utf8'))
    assert.ok(!playlist.isMasterPlaylist)
    assert.equal(playlist.segments.length, 4)
    const formats = [...(await readFile(join(out, 'video-1.m3u8'), 'utf8')).matchAll(/KEYFORMAT="([^"]+)"/g)].map(
      ([, name]) => name,
    )
    assert.deepEqual(formats, [
      'org.w3.clearkey',
      'identity',
      'urn:uuid:edef8ba9-79d6-4ace-a3c8-27dcd51d21ed',
      'com.microsoft.playready',
    ])
  })

  it('goes on after an interruption with the same bytes, and makes damaged files an error', async (t) => {
    const ffmpeg = requireTool(t, 'ffmpeg')
    if (ffmpeg === undefined) return
    const film = await makeMedia(ffmpeg, FILM)
    const folder = await folderOf(t)
    const encryption = { scheme: 'cbcs', key: newContentKey() } as const
    const whole = join(folder, 'whole')
    const broken = join(folder, 'broken')
    await packageMedia({ inputs: [film], out: whole, segmentSeconds: 2, encryption })
    const stop = new AbortController()
    const onProgress = ({ files }: { files: number }) => {
      if (files === 5) stop.abort()
    }
    const first = packageMedia({
      inputs: [film],
      out: broken,
      segmentSeconds: 2,
      encryption,
      signal: stop.signal,
      onProgress,
    })
    await assert.rejects(first, { code: 'ERR_PACKAGE_ABORTED' })
    assert.equal((await readdir(broken)).includes('manifest.mpd'), false)

    const second = await packageMedia({ inputs: [film], out: broken, segmentSeconds: 2, encryption })

    assert.equal(second.kept, 5)
    assert.deepEqual(await contents(broken), await contents(whole))
    const [segment] = (await readdir(broken)).filter((name) => /^video-1-.*-1\.m4s$/.test(name))
    const bytes = await readFile(join(broken, segment ?? ''))
    bytes[bytes.byteLength - 40] = (bytes.at(-40) ?? 0) ^ 1
    await writeFile(join(broken, segment ?? ''), bytes)
    await assert.rejects(packageMedia({ inputs: [film], out: broken, segmentSeconds: 2, encryption }), {
      code: 'ERR_PACKAGE_VERIFY',
    })
  })

  it('is a command that makes a key only its owner reads, and decrypts again with it', async (t) => {
    const ffmpeg = requireTool(t, 'ffmpeg')
    if (ffmpeg === undefined) return
    const film = await makeMedia(ffmpeg, FILM)
    const folder = await folderOf(t)
    const out = join(folder, 'new', 'out')

    const report = await headend('package', film, '--out', out, '--scheme', 'cenc', '--segment', '2', '--json')
    for (const name of ['video-1', 'audio-101']) {
      const encrypted = join(folder, `${name}.encrypted.mp4`)
      await writeFile(encrypted, await joined(out, name))
      const clear = join(folder, `${name}.mp4`)
      await headend('package', '--decrypt', encrypted, '--out', clear, '--key-file', `${out}.keys`)
    }

    assert.equal(JSON.parse(report).verified, 12)
    assert.equal((await stat(`${out}.keys`)).mode & 0o777, 0o600)
    const [key] = (await readKeyFile(`${out}.keys`)) ?? []
    assert.ok(key !== undefined)
    for (const name of await readdir(out)) {
      const bytes = await readFile(join(out, name))
      assert.equal(bytes.includes(Buffer.from(key.key)), false, name)
      assert.equal(bytes.includes(formatContentKey(key).split(':')[1] ?? ''), false, name)
    }
    for (const [name, kind] of [
      ['video-1', 'v'],
      ['audio-101', 'a'],
    ] as const) {
      const decrypted = await packetHashes(ffmpeg, join(folder, `${name}.mp4`), kind)
      assert.deepEqual(decrypted, (await packetHashes(ffmpeg, film, kind)).slice(-decrypted.length))
      assert.ok(decrypted.length >= 200)
    }
  })

  it('says which key is missing and what is not encrypted', async (t) => {
    const ffmpeg = requireTool(t, 'ffmpeg')
    if (ffmpeg === undefined) return
    const film = await makeMedia(ffmpeg, FILM)
    const folder = await folderOf(t)
    const out = join(folder, 'out')
    await packageMedia({ inputs: [film], out, segmentSeconds: 2, encryption: { scheme: 'cenc', key: newContentKey() } })
    const encrypted = join(folder, 'encrypted.mp4')
    await writeFile(encrypted, await joined(out, 'audio-101'))
    const output = join(folder, 'clear.mp4')

    await assert.rejects(decryptMedia({ input: encrypted, output, keys: [newContentKey()] }), {
      code: 'ERR_PACKAGE_KEY_MISSING',
    })
    await assert.rejects(decryptMedia({ input: film, output, keys: [newContentKey()] }), { name: 'FormatError' })
    await assert.rejects(stat(output), { code: 'ENOENT' })
  })
})

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headend-packager-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** A rendition as one file. */
async function joined(out: string, rendition: string): Promise<Buffer> {
  const names = (await readdir(out)).filter((name) => name.startsWith(`${rendition}-`))
  const init = names.filter((name) => name.endsWith('-init.mp4'))
  const segments = names.filter((name) => /-[0-9a-f]{12}-\d+\.m4s$/.test(name)).toSorted()
  return Buffer.concat(await Promise.all([...init, ...segments].map((name) => readFile(join(out, name)))))
}

async function contents(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).toSorted()
  const files = await Promise.all(
    names.map(async (name) => [name, (await readFile(join(folder, name))).toString('base64')]),
  )
  return Object.fromEntries(files)
}

async function readEncrypted(bytes: Buffer, key: Uint8Array, keyId: string): Promise<string[]> {
  using input = new Input({
    formats: ALL_FORMATS,
    source: new BufferSource(bytes),
    formatOptions: {
      isobmff: {
        resolveKeyId: (asked) => {
          assert.equal(asked.keyId, keyId.replaceAll('-', ''))
          return key
        },
      },
    },
  })
  const [track] = await input.getTracks()
  assert.ok(track !== undefined)
  const hashes: string[] = []
  for await (const { data } of new EncodedPacketSink(track).packets()) hashes.push(md5(data))
  return hashes
}

/** Of the packets as they are in the file, by ffmpeg. */
async function packetHashes(ffmpeg: string, file: string, kind: 'a' | 'v'): Promise<string[]> {
  const args = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-i', file, '-map', `0:${kind}`, '-c', 'copy']
  const output = await runOrThrow(ffmpeg, [...args, '-f', 'framemd5', '-'])
  const lines = output
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => line.split(',').at(-1)?.trim() ?? '')
}

async function headend(...args: string[]): Promise<string> {
  return (await runOrThrow(process.execPath, [join(repository, 'bin/headend.js'), ...args])).toString()
}

function md5(data: Uint8Array): string {
  return createHash('md5').update(data).digest('hex')
}
