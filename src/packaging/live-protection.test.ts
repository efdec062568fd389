import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Hub } from '../live/hub.ts'
import type { MediaPlaylist } from '../media/manifests/hls/model.ts'
import { parsePlaylist } from '../media/manifests/hls/parse.ts'
import type { Packet } from '../media/packet.ts'
import { keepHubProtection } from './hub-protection.ts'
import { findMedia } from './media-objects.ts'
import type { Packager } from './packager.ts'
import { type Packagers, packagersOf } from './packagers.ts'
import type { ContentKeys, KeyPurpose } from './protection/content-keys.ts'
import { DEFAULT_PROTECT, type ProtectSettings } from './protection/protect-settings.ts'
import type { ContentKey } from './protection/segment-encryptor.ts'
import { contentKey, decrypt, slice } from './protection/vectors.ts'
import { playlistText } from './rewind-playlist.ts'
import type { SegmenterResult } from './segmenter.ts'
import { AUDIO, audioPackets, interleave, VIDEO, videoPackets } from './vectors.ts'

const PATH = 'live/a'
const RENDITIONS = ['video-1', 'audio-101'] as const
const ROTATING: ProtectSettings = { ...DEFAULT_PROTECT, rotateSeconds: 4 }
const NEVER = new AbortController().signal
const GOP = 30

/** Keys by what they are for. */
class TestKeys implements ContentKeys {
  readonly made = new Map<string, ContentKey>()

  keyFor(purpose: KeyPurpose): ContentKey {
    const name = JSON.stringify(purpose)
    let key = this.made.get(name)
    if (key === undefined) this.made.set(name, (key = contentKey(this.made.size + 1)))
    return key
  }

  purposeOf(): undefined {
    return undefined
  }

  get(): never {
    return assert.fail('only licences ask for keys by id')
  }
}

function setUp(settings: ProtectSettings | undefined) {
  const hub = new Hub()
  const keys = new TestKeys()
  const path = { settings }
  keepHubProtection(hub, { keys, settingsOf: () => path.settings })
  const publisher = hub.publish(PATH)
  publisher.announce([VIDEO, AUDIO])
  const send = (from: number, seconds: number) => {
    for (const packet of packets(from, seconds)) publisher.write(packet)
  }
  return { hub, keys, path, publisher, send, packagers: packagersOf(hub) }
}

function packets(from: number, seconds: number): readonly Packet[] {
  const place = { from: from * 1_000_000, seconds }
  const pictures = videoPackets(place).map((packet, index) => ({ ...packet, data: slice(index % GOP) }))
  return interleave([...pictures, ...audioPackets(place)])
}

function find(packagers: Packagers): Packager {
  return packagers.find(PATH) ?? assert.fail('it is on air')
}

function listed(packager: Packager, name: string): MediaPlaylist {
  const rendition = packager.store.rendition(name) ?? assert.fail(name)
  return parsePlaylist(playlistText(packager, rendition, { delta: false })) as MediaPlaylist
}

async function media(packager: Packager, name: string): Promise<Buffer> {
  const found = await findMedia(packager, name, NEVER)
  return found?.type === 'bytes' ? found.bytes : assert.fail(name)
}

/** Contents of all complete segments of a rendition, decrypted; and how each began. */
async function decrypted(packager: Packager, name: string, keys: TestKeys) {
  const data: Buffer[] = []
  const keyIds: string[] = []
  const ivs: string[] = []
  for (const { map, uri } of listed(packager, name).segments) {
    const found = decrypt(await media(packager, map?.uri ?? ''), await media(packager, uri), [...keys.made.values()])
    data.push(found.data)
    keyIds.push(...found.keyIds)
    ivs.push(...found.keyIds.map((id, index) => `${id} ${found.ivs[index]}`))
  }
  return { data: Buffer.concat(data), keyIds: [...new Set(keyIds)], ivs }
}

