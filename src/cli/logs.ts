/** `headend logs`: the log server alone, with the settings of `headend serve`; `export` writes what is known into files, `erase` removes a session. */
import type { Command } from 'commander'
import { createLogServer, eraseSession } from '../index.ts'
import { configureExport } from './logs-export.ts'
import { configureServer } from './serve.ts'
import { placeOf, withPlace } from './server-place.ts'

export function configure(command: Command): void {
  configureServer(
    command,
    'Runs the log server alone: it takes what players report of streams and files that are served elsewhere, at /logs/cmcd and /logs/wms. Takes the options of `headend serve`.',
    createLogServer,
  )
  configureExport(command.command('export'))
  withPlace(command.command('erase'))
    .summary('remove all that is known of a session')
    .description(
      'Removes all that is known of one playback, by its id: in the data folder of a server that does not run (and the database of HEADEND_AUDIENCE_DATABASE), or by the API of one that does, with --server.',
    )
    .argument('<id>', 'id of the session, as its player gave it (CMCD sid) or as the API shows it')
    .action(async (id: string, _flags: unknown, self: Command) => {
      // As the server would take it; there is no flag for it, since other users see the arguments of a process.
      const database = process.env['HEADEND_AUDIENCE_DATABASE']
      const isKnown = await eraseSession(placeOf(self.optsWithGlobals()), id, { database })
      process.stdout.write(
        isKnown ? `${id} is erased\n` : `nothing is known of ${id}; what of it is on its way is left out\n`,
      )
    })
}
