/** `headend record list` and `headend record export`: what a server has recorded, and a range of it as one file. */
import { type Command, InvalidArgumentError } from 'commander'
import {
  ConfigError,
  exportRecording,
  listRecordings,
  parseMoment,
  type Recording,
  type RecordingPlace,
} from '../index.ts'
import { abortOnSignals, formatDuration, StatusLine } from './status-line.ts'

export function configure(command: Command): void {
  command.description(
    'Lists what a server has recorded, and cuts ranges of it to MP4 without encoding: in its data folder, whether it runs or not, or by its API with --server.',
  )
  withPlace(command.command('list'))
    .summary('list recordings')
    .description('Lists recordings, the oldest first. PATH is live/NAME; without it all are listed.')
    .argument('[path]', 'path of a stream: live/NAME')
    .option('--json', 'print one JSON object')
    .action(list)
  withPlace(command.command('export'))
    .summary('cut a range to an MP4 file')
    .description(
      'Cuts a range of the wall clock across all files of a path. It begins with the last key picture that is not after --from, so that nothing is encoded anew.',
    )
    .argument('<path>', 'path of the stream: live/NAME')
    .requiredOption('--from <time>', '2026-11-25T03:41:00Z, 03:41 of today, or -10m', moment)
    .option('--to <time>', 'the same; default now', moment)
    .option('-o, --output <file>', 'file to write (default: named by path and time)')
    .option('--json', 'print the report as one JSON object')
    .action(exportRange)
}

interface PlaceFlags {
  readonly data: string
  readonly server?: string
  readonly token?: string
  readonly json?: true
}

interface ExportFlags extends PlaceFlags {
  readonly from: number
  readonly to?: number
  readonly output?: string
}

function withPlace(command: Command): Command {
  return command
    .option('--data <folder>', 'data folder of the server', process.env['HEADEND_DATA'] ?? './data')
    .option('--server <url>', 'ask the server at this address instead: http://HOST:8080')
    .option('--token <token>', 'adminToken of that server (default: the variable HEADEND_TOKEN)')
}

function placeOf({ data, server, token = process.env['HEADEND_TOKEN'] }: PlaceFlags): RecordingPlace {
  if (server === undefined) return { data }
  if (!/^https?:\/\//.test(server) || !URL.canParse(server)) {
    throw new ConfigError('ERR_USAGE', 'expected --server with an address like http://HOST:8080')
  }
  if (token === undefined)
    throw new ConfigError('ERR_USAGE', 'expected --token or HEADEND_TOKEN with --server, found neither')
  return { server, token }
}

async function list(path: string | undefined, flags: PlaceFlags): Promise<void> {
  const recordings = await listRecordings({ place: placeOf(flags), ...(path === undefined ? {} : { path }) })
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify({ recordings })}\n`)
    return
  }
  for (const recording of recordings) process.stdout.write(`${describe(recording)}\n`)
}

async function exportRange(path: string, flags: ExportFlags): Promise<void> {
  const { from, to = Date.now() } = flags
  const output =
    flags.output ??
    `${path.replaceAll('/', '-')}-${new Date(from).toISOString().slice(0, 19).replaceAll(':', '-')}Z.mp4`
  const status = new StatusLine()
  const interrupted = abortOnSignals()
  try {
    const report = await exportRecording({
      place: placeOf(flags),
      path,
      from,
      to,
      output,
      signal: interrupted.signal,
      onProgress: ({ bytes, total }) => status.show(progressBar(bytes, total)),
    })
    status.end()
    process.stdout.write(
      flags.json === true ? `${JSON.stringify(report)}\n` : `${report.output}  ${megabytes(report.bytes)}\n`,
    )
  } finally {
    status.end()
    interrupted.dispose()
  }
}

const BAR_WIDTH = 30

function progressBar(bytes: number, total: number): string {
  const share = total === 0 ? 0 : Math.min(1, bytes / total)
  const full = Math.round(share * BAR_WIDTH)
  return `${'█'.repeat(full)}${'░'.repeat(BAR_WIDTH - full)} ${Math.round(share * 100)} %  ${megabytes(bytes)}`
}

function describe({ file, startedAt, bytes, durationMs }: Recording): string {
  const length = durationMs === undefined ? 'grows' : formatDuration(durationMs / 1000)
  return [startedAt.toISOString(), length.padStart(10), megabytes(bytes).padStart(12), file].join('  ')
}

function megabytes(bytes: number): string {
  return `${(bytes / 1_000_000).toFixed(1)} MB`
}

function moment(text: string): number {
  try {
    return parseMoment(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : 'expected a moment')
  }
}
