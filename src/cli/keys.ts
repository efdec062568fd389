/** `headend keys export PATH` and `headend keys import FILE`: content keys of a server as CPIX documents, for other servers and licence servers. */
import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { ConfigError, exportKeys, importKeys } from '../index.ts'
import { readCertificate, readPrivateKey, readTextFile } from './pem.ts'
import { type PlaceFlags, placeOf, withPlace } from './server-place.ts'

const OWNER_ONLY = 0o600

export function configure(command: Command): void {
  command.description(
    'Content keys of a server as CPIX documents, out and in: with the secrets of the data folder, whether its server runs or not, or by the API with --server.',
  )
  withPlace(command.command('export'))
    .summary('write the keys of a path')
    .description('Writes the keys of a path as a CPIX document. Whoever can read it can decrypt what the path had.')
    .argument('<path>', 'live/NAME, vod/FILE')
    .requiredOption('-o, --out <file>', 'file, which only its owner may read; it must not be there')
    .option('--content <name>', 'one version of a file, or run of a stream, only')
    .option('--for <file>', 'PEM certificate of who alone can read the keys; left out: they are in the clear')
    .action(takeOut)
  withPlace(command.command('import'))
    .summary('keep the keys of a document')
    .description('Keeps the keys of a CPIX document. Who may play the path may have them.')
    .argument('<file>', 'CPIX document, 2.3 or 2.4')
    .requiredOption('--path <path>', 'live/NAME, vod/FILE')
    .option('--private-key <file>', 'PEM of who the keys are encrypted for')
    .action(takeIn)
}

interface ExportFlags extends PlaceFlags {
  readonly out: string
  readonly content?: string
  readonly for?: string
}

interface ImportFlags extends PlaceFlags {
  readonly path: string
  readonly privateKey?: string
}

async function takeOut(path: string, flags: ExportFlags): Promise<void> {
  const { out, content, for: recipient } = flags
  const certificate = recipient === undefined ? undefined : (await readCertificate(recipient)).toString()
  const text = await exportKeys(placeOf(flags), {
    path,
    ...(content === undefined ? {} : { content }),
    ...(certificate === undefined ? {} : { certificate }),
  })
  try {
    await writeFile(out, text, { mode: OWNER_ONLY, flag: 'wx' })
  } catch (cause) {
    const isThere = (cause as NodeJS.ErrnoException).code === 'EEXIST'
    throw new ConfigError(
      'ERR_USAGE',
      `expected to write ${out}, found ${isThere ? 'it there' : 'that it cannot be'}`,
      {
        cause,
      },
    )
  }
  process.stdout.write(
    `keys of ${path} in ${out}${certificate === undefined ? ', in the clear: keep it secret' : ''}\n`,
  )
}

async function takeIn(file: string, flags: ImportFlags): Promise<void> {
  const { path, privateKey } = flags
  const count = await importKeys(placeOf(flags), {
    path,
    document: await readTextFile(file),
    ...(privateKey === undefined ? {} : { privateKey: await readPrivateKey(privateKey) }),
  })
  process.stdout.write(`${count} ${count === 1 ? 'key is' : 'keys are'} kept for ${path}\n`)
}
