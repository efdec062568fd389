import assert from 'node:assert/strict'
import { createDecipheriv } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { clearInitSegment } from '../../media/containers/isobmff/decryption.ts'
import { parseCpix } from '../../media/manifests/cpix/parse.ts'
import { parseMpd } from '../../media/manifests/dash/parse.ts'
import type { MediaPlaylist, MultivariantPlaylist } from '../../media/manifests/hls/model.ts'
import { parsePlaylist } from '../../media/manifests/hls/parse.ts'
import { writePssh } from '../../media/protection/pssh.ts'
import { formatUuid, parseUuid, SYSTEM_ID } from '../../media/protection/systems.ts'
import { movieFile } from '../../packaging/on-demand/vectors.ts'
import { AUDIO } from '../../packaging/vectors.ts'
import { newContentKey } from './content-key.ts'
import { withCpixCopy } from './cpix-keys.ts'
import { decryptMedia } from './decrypt-media.ts'
import { keysOfFile, readKeyFile } from './key-file.ts'
import { givenKeys, type KeyScope } from './key-source.ts'
import { packageMedia } from './package-media.ts'
import type { PackageEncryption } from './protection-plan.ts'

const NAMES = ['video-1', 'video-2', 'audio-101', 'audio-102'] as const

describe('packager', () => {
  for (const scheme of ['cenc', 'cbcs', 'aes-128'] as const) {
    for (const scope of ['package', 'kind', 'track'] as const) {
      it(`writes what its owner decrypts to the clear package: ${scheme}, rotation, clear lead, a key for each ${scope}`, async (t) => {
        const { clear, out, keys, folder, result } = await packaged(
          t,
          { scheme, rotateSeconds: 12, clearLeadSeconds: 8 },
          scope,
        )

        assert.equal(result.keyIds.length, 2 * { package: 1, kind: 2, track: 4 }[scope])
        for (const name of NAMES) {
          const output = join(folder, `${name}.mp4`)
          const { keyIds, samples, segments } = await decryptMedia({ input: join(out, `${name}.m3u8`), output, keys })
          assert.equal(keyIds.length, 2, name)
          assert.equal(samples > 0, scheme !== 'aes-128')
          // Four of six, and the init segments of the two periods.
          assert.equal(segments, scheme === 'aes-128' ? 4 + 2 : 0)
          assert.deepEqual(await mediaOf(output), await mediaOf(...(await filesOf(clear, name))), name)
        }
      })
    }
  }

  it('names keys where they change, in HLS and in DASH, and none where nothing is encrypted', async (t) => {
    const { out } = await packaged(t, { scheme: 'cenc', rotateSeconds: 12, clearLeadSeconds: 8 }, 'kind')

    const { segments } = await playlist(out, 'video-1')
    assert.deepEqual(
      segments.map(({ map, keys }) => [/-init.*/.exec(map?.uri ?? '')?.[0], keys?.length ?? 0]),
      [
        ['-init-clear.mp4', 0],
        ['-init-clear.mp4', 0],
        ['-init.mp4', 1],
        ['-init-1.mp4', 1],
        ['-init-1.mp4', 1],
        ['-init-1.mp4', 1],
      ],
    )
    const mpd = parseMpd(await readFile(join(out, 'manifest.mpd'), 'utf8'))
    assert.deepEqual(
      mpd.periods.map(({ start, duration }) => [start, duration]),
      [
        [0, 12],
        [12, 12],
      ],
    )
    const kids = mpd.periods.map(({ adaptationSets }) =>
      adaptationSets.map(
        ({ contentType, contentProtections }) => `${contentType} ${contentProtections[0]?.defaultKid}`,
      ),
    )
    assert.equal(new Set(kids.flat()).size, 4)
    const inHls = [2, 3].map((index) => keyIdOf(segments[index]?.keys?.[0]?.uri ?? ''))
    assert.deepEqual(
      inHls,
      kids.map((of) => of.find((text) => text.startsWith('video'))?.split(' ')[1]),
    )
  })

  it('makes a set of each key that players may change between', async (t) => {
    const { out } = await packaged(t, { scheme: 'cbcs' }, 'track')

    const [period] = parseMpd(await readFile(join(out, 'manifest.mpd'), 'utf8')).periods
    const videos =
      period?.adaptationSets.filter(
        ({ contentType, essentialProperties }) => contentType === 'video' && essentialProperties.length === 0,
      ) ?? []
    assert.equal(videos.length, 2)
    assert.equal(new Set(videos.map(({ contentProtections }) => contentProtections[0]?.defaultKid)).size, 2)
    for (const [index, video] of videos.entries()) {
      const other = videos[1 - index]
      assert.deepEqual(video.supplementalProperties, [
        { schemeIdUri: 'urn:mpeg:dash:adaptation-set-switching:2016', value: other?.id },
      ])
    }
  })

  it('leaves keys of aes-128 in files that only the owner reads, or at the address that is given', async (t) => {
    const { out, keys, result } = await packaged(t, { scheme: 'aes-128' }, 'kind')

    assert.deepEqual(result.keyFiles.toSorted(), keys.map(({ id }) => `${formatUuid(id)}.key`).toSorted())
    assert.equal((await readdir(out)).includes('manifest.mpd'), false)
    for (const name of result.keyFiles) assert.equal((await stat(join(out, name))).mode & 0o777, 0o600)
    const { segments } = await playlist(out, 'video-1')
    const [first] = segments
    const [line] = first?.keys ?? []
    const cipher = createDecipheriv(
      'aes-128-cbc',
      await readFile(join(out, line?.uri ?? '')),
      Buffer.from(line?.iv?.slice(2) ?? '', 'hex'),
    )
    const init = Buffer.concat([cipher.update(await readFile(join(out, first?.map?.uri ?? ''))), cipher.final()])
    assert.equal(init.toString('latin1', 4, 8), 'ftyp')

    const elsewhere = await packaged(t, { scheme: 'aes-128', keyUrl: 'https://keys.example/{kid}?a' }, 'package')
    assert.deepEqual(elsewhere.result.keyFiles, [])
    const [key] = (await playlist(elsewhere.out, 'audio-101')).segments[0]?.keys ?? []
    assert.equal(key?.uri, `https://keys.example/${elsewhere.result.keyIds[0]}?a`)
  })

  it('signals Widevine, PlayReady, FairPlay and boxes from elsewhere', async (t) => {
    const other = '11111111-2222-3333-4444-555555555555'
    const pssh = writePssh({ systemId: other, keyIds: [], data: Uint8Array.of(1, 2, 3) })
    const { out, result } = await packaged(
      t,
      { scheme: 'cbcs', systems: ['widevine', 'playready', 'fairplay'], fairPlayId: 'film', pssh },
      'package',
    )

    const [set] = parseMpd(await readFile(join(out, 'manifest.mpd'), 'utf8')).periods[0]?.adaptationSets ?? []
    const { widevine, playready, clearkey } = SYSTEM_ID
    assert.deepEqual(
      set?.contentProtections.map(({ schemeIdUri }) => schemeIdUri),
      ['urn:mpeg:dash:mp4protection:2011', ...[clearkey, widevine, playready, other].map((id) => `urn:uuid:${id}`)],
    )
    const [segment] = (await playlist(out, 'video-1')).segments
    assert.deepEqual(
      segment?.keys?.map(({ keyFormat }) => keyFormat),
      ['org.w3.clearkey', `urn:uuid:${widevine}`, 'com.microsoft.playready', 'com.apple.streamingkeydelivery'],
    )
    assert.equal(segment.keys.at(-1)?.uri, 'skd://film')
    const init = (await readFile(join(out, segment.map?.uri ?? ''))).toString('latin1')
    assert.equal(init.split('pssh').length - 1, 4)
    assert.ok(init.includes(Buffer.from(parseUuid(result.keyIds[0] ?? '') ?? []).toString('latin1')))
  })

  it('has one IV for all tracks with a key for FairPlay, which the CPIX document tells too', async (t) => {
    const { folder, inputs } = await packaged(t, { scheme: 'cbcs' }, 'package')
    const [out, file] = [join(folder, 'fairplay'), join(folder, 'keys.cpix.xml')]
    const key = withCpixCopy(keysOfFile(join(folder, 'keys')), { file })
    const encryption = { scheme: 'cbcs', key, systems: ['fairplay'] } as const

    await packageMedia({ inputs, out, segmentSeconds: 4, encryption })

    const [told] = parseCpix(await readFile(file, 'utf8')).contentKeys
    for (const name of NAMES) {
      const [segment] = (await playlist(out, name)).segments
      const [track] = clearInitSegment(await readFile(join(out, segment?.map?.uri ?? '')))
      assert.deepEqual(Buffer.from(track?.protection.constantIv ?? []), Buffer.from(told?.explicitIv ?? []), name)
      assert.equal(track?.protection.constantIv?.byteLength, 16)
    }
  })

  it('has the subtitles beside the first input, in the clear', async (t) => {
    const { out, folder, result } = await packaged(t, { scheme: 'cenc' }, 'package', {
      'film.de.srt': '1\n00:00:01,000 --> 00:00:03,000\nGuten Tag\n',
    })

    const index = parsePlaylist(await readFile(join(out, 'index.m3u8'), 'utf8')) as MultivariantPlaylist
    const [text] = index.renditions.filter(({ type }) => type === 'SUBTITLES')
    assert.equal(text?.language, 'de')
    const [cues] = (await playlist(out, text.uri?.replace('.m3u8', '') ?? '')).segments
    assert.match(await readFile(join(out, cues?.uri ?? ''), 'utf8'), /Guten Tag/)
    const mpd = parseMpd(await readFile(join(out, 'manifest.mpd'), 'utf8'))
    const set = mpd.periods[0]?.adaptationSets.find(({ contentType }) => contentType === 'text')
    assert.deepEqual(set?.contentProtections, [])
    assert.ok(result.renditions.some((line) => line.startsWith('text-')))

    const without = join(folder, 'without')
    await packageMedia({ inputs: [join(folder, 'film.720p.mp4')], out: without, subtitles: false })
    assert.equal(
      (await readdir(without)).some((name) => name.endsWith('.vtt')),
      false,
    )
  })

  it('goes on where it was with the same keys, and makes other files with another one', async (t) => {
    const { out, inputs, result, folder } = await packaged(t, { scheme: 'cenc', rotateSeconds: 8 }, 'kind')
    const encryption = {
      scheme: 'cenc',
      key: keysOfFile(join(folder, 'keys'), { scope: 'kind' }),
      rotateSeconds: 8,
    } as const
    const [damaged = ''] = (await readdir(out)).filter((name) => name.endsWith('-2.m4s'))
    await rm(join(out, damaged))
    await writeFile(join(out, `${damaged}.part`), 'half')

    const again = await packageMedia({ inputs, out, segmentSeconds: 4, encryption })
    const other = await packageMedia({
      inputs,
      out,
      segmentSeconds: 4,
      encryption: { scheme: 'cenc', key: newContentKey() },
    })

    assert.deepEqual([again.kept, again.verified], [result.verified - 1, result.verified])
    assert.equal(
      (await readdir(out)).some((name) => name.endsWith('.part')),
      false,
    )
    assert.equal(other.kept, 0)
  })

  it('refuses options that do not fit together', async (t) => {
    const folder = await folderOf(t)
    const input = join(folder, 'film.mp4')
    await writeFile(input, movieFile({ seconds: 8, gop: 100, slices: true }))
    const key = newContentKey()
    const cases: [PackageEncryption, string][] = [
      [{ scheme: 'cenc', key, rotateSeconds: 4 }, 'ERR_PACKAGE_KEY'],
      [{ scheme: 'cenc', key: givenKeys({ video: key }) }, 'ERR_PACKAGE_KEY'],
      [
        { scheme: 'cenc', key: givenKeys({ video: key, audio: { ...newContentKey(), id: key.id } }) },
        'ERR_PACKAGE_KEY',
      ],
      [{ scheme: 'cenc', key, keyUrl: 'https://keys.example/' }, 'ERR_PACKAGE_INPUT'],
      [{ scheme: 'cenc', key, systems: ['fairplay'] }, 'ERR_PACKAGE_INPUT'],
      [{ scheme: 'aes-128', key, systems: ['widevine'] }, 'ERR_PACKAGE_INPUT'],
      [{ scheme: 'cbcs', key, pssh: Uint8Array.of(0, 0, 0, 9) }, 'ERR_MEDIA_TRUNCATED'],
    ]
    for (const [encryption, code] of cases) {
      const out = join(folder, 'out')
      await assert.rejects(packageMedia({ inputs: [input], out, segmentSeconds: 4, encryption }), { code })
      await assert.rejects(stat(join(out, 'index.m3u8')), { code: 'ENOENT' })
    }
  })
})

