import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { FragmentDemuxer } from '../../media/containers/isobmff/demuxer.ts'
import { withProtection } from '../../media/containers/isobmff/init-protection.ts'
import { writeInitSegment } from '../../media/containers/isobmff/init-segment.ts'
import type { Packet } from '../../media/packet.ts'
import type { ProtectionScheme } from '../../media/protection/scheme.ts'
import { formatUuid } from '../../media/protection/systems.ts'
import type { Track } from '../../media/track.ts'
import { type ContentKey, SegmentEncryptor } from '../../packaging/protection/segment-encryptor.ts'
import { contentKey, fragmentOf, slice } from '../../packaging/protection/vectors.ts'
import { AUDIO, VIDEO } from '../../packaging/vectors.ts'
import { FragmentDecryptor } from './fragment-decryptor.ts'
import { PlayKeys } from './play-keys.ts'

const FIRST = contentKey(1)
const NEXT = contentKey(2)
const SCHEMES: readonly ProtectionScheme[] = ['cenc', 'cbcs']
const PACKETS = 40

describe('fragment decryptor', () => {
  for (const track of [VIDEO, AUDIO]) {
    for (const scheme of SCHEMES) {
      it(`${track.kind}, ${scheme}: gives back what was encrypted, across a change of the key and clear segments`, async () => {
        const { encryptor, init } = setUp(track, scheme)
        const decryptor = new FragmentDecryptor(init, keysOf(FIRST, NEXT), undefined)
        const segment = fragmentOf(track, packetsOf(track), true)

        const found = [
          encryptor.encrypt(segment, {}),
          encryptor.encrypt(segment, { key: NEXT, number: 1 }),
          encryptor.encrypt(segment, { key: 'clear', number: 2 }),
        ]

        assert.ok(decryptor.isProtected)
        for (const protectedSegment of found) {
          const demuxer = new FragmentDemuxer()
          demuxer.write(decryptor.init)
          demuxer.write(await decryptor.decrypt(protectedSegment))
          assert.deepEqual(
            readAll(demuxer),
            packetsOf(track).map(({ data }) => Buffer.from(data).toString('hex')),
          )
        }
      })
    }
  }

  it('leaves what it was given as it was, and clear movies alone', async () => {
    const { encryptor, init } = setUp(AUDIO, 'cenc')
    const segment = encryptor.encrypt(fragmentOf(AUDIO, packetsOf(AUDIO), true), {})
    const before = [Buffer.from(init), Buffer.from(segment)]
    const clear = new FragmentDecryptor(writeInitSegment([AUDIO]), keysOf(), undefined)

    await new FragmentDecryptor(init, keysOf(FIRST), undefined).decrypt(segment)

    assert.deepEqual([Buffer.from(init), Buffer.from(segment)], before)
    assert.equal(clear.isProtected, false)
    assert.equal(await clear.decrypt(segment), segment)
  })

  it('tells which key is missing, under which scheme, and where licences are', async () => {
    const { encryptor, init } = setUp(AUDIO, 'cbcs')
    const segment = encryptor.encrypt(fragmentOf(AUDIO, packetsOf(AUDIO), true), { key: NEXT })
    const decryptor = new FragmentDecryptor(init, keysOf(FIRST), 'https://keys.example/license?token=secret')

    await assert.rejects(decryptor.decrypt(segment), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'ERR_PLAY_KEY')
      assert.match(error.message, new RegExp(`\\(cbcs\\) with the key ${formatUuid(NEXT.id)}; licences are at https`))
      assert.match(error.message, /expected --license URL, --key KID:KEY or --key-file FILE/)
      assert.doesNotMatch(error.message, /secret/)
      return true
    })
  })

  for (const [track, scheme, most] of [
    [AUDIO, 'cenc', 3],
    [AUDIO, 'cbcs', 3],
    [VIDEO, 'cenc', 120],
  ] as const) {
    it(`${track.kind}, ${scheme}: noise tells of a wrong key`, async () => {
      const { encryptor, init } = setUp(track, scheme)
      const wrong = new FragmentDecryptor(init, keysOf({ id: FIRST.id, key: NEXT.key }), undefined)
      const right = new FragmentDecryptor(init, keysOf(FIRST), undefined)
      const play = async () => {
        for (let number = 0; number < most; number++) {
          const segment = encryptor.encrypt(fragmentOf(track, packetsOf(track, number), true), { number })
          await right.decrypt(segment)
          await wrong.decrypt(segment)
        }
      }

      await assert.rejects(play(), (error) => {
        assert.ok(error instanceof FormatError && error.code === 'ERR_PLAY_WRONG_KEY', String(error))
        assert.match(error.message, new RegExp(`expected ${track.codec} under the key ${formatUuid(FIRST.id)}, found`))
        for (const { key } of [FIRST, NEXT]) assert.ok(!error.message.includes(Buffer.from(key).toString('hex')))
        return true
      })
    })
  }

  it('believes an encoder that breaks the same rule in every sample', async () => {
    const { encryptor, init } = setUp(VIDEO, 'cenc')
    const padded = packetsOf(VIDEO).map((packet) => {
      const data = Uint8Array.from(packet.data)
      data[data.byteLength - 1] = 0
      return { ...packet, data }
    })
    const segment = encryptor.encrypt(fragmentOf(VIDEO, padded, true), {})

    await new FragmentDecryptor(init, keysOf(FIRST), undefined).decrypt(segment)
  })

  it('refuses fragments that are cut off or lie', async () => {
    const { encryptor, init } = setUp(AUDIO, 'cenc')
    const segment = encryptor.encrypt(fragmentOf(AUDIO, packetsOf(AUDIO), true), {})
    const decryptor = new FragmentDecryptor(init, keysOf(FIRST), undefined)
    const lying = Buffer.from(segment)
    lying.writeUInt32BE(1 << 20, lying.indexOf('senc') + 8)

    await assert.rejects(decryptor.decrypt(segment.subarray(0, segment.byteLength - 9)), FormatError)
    await assert.rejects(decryptor.decrypt(lying), FormatError)
    assert.throws(() => new FragmentDecryptor(init.subarray(0, init.byteLength - 30), keysOf(), undefined), FormatError)
  })
})

function setUp(track: Track, scheme: ProtectionScheme) {
  const init = writeInitSegment([track])
  const encryptor = new SegmentEncryptor(track, init, { scheme, key: FIRST, slot: 3 })
  return { encryptor, init: withProtection(init, encryptor.protection, []) }
}

function keysOf(...keys: readonly ContentKey[]): PlayKeys {
  return new PlayKeys({
    url: new URL('http://127.0.0.1/live/x/index.m3u8'),
    keys,
    signal: new AbortController().signal,
  })
}

/** Slices, and frames of AAC that begin with a channel pair; otherwise bytes that look like any. */
function packetsOf(track: Track, from = 0): Packet[] {
  return Array.from({ length: PACKETS }, (_, i) => {
    const data = track.kind === 'video' ? slice(i) : createHash('sha512').update(`${from} ${i}`).digest()
    if (track.kind === 'audio') data[0] = 0x20 | ((data[0] ?? 0) & 0x1f)
    return {
      track,
      data: Uint8Array.from(data),
      dts: i * 20_000,
      pts: i * 20_000,
      key: i === 0 || track.kind === 'audio',
    }
  })
}

function readAll(demuxer: FragmentDemuxer): string[] {
  const found: string[] = []
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
    if (result.type === 'packet') found.push(Buffer.from(result.packet.data).toString('hex'))
  }
  return found
}
