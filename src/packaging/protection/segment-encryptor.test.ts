import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { FormatError } from '../../errors.ts'
import { type Box, childBoxes, topLevelBoxes } from '../../media/containers/isobmff/box.ts'
import { clearInitSegment, encryptedSamples } from '../../media/containers/isobmff/decryption.ts'
import { withProtection } from '../../media/containers/isobmff/init-protection.ts'
import { writeInitSegment } from '../../media/containers/isobmff/init-segment.ts'
import { readInitSegment } from '../../media/containers/isobmff/movie.ts'
import type { Packet } from '../../media/packet.ts'
import type { ProtectionScheme } from '../../media/protection/scheme.ts'
import type { Track } from '../../media/track.ts'
import { AUDIO, VIDEO } from '../vectors.ts'
import { SegmentEncryptor } from './segment-encryptor.ts'
import { contentKey, decrypt, fragmentOf, slice } from './vectors.ts'

const FIRST = contentKey(1)
const NEXT = contentKey(2)
const SCHEMES: readonly ProtectionScheme[] = ['cenc', 'cbcs']

describe('segment encryptor', () => {
  for (const track of [VIDEO, AUDIO]) {
    for (const scheme of SCHEMES) {
      it(`${track.kind}, ${scheme}: parts one after the other are the whole segment, byte for byte`, () => {
        const { encryptor, init } = setUp(track, scheme)
        const [whole, parts] = segments(track)

        const session = encryptor.begin({ key: NEXT, number: 7 })
        const written = parts.map((part) => session.write(part))
        const again = encryptor.encrypt(whole, { key: NEXT, number: 7 })

        assert.deepEqual(Buffer.concat(written), Buffer.from(again))
        assert.deepEqual(decrypt(init, again, [NEXT]).data, plain(track))
      })

      it(`${track.kind}, ${scheme}: a segment of another key says so in each fragment`, () => {
        const { encryptor, init } = setUp(track, scheme)
        const [whole] = segments(track)

        const segment = encryptor.encrypt(whole, { key: NEXT })

        const { data, keyIds } = decrypt(init, segment, [NEXT])
        assert.deepEqual(data, plain(track))
        assert.deepEqual([...new Set(keyIds)], [Buffer.from(NEXT.id).toString('hex')])
        assert.deepEqual(boxTypes(segment), [
          ['sbgp', 'sgpd'],
          ['sbgp', 'sgpd'],
          ['sbgp', 'sgpd'],
        ])
      })

      it(`${track.kind}, ${scheme}: a clear segment under a protected init segment keeps its samples and says so`, () => {
        const { encryptor, init } = setUp(track, scheme)
        const [whole] = segments(track)

        const segment = encryptor.encrypt(whole, { key: 'clear' })

        const { data, keyIds } = decrypt(init, segment, [])
        assert.deepEqual([data, keyIds], [plain(track), []])
        assert.deepEqual(boxTypes(segment)[0], ['sbgp', 'sgpd'])
      })
    }
  }

  it('writes seig as the known example: cbcs with a constant IV', () => {
    const { encryptor } = setUp(VIDEO, 'cbcs')

    const segment = encryptor.encrypt(segments(VIDEO)[0], { key: NEXT })

    const group = groupBoxes(segment)
    const id = Buffer.from(NEXT.id).toString('hex')
    assert.match(
      group['sgpd'] ?? '',
      new RegExp(`^0100000073656967000000250000000100190100${id}10[0-9a-f]{32}$`),
      'version 1, seig, 37 bytes, one entry: 1 of 10 blocks, protected, no IV of its own',
    )
    assert.equal(group['sbgp'], '0000000073656967000000010000000200010001', 'all 2 samples, described here')
  })

  it('numbered segments have counters of their own, whatever their times', () => {
    const { encryptor, init } = setUp(AUDIO, 'cenc')
    const still = [0, 1, 2].map((i): Packet => ({ ...packets(AUDIO)[i]!, dts: 0, pts: 0 }))
    const segment = fragmentOf(AUDIO, still, true)

    const ivs = [6, 7].flatMap((number) => decrypt(init, encryptor.encrypt(segment, { number }), [FIRST]).ivs)

    assert.equal(new Set(ivs).size, 6)
    assert.equal(ivs[0], '0003000000180000', 'slot 3, segment 6 in bits 18 and up, sample 0')
  })

  for (const scheme of SCHEMES) {
    it(`D-07: ${scheme}: segments across a change of the key are the same bytes each time, in any order, under their own key`, () => {
      const { encryptor, init } = setUp(VIDEO, scheme)
      const [whole] = segments(VIDEO)
      const keyOf = (number: number) => (number < 2 ? FIRST : NEXT)
      const seen = new Map<number, string>()

      for (const number of [3, 0, 2, 1, 2, 3, 0]) {
        const segment = encryptor.encrypt(whole, { key: keyOf(number), number })

        const { data, keyIds } = decrypt(init, segment, [keyOf(number)])
        assert.deepEqual(data, plain(VIDEO))
        assert.deepEqual([...new Set(keyIds)], [Buffer.from(keyOf(number).id).toString('hex')])
        const bytes = Buffer.from(segment).toString('hex')
        assert.equal(seen.get(number) ?? bytes, bytes, `segment ${number}`)
        seen.set(number, bytes)
      }
      // Under a constant IV and one key, the same pictures are the same bytes.
      assert.equal(new Set(seen.values()).size, scheme === 'cenc' ? 4 : 2)
    })
  }

  it('fragments with groups that lie are refused', () => {
    const { encryptor, init } = setUp(VIDEO, 'cenc')
    const segment = encryptor.encrypt(fragmentOf(VIDEO, packets(VIDEO), true), { key: NEXT })
    const clearInit = Uint8Array.from(init)
    const tracks = clearInitSegment(clearInit)
    const at = Buffer.from(segment).indexOf('sbgp') + 4

    for (const [offset, value] of [
      [12, 99], // more samples than there are
      [16, 0x1_0002], // a description that is not there
      [16, 1], // one of the track, which has none
    ] as const) {
      const lying = Buffer.from(segment)
      lying.writeUInt32BE(value, at + offset)
      assert.throws(
        () => encryptedSamples(lying, readInitSegment(clearInit), tracks),
        FormatError,
        `${offset} ${value}`,
      )
    }
  })
})

