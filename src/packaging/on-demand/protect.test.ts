import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { openLibrary } from '../../library/library.ts'
import { MediaFiles } from '../../library/media-files.ts'
import { clearInitSegment, encryptedSamples } from '../../media/containers/isobmff/decryption.ts'
import { writeFragment } from '../../media/containers/isobmff/fragment.ts'
import { writeInitSegment } from '../../media/containers/isobmff/init-segment.ts'
import { readInitSegment } from '../../media/containers/isobmff/movie.ts'
import { openReader } from '../../media/open-reader.ts'
import type { Track } from '../../media/track.ts'
import type { ContentKeys, KeyPurpose } from '../protection/content-keys.ts'
import { DEFAULT_PROTECT, type ProtectSettings } from '../protection/protect-settings.ts'
import { AUDIO, VIDEO } from '../vectors.ts'
import { answerMedia, type MediaSender } from './media-answer.ts'
import { segmentName } from './names.ts'
import type { OnDemandRendition, Presentation } from './presentation.ts'
import { Presentations } from './presentations.ts'
import { protectPresentation } from './protect.ts'
import { readWhole, segmentBody } from './segment-bytes.ts'
import { movieFile } from './vectors.ts'

const { signal } = new AbortController()
const PROTECTION = { path: 'vod/film.wmv', settings: DEFAULT_PROTECT } as const

/** One key for each purpose, told by its numbers. */
function testKeys(): ContentKeys & { readonly purposes: KeyPurpose[] } {
  const purposes: KeyPurpose[] = []
  const keyOf = (number: number) => ({
    id: Uint8Array.from({ length: 16 }, (_, i) => number + i),
    key: Uint8Array.from({ length: 16 }, (_, i) => 200 - number - i),
  })
  return {
    purposes,
    keyFor(purpose) {
      const known = purposes.findIndex((one) => JSON.stringify(one) === JSON.stringify(purpose))
      return keyOf(known < 0 ? purposes.push(purpose) - 1 : known)
    },
    purposeOf: () => undefined,
    get: () => keyOf(0),
  }
}

/** A film whose segment has other bytes each time that it is made. */
function encodedFilm(track: Track, encoded: true | undefined): Presentation {
  let times = 0
  const rendition: OnDemandRendition = { name: 'audio-101', track, peakBps: 1, averageBps: 1, keyPictures: [] }
  const segment = () => {
    const data = new Uint8Array(64).fill(++times)
    const samples = [{ packet: { track, data, pts: 0, dts: 0, key: true }, duration: 20_000 }]
    const bytes = writeFragment({ sequence: 1, segmentStart: true, tracks: [{ track, baseDecodeTime: 0, samples }] })
    return Promise.resolve(segmentBody([bytes]))
  }
  return {
    path: 'vod/film.wmv',
    token: '0123456789ab',
    duration: 20_000,
    modified: new Date(0),
    segments: [{ start: 0, duration: 20_000 }],
    renditions: [rendition],
    ...(encoded && { encoded }),
    init: () => Promise.resolve(segmentBody([writeInitSegment([track])])),
    segment,
    keyPicture: segment,
    close: () => undefined,
  }
}

/** The counters that the only sample of a segment was encrypted with: none where its scheme has none. */
async function countersOf(film: Presentation): Promise<string[]> {
  const [rendition] = film.renditions
  assert.ok(rendition !== undefined)
  const init = Uint8Array.from(await readWhole(await film.init(rendition)))
  const tracks = clearInitSegment(init)
  const segment = Uint8Array.from(await readWhole(await film.segment(rendition, 0, signal)))
  const samples = encryptedSamples(segment, readInitSegment(init), tracks)
  assert.equal(samples.length, 1)
  return samples.flatMap(({ scheme, iv }) => (scheme === 'cenc' ? [Buffer.from(iv).toString('hex')] : []))
}

