/** Runs one command line and gives its exit code: 0 done, 1 failed, 2 wrong usage. */
import { Command, CommanderError } from 'commander'
import { describeError, HeadendError, packageVersion } from '../index.ts'
import { commands } from './commands.ts'

const DONE = 0
const FAILED = 1
const WRONG_USAGE = 2
/** Errors in what the user wrote, in contrast to what the machine refused. */
const USAGE_CODES = new Set([
  'ERR_CONFIG_FILE',
  'ERR_CONFIG_INVALID',
  'ERR_CONFIG_PLACEHOLDER',
  'ERR_CONFIG_UNKNOWN',
  'ERR_CONFIG_WEAK_SECRET',
  'ERR_USAGE',
])

/** Resolves when the command is over. `args` are those after the program's name. */
export async function run(args: readonly string[]): Promise<number> {
  const program = new Command('headend')
    .description('media streaming server: RTMP in, RTMP, HTTP-FLV, LL-HLS and DASH out')
    .version(packageVersion())
    .exitOverride()
    .showSuggestionAfterError()
    .configureHelp({ showGlobalOptions: true })
  const named = args.find((argument) => !argument.startsWith('-') && argument !== 'help')
  for (const entry of commands) {
    const command = program.command(entry.name).summary(entry.summary).description(entry.summary)
    if (entry.name === named) (await entry.load()).configure(command)
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return DONE
  } catch (error) {
    // Commander has printed its own message; its code is 0 for help and version.
    if (error instanceof CommanderError) return error.exitCode === 0 ? DONE : WRONG_USAGE
    process.stderr.write(`headend: ${describeError(error)}\n`)
    return error instanceof HeadendError && USAGE_CODES.has(error.code) ? WRONG_USAGE : FAILED
  }
}
