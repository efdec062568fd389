import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hashPassword } from '../services/auth/users.ts'
import { parseSettings } from './config.ts'
import { withoutSecrets } from './without-secrets.ts'

const URL = 'https://app.example.com/access'
const SECRET = '7f0c1d9be2a64f53b8d1'

const refused = (settings: Record<string, unknown>, message: RegExp) =>
  assert.throws(() => parseSettings(settings), { name: 'ConfigError', message })

describe('settings of access', () => {
  it('are taken as they are written', async () => {
    const password = await hashPassword('correct horse')
    const { server } = parseSettings({
      auth: {
        issuers: { 'https://login.example.com': { jwks: 'jwks.json', algorithm: 'ES384' } },
        webhook: { url: URL, secret: SECRET },
      },
      paths: {
        'live/*': { play: 'token', publish: 'webhook', users: { alice: { password } }, allow: ['10.0.0.0/8', '::1'] },
      },
    })

    assert.equal(server.auth.issuers['https://login.example.com']?.algorithm, 'ES384')
    assert.equal(server.auth.webhook.playWithoutAnswer, false)
    assert.equal(server.paths['live/*']?.users?.['alice']?.password, password)
  })

  it('that cannot hold are refused with their place', () => {
    refused({ auth: { issuers: { a: { jwks: 'x', algorithm: 'none' } } } }, /auth\.issuers\.a\.algorithm/)
    refused({ auth: { issuers: { a: { jwks: 'x', algorithm: 'RS256' } } } }, /auth\.issuers\.a\.algorithm/)
    refused({ auth: { issuers: { a: { jwks: 'http://login.example.com/jwks' } } } }, /auth\.issuers\.a\.jwks/)
    parseSettings({ auth: { issuers: { a: { jwks: 'http://[::1]:8080/jwks' } } } })
    refused({ auth: { webhook: { url: 'ftp://x/', secret: SECRET } } }, /auth\.webhook\.url/)
    refused({ auth: { webhook: { url: URL } } }, /both url and secret/)
    refused({ auth: { webhook: { url: URL, secret: 'short' } } }, /auth\.webhook\.secret/)
    refused({ paths: { 'live/*': { play: 'webhook' } } }, /paths\.live\/\*: expected auth\.webhook\.url/)
    refused({ paths: { 'live/*': { allow: ['10.0.0.0/99'] } } }, /paths\.live\/\*\.allow/)
    refused({ paths: { 'live/*': { deny: ['example.com'] } } }, /paths\.live\/\*\.deny/)
    refused({ paths: { 'live/*': { users: { bob: { password: 'plain text' } } } } }, /users\.bob\.password/)
    assert.throws(
      () => parseSettings({ paths: { 'live/*': { users: { bob: { password: 'cAnArY' } } } } }),
      (error: Error) => !error.message.includes('cAnArY'),
    )
  })

  it('show no secret', async () => {
    const password = await hashPassword('correct horse')
    const settings = parseSettings({
      auth: { webhook: { url: `${URL}?a=cAnArY`, secret: SECRET } },
      paths: { 'live/*': { play: 'token', users: { alice: { password } }, deny: ['10.0.0.1'] } },
    })

    const shown = JSON.stringify(withoutSecrets(settings))

    for (const secret of ['cAnArY', SECRET, password]) assert.ok(!shown.includes(secret))
    assert.match(shown, /"play":"token"/)
    assert.match(shown, /"deny":\["10\.0\.0\.1"\]/)
  })
})
