/** Whether an open file is still the one that it was. */
import { fstat } from 'node:fs'
import { promisify } from 'node:util'
import type { LibraryFile } from './library.ts'

const statOf = promisify(fstat)

/** Of a file as it is now: another text when its bytes may be others. Short, of letters, digits and hyphens. */
export async function fileVersion({ descriptor, size, modified }: LibraryFile): Promise<string> {
  if (descriptor === undefined) return `${size.toString(16)}-${modified.getTime().toString(16)}`
  const now = await statOf(descriptor, { bigint: true })
  return [now.size, now.mtimeNs, now.ino].map((value) => value.toString(16)).join('-')
}
