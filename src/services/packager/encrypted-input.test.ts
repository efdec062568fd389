import assert from 'node:assert/strict'
import { createCipheriv } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { formatUuid } from '../../media/protection/systems.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import { newContentKey } from './content-key.ts'
import { type EncryptedFragment, fragmentsOfPlaylist } from './encrypted-input.ts'

const HEAD = '#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:258\n'
const SEGMENT = '#EXTINF:2,\na.m4s\n#EXT-X-ENDLIST\n'

describe('encrypted playlists', () => {
  it('are opened with the number of the segment where no IV is given, and the only key where none is named', async (t) => {
    const folder = await folderOf(t)
    const key = newContentKey()
    const iv = Buffer.from('00000000000000000000000000000102', 'hex')
    await writeFile(join(folder, 'a.m4s'), encrypted('a segment', key, iv))
    const input = await written(folder, `${HEAD}#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example/a"\n${SEGMENT}`)

    const [fragment] = await all(input, [key])

    assert.equal(Buffer.from(fragment?.bytes ?? []).toString(), 'a segment')
    assert.deepEqual([fragment?.openedWith, fragment?.done], [formatUuid(key.id), 1])
  })

  it('read names in their own folder and no other, and fetch nothing', async (t) => {
    const folder = await folderOf(t)
    const names = [
      '../a.m4s',
      '/etc/passwd',
      'file:///etc/passwd',
      'https://a.example/a.m4s',
      'b/a.m4s',
      'b\\a.m4s',
      '.a',
      'a%2fb',
    ]
    for (const name of names) {
      for (const text of [SEGMENT.replace('a.m4s', name), `#EXT-X-MAP:URI="${name}"\n${SEGMENT}`]) {
        await assert.rejects(all(await written(folder, HEAD + text), []), { code: 'ERR_PACKAGE_PLAYLIST' }, name)
      }
    }
    await assert.rejects(all(await written(folder, HEAD + SEGMENT), []), { code: 'ERR_PACKAGE_INPUT_MISSING' })
    await assert.rejects(all(join(folder, 'missing.m3u8'), []), { code: 'ERR_PACKAGE_INPUT_MISSING' })
  })

  it('are refused where they are of another form, or their key is another one', async (t) => {
    const folder = await folderOf(t)
    // Not by chance: one wrong key of 256 has padding that is right.
    const [key, other] = [1, 2].map((byte) => ({
      id: new Uint8Array(16).fill(byte),
      key: new Uint8Array(16).fill(byte),
    })) as [ContentKey, ContentKey]
    const iv = Buffer.alloc(16, 7)
    await writeFile(join(folder, 'a.m4s'), encrypted('a segment', key, iv))
    const line = (attributes: string) =>
      `${HEAD}#EXT-X-KEY:METHOD=AES-128,URI="${formatUuid(key.id)}.key"${attributes}\n`
    const cases: [text: string, keys: readonly ContentKey[], code: string][] = [
      ['#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nvideo-1.m3u8\n', [], 'ERR_PACKAGE_PLAYLIST'],
      [`${HEAD}#EXT-X-BYTERANGE:5@0\n${SEGMENT}`, [], 'ERR_PACKAGE_PLAYLIST'],
      [`${line(',IV=0x00112233445566778899aabbccddeeff00')}${SEGMENT}`, [key], 'ERR_PACKAGE_PLAYLIST'],
      [`${line('')}#EXT-X-MAP:URI="a.m4s"\n${SEGMENT}`, [key], 'ERR_PACKAGE_PLAYLIST'],
      [`${line('')}${SEGMENT}`, [other], 'ERR_PACKAGE_KEY_MISSING'],
      [`${line(`,IV=0x${iv.toString('hex')}`)}${SEGMENT}`, [{ ...other, id: key.id }], 'ERR_PACKAGE_DECRYPT'],
      [`${line('').replace(formatUuid(key.id), 'a')}${SEGMENT}`, [key, other], 'ERR_PACKAGE_KEY_MISSING'],
    ]
    for (const [text, keys, code] of cases) await assert.rejects(all(await written(folder, text), keys), { code }, text)
  })
})

async function all(input: string, keys: readonly ContentKey[]) {
  const fragments: EncryptedFragment[] = []
  for await (const fragment of fragmentsOfPlaylist(input, keys)) fragments.push(fragment)
  return fragments
}

function encrypted(text: string, { key }: ContentKey, iv: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-128-cbc', key, iv)
  return Buffer.concat([cipher.update(text), cipher.final()])
}

async function written(folder: string, text: string): Promise<string> {
  const path = join(folder, 'video-1.m3u8')
  await writeFile(path, text)
  return path
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headend-input-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}