/** Two qualities and two sounds, in the clear and encrypted. */
async function packaged(
  t: TestContext,
  encryption: Omit<PackageEncryption, 'key'>,
  scope: KeyScope,
  beside: Readonly<Record<string, string>> = {},
) {
  const folder = await folderOf(t)
  const audioTracks = [AUDIO, { ...AUDIO, id: AUDIO.id + 1 }]
  const inputs = ['film.720p.mp4', 'film.360p.mp4'].map((name) => join(folder, name))
  for (const [index, input] of inputs.entries()) {
    await writeFile(input, movieFile({ seconds: 24, gop: 100, size: 900 + 100 * index, slices: true, audioTracks }))
  }
  for (const [name, text] of Object.entries(beside)) await writeFile(join(folder, name), text)
  const clear = join(folder, 'clear')
  const out = join(folder, 'out')
  await mkdir(out)
  await packageMedia({ inputs, out: clear, segmentSeconds: 4 })
  const key = keysOfFile(join(folder, 'keys'), { scope })
  const result = await packageMedia({ inputs, out, segmentSeconds: 4, encryption: { ...encryption, key } })
  return { folder, inputs, clear, out, result, keys: (await readKeyFile(join(folder, 'keys'))) ?? [] }
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headend-package-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

async function playlist(out: string, name: string): Promise<MediaPlaylist> {
  const found = parsePlaylist(await readFile(join(out, `${name}.m3u8`), 'utf8'))
  assert.equal(found.type, 'media')
  return found
}

async function filesOf(out: string, name: string): Promise<string[]> {
  return (await playlist(out, name)).segments.map(({ uri }) => join(out, uri))
}

/** What is in the `mdat` boxes. */
async function mediaOf(...files: readonly string[]): Promise<Buffer> {
  const bytes = Buffer.concat(await Promise.all(files.map((file) => readFile(file))))
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.byteLength; at += bytes.readUInt32BE(at)) {
    if (bytes.toString('latin1', at + 4, at + 8) === 'mdat')
      pieces.push(bytes.subarray(at, at + bytes.readUInt32BE(at)))
  }
  assert.ok(pieces.length > 0)
  return Buffer.concat(pieces)
}

function keyIdOf(uri: string): string {
  return formatUuid(Buffer.from(uri.split(',')[1] ?? '', 'base64'))
}
