/** Runs a program of the tool chain and passes its output through. */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

/** Absolute path of the repository. */
export const root = join(import.meta.dirname, '..')

/** Exit code of a program that runs in the repository; 1 when a signal ended it, 127 when it could not be started. */
export function run(command: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, ...env },
    })
    child.on('error', (error) => {
      console.error(`${command}: ${error.message}`)
      resolve(127)
    })
    child.on('close', (code) => resolve(code ?? 1))
  })
}

/** The path of a program that npm installed. */
export function installed(name: string): string {
  return join(root, 'node_modules/.bin', name)
}
