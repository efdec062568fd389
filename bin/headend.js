#!/usr/bin/env -S node --disable-warning=ExperimentalWarning --max-semi-space-size=2 --initial-old-space-size=64
/**
 * The `headend` command. Plain JavaScript, so that an old Node answers with a sentence instead of a syntax error, and so that the
 * cache of compiled code is on before the first TypeScript file is read.
 *
 * The flags: packets live for seconds and then die together, so a small young generation copies less and keeps the process small, and
 * the first collection of the old one may wait (bench/ingest.ts: 50 publishers cost half).
 */
import { existsSync } from 'node:fs'
import * as module from 'node:module'

const MIN_NODE_MAJOR = 24

if (Number(process.versions.node.split('.')[0]) < MIN_NODE_MAJOR) {
  console.error(`headend: needs Node ${MIN_NODE_MAJOR} or newer, found ${process.versions.node}`)
  process.exit(1)
}
// Compiled code of earlier starts; saves about half of the time to the first accepted connection.
module.enableCompileCache()
// A clone runs its sources, an installed package what was built from them.
const sources = new URL('../src/cli/run.ts', import.meta.url)
const { run } = await import(existsSync(sources) ? sources.href : new URL('../dist/cli/run.js', import.meta.url).href)
// Set, not exited with: what was printed goes out first.
process.exitCode = await run(process.argv.slice(2))
