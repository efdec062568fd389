/** Opens sound without a container that stands behind an ID3 tag: only what follows the tag tells its codec. */
import type { ByteSource } from '../../byte-source.ts'
import { Notes } from '../../notes.ts'
import type { MediaReader } from '../../reader.ts'
import { isAdts } from '../adts/frames.ts'
import { openAdtsReader } from '../adts/reader.ts'
import { openMp3Reader } from '../mp3/reader.ts'
import { readId3Tags } from './id3v2.ts'

/** Three frames of ADTS, one after another. */
const HEAD_BYTES = 3 * 8192

/** Throws FormatError as the reader of the codec does; what is not ADTS is taken for MP3. */
export async function openTaggedSound(source: ByteSource): Promise<MediaReader> {
  const { end } = await readId3Tags(source, new Notes())
  return isAdts(await source.read(end, HEAD_BYTES)) ? openAdtsReader(source) : openMp3Reader(source)
}
