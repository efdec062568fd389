/** Builds the C load generators and floors of bench/native, once per change of their sources. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'

const SOURCES = path.join(import.meta.dirname, '../native')
const BUILD = path.join(import.meta.dirname, '../.build')

export type NativeProgram = 'liveload' | 'httpload' | 'fanlimit' | 'httplimit'

/** Path of the built program. Throws when there is no C compiler. */
export function nativeProgram(name: NativeProgram): string {
  mkdirSync(BUILD, { recursive: true })
  const binary = path.join(BUILD, name)
  const newest = Math.max(...readdirSync(SOURCES).map((file) => statSync(path.join(SOURCES, file)).mtimeMs))
  const built = statSync(binary, { throwIfNoEntry: false })?.mtimeMs ?? 0
  if (built < newest) {
    execFileSync('gcc', ['-O2', '-march=native', '-o', binary, path.join(SOURCES, `${name}.c`)], { stdio: 'inherit' })
  }
  return binary
}
