/** Tags behind bare sound: ID3v1 (id3.org) and APEv2 (its footer). What they say is told by ID3v2 better; only their room counts. */
import type { ByteSource } from '../../byte-source.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'

const ID3V1_SIZE = 128
const APE_FOOTER_SIZE = 32
const APE_HAS_HEADER = 0x80

/** Bytes: where the tags begin, the size of the source without any; never before `from`. */
export async function findTrailingTags(source: ByteSource, from: number): Promise<number> {
  let end = source.size
  const tail = await source.read(Math.max(from, end - ID3V1_SIZE), ID3V1_SIZE)
  if (tail.byteLength === ID3V1_SIZE && startsWith(tail, 'TAG')) end -= ID3V1_SIZE
  const footer = await source.read(Math.max(from, end - APE_FOOTER_SIZE), APE_FOOTER_SIZE)
  if (footer.byteLength === APE_FOOTER_SIZE && startsWith(footer, 'APETAGEX')) {
    const [b0 = 0, b1 = 0, b2 = 0, b3 = 0] = footer.subarray(12)
    const size = b0 + b1 * 256 + b2 * 65_536 + b3 * 2 ** 24
    const hasHeader = ((footer[23] as number) & APE_HAS_HEADER) !== 0
    const start = end - size - (hasHeader ? APE_FOOTER_SIZE : 0)
    end = start >= from ? start : end - APE_FOOTER_SIZE
  }
  return Math.max(from, end)
}

function startsWith(bytes: Uint8Array, text: string): boolean {
  return new ByteReader(bytes).latin1(text.length) === text
}
