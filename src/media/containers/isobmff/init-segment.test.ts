import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { ALL_FORMATS, BufferSource, Input } from 'mediabunny'
import * as mp4box from 'mp4box'
import { FormatError } from '../../../errors.ts'
import { TRACK_ID_BASE, type Track } from '../../track.ts'
import { writeInitSegment } from './init-segment.ts'
import { readInitSegment } from './movie.ts'
import { trackTimescale } from './movie-boxes.ts'
import { AUDIO, TRACKS, VIDEO } from './vectors.ts'

describe('init segment', () => {
  it('gives every codec back as it was', () => {
    const ids: Record<Track['kind'], number> = { ...TRACK_ID_BASE }
    const movie = readInitSegment(writeInitSegment(TRACKS))
    for (const [i, { track }] of movie.tracks.entries()) {
      const wanted = TRACKS[i]!
      const { config, ...rest } = { ...wanted, id: ids[wanted.kind]++ }
      assert.partialDeepStrictEqual(track, rest)
      assert.deepEqual(track.config?.slice(), config)
    }
    assert.equal(movie.tracks[0]?.track.video?.frameRate, 30)
    assert.equal(movie.tracks[0]?.track.video?.color?.bitDepth, 8)
    assert.equal(movie.fragmented, true)
    assert.deepEqual(
      movie.tracks.map(({ trackId }) => trackId),
      TRACKS.map(({ id }) => id),
    )
  })

  it('is read by mp4box', () => {
    const file = mp4box.createFile()
    let info: mp4box.Movie | undefined
    file.onReady = (ready) => (info = ready)
    file.appendBuffer(mp4box.MP4BoxBuffer.fromArrayBuffer(writeInitSegment(TRACKS).buffer, 0))
    assert.deepEqual(
      info?.tracks.map((track) => track.codec.split('.')[0]),
      ['avc1', 'hvc1', 'av01', 'vp08', 'vp09', 'mp4a', 'Opus', 'mp4a', 'ac-3', 'ec-3', 'fLaC'],
    )
    assert.equal(info?.isFragmented, true)
    assert.equal(info?.tracks[0]?.timescale, 90_000)
    assert.equal(info?.tracks[5]?.codec, 'mp4a.40.2')
    assert.match(info?.tracks[5]?.language ?? '', /^en/)
  })

  it('is read by mediabunny', async () => {
    using input = new Input({ source: new BufferSource(writeInitSegment([VIDEO, AUDIO])), formats: ALL_FORMATS })
    const video = await input.getPrimaryVideoTrack()
    assert.equal(await video?.getCodec(), 'avc')
    const audio = await input.getPrimaryAudioTrack()
    assert.equal(await audio?.getCodec(), 'aac')
  })

  it('takes records with version and flags along, and VP8 without record', () => {
    const vp9 = TRACKS[4]!
    const along: Track = { ...vp9, config: Uint8Array.of(1, 0, 0, 0, ...vp9.config!) }
    assert.deepEqual(readInitSegment(writeInitSegment([along])).tracks[0]?.track.config?.slice(), vp9.config)
    const { config: _config, ...vp8 } = TRACKS[3]!
    assert.equal(readInitSegment(writeInitSegment([vp8])).tracks[0]?.track.config?.byteLength, 8)
  })

  it('makes lengths of units four bytes', () => {
    const config = VIDEO.config?.slice() as Uint8Array
    config[4] = 0xfd
    const read = readInitSegment(writeInitSegment([{ ...VIDEO, config }])).tracks[0]
    assert.equal(read?.unitLengthBytes, 2)
    assert.deepEqual(read?.track.config, VIDEO.config)
  })

  it('leaves data tracks out and refuses a track without configuration', () => {
    const data: Track = { id: 201, kind: 'data', codec: 'amf0-data', timescale: 1000 }
    assert.equal(readInitSegment(writeInitSegment([data, AUDIO])).tracks.length, 1)
    const bare: Track = { id: 1, kind: 'video', codec: 'h264', timescale: 1000 }
    assert.throws(() => writeInitSegment([bare]), { code: 'ERR_MP4_NO_CONFIG' })
  })

  it('declares the duration when it is known', () => {
    assert.equal(readInitSegment(writeInitSegment([AUDIO], { duration: 12_345_000 })).duration, 12_345_000)
    assert.equal(readInitSegment(writeInitSegment([AUDIO])).duration, 0)
  })

  it('takes timescales that give the ticks of the source back', () => {
    assert.equal(trackTimescale({ ...VIDEO, timescale: 1000 }), 90_000)
    assert.equal(trackTimescale({ ...VIDEO, timescale: 30_000 }), 90_000)
    assert.equal(trackTimescale({ ...VIDEO, timescale: 24_000 }), 24_000)
    assert.equal(trackTimescale({ ...VIDEO, timescale: 25 }), 90_000)
    assert.equal(trackTimescale({ ...VIDEO, timescale: 10_000_000 }), 90_000)
    assert.equal(trackTimescale({ ...AUDIO, timescale: 1000 }), 48_000)
  })

  it('ends in a result or in our error for every truncation and every changed byte', () => {
    const whole = writeInitSegment([VIDEO, AUDIO])
    const read = (bytes: Uint8Array): void => {
      try {
        readInitSegment(bytes)
      } catch (error) {
        assert.ok(error instanceof FormatError, String(error))
      }
    }
    for (let length = 0; length < whole.byteLength; length++) {
      assert.throws(() => readInitSegment(whole.subarray(0, length)), FormatError)
    }
    for (let at = 0; at < whole.byteLength; at++) {
      for (const value of [0, 1, 0x7f, 0xff]) {
        const changed = whole.slice()
        changed[at] = value
        read(changed)
      }
    }
  })
})
