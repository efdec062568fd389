/** Plays what an ASX file leads to: its first entry, from the first of its addresses that answers. */
import { FormatError, HeadendError } from '../../errors.ts'
import type { Asx, AsxEntry, AsxItem } from '../../media/manifests/asx/model.ts'
import { parseAsx } from '../../media/manifests/asx/parse.ts'
import { getText, shown } from './http.ts'
import type { NativeSource, SourceContext } from './source.ts'

/** Files that lead to files. */
const MAX_FILES = 5

/** Opens an address from a place in it, milliseconds; `undefined`: nothing here plays such addresses. */
export type OpenAddress = (url: URL, startMs: number | undefined) => NativeSource | undefined

/** Throws FormatError ERR_PLAY_ASX when nothing in the file can be played, and what the last address that was tried threw. */
export async function* playAsx(url: URL, context: SourceContext, open: OpenAddress): NativeSource {
  yield* playAsxText(await getText(url, context.signal), url, context, open)
}

/** The same for a file that is there already; `url` is its address. */
export async function* playAsxText(text: string, url: URL, context: SourceContext, open: OpenAddress): NativeSource {
  const candidates = await candidatesOf(text, url, context.signal, MAX_FILES)
  let failure: unknown = new FormatError('ERR_PLAY_ASX', `expected an entry that can be played in ${shown(url)}`)
  for (const { address, startMs } of candidates) {
    const source = open(address, startMs)
    if (source === undefined) continue
    try {
      const first = await source.next()
      if (first.done === true) continue
      yield first.value
    } catch (error) {
      // Nothing came: the next address may do.
      if (context.signal.aborted || !(error instanceof HeadendError)) throw error
      failure = error
      continue
    }
    yield* source
    return
  }
  throw failure
}

interface Candidate {
  readonly address: URL
  readonly startMs: number | undefined
}

/** Addresses of the first entry that has any, through files that it refers to. */
async function candidatesOf(
  text: string,
  url: URL,
  signal: AbortSignal,
  filesLeft: number,
): Promise<readonly Candidate[]> {
  if (filesLeft === 0) {
    throw new FormatError('ERR_PLAY_ASX', `expected at most ${MAX_FILES} files that lead to each other`)
  }
  const asx = parseAsx(text)
  const base = absolute(asx.base, url) ?? url
  for (const item of itemsOf(asx)) {
    if (item.type === 'entryref') {
      const address = absolute(item.href, base)
      if (address === undefined) continue
      return candidatesOf(await getText(address, signal), address, signal, filesLeft - 1)
    } else {
      const found = addressesOf(item, base)
      if (found.length > 0) return found
    }
  }
  return []
}

/** In the order in which they would play; those of events play only when a stream asks for them. */
function* itemsOf({
  items,
}: Asx | { readonly items: readonly AsxItem[] }): Generator<Exclude<AsxItem, { type: 'repeat' | 'event' }>> {
  for (const item of items) {
    if (item.type === 'repeat') yield* itemsOf(item)
    else if (item.type !== 'event') yield item
  }
}

function addressesOf(entry: AsxEntry, above: URL): Candidate[] {
  const base = absolute(entry.base, above) ?? above
  return entry.references.flatMap((reference) => {
    const address = absolute(reference.href, base)
    return address === undefined ? [] : [{ address, startMs: reference.startMs ?? entry.startMs }]
  })
}

function absolute(href: string | undefined, base: URL): URL | undefined {
  return href !== undefined && URL.canParse(href, base) ? new URL(href, base) : undefined
}
