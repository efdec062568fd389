/** A short name for a file as it is now: another one as soon as the file is changed. */
import { createHash } from 'node:crypto'
import type { FileIdentity } from './facts-store.ts'

/** 12 hexadecimal digits of path, size and time of change. */
export function fileToken({ path, size, modified }: FileIdentity): string {
  return createHash('sha256').update(`${path}\n${size}\n${modified.getTime()}`).digest('hex').slice(0, 12)
}
