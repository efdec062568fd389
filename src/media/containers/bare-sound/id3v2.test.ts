import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type ByteSource, memorySource } from '../../byte-source.ts'
import { Notes } from '../../notes.ts'
import { readId3Tags } from './id3v2.ts'
import { id3Frame, id3Tag, id3Text, join, latin1, mp3Frame, row } from './vectors.ts'

const SOUND = row(3, mp3Frame)

function read(...parts: readonly Uint8Array[]) {
  return readId3Tags(memorySource(join([...parts, SOUND])), new Notes())
}

function picture(type: number, data: string, description = 'x'): Uint8Array {
  return join([Uint8Array.of(0), latin1('image/png'), Uint8Array.of(0, type), latin1(`${description}\0${data}`)])
}

describe('ID3v2', () => {
  it('has text in four encodings', async () => {
    const tag = id3Tag(4, [
      id3Frame(4, 'TIT2', id3Text(0, 'Élan')),
      id3Frame(4, 'TPE1', id3Text(1, 'Ünï 🎵')),
      id3Frame(4, 'TALB', id3Text(2, '音楽')),
      id3Frame(4, 'TCON', id3Text(3, 'Ποπ')),
    ])

    const { metadata, end } = await read(tag)

    assert.deepEqual(metadata, { title: 'Élan', artist: 'Ünï 🎵', album: '音楽', genre: 'Ποπ' })
    assert.equal(end, tag.byteLength)
  })

  it('gives the first of several values, without control characters, and not more than a thousand', async () => {
    const tag = id3Tag(4, [
      id3Frame(4, 'TIT2', id3Text(3, 'one\0two')),
      id3Frame(4, 'TPE1', id3Text(0, ' a\r\nb\u0007 ')),
      id3Frame(4, 'TALB', id3Text(0, 'x'.repeat(5000))),
    ])

    const { metadata } = await read(tag)

    assert.deepEqual([metadata['title'], metadata['artist'], metadata['album']?.length], ['one', 'a b', 1000])
  })

  for (const version of [2, 3, 4] as const) {
    it(`is read in version 2.${version}`, async () => {
      const name = version === 2 ? 'TT2' : 'TIT2'
      const unknown = id3Frame(version, version === 2 ? 'XXX' : 'XXXX', new Uint8Array(300))

      const { metadata } = await read(
        id3Tag(version, [unknown, id3Frame(version, name, id3Text(0, 'x')), new Uint8Array(50)]),
      )

      assert.deepEqual(metadata, { title: 'x' })
    })
  }

  it('may have zero bytes put in behind 0xff, in the whole tag or in a frame', async () => {
    const stuffed = Uint8Array.of(1, 0xff, 0x00, 0xfe, 0x41, 0x00)

    const whole = await read(id3Tag(3, [id3Frame(3, 'TIT2', Uint8Array.of(1, 0xff, 0xfe, 0x41, 0))], { flags: 0 }))
    const frame = await read(id3Tag(4, [id3Frame(4, 'TIT2', stuffed, 0x02)]))
    // Sizes of version 3 are those of the plain frames.
    const plain = id3Frame(3, 'TIT2', Uint8Array.of(1, 0xff, 0xfe, 0x41, 0))
    const tag = await read(
      id3Tag(3, [join([plain.subarray(0, 12), Uint8Array.of(0), plain.subarray(12)])], { flags: 0x80 }),
    )

    assert.deepEqual(
      [whole, frame, tag].map(({ metadata }) => metadata['title']),
      ['A', 'A', 'A'],
    )
  })

  it('tells where the front cover is', async () => {
    const tag = id3Tag(3, [id3Frame(3, 'APIC', picture(4, 'the back')), id3Frame(3, 'APIC', picture(3, 'the front'))])

    const { picture: place } = await read(tag)

    assert.ok(place !== undefined)
    assert.equal(place.mediaType, 'image/png')
    assert.deepEqual(tag.slice(place.offset, place.offset + place.size), latin1('the front'))
  })

  it('tells of a picture of version 2.2, and of none that is only linked', async () => {
    const old = id3Tag(2, [
      id3Frame(2, 'PIC', join([Uint8Array.of(0), latin1('JPG'), Uint8Array.of(3, 0), latin1('jpeg')])),
    ])
    const link = join([Uint8Array.of(0), latin1('-->'), Uint8Array.of(0, 3, 0), latin1('http://example.org/a.png')])

    assert.deepEqual((await read(old)).picture, { offset: 22, size: 4, mediaType: 'image/jpeg' })
    assert.equal((await read(id3Tag(3, [id3Frame(3, 'APIC', link)]))).picture, undefined)
  })

  it('may come more than once', async () => {
    const first = id3Tag(3, [id3Frame(3, 'TIT2', id3Text(0, 'first'))])
    const second = id3Tag(4, [id3Frame(4, 'TIT2', id3Text(0, 'second')), id3Frame(4, 'TPE1', id3Text(0, 'artist'))])

    const { metadata, end } = await read(first, second)

    assert.deepEqual(metadata, { title: 'first', artist: 'artist' })
    assert.equal(end, first.byteLength + second.byteLength)
  })
})

describe('X-09: an ID3 tag', () => {
  it('of 256 MB with a picture of nearly all of it is passed over, not read', async () => {
    const size = 255 * 1024 * 1024
    const head = id3Tag(3, [id3Frame(3, 'TIT2', id3Text(0, 'big'))], { size })
    const apic = join([latin1('APIC'), Uint8Array.of(0x0f, 0xe0, 0, 0, 0, 0), picture(3, '')])
    const start = join([head, apic])
    let bytesRead = 0
    const source: ByteSource = {
      size: size + 1000,
      read(offset, length) {
        const bytes = new Uint8Array(Math.min(length, size + 1000 - offset))
        bytes.set(start.subarray(offset, offset + bytes.byteLength))
        bytesRead += bytes.byteLength
        return Promise.resolve(bytes)
      },
    }

    const tags = await readId3Tags(source, new Notes())

    assert.equal(tags.end, 10 + size)
    assert.deepEqual(tags.metadata, { title: 'big' })
    assert.equal(tags.picture?.mediaType, 'image/png')
    assert.ok(bytesRead < 100_000, `${bytesRead}`)
  })

  it('that is longer than its file does not hide the sound', async () => {
    const notes = new Notes()
    const tag = id3Tag(4, [], { size: 0x0fff_ffff })

    const { end } = await readId3Tags(memorySource(join([tag, SOUND])), notes)

    assert.equal(end, 10)
    assert.match(notes.list().join(), /longer than the file/)
  })

  it('with frames that leave it, or without end, is bounded', async () => {
    const overrun = id3Frame(3, 'TIT2', id3Text(0, 'x'))
    overrun.set([0x7f, 0xff, 0xff, 0xff], 4)
    const empty = row(20_000, () => id3Frame(3, 'XXXX', new Uint8Array(0)))

    const lying = await read(id3Tag(3, [id3Frame(3, 'TPE1', id3Text(0, 'a')), overrun]))
    const many = await read(id3Tag(3, [empty, id3Frame(3, 'TIT2', id3Text(0, 'never'))]))
    const nested = await read(...Array.from({ length: 100 }, () => id3Tag(3, [])))

    assert.deepEqual(lying.metadata, { artist: 'a' })
    assert.deepEqual(many.metadata, {})
    assert.equal(nested.end, 80)
  })
})
