/** `headend package INPUT… --out DIR`: segments and manifests for any web server, encrypted or not; `--decrypt` the other way round. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import {
  ConfigError,
  decryptMedia,
  type PackageEncryption,
  type PackageResult,
  type PackageScheme,
  packageMedia,
  readKeyFile,
} from '../index.ts'
import { addKeyOptions, type ChosenKeys, chooseKeys, type KeyFlags, type System } from './package-keys.ts'
import { abortOnSignals, StatusLine } from './status-line.ts'

const BAR_WIDTH = 30
const SYSTEMS = ['widevine', 'playready', 'fairplay'] as const
const HELP = `
Examples:
  headend package film.mp4 --out site/film                          in the clear
  headend package film.mp4 --out site/film --scheme cbcs            with a key that is made
  headend package film.1080p.mp4 film.480p.mp4 --out site/film --scheme cenc --rotate 600 --clear-lead 30
  headend package film.mp4 --out site/film --scheme aes-128 --key-url 'https://HOST/key/aes128/{kid}'
  headend package film.mp4 --out site/film --scheme cbcs --cpix film.cpix.xml --system fairplay
  headend package --decrypt site/film/video-1.m3u8 --out clear.mp4 --key-file site/film.keys
`

export function configure(command: Command): void {
  command
    .description(
      'Packages media files as CMAF segments with HLS and DASH manifests, encrypted (cenc, cbcs; aes-128 for HLS alone) or in the clear. Several inputs are qualities of one programme. A run that was interrupted goes on where it was. With --decrypt, turns an encrypted file into a clear one.',
    )
    .argument('<inputs...>', 'files: MP4, MOV, MKV, WebM, TS, FLV …')
    .requiredOption('-o, --out <path>', 'folder for the segments and manifests; with --decrypt the clear file')
    .addOption(
      new Option('--scheme <scheme>', 'how to encrypt; left out: not at all').choices(['cenc', 'cbcs', 'aes-128']),
    )
    .option('--segment <seconds>', 'length of segments', seconds, 6)
    .option('--rotate <seconds>', 'another key each so many seconds', positive)
    .option('--clear-lead <seconds>', 'so much at the beginning stays in the clear', positive)
    .option('--license <url>', 'address of a Clear Key licence server, for the manifests')
    .option('--system <names>', 'signal these systems too: widevine,playready,fairplay', systems, [])
    .option('--pssh <base64>', 'pssh boxes of other systems, made elsewhere', base64)
    .option('--fairplay-id <name>', 'what FairPlay players are told behind skd:// (default: the key id)')
    .option('--key-url <url>', 'for aes-128: where players get the key, {kid} in it is its id (default: a file)')
    .option('--no-subtitles', 'leave out the subtitles in the first input and beside it')
  addKeyOptions(command)
  command
    .option('--decrypt', 'decrypt a fragmented MP4 file, or the playlist of one rendition')
    .option('--json', 'print the result as one JSON object')
    .addHelpText('after', HELP)
    .action(run)
}

interface Flags extends KeyFlags {
  readonly out: string
  readonly scheme?: PackageScheme
  readonly segment: number
  readonly rotate?: number
  readonly clearLead?: number
  readonly license?: string
  readonly system: readonly System[]
  readonly pssh?: Uint8Array
  readonly fairplayId?: string
  readonly keyUrl?: string
  readonly subtitles: boolean
  readonly decrypt?: true
  readonly json?: true
}

/** What has no meaning where nothing is encrypted. */
const ENCRYPTION_FLAGS = [
  'key',
  'keyFile',
  'cpix',
  'speke',
  'cpixOut',
  'rotate',
  'clearLead',
  'license',
  'pssh',
  'fairplayId',
  'keyUrl',
] as const satisfies readonly (keyof Flags)[]

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
  const given = ENCRYPTION_FLAGS.find((name) => flags[name] !== undefined)
  if (flags.scheme === undefined && (given !== undefined || flags.system.length > 0)) {
    const flag = (given ?? 'system').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
    throw new ConfigError('ERR_USAGE', `expected --scheme cenc, cbcs or aes-128 beside --${flag}, found none`)
  }
  const keys = flags.scheme === undefined ? undefined : await chooseKeys(flags, flags.system, flags.out)
  const encryption = keys === undefined ? undefined : encryptionOf(flags, keys)
  const result = await packageMedia({
    inputs,
    out: flags.out,
    segmentSeconds: flags.segment,
    subtitles: flags.subtitles,
    signal,
    onProgress: ({ files, totalFiles, bytes }) =>
      status.show(`${bar(files / totalFiles)} ${(bytes / 1e6).toFixed(1)} MB`),
    onNote(note) {
      status.clear()
      process.stderr.write(`headend: ${note}\n`)
    },
    ...(encryption === undefined ? {} : { encryption }),
  })
  if (flags.json === true) return `${JSON.stringify(result)}\n`
  return describe(result, flags, keys?.keyFile)
}

