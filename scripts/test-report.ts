/** Prints test events compactly: one line a file, failures in full, and the closing count. */
import { relative } from 'node:path'
import type { TestEvent } from 'node:test/reporters'

interface FileCount {
  passed: number
  failed: number
  skipped: number
  output: string
}

/** Output of a failing file that is shown, characters. */
const MAX_OUTPUT = 8_000

export class TestReport {
  readonly #root: string
  readonly #files = new Map<string, FileCount>()
  readonly #failures: string[] = []
  readonly #skips: string[] = []
  #passed = 0
  #failed = 0
  #skipped = 0

  /** Paths are shown relative to `root`. */
  constructor(root: string) {
    this.#root = root
  }

  get failed(): number {
    return this.#failed
  }

  /** Tests that passed, failed or were skipped. */
  get total(): number {
    return this.#passed + this.#failed + this.#skipped
  }

  take(event: TestEvent): void {
    switch (event.type) {
      case 'test:pass':
      case 'test:fail':
        this.#count(event)
        break
      case 'test:stderr':
      case 'test:stdout': {
        const file = this.#file(event.data.file)
        file.output = (file.output + event.data.message).slice(-MAX_OUTPUT)
        break
      }
      case 'test:diagnostic':
        // What a test has to tell: figures, plots. The runner's own counts come the same way.
        if (!RUNNER_COUNT.test(event.data.message)) console.log(indent(event.data.message))
        break
      case 'test:summary':
        if (event.data.file !== undefined) this.#fileDone(event.data.file, event.data.duration_ms)
        break
      default:
        break
    }
  }

  /** No event came for too long. */
  hang(files: readonly string[]): void {
    this.#failed++
    const open = files.filter((file) => !this.#files.has(file) || this.#files.get(file) !== DONE)
    this.#failures.push(`no progress; not finished:\n${open.map((file) => `  ${this.#name(file)}`).join('\n')}`)
  }

  /** The closing lines. */
  finish(): void {
    for (const failure of this.#failures) console.log(`\nFAILED ${failure}`)
    if (this.#skips.length > 0) console.log(`\nskipped:\n${this.#skips.join('\n')}`)
    console.log(`\n${this.#passed} passed, ${this.#failed} failed, ${this.#skipped} skipped`)
  }

  #count(event: Extract<TestEvent, { type: 'test:pass' | 'test:fail' }>): void {
    const { data } = event
    const file = this.#file(data.file)
    if (data.details.type === 'suite') {
      // A suite that fails by itself (a hook, its body) and not by one of its tests.
      if (event.type === 'test:pass' || failureType(event.data.details.error) === 'subtestsFailed') return
    }
    const skip: unknown = data.skip ?? data.todo
    const title = data.name === data.file ? this.#name(data.file) : `${this.#name(data.file ?? '')} › ${data.name}`
    if (skip !== undefined && skip !== false) {
      this.#skipped++
      file.skipped++
      this.#skips.push(`  ${title}${typeof skip === 'string' ? `: ${skip}` : ''}`)
    } else if (event.type === 'test:pass') {
      this.#passed++
      file.passed++
    } else {
      if (failureType(event.data.details.error) === 'subtestsFailed') return
      this.#failed++
      file.failed++
      const at = data.line === undefined ? '' : ` (line ${data.line})`
      this.#failures.push(
        `${title}${at}\n${indent(describe(event.data.details.error))}${file.output === '' ? '' : `\n${indent(file.output)}`}`,
      )
      if (data.name === data.file) this.#fileDone(data.name, data.details.duration_ms)
    }
  }

  #file(path: string | undefined): FileCount {
    const key = path ?? ''
    let file = this.#files.get(key)
    if (file === undefined || file === DONE) {
      file = { passed: 0, failed: 0, skipped: 0, output: '' }
      this.#files.set(key, file)
    }
    return file
  }

  #fileDone(path: string, durationMs: number): void {
    const file = this.#file(path)
    const notes = [
      `${file.passed} passed`,
      ...(file.failed > 0 ? [`${file.failed} FAILED`] : []),
      ...(file.skipped > 0 ? [`${file.skipped} skipped`] : []),
    ]
    console.log(
      `  ${file.failed > 0 ? '✗' : '✓'} ${this.#name(path)}: ${notes.join(', ')} (${(durationMs / 1000).toFixed(1)} s)`,
    )
    this.#files.set(path, DONE)
  }

  #name(path: string): string {
    return path.startsWith('/') ? relative(this.#root, path) : path
  }
}

const RUNNER_COUNT = /^(?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/
const DONE: FileCount = { passed: 0, failed: 0, skipped: 0, output: '' }

function failureType(error: unknown): unknown {
  return error instanceof Error && 'failureType' in error ? error.failureType : undefined
}

function describe(error: unknown): string {
  const cause = error instanceof Error ? (error.cause ?? error) : error
  if (!(cause instanceof Error)) return String(cause)
  return cause.stack ?? cause.message
}

function indent(text: string): string {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n')
}
