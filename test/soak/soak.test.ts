/**
 * An hour of a busy server in a minute: viewers, publishers and noise come and go; then everything must be as before. `npm run test:soak
 * -- --minutes 10`, or SOAK_MINUTES=10, takes longer.
 */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { makeMedia } from '../support/media.ts'
import { killGroup, start } from '../support/process.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { random, sendCrowd } from './crowd.ts'
import { plot } from './memory-line.ts'

const MINUTES = Number(process.env['SOAK_MINUTES'] ?? 1)
const WARM_UP_MS = 14_000
/** Stands between one quiet moment and the next, at most. */
const QUIET_MS = 30_000
const CHURN_MS = Math.max(10_000, MINUTES * 60_000 - WARM_UP_MS - 20_000)
const PUBLISHERS = 3
const MEGABYTE = 1024 * 1024
/** Compiled code, caches of fixed size and the fringe of the collector, bytes. */
const HEAP_ALLOWANCE = 6 * MEGABYTE
/** Buffers outside of the heap that the last garbage collection left, bytes. */
const BUFFER_ALLOWANCE = 4 * MEGABYTE
const HANDLE_ALLOWANCE = 2
/** Of this process, which asks for figures from two places. */
const OWN_CONNECTIONS = 2

interface Probe {
  readonly count: number
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
  readonly arrayBuffers: number
  /** The kind of each thing that may call back: sockets, timers, requests to the system. */
  readonly handles: readonly string[]
}

it('churn leaves nothing behind', { timeout: WARM_UP_MS + CHURN_MS + 2 * QUIET_MS + 60_000 }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const file = await makeMedia(ffmpeg, { container: 'flv', seconds: 30, bFrames: 2 })
  const folder = mkdtempSync(join(tmpdir(), 'headend-soak-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const settings = join(folder, 'headend.json')
  writeFileSync(
    settings,
    JSON.stringify({
      paths: { 'live/*': { graceMs: 1500 } },
      rtmp: { playWaitMs: 1500 },
      progressive: { waitMs: 1500 },
      hls: { idleSeconds: 5 },
      log: { level: 'warn' },
    }),
  )
  const probeFile = join(folder, 'probe.json')
  const server = await startServer({
    args: ['--config', settings],
    env: {
      NODE_OPTIONS: `--expose-gc --import ${join(import.meta.dirname, 'memory-probe.ts')}`,
      SOAK_PROBE_FILE: probeFile,
    },
  })
  t.after(() => server.stop())
  const churn = new Churn(server, ffmpeg, file)
  const samples: (Figures & { readonly rss: number })[] = []
  const stopSampling = sample(server, samples)
  t.after(stopSampling)

  await churn.run(WARM_UP_MS)
  await quiet(server)
  const before = await probe(server, probeFile)
  await churn.run(CHURN_MS)
  await quiet(server)
  const after = await probe(server, probeFile)
  await stopSampling()

  t.diagnostic(
    `\n${plot([
      { name: 'RSS', unit: 'MB', values: samples.map(({ rss }) => rss / MEGABYTE) },
      { name: 'sessions', unit: '', values: samples.map(({ sessions }) => sessions) },
      { name: 'streams', unit: '', values: samples.map(({ streams }) => streams) },
      { name: 'packaged', unit: '', values: samples.map(({ packaged }) => packaged) },
      { name: 'waiting', unit: '', values: samples.map(({ waiting }) => waiting) },
      { name: 'connections', unit: '', values: samples.map(({ connections }) => connections) },
    ])}\n${churn.count} visits, ${churn.restarts} restarts of publishers\n${describe('before', before)}\n${describe('after', after)}`,
  )
  assert.ok(churn.count > 100)
  assert.ok(
    after.heapUsed < before.heapUsed + HEAP_ALLOWANCE,
    `heap ${before.heapUsed} before, ${after.heapUsed} after`,
  )
  assert.ok(
    after.arrayBuffers < before.arrayBuffers + BUFFER_ALLOWANCE,
    `${after.arrayBuffers} bytes of buffers are left`,
  )
  assert.ok(
    after.handles.length <= before.handles.length + HANDLE_ALLOWANCE,
    `${kindsOf(before.handles)} before, ${kindsOf(after.handles)} after`,
  )
  const faults = server
    .log()
    .split('\n')
    .filter((line) => line.includes('"level":"error"'))
  assert.deepEqual(faults, [])
})

/** Publishers that die and return, and visitors of all kinds. */
class Churn {
  count = 0
  restarts = 0
  readonly #server: RunningServer
  readonly #ffmpeg: string
  readonly #file: string

  constructor(server: RunningServer, ffmpeg: string, file: string) {
    this.#server = server
    this.#ffmpeg = ffmpeg
    this.#file = file
  }

  /** Resolves when the last visitor has left. */
  async run(timeMs: number): Promise<void> {
    const over = AbortSignal.timeout(timeMs)
    await Promise.all([
      ...Array.from({ length: PUBLISHERS }, (_, index) => this.#publish(`s${index}`, over)),
      sendCrowd(this.#server, timeMs, PUBLISHERS).then((visits) => {
        this.count += visits
      }),
    ])
  }

  async #publish(name: string, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const url = `${this.#server.urls['rtmp']}/live/${name}?key=${this.#server.secrets.publishKey}`
      const args = [
        '-loglevel',
        'error',
        '-nostdin',
        '-re',
        '-stream_loop',
        '-1',
        '-i',
        this.#file,
        '-c',
        'copy',
        '-f',
        'flv',
        url,
      ]
      const publisher = start(this.#ffmpeg, args)
      publisher.stderr?.resume()
      await pause(random(2500, 9000), over)
      killGroup(publisher, Math.random() < 0.5 ? 'SIGKILL' : 'SIGTERM')
      await ended(publisher)
      this.restarts++
      // Sometimes within the time of grace, sometimes after it.
      await pause(random(0, 3000), over)
    }
  }
}

