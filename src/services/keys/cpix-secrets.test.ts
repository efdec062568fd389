import assert from 'node:assert/strict'
import { constants, createCipheriv, createHmac, createPrivateKey, publicEncrypt, X509Certificate } from 'node:crypto'
import { describe, it } from 'node:test'
import { formatCpix } from '../../media/manifests/cpix/format.ts'
import type { CpixDocument } from '../../media/manifests/cpix/model.ts'
import { parseCpix } from '../../media/manifests/cpix/parse.ts'
import { CLEAR, ENCRYPTED, VIDEO_KID } from '../../media/manifests/cpix/vectors.ts'
import { makeTestCertificate } from '../../net/testdata/certificate.ts'
import { openCpixKeys, recipientOf, withCpixKeys } from './cpix-secrets.ts'

const { certificate: pem, key: keyPem } = makeTestCertificate('recipient', 2048)
const CERTIFICATE = new X509Certificate(pem)
const PRIVATE_KEY = createPrivateKey(keyPem)
const DOCUMENT_KEY = Buffer.alloc(32, 7)
const MAC_KEY = Buffer.alloc(64, 9)
const CONTENT_KEY = Buffer.from('00112233445566778899aabbccddeeff', 'hex')

describe('keys of CPIX documents', () => {
  it('are there in the clear', () => {
    const keys = openCpixKeys(parseCpix(CLEAR))

    assert.deepEqual(keys.get(VIDEO_KID), {
      id: Uint8Array.from(Buffer.from(VIDEO_KID.replaceAll('-', ''), 'hex')),
      key: Uint8Array.from({ length: 16 }, (_, i) => i),
      constantIv: Uint8Array.from(Buffer.from('3858f62230ac3c915f300c664312c63f', 'hex')),
    })
    assert.equal(keys.size, 2)
  })

  it('are decrypted from a document that was made step by step', () => {
    const keys = openCpixKeys(parseCpix(handmade()), PRIVATE_KEY)

    assert.deepEqual(
      [...keys.values()].map(({ key }) => Buffer.from(key)),
      [CONTENT_KEY],
    )
  })

  it('are encrypted for one recipient and decrypted by it, nobody else', () => {
    const clear = parseCpix(CLEAR)
    const keys = [...openCpixKeys(clear).values()]

    const text = formatCpix(withCpixKeys({ ...clear, contentKeys: clear.contentKeys }, keys, CERTIFICATE))

    for (const { key } of keys) assert.equal(text.includes(Buffer.from(key).toString('base64')), false)
    assert.deepEqual([...openCpixKeys(parseCpix(text), PRIVATE_KEY).values()], keys)
    const other = createPrivateKey(makeTestCertificate('other', 2048).key)
    assert.throws(() => openCpixKeys(parseCpix(text), other), { code: 'ERR_CPIX_RECIPIENT', name: 'ConfigError' })
    assert.throws(() => openCpixKeys(parseCpix(text)), { code: 'ERR_CPIX_RECIPIENT' })
  })

  it('that were changed, or are not proven, are not decrypted', () => {
    const document = parseCpix(handmade())
    const [key] = document.contentKeys
    assert.ok(key?.secret?.kind === 'encrypted' && key.secret.mac !== undefined)
    const { secret } = key
    const changed = (change: Partial<typeof secret>): CpixDocument => ({
      ...document,
      contentKeys: [{ ...key, secret: { ...secret, ...change } }],
    })
    const [delivery] = document.deliveryData
    assert.ok(delivery !== undefined)
    const { macKey: _, ...withoutMac } = delivery
    const { mac: __, ...withoutCode } = secret
    const flipped = (bytes: Uint8Array, at: number) => bytes.map((byte, i) => (i === at ? byte ^ 1 : byte))

    const broken: readonly CpixDocument[] = [
      changed({ cipherValue: flipped(secret.cipherValue, 0) }),
      changed({ cipherValue: flipped(secret.cipherValue, 40) }),
      changed({ mac: flipped(secret.mac as Uint8Array, 63) }),
      changed({ mac: (secret.mac as Uint8Array).subarray(0, 32) }),
      { ...document, contentKeys: [{ ...key, secret: withoutCode }] },
      { ...document, deliveryData: [withoutMac] },
    ]

    for (const entry of broken) {
      assert.throws(() => openCpixKeys(entry, PRIVATE_KEY), { code: 'ERR_CPIX_MAC', name: 'FormatError' })
    }
  })

  it('of another length or algorithm are refused', () => {
    const long = handmade({ contentKey: Buffer.alloc(32) })
    const shortDocumentKey = handmade({ documentKey: Buffer.alloc(16) })
    const otherCipher = handmade().replaceAll('xmlenc#aes256-cbc', 'xmlenc#aes128-cbc')
    const otherPadding = handmade().replace('xmlenc#rsa-oaep-mgf1p', 'xmlenc#rsa-1_5')

    const codes = [long, shortDocumentKey, otherCipher, otherPadding].map((text) =>
      codeOf(() => openCpixKeys(parseCpix(text), PRIVATE_KEY)),
    )

    assert.deepEqual(codes, ['ERR_CPIX_DECRYPT', 'ERR_CPIX_DECRYPT', 'ERR_CPIX_ALGORITHM', 'ERR_CPIX_ALGORITHM'])
  })

  it('are not taken from a document for what is no certificate', () => {
    assert.throws(() => openCpixKeys(parseCpix(ENCRYPTED), PRIVATE_KEY), { code: 'ERR_CPIX_RECIPIENT' })
  })

  it('are encrypted under RSA keys of 2,048 bits or more only', () => {
    const weak = new X509Certificate(makeTestCertificate('weak', 1024).certificate)
    const curve = new X509Certificate(makeTestCertificate('curve').certificate)

    for (const certificate of [weak, curve]) {
      assert.throws(() => withCpixKeys(parseCpix(CLEAR), [], certificate), { code: 'ERR_CPIX_RECIPIENT' })
      assert.throws(() => recipientOf(certificate), { code: 'ERR_CPIX_RECIPIENT' })
    }
  })
})

/** As section 9.1 of CPIX 2.3 tells to make it. */
function handmade({ documentKey = DOCUMENT_KEY, contentKey = CONTENT_KEY } = {}): string {
  const iv = Buffer.alloc(16, 3)
  const cipher = createCipheriv('aes-256-cbc', DOCUMENT_KEY, iv)
  const value = Buffer.concat([iv, cipher.update(contentKey), cipher.final()])
  const code = createHmac('sha512', MAC_KEY).update(value).digest('base64')
  const wrap = (key: Buffer) =>
    publicEncrypt(
      { key: CERTIFICATE.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha1' },
      key,
    ).toString('base64')
  return ENCRYPTED.replace('bm90IGEgY2VydGlmaWNhdGU=', CERTIFICATE.raw.toString('base64'))
    .replace('ZG9jdW1lbnQga2V5', wrap(documentKey))
    .replace('bWFjIGtleQ==', wrap(MAC_KEY))
    .replace('Y29udGVudCBrZXk=', value.toString('base64'))
    .replace('>bWFj<', `>${code}<`)
}

function codeOf(run: () => unknown): unknown {
  try {
    run()
  } catch (error) {
    return (error as { code?: unknown }).code
  }
  return undefined
}
