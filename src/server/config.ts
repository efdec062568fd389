/** From defaults, file, environment and flags to checked settings; a mistake is refused with its place and what would be right. */
import { readFile } from 'node:fs/promises'
import type { z } from 'zod'
import { ConfigError, describeError } from '../errors.ts'
import { checkAccess } from './check-access.ts'
import { nearestName } from './nearest.ts'
import { describeOptions, entryOf, type OptionDescription, shapeOf } from './options.ts'
import { moduleSettings, type ServerSettings, type Settings, serverSettings } from './settings.ts'
import { refuseWeakSecret } from './weak-secret.ts'

/** Settings as written in a file or given to `createServer`: nested objects, everything optional. */
export type SettingsInput = Readonly<Record<string, unknown>>

/** Where settings come from, the later over the earlier: file, environment, flags. */
export interface ConfigSources {
  /** YAML or JSON file. */
  readonly file?: string | undefined
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Values by option name: `{'http.port': '0'}`. */
  readonly flags?: Readonly<Record<string, unknown>>
}

/** Settings put together and checked. */
export interface LoadedConfig {
  /** For `createServer` and `reload`; checked already. */
  readonly input: SettingsInput
  readonly settings: Settings
  /** Variables that look like ours but are not known, with the nearest name. */
  readonly warnings: readonly string[]
}

const MAX_CONFIG_FILE = 1024 * 1024
/** Settings whose value no message quotes. */
const SECRET_NAME = /(?:^|\.)(?:publishKey|playKey|adminToken|pull|password|secret|webhook\.url|audience\.database)$/
/** What clients here can fetch from. */
const PULL_SCHEME = /^(?:mms|mmsh|rtmps?):\/\//i
/** Keys that are about the file, not about the server. */
const IGNORED_KEYS = new Set(['$schema'])
/** Variables of the command line itself. */
const COMMAND_VARIABLES = new Set(['HEADEND_CONFIG'])

/** Defaults < file < environment < flags. Throws ConfigError with a code `ERR_CONFIG_…`. */
export async function loadConfig(sources: ConfigSources): Promise<LoadedConfig> {
  const options = describeOptions()
  const { values, warnings } = fromEnvironment(sources.env ?? {}, options)
  const merged: Record<string, unknown> = {}
  if (sources.file !== undefined) mergeInto(merged, await readConfigFile(sources.file))
  for (const [option, value] of values) setValue(merged, option, value, option.env ?? option.name)
  for (const option of options) {
    const value = sources.flags?.[option.name]
    if (value !== undefined) setValue(merged, option, value, option.flag ?? option.name)
  }
  return { input: merged, settings: parseSettings(merged), warnings }
}

/** Checks settings. Throws ConfigError: ERR_CONFIG_UNKNOWN, ERR_CONFIG_INVALID, ERR_CONFIG_PLACEHOLDER, ERR_CONFIG_WEAK_SECRET. */
export function parseSettings(input: SettingsInput): Settings {
  if (!isObject(input)) throw invalid(`expected settings as an object, found ${show(input)}`)
  const own: Record<string, unknown> = {}
  const modules = new Map<string, unknown>()
  const known = [...Object.keys(serverSettings.shape), ...moduleSettings.keys()]
  for (const [key, value] of Object.entries(input)) {
    if (IGNORED_KEYS.has(key)) continue
    if (!known.includes(key)) throw unknown(key, known)
    if (!moduleSettings.has(key)) own[key] = value
  }
  refuseUnknownKeys(serverSettings, own, [])
  const server = check(serverSettings, own, [])
  for (const [name, schema] of moduleSettings) {
    const value = input[name] ?? {}
    if (value === false) continue
    refuseUnknownKeys(schema, value, [name])
    modules.set(name, check(schema, value === true ? {} : value, [name]))
  }
  refuseWeakSecrets(server)
  checkPulls(server)
  checkAccess(server)
  if ((server.tls.certificate === undefined) !== (server.tls.key === undefined)) {
    throw invalid('tls: expected both certificate and key, found one of them')
  }
  return { server, modules }
}

/** A pull needs one path and an address; the address may hold a key and is not quoted. */
function checkPulls(server: ServerSettings): void {
  for (const [path, { pull }] of Object.entries(server.paths)) {
    if (pull === undefined) continue
    if (path.includes('*'))
      throw invalid(`paths.${path}.pull: expected a path without "*", as one source is one stream`)
    if (!URL.canParse(pull) || !PULL_SCHEME.test(pull)) {
      throw invalid(`paths.${path}.pull: expected an address that begins with mms://, mmsh:// or rtmp(s)://`)
    }
  }
}

async function readConfigFile(file: string): Promise<Record<string, unknown>> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new ConfigError('ERR_CONFIG_FILE', `expected a readable file ${file}: ${describeError(error)}`, {
      cause: error,
    })
  }
  if (text.length > MAX_CONFIG_FILE) {
    throw new ConfigError(
      'ERR_CONFIG_FILE',
      `${file}: expected at most ${MAX_CONFIG_FILE} characters, found ${text.length}`,
    )
  }
  const { parse } = await import('yaml')
  let value: unknown
  try {
    value = parse(text, { maxAliasCount: 100 })
  } catch (error) {
    throw new ConfigError('ERR_CONFIG_FILE', `${file}: expected YAML or JSON: ${describeError(error)}`, {
      cause: error,
    })
  }
  if (value === null || value === undefined) return {}
  if (!isObject(value)) throw invalid(`${file}: expected keys and values, found ${show(value)}`)
  return value
}

function fromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  options: readonly OptionDescription[],
): { values: Map<OptionDescription, string>; warnings: string[] } {
  const byName = new Map<string, OptionDescription>()
  for (const option of options) if (option.env !== undefined) byName.set(option.env, option)
  const values = new Map<OptionDescription, string>()
  const warnings: string[] = []
  for (const [name, value] of Object.entries(env)) {
    if (!name.startsWith('HEADEND_') || value === undefined || COMMAND_VARIABLES.has(name)) continue
    const option = byName.get(name)
    if (option !== undefined) {
      values.set(option, value)
      continue
    }
    // Not refused: a cluster sets variables such as HEADEND_SERVICE_HOST in every container beside a service of that name.
    const nearest = nearestName(name, byName.keys())
    warnings.push(`${name} is not a setting${nearest === undefined ? '' : `; did you mean ${nearest}?`}`)
  }
  return { values, warnings }
}

function mergeInto(target: Record<string, unknown>, source: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(source)) {
    if (key === '__proto__') throw unknown(key, [])
    target[key] = isObject(value) ? copy(value) : value
  }
}

function copy(value: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const result: Record<string, unknown> = {}
  mergeInto(result, value)
  return result
}

function setValue(target: Record<string, unknown>, option: OptionDescription, value: unknown, source: string): void {
  let place = target
  for (const key of option.path.slice(0, -1)) {
    const next = place[key]
    if (isObject(next)) {
      place = next
    } else {
      const created: Record<string, unknown> = {}
      place[key] = created
      place = created
    }
  }
  const last = option.path.at(-1) ?? ''
  const converted = typeof value === 'string' ? fromText(option, value, source) : value
  // `--rtmp` beside `rtmp: {port: 1}` in the file keeps the port.
  if (converted === true && isObject(place[last])) return
  place[last] = converted
}

/** Variables and flags are text; the file has types. */
function fromText(option: OptionDescription, text: string, source: string): unknown {
  if (option.type === 'number') {
    if (!/^-?\d+(\.\d+)?$/.test(text.trim())) throw invalid(`${source}: expected a number, found ${show(text)}`)
    return Number(text)
  }
  if (option.type === 'boolean') {
    const word = text.trim().toLowerCase()
    if (['true', '1', 'yes', 'on'].includes(word)) return true
    if (['false', '0', 'no', 'off'].includes(word)) return false
    throw invalid(`${source}: expected true or false, found ${show(text)}`)
  }
  if (option.type === 'list') {
    return text
      .split(',')
      .map((item) => item.trim())
      .filter((item) => item !== '')
  }
  return text
}

/** Before the schema's own check, which would not name the nearest key, or would silently leave it out. */
function refuseUnknownKeys(schema: z.ZodType, value: unknown, path: readonly string[]): void {
  if (!isObject(value)) return
  const shape = shapeOf(schema)
  const entry = entryOf(schema)
  for (const [key, inner] of Object.entries(value)) {
    if (shape !== undefined) {
      const innerSchema = Object.hasOwn(shape, key) ? shape[key] : undefined
      if (innerSchema === undefined) throw unknown([...path, key].join('.'), Object.keys(shape), key)
      refuseUnknownKeys(innerSchema, inner, [...path, key])
    } else if (entry !== undefined) {
      refuseUnknownKeys(entry, inner, [...path, key])
    }
  }
}

function check<Value>(schema: z.ZodType<Value>, value: unknown, path: readonly string[]): Value {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  const [issue, ...more] = result.error.issues
  const name = [...path, ...(issue?.path ?? []).map(String)].join('.')
  const others = more.length === 0 ? '' : ` (and ${more.length} more)`
  throw invalid(`${name}: ${explain(issue, SECRET_NAME.test(name))}${others}`)
}

function explain(issue: z.core.$ZodIssue | undefined, secret: boolean): string {
  if (issue === undefined) return 'expected another value'
  const found = secret ? 'found something else' : `found ${show(issue.input)}`
  switch (issue.code) {
    case 'invalid_type':
      return `expected ${issue.expected === 'int' ? 'a whole number' : issue.expected}, ${found}`
    case 'invalid_value':
      return `expected ${issue.values.map(String).join(', ')}, ${found}`
    case 'too_small':
      return `expected at least ${issue.minimum}${issue.origin === 'string' ? ' characters' : ''}, ${found}`
    case 'too_big':
      return `expected at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}, ${found}`
    default:
      return `${issue.message}, ${found}`
  }
}

function refuseWeakSecrets(server: ServerSettings): void {
  for (const [name, secret] of Object.entries(server.auth)) {
    if (typeof secret === 'string') refuseWeakSecret(secret, `auth.${name}`)
  }
  for (const [pattern, path] of Object.entries(server.paths)) {
    if (path.publishKey !== undefined) refuseWeakSecret(path.publishKey, `paths.${pattern}.publishKey`)
    if (path.playKey !== undefined) refuseWeakSecret(path.playKey, `paths.${pattern}.playKey`)
  }
}

function unknown(name: string, known: readonly string[], key = name): ConfigError {
  const nearest = nearestName(key, known)
  const hint = nearest === undefined ? `known here: ${known.join(', ')}` : `did you mean ${nearest}?`
  return new ConfigError('ERR_CONFIG_UNKNOWN', `${name} is not a setting; ${hint}`)
}

function invalid(message: string): ConfigError {
  return new ConfigError('ERR_CONFIG_INVALID', message)
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  const text = JSON.stringify(value) ?? typeof value
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