interface Figures {
  readonly sessions: number
  readonly streams: number
  readonly packaged: number
  readonly waiting: number
  readonly connections: number
}

/** Resolves when no session, stream, segments or waiting viewer is left, and no connection but our own; throws when some stay. */
async function quiet(server: RunningServer): Promise<void> {
  const deadline = performance.now() + QUIET_MS
  for (;;) {
    const { sessions, streams, packaged, waiting, connections } = await figures(server)
    if (sessions + streams + packaged + waiting === 0 && connections <= OWN_CONNECTIONS) return
    if (performance.now() > deadline) {
      throw new Error(
        `left over: ${sessions} sessions, ${streams} streams, ${packaged} packaged, ${waiting} waiting, ${connections} connections`,
      )
    }
    await delay(250)
  }
}

async function figures(server: RunningServer): Promise<Figures & { readonly rss: number }> {
  const response = await fetch(server.urls['metrics'] ?? '', {
    headers: { authorization: `Bearer ${server.secrets.adminToken}` },
  })
  const text = await response.text()
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? ([\\d.e+]+)$`, 'gm'))].reduce(
      (all, match) => all + Number(match[1]),
      0,
    )
  return {
    sessions: sum('headend_sessions'),
    streams: sum('headend_streams'),
    packaged: sum('headend_packaged_streams'),
    waiting: sum('headend_waiting'),
    connections: sum('headend_http_connections'),
    rss: sum('process_resident_memory_bytes'),
  }
}

/** Looks at the server once a second until the returned function is called. */
function sample(server: RunningServer, samples: (Figures & { readonly rss: number })[]): () => Promise<void> {
  const stop = new AbortController()
  const done = (async () => {
    while (!stop.signal.aborted) {
      const now = await figures(server).catch(() => undefined)
      if (now !== undefined) samples.push(now)
      await pause(1000, stop.signal)
    }
  })()
  return () => {
    stop.abort()
    return done
  }
}

/** What the server holds after a full garbage collection. */
async function probe(server: RunningServer, file: string): Promise<Probe> {
  let last: Probe | undefined
  // Finalizers of the first round free what the second collects.
  for (let round = 0; round < 3; round++) {
    rmSync(file, { force: true })
    process.kill(server.pid, 'SIGUSR2')
    while (!existsSync(file)) await delay(20)
    last = JSON.parse(readFileSync(file, 'utf8')) as Probe
    await delay(200)
  }
  assert.ok(last !== undefined)
  return last
}

function describe(when: string, { rss, heapUsed, arrayBuffers, handles }: Probe): string {
  const [resident, heap, buffers] = [rss, heapUsed, arrayBuffers].map((bytes) => (bytes / MEGABYTE).toFixed(1))
  return `${when}: RSS ${resident} MB, heap ${heap} MB, buffers ${buffers} MB, ${kindsOf(handles)}`
}

/** `2 Timeout, 3 TCPSocketWrap`. */
function kindsOf(handles: readonly string[]): string {
  return Object.entries(Object.groupBy(handles, (kind) => kind))
    .map(([kind, all]) => `${all?.length} ${kind}`)
    .join(', ')
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  const kill = setTimeout(() => killGroup(child, 'SIGKILL'), 2000)
  return new Promise((resolve) =>
    child.once('close', () => {
      clearTimeout(kill)
      resolve()
    }),
  )
}

/** Ends early, without an error, when the signal aborts. */
function pause(timeMs: number, signal: AbortSignal): Promise<void> {
  return delay(timeMs, undefined, { signal }).catch(() => undefined)
}
