/** What a server holds after a full garbage collection: memory that it needs, not what the collector has not looked at yet. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { repository } from '../support/sources.ts'
import { type AttackedOptions, type AttackedServer, eventually, startAttacked } from './attacked-server.ts'

export interface Held {
  /** Objects and buffers, bytes. */
  readonly bytes: number
  /** Timers, sockets and requests under way. */
  readonly handles: number
}

/** As `startAttacked`, and `held` collects garbage in the server and looks. */
export async function startMeasured(
  t: TestContext,
  options: AttackedOptions = {},
): Promise<AttackedServer & { held(): Promise<Held> }> {
  const folder = mkdtempSync(join(tmpdir(), 'headend-held-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'probe.json')
  const probe = join(repository, 'test/soak/memory-probe.ts')
  const server = await startAttacked(t, {
    ...options,
    env: { ...options.env, NODE_OPTIONS: `--expose-gc --import ${probe}`, SOAK_PROBE_FILE: file },
  })
  const look = async () => {
    rmSync(file, { force: true })
    process.kill(server.pid, 'SIGUSR2')
    await eventually('the server has looked at its memory', async () => existsSync(file))
    return JSON.parse(readFileSync(file, 'utf8')) as { heapUsed: number; external: number; handles: number }
  }
  return {
    ...server,
    async held() {
      // Finalizers of the first round free what the second collects.
      await look()
      const { heapUsed, external, handles } = await look()
      return { bytes: heapUsed + external, handles }
    },
  }
}
