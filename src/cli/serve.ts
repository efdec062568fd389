/** `headend serve`: the server with settings from flags, environment and file, until a signal ends it. */
import { resolve } from 'node:path'
import { type Command, Option } from 'commander'
import {
  createServer,
  describeError,
  describeOptions,
  type HeadendServer,
  lanHosts,
  loadConfig,
  type OptionDescription,
  packageVersion,
} from '../index.ts'

export function configure(command: Command): void {
  configureServer(
    command,
    'Runs the media server. Every option is also a key of the file and a variable: --http-port, http.port, HEADEND_HTTP_PORT.',
    createServer,
  )
}

/** Options and action of a command that runs what `create` makes of the settings. */
export function configureServer(command: Command, description: string, create: typeof createServer): void {
  command
    .description(description)
    .addOption(new Option('--config <file>', 'settings in YAML or JSON').env('HEADEND_CONFIG'))
    .option('--json', 'print what listens as one JSON object')
  const options = describeOptions()
  for (const option of options) addFlags(command, option)
  command.action(async (values: Record<string, unknown>) => serve(values, options, create))
}

async function serve(
  values: Readonly<Record<string, unknown>>,
  options: readonly OptionDescription[],
  create: typeof createServer,
): Promise<void> {
  const file = values['config'] as string | undefined
  const flags = flagValues(values, options)
  const { input, warnings } = await loadConfig({ file, env: process.env, flags })
  const server = await create(input)
  for (const warning of warnings) process.stderr.write(`headend: ${warning}\n`)
  process.stdout.write(values['json'] === true ? `${JSON.stringify(describeServer(server))}\n` : table(server))
  // A fault in code that serves one peer must not end the streams of all others; it is logged with its stack and counted.
  process.on('uncaughtException', (error) => server.report(error, 'uncaughtException'))
  process.on('unhandledRejection', (error) => server.report(error, 'unhandledRejection'))
  process.on('SIGHUP', () => {
    const reload = async () => server.reload((await loadConfig({ file, env: process.env, flags })).input)
    reload().catch((error: unknown) =>
      process.stderr.write(`headend: settings not reloaded: ${describeError(error)}\n`),
    )
  })
  await stopSignal()
  await server.close()
  process.exit(0)
}

/** Resolves at the first signal; a second one ends the process at once. */
function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    let stopping = false
    const stop = () => {
      if (stopping) process.exit(1)
      stopping = true
      resolve()
    }
    process.on('SIGTERM', stop)
    process.on('SIGINT', stop)
  })
}

function addFlags(command: Command, option: OptionDescription): void {
  const { flag, type, description } = option
  if (flag === undefined) return
  const told = option.default === undefined || /\bdefault\b/i.test(description)
  const text = told ? description : `${description} (default ${JSON.stringify(option.default)})`
  if (type === 'boolean') {
    // One that is on needs a way off, and one that the file turned off a way on.
    command.addOption(new Option(flag, text).hideHelp(option.default === true))
    command.addOption(new Option(`--no-${flag.slice(2)}`, `off: ${description}`).hideHelp(option.default !== true))
    return
  }
  const value = type === 'number' ? 'number' : type === 'list' ? 'a,b' : (option.choices?.join('|') ?? 'text')
  command.addOption(new Option(`${flag} <${value}>`, text))
}

/** What was given on the command line, by option name; commander's own names and defaults are its matter. */
function flagValues(values: Readonly<Record<string, unknown>>, options: readonly OptionDescription[]) {
  const flags: Record<string, unknown> = {}
  for (const { name, flag } of options) {
    if (flag === undefined) continue
    const attribute = flag.slice(2).replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
    if (values[attribute] !== undefined) flags[name] = values[attribute]
  }
  return flags
}

function describeServer(server: HeadendServer) {
  const { ports, urls, secretsFile } = server
  return { pid: process.pid, version: packageVersion(), ports, urls, secrets: resolve(secretsFile.path) }
}

function table(server: HeadendServer): string {
  const { urls, ports, secretsFile, settings, secrets } = server
  const has = (name: string) => settings.modules.has(name)
  // Shown once, to the person who started it, and never into a file or a pipe.
  const key = secretsFile.created && process.stdout.isTTY ? secrets.publishKey : 'KEY'
  const rows: [string, string][] = []
  const web = urls['https'] ?? urls['http'] ?? ''
  rows.push(['Watch', `${web}/`])
  for (const host of lanHosts(settings.server.host)) rows.push(['', `http://${host}:${ports['http'] ?? 0}/`])
  if (settings.server.testChannel && has('web')) rows.push(['Test', `${web}/watch/live/test`])
  if (has('catalogue') && has('web')) rows.push(['Library', `${web}/library   (files in ${settings.server.media})`])
  if (urls['rtmp'] !== undefined) {
    rows.push(['Publish', `${urls['rtmp']}/live/NAME?key=${key}`])
    rows.push(['OBS', `server ${urls['rtmp']}/live   stream key NAME?key=${key}`])
  }
  if (has('hls')) rows.push(['HLS', `${web}/live/NAME/index.m3u8`])
  if (has('dash')) rows.push(['DASH', `${web}/live/NAME/manifest.mpd`])
  if (has('progressive')) rows.push(['FLV', `${web}/live/NAME.flv`])
  // Players of Windows Media do not speak TLS.
  const plain = urls['http']
  if (has('windowsMedia') && plain !== undefined) {
    rows.push([
      'WM',
      `${plain.replace('http:', 'mms:')}/live/NAME   (files in ${settings.server.media}: ${plain.replace('http:', 'mms:')}/vod/FILE)`,
    ])
  }
  if (has('license')) rows.push(['Licences', `${web}/license/clearkey`])
  if (has('audience')) rows.push(['Reports', `${web}/logs/cmcd   (Windows Media players: ${web}/logs/wms)`])
  rows.push(['API', `${web}/api/v1   described at ${web}/api/docs`])
  rows.push(['Secrets', `${resolve(secretsFile.path)}   (publishKey is KEY, adminToken opens the API)`])
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`)
  return `Headend ${packageVersion()} is ready\n\n${lines.join('\n')}\n\n`
}