function setUp(track: Track, scheme: ProtectionScheme): { encryptor: SegmentEncryptor; init: Uint8Array } {
  const init = writeInitSegment([track])
  const encryptor = new SegmentEncryptor(track, init, { scheme, key: FIRST, slot: 3 })
  return { encryptor, init: withProtection(init, encryptor.protection, []) }
}

function packets(track: Track): Packet[] {
  return Array.from({ length: 6 }, (_, i) => {
    const data = track.kind === 'video' ? slice(i) : Uint8Array.from({ length: 70 + i }, (__, at) => at + i)
    return { track, data, dts: i * 20_000, pts: i * 20_000, key: i === 0 || track.kind === 'audio' }
  })
}

/** The same segment as a whole and in parts. */
function segments(track: Track): [Uint8Array, Uint8Array[]] {
  const all = packets(track)
  const parts = [0, 2, 4].map((from) => fragmentOf(track, all.slice(from, from + 2), from === 0))
  return [Buffer.concat(parts), parts]
}

function plain(track: Track): Buffer {
  return Buffer.concat(packets(track).map(({ data }) => data))
}

/** The boxes of keys in each fragment. */
function boxTypes(segment: Uint8Array): string[][] {
  return [...topLevelBoxes(segment)]
    .filter(({ type }) => type === 'moof')
    .map((moof) => {
      const types = [...childBoxes(moof)].flatMap((box) => [
        box.type,
        ...(box.type === 'traf' ? [...childBoxes(box)].map(({ type }) => type) : []),
      ])
      return types.filter((type) => ['pssh', 'sgpd', 'sbgp'].includes(type)).toSorted()
    })
}

/** Contents of the first fragment's group boxes, as digits. */
function groupBoxes(segment: Uint8Array): Record<string, string> {
  const [moof] = [...topLevelBoxes(segment)].filter(({ type }) => type === 'moof')
  const [traf] = [...childBoxes(moof as Box)].filter(({ type }) => type === 'traf')
  return Object.fromEntries(
    [...childBoxes(traf as Box)].map(({ type, body }) => [type, Buffer.from(body.rest()).toString('hex')]),
  )
}
