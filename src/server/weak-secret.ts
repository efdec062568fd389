/** Refuses secrets that protect nothing: samples out of documentation, and those too short to withstand guessing. */
import { ConfigError } from '../errors.ts'

/** Characters. Sixteen random letters and digits are about 95 bits. */
export const MIN_SECRET_LENGTH = 16

/** Compared without punctuation and case. */
const SAMPLE =
  /^(?:change|replace|example|sample|dummy|default|placeholder|insert|fixme)|changeme|yourkey|yoursecret|yourtoken|keyhere|secrethere|tokenhere|password|letmein|12345678|qwerty/

/** Returns the secret. Throws ConfigError ERR_CONFIG_PLACEHOLDER or ERR_CONFIG_WEAK_SECRET; `name` says which, the secret is not quoted. */
export function refuseWeakSecret(secret: unknown, name: string): string {
  if (typeof secret !== 'string') {
    throw new ConfigError('ERR_CONFIG_WEAK_SECRET', `${name}: expected text, found ${typeof secret}`)
  }
  const plain = secret.toLowerCase().replaceAll(/[^a-z0-9]/g, '')
  if (SAMPLE.test(plain) || new Set(plain).size < 4) {
    throw new ConfigError(
      'ERR_CONFIG_PLACEHOLDER',
      `${name}: expected a secret of your own, found a sample or placeholder`,
    )
  }
  if (secret.length < MIN_SECRET_LENGTH) {
    throw new ConfigError(
      'ERR_CONFIG_WEAK_SECRET',
      `${name}: expected at least ${MIN_SECRET_LENGTH} characters, found ${secret.length}`,
    )
  }
  return secret
}
