/** What the packager writes: read by independent parsers, decrypted by others, gone on with after an interruption. */
import assert from 'node:assert/strict'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import HLS from 'hls-parser'
import {
  decryptMedia,
  formatContentKey,
  keysOfFile,
  newContentKey,
  packageMedia,
  readKeyFile,
} from '../../src/index.ts'
import { formatUuid } from '../../src/media/protection/systems.ts'
import { makeMedia } from '../support/media.ts'
import { runOrThrow } from '../support/process.ts'
import { repository } from '../support/sources.ts'
import { requireTool } from '../support/tools.ts'
import { packetHashes, readByFfmpeg, readByMediabunny } from './encrypted-packets.ts'
import { runHeadend } from './peers.ts'

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
      // Two init segments, and four segments or pictures of each.
      assert.equal(result.verified, 2 + 4 + 4 + 4)
      for (const [name, kind] of [
        ['video-1', 'v'],
        ['audio-101', 'a'],
      ] as const) {
        const bytes = await joined(out, name)
        const found = await readEncrypted(bytes, key.key, formatUuid(key.id))
        // Sound before zero is not packaged.
        assertSameEnd(found, await packetHashes(ffmpeg, film, kind), kind === 'a' ? 1 : 0)
      }
    })
  }

  for (const scheme of ['cenc', 'cbcs'] as const) {
    it(`writes keys that change, a clear beginning and keys of each track as others read them: ${scheme}`, async (t) => {
      const ffmpeg = requireTool(t, 'ffmpeg')
      if (ffmpeg === undefined) return
      const film = await makeMedia(ffmpeg, FILM)
      const folder = await folderOf(t)
      const keyFile = join(folder, 'keys')
      const [clear, out] = ['clear', 'out'].map((name) => join(folder, name)) as [string, string]
      const key = keysOfFile(keyFile, { scope: 'track' })
      const encryption = { scheme, key, rotateSeconds: 4, clearLeadSeconds: 2 }

      await packageMedia({ inputs: [film], out: clear, segmentSeconds: 2 })
      await packageMedia({ inputs: [film], out, segmentSeconds: 2, encryption })

      const keys = new Map(
        (await readKeyFile(keyFile))?.map(({ id, key: value }) => [formatUuid(id).replaceAll('-', ''), value]),
      )
      const asked = new Set<string>()
      const keyOf = (id: string) => {
        asked.add(id)
        return keys.get(id)
      }
      for (const [name, kind] of [
        ['video-1', 'v'],
        ['audio-101', 'a'],
      ] as const) {
        const wanted = await packetHashes(ffmpeg, film, kind)
        // Both know nothing of `seig`: each period is read by its own init segment, and the clear beginning by that of the clear package.
        const parts = [
          { init: clear, to: 1 },
          { from: 1, to: 2 },
          { period: 1, from: 2 },
        ]
        const files = await Promise.all(parts.map((part) => joined(out, name, part)))
        const [byMediabunny, byFfmpeg]: [string[], string[]] = [[], []]
        for (const file of files) {
          byMediabunny.push(...(await readByMediabunny(file, keyOf)))
          byFfmpeg.push(...(await readByFfmpeg(folder, file, keys)))
        }
        assertSameEnd(byMediabunny, wanted, kind === 'a' ? 1 : 0)
        assertSameEnd(byFfmpeg, wanted, kind === 'a' ? 1 : 0)
      }
      assert.equal(asked.size, 4)
    })
  }

  it('encrypts whole segments for HLS with keys that change, which ffmpeg plays, and the command decrypts again', async (t) => {
    const ffmpeg = requireTool(t, 'ffmpeg')
    if (ffmpeg === undefined) return
    const film = await makeMedia(ffmpeg, FILM)
    const folder = await folderOf(t)
    const out = join(folder, 'out')

    const flags = ['--scheme', 'aes-128', '--segment', '2', '--rotate', '4', '--clear-lead', '2', '--keys-per', 'kind']
    const told = await headend('package', film, '--out', out, ...flags)

    assert.match(told, /aes-128 with 4 keys: 18 files decrypted again/)
    for (const [name, kind] of [
      ['video-1', 'v'],
      ['audio-101', 'a'],
    ] as const) {
      const playlist = join(out, `${name}.m3u8`)
      const clear = join(folder, `${name}.mp4`)
      await headend('package', '--decrypt', playlist, '--out', clear, '--key-file', `${out}.keys`)
      const wanted = await packetHashes(ffmpeg, film, kind)
      assertSameEnd(await packetHashes(ffmpeg, clear, kind), wanted, 1)
      assertSameEnd(await packetHashes(ffmpeg, playlist, kind, ['-allowed_extensions', 'ALL']), wanted, 1)
    }
  })

  it('writes its keys as a CPIX document, from which another run makes the same package', async (t) => {
    const ffmpeg = requireTool(t, 'ffmpeg')
    if (ffmpeg === undefined) return
    const film = await makeMedia(ffmpeg, FILM)
    const folder = await folderOf(t)
    const [one, other, document] = ['one', 'other', 'keys.cpix.xml'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ]
    const flags = ['--scheme', 'cbcs', '--system', 'widevine,fairplay', '--segment', '2', '--rotate', '4']

    await headend('package', film, '--out', one, ...flags, '--keys-per', 'track', '--cpix-out', document)
    await headend('package', film, '--out', other, ...flags, '--cpix', document)

    assert.equal((await stat(document)).mode & 0o777, 0o600)
    assert.deepEqual(await contents(other), await contents(one))
    const wrong = await runHeadend(['package', film, '--out', other, '--scheme', 'cenc', '--cpix', document])
    assert.equal(wrong.code, 1)
    assert.match(wrong.stderr, /ERR_PACKAGE_KEY: expected .* for cenc in the CPIX document, found it for cbcs/)
  })

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

    assert.equal(JSON.parse(report).verified, 14)
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

