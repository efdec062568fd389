import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { memorySource } from '../../byte-source.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ByteWriter } from '../../bytes/byte-writer.ts'
import { openReader } from '../../open-reader.ts'
import { shownSize, type Track } from '../../track.ts'
import { readMatrix, writeMatrix } from './rotation.ts'
import { progressiveFile, VIDEO } from './vectors.ts'

function matrix(rotation?: 90 | 180 | 270): Uint8Array {
  const writer = new ByteWriter()
  writeMatrix(writer, { width: 640, height: 360, rotation })
  return writer.toBytes()
}

describe('rotation', () => {
  it('is written as phones write it', () => {
    // A phone that was held upright: a quarter clockwise, moved right by the height.
    assert.equal(
      Buffer.from(matrix(90)).toString('hex'),
      '00000000' +
        '00010000' +
        '00000000' +
        'ffff0000' +
        '00000000' +
        '00000000' +
        '01680000' +
        '00000000' +
        '40000000',
    )
    for (const rotation of [90, 180, 270, undefined] as const) {
      assert.equal(readMatrix(new ByteReader(matrix(rotation))), rotation)
    }
  })

  it('is none for a picture that is mirrored, sheared or cut short', () => {
    const mirrored = matrix()
    new DataView(mirrored.buffer).setInt32(0, -0x1_0000)

    assert.equal(readMatrix(new ByteReader(mirrored)), undefined)
    assert.equal(readMatrix(new ByteReader(matrix(90).subarray(0, 35))), undefined)
  })

  it('goes through a file, and turns the size that is shown', async () => {
    const size = { width: 640, height: 360 }
    const track: Track = { ...VIDEO, video: { ...VIDEO.video, ...size, rotation: 270 } }
    const packet = { track, data: Uint8Array.of(0, 0, 0, 1, 0x65), dts: 0, pts: 0, key: true }

    const reader = await openReader(memorySource(progressiveFile([packet])))

    const [found] = reader.tracks
    assert.equal(found?.video?.rotation, 270)
    assert.deepEqual(shownSize(found?.video ?? size), { width: 360, height: 640 })
    assert.deepEqual(shownSize(size), size)
  })
})
