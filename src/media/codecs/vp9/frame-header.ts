/** How long the uncompressed header of a VP9 frame is: what stays clear when the rest is encrypted. VP9 Bitstream Specification section 6.2, Annex B. */
import { FormatError } from '../../../errors.ts'
import { BitReader } from '../../bytes/bit-reader.ts'

const FRAME_MARKER = 2
const SYNC_CODE = 0x49_83_42
const SRGB = 7
/** Bytes that are looked at; the header with all of segmentation takes about a hundred. */
const MAX_HEADER_BYTES = 512
const MAX_SUPERFRAME_FRAMES = 8
const REFERENCES = 8

/** Frame sizes that later frames may take over, as far as the tile counts need them: section 7.2. */
export class Vp9FrameHeaders {
  readonly #widths: number[] = Array.from({ length: REFERENCES }, () => 0)

  /**
   * Bytes of the uncompressed header of one frame, which may be all of it. Throws FormatError for a header that is broken. Takes the frames of
   * a track in decoding order.
   */
  headerLength(frame: Uint8Array): number {
    const bits = new BitReader(frame.subarray(0, MAX_HEADER_BYTES))
    if (bits.bits(2) !== FRAME_MARKER) throw broken('frame marker 2')
    const profile = bits.bits(1) + 2 * bits.bits(1)
    if (profile === 3) bits.skip(1)
    if (bits.flag()) return 1 // show_existing_frame: three bits more
    const key = !bits.flag()
    const shown = bits.flag()
    const errorResilient = bits.flag()
    let refresh = 0xff
    let width: number
    let intraOnly = false
    if (key) {
      readSyncCode(bits)
      skipColor(bits, profile)
      width = readSize(bits)
    } else {
      intraOnly = !shown && bits.flag()
      if (!errorResilient) bits.skip(2) // reset_frame_context
      if (intraOnly) {
        readSyncCode(bits)
        if (profile > 0) skipColor(bits, profile)
        refresh = bits.bits(8)
        width = readSize(bits)
      } else {
        refresh = bits.bits(8)
        width = this.#readInterSize(bits)
        bits.skip(1) // allow_high_precision_mv
        if (!bits.flag()) bits.skip(2) // raw_interpolation_filter
      }
    }
    for (let i = 0; i < REFERENCES; i++) if (((refresh >> i) & 1) === 1) this.#widths[i] = width
    if (!errorResilient) bits.skip(2) // refresh_frame_context, frame_parallel_decoding_mode
    bits.skip(2) // frame_context_idx
    skipLoopFilter(bits)
    bits.skip(8) // base_q_idx
    for (let i = 0; i < 3; i++) if (bits.flag()) bits.skip(5) // delta_q
    skipSegmentation(bits)
    skipTiles(bits, width)
    bits.skip(16) // header_size_in_bytes
    return Math.ceil(bits.position / 8)
  }

  /** frame_size_with_refs: three references, of which one may give the size. */
  #readInterSize(bits: BitReader): number {
    const references = [0, 1, 2].map(() => {
      const index = bits.bits(3)
      bits.skip(1) // sign bias
      return index
    })
    for (const index of references) {
      if (!bits.flag()) continue
      if (bits.flag()) bits.skip(32) // render_size
      return this.#widths[index] ?? 0
    }
    return readSize(bits)
  }
}

function readSyncCode(bits: BitReader): void {
  if (bits.bits(24) !== SYNC_CODE) throw broken('the frame sync code')
}

function skipColor(bits: BitReader, profile: number): void {
  if (profile >= 2) bits.skip(1) // ten_or_twelve_bit
  if (bits.bits(3) === SRGB) {
    if (profile === 1 || profile === 3) bits.skip(1)
    return
  }
  bits.skip(1) // color_range
  if (profile === 1 || profile === 3) bits.skip(3)
}

/** frame_size and render_size; returns the width. */
function readSize(bits: BitReader): number {
  const width = bits.bits(16) + 1
  bits.skip(16)
  if (bits.flag()) bits.skip(32)
  return width
}

function skipLoopFilter(bits: BitReader): void {
  bits.skip(6 + 3) // level, sharpness
  if (!bits.flag() || !bits.flag()) return
  for (let i = 0; i < 4 + 2; i++) if (bits.flag()) bits.skip(7)
}

function skipSegmentation(bits: BitReader): void {
  if (!bits.flag()) return
  if (bits.flag()) {
    for (let i = 0; i < 7; i++) if (bits.flag()) bits.skip(8)
    const temporal = bits.flag()
    for (let i = 0; i < 3; i++) if (temporal && bits.flag()) bits.skip(8)
  }
  if (!bits.flag()) return
  bits.skip(1) // segmentation_abs_or_delta_update
  const widths = [8 + 1, 6 + 1, 2, 0]
  for (let segment = 0; segment < 8; segment++) for (const width of widths) if (bits.flag()) bits.skip(width)
}

/** tile_info: section 6.2.14. */
function skipTiles(bits: BitReader, width: number): void {
  const blocks = Math.ceil(width / 64)
  let least = 0
  while (64 << least < blocks) least++
  let most = 1
  while (blocks >> most >= 4) most++
  most--
  for (let log2 = least; log2 < most && bits.flag(); log2++) continue
  if (bits.flag()) bits.skip(1)
}

/** The frames of a superframe and the index behind them (Annex B): sizes in bytes; one frame where there is no index. */
export function vp9Frames(data: Uint8Array): { readonly frames: readonly number[]; readonly indexBytes: number } {
  const marker = data.at(-1) ?? 0
  if ((marker & 0xe0) !== 0xc0) return { frames: [data.byteLength], indexBytes: 0 }
  const count = (marker & 7) + 1
  const sizeBytes = ((marker >> 3) & 3) + 1
  const indexBytes = 2 + count * sizeBytes
  const start = data.byteLength - indexBytes
  if (start < 0 || data[start] !== marker || count > MAX_SUPERFRAME_FRAMES) {
    return { frames: [data.byteLength], indexBytes: 0 }
  }
  const frames: number[] = []
  let total = 0
  for (let i = 0; i < count; i++) {
    let size = 0
    for (let k = sizeBytes - 1; k >= 0; k--) size = size * 256 + (data[start + 1 + i * sizeBytes + k] ?? 0)
    frames.push(size)
    total += size
  }
  if (total > start) throw broken(`frames of at most ${start} bytes in a superframe`)
  return { frames, indexBytes: data.byteLength - total }
}

function broken(expected: string): FormatError {
  return new FormatError('ERR_CODEC_BITSTREAM', `expected ${expected} in VP9, found another`)
}
