import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { inspect } from 'node:util'
import { formatCpix } from '../../media/manifests/cpix/format.ts'
import { parseCpix } from '../../media/manifests/cpix/parse.ts'
import { makeTestCertificate } from '../../net/testdata/certificate.ts'
import { withCpixKeys } from './cpix-secrets.ts'
import { requestSpekeKeys, spekeHeartbeat } from './speke-client.ts'
import type { SpekeContract } from './speke-document.ts'

const VIDEO = '98ee5596-cd3e-a20d-163a-e382420c6eff'
const AUDIO = '53abdba2-f210-43cb-bc90-f18f9a890a02'
/** 16 bytes that are easy to find again. */
const VIDEO_KEY = 'Q0FOQVJZLVZJREVPLTE2Yg=='
const AUDIO_KEY = 'Q0FOQVJZLUFVRElPLTE2Yg=='

const CONTRACT: SpekeContract = {
  version: '2.0',
  contentId: 'film & sound',
  scheme: 'cbcs',
  keys: [
    {
      kid: VIDEO,
      intendedTrackType: 'SD+HD',
      filters: [
        { type: 'video', maxPixels: 442_368 },
        { type: 'video', minPixels: 442_369 },
      ],
    },
    { kid: AUDIO, intendedTrackType: 'AUDIO', filters: [{ type: 'audio' }] },
  ],
  systems: ['widevine', 'fairplay'],
  period: 3,
}

/** Written by hand from the pages of the specification on payload components and the encryption contract. */
const REQUEST = `<?xml version="1.0" encoding="UTF-8"?>
<cpix:CPIX xmlns:cpix="urn:dashif:org:cpix" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc" contentId="film &amp; sound" version="2.3">
  <cpix:ContentKeyList>
    <cpix:ContentKey kid="${VIDEO}" commonEncryptionScheme="cbcs"/>
    <cpix:ContentKey kid="${AUDIO}" commonEncryptionScheme="cbcs"/>
  </cpix:ContentKeyList>
  <cpix:DRMSystemList>
    <cpix:DRMSystem systemId="edef8ba9-79d6-4ace-a3c8-27dcd51d21ed" kid="${VIDEO}">
      <cpix:PSSH></cpix:PSSH>
      <cpix:ContentProtectionData></cpix:ContentProtectionData>
      <cpix:HLSSignalingData playlist="media"></cpix:HLSSignalingData>
      <cpix:HLSSignalingData playlist="master"></cpix:HLSSignalingData>
    </cpix:DRMSystem>
    <cpix:DRMSystem systemId="94ce86fb-07ff-4f43-adb8-93d2fa968ca2" kid="${VIDEO}">
      <cpix:HLSSignalingData playlist="media"></cpix:HLSSignalingData>
      <cpix:HLSSignalingData playlist="master"></cpix:HLSSignalingData>
    </cpix:DRMSystem>
    <cpix:DRMSystem systemId="edef8ba9-79d6-4ace-a3c8-27dcd51d21ed" kid="${AUDIO}">
      <cpix:PSSH></cpix:PSSH>
      <cpix:ContentProtectionData></cpix:ContentProtectionData>
      <cpix:HLSSignalingData playlist="media"></cpix:HLSSignalingData>
      <cpix:HLSSignalingData playlist="master"></cpix:HLSSignalingData>
    </cpix:DRMSystem>
    <cpix:DRMSystem systemId="94ce86fb-07ff-4f43-adb8-93d2fa968ca2" kid="${AUDIO}">
      <cpix:HLSSignalingData playlist="media"></cpix:HLSSignalingData>
      <cpix:HLSSignalingData playlist="master"></cpix:HLSSignalingData>
    </cpix:DRMSystem>
  </cpix:DRMSystemList>
  <cpix:ContentKeyPeriodList>
    <cpix:ContentKeyPeriod id="period-3" index="3"/>
  </cpix:ContentKeyPeriodList>
  <cpix:ContentKeyUsageRuleList>
    <cpix:ContentKeyUsageRule kid="${VIDEO}" intendedTrackType="SD+HD">
      <cpix:KeyPeriodFilter periodId="period-3"/>
      <cpix:VideoFilter maxPixels="442368"/>
      <cpix:VideoFilter minPixels="442369"/>
    </cpix:ContentKeyUsageRule>
    <cpix:ContentKeyUsageRule kid="${AUDIO}" intendedTrackType="AUDIO">
      <cpix:KeyPeriodFilter periodId="period-3"/>
      <cpix:AudioFilter/>
    </cpix:ContentKeyUsageRule>
  </cpix:ContentKeyUsageRuleList>
</cpix:CPIX>
`

