/** Names of files of a package beside those that are served on demand too. */
import { initName } from '../../packaging/on-demand/names.ts'

const EXTENSION = '.mp4'

/** Each key period has its own init segment, which names its key; the first has the name of all others' first. */
export function packageInitName(rendition: string, token: string, period: number | 'clear'): string {
  const name = initName(rendition, token)
  return period === 0 ? name : `${name.slice(0, -EXTENSION.length)}-${period}${EXTENSION}`
}
