/** `headend play URL`: opens a stream, checks and measures it, and writes or pipes it. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import {
  ConfigError,
  type ContentKey,
  HeadendError,
  type PlayReport,
  type PlayResult,
  parseContentKey,
  play,
  readKeyFile,
} from '../index.ts'
import { abortOnSignals, formatBitrate, formatDuration, StatusLine } from './status-line.ts'

/** Of an ASF header. */
const MAX_STREAM_NUMBER = 127

export function configure(command: Command): void {
  command
    .description(
      'Plays rtmp(s)://, mms(h)://, http(s)://….m3u8, ….mpd, ….flv, ….asf (.wmv, .wma), ….asx or ws(s)://….flv without a screen: measures it, checks that it keeps the rules (exit 1 when it does not), and writes it.',
    )
    .argument('<url>', 'address of the stream')
    .option('-d, --duration <seconds>', 'stop after this long', seconds)
    .option('--start <seconds>', 'begin so far into a file (mms only)', seconds)
    .option('--streams <numbers>', 'take only these streams of a file or broadcast, as 1,3 (mms only)', numbers)
    .option('-o, --output <file>', 'write .mp4, .flv or .asf (.wmv, .wma); "-" pipes to standard output')
    .addOption(
      new Option('--format <format>', 'container, where the name of the output does not tell').choices([
        'mp4',
        'flv',
        'asf',
      ]),
    )
    .option(
      '--key <kid:key>',
      'content key of an encrypted stream in hexadecimal, may be given several times; other users of this machine can see it while the command runs',
      (text: string, before: readonly ContentKey[]) => [...before, key(text)],
      [] as readonly ContentKey[],
    )
    .option('--key-file <file>', 'file with content keys, KID:KEY a line')
    .option('--license <url>', 'ask this Clear Key licence server for keys: https://HOST/license/clearkey')
    .option('--token <token>', 'shown to the licence server (default: the token in the address of the stream)')
    .option(
      '--report <url>',
      'tell a collector how playing goes, as CMCD: https://HOST/logs/cmcd (default: tell nobody)',
    )
    .option(
      '--log-url <url>',
      'send the logs of a Windows Media player to this web server, too: https://HOST/logs/wms (mms only)',
    )
    .option('--json', 'print the report as one JSON object')
    .option('--insecure', 'accept any certificate')
    .action(run)
}

interface Flags {
  readonly duration?: number
  readonly output?: string
  readonly format?: 'mp4' | 'flv' | 'asf'
  readonly start?: number
  readonly streams?: readonly number[]
  readonly key: readonly ContentKey[]
  readonly keyFile?: string
  readonly license?: string
  readonly token?: string
  readonly report?: string
  readonly logUrl?: string
  readonly json?: true
  readonly insecure?: true
}

async function run(url: string, flags: Flags): Promise<void> {
  if (flags.output === '-' && flags.json === true) {
    throw new ConfigError('ERR_USAGE', 'expected --json or --output -, found both: they write to the same place')
  }
  // What reads HTTP and WebSocket takes this from nowhere else; this process does nothing but play.
  if (flags.insecure === true) process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0'
  const status = new StatusLine()
  const interrupted = abortOnSignals()
  let result: PlayResult
  try {
    result = await play({
      url,
      signal: interrupted.signal,
      ...(flags.duration === undefined ? {} : { duration: flags.duration }),
      ...(flags.start === undefined ? {} : { start: flags.start }),
      ...(flags.streams === undefined ? {} : { streams: flags.streams }),
      ...(flags.output === undefined ? {} : { output: flags.output }),
      ...(flags.format === undefined ? {} : { format: flags.format }),
      keys: [...flags.key, ...(await keysOf(flags.keyFile))],
      ...(flags.license === undefined ? {} : { license: flags.license }),
      ...(flags.token === undefined ? {} : { token: flags.token }),
      ...(flags.report === undefined ? {} : { report: flags.report }),
      ...(flags.logUrl === undefined ? {} : { logUrl: flags.logUrl }),
      insecureTls: flags.insecure === true,
      onProgress: (report) => status.show(progress(report)),
    })
  } finally {
    status.end()
    interrupted.dispose()
  }
  // With a pipe on standard output, people still see the report.
  const out = flags.output === '-' ? process.stderr : process.stdout
  out.write(flags.json === true ? `${JSON.stringify(result)}\n` : describe(result))
  if (result.dataPackets === 0 && result.tracks.every((track) => track.packets === 0)) {
    throw new BrokenStreamError('ERR_PLAY_EMPTY', 'nothing came')
  }
  if (result.problems.length > 0) {
    throw new BrokenStreamError(
      'ERR_PLAY_BROKEN',
      `the stream broke ${result.problems.length} rule(s): ${result.problems.map((problem) => problem.rule).join(', ')}`,
    )
  }
}

