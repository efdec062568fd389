import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { encodedSize } from './encode-arguments.ts'
import { inputOptions, parseLayout } from './source-layout.ts'

const VIDEO = { index: 1, codec_type: 'video', codec_name: 'wmv2', width: 640, height: 480, avg_frame_rate: '25/1' }
const AUDIO = { index: 0, codec_type: 'audio', codec_name: 'wmav2', channels: 2 }

function layout(...streams: object[]) {
  return parseLayout(JSON.stringify({ streams }))
}

describe('source layout', () => {
  it('has the default of each kind first and no cover', () => {
    const cover = { ...VIDEO, index: 5, codec_name: 'mjpeg', disposition: { attached_pic: 1, default: 1 } }
    const second = { ...AUDIO, index: 3, disposition: { default: 1 }, tags: { language: 'deu', title: 'Ton' } }

    const { video, audio } = layout(cover, AUDIO, VIDEO, second)

    assert.equal(video?.index, 1)
    assert.deepEqual(
      audio.map(({ index, language }) => [index, language]),
      [
        [3, 'deu'],
        [0, undefined],
      ],
    )
  })

  it('shows pictures upright and with square pixels', () => {
    const wide = layout({ ...VIDEO, width: 720, height: 576, sample_aspect_ratio: '64:45' }).video
    const turned = layout({ ...VIDEO, side_data_list: [{ rotation: -90 }] }).video
    const lying = layout({ ...VIDEO, sample_aspect_ratio: '100000:1' }).video

    assert.deepEqual([wide?.width, wide?.height], [1024, 576])
    assert.deepEqual([turned?.width, turned?.height], [480, 640])
    assert.deepEqual([lying?.width, lying?.height], [640, 480])
    assert.deepEqual(encodedSize({ width: 321, height: 241 }, 1080), { width: 322, height: 242 })
    assert.deepEqual(encodedSize({ width: 3840, height: 2160 }, 1080), { width: 1920, height: 1080 })
    assert.deepEqual(encodedSize({ width: 1, height: 1 }, 1080), { width: 2, height: 2 })
  })

  it('believes no rate that is a clock', () => {
    assert.equal(layout({ ...VIDEO, avg_frame_rate: '0/0', r_frame_rate: '1000/1' }).video?.frameRate, undefined)
    assert.equal(layout({ ...VIDEO, avg_frame_rate: '30000/1001' }).video?.frameRate, 30_000 / 1001)
  })

  it('without anything to encode is an error, as is what is no description', () => {
    for (const output of ['', '{', '[]', '{"streams":{}}', '{"streams":[{"index":-1}]}', '{}', '{"streams":[]}']) {
      assert.throws(() => parseLayout(output), { code: 'ERR_TRANSCODE_NO_MEDIA' }, output)
    }
    assert.throws(() => layout({ ...VIDEO, width: 0 }), { code: 'ERR_TRANSCODE_NO_MEDIA' })
    assert.throws(() => layout({ ...VIDEO, width: 1_000_000 }), { code: 'ERR_TRANSCODE_NO_MEDIA' })
  })

  it('is read by a fixed demuxer with a fixed protocol', () => {
    assert.deepEqual(inputOptions('asf'), ['-protocol_whitelist', 'file', '-f', 'asf'])
    assert.deepEqual(inputOptions('mp4'), ['-protocol_whitelist', 'file', '-f', 'mov'])
  })
})
