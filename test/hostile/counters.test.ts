/** D-08: no key stream is used twice, whatever is packaged, asked for, restarted or rotated. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { keysOfFile, newContentKey, packageMedia } from '../../src/index.ts'
import { memorySource } from '../../src/media/byte-source.ts'
import { MovieWriter } from '../../src/media/containers/isobmff/movie-writer.ts'
import { openReader } from '../../src/media/open-reader.ts'
import { MICROS_PER_SECOND } from '../../src/media/time.ts'
import { ByteCache } from '../../src/packaging/on-demand/byte-cache.ts'
import { FilePresentation } from '../../src/packaging/on-demand/file-presentation.ts'
import { type Presentation, segmentsOf } from '../../src/packaging/on-demand/presentation.ts'
import { readWhole } from '../../src/packaging/on-demand/segment-bytes.ts'
import { movieFile } from '../../src/packaging/on-demand/vectors.ts'
import { ProtectedPresentation } from '../../src/packaging/protection/protected-presentation.ts'
import type { ContentKey } from '../../src/packaging/protection/segment-encryptor.ts'
import { AUDIO } from '../../src/packaging/vectors.ts'
import { CounterRecorder } from '../support/counter-recorder.ts'

/** Twenty milliseconds of ticks. */
const PACKETS_AT_ONCE = 1000
const KEY: ContentKey = { id: new Uint8Array(16).fill(1), key: new Uint8Array(16).fill(2) }

describe('D-08: counters of cenc', () => {
  it('that are used twice are found by the recorder', async () => {
    const [one, other] = [20, 20].map((seconds, index) => movieFile({ seconds, size: 900 + index, slices: true }))
    const first = await presentationOf(one as Uint8Array)
    const second = await presentationOf(other as Uint8Array)
    const recorder = new CounterRecorder()

    await recordAll(recorder, first)
    const { counters } = recorder.facts
    await recordAll(recorder, first)

    assert.ok(counters > 20 * 25 * 50, `${counters} counters`)
    assert.deepEqual([recorder.facts.counters, recorder.facts.repeated], [counters, counters])
    await assert.rejects(recordAll(recorder, second), /has met two plaintexts/)
  })

  it('are used once over qualities, sounds and key pictures of a package', async (t) => {
    const folder = await folderOf(t)
    const inputs = ['one.720p.mp4', 'one.360p.mp4'].map((name) => join(folder, name))
    for (const [index, input] of inputs.entries()) {
      const audioTracks = [AUDIO, { ...AUDIO, id: AUDIO.id + 1 }]
      await writeFile(input, movieFile({ seconds: 12, size: 900 + 100 * index, slices: true, audioTracks }))
    }
    const out = join(folder, 'out')

    await packageMedia({ inputs, out, segmentSeconds: 2, encryption: { scheme: 'cenc', key: newContentKey() } })

    const recorder = new CounterRecorder()
    const segments = await recordPackage(recorder, out)
    assert.ok(segments > 20, `${segments} segments`)
    assert.equal(recorder.facts.keyIds.length, 1)
  })

  it('are used once where keys change, and where films are packaged with the same keys one after the other', async (t) => {
    const folder = await folderOf(t)
    const recorder = new CounterRecorder()
    const audioTracks = [AUDIO, { ...AUDIO, id: AUDIO.id + 1 }]
    for (const [index, film] of ['one.mp4', 'two.mp4'].entries()) {
      const input = join(folder, film)
      await writeFile(input, movieFile({ seconds: 20, gop: 100, size: 900 + 100 * index, slices: true, audioTracks }))
      const out = join(folder, `${film}.out`)
      const encryption = {
        scheme: 'cenc',
        key: keysOfFile(join(folder, 'keys')),
        rotateSeconds: 8,
        clearLeadSeconds: 4,
      } as const

      await packageMedia({ inputs: [input], out, segmentSeconds: 4, encryption })

      assert.equal(await recordPackage(recorder, out), 4 * 5)
    }
    assert.equal(recorder.facts.keyIds.length, 3)
    assert.equal(recorder.facts.repeated, 0)
    assert.ok(recorder.facts.counters > 2 * 20 * 25 * 50, `${recorder.facts.counters} counters`)
  })

  it('are used once where samples have the same time, at the edge of segments too', async () => {
    const recorder = new CounterRecorder()

    await recordAll(recorder, await presentationOf(standingFilm()))

    assert.ok(recorder.facts.counters > 1000)
  })
})

/** Sound of which a thousand packets begin at once, just before and just after the edge of each segment. */
function standingFilm(): Uint8Array {
  const writer = new MovieWriter([AUDIO])
  const samples = Array.from({ length: 12 }, (_, second) => [
    second * MICROS_PER_SECOND + 100,
    (second + 1) * MICROS_PER_SECOND - 100,
  ])
    .flat()
    .flatMap((dts) =>
      Array.from({ length: PACKETS_AT_ONCE }, (_, index) => ({
        size: 60,
        dts,
        pts: dts,
        duration: index === PACKETS_AT_ONCE - 1 ? MICROS_PER_SECOND / 2 : 0,
        key: true,
      })),
    )
  writer.add(AUDIO.id, samples)
  const head = writer.finish(0)
  const bytes = new Uint8Array(head.byteLength + writer.dataBytes)
  bytes.set(head)
  for (let at = head.byteLength, number = 0; at < bytes.byteLength; number++) {
    const digest = createHash('sha256').update(String(number)).digest()
    bytes.set(digest.subarray(0, bytes.byteLength - at), at)
    at += digest.byteLength
  }
  return bytes
}

async function presentationOf(bytes: Uint8Array): Promise<Presentation> {
  const source = memorySource(bytes)
  const reader = await openReader(source)
  const file = { ...source, path: 'vod/film.mp4', modified: new Date(0), close: () => Promise.resolve() }
  const options = { path: 'vod/film.mp4', target: 2_000_000, cache: new ByteCache(() => 1e7) }
  const clear = await FilePresentation.open([{ file, reader, close: () => undefined }], options)
  return new ProtectedPresentation(clear, { signalling: { scheme: 'cenc', systems: [] }, keyOf: () => KEY })
}

async function recordAll(recorder: CounterRecorder, presentation: Presentation): Promise<void> {
  const { signal } = new AbortController()
  for (const rendition of presentation.renditions) {
    const init = await readWhole(await presentation.init(rendition))
    for (const [index, { gap }] of segmentsOf(presentation, rendition).entries()) {
      if (gap) continue
      const segment = await readWhole(await presentation.segment(rendition, index, signal))
      recorder.add(init, segment, `${rendition.name} ${index}`)
    }
    for (const index of rendition.keyPictures.keys()) {
      const picture = await readWhole(await presentation.keyPicture(rendition, index, signal))
      recorder.add(init, picture, `${rendition.name} key picture ${index}`)
    }
  }
}

/** Every media file of a folder by the first init segment of its rendition; how many they are. */
async function recordPackage(recorder: CounterRecorder, out: string): Promise<number> {
  const names = await readdir(out)
  const media = names.filter((name) => name.endsWith('.m4s'))
  for (const name of media) {
    const rendition = /^[a-z]+-\d+/.exec(name)?.[0] ?? ''
    const init = names.find((candidate) => candidate.startsWith(`${rendition}-`) && candidate.endsWith('-init.mp4'))
    recorder.add(await readFile(join(out, init ?? '')), await readFile(join(out, name)), name)
  }
  return media.length
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headend-counters-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}