describe('a live stream of a protected path', () => {
  it('is encrypted, part by part, and a recording gets it in the clear', async () => {
    const { hub, keys, send, publisher, packagers } = setUp(DEFAULT_PROTECT)
    const clear = new Map<number, Uint8Array[]>()
    send(0, 3)
    const packager = find(packagers)
    const record = (result: SegmenterResult) => {
      if (result.type === 'part') clear.set(result.track.id, [...(clear.get(result.track.id) ?? []), result.part.bytes])
    }
    packager.record({ add: record, end: () => undefined })
    send(3, 7)
    publisher.close({ final: true })

    for (const [name, track] of [
      ['video-1', VIDEO],
      ['audio-101', AUDIO],
    ] as const) {
      const { data, keyIds, ivs } = await decrypted(packager, name, keys)
      const wanted = Buffer.concat(
        packets(0, 3)
          .concat(packets(3, 7))
          .filter((packet) => packet.track.id === track.id)
          .map((packet) => packet.data),
      )
      assert.deepEqual(data, wanted, name)
      assert.equal(keyIds.length, 1)
      assert.equal(new Set(ivs).size, ivs.length, 'each sample has a counter of its own')
      const recorded = Buffer.concat(clear.get(track.id) ?? [])
      assert.ok(recorded.includes(packets(3, 7).findLast((packet) => packet.track.id === track.id)?.data ?? ''))
      assert.equal(recorded.includes('senc'), false)
    }
    assert.equal(keys.made.size, 1)
    hub.close()
  })

  it('has parts that are the segment, byte for byte', async () => {
    const { hub, send, packagers } = setUp(ROTATING)
    send(0, 7)
    const packager = find(packagers)

    const { segments } = packager.store.rendition('video-1') ?? assert.fail()
    const withParts = segments.filter(({ complete, parts }) => complete && parts.length > 1)

    assert.ok(withParts.length > 0)
    for (const { number, parts, bytes } of withParts) {
      const all = await Promise.all(
        parts.map((_, index) => media(packager, `video-1-${packager.token}-${number}.${index}.m4s`)),
      )
      assert.deepEqual(Buffer.concat(all), bytes)
    }
    hub.close()
  })

  it('changes the key of all renditions with the same segment, each time with an init segment and key lines', async () => {
    const { hub, keys, send, publisher, packagers } = setUp(ROTATING)
    send(0, 3)
    const packager = find(packagers)
    send(3, 11)
    publisher.close({ final: true })

    const changes = RENDITIONS.map((name) => {
      const { segments } = listed(packager, name)
      return segments.map(({ map, keys: lines }) => [map?.uri, lines?.map(({ uri }) => uri).join(' ')])
    })
    for (const [index, name] of RENDITIONS.entries()) {
      const maps = changes[index]?.map(([map]) => map) ?? []
      const lines = changes[index]?.map(([, line]) => line) ?? []
      assert.deepEqual(
        maps.map((map) => maps.indexOf(map)),
        [0, 0, 2, 2, 4, 4, 6],
        `${name}: segments of 2 s, and keys of 4 s`,
      )
      assert.deepEqual(
        lines.map((line) => lines.indexOf(line)),
        [0, 0, 2, 2, 4, 4, 6],
      )
      assert.equal((await decrypted(packager, name, keys)).keyIds.length, 4)
    }
    // And the one to come, which licences can tell before it is needed.
    assert.equal(keys.made.size, 5)
    hub.close()
  })

  for (const [change, before, after] of [
    ['is protected', undefined, DEFAULT_PROTECT],
    ['is protected in another way', DEFAULT_PROTECT, { ...DEFAULT_PROTECT, scheme: 'cbcs' }],
    ['is not protected any more', DEFAULT_PROTECT, undefined],
  ] as const) {
    it(`gives nothing of before when its path ${change}`, async () => {
      const { hub, path, send, packagers } = setUp(before)
      send(0, 7)
      const packager = find(packagers)
      const [segment] = listed(packager, 'video-1').segments
      const { uri = '', map } = segment ?? {}
      packagers.hot.open(packager)
      packagers.hot.add(`/${PATH}/${uri}`, { packager, number: 0, answer: () => ({ bytes: new Uint8Array(1) }) })
      assert.ok(packagers.hot.find(`/${PATH}/${uri}`))

      path.settings = after

      assert.equal(packagers.hot.find(`/${PATH}/${uri}`), undefined)
      assert.equal(await findMedia(packager, uri, NEVER), undefined)
      send(7, 3)
      assert.equal(packager.closed, true)
      const next = find(packagers)
      assert.notEqual(next, packager)
      assert.notEqual(next.token, packager.token)
      assert.equal(await findMedia(next, map?.uri ?? '', NEVER), undefined)
      const [first] = listed(next, 'video-1').segments
      const init = await media(next, first?.map?.uri ?? '')
      assert.equal(init.includes('encv'), after !== undefined)
      hub.close()
    })
  }
})