/** As a key server answers: the same with values, its rules in another order. */
const REPLY = REQUEST.replace(
  `kid="${VIDEO}" commonEncryptionScheme="cbcs"/>`,
  `kid="${VIDEO}" commonEncryptionScheme="cbcs" explicitIV="OFj2IjCsPJFfMAxmQxLGPw==">${plain(VIDEO_KEY)}</cpix:ContentKey>`,
)
  .replace(
    `kid="${AUDIO}" commonEncryptionScheme="cbcs"/>`,
    `kid="${AUDIO}" commonEncryptionScheme="cbcs">${plain(AUDIO_KEY)}</cpix:ContentKey>`,
  )
  .replaceAll('<cpix:PSSH></cpix:PSSH>', '<cpix:PSSH>AAAAIHBzc2gAAAAA7e+LqXnWSs6jyCfc1R0h7QAAAAA=</cpix:PSSH>')
  .replaceAll('<cpix:ContentProtectionData></', '<cpix:ContentProtectionData>PGEvPg==</')
  .replaceAll('playlist="media"></', 'playlist="media">I0VYVC1YLUtFWQ==</')
  .replaceAll('playlist="master"></', 'playlist="master">I0VYVC1YLVNFU1NJT04tS0VZ</')

const BEARER = { kind: 'bearer', token: 'CANARY-token' } as const

