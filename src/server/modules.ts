/** The list of protocols: the only place that names them all. */
import type { Protocol } from '../protocols/protocol.ts'

/** In the order their HTTP routes are asked. */
export const protocols: readonly Protocol<unknown>[] = []
