import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { formatCpix } from '../../media/manifests/cpix/format.ts'
import type { CpixDocument } from '../../media/manifests/cpix/model.ts'
import { parseCpix } from '../../media/manifests/cpix/parse.ts'
import { writePssh } from '../../media/protection/pssh.ts'
import { formatUuid, SYSTEM_ID } from '../../media/protection/systems.ts'
import { keysOfSpeke } from './speke-keys.ts'
import { PLAN } from './vectors.ts'

const SIGNAL = new AbortController().signal
const SESSION = '#EXT-X-SESSION-KEY:METHOD=SAMPLE-AES,URI="skd://a"'
const LINE = '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://a",KEYFORMAT="com.apple.streamingkeydelivery"'

describe('keys of a key server', () => {
  it('are asked for once for each period, for pictures and sounds, and by the same ids in every run', async (t) => {
    const { url, requests } = await keyServer(t)
    const plan = { ...PLAN, periods: 2 }
    const source = keysOfSpeke({ url }, { scope: 'kind', systems: ['widevine', 'fairplay'] })

    const first = await source(plan, SIGNAL)
    const second = await source(plan, SIGNAL)

    assert.equal(requests.length, 4)
    assert.deepEqual(requests.slice(0, 2), requests.slice(2))
    assert.deepEqual(
      requests
        .slice(0, 2)
        .map(({ contentId, periods, usageRules }) => [
          contentId,
          periods.map(({ index }) => index),
          usageRules.map(({ intendedTrackType }) => intendedTrackType),
        ]),
      [
        [PLAN.contentId, [0], ['VIDEO', 'AUDIO']],
        [PLAN.contentId, [1], ['VIDEO', 'AUDIO']],
      ],
    )
    const used = [...plan.tracks.keys()].flatMap((name) => [first.keyOf(name, 0), first.keyOf(name, 1)])
    assert.equal(new Set(used.map((key) => formatUuid(key?.id ?? new Uint8Array(16)))).size, 4)
    assert.deepEqual(second.keyOf('video-2', 1), first.keyOf('video-1', 1))
    for (const key of used) {
      const told = first.signalling?.get(formatUuid(key?.id ?? new Uint8Array(16)))
      assert.equal(told?.headers.length, 1)
      assert.equal(
        told.keys.some(({ uri }) => uri === 'skd://a'),
        true,
      )
      assert.equal(told.sessionKeys.length, 2)
    }
  })

  it('are one for all by default, under the name of the content that is given', async (t) => {
    const { url, requests } = await keyServer(t)

    const keys = await keysOfSpeke({ url }, { contentId: 'my film', version: '2.1' })(PLAN, SIGNAL)

    const [request] = requests
    assert.equal(request?.contentId, 'my film')
    assert.equal(request.version, '2.4')
    assert.deepEqual(
      request.usageRules.map(({ intendedTrackType }) => intendedTrackType),
      ['ALL'],
    )
    assert.deepEqual(request.periods, [])
    assert.equal(keys.keyOf('video-1', 0), keys.keyOf('audio-101', 0))
  })

  it('are not asked for what SPEKE does not have', async (t) => {
    const { url, requests } = await keyServer(t)

    await assert.rejects(keysOfSpeke({ url })({ ...PLAN, scheme: 'aes-128' }, SIGNAL), { code: 'ERR_SPEKE_CONTRACT' })
    await assert.rejects(keysOfSpeke({ url }, { scope: 'track' })(PLAN, SIGNAL), { code: 'ERR_SPEKE_CONTRACT' })

    assert.equal(requests.length, 0)
  })
})

/** Answers with keys made of their ids. */
async function keyServer(t: TestContext) {
  const requests: CpixDocument[] = []
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const document = parseCpix(Buffer.concat(pieces).toString())
      requests.push(document)
      response.writeHead(200, { 'content-type': 'application/xml' }).end(formatCpix(answer(document)))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/copyProtection`, requests }
}

function answer(document: CpixDocument): CpixDocument {
  return {
    ...document,
    contentKeys: document.contentKeys.map((key) => ({
      ...key,
      secret: { kind: 'plain', value: Buffer.from(key.kid.replaceAll('-', ''), 'hex') },
    })),
    drmSystems: document.drmSystems.map((system) => ({
      ...system,
      hlsSignaling: [
        { playlist: 'media', text: LINE },
        { playlist: 'multivariant', text: SESSION },
      ],
      ...(system.systemId === SYSTEM_ID.fairplay
        ? {}
        : {
            pssh: writePssh({ systemId: SYSTEM_ID.widevine, keyIds: [], data: Uint8Array.of(1) }),
            contentProtectionData: '<a/>',
          }),
    })),
  }
}