describe('SPEKE client', () => {
  it('sends the document of the specification, to the byte, and takes the keys of the reply', async (t) => {
    const { url, requests } = await keyServer(
      t,
      replyWith(REPLY, { 'x-speke-version': '2.0', 'x-speke-user-agent': 'keys/1' }),
    )

    const { keys, document } = await requestSpekeKeys({ url, credentials: BEARER }, CONTRACT)

    assert.deepEqual(
      requests.map(({ method, path, body }) => ({ method, path, body })),
      [{ method: 'POST', path: '/speke/v2.0/copyProtection', body: REQUEST }],
    )
    const { headers } = requests[0] as SeenRequest
    assert.equal(headers['content-type'], 'application/xml')
    assert.equal(headers['x-speke-version'], '2.0')
    assert.equal(headers['content-length'], String(Buffer.byteLength(REQUEST)))
    assert.equal(headers.authorization, 'Bearer CANARY-token')
    assert.deepEqual(
      [...keys].map(([kid, { key }]) => [kid, Buffer.from(key).toString()]),
      [
        [VIDEO, 'CANARY-VIDEO-16b'],
        [AUDIO, 'CANARY-AUDIO-16b'],
      ],
    )
    assert.equal(document.drmSystems[0]?.hlsSignaling[1]?.text, '#EXT-X-SESSION-KEY')
  })

  it('speaks 2.1 with CPIX 2.4', async (t) => {
    const asNew = (text: string) =>
      text.replace('version="2.3"', 'version="2.4"').replaceAll('"master"', '"multiVariant"')
    const reply = asNew(REPLY).replace('index="3"', 'index="3" start="2026-01-01T00:00:00Z" end="2026-01-01T01:00:00Z"')
    const { url, requests } = await keyServer(t, replyWith(reply))

    const { document } = await requestSpekeKeys({ url }, { ...CONTRACT, version: '2.1' })

    assert.equal(requests[0]?.body, asNew(REQUEST))
    assert.equal(requests[0]?.headers['x-speke-version'], '2.1')
    assert.equal(requests[0]?.headers.authorization, undefined)
    assert.equal(document.periods[0]?.start, '2026-01-01T00:00:00Z')
  })

  it('says who it is by name and password', async (t) => {
    const { url, requests } = await keyServer(t, replyWith(REPLY))

    await requestSpekeKeys({ url, credentials: { kind: 'basic', user: 'packager', password: 'p:w' } }, CONTRACT)

    assert.equal(requests[0]?.headers.authorization, `Basic ${Buffer.from('packager:p:w').toString('base64')}`)
  })

  it('has keys encrypted for it on the way', async (t) => {
    const material = makeTestCertificate('packager', 2048)
    const certificate = new X509Certificate(material.certificate)
    const privateKey = createPrivateKey(material.key)
    const asked = parseCpix(REPLY)
    const keys = [VIDEO, AUDIO].map((kid, i) => ({
      id: Buffer.from(kid.replaceAll('-', ''), 'hex'),
      key: Buffer.alloc(16, i + 1),
    }))
    const { url, requests } = await keyServer(t, replyWith(formatCpix(withCpixKeys(asked, keys, certificate))))

    const got = await requestSpekeKeys({ url, privateKey }, { ...CONTRACT, certificate })

    assert.deepEqual(
      [...got.keys.values()].map(({ key }) => key[0]),
      [1, 2],
    )
    const [delivery] = parseCpix(requests[0]?.body ?? '').deliveryData
    assert.deepEqual(delivery, { certificate: Uint8Array.from(certificate.raw) })
    const clear = await keyServer(t, replyWith(REPLY))
    await assert.rejects(requestSpekeKeys({ url: clear.url, privateKey }, { ...CONTRACT, certificate }), {
      code: 'ERR_SPEKE_REPLY',
    })
  })

  const replies: Readonly<Record<string, readonly [from: string | RegExp, to: string, code: string]>> = {
    'without a key': [plain(AUDIO_KEY), '', 'ERR_SPEKE_REPLY'],
    'with an empty key': [AUDIO_KEY, '', 'ERR_SPEKE_REPLY'],
    'with another key': [new RegExp(AUDIO, 'g'), AUDIO.replace('53', '54'), 'ERR_SPEKE_REPLY'],
    'for another content': ['film &amp; sound', 'film', 'ERR_SPEKE_REPLY'],
    'with another scheme': ['commonEncryptionScheme="cbcs"', 'commonEncryptionScheme="cenc"', 'ERR_SPEKE_REPLY'],
    'with another version': ['version="2.3"', 'version="2.4"', 'ERR_SPEKE_REPLY'],
    'with another contract': ['maxPixels="442368"', 'maxPixels="442369"', 'ERR_SPEKE_REPLY'],
    'without a rule': [/<cpix:ContentKeyUsageRule kid="53.*?<\/cpix:ContentKeyUsageRule>/s, '', 'ERR_SPEKE_REPLY'],
    'with another period': ['index="3"', 'index="4"', 'ERR_SPEKE_REPLY'],
    'without a pssh box': [/<cpix:PSSH>[^<]+<\/cpix:PSSH>/, '', 'ERR_SPEKE_REPLY'],
    'with an empty descriptor': ['PGEvPg==', '', 'ERR_SPEKE_REPLY'],
    'without lines for playlists': ['I0VYVC1YLUtFWQ==', '', 'ERR_SPEKE_REPLY'],
    'of a version that is not known': ['version="2.3"', 'version="2.2"', 'ERR_CPIX_VERSION'],
    'with a DTD': ['<cpix:CPIX ', '<!DOCTYPE a><cpix:CPIX ', 'ERR_XML_SYNTAX'],
    'that is signed': [
      '</cpix:CPIX>',
      '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></cpix:CPIX>',
      'ERR_CPIX_SIGNED',
    ],
  }
  for (const [name, [from, to, code]] of Object.entries(replies)) {
    it(`refuses a reply ${name}`, async (t) => {
      const reply = REPLY.replace(from, to)
      const { url } = await keyServer(t, replyWith(reply))

      assert.notEqual(reply, REPLY)
      await assert.rejects(requestSpekeKeys({ url, credentials: BEARER }, CONTRACT), saysNothing(code))
    })
  }

  const answers: Readonly<Record<string, readonly [status: number, body: string, code: string, message: RegExp]>> = {
    '422 with a reason': [422, 'Missing CPIX@contentId', 'ERR_SPEKE_REJECTED', /status 422: Missing CPIX@contentId/],
    '422 that has control characters': [422, 'a\r\n\u001b[31mb', 'ERR_SPEKE_REJECTED', /status 422: a \[31mb/],
    '422 with a key in it': [422, `bad key ${VIDEO_KEY} for ${VIDEO}`, 'ERR_SPEKE_REJECTED', /bad key … for 98ee5596/],
    '422 with a document': [422, REPLY, 'ERR_SPEKE_REJECTED', /found status 422$/],
    '401': [401, '', 'ERR_SPEKE_REFUSED', /found status 401$/],
    '403': [403, 'no', 'ERR_SPEKE_REFUSED', /found status 403: no$/],
    '500': [500, 'Oops', 'ERR_SPEKE_UNAVAILABLE', /status 500: Oops/],
    '204': [204, '', 'ERR_SPEKE_UNAVAILABLE', /status 204/],
  }
  for (const [name, [status, body, code, message]] of Object.entries(answers)) {
    it(`makes a clear error of ${name}`, async (t) => {
      const { url } = await keyServer(t, (_, response) => response.writeHead(status).end(body))

      await assert.rejects(
        requestSpekeKeys({ url, credentials: BEARER }, CONTRACT),
        (error: Error & { code?: string }) => {
          assert.match(error.message, message)
          return saysNothing(code)(error)
        },
      )
    })
  }

  it('follows no redirect', async (t) => {
    const other = await keyServer(t, replyWith(REPLY))
    const { url } = await keyServer(t, (_, response) => response.writeHead(307, { location: other.url }).end())

    await assert.rejects(requestSpekeKeys({ url, credentials: BEARER }, CONTRACT), saysNothing('ERR_SPEKE_REPLY'))

    assert.deepEqual(other.requests, [])
  })

  it('refuses a reply of another version of the protocol', async (t) => {
    const { url } = await keyServer(t, replyWith(REPLY, { 'x-speke-version': '1.0' }))

    await assert.rejects(requestSpekeKeys({ url }, CONTRACT), { code: 'ERR_SPEKE_REPLY' })
  })

  it('waits for so long only, and reads so much only', async (t) => {
    const silent = await keyServer(t, () => {})
    const endless = await keyServer(t, (_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 0x20)));
      }
      response.on('drain', more)
      more()
    })

    await assert.rejects(requestSpekeKeys({ url: silent.url, timeoutMs: 50 }, CONTRACT), {
      code: 'ERR_SPEKE_UNAVAILABLE',
    })
    await assert.rejects(requestSpekeKeys({ url: endless.url }, CONTRACT), { code: 'ERR_SPEKE_REPLY' })
    const stop = new AbortController()
    stop.abort()
    await assert.rejects(requestSpekeKeys({ url: silent.url }, CONTRACT, stop.signal), {
      code: 'ERR_SPEKE_UNAVAILABLE',
    })
  })

  it('says that a server cannot be reached', async (t) => {
    const { url, close } = await keyServer(t, () => {})
    await close()

    await assert.rejects(requestSpekeKeys({ url, credentials: BEARER }, CONTRACT), saysNothing('ERR_SPEKE_UNAVAILABLE'))
  })

  it('sends nothing to addresses and with credentials that are not safe', async () => {
    const urls = [
      'http://keys.example/copyProtection',
      'https://user:CANARY@keys.example/',
      'file:///etc/passwd',
      'keys',
      'http://127.0.0.1.example/',
    ]
    for (const url of urls) {
      await assert.rejects(requestSpekeKeys({ url }, CONTRACT), saysNothing('ERR_SPEKE_URL'), url)
    }
    const url = 'http://127.0.0.1:9/'
    for (const credentials of [
      { kind: 'bearer', token: 'CANARY\r\nX: y' },
      { kind: 'bearer', token: '' },
      { kind: 'basic', user: 'a:b', password: 'CANARY' },
    ] as const) {
      await assert.rejects(requestSpekeKeys({ url, credentials }, CONTRACT), saysNothing('ERR_SPEKE_CREDENTIALS'))
    }
  })

  it('asks for nothing that the profile does not allow', async () => {
    const [video, audio] = CONTRACT.keys
    assert.ok(video !== undefined && audio !== undefined)
    const all = { kid: AUDIO, intendedTrackType: 'ALL', filters: [{ type: 'video' }, { type: 'audio' }] } as const
    const contracts: readonly Partial<SpekeContract>[] = [
      { contentId: '' },
      { contentId: 'x'.repeat(257) },
      { keys: [] },
      { keys: [video, { ...audio, intendedTrackType: 'SD+HD' }] },
      { keys: [{ ...video, intendedTrackType: 'VIDEO' }] },
      { keys: [{ ...all, filters: [{ type: 'video' }, { type: 'video' }] }] },
      { keys: [video, all] },
      { period: -1 },
    ]
    for (const change of contracts) {
      await assert.rejects(requestSpekeKeys({ url: 'https://keys.example/' }, { ...CONTRACT, ...change }), {
        code: 'ERR_SPEKE_CONTRACT',
        name: 'ConfigError',
      })
    }
  })

  it('asks whether the server is there', async (t) => {
    const { url, requests } = await keyServer(t, (_, response) => response.end('I am\nhere'))

    const said = await spekeHeartbeat({ url, credentials: BEARER }, '2.1')

    assert.equal(said, 'I am here')
    assert.deepEqual(
      requests.map(({ method, path, body }) => [method, path, body]),
      [['GET', '/speke/v2.0/heartbeat', '']],
    )
    assert.equal(requests[0]?.headers['x-speke-version'], '2.1')
  })
})

