/** Moments in queries of the API. */
import { z } from 'zod'
import { PeerError } from '../../errors.ts'
import { parseMoment } from '../recorder/moment.ts'

export const moment = z
  .string()
  .max(40)
  .describe('ISO 8601 like 2026-11-25T03:41:00Z, a time of today on the server like 03:41, or how long ago: -10m.')

/** Milliseconds since 1970. Throws PeerError ERR_API_INVALID: a moment that nobody understands is the asker's fault, not the operator's. */
export function momentOf(text: string): number {
  try {
    return parseMoment(text)
  } catch (cause) {
    throw new PeerError('ERR_API_INVALID', cause instanceof Error ? cause.message : 'expected a moment', { cause })
  }
}
