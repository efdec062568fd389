/** Compares secrets without telling by its duration how much of them was right. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** Differs from process to process, so that nobody can prepare digests. */
const salt = randomBytes(32)

/** Both sides are reduced to digests first: neither length nor content shows in the time. */
export function sameSecret(shown: string, expected: string): boolean {
  return timingSafeEqual(digest(shown), digest(expected))
}

/** True when `shown` is one of `expected`; looks at all of them in any case. */
export function oneOfSecrets(shown: string, expected: readonly string[]): boolean {
  const found = digest(shown)
  let same = false
  for (const secret of expected) same = timingSafeEqual(found, digest(secret)) || same
  return same
}

function digest(text: string): Buffer {
  return createHmac('sha256', salt).update(text).digest()
}
