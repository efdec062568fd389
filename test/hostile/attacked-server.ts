/** A server under attack: in a process of its own, looked at from outside, and without a fault of its own to the end. */
import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { type RunningServer, type ServerOptions, startServer } from '../support/server.ts'

export interface AttackedServer extends RunningServer {
  readonly http: number
  readonly rtmp: number
}

export interface AttackedOptions extends Omit<ServerOptions, 'args'> {
  /** As in a configuration file. */
  readonly settings?: Readonly<Record<string, unknown>>
}

/** What the server holds. */
export interface Figures {
  readonly sessions: number
  /** Sessions that are a connection, unlike viewers of HLS and DASH, who are counted for a while after their last request. */
  readonly connected: number
  readonly streams: number
  readonly waiting: number
  readonly connections: number
  readonly skipped: number
}

/** How long anything may take that is waited for, milliseconds. */
const DEADLINE_MS = 30_000
const POLL_MS = 50

/** Ends with the test, which fails when the server met a fault of its own, or did not end by itself. */
export async function startAttacked(t: TestContext, options: AttackedOptions = {}): Promise<AttackedServer> {
  const { settings = {}, ...others } = options
  const folder = mkdtempSync(join(tmpdir(), 'headend-hostile-'))
  const file = join(folder, 'headend.json')
  writeFileSync(file, JSON.stringify({ drainMs: 2000, paths: { '**': { graceMs: 0 } }, ...settings }))
  const server = await startServer({ ...others, args: ['--config', file] })
  t.after(async () => {
    const code = await server.stop()
    rmSync(folder, { recursive: true, force: true })
    assert.deepEqual(ownFaults(server.log()), [])
    assert.equal(code, 0, server.log().slice(-2000))
  })
  return { ...server, http: server.ports['http'] ?? 0, rtmp: server.ports['rtmp'] ?? 0 }
}

/** Lines that tell of a mistake in the server and not of a peer. */
function ownFaults(log: string): string[] {
  return log
    .split('\n')
    .filter((line) => /"level":"error"|ERR_INTERNAL|ERR_RTMP_INTERNAL|[Uu]ncaught|[Uu]nhandled/.test(line))
}

/** Figures of /metrics, summed up over labels. */
export async function figures(server: RunningServer): Promise<Figures> {
  const response = await fetch(`${server.urls['http']}/metrics`, { headers: { connection: 'close' } })
  const text = await response.text()
  const sum = (name: string, label = '') =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*${label}[^}]*\\})? ([\\d.e+]+)$`, 'gm'))].reduce(
      (all, match) => all + Number(match[1]),
      0,
    )
  return {
    sessions: sum('headend_sessions'),
    connected: sum('headend_sessions') - sum('headend_sessions', 'protocol="(?:hls|dash)"'),
    streams: sum('headend_streams'),
    waiting: sum('headend_waiting'),
    // The one that asks is not counted.
    connections: sum('headend_http_connections') - 1,
    skipped: sum('headend_skipped_total'),
  }
}

/** How often an error code was reported. */
export async function faultCount(server: RunningServer, code: string): Promise<number> {
  const text = await (await fetch(`${server.urls['http']}/metrics`, { headers: { connection: 'close' } })).text()
  return Number(new RegExp(`^headend_faults_total\\{code="${code}"\\} (\\d+)$`, 'm').exec(text)?.[1] ?? 0)
}

/** Opens the log server, as the first viewer would after a moment: what it holds is no cost of those who come then. */
export async function openLogServer(server: RunningServer): Promise<void> {
  const { status } = await fetch(`${server.urls['http']}/logs/cmcd`, {
    method: 'POST',
    headers: { connection: 'close', 'content-type': 'text/cmcd' },
    body: 'sid="first"',
  })
  assert.equal(status, 204)
  // What answers questions is opened by the first.
  const headers = { authorization: `Bearer ${server.secrets.adminToken}`, connection: 'close' }
  assert.equal((await fetch(`${server.urls['http']}/api/v1/audience/overview`, { headers })).status, 200)
}

/** Resident memory, bytes. */
export function residentBytes({ pid }: RunningServer): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

/** Open file descriptors. */
export function openFiles({ pid }: RunningServer): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

/** Polls until `look` gives something other than `undefined` or `false`. Throws what was waited for when it never does. */
export async function eventually<T extends string | number | object>(
  what: string,
  look: () => Promise<T | boolean | undefined>,
  deadlineMs = DEADLINE_MS,
): Promise<T | true> {
  const deadline = performance.now() + deadlineMs
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error(`waited ${deadlineMs} ms in vain until ${what}`)
    await delay(POLL_MS)
  }
}