interface Part {
  /** Folder of the init segment; default: the same. */
  readonly init?: string
  /** Whose init segment is taken; default 0. */
  readonly period?: number
  /** Segments. */
  readonly from?: number
  readonly to?: number
}

/** A rendition as one file, or a part of it. */
async function joined(
  out: string,
  rendition: string,
  { init = out, period = 0, from = 0, to }: Part = {},
): Promise<Buffer> {
  const end = period === 0 ? '-init.mp4' : `-init-${period}.mp4`
  const namesIn = async (folder: string) => (await readdir(folder)).filter((name) => name.startsWith(`${rendition}-`))
  const inits = (await namesIn(init)).filter((name) => name.endsWith(end)).map((name) => join(init, name))
  const segments = (await namesIn(out)).filter((name) => /-[0-9a-f]{12}-\d+\.m4s$/.test(name)).toSorted()
  const files = [...inits, ...segments.slice(from, to).map((name) => join(out, name))]
  return Buffer.concat(await Promise.all(files.map((file) => readFile(file))))
}

/** All but the first few, which need not be there. */
function assertSameEnd(found: readonly string[], wanted: readonly string[], missing: number): void {
  assert.ok(wanted.length - found.length <= missing, `${found.length} of ${wanted.length}`)
  // Not deepEqual: a difference would be hundreds of lines.
  const first = found.findIndex((hash, index) => hash !== wanted[wanted.length - found.length + index])
  assert.equal(first, -1, `packet ${first} of ${found.length}`)
}

async function contents(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).toSorted()
  const files = await Promise.all(
    names.map(async (name) => [name, (await readFile(join(folder, name))).toString('base64')]),
  )
  return Object.fromEntries(files)
}

function readEncrypted(bytes: Buffer, key: Uint8Array, keyId: string): Promise<string[]> {
  return readByMediabunny(bytes, (asked) => {
    assert.equal(asked, keyId.replaceAll('-', ''))
    return key
  })
}

async function headend(...args: string[]): Promise<string> {
  return (await runOrThrow(process.execPath, [join(repository, 'bin/headend.js'), ...args])).toString()
}
