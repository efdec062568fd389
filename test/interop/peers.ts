/** The programs on the other side: ffmpeg, FFmpeg 8 and our own command line, as one call each. */
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type RunOptions, type RunResult, run } from '../support/process.ts'
import type { RunningServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'

const POLL_MS = 50
const ON_AIR_MS = 15_000

/** Address to publish `live/NAME` by RTMP, with the key. */
export function publishUrl(server: RunningServer, name: string): string {
  return `${server.urls['rtmp']}/live/${name}?key=${server.secrets.publishKey}`
}

/** Addresses under which `live/NAME` is played, by output. */
export function playUrls(server: RunningServer, name: string) {
  const http = server.urls['http'] ?? ''
  return {
    rtmp: `${server.urls['rtmp']}/live/${name}`,
    httpFlv: `${http}/live/${name}.flv`,
    wsFlv: `${http.replace('http', 'ws')}/live/${name}.flv`,
    hls: `${http}/live/${name}/index.m3u8`,
    dash: `${http}/live/${name}/manifest.mpd`,
  } as const
}

/** ffmpeg sends a file as it is, in real time. */
export function publishFile(ffmpeg: string, file: string, url: string, options: RunOptions = {}): Promise<RunResult> {
  const args = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-re', '-i', file, '-map', '0', '-c', 'copy']
  return run(ffmpeg, [...args, '-f', 'flv', url], options)
}

/** FFmpeg 8, see new-ffmpeg-process.ts. */
export function runNewFfmpeg(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run(process.execPath, [join(import.meta.dirname, 'new-ffmpeg-process.ts'), ...args], options)
}

/** The `headend` command. */
export function runHeadend(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  return run(process.execPath, [join(repository, 'bin/headend.js'), ...args], options)
}

/** Resolves when `live/NAME` is published. */
export function waitOnAir(server: RunningServer, name: string): Promise<void> {
  return waitUntil(`live/${name} is on air`, async () => (await streamsOf(server)).includes(`live/${name}`))
}

/**
 * Resolves when `count` viewers wait for streams to come. A viewer starts a program first: who publishes at once has begun before it is
 * there, and the viewer misses what came before the newest key picture.
 */
export function waitForViewers(server: RunningServer, count: number): Promise<void> {
  return waitUntil(`${count} viewers wait for their streams`, async () => (await waitingViewers(server)) >= count)
}

async function waitingViewers(server: RunningServer): Promise<number> {
  const text = await (await fetch(`${server.urls['http']}/metrics`)).text()
  return Number(/^headend_waiting (\d+)$/m.exec(text)?.[1])
}

/** Paths of streams the server knows. */
export async function streamsOf(server: RunningServer): Promise<string[]> {
  const { items } = await callApi<Page<{ path: string; state: 'live' | 'waiting' }>>(server, 'streams')
  return items.filter(({ state }) => state === 'live').map(({ path }) => path)
}

/** A session as the API lists it. */
export interface ListedSession {
  readonly id: string
  readonly protocol: string
  readonly role: 'publish' | 'play'
  readonly path: string
}

/** Sessions of `live/NAME`, or of the whole server. */
export async function sessionsOf(server: RunningServer, name?: string): Promise<readonly ListedSession[]> {
  const filter = name === undefined ? '' : `&path=live/${name}`
  return (await callApi<Page<ListedSession>>(server, `sessions?limit=1000${filter}`)).items
}

/** Resolves when `condition` holds; throws with `what` when it does not in time. */
export async function waitUntil(
  what: string,
  condition: () => boolean | Promise<boolean>,
  timeoutMs = ON_AIR_MS,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`)
    await delay(POLL_MS)
  }
}

/** GET of an object of the API. */
export async function callApi<Answer>(server: RunningServer, name: string): Promise<Answer> {
  const response = await fetch(`${server.urls['api']}/${name}`, {
    headers: { authorization: `Bearer ${server.secrets.adminToken}` },
  })
  if (!response.ok) throw new Error(`GET ${name}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Answer
}

interface Page<Item> {
  readonly items: readonly Item[]
}
