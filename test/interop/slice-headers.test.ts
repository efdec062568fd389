/** Lengths of slice and frame headers against ffmpeg, which names every field of them and its place. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { openFileSource } from '../../src/library/open-source.ts'
import { AV1_OBU, obus } from '../../src/media/codecs/av1/bitstream.ts'
import { Av1TileData } from '../../src/media/codecs/av1/tile-data.ts'
import { nalUnits, unescapeNalUnit } from '../../src/media/codecs/nal-units.ts'
import { SliceData } from '../../src/media/codecs/slice-data.ts'
import { Vp9FrameHeaders, vp9Frames } from '../../src/media/codecs/vp9/frame-header.ts'
import { openReader } from '../../src/media/open-reader.ts'
import { makeMedia } from '../support/media.ts'
import { requireTool } from '../support/tools.ts'

const run = promisify(execFile)

/** What is encoded: each has fields in its headers that the others lack. */
const STREAMS: Readonly<Record<string, { codec: 'h264' | 'h265'; video: string; extra: readonly string[] }>> = {
  'H.264 with B-frames, weights and CABAC': {
    codec: 'h264',
    video: 'libx264',
    extra: ['-x264-params', 'bframes=3:weightp=2:weightb=1:ref=4'],
  },
  'H.264 with CAVLC and four slices': {
    codec: 'h264',
    video: 'libx264',
    extra: ['-x264-params', 'cabac=0:slices=4:bframes=0'],
  },
  'H.264 in fields': {
    codec: 'h264',
    video: 'libx264',
    extra: ['-flags', '+ildct', '-x264-params', 'interlaced=1:bframes=2'],
  },
  'H.264 in 4:4:4': { codec: 'h264', video: 'libx264', extra: ['-pix_fmt', 'yuv444p'] },
  'H.265 with B-frames and weights': {
    codec: 'h265',
    video: 'libx265',
    extra: ['-x265-params', 'log-level=error:bframes=4:weightp=1:weightb=1:ref=4'],
  },
  'H.265 with slices and rows': {
    codec: 'h265',
    video: 'libx265',
    extra: ['-x265-params', 'log-level=error:slices=2:wpp=1:ctu=16:open-gop=1'],
  },
}

describe('slice headers', () => {
  for (const [name, { codec, video, extra }] of Object.entries(STREAMS)) {
    it(`are as long as ffmpeg finds them: ${name}`, async (t) => {
      const ffmpeg = requireTool(t, 'ffmpeg')
      if (ffmpeg === undefined) return
      const file = await makeMedia(ffmpeg, {
        container: 'mp4',
        seconds: 2,
        video,
        audio: 'none',
        width: 320,
        height: 256,
        extra,
      })

      const lengths: number[] = []
      let headers: SliceData | undefined
      for await (const { track, data } of packetsOf(file)) {
        headers ??= new SliceData(codec, track.config ?? new Uint8Array(0))
        const units = nalUnits(data)
        let index = 0
        headers.forEach(data, (clear, rest) => {
          const unit = units[index++]
          if (rest > 0 && unit !== undefined)
            lengths.push(unescapeNalUnit(unit.subarray(0, clear - 4), 65_536).byteLength)
        })
      }

      const expected = await tracedLengths(ffmpeg, file, 'Slice (Segment )?Header')
      assert.ok(expected.length >= 40, `${expected.length} slices`)
      assert.deepEqual(lengths, expected)
      assert.equal(headers?.unreadable, 0)
    })
  }

  it('are as long as ffmpeg finds them: VP9 with hidden frames', async (t) => {
    const ffmpeg = requireTool(t, 'ffmpeg')
    if (ffmpeg === undefined) return
    const file = await makeTwoPassVp9(t, ffmpeg)

    const lengths: number[] = []
    const headers = new Vp9FrameHeaders()
    let superframes = 0
    for await (const { data } of packetsOf(file)) {
      const { frames, indexBytes } = vp9Frames(data)
      if (indexBytes > 0) superframes++
      let at = 0
      for (const size of frames) {
        lengths.push(headers.headerLength(data.subarray(at, at + size)))
        at += size
      }
    }

    assert.ok(superframes > 0)
    assert.deepEqual(lengths, await tracedLengths(ffmpeg, file, 'Frame'))
  })
})

/** Encoders of AV1 that are asked for what makes headers long. */
const AV1_STREAMS: Readonly<Record<string, readonly string[]>> = {
  'four tiles, hidden frames and global motion': [
    '-c:v',
    'libaom-av1',
    '-cpu-used',
    '6',
    '-tiles',
    '2x2',
    '-lag-in-frames',
    '19',
    '-g',
    '30',
  ],
  'film grain and chroma of its own': [
    '-c:v',
    'libaom-av1',
    '-cpu-used',
    '8',
    '-aom-params',
    'film-grain-test=3:enable-chroma-deltaq=1',
  ],
  'lossless, error resilient': [
    '-c:v',
    'libaom-av1',
    '-cpu-used',
    '8',
    '-aom-params',
    'lossless=1',
    '-error-resilience',
    '1',
  ],
  'another encoder, with tiles and frame references told by order': [
    '-c:v',
    'libsvtav1',
    '-preset',
    '10',
    '-svtav1-params',
    'tile-columns=1:tile-rows=1:enable-qm=1',
  ],
}