/** The stream broke its own rules; the report is printed already. */
class BrokenStreamError extends HeadendError {}

function progress(report: PlayReport): string {
  const video = report.tracks.find((track) => track.kind === 'video')
  const parts = [formatDuration(report.elapsed), formatBitrate(report.bitrateBps)]
  if (video !== undefined) parts.push(`${video.packetRate.toFixed(1)} fps`)
  if (report.delay !== undefined) parts.push(`delay ${report.delay.last.toFixed(1)} s`)
  const gaps = report.tracks.reduce((sum, track) => sum + track.gaps, 0)
  parts.push(`${gaps} gaps`, `${report.problems.length} problems`)
  return parts.join('  ')
}

function describe(result: PlayResult): string {
  const lines = [`${result.url}: ${formatDuration(result.elapsed)}, ${formatBitrate(result.bitrateBps)}`]
  if (result.startup !== undefined) lines.push(`  first packet after ${result.startup.toFixed(2)} s`)
  for (const track of result.tracks) {
    const size = track.width === undefined ? '' : ` ${track.width}×${track.height}`
    const sound = track.sampleRate === undefined ? '' : ` ${track.sampleRate} Hz, ${track.channels} channel(s)`
    const rate = track.kind === 'video' ? `, ${track.packetRate.toFixed(2)} fps` : ''
    lines.push(
      `  track ${track.id}: ${track.kind} ${track.codec}${size}${sound}, ${formatBitrate(track.bitrateBps)}${rate}, ${track.packets} packets, ${track.gaps} gaps`,
    )
  }
  if (result.dataPackets > 0) lines.push(`  ${result.dataPackets} ASF data packets as they came`)
  if (result.delay !== undefined) {
    lines.push(`  delay ${result.delay.mean.toFixed(2)} s on average, at most ${result.delay.max.toFixed(2)} s`)
  }
  for (const problem of result.problems)
    lines.push(`  broken rule ${problem.rule} (${problem.count}×): ${problem.message}`)
  for (const file of result.files) if (file !== '-') lines.push(`  written to ${file}`)
  return `${lines.join('\n')}\n`
}

function key(text: string): ContentKey {
  try {
    return parseContentKey(text)
  } catch {
    throw new InvalidArgumentError('expected KID:KEY, each of 32 hexadecimal digits')
  }
}

async function keysOf(file: string | undefined): Promise<readonly ContentKey[]> {
  if (file === undefined) return []
  const keys = await readKeyFile(file)
  if (keys === undefined) throw new ConfigError('ERR_USAGE', `expected a file with keys, found no ${file}`)
  return keys
}

function seconds(text: string): number {
  const value = Number(text)
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number of seconds above 0')
  return value
}

function numbers(text: string): readonly number[] {
  const values = text.split(',').map(Number)
  if (!values.every((value) => Number.isInteger(value) && value >= 1 && value <= MAX_STREAM_NUMBER)) {
    throw new InvalidArgumentError(`expected numbers from 1 to ${MAX_STREAM_NUMBER} with commas between them`)
  }
  return values
}
