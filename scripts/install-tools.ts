/** Installs the programs that tests use as judges: by apt as root on Debian, else says what is missing. */
import { existsSync } from 'node:fs'
import { findTool, type ToolName, tools } from '../test/support/tools.ts'
import { run } from './command.ts'

const UNATTENDED = { DEBIAN_FRONTEND: 'noninteractive' }

/** Returns the tools that are still missing. Takes no time when all are there. */
export async function installTools(): Promise<readonly ToolName[]> {
  const missing = missingTools()
  if (missing.length === 0) return missing
  const packages = [...new Set(missing.flatMap((name) => [...tools[name].packages]))]
  if (process.getuid?.() !== 0 || !existsSync('/etc/debian_version')) {
    console.error(`test: not installed: ${missing.join(', ')}. Tests that need them are skipped.`)
    console.error(`test: on Debian: sudo apt-get install --no-install-recommends ${packages.join(' ')}`)
    return missing
  }
  console.error(`test: installing ${packages.join(' ')}`)
  await run('apt-get', ['update', '-q'], UNATTENDED)
  await run('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], UNATTENDED)
  const left = missingTools()
  if (left.length > 0) console.error(`test: still missing: ${left.join(', ')}. Tests that need them are skipped.`)
  return left
}

function missingTools(): ToolName[] {
  return (Object.keys(tools) as ToolName[]).filter((name) => findTool(name) === undefined)
}
