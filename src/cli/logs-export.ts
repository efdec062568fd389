/** `headend logs export`: what is known of the audience, in files. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { type AudienceExportFormat, exportAudience, parseMoment } from '../index.ts'

interface ExportFlags {
  readonly data: string
  readonly format: AudienceExportFormat
  readonly from: number
  readonly until?: number
  readonly path?: string
  readonly output: string
  readonly fileBytes?: number
  readonly plain?: true
}

export function configureExport(command: Command): void {
  command
    .summary('write sessions or their events into files')
    .description(
      'Writes the sessions of a range of time, or all events of each, into files: from the data folder of a server, whether it runs or not (and the database of HEADEND_AUDIENCE_DATABASE).',
    )
    .argument('<what>', 'sessions or events', (what) => {
      if (what !== 'sessions' && what !== 'events') throw new InvalidArgumentError('Expected sessions or events.')
      return what
    })
    .option('--data <folder>', 'data folder of the server', process.env['HEADEND_DATA'] ?? './data')
    .addOption(
      new Option(
        '--format <format>',
        'csv: for spreadsheets; jsonl: one JSON object a line; w3c: W3C extended log; wms: lines of Windows Media players, of events alone',
      )
        .choices(['csv', 'jsonl', 'w3c', 'wms'])
        .default('w3c'),
    )
    .requiredOption('--from <time>', '2026-11-25T03:41:00Z, 03:41 of today, or -10m', moment)
    .option('--until <time>', 'the same; default now', moment)
    .option('--path <path>', 'only of this stream or file: live/NAME')
    .option('-o, --output <folder>', 'folder for the files', '.')
    .option('--file-bytes <bytes>', 'after which a new file begins, before compression (default: 64 MiB)', bytes)
    .option('--plain', 'not compressed')
    .action(async (what: 'sessions' | 'events', _flags: unknown, self: Command) => {
      const flags = self.optsWithGlobals<ExportFlags>()
      const paths = await exportAudience({
        data: flags.data,
        database: process.env['HEADEND_AUDIENCE_DATABASE'],
        what,
        format: flags.format,
        from: flags.from,
        until: flags.until ?? Date.now(),
        path: flags.path,
        folder: flags.output,
        maxBytes: flags.fileBytes,
        compress: flags.plain !== true,
      })
      process.stdout.write(`${paths.join('\n')}\n`)
    })
}

function moment(text: string): number {
  try {
    return parseMoment(text)
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : 'expected a moment')
  }
}

function bytes(text: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new InvalidArgumentError('Expected a number of bytes above 0.')
  return Number(text)
}
