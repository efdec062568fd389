/** The error classes of the whole system. Every error carries a stable code that is documented in docs/reference/errors.md. */

/** Codes are API: `ERR_<AREA>_<WHAT>`, never renamed once released. */
export type ErrorCode = `ERR_${string}`

export interface HeadendErrorOptions {
  readonly cause?: unknown
}

/** Common base, so that a caller can tell our errors from programming mistakes with one `instanceof`. */
export abstract class HeadendError extends Error {
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: HeadendErrorOptions) {
    super(message, options)
    this.code = code
    this.name = new.target.name
  }
}

/** The operator's fault: a setting, a flag, a file path. Start refuses with it. */
export class ConfigError extends HeadendError {}

/** Bytes or text that break their format. Thrown by parsers; `offset` is where in the input, in bytes, if known. */
export class FormatError extends HeadendError {
  readonly offset: number | undefined

  constructor(code: ErrorCode, message: string, offset?: number, options?: HeadendErrorOptions) {
    super(code, offset === undefined ? message : `${message} (at byte ${offset})`, options)
    this.offset = offset
  }
}

/** The remote peer's fault: order of messages, limits, permission. Answered in the protocol's own words, then the session closes. */
export class PeerError extends HeadendError {}

/** No such stream, publisher gone, upstream down. A relay may retry. */
export class UnavailableError extends HeadendError {}

/** For our own invariants only; never for input. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`invariant broken: ${message}`)
}

/** One line that says what went wrong, for logs and for people. Never throws. */
export function describeError(error: unknown): string {
  if (error instanceof HeadendError) return `${error.code}: ${error.message}`
  if (error instanceof Error) return error.message === '' ? error.name : error.message
  return String(error)
}
