/** `headend push INPUT URL`: publishes a file, a device, a pattern or another stream to a server, in real time, or offers it for fetching. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { ConfigError, lanHosts, type PushReport, push } from '../index.ts'
import { abortOnSignals, formatBitrate, formatDuration, StatusLine } from './status-line.ts'

const DEFAULT_BITRATE_KBPS = 2500
const DEFAULT_KEY_INTERVAL = 2

export function configure(command: Command): void {
  command
    .description(
      'Publishes INPUT to a server: media files (MP4, MOV, MKV, WebM, TS, FLV, ASF, MP3, AAC) as they are where the server can take that, anything else (devices, other files, addresses, lavfi:PATTERN) encoded by ffmpeg. Comes back by itself when the connection breaks.',
    )
    .argument('<input>', 'file, device (/dev/video0), address, lavfi:PATTERN, or "-" for FLV on standard input')
    .argument('[url]', 'rtmp://HOST/live/NAME?key=KEY or wmhttp://HOST/live/NAME?key=KEY (Windows Media)')
    .option(
      '--serve <port>',
      'instead of pushing, let Windows Media servers and players fetch it from this port',
      count,
    )
    .option('--host <address>', 'address that --serve listens on (default: all)')
    .addOption(new Option('--transcode <format>', 'encode even what could be sent as it is').choices(['wmv']))
    .option('--loop', 'start again at the end of the input')
    .option('--retries <count>', 'tries after a broken connection (default: for ever)', count)
    .option('--bitrate <kbps>', `video bit rate where ffmpeg encodes, kb/s (default ${DEFAULT_BITRATE_KBPS})`, count)
    .option(
      '--key-interval <seconds>',
      `time between key frames where ffmpeg encodes (default ${DEFAULT_KEY_INTERVAL})`,
      count,
    )
    .option('--ffmpeg <program>', 'path of ffmpeg', 'ffmpeg')
    .option('--json', 'print the report as one JSON object')
    .option('--insecure', 'accept any certificate')
    .action(run)
}

interface Flags {
  readonly serve?: number
  readonly host?: string
  readonly transcode?: 'wmv'
  readonly loop?: true
  readonly retries?: number
  readonly bitrate?: number
  readonly keyInterval?: number
  readonly ffmpeg: string
  readonly json?: true
  readonly insecure?: true
}

async function run(input: string, url: string | undefined, flags: Flags): Promise<void> {
  if ((url === undefined) === (flags.serve === undefined)) {
    const found = url === undefined ? 'neither' : 'both'
    throw new ConfigError('ERR_USAGE', `expected the address of a server or --serve PORT, found ${found}`)
  }
  if (flags.transcode !== undefined && url !== undefined && !url.startsWith('wmhttp:')) {
    throw new ConfigError('ERR_USAGE', 'expected --transcode wmv with wmhttp:// or --serve, found another address')
  }
  const status = new StatusLine()
  const interrupted = abortOnSignals()
  let report: PushReport
  try {
    report = await push({
      input,
      ...(url === undefined ? {} : { url }),
      ...(flags.serve === undefined
        ? {}
        : { serve: { port: flags.serve, ...(flags.host === undefined ? {} : { host: flags.host }) } }),
      transcode: flags.transcode !== undefined,
      loop: flags.loop === true,
      ...(flags.retries === undefined ? {} : { retries: flags.retries }),
      ffmpeg: flags.ffmpeg,
      videoBitrateBps: (flags.bitrate ?? DEFAULT_BITRATE_KBPS) * 1000,
      keyInterval: flags.keyInterval ?? DEFAULT_KEY_INTERVAL,
      signal: interrupted.signal,
      insecureTls: flags.insecure === true,
      onProgress: (now) => status.show(describe(now)),
      // People see it on the terminal; a report in JSON stays the only thing on standard output.
      onServing: (port) => {
        const out = flags.json === true ? process.stderr : process.stdout
        out.write(`${servedAt(flags.host, port).join('\n')}\n`)
      },
    })
  } finally {
    status.end()
    interrupted.dispose()
  }
  process.stdout.write(flags.json === true ? `${JSON.stringify(report)}\n` : `${describe(report)}\n`)
}

/** Addresses for those who fetch. */
function servedAt(host: string | undefined, port: number): string[] {
  const hosts = host === undefined ? ['127.0.0.1', ...lanHosts('0.0.0.0')] : [host.includes(':') ? `[${host}]` : host]
  return hosts.map((one) => `mms://${one}:${port}/`)
}

function describe(report: PushReport): string {
  const parts = [
    report.state,
    formatDuration(report.position),
    formatBitrate(report.bitrateBps),
    `${report.packets} packets`,
  ]
  if (report.reconnects > 0) parts.push(`${report.reconnects} reconnects`)
  if (report.state === 'waiting' && report.lastError !== undefined) parts.push(report.lastError)
  return parts.join('  ')
}

function count(text: string): number {
  const value = Number(text)
  if (!Number.isInteger(value) || value < 0) throw new InvalidArgumentError('expected a whole number')
  return value
}
