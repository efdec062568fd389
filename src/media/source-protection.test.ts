import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { UnavailableError } from '../errors.ts'
import { checkReadable, checkUnprotected, protectionMetadata, sourceProtection } from './source-protection.ts'

const DRM = { scheme: 'DRM', keyId: 'a2V5', licenseUrl: 'http://license.example/' }
const PROTECTED = { metadata: protectionMetadata(DRM), tracks: [] }

describe('protection of sources', () => {
  it('goes through metadata and back', () => {
    assert.deepEqual(sourceProtection({ title: 'A film', ...PROTECTED.metadata }), DRM)
    assert.deepEqual(sourceProtection(protectionMetadata({ scheme: 'unknown', keyId: '', licenseUrl: '' })), {
      scheme: 'unknown',
      keyId: '',
      licenseUrl: '',
    })
    assert.deepEqual(protectionMetadata(undefined), {})
    for (const metadata of [{}, { drmScheme: '' }, { drmScheme: 7 }, { drmKeyId: 'a' }])
      assert.equal(sourceProtection(metadata), undefined)
  })

  it('is refused by name where nothing can be read, with what a player needs', () => {
    const isNamed = (error: unknown) =>
      error instanceof UnavailableError &&
      error.code === 'ERR_STREAM_PROTECTED' &&
      ['live/a', 'DRM', 'a2V5', 'http://license.example/'].every((part) => error.message.includes(part))

    assert.throws(() => checkReadable('live/a', PROTECTED), isNamed)
    // Script commands alone are nothing to see.
    assert.throws(() => checkReadable('live/a', { ...PROTECTED, tracks: [{ kind: 'data' }] }), isNamed)
    assert.throws(() => checkUnprotected('live/a', PROTECTED.metadata), isNamed)
  })

  it('lets pass what is in the clear', () => {
    checkReadable('live/a', { metadata: {}, tracks: [] })
    checkReadable('live/a', { ...PROTECTED, tracks: [{ kind: 'audio' }] })
    checkUnprotected('live/a', { title: 'A film' })
  })
})
