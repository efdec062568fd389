/** All options as data: what flags, variables, help, the file check and the reference page are made from. */
import type { z } from 'zod'
import { moduleSettings, serverSettings } from './settings.ts'

/*
 * The rule of names: the key `http.port` of the file is the flag `--http-port` and the variable `HEADEND_HTTP_PORT`;
 * `testChannel` is `--test-channel`, `--no-test-channel` and `HEADEND_TEST_CHANNEL`. Secrets have no flag: other users of a
 * machine see the arguments of a process. Maps (`paths`, `playlists`) are in the file only.
 */

/** What kind of value an option takes. */
export type OptionType = 'string' | 'number' | 'boolean' | 'choice' | 'list' | 'map'

/** One option: its names everywhere, its values, and what it does. */
export interface OptionDescription {
  /** Keys of the file, outermost first. */
  readonly path: readonly string[]
  /** `http.port` */
  readonly name: string
  readonly type: OptionType
  /** Accepted values, of a choice. */
  readonly choices?: readonly string[]
  /** Smallest and largest number. */
  readonly minimum?: number
  readonly maximum?: number
  readonly default?: unknown
  readonly description: string
  readonly secret: boolean
  /** `--http-port`; `undefined`: not settable by flag. */
  readonly flag?: string
  /** `HEADEND_HTTP_PORT`; `undefined`: not settable by variable. */
  readonly env?: string
  /** Options of each entry, of a map. */
  readonly entries?: readonly OptionDescription[]
}

/** Every option of the server and its modules. */
export function describeOptions(): readonly OptionDescription[] {
  const options = describeObject(serverSettings, [])
  for (const [name, schema] of moduleSettings) {
    options.push({
      ...names([name], 'boolean', false),
      type: 'boolean',
      default: true,
      description: `Offer ${name}; \`${name}: false\` in the file, or --no-${kebab(name)}, turns it off.`,
    })
    options.push(...describeObject(schema, [name]))
  }
  return options
}

/** What a schema says when optional, default and description are taken off. */
interface Unwrapped {
  readonly schema: z.ZodType
  readonly default: unknown
  readonly description: string
  readonly secret: boolean
}

export function unwrap(schema: z.ZodType): Unwrapped {
  let current = schema
  let fallback: unknown
  let description: string | undefined
  let secret = false
  for (;;) {
    const meta = current.meta()
    description ??= meta?.description
    secret ||= meta?.['secret'] === true
    const { def } = current
    if (def.type === 'default' || def.type === 'prefault') {
      fallback ??= (def as z.core.$ZodDefaultDef).defaultValue
    } else if (def.type === 'pipe') {
      current = (def as z.core.$ZodPipeDef).in as z.ZodType
      continue
    } else if (def.type !== 'optional' && def.type !== 'nullable' && def.type !== 'readonly') {
      return { schema: current, default: fallback, description: description ?? '', secret }
    }
    current = (def as z.core.$ZodOptionalDef).innerType as z.ZodType
  }
}

/** Keys and schemas of an object schema; `undefined` when it is none. */
export function shapeOf(schema: z.ZodType): Readonly<Record<string, z.ZodType>> | undefined {
  const { def } = unwrap(schema).schema
  return def.type === 'object'
    ? ((def as z.core.$ZodObjectDef).shape as Readonly<Record<string, z.ZodType>>)
    : undefined
}

/** Schema of the values of a map; `undefined` when it is none. */
export function entryOf(schema: z.ZodType): z.ZodType | undefined {
  const { def } = unwrap(schema).schema
  return def.type === 'record' ? ((def as z.core.$ZodRecordDef).valueType as z.ZodType) : undefined
}

/** The object of a setting that is on, off, or an object: `record`. */
function objectChoice(schema: z.ZodType): z.ZodType | undefined {
  const { def } = unwrap(schema).schema
  if (def.type !== 'union') return undefined
  return (def as z.core.$ZodUnionDef).options.map((one) => one as z.ZodType).find((one) => shapeOf(one) !== undefined)
}

function describeObject(schema: z.ZodType, path: readonly string[]): OptionDescription[] {
  const options: OptionDescription[] = []
  for (const [key, value] of Object.entries(shapeOf(schema) ?? {})) {
    const inner = [...path, key]
    const choice = objectChoice(value)
    if (choice !== undefined) options.push(describeValue(value, inner), ...describeObject(choice, inner))
    else if (shapeOf(value) === undefined) options.push(describeValue(value, inner))
    else options.push(...describeObject(value, inner))
  }
  return options
}

function describeValue(schema: z.ZodType, path: readonly string[]): OptionDescription {
  const { schema: core, default: fallback, description, secret } = unwrap(schema)
  const type = typeOf(core)
  const entry = entryOf(core)
  return {
    ...names(path, type, secret),
    type,
    ...(type === 'choice' ? { choices: Object.values((core.def as z.core.$ZodEnumDef).entries).map(String) } : {}),
    ...(type === 'number' ? rangeOf(core) : {}),
    ...(fallback === undefined ? {} : { default: fallback }),
    description,
    ...(entry === undefined ? {} : { entries: describeObject(entry, []) }),
  }
}

function names(path: readonly string[], type: OptionType, secret: boolean) {
  const words = path.map(kebab).join('-')
  return {
    path,
    name: path.join('.'),
    secret,
    ...(secret || type === 'map' ? {} : { flag: `--${words}` }),
    ...(type === 'map' ? {} : { env: `HEADEND_${words.replaceAll('-', '_').toUpperCase()}` }),
  }
}

function kebab(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function typeOf(schema: z.ZodType): OptionType {
  switch (schema.def.type) {
    case 'number':
    case 'int':
      return 'number'
    case 'boolean':
      return 'boolean'
    case 'enum':
      return 'choice'
    case 'array':
      return 'list'
    case 'union':
      return typeOf((schema.def as z.core.$ZodUnionDef).options[0] as z.ZodType)
    case 'record':
      return 'map'
    default:
      return 'string'
  }
}

function rangeOf(schema: z.ZodType): { minimum?: number; maximum?: number } {
  const { minValue, maxValue } = schema as z.ZodNumber
  return {
    ...(minValue === null ? {} : { minimum: minValue }),
    ...(maxValue === null ? {} : { maximum: maxValue }),
  }
}