describe('protected presentations', () => {
  it('have no counters where an encoder may come to other bytes the next time', async () => {
    const encoded = protectPresentation(encodedFilm(AUDIO, true), PROTECTION, testKeys())
    const asItIs = protectPresentation(encodedFilm(AUDIO, undefined), PROTECTION, testKeys())

    assert.deepEqual(await countersOf(encoded), [])
    assert.deepEqual(await countersOf(encoded), [])
    assert.equal((await countersOf(asItIs)).length, 1)
    assert.equal(encoded.protection.hlsKeys(encoded.renditions[0] ?? assert.fail(), 'all')[0]?.method, 'SAMPLE-AES')
  })

  it('have a key for each version of the file', () => {
    const keys = testKeys()

    const { token } = protectPresentation(encodedFilm(AUDIO, undefined), PROTECTION, keys)
    const other = protectPresentation({ ...encodedFilm(AUDIO, undefined), token: 'ba9876543210' }, PROTECTION, keys)

    assert.deepEqual(keys.purposes, [
      { path: 'vod/film.wmv', content: '0123456789ab', period: 0 },
      { path: 'vod/film.wmv', content: 'ba9876543210', period: 0 },
    ])
    assert.notEqual(token, other.token)
    assert.notEqual(token, '0123456789ab')
  })

  it('are refused for a codec whose headers would be lost', () => {
    const film = encodedFilm({ ...VIDEO, codec: 'vp8' }, undefined)

    assert.throws(() => protectPresentation(film, PROTECTION, testKeys()), { code: 'ERR_PROTECTION_CODEC' })
  })
})

describe('a film that is protected while it goes out', () => {
  async function setUp(t: TestContext) {
    const folder = mkdtempSync(join(tmpdir(), 'headend-protect-'))
    writeFileSync(join(folder, 'film.mp4'), movieFile({ seconds: 12, size: 15_000, slices: true }))
    const library = openLibrary(() => ({ root: folder, mounts: {} }))
    const mediaFiles = new MediaFiles(library, openReader)
    let settings: ProtectSettings | undefined
    const presentations = new Presentations({
      library,
      mediaFiles,
      transcoder: undefined,
      keys: testKeys(),
      protection: () => settings,
      onNote: () => undefined,
    })
    const release = presentations.retain()
    t.after(() => {
      release()
      mediaFiles.close()
      rmSync(folder, { recursive: true, force: true })
    })
    const { presentation } = await presentations.find('vod/film.mp4')
    const file = segmentName('video-1', presentation.token, 0)
    const asked = { path: 'vod/film.mp4', file, target: `/vod/film.mp4/${file}`, open: true, signal }
    return { presentations, asked, protect: () => (settings = DEFAULT_PROTECT) }
  }

  it('breaks off after the piece that was on its way', async (t) => {
    const { presentations, asked, protect } = await setUp(t)
    let pieces = 0
    const sender: MediaSender = {
      describe: () => ({}),
      build: () => assert.fail('it is asked for the first time'),
      sendReady: () => assert.fail('it is asked for the first time'),
      async sendStreamed({ chunks, byteLength }) {
        for await (const _ of chunks(0, byteLength)) {
          pieces++
          protect()
        }
      },
    }

    await assert.rejects(answerMedia(presentations, asked, sender), { code: 'ERR_PROTECTION_CHANGED' })
    assert.equal(pieces, 1)
  })

  it('is not sent from memory, and not kept there', async (t) => {
    const { presentations, asked, protect } = await setUp(t)
    const sender: MediaSender = {
      describe: () => ({}),
      async build(_headers, body) {
        protect()
        return { bytes: await body.read(0) }
      },
      sendReady: () => assert.fail('it was made before the path was protected'),
      sendStreamed: () => Promise.resolve(),
    }
    await answerMedia(presentations, asked, sender)

    await assert.rejects(answerMedia(presentations, asked, sender), { code: 'ERR_PROTECTION_CHANGED' })
    assert.equal(presentations.hot.find(asked.target), undefined)
  })
})
