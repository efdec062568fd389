import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { formatUuid } from '../../media/protection/systems.ts'
import { contentKey } from '../../packaging/protection/vectors.ts'
import { formatLicense, MAX_KEY_IDS, MAX_LICENSE, parseLicenseRequest } from '../license/clear-key-messages.ts'
import { PlayKeys, type PlayKeysOptions } from './play-keys.ts'

const WANTED = { scheme: 'cenc', licenseUrl: undefined } as const
/** More than one request holds. */
const KEYS = Array.from({ length: MAX_KEY_IDS + 6 }, (_, number) => {
  const { key } = contentKey(number)
  return { id: Uint8Array.from({ length: 16 }, (__, i) => (i === 15 ? number : 7)), key }
})
const [ONE, OTHER] = KEYS as [(typeof KEYS)[number], (typeof KEYS)[number]]

describe('keys of the player', () => {
  it('that were given are used, and nobody is asked', async (t) => {
    const { keys, requests } = await setUp(t, { keys: [ONE] })

    await keys.need([ONE.id, ONE.id], WANTED)

    assert.deepEqual(keys.get(ONE.id), ONE.key)
    assert.equal(keys.get(OTHER.id), undefined)
    assert.equal(requests.length, 0)
  })

  it('come from the licence server, each once, also when pictures and sound want them at once', async (t) => {
    const { keys, requests } = await setUp(t)

    await Promise.all([keys.need([ONE.id], WANTED), keys.need([ONE.id, OTHER.id], WANTED), keys.need([ONE.id], WANTED)])

    assert.deepEqual([keys.get(ONE.id), keys.get(OTHER.id)], [ONE.key, OTHER.key])
    assert.deepEqual(
      requests.map(({ keyIds }) => keyIds),
      [[formatUuid(ONE.id)], [formatUuid(OTHER.id)]],
    )
  })

  it('are asked for in requests that a server takes', async (t) => {
    const { keys, requests } = await setUp(t)

    await keys.need(
      KEYS.map(({ id }) => id),
      WANTED,
    )

    assert.ok(KEYS.every(({ id }) => keys.get(id) !== undefined))
    assert.deepEqual(
      requests.map(({ keyIds }) => keyIds.length),
      [MAX_KEY_IDS, 6],
    )
  })

  it('that nobody asked for are not kept', async (t) => {
    const { keys } = await setUp(t, {}, (_, response) => response.end(formatLicense([ONE, OTHER], 'temporary')))

    await keys.need([ONE.id], WANTED)

    assert.deepEqual([keys.get(ONE.id), keys.get(OTHER.id)], [ONE.key, undefined])
  })

  it('are asked for with the token of the address, on its own host alone', async (t) => {
    const url = new URL('http://127.0.0.1:1/live/x/index.m3u8?token=of-the-address')
    const elsewhere = new URL('http://localhost:1/live/x/index.m3u8?token=of-the-address')
    const shownBy = async (options: Partial<PlayKeysOptions>, query = '') => {
      const { keys, requests } = await setUp(t, options, undefined, query)
      await keys.need([ONE.id], WANTED)
      return requests.map(({ authorization }) => authorization)
    }

    assert.deepEqual(await shownBy({ url }), ['Bearer of-the-address'])
    assert.deepEqual(await shownBy({ url: elsewhere }), [undefined])
    assert.deepEqual(await shownBy({ url: elsewhere, token: 'given' }), ['Bearer given'])
    assert.deepEqual(await shownBy({ url }, '?token=its-own'), [undefined])
  })

  it('that are refused or not in the licence are told of in the words of the server', async (t) => {
    const problem = { code: 'ERR_LICENSE_EXPIRED', detail: 'the token expired' }
    const cases: readonly (readonly [Answer, RegExp])[] = [
      [
        (_, response) => response.writeHead(403).end(JSON.stringify(problem)),
        /^http:\/\/127\.0\.0\.1:\d+\/license refuses: ERR_LICENSE_EXPIRED, the token expired$/,
      ],
      [(_, response) => response.writeHead(500).end('<html>'), /refuses: status 500$/],
      [(_, response) => response.end(formatLicense([OTHER], 'temporary')), /gives no key 07070707-.*0700 for what was/],
      [(_, response) => response.destroy(), /gives no licence: /],
      [(_, response) => response.end(Buffer.alloc(MAX_LICENSE + 1, ' ')), /expected a licence of at most/],
      [(_, response) => response.writeHead(302, { location: '/license' }).end(), /gives no licence: /],
    ]
    for (const [answer, message] of cases) {
      const { keys } = await setUp(t, {}, answer, '?token=secret')

      await assert.rejects(keys.need([ONE.id], WANTED), (error: Error & { code?: string }) => {
        assert.equal(error.code, 'ERR_PLAY_LICENSE')
        assert.match(error.message, message)
        assert.doesNotMatch(error.message, /secret/)
        return true
      })
    }
    const { keys } = await setUp(t, {}, (_, response) => response.end('{"keys":[{}]}'))
    await assert.rejects(keys.need([ONE.id], WANTED), { code: 'ERR_LICENSE_ANSWER' })
  })

  it('can be had after a refusal, once the server gives them', async (t) => {
    let open = false
    const { keys } = await setUp(t, {}, (_, response) =>
      open ? response.end(formatLicense([ONE], 'temporary')) : response.writeHead(403).end(),
    )
    await assert.rejects(keys.need([ONE.id], WANTED))
    open = true

    await keys.need([ONE.id], WANTED)

    assert.deepEqual(keys.get(ONE.id), ONE.key)
  })
})

type Answer = (request: IncomingMessage, response: ServerResponse) => void

async function setUp(t: TestContext, options: Partial<PlayKeysOptions> = {}, answer?: Answer, query = '') {
  const requests: { readonly keyIds: readonly string[]; readonly authorization: string | undefined }[] = []
  const serve = async (request: IncomingMessage, response: ServerResponse) => {
    const { keyIds } = parseLicenseRequest(Buffer.concat(await request.toArray()))
    requests.push({ keyIds: keyIds.map(formatUuid), authorization: request.headers.authorization })
    if (answer !== undefined) return answer(request, response)
    const wanted = new Set(keyIds.map(formatUuid))
    response.end(
      formatLicense(
        KEYS.filter(({ id }) => wanted.has(formatUuid(id))),
        'temporary',
      ),
    )
  }
  const server = createServer((request, response) => void serve(request, response)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const keys = new PlayKeys({
    url: new URL('http://127.0.0.1:1/live/x/index.m3u8'),
    license: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/license${query}`),
    signal: new AbortController().signal,
    ...options,
  })
  return { keys, requests }
}
