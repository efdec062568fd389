/** People with passwords: stored as scrypt hashes (RFC 7914), checked with the same work whether the name is known or not. */
import { createHmac, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { PeerError, UnavailableError } from '../../errors.ts'

/** A person of one path. */
export interface PathUser {
  /** As `hashPassword` writes it. */
  readonly password: string
  /** Whether they publish too; otherwise they only play. */
  readonly publish?: boolean | undefined
}

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)
/** 16 MiB and some 50 ms: what RFC 7914 section 2 proposes for logins. */
const COST = { N: 16_384, r: 8, p: 1 } as const
const HASH_BYTES = 32
const SALT_BYTES = 16
const MAX_PASSWORD = 256
const FORM = /^scrypt\$16384\$8\$1\$([\w-]{22})\$([\w-]{43})$/
/** Right answers are remembered for so long, milliseconds: a player shows its password with each segment. */
const REMEMBER_MS = 60_000
const MAX_REMEMBERED = 1_000
/** Passwords in work at the same time; each takes memory and a thread. */
const MAX_WORKING = 32

/** `scrypt$16384$8$1$SALT$HASH`, to be written into the settings. Throws PeerError ERR_TOKEN_PASSWORD for one that is too short or too long. */
export async function hashPassword(password: string): Promise<string> {
  if (password.length < 8 || password.length > MAX_PASSWORD) {
    throw new PeerError('ERR_TOKEN_PASSWORD', `expected a password of 8 to ${MAX_PASSWORD} characters`)
  }
  const salt = randomBytes(SALT_BYTES)
  const hash = await derive(password, salt, HASH_BYTES, COST)
  return `scrypt$${COST.N}$${COST.r}$${COST.p}$${salt.toString('base64url')}$${hash.toString('base64url')}`
}

/** Whether a text is what `hashPassword` writes. */
export function isPasswordHash(text: string): boolean {
  return FORM.test(text)
}

export class UserCheck {
  readonly #secret = randomBytes(32)
  readonly #right = new Map<string, number>()
  #working = 0

  /** Whether this is the password. Throws UnavailableError ERR_ACCESS_BUSY when too many are checked already. */
  async knows(user: PathUser | undefined, name: string, password: string): Promise<boolean> {
    if (password.length > MAX_PASSWORD) return false
    const [, salt = '', hash = ''] = FORM.exec(user?.password ?? '') ?? []
    const digest = createHmac('sha256', this.#secret).update(`${hash}\0${name}\0${password}`).digest('base64')
    if (hash !== '' && (this.#right.get(digest) ?? 0) > performance.now()) return true
    if (this.#working >= MAX_WORKING)
      throw new UnavailableError('ERR_ACCESS_BUSY', 'too many passwords are checked now')
    this.#working++
    try {
      const saltBytes = hash === '' ? this.#secret.subarray(0, SALT_BYTES) : Buffer.from(salt, 'base64url')
      const found = await derive(password, saltBytes, HASH_BYTES, COST)
      const wanted = hash === '' ? randomBytes(HASH_BYTES) : Buffer.from(hash, 'base64url')
      if (!timingSafeEqual(found, wanted)) return false
    } finally {
      this.#working--
    }
    if (this.#right.size >= MAX_REMEMBERED) this.#right.clear()
    this.#right.set(digest, performance.now() + REMEMBER_MS)
    return true
  }
}
