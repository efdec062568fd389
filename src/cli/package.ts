/** `headend package INPUT… --out DIR`: segments and manifests for any web server, encrypted or not; `--decrypt` the other way round. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import {
  ConfigError,
  type ContentKey,
  decryptMedia,
  newContentKey,
  type PackageResult,
  packageMedia,
  parseContentKey,
  readKeyFile,
  writeKeyFile,
} from '../index.ts'
import { abortOnSignals, StatusLine } from './status-line.ts'

const BAR_WIDTH = 30
const SYSTEMS = ['widevine', 'playready', 'fairplay'] as const
type System = (typeof SYSTEMS)[number]

export function configure(command: Command): void {
  command
    .description(
      'Packages media files as CMAF segments with HLS and DASH manifests, encrypted (cenc, cbcs) or in the clear. Several inputs are qualities of one programme. A run that was interrupted goes on where it was. With --decrypt, turns an encrypted file into a clear one.',
    )
    .argument('<inputs...>', 'files: MP4, MOV, MKV, WebM, TS, FLV …')
    .requiredOption('-o, --out <path>', 'folder for the segments and manifests; with --decrypt the clear file')
    .addOption(new Option('--scheme <scheme>', 'how to encrypt; left out: not at all').choices(['cenc', 'cbcs']))
    .option(
      '--key <kid:key>',
      'content key in hexadecimal; other users of this machine can see it while the command runs',
      key,
    )
    .option('--key-file <file>', 'file with the content key; made when it is missing. Default: the output with .keys')
    .option('--segment <seconds>', 'length of segments', seconds, 6)
    .option('--license <url>', 'address of a Clear Key licence server, for the manifests')
    .option('--system <names>', 'signal these systems too: widevine,playready,fairplay', systems, [])
    .option('--decrypt', 'decrypt a fragmented MP4 file')
    .option('--json', 'print the result as one JSON object')
    .action(run)
}

interface Flags {
  readonly out: string
  readonly scheme?: 'cenc' | 'cbcs'
  readonly key?: ContentKey
  readonly keyFile?: string
  readonly segment: number
  readonly license?: string
  readonly system: readonly System[]
  readonly decrypt?: true
  readonly json?: true
}

async function run(inputs: readonly string[], flags: Flags): Promise<void> {
  const status = new StatusLine()
  const interrupted = abortOnSignals()
  try {
    const text =
      flags.decrypt === true
        ? await decrypt(inputs, flags, status, interrupted.signal)
        : await pack(inputs, flags, status, interrupted.signal)
    status.clear()
    process.stdout.write(text)
  } finally {
    status.clear()
    interrupted.dispose()
  }
}

async function pack(inputs: readonly string[], flags: Flags, status: StatusLine, signal: AbortSignal): Promise<string> {
  if (
    flags.scheme === undefined &&
    (flags.key !== undefined || flags.keyFile !== undefined || flags.license !== undefined)
  ) {
    throw new ConfigError('ERR_USAGE', 'expected --scheme cenc or cbcs beside keys and licences, found none')
  }
  const keyFile = flags.keyFile ?? `${flags.out.replace(/\/+$/, '')}.keys`
  const result = await packageMedia({
    inputs,
    out: flags.out,
    segmentSeconds: flags.segment,
    signal,
    onProgress: ({ files, totalFiles, bytes }) =>
      status.show(`${bar(files / totalFiles)} ${(bytes / 1e6).toFixed(1)} MB`),
    ...(flags.scheme === undefined
      ? {}
      : {
          encryption: {
            scheme: flags.scheme,
            key: flags.key ?? (await keyOf(keyFile)),
            systems: flags.system,
            ...(flags.license === undefined ? {} : { licenseUrl: flags.license }),
          },
        }),
  })
  if (flags.json === true) return `${JSON.stringify(result)}\n`
  return describe(result, flags, flags.scheme !== undefined && flags.key === undefined ? keyFile : undefined)
}

/** The same key in each run. */
async function keyOf(path: string): Promise<ContentKey> {
  const keys = await readKeyFile(path)
  if (keys !== undefined) {
    const [first] = keys
    if (first === undefined) throw new ConfigError('ERR_PACKAGE_KEY', `expected a key in ${path}, found none`)
    return first
  }
  const made = newContentKey()
  await writeKeyFile(path, [made])
  return made
}

async function decrypt(
  inputs: readonly string[],
  flags: Flags,
  status: StatusLine,
  signal: AbortSignal,
): Promise<string> {
  const [input] = inputs
  if (input === undefined || inputs.length > 1) {
    throw new ConfigError('ERR_USAGE', `expected one file to decrypt, found ${inputs.length}`)
  }
  const keys = flags.key === undefined ? await readKeyFile(flags.keyFile ?? '') : [flags.key]
  if (keys === undefined)
    throw new ConfigError('ERR_USAGE', 'expected --key or --key-file with the key of the file, found none')
  const result = await decryptMedia({
    input,
    output: flags.out,
    keys,
    signal,
    onProgress: (done) => status.show(bar(done)),
  })
  if (flags.json === true) return `${JSON.stringify(result)}\n`
  return `${flags.out}: ${(result.bytes / 1e6).toFixed(1)} MB, ${result.samples} samples decrypted\n`
}

function describe(result: PackageResult, { out, scheme }: Flags, keyFile: string | undefined): string {
  const lines = [
    `${out}: ${result.files} files written${result.kept > 0 ? `, ${result.kept} kept from before` : ''}, ${(result.bytes / 1e6).toFixed(1)} MB, ${result.duration.toFixed(1)} s`,
    ...result.renditions.map((rendition) => `  ${rendition}`),
    `  index.m3u8 (HLS), manifest.mpd (DASH)`,
  ]
  if (scheme !== undefined) lines.push(`  ${scheme}: ${result.verified} files decrypted again and found right`)
  if (keyFile !== undefined) lines.push(`  key in ${keyFile}: keep it, and keep it secret`)
  return `${lines.join('\n')}\n`
}

function bar(done: number): string {
  const filled = Math.round(done * BAR_WIDTH)
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${String(Math.floor(done * 100)).padStart(3)}%`
}

function key(text: string): ContentKey {
  try {
    return parseContentKey(text)
  } catch {
    throw new InvalidArgumentError('expected KID:KEY, each of 32 hexadecimal digits')
  }
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value >= 0.5 && value <= 60)) throw new InvalidArgumentError('expected 0.5 to 60 seconds')
  return value
}

function systems(text: string): readonly System[] {
  return text.split(',').map((name) => {
    const found = SYSTEMS.find((system) => system === name.trim())
    if (found === undefined) throw new InvalidArgumentError(`expected ${SYSTEMS.join(', ')}, found ${name}`)
    return found
  })
}
