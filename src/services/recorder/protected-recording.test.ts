import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { MediaPlaylist } from '../../media/manifests/hls/model.ts'
import { parsePlaylist } from '../../media/manifests/hls/parse.ts'
import { keepHubProtection } from '../../packaging/hub-protection.ts'
import { findMedia } from '../../packaging/media-objects.ts'
import type { Packager } from '../../packaging/packager.ts'
import type { ContentKeys, KeyPurpose } from '../../packaging/protection/content-keys.ts'
import { DEFAULT_PROTECT } from '../../packaging/protection/protect-settings.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import { playlistText } from '../../packaging/rewind-playlist.ts'
import { indexName } from './recording-name.ts'
import { contentOf, makePlace, openRecorder, PATH, packetContent, publish, streamPackets } from './vectors.ts'

const NEVER = new AbortController().signal
const RENDITIONS = ['video-1', 'audio-101'] as const
const ROTATIONS = [undefined, 4] as const

/** Outlives recorders, as the key store of a server does. */
class TestKeys implements ContentKeys {
  readonly #byPurpose = new Map<string, ContentKey>()

  keyFor(purpose: KeyPurpose): ContentKey {
    const name = JSON.stringify(purpose)
    let key = this.#byPurpose.get(name)
    if (key === undefined) this.#byPurpose.set(name, (key = { id: randomBytes(16), key: randomBytes(16) }))
    return key
  }

  purposeOf(): undefined {
    return undefined
  }

  get(): never {
    return assert.fail('only licences ask for keys by id')
  }
}

type Place = ReturnType<typeof makePlace>

/** A recorder over the same folder and keys each time, as a server that starts again has them. */
async function start(place: Place, keys: ContentKeys, rotateSeconds: number | undefined) {
  const run = await openRecorder(place, { record: { windowSeconds: 600, splitMinutes: 0.1 } })
  const settings = { ...DEFAULT_PROTECT, rotateSeconds }
  keepHubProtection(run.hub, { keys, settingsOf: () => settings })
  return run
}

/** Nine seconds, recorded in two files. */
async function recorded(t: TestContext, rotateSeconds: number | undefined) {
  const place = makePlace(t)
  const keys = new TestKeys()
  const run = await start(place, keys, rotateSeconds)
  const packets = streamPackets({ seconds: 9 })
  const stream = publish(run, packets)
  stream.end()
  const live = inMemory(stream.packager)
  await run.recorder.close()
  const files = run.files()
  assert.equal(files.length, 2)
  return { place, keys, packets, live, files, folder: join(place.root, PATH) }
}

/** Init segments and complete segments, by name. */
function inMemory({ store, token }: Packager): Map<string, Buffer> {
  const found = new Map<string, Buffer>()
  for (const { name, inits, segments } of store.renditions) {
    for (const { period, key, bytes } of inits) found.set(`${name}-${token}-init-${period}.${key?.period}.mp4`, bytes)
    for (const { number, bytes } of segments) {
      if (bytes !== undefined) found.set(`${name}-${token}-${number}.m4s`, Buffer.from(bytes))
    }
  }
  return found
}

function listed(packager: Packager, name: string): MediaPlaylist {
  const rendition = packager.store.rendition(name) ?? assert.fail(name)
  return parsePlaylist(playlistText(packager, rendition, { delta: false })) as MediaPlaylist
}

/** `undefined`: it is not found. */
async function media(packager: Packager, name: string): Promise<Buffer | undefined> {
  const found = await findMedia(packager, name, NEVER)
  return found?.type === 'bytes' ? found.bytes : undefined
}

describe('a recording of a protected path', () => {
  for (const rotateSeconds of ROTATIONS) {
    const form = rotateSeconds === undefined ? 'under one key' : 'under keys that change'

    it(`${form} is in the clear on the disk, and after a restart the bytes of then`, async (t) => {
      const { place, keys, packets, live, files, folder } = await recorded(t, rotateSeconds)
      const content = await Promise.all(files.map((name) => contentOf(join(folder, name))))
      const run = await start(place, keys, rotateSeconds)
      const { packager, ...stream } = publish(run, streamPackets({ seconds: 5 }))

      assert.deepEqual(
        content.flatMap(({ video }) => video),
        packetContent(packets).video,
      )
      for (const [name, bytes] of live) assert.deepEqual(await media(packager, name), bytes, name)
      const old = RENDITIONS.flatMap((name) => listed(packager, name).segments).filter(({ uri }) => live.has(uri))
      assert.equal(old.length, [...live.keys()].filter((name) => name.endsWith('.m4s')).length)
      for (const { uri, map, keys: lines } of old) {
        assert.ok(live.has(map?.uri ?? ''), `${uri}: ${map?.uri}`)
        assert.ok((lines?.length ?? 0) > 0, uri)
      }
      stream.end()
      await run.recorder.close()
    })

    it(`${form}: of what a crash left nothing goes out that did not go out just so, whatever the index still tells`, async (t) => {
      const { place, keys, live, files, folder } = await recorded(t, rotateSeconds)
      const whole = new Map(files.map((name) => [name, readFileSync(join(folder, indexName(name)), 'utf8')]))
      const file = files.at(-1) ?? ''
      const bytes = readFileSync(join(folder, file))
      const lines = (whole.get(file) ?? '').split('\n').filter((line) => line !== '')
      const began = lines.findIndex((line) => line.includes('"type":"segment"'))
      assert.ok(began > 0)
      const [token, ...others] = new Set([...live.keys()].map((name) => name.split('-')[2]))
      assert.deepEqual(others, [])

      let answered = 0
      // All lines but the one of the end; then fewer and fewer, down to none of a segment.
      for (let count = lines.length - 1; count >= began; count--) {
        for (const [name, text] of whole) writeFileSync(join(folder, indexName(name)), text)
        writeFileSync(join(folder, file), bytes)
        writeFileSync(join(folder, indexName(file)), `${lines.slice(0, count).join('\n')}\n`)
        const run = await start(place, keys, rotateSeconds)
        const { packager, ...stream } = publish(run, streamPackets({ seconds: 3 }))

        for (const rendition of RENDITIONS) {
          for (let number = 0; number < 12; number++) {
            const name = `${rendition}-${token}-${number}.m4s`
            const found = await media(packager, name)
            if (found === undefined) continue
            assert.deepEqual(found, live.get(name), `${count} lines: ${name}`)
            answered++
          }
        }
        stream.end()
        await run.recorder.close()
        for (const name of run.files().filter((one) => !files.includes(one))) {
          rmSync(join(folder, name), { force: true })
          rmSync(join(folder, indexName(name)), { force: true })
        }
      }
      assert.ok(answered > 0)
    })
  }
})
