import assert from 'node:assert/strict'
import { createCipheriv, randomBytes } from 'node:crypto'
import { describe, it, type TestContext } from 'node:test'
import type { Key } from '../../media/manifests/hls/model.ts'
import { Aes128 } from './aes-128.ts'
import { serveBodies } from './vectors.ts'

const KEY = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex')
const PLAIN = Buffer.from('what is in a segment, of any length')

describe('aes-128', () => {
  it('decrypts with the IV of the playlist, or with the media sequence number', async (t) => {
    const { aes, asked } = await setUp(t)
    const iv = randomBytes(16)

    const told = await aes.decrypt(encrypt(PLAIN, iv), [key({ iv: `0x${iv.toString('hex')}` })], 9)
    const short = await aes.decrypt(encrypt(PLAIN, counted(0x1f)), [key({ iv: '0X1F' })], 9)
    const numbered = await aes.decrypt(encrypt(PLAIN, counted(2 ** 40 + 7)), [key({})], 2 ** 40 + 7)

    for (const found of [told, short, numbered]) assert.deepEqual(Buffer.from(found), PLAIN)
    assert.deepEqual(asked(), ['/key'], 'a key is asked for once')
  })

  it('leaves what has no such key as it is', async (t) => {
    const { aes, asked } = await setUp(t)

    for (const keys of [
      undefined,
      [],
      [key({ method: 'SAMPLE-AES' })],
      [key({ keyFormat: 'com.apple.streamingkeydelivery' })],
    ]) {
      assert.equal(await aes.decrypt(PLAIN, keys, 1), PLAIN)
    }
    assert.deepEqual(asked(), [])
  })

  it('refuses keys of another size, IVs that are none, and data that does not fit', async (t) => {
    const { aes } = await setUp(t)
    const cipher = encrypt(PLAIN, counted(1))
    const wrong = { code: 'ERR_PLAY_AES_128' }

    await assert.rejects(aes.decrypt(cipher, [key({ uri: '/short' })], 1), {
      ...wrong,
      message: 'expected a key of 16 bytes, found 15',
    })
    await assert.rejects(aes.decrypt(cipher, [key({ iv: '0xnot hex' })], 1), wrong)
    await assert.rejects(aes.decrypt(cipher, [key({ iv: `0x${'0'.repeat(33)}` })], 1), wrong)
    await assert.rejects(aes.decrypt(cipher.subarray(0, 31), [key({})], 1), { ...wrong, message: /segment 1 does not/ })
    await assert.rejects(aes.decrypt(new Uint8Array(), [key({})], 1), wrong)
    await assert.rejects(aes.decrypt(cipher, [key({ uri: '/none' })], 1), { code: 'ERR_PLAY_STATUS' })
  })

  it('asks again for a key that could not be had', async (t) => {
    const { aes, bodies } = await setUp(t)
    const cipher = encrypt(PLAIN, counted(1))
    await assert.rejects(aes.decrypt(cipher, [key({ uri: '/later' })], 1))
    bodies.set('/later', KEY)

    assert.deepEqual(Buffer.from(await aes.decrypt(cipher, [key({ uri: '/later' })], 1)), PLAIN)
  })
})

async function setUp(t: TestContext) {
  const bodies = new Map<string, Uint8Array>([
    ['/key', KEY],
    ['/short', KEY.subarray(1)],
  ])
  const { url, asked } = await serveBodies(t, bodies)
  const aes = new Aes128(new URL('/film/video.m3u8', url), new AbortController().signal)
  return { aes, bodies, asked }
}

function key(fields: Partial<Key>): Key {
  return { method: 'AES-128', uri: '/key', ...fields }
}

function counted(number: number): Buffer {
  return Buffer.from(number.toString(16).padStart(32, '0'), 'hex')
}

function encrypt(plain: Uint8Array, iv: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-128-cbc', KEY, iv)
  return Buffer.concat([cipher.update(plain), cipher.final()])
}
