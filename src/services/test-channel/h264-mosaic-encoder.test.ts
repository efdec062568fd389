import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { isAvcKey, readAvcSps } from '../../media/codecs/h264/bitstream.ts'
import { readAvcConfig } from '../../media/codecs/h264/config.ts'
import { H264MosaicEncoder } from './h264-mosaic-encoder.ts'
import { MosaicPicture, rgb, SQUARE } from './mosaic-picture.ts'

const ffmpeg = spawnSync('ffmpeg', ['-version']).status === 0
const skip = !ffmpeg && process.env.CI !== 'true' && 'ffmpeg is not installed'

test('ffmpeg decodes exactly what the encoder reconstructs', { skip }, () => {
  const picture = new MosaicPicture(64, 48, rgb(15, 18, 22))
  const encoder = new H264MosaicEncoder(picture, 25)
  const stream: Uint8Array[] = [...parameterSets(encoder)]
  const expected: Uint8Array[] = []
  const random = generator(1)
  for (let frame = 0; frame < 40; frame++) {
    scribble(picture, random)
    stream.push(START_CODE, encoder.encode(frame % 15 === 0).data.subarray(4))
    expected.push(reconstruction(encoder))
  }

  const { status, stdout, stderr } = spawnSync(
    'ffmpeg',
    ['-v', 'error', '-f', 'h264', '-i', '-', '-f', 'rawvideo', '-pix_fmt', 'yuv420p', '-'],
    { input: Buffer.concat(stream), maxBuffer: 1 << 26 },
  )

  assert.equal(stderr.toString(), '')
  assert.equal(status, 0)
  assert.ok(stdout.equals(Buffer.concat(expected)))
})

test('the reconstruction is close to the picture', () => {
  const picture = new MosaicPicture(64, 48, rgb(15, 18, 22))
  const encoder = new H264MosaicEncoder(picture, 25)
  const random = generator(2)
  for (let frame = 0; frame < 20; frame++) {
    scribble(picture, random)
    encoder.encode(false)

    for (const plane of ['luma', 'cb', 'cr'] as const) {
      const worst = Math.max(...picture[plane].map((value, index) => Math.abs(value - (encoder[plane][index] ?? 0))))
      assert.ok(worst <= 8, `${plane} is off by ${worst}`)
    }
  }
})

test('nothing drawn, or drawn and taken back, is a skipped picture of a few bytes', () => {
  const picture = new MosaicPicture(320, 180, rgb(0, 0, 0))
  const encoder = new H264MosaicEncoder(picture, 25)
  encoder.encode(true)
  const still = encoder.encode(false)
  picture.fill(10, 10, 20, 20, rgb(255, 0, 0))
  picture.fill(10, 10, 20, 20, rgb(0, 0, 0))
  const back = encoder.encode(false)

  assert.ok(still.data.byteLength <= 12)
  assert.ok(back.data.byteLength <= 12)
})

test('the configuration and key pictures are what they say', () => {
  const encoder = new H264MosaicEncoder(new MosaicPicture(320, 180, rgb(0, 0, 0)), 25)
  const config = readAvcConfig(encoder.config)
  const sps = readAvcSps(config.sps[0]!)
  const first = encoder.encode(false)
  const second = encoder.encode(false)

  assert.equal(config.lengthSize, 4)
  assert.deepEqual([sps.width, sps.height], [1280, 720])
  assert.equal(first.key, true)
  assert.equal(isAvcKey(first.data), true)
  assert.equal(second.key, false)
  assert.equal(isAvcKey(second.data), false)
})

const START_CODE = Uint8Array.of(0, 0, 0, 1)

function parameterSets(encoder: H264MosaicEncoder): Uint8Array[] {
  const { sps, pps } = readAvcConfig(encoder.config)
  return [...sps, ...pps].flatMap((set) => [START_CODE, set])
}

function scribble(picture: MosaicPicture, random: (below: number) => number): void {
  for (let i = 0; i < 5; i++) {
    const width = 2 + 2 * random(8)
    const height = 2 + 2 * random(8)
    const color = rgb(random(256), random(256), random(256))
    picture.fill(
      2 * random((picture.width - width) / 2),
      2 * random((picture.height - height) / 2),
      width,
      height,
      color,
    )
  }
  const mask = { width: 7, height: 9, coverage: Uint8Array.from({ length: 63 }, () => random(256)) }
  picture.stamp(random(picture.width - 7), random(picture.height - 9), mask, random(256), random(256))
}

/** Planar 4:2:0 in video pixels. */
function reconstruction(encoder: H264MosaicEncoder): Uint8Array {
  const { width, height } = encoder
  const frame = new Uint8Array((width * height * 3) / 2)
  const squares = width / SQUARE
  for (let i = 0; i < width * height; i++) {
    frame[i] = encoder.luma[Math.floor(i / width / SQUARE) * squares + Math.floor((i % width) / SQUARE)] ?? 0
  }
  const [chromaWidth, chromaSize] = [width / 2, (width * height) / 4]
  for (let i = 0; i < chromaSize; i++) {
    const cell = Math.floor(i / chromaWidth / SQUARE) * (squares / 2) + Math.floor((i % chromaWidth) / SQUARE)
    frame[width * height + i] = encoder.cb[cell] ?? 0
    frame[width * height + chromaSize + i] = encoder.cr[cell] ?? 0
  }
  return frame
}

/** The same numbers each time. */
function generator(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff
    return (state >> 8) % below
  }
}
