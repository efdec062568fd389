/** What a file says of itself: iTunes' `ilst` and QuickTime's user data (Apple, QuickTime File Format; ISO/IEC 14496-12 section 8.10). */
import { FormatError } from '../../../errors.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { type Box, childBoxes } from './box.ts'

/** Values are cut here, and further entries left out. */
const MAX_VALUE_LENGTH = 1000
const MAX_ENTRIES = 64
/** Types of `data` in `ilst`. */
const UTF8 = 1
const SIGNED = 21

/** Both kinds of user data use the same names. */
const NAMES: Readonly<Record<string, string>> = {
  '©nam': 'title',
  '©ART': 'artist',
  aART: 'albumArtist',
  '©alb': 'album',
  '©day': 'date',
  '©gen': 'genre',
  '©cmt': 'comment',
  '©des': 'description',
  '©inf': 'description',
  desc: 'description',
  '©cpy': 'copyright',
  cprt: 'copyright',
  '©too': 'encoder',
  '©swr': 'encoder',
  '©wrt': 'composer',
  tvsh: 'show',
  tvsn: 'season',
  tves: 'episode',
}

/** Adds what `udta` says; entries that are broken, or of no name that is known, are left out. */
export function readUserData(udta: Box, told: Record<string, string | number>): void {
  attempt(() => {
    for (const box of childBoxes(udta)) {
      if (box.type === 'meta') readMeta(box, told)
      else if (box.type.startsWith('©')) attempt(() => set(told, box.type, quickTimeText(box.body)))
    }
  })
}

/** `meta` is a full box in MP4 and a plain one in QuickTime: version and flags look like no box. */
export function readMeta(meta: Box, told: Record<string, string | number>): void {
  const { body } = meta
  attempt(() => {
    if (body.remaining >= 8 && new ByteReader(body.bytes.subarray(body.position)).u32() === 0) body.skip(4)
    for (const list of childBoxes(meta)) {
      if (list.type !== 'ilst') continue
      for (const item of childBoxes(list)) attempt(() => readItem(item, told))
    }
  })
}

function readItem(item: Box, told: Record<string, string | number>): void {
  for (const { type, body } of childBoxes(item)) {
    if (type !== 'data') continue
    const kind = body.u32()
    body.skip(4)
    if (kind === UTF8) set(told, item.type, body.utf8(Math.min(body.remaining, 4 * MAX_VALUE_LENGTH)))
    else if (kind === SIGNED && body.remaining === 4) set(told, item.type, body.i32())
    return
  }
}

/** Length, language, text. */
function quickTimeText(body: ByteReader): string {
  const length = body.u16()
  body.skip(2)
  return body.utf8(length)
}

function set(told: Record<string, string | number>, type: string, value: string | number): void {
  const name = NAMES[type]
  if (name === undefined || name in told || Object.keys(told).length >= MAX_ENTRIES) return
  if (typeof value === 'number') told[name] = value
  else {
    const text = value
      .replaceAll(/\p{Cc}/gu, ' ')
      .trim()
      .slice(0, MAX_VALUE_LENGTH)
    if (text !== '') told[name] = text
  }
}

function attempt(read: () => void): void {
  try {
    read()
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
}
