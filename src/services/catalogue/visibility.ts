/** Which paths of the library a request may see in lists: those that it could play. */
import type { Credentials } from '../../live/access.ts'
import type { PlayAccess } from '../../packaging/play-access.ts'

/** Refusals after which the keys shown are taken for wrong ones: each refusal is logged, and wrong keys are answered slowly. */
const MAX_REFUSALS = 8

/** Whoever asks for the list. */
export interface Asker {
  readonly remoteAddress: string
  readonly credentials: Credentials
}

/** The paths among `paths` that the asker may play. A folder (its path ends with a slash) stands for what lies right in it. */
export async function visiblePaths(
  access: Pick<PlayAccess, 'check' | 'isOpen'>,
  { remoteAddress, credentials }: Asker,
  paths: readonly string[],
): Promise<ReadonlySet<string>> {
  const visible = new Set<string>()
  const showsKey = Object.keys(credentials).length > 0
  let refusals = 0
  for (const path of paths) {
    const asked = path.endsWith('/') ? `${path}*` : path
    if (await access.isOpen(asked)) visible.add(path)
    else if (showsKey && refusals < MAX_REFUSALS) {
      await access.check(asked, remoteAddress, credentials).then(
        () => visible.add(path),
        () => refusals++,
      )
    }
  }
  return visible
}
