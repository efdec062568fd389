import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  formatLicense,
  formatLicenseRequest,
  MAX_KEY_IDS,
  MAX_LICENSE,
  MAX_LICENSE_REQUEST,
  parseLicense,
  parseLicenseRequest,
} from './clear-key-messages.ts'

const bytes = (text: string) => Buffer.from(text, 'utf8')
const kid = (index: number) => Buffer.from(index.toString(16).padStart(32, '0'), 'hex').toString('base64url')
const request = (kids: unknown, more = {}) => bytes(JSON.stringify({ kids, ...more }))

describe('Clear Key messages', () => {
  it('are those of the specification', () => {
    // Encrypted Media Extensions, section 9.1.5.
    const { keyIds, type } = parseLicenseRequest(bytes('{"kids":["LwVHf8JLtPrv2GUXFW2v_A"],"type":"temporary"}'))

    assert.equal(type, 'temporary')
    assert.deepEqual(
      keyIds.map((id) => Buffer.from(id).toString('hex')),
      ['2f05477fc24bb4faefd86517156daffc'],
    )
    assert.equal(
      formatLicense(
        [{ id: keyIds[0] as Uint8Array, key: Buffer.from('tQ0bJVWb6b0KPL6KtZIy_A', 'base64url') }],
        'temporary',
      ),
      '{"keys":[{"kty":"oct","kid":"LwVHf8JLtPrv2GUXFW2v_A","k":"tQ0bJVWb6b0KPL6KtZIy_A"}],"type":"temporary"}',
    )
  })

  it('may leave the type out, and name an id twice', () => {
    const { keyIds, type } = parseLicenseRequest(request([kid(1), kid(2), kid(1)]))

    assert.equal(type, 'temporary')
    assert.equal(keyIds.length, 2)
  })

  it('D-01: that are broken, lie or ask for too much are refused', () => {
    const most = Array.from({ length: MAX_KEY_IDS }, (_, index) => kid(index))
    assert.equal(parseLicenseRequest(request(most)).keyIds.length, MAX_KEY_IDS)
    const broken: readonly Uint8Array[] = [
      bytes(''),
      bytes('{'),
      bytes('[]'),
      bytes('null'),
      bytes('"kids"'),
      bytes('{}'),
      request([]),
      request('LwVHf8JLtPrv2GUXFW2v_A'),
      request([...most, kid(100)]),
      request(Array.from({ length: 10_000 }, (_, index) => kid(index))),
      request([1]),
      request([null]),
      request(['LwVHf8JLtPrv2GUXFW2v_A==']),
      request(['LwVHf8JLtPrv2GUXFW2v/A']),
      // Bits behind the 16th byte.
      request(['LwVHf8JLtPrv2GUXFW2v_B']),
      request(['LwVHf8JLtPrv2GUXFW2v']),
      request([kid(1)], { type: 'for ever' }),
      request([kid(1)], { type: 1 }),
      Buffer.concat([bytes('{"kids":["'), Buffer.from([0xff, 0xfe]), bytes('"]}')]),
      Buffer.concat([request([kid(1)]), Buffer.alloc(MAX_LICENSE_REQUEST, ' ')]),
      bytes('['.repeat(10_000)),
    ]

    for (const body of broken) assert.throws(() => parseLicenseRequest(body), { code: 'ERR_LICENSE_REQUEST' })
    const whole = request([kid(1)])
    for (let length = 0; length < whole.byteLength; length++) {
      assert.throws(() => parseLicenseRequest(whole.subarray(0, length)), { code: 'ERR_LICENSE_REQUEST' })
    }
  })

  it('are read by the player as the server writes them', () => {
    const ids = [1, 2].map((index) => Buffer.from(index.toString(16).padStart(32, '0'), 'hex'))
    const keys = ids.map((id) => ({ id: Uint8Array.from(id), key: new Uint8Array(16).fill(9) }))

    assert.deepEqual(
      parseLicenseRequest(bytes(formatLicenseRequest(ids))).keyIds.map((id) => Buffer.from(id)),
      ids,
    )
    assert.deepEqual(parseLicense(bytes(formatLicense(keys, 'temporary'))), keys)
    assert.deepEqual(parseLicense(bytes('{"keys":[]}')), [])
  })

  it('D-01: licences that are broken or lie are refused, without what is in them', () => {
    const jwk = { kty: 'oct', kid: kid(1), k: 'tQ0bJVWb6b0KPL6KtZIy_A' }
    const license = (...keys: readonly unknown[]) => bytes(JSON.stringify({ keys }))
    const broken: readonly Uint8Array[] = [
      bytes(''),
      bytes('null'),
      bytes('[]'),
      bytes('{"keys":{}}'),
      license(null),
      license({ ...jwk, kty: 'RSA' }),
      license({ ...jwk, k: `${jwk.k}==` }),
      license({ ...jwk, k: jwk.k.slice(1) }),
      license({ ...jwk, kid: 1 }),
      license(...Array.from({ length: MAX_KEY_IDS + 1 }, () => jwk)),
      Buffer.concat([license(jwk), Buffer.alloc(MAX_LICENSE, ' ')]),
    ]
    for (const body of broken) {
      assert.throws(
        () => parseLicense(body),
        (error: Error & { code?: string }) =>
          error.code === 'ERR_LICENSE_ANSWER' && !error.message.includes(jwk.k.slice(1)),
        Buffer.from(body).toString().slice(0, 60),
      )
    }
  })
})
