/** Settings for the eyes of whoever may read the API: what the schema marks as secret is left out. */
import type { z } from 'zod'
import { entryOf, shapeOf, unwrap } from './options.ts'
import { moduleSettings, type Settings, serverSettings } from './settings.ts'

export function withoutSecrets({ server, modules }: Settings): Readonly<Record<string, unknown>> {
  const shown: Record<string, unknown> = { ...(strip(serverSettings, server) as Record<string, unknown>) }
  for (const [name, schema] of moduleSettings) {
    shown[name] = modules.has(name) ? strip(schema, modules.get(name)) : false
  }
  return shown
}

function strip(schema: z.ZodType, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const shape = shapeOf(schema)
  const entry = entryOf(schema)
  const shown: Record<string, unknown> = {}
  for (const [key, inner] of Object.entries(value)) {
    const innerSchema = shape?.[key] ?? entry
    if (innerSchema === undefined) return value
    if (inner !== undefined && !unwrap(innerSchema).secret) shown[key] = strip(innerSchema, inner)
  }
  return shown
}