function encryptionOf(flags: Flags, keys: ChosenKeys): PackageEncryption {
  const { scheme = 'cenc', rotate, clearLead, license, pssh, fairplayId, keyUrl } = flags
  return {
    scheme,
    key: keys.source,
    systems: flags.system,
    ...(rotate === undefined ? {} : { rotateSeconds: rotate }),
    ...(clearLead === undefined ? {} : { clearLeadSeconds: clearLead }),
    ...(license === undefined ? {} : { licenseUrl: license }),
    ...(pssh === undefined ? {} : { pssh }),
    ...(fairplayId === undefined ? {} : { fairPlayId: fairplayId }),
    ...(keyUrl === undefined ? {} : { keyUrl }),
  }
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
  if (keys === undefined) {
    const found = flags.keyFile === undefined ? 'neither' : `no file ${flags.keyFile}`
    throw new ConfigError('ERR_USAGE', `expected --key or --key-file with the keys of the file, found ${found}`)
  }
  const result = await decryptMedia({
    input,
    output: flags.out,
    keys,
    signal,
    onProgress: (done) => status.show(bar(done)),
  })
  if (flags.json === true) return `${JSON.stringify(result)}\n`
  const what = result.segments > 0 ? `${result.segments} segments` : `${result.samples} samples`
  return `${flags.out}: ${(result.bytes / 1e6).toFixed(1)} MB, ${what} decrypted\n`
}

function describe(result: PackageResult, { out, scheme }: Flags, keyFile: string | undefined): string {
  const lines = [
    `${out}: ${result.files} files written${result.kept > 0 ? `, ${result.kept} kept from before` : ''}, ${(result.bytes / 1e6).toFixed(1)} MB, ${result.duration.toFixed(1)} s`,
    ...result.renditions.map((rendition) => `  ${rendition}`),
    scheme === 'aes-128' ? '  index.m3u8 (HLS)' : '  index.m3u8 (HLS), manifest.mpd (DASH)',
  ]
  if (scheme !== undefined) {
    const keys = result.keyIds.length === 1 ? 'one key' : `${result.keyIds.length} keys`
    lines.push(`  ${scheme} with ${keys}: ${result.verified} files decrypted again and found right`)
  }
  if (keyFile !== undefined) lines.push(`  keys in ${keyFile}: keep it, and keep it secret`)
  if (result.keyFiles.length > 0) {
    lines.push(`  keys in ${result.keyFiles.length} files of the folder (.key): give them to nobody who may not play`)
  }
  return `${lines.join('\n')}\n`
}

function bar(done: number): string {
  const filled = Math.round(done * BAR_WIDTH)
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${String(Math.floor(done * 100)).padStart(3)}%`
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value >= 0.5 && value <= 60)) throw new InvalidArgumentError('expected 0.5 to 60 seconds')
  return value
}

function positive(text: string): number {
  const value = Number(text)
  if (!(value > 0 && value <= 1e7)) throw new InvalidArgumentError('expected seconds, above 0')
  return value
}

function base64(text: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) throw new InvalidArgumentError('expected base64')
  return Uint8Array.from(Buffer.from(text, 'base64'))
}

function systems(text: string): readonly System[] {
  return text.split(',').map((name) => {
    const found = SYSTEMS.find((system) => system === name.trim())
    if (found === undefined) throw new InvalidArgumentError(`expected ${SYSTEMS.join(', ')}, found ${name}`)
    return found
  })
}
