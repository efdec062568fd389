import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { MediaReader } from '../../media/reader.ts'
import { AUDIO, audioPackets, VIDEO, videoPackets } from '../vectors.ts'
import { soundSpans } from './sound-spans.ts'
import { segmentSpans } from './spans.ts'

const SECOND = 1_000_000

function readerOf(from: number): Pick<MediaReader, 'packets'> {
  return {
    packets: async function* () {
      yield* videoPackets({ seconds: 1 })
      yield* audioPackets({ from, seconds: 20 })
    },
  }
}

it('begins segments of sound with their first packets', async () => {
  for (const from of [0, 21_333, 91_000]) {
    const packets = audioPackets({ from, seconds: 20 })
    const spans = segmentSpans([], 20 * SECOND, 6 * SECOND)

    const sounds = await soundSpans(readerOf(from) as MediaReader, [VIDEO, AUDIO], spans)

    const own = sounds.get(AUDIO.id) ?? []
    assert.equal(own.length, spans.length)
    for (const [index, { start, duration }] of own.entries()) {
      assert.equal(start + duration, own[index + 1]?.start ?? 20 * SECOND)
      const first = packets.find(({ pts }) => pts >= (spans[index]?.start ?? 0))
      if (index > 0) assert.ok(Math.abs(start - (first?.pts ?? 0)) < 3, `${start} ${first?.pts}`)
    }
    assert.equal(sounds.has(VIDEO.id), false)
  }
})
