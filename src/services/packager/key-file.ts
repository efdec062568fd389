/** A file of content keys that only its owner reads: `KID:KEY`, and behind it what the key is for, where it is not for all. */
import { open, readFile, rename, rm } from 'node:fs/promises'
import { ConfigError } from '../../errors.ts'
import { formatUuid } from '../../media/protection/systems.ts'
import type { ContentKey } from '../../packaging/protection/segment-encryptor.ts'
import { formatContentKey, newContentKey, parseContentKey } from './content-key.ts'
import { type AssignedKeys, type KeyPlan, type KeyScope, type KeySource, labelOf, labelsOf } from './key-source.ts'

const HEAD = '# Content keys, KID:KEY. Whoever has this file can decrypt.\n'
const MODE = 0o600
const LABEL = /^[a-z]+(?:-\d{1,10})?$/
const PERIOD = /^\d{1,9}$/
/** Keys of one file. */
const MAX_KEYS = 65_536

/** One line. */
export interface KeyFileEntry {
  readonly key: ContentKey
  /** `video`, `audio`, or the name of a rendition; `undefined`: for all. */
  readonly label: string | undefined
  /** Counts from 0. */
  readonly period: number
}

/** Its keys; `undefined`: there is no such file. Throws ConfigError ERR_PACKAGE_KEY, which names the line and not what is in it. */
export async function readKeyFile(path: string): Promise<readonly ContentKey[] | undefined> {
  const text = await textOf(path)
  return text === undefined ? undefined : parseKeyFile(text, path).map(({ key }) => key)
}

/**
 * Keys of a file, by what its lines say they are for. Those that it does not have are made, and are on the disk before anything is encrypted with
 * them; the same file gives the same keys in every run. `onMade`: told how many were.
 */
export function keysOfFile(
  path: string,
  { scope = 'package', onMade }: { readonly scope?: KeyScope; readonly onMade?: (count: number) => void } = {},
): KeySource {
  return async (plan) => {
    const text = await textOf(path)
    const entries = new Map<string, ContentKey>()
    for (const { key, label, period } of text === undefined ? [] : parseKeyFile(text, path)) {
      const purpose = purposeOf(label, period)
      // The first one counts.
      if (!entries.has(purpose)) entries.set(purpose, key)
    }
    const lines: string[] = []
    for (const purpose of purposes(plan, scope)) {
      if (entries.has(purpose)) continue
      const made = newContentKey()
      entries.set(purpose, made)
      lines.push(`${formatContentKey(made)} ${purpose}`.trim())
    }
    if (lines.length > 0) {
      await write(path, `${text === undefined ? HEAD : withLineEnd(text)}${lines.join('\n')}\n`)
      onMade?.(lines.length)
    }
    return assigned(plan, scope, entries)
  }
}

function assigned(plan: KeyPlan, scope: KeyScope, entries: ReadonlyMap<string, ContentKey>): AssignedKeys {
  return { keyOf: (rendition, period) => entries.get(purposeOf(labelOf(plan, scope, rendition), period)) }
}

function* purposes(plan: KeyPlan, scope: KeyScope): Iterable<string> {
  const labels = labelsOf(plan, scope)
  for (let period = 0; period < plan.periods; period++) for (const label of labels) yield purposeOf(label, period)
}

/** As it is written: nothing for the first period of all. */
function purposeOf(label: string | undefined, period: number): string {
  return [...(label === undefined ? [] : [label]), ...(period === 0 ? [] : [period])].join(' ')
}

/** The lines of the file, which is at `path`. Throws ConfigError ERR_PACKAGE_KEY. */
export function parseKeyFile(text: string, path: string): readonly KeyFileEntry[] {
  const entries: KeyFileEntry[] = []
  for (const [index, whole] of text.split('\n').entries()) {
    const line = whole.trim()
    if (line === '' || line.startsWith('#')) continue
    if (entries.length === MAX_KEYS) throw keyError(path, `at most ${MAX_KEYS} keys`, 'more')
    entries.push(entryOf(line, `${path}, line ${index + 1}`))
  }
  checkIds(entries, path)
  return entries
}

function entryOf(line: string, place: string): KeyFileEntry {
  const [keyText = '', ...rest] = line.split(/\s+/)
  const period = PERIOD.test(rest.at(-1) ?? '') ? Number(rest.pop()) : 0
  const label = rest.shift()
  if (rest.length > 0 || (label !== undefined && !LABEL.test(label))) {
    throw keyError(place, 'video, audio or a rendition like video-1 and a key period behind a key', 'something else')
  }
  try {
    return { key: parseContentKey(keyText), label, period }
  } catch {
    throw keyError(place, 'KID:KEY, each of 32 hexadecimal digits', 'something else')
  }
}

function checkIds(entries: readonly KeyFileEntry[], path: string): void {
  const known = new Map<string, Uint8Array>()
  for (const { key } of entries) {
    const id = formatUuid(key.id)
    const other = known.get(id)
    if (other !== undefined && Buffer.compare(other, key.key) !== 0) throw keyError(path, `one key for ${id}`, 'two')
    known.set(id, key.key)
  }
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw new ConfigError('ERR_PACKAGE_KEY', `the key file ${path} cannot be read`, { cause })
  }
}

/** Whole or not at all. The draft keeps others from writing at the same time: keys of one of two would be lost. */
async function write(path: string, text: string): Promise<void> {
  const draft = `${path}.part`
  try {
    const file = await open(draft, 'wx', MODE)
    try {
      await file.writeFile(text)
      await file.sync()
      await rename(draft, path)
    } catch (error) {
      await rm(draft, { force: true }).catch(() => {})
      throw error
    } finally {
      await file.close()
    }
  } catch (cause) {
    const isThere = (cause as NodeJS.ErrnoException).code === 'EEXIST'
    throw new ConfigError(
      'ERR_PACKAGE_KEY',
      isThere
        ? `the key file ${path} is being written by somebody else; if nobody is, ${draft} is left over and can be removed`
        : `the key file ${path} cannot be written`,
      { cause },
    )
  }
}

function withLineEnd(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`
}

function keyError(place: string, expected: string, found: string): ConfigError {
  return new ConfigError('ERR_PACKAGE_KEY', `expected ${expected} in ${place}, found ${found}`)
}
