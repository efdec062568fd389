/** What the schema of the access settings cannot say: addresses, password hashes, and a webhook that can be asked and believed. */
import { ConfigError } from '../errors.ts'
import { checkAddressRules } from '../services/auth/path-access.ts'
import { isPasswordHash } from '../services/auth/users.ts'
import { isPrivateAddress } from '../services/license/private-network.ts'
import type { ServerSettings } from './settings.ts'
import { refuseWeakSecret } from './weak-secret.ts'

/** Throws ConfigError ERR_CONFIG_INVALID, ERR_CONFIG_WEAK_SECRET or ERR_CONFIG_PLACEHOLDER. */
export function checkAccess({ auth, paths }: ServerSettings): void {
  const { url, secret } = auth.webhook
  if (url !== undefined && !(URL.canParse(url) && /^https?:\/\//i.test(url))) {
    throw invalid('auth.webhook.url: expected an address that begins with http:// or https://')
  }
  if ((url === undefined) !== (secret === undefined)) {
    throw invalid('auth.webhook: expected both url and secret, found one of them')
  }
  if (secret !== undefined) refuseWeakSecret(secret, 'auth.webhook.secret')
  for (const [name, { jwks }] of Object.entries(auth.issuers)) {
    if (!isSafeSource(jwks)) {
      throw invalid(
        `auth.issuers.${name}.jwks: expected a file, or https:// outside of private networks, found http://`,
      )
    }
  }
  for (const [pattern, { play, publish, users = {}, allow = [], deny = [] }] of Object.entries(paths)) {
    const place = `paths.${pattern}`
    if (url === undefined && (play === 'webhook' || publish === 'webhook')) {
      throw invalid(`${place}: expected auth.webhook.url for a path that asks it, found none`)
    }
    checkAddressRules(allow, `${place}.allow`)
    checkAddressRules(deny, `${place}.deny`)
    for (const [name, { password }] of Object.entries(users)) {
      if (!isPasswordHash(password)) {
        throw invalid(`${place}.users.${name}.password: expected what \`headend token hash-password\` prints`)
      }
    }
  }
}

/** Whoever can change what comes over plain HTTP signs what they like. */
function isSafeSource(jwks: string): boolean {
  if (!/^http:\/\//i.test(jwks)) return true
  const host = URL.parse(jwks)?.hostname.replace(/^\[|\]$/g, '')
  return host !== undefined && (host === 'localhost' || isPrivateAddress(host))
}

function invalid(message: string): ConfigError {
  return new ConfigError('ERR_CONFIG_INVALID', message)
}