describe('tiles of AV1', () => {
  for (const [name, encoder] of Object.entries(AV1_STREAMS)) {
    it(`begin where ffmpeg finds them: ${name}`, async (t) => {
      const ffmpeg = requireTool(t, 'ffmpeg')
      if (ffmpeg === undefined) return
      const folder = await mkdtemp(join(tmpdir(), 'headend-av1-'))
      t.after(() => rm(folder, { recursive: true, force: true }))
      const file = join(folder, 'tiles.mp4')
      const source = ['-f', 'lavfi', '-i', 'mandelbrot=size=640x512:rate=25', '-t', '1.6', '-pix_fmt', 'yuv420p']
      await run(ffmpeg, ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', ...source, ...encoder, file])

      const starts: number[] = []
      let tiles: Av1TileData | undefined
      for await (const { track, data } of packetsOf(file)) {
        tiles ??= new Av1TileData(track.config ?? new Uint8Array(0))
        const ranges: number[] = []
        let at = 0
        tiles.forEach(data, (clear, rest) => {
          if (rest > 0) ranges.push(at + clear)
          at += clear + rest
        })
        assert.equal(at, data.byteLength)
        for (const { type, bytes } of obus(data)) {
          const offset = bytes.byteOffset - data.byteOffset
          const first = ranges.find((start) => start >= offset)
          if (type === AV1_OBU.FRAME && first !== undefined) starts.push(first - offset)
        }
      }

      assert.equal(tiles?.unreadable, 0)
      assert.deepEqual(starts, await tracedTileStarts(ffmpeg, file))
    })
  }
})

/** Of each frame with tiles: bytes from the start of its OBU to the first tile. */
async function tracedTileStarts(ffmpeg: string, file: string): Promise<number[]> {
  const starts: number[] = []
  let sizeBytes = 0
  let fieldEnd = 0
  let end: number | undefined
  for (const text of await traced(ffmpeg, file)) {
    const [, position, name = '', code = '', value] = /^(\d+)\s+(\S+)\s+([01]*) = (\d+)/.exec(text) ?? []
    if (position !== undefined) {
      if (name === 'tile_size_bytes_minus1') sizeBytes = Number(value) + 1
      fieldEnd = Number(position) + code.length
      if (end !== undefined) end = fieldEnd
      continue
    }
    if (end !== undefined) starts.push(Math.ceil(end / 8) + sizeBytes)
    end = undefined
    if (text === 'Frame Header') sizeBytes = 0
    // One tile has neither size nor flag: its group begins where the header ends.
    if (text === 'Tile Group') end = fieldEnd
  }
  if (end !== undefined) starts.push(Math.ceil(end / 8) + sizeBytes)
  return starts
}

/** Only in two passes does the encoder make pictures that are not shown. */
async function makeTwoPassVp9(t: TestContext, ffmpeg: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headend-vp9-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'hidden.mp4')
  const source = ['-f', 'lavfi', '-i', 'mandelbrot=size=320x256:rate=25', '-t', '2', '-pix_fmt', 'yuv420p']
  const encoder = [
    '-c:v',
    'libvpx-vp9',
    '-deadline',
    'good',
    '-cpu-used',
    '6',
    '-auto-alt-ref',
    '1',
    '-lag-in-frames',
    '25',
  ]
  for (const pass of ['1', '2']) {
    const output = ['-b:v', '300k', '-pass', pass, '-passlogfile', join(folder, 'pass'), file]
    await run(ffmpeg, ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y', ...source, ...encoder, ...output])
  }
  return file
}

async function* packetsOf(file: string) {
  const source = await openFileSource(file)
  try {
    yield* (await openReader(source)).packets(0)
  } finally {
    await source.close()
  }
}

/** Bytes of each header of that name, emulation prevention left out, padding to the next byte included. */
async function tracedLengths(ffmpeg: string, file: string, title: string): Promise<number[]> {
  const lengths: number[] = []
  let end: number | undefined
  const finish = () => {
    if (end !== undefined && end > 0) lengths.push(Math.ceil(end / 8))
    end = undefined
  }
  const isTitle = new RegExp(`^${title}$`)
  for (const text of await traced(ffmpeg, file)) {
    const field = /^(\d+)\s+\S+\s+([01]*) = /.exec(text)
    if (field !== null) {
      if (end !== undefined) end = Number(field[1]) + (field[2] ?? '').length
      continue
    }
    finish()
    if (isTitle.test(text)) end = 0
  }
  finish()
  return lengths
}

/** Titles and fields of all headers. */
async function traced(ffmpeg: string, file: string): Promise<string[]> {
  const args = ['-hide_banner', '-nostdin', '-i', file, '-c', 'copy', '-bsf:v', 'trace_headers', '-f', 'null', '-']
  const { stderr } = await run(ffmpeg, args, { maxBuffer: 256 * 1024 * 1024 })
  return [...stderr.matchAll(/\[trace_headers @ [^\]]*\] (.*)/g)].map(([, text = '']) => text.trim())
}