interface SeenRequest {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A server that notes what it is asked. */
async function keyServer(t: TestContext, answer: RequestListener) {
  const requests: SeenRequest[] = []
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      const { method, url: path, headers } = request
      requests.push({ method, path, headers, body: Buffer.concat(pieces).toString() })
      answer(request, response)
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    if (!server.listening) return
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  t.after(close)
  return { url: `http://127.0.0.1:${port}/speke/v2.0/copyProtection`, requests, close }
}

function replyWith(text: string, headers: Readonly<Record<string, string>> = {}): RequestListener {
  return (_, response) => response.writeHead(200, { 'content-type': 'application/xml', ...headers }).end(text)
}

function plain(key: string): string {
  return `<cpix:Data><pskc:Secret><pskc:PlainValue>${key}</pskc:PlainValue></pskc:Secret></cpix:Data>`
}

/** Neither keys nor credentials are in an error, however deep one looks. */
function saysNothing(code: string): (error: Error & { code?: string }) => true {
  return (error) => {
    assert.equal(error.code, code)
    const all = inspect(error, { depth: 10, showHidden: true })
    for (const secret of ['CANARY', 'Q0FOQVJZ', Buffer.from('CANARY').toString('hex')])
      assert.ok(!all.includes(secret), all)
    return true
  }
}
