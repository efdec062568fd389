/** Attached pictures of ID3v2: `APIC` (ID3v2.4.0 frames, section 4.14), and `PIC` of ID3v2.2 (section 4.15). */
import type { PicturePlace } from '../../reader.ts'
import { endOfId3Text } from './id3v2-text.ts'
import type { WindowedSource } from './windowed-source.ts'

/** What stands before the picture: its type and a description. */
const MAX_HEAD_BYTES = 1024
const FRONT_COVER = 3
/** What `PIC` says instead of a media type. */
const FORMATS: Readonly<Record<string, string>> = { JPG: 'image/jpeg', PNG: 'image/png' }

/** Where the picture of a frame is, and whether it is the front cover. `undefined` for a link and for what cannot be read. */
export async function readAttachedPicture(
  window: WindowedSource,
  frame: { readonly id: string; readonly offset: number; readonly size: number },
): Promise<{ place: PicturePlace; front: boolean } | undefined> {
  const head = await window.read(frame.offset, Math.min(frame.size, MAX_HEAD_BYTES))
  const encoding = head[0]
  if (encoding === undefined) return undefined
  const typeAt = frame.id === 'PIC' ? 4 : endOfId3Text(0, head, 1)
  const word = String.fromCharCode(...head.subarray(1, frame.id === 'PIC' ? typeAt : typeAt - 1))
  const mediaType = frame.id === 'PIC' ? FORMATS[word] : mediaTypeOf(word)
  const dataAt = endOfId3Text(encoding, head, typeAt + 1)
  if (mediaType === undefined || dataAt >= head.byteLength) return undefined
  const place = { offset: frame.offset + dataAt, size: frame.size - dataAt, mediaType }
  return { place, front: head[typeAt] === FRONT_COVER }
}

/** Some programs write `jpg` or `PNG` only. */
function mediaTypeOf(word: string): string | undefined {
  const type = word.toLowerCase()
  if (type === 'jpg' || type === 'jpeg' || type === 'image/jpg') return 'image/jpeg'
  if (type === 'png') return 'image/png'
  return /^image\/[a-z0-9.+-]{1,40}$/.test(type) ? type : undefined
}
