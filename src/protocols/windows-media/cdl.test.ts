import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FormatError } from '../../errors.ts'
import {
  itemValue,
  MAX_CDL_ITEMS,
  MAX_CDL_LENGTH,
  MAX_DESCRIPTIONS,
  numberItem,
  readDescriptions,
  readMetadata,
  textItem,
  writeDescriptions,
  writeMetadata,
} from './cdl.ts'
import { FrameReader, frameHeader } from './framing.ts'
import { parsePragma } from './pragma.ts'

const PRAGMA = 'playlist-gen-id=7, broadcast-id=0, features="seekable,stridable"'
const LIST =
  '8,language,31,0,,5,title,31,11,Harbour Cam,6,author,31,11,Café Media,47,WMS_CONTENT_DESCRIPTION_PLAYLIST_ENTRY_DURATION,3,5,90500,' +
  '42,WMS_CONTENT_DESCRIPTION_PLAYLIST_ENTRY_URL,31,11,harbour.wmv\r\n'
const ITEMS = [
  textItem('language', ''),
  textItem('title', 'Harbour Cam'),
  textItem('author', 'Café Media'),
  numberItem('WMS_CONTENT_DESCRIPTION_PLAYLIST_ENTRY_DURATION', 90_500),
  textItem('WMS_CONTENT_DESCRIPTION_PLAYLIST_ENTRY_URL', 'harbour.wmv'),
]

function refuses(text: string, code = 'ERR_WMS_CDL_INVALID'): void {
  assert.throws(
    () => readDescriptions(Buffer.from(text)),
    (error: unknown) => error instanceof FormatError && error.code === code,
    text.slice(0, 60),
  )
}

test('a whole $M, byte for byte', () => {
  const payload = writeMetadata({ pragma: PRAGMA, descriptions: [ITEMS] })
  assert.equal(Buffer.from(payload).toString(), `${PRAGMA}\0${LIST}`)
  assert.equal(payload.byteLength, 261)
  const framed = frameHeader('M', payload)
  assert.equal(Buffer.from(framed.subarray(0, 12)).toString('hex'), '244d0d0100000000000c0d01')

  const reader = new FrameReader('wmsp')
  reader.write(framed)
  const read = readMetadata(reader.read()!.payload)
  assert.deepEqual(read, { pragma: PRAGMA, descriptions: [ITEMS] })
  assert.equal(parsePragma([read.pragma]).u32('playlist-gen-id'), 7)
})

test('several descriptions, values with commas and line ends, and unknown types', () => {
  const descriptions = [[textItem('a', '1,2\r\n3'), { name: 'b', type: 99, value: '' }], [textItem('', 'x')]]
  assert.deepEqual(readDescriptions(writeDescriptions(descriptions)), descriptions)
  assert.equal(itemValue(descriptions[0]!, 'a'), '1,2\r\n3')
  assert.equal(itemValue(descriptions[0]!, 'c'), undefined)
  assert.deepEqual(readDescriptions(new Uint8Array(0)), [])
})

test('lengths that lie and lists cut short are refused at every byte', () => {
  for (let end = 1; end < LIST.length; end++) refuses(LIST.slice(0, end))
  refuses('7,language,31,0,\r\n')
  refuses('4294967295,language,31,0,\r\n')
  refuses('99999999999,language,31,0,\r\n')
  refuses('8,language,31,-1,\r\n')
  refuses('8,language,31,0,\n')
})

test('limits', () => {
  refuses(`${Array.from({ length: MAX_CDL_ITEMS + 1 }, () => '1,a,31,0,').join(',')}\r\n`, 'ERR_WMS_CDL_LIMIT')
  refuses('1,a,31,0,\r\n'.repeat(MAX_DESCRIPTIONS + 1), 'ERR_WMS_CDL_LIMIT')
  refuses(`1,a,31,${MAX_CDL_LENGTH},${'x'.repeat(MAX_CDL_LENGTH)}\r\n`, 'ERR_WMS_CDL_LIMIT')
  assert.throws(() => readMetadata(Buffer.from(PRAGMA)), { code: 'ERR_WMS_METADATA_INVALID' })
})
