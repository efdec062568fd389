/** Structured log lines: JSON for machines, short text for a terminal, and repeated faults once a second with a count. */
import { HeadendError } from '../errors.ts'
import type { LogFields, Logger } from '../protocols/protocol.ts'
import { escapeUnsafe, logText } from './log-text.ts'
import type { Settings } from './settings.ts'

/*
 * An own writer: every value must be redacted, escaped and bounded before it is printed, which is the work; what a logging library
 * would add is a JSON.stringify, for some 10 ms more at start and a second place where a field could slip through.
 */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'
export type LogFormat = 'json' | 'text'

export interface LoggerOptions {
  readonly level: LogLevel
  readonly format: LogFormat
  /** Takes one line, newline included. */
  readonly write: (line: string) => void
  /** Wall clock, milliseconds. */
  readonly now?: () => number
}

const RANK: Record<LogLevel, number> = { debug: 10, info: 20, warn: 30, error: 40, silent: 99 }
/** Codes that are counted apart; further ones share `ERR_OTHER`. */
const MAX_CODES = 256
const OTHER = 'ERR_OTHER'
/** Milliseconds between two lines of one code. */
const COUNTED_INTERVAL = 1000
const MAX_FIELDS = 32
const MAX_DEPTH = 3
const MAX_STACK_TEXT = 2048
/** Text in a field of such a name is never printed. */
const SECRET_FIELD = /key$|token|secret|password|authorization|cookie|credential/i

interface Fault {
  total: number
  suppressed: number
  lastLine: number
  fields: LogFields
  message: string
}

/** Level and format by the settings; `auto` is text for people on a terminal. */
export function logOptions(
  settings: Settings,
  terminal = process.stderr.isTTY,
): Pick<LoggerOptions, 'level' | 'format'> {
  const { level, format } = settings.server.log
  return { level, format: format === 'auto' ? (terminal ? 'text' : 'json') : format }
}

/** The root logger. `log` is what protocols get. */
export class LogWriter {
  readonly log: Logger = this.#logger({})
  #options: LoggerOptions
  #secrets: readonly string[] = []
  readonly #faults = new Map<string, Fault>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: LoggerOptions) {
    this.#options = options
  }

  /** Changes level or format of a running server. */
  configure(options: { readonly level: LogLevel; readonly format: LogFormat }): void {
    this.#options = { ...this.#options, ...options }
  }

  /** Texts that are blotted out wherever they stand. */
  hide(secrets: readonly string[]): void {
    this.#secrets = secrets.filter((secret) => secret.length >= 8)
  }

  /** How often each code was reported since the start. */
  *counts(): IterableIterator<readonly [code: string, total: number]> {
    for (const [code, fault] of this.#faults) yield [code, fault.total]
  }

  /** Prints what `counted` held back. */
  flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const [code, fault] of this.#faults) if (fault.suppressed > 0) this.#printFault(code, fault)
  }

  #now(): number {
    return this.#options.now?.() ?? Date.now()
  }

  #logger(base: LogFields): Logger {
    const at = (level: LogLevel) => (fields: LogFields, message: string) => {
      this.#print(level, { ...base, ...fields }, message)
    }
    return {
      debug: at('debug'),
      info: at('info'),
      warn: at('warn'),
      error: at('error'),
      counted: (code, fields, message) => this.#count(code, { ...base, ...fields }, message),
      child: (fields) => this.#logger({ ...base, ...fields }),
    }
  }

  #count(code: string, fields: LogFields, message: string): void {
    const known = this.#faults.has(code) || this.#faults.size < MAX_CODES ? code : OTHER
    let fault = this.#faults.get(known)
    if (fault === undefined) {
      fault = { total: 0, suppressed: 0, lastLine: Number.NEGATIVE_INFINITY, fields, message }
      this.#faults.set(known, fault)
    }
    fault.total++
    fault.fields = fields
    fault.message = message
    if (this.#now() - fault.lastLine >= COUNTED_INTERVAL) {
      this.#printFault(known, fault)
    } else {
      fault.suppressed++
      if (this.#timer === undefined) {
        this.#timer = setTimeout(() => this.flush(), COUNTED_INTERVAL)
        this.#timer.unref()
      }
    }
  }

  #printFault(code: string, fault: Fault): void {
    const { suppressed, fields, message } = fault
    fault.suppressed = 0
    fault.lastLine = this.#now()
    // Plain data only: the fields of a fault may hold on to a session.
    fault.fields = {}
    this.#print('warn', { code, ...fields, ...(suppressed > 0 ? { suppressed } : {}) }, message)
  }

  #print(level: LogLevel, fields: LogFields, message: string): void {
    const { level: wanted, format, write } = this.#options
    if (RANK[level] < RANK[wanted]) return
    const safe = this.#record(fields, 0)
    const text = logText(message, this.#secrets)
    const time = new Date(this.#now()).toISOString()
    if (format === 'json') {
      // The first three in front for people, and again behind so that no field can pretend to be one of them.
      const head = { time, level, message: text }
      write(`${escapeUnsafe(JSON.stringify({ ...head, ...safe, ...head }))}\n`)
      return
    }
    const pairs = Object.entries(safe).map(([name, value]) => `${name}=${formatValue(value)}`)
    write(`${escapeUnsafe([time.slice(11, 23), level.toUpperCase().padEnd(5), text, ...pairs].join(' '))}\n`)
  }

  #record(fields: LogFields, depth: number): Record<string, unknown> {
    const safe: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(fields).slice(0, MAX_FIELDS)) {
      if (value === undefined) continue
      const secret = typeof value === 'string' && SECRET_FIELD.test(name)
      safe[logText(name, this.#secrets)] = secret ? '[redacted]' : this.#value(value, depth)
    }
    return safe
  }

  #value(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return logText(value, this.#secrets)
    if (typeof value === 'number' || typeof value === 'boolean' || value === null) return value
    if (value instanceof Error) return this.#error(value)
    if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString()
    if (value instanceof Uint8Array) return `${value.byteLength} bytes`
    if (typeof value === 'bigint') return String(value)
    if (typeof value !== 'object') return typeof value
    if (depth >= MAX_DEPTH) return '…'
    if (Array.isArray(value)) return value.slice(0, MAX_FIELDS).map((item) => this.#value(item, depth + 1))
    return this.#record(value as LogFields, depth + 1)
  }

  /** Stacks are for our own mistakes only; the other classes say all in their message. */
  #error(error: Error): unknown {
    const message = logText(error.message, this.#secrets)
    if (error instanceof HeadendError) return { code: error.code, message }
    return { name: error.name, message, stack: logText(error.stack ?? '', this.#secrets, MAX_STACK_TEXT) }
  }
}

function formatValue(value: unknown): string {
  if (typeof value === 'string') return /^[\w./:@+-]+$/.test(value) ? value : JSON.stringify(value)
  return JSON.stringify(value) ?? ''
}
