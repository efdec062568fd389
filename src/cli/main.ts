#!/usr/bin/env node
/** The `headend` command: checks Node, then loads only what the named command needs. */
import * as module from 'node:module'

const MIN_NODE_MAJOR = 24

if (Number(process.versions.node.split('.')[0]) < MIN_NODE_MAJOR) {
  console.error(`headend: needs Node ${MIN_NODE_MAJOR} or newer, found ${process.versions.node}`)
  process.exit(1)
}
// Compiled code of earlier starts; saves about half of the time to the first accepted connection.
module.enableCompileCache()
const { run } = await import('./run.ts')
// Set, not exited with: what was printed goes out first.
process.exitCode = await run(process.argv.slice(2))
