/** `headend token PATH`: a token that plays or publishes, as a link; `revoke` ends one, `hash-password` is for people with passwords. */
import { createInterface } from 'node:readline/promises'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { ConfigError, type CreatedToken, createToken, hashPassword, revokeToken } from '../index.ts'
import { type Base, checkBase, type PlaceFlags, placeOf, withPlace } from './server-place.ts'

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 }
const DEFAULT_BASE = 'http://localhost:8080'
const RTMP_PORT = 1935

export function configure(command: Command): void {
  withPlace(command)
    .description(
      'Makes a token that opens a path with `play: token` or `play: key`, or publishes there, and prints its links: with the secrets of the data folder, whether its server runs or not, or by the API with --server.',
    )
    .argument('<path>', 'path or pattern: live/NAME, live/*, vod/**')
    .option('--publish', 'publishes instead of playing')
    .addOption(
      new Option('--expires <time>', '30m, 2h, 7d; at most 366d').argParser(duration).default(duration('2h'), '2h'),
    )
    .option('--uses <number>', 'how many addresses may use it', whole)
    .option('--renew <time>', 'who uses it shows it again within twice this time, or frees its place', duration)
    .option('--ip <address>', 'address or network it is for: 192.0.2.7, 192.0.2.0/24')
    .option('--base <url>', `address of the server in the links (default: --server, or ${DEFAULT_BASE})`)
    .option('--url', 'print the link only: the watch page, or for --publish the RTMP address')
    .option('--json', 'print one JSON object')
    .action(create)
  withPlace(command.command('revoke'))
    .summary('end a token')
    .description('Ends a token by its id, from the next request on; who plays with it is sent away.')
    .argument('<id>', 'id that was printed with the token')
    .action(async (id: string, _flags: unknown, self: Command) => {
      await revokeToken(placeOf(self.optsWithGlobals()), id)
      process.stdout.write(`${id} opens nothing any more\n`)
    })
  command
    .command('hash-password')
    .summary('hash a password for `users` of a path')
    .description('Reads a password from the standard input and prints what goes into paths.….users.NAME.password.')
    .action(async () => {
      process.stdout.write(`${await hashPassword(await readPassword())}\n`)
    })
}

interface TokenFlags extends PlaceFlags {
  readonly publish?: true
  readonly expires: number
  readonly uses?: number
  readonly renew?: number
  readonly ip?: string
  readonly base?: string
  readonly url?: true
  readonly json?: true
}

async function create(path: string, flags: TokenFlags): Promise<void> {
  const base = checkBase(flags.base ?? flags.server ?? DEFAULT_BASE, flags.base === undefined ? '--server' : '--base')
  const created = await createToken(placeOf(flags), {
    path,
    actions: [flags.publish === true ? 'publish' : 'play'],
    expiresSeconds: flags.expires,
    ...(flags.uses === undefined ? {} : { uses: flags.uses }),
    ...(flags.renew === undefined ? {} : { renewSeconds: flags.renew }),
    ...(flags.ip === undefined ? {} : { ip: flags.ip }),
  })
  const links = flags.publish === true ? publishLinks(base, path, created) : playLinks(base, path, created)
  const [first] = Object.values(links)
  if (flags.json === true) {
    const { token, id, expiresAt } = created
    process.stdout.write(`${JSON.stringify({ token, id, expiresAt: expiresAt.toISOString(), links })}\n`)
  } else if (flags.url === true) {
    process.stdout.write(`${first ?? created.token}\n`)
  } else {
    const rows = { Token: created.token, Id: created.id, Expires: created.expiresAt.toISOString(), ...links }
    for (const [name, text] of Object.entries(rows)) process.stdout.write(`${name.padEnd(8)} ${text}\n`)
  }
  if (created.open === true && flags.publish !== true) {
    process.stderr.write(`headend: everybody may play ${path}; it needs the setting paths.${path}.play: token\n`)
  }
}

/** A pattern stands for many addresses: it has no links. */
function playLinks({ http, authority, host }: Base, path: string, { token }: CreatedToken): Record<string, string> {
  if (path.includes('*')) return {}
  const encoded = encodePath(path)
  const query = `?token=${token}`
  return {
    Watch: `${http}/watch/${encoded}${query}`,
    HLS: `${http}/${encoded}/index.m3u8${query}`,
    DASH: `${http}/${encoded}/manifest.mpd${query}`,
    FLV: `${http}/${encoded}.flv${query}`,
    RTMP: `rtmp://${host}:${RTMP_PORT}/${encoded}${query}`,
    WM: `mms://${authority}/${encoded}${query}`,
    // Whether the path is protected, the data folder does not tell; other paths have no keys to ask for.
    Licence: `${http}/license/clearkey${query}`,
  }
}

function publishLinks({ host, authority }: Base, path: string, { token }: CreatedToken): Record<string, string> {
  if (path.includes('*')) return {}
  const encoded = encodePath(path)
  return {
    RTMP: `rtmp://${host}:${RTMP_PORT}/${encoded}?token=${token}`,
    WM: `wmhttp://${authority}/${encoded}?token=${token}`,
  }
}

function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

async function readPassword(): Promise<string> {
  const lines = createInterface({ input: process.stdin, terminal: false })
  if (process.stdin.isTTY) process.stderr.write('Password (it is shown): ')
  for await (const line of lines) {
    lines.close()
    return line
  }
  throw new ConfigError('ERR_USAGE', 'expected a password on the standard input, found none')
}

function duration(text: string): number {
  const [, number = '', unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? []
  const seconds = Number(number) * (SECONDS[unit] ?? 1)
  if (number === '' || seconds < 1) throw new InvalidArgumentError('expected a time like 30m, 2h or 7d')
  return seconds
}

function whole(text: string): number {
  if (!/^[1-9]\d{0,6}$/.test(text)) throw new InvalidArgumentError('expected a whole number above 0')
  return Number(text)
}
