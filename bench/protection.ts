/** What encryption costs: a film packaged, segments made on demand and live, each beside the same work in the clear. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { newContentKey, packageMedia } from '../src/index.ts'
import { benchFile } from './support/media.ts'
import { nativeProgram } from './support/native.ts'
import { cpuSeconds, runLoad, type ServerProcess, startHeadend } from './support/processes.ts'
import type { Row } from './support/report.ts'

const SECONDS = 3600
/** Kilobits a second: an hour has a gigabyte. */
const BITRATE = 2300
/** 150 MB a second of one core. */
const MOST_PACKAGE_MS = Math.floor(1000 / 0.15)
const MOST_RATIO = 1.25
/** Segments that are asked for, of 600 that the film has. */
const SEGMENTS = 300
/** Streams of 1 Mb/s, each packaged: enough that what they cost stands out from what the clock can tell. */
const STREAMS = 60
/** Of each form in turns, as machines are faster at one time than at another. */
const LIVE_ROUNDS = 2
const WARM_MS = 8000
const LIVE_MS = 12_000
/** A playlist is asked for so often, milliseconds: what nobody asks for is not packaged. */
const POLL_MS = 2000

export async function* protection(): AsyncGenerator<Row> {
  const folder = mkdtempSync(path.join(tmpdir(), 'headend-bench-'))
  try {
    const media = path.join(folder, 'media')
    mkdirSync(media)
    const film = path.join(media, 'film.mp4')
    const input = ['-v', 'error', '-stream_loop', '-1', '-i', benchFile(BITRATE)]
    execFileSync('ffmpeg', [...input, '-t', String(SECONDS), '-c', 'copy', film], { stdio: 'inherit' })
    yield* packaging(film, folder)
    yield* segmentsOnDemand(media)
    yield* liveStreams()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Reading, encrypting, writing, and decrypting what was written again to compare it. */
async function* packaging(film: string, folder: string): AsyncGenerator<Row> {
  const gigabytes = statSync(film).size / 1e9
  for (const scheme of ['cenc', 'cbcs', undefined] as const) {
    // Stays until the end: file systems go out of the way of thousands of files that were just removed, which costs whoever comes next.
    const out = path.join(folder, `out-${scheme}`)
    const encryption = scheme === undefined ? {} : { encryption: { scheme, key: newContentKey() } }
    const before = process.cpuUsage()
    const started = performance.now()
    await packageMedia({ inputs: [film], out, ...encryption })
    const { user, system } = process.cpuUsage(before)
    const value = (user + system) / 1000 / gigabytes
    const elapsed = performance.now() - started
    const rate = (milliseconds: number) => `${((gigabytes * 1e6) / milliseconds).toFixed(0)} MB/s`
    yield {
      work: `a film of ${gigabytes.toFixed(2)} GB packaged, ${scheme ?? 'in the clear'}`,
      value,
      unit: 'ms CPU/GB',
      ...(scheme !== undefined && { gate: MOST_PACKAGE_MS }),
      note: `${rate(value * gigabytes)} of one core, ${rate(elapsed)} as it ran${scheme === undefined ? ', nothing compared' : ', compared with what was meant'}`,
    }
  }
}

/** Each segment is made once, or comes from memory. */
async function* segmentsOnDemand(media: string): AsyncGenerator<Row> {
  const costs = new Map<string, { readonly once: number; readonly again: number }>()
  for (const scheme of ['clear', 'cenc', 'cbcs'] as const) {
    const settings = scheme === 'clear' ? {} : { paths: { 'vod/**': { protect: { scheme } } } }
    const server = await startHeadend(settings, ['--no-test-channel', '--media', media])
    try {
      const base = `http://127.0.0.1:${server.ports['http']}/vod/film.mp4/`
      const text = await (await fetch(`${base}video-1.m3u8`)).text()
      const names = [...text.matchAll(/^[^#\s].*$/gm)].map(([name]) => name).slice(0, SEGMENTS)
      const once = await cpuPerGigabyte(server, async () => {
        let bytes = 0
        for (const name of names) bytes += (await (await fetch(base + name)).arrayBuffer()).byteLength
        return bytes
      })
      costs.set(scheme, { once, again: await fromMemory(server, names.slice(-40)) })
    } finally {
      await server.stop()
    }
  }
  const clear = costs.get('clear')
  for (const scheme of ['cenc', 'cbcs']) {
    const cost = costs.get(scheme)
    for (const [how, note] of [
      ['once', 'each segment is made and asked for once'],
      ['again', 'from memory'],
    ] as const) {
      yield {
        work: `segments of a film, ${scheme}: ${how === 'once' ? 'first viewer' : 'others'}`,
        value: cost?.[how] ?? Number.NaN,
        unit: 'ms CPU/GB',
        floor: clear?.[how] ?? Number.NaN,
        gate: MOST_RATIO,
        note: `${note}; the floor is the same in the clear`,
      }
    }
  }
}

/** Publishers, and a viewer of each who asks for its playlists, so that it is packaged. */
async function* liveStreams(): AsyncGenerator<Row> {
  const costs = new Map<string, number>()
  const turns = Array.from({ length: LIVE_ROUNDS }, () => ['clear', 'cenc', 'cbcs'] as const).flat()
  for (const scheme of turns) {
    const settings = scheme === 'clear' ? {} : { paths: { 'live/**': { protect: { scheme } } } }
    const server = await startHeadend(settings)
    try {
      const args = ['-m', 'rtmp', '-p', String(server.ports['rtmp']), '-n', '0', '-U', String(STREAMS), '-w', '2']
      args.push('-t', String((WARM_MS + LIVE_MS) / 1000 + 4), '-s', 'bench', '-q', server.publishQuery)
      args.push('-u', benchFile(), '-P', String(server.pid))
      const publishing = runLoad(nativeProgram('liveload'), args)
      await sleep(WARM_MS / 2)
      const paths = await publishedPaths(server)
      await watch(server, paths, WARM_MS / 2)
      const before = cpuSeconds(server.pid)
      await watch(server, paths, LIVE_MS)
      const cost = (cpuSeconds(server.pid) - before) / (LIVE_MS / 100_000)
      costs.set(scheme, (costs.get(scheme) ?? 0) + cost / LIVE_ROUNDS)
      await publishing
    } finally {
      await server.stop()
    }
  }
  for (const scheme of ['cenc', 'cbcs']) {
    yield {
      work: `${STREAMS} live streams of 1 Mb/s packaged, ${scheme}`,
      value: costs.get(scheme) ?? Number.NaN,
      unit: '% core',
      floor: costs.get('clear') ?? Number.NaN,
      gate: MOST_RATIO,
      note: 'from RTMP; the floor is the same in the clear',
    }
  }
}

async function publishedPaths(server: ServerProcess): Promise<readonly string[]> {
  const response = await fetch(`http://127.0.0.1:${server.ports['http']}/live.json`)
  const text = await response.text()
  const paths = [...new Set([...text.matchAll(/"path":"(live\/[^"]+)"/g)].map(([, found = '']) => found))]
  if (paths.length !== STREAMS)
    throw new Error(`expected ${STREAMS} streams, found ${paths.length}: ${text.slice(0, 300)}`)
  return paths
}

/** Asks for the playlists of all, and for the newest segments that they list. */
async function watch(server: ServerProcess, paths: readonly string[], milliseconds: number): Promise<void> {
  const base = `http://127.0.0.1:${server.ports['http']}/`
  const until = Date.now() + milliseconds
  while (Date.now() < until) {
    const next = Date.now() + POLL_MS
    for (const name of paths) {
      const url = new URL(`${base}${name}/index.m3u8`)
      const index = await (await fetch(url)).text()
      for (const [, fromLine, fromTag] of index.matchAll(/^([^#\s].*)$|TYPE=AUDIO.*URI="([^"]+)"/gm)) {
        const list = new URL(fromLine ?? fromTag ?? '', url)
        const media = await (await fetch(list)).text()
        const segment = [...media.matchAll(/^[^#\s].*$/gm)].at(-1)?.[0]
        if (segment !== undefined) await (await fetch(new URL(segment, list))).arrayBuffer()
      }
    }
    await sleep(Math.max(0, Math.min(next, until) - Date.now()))
  }
}

async function fromMemory(server: ServerProcess, names: readonly string[]): Promise<number> {
  const urls = names.flatMap((name) => ['-u', `/vod/film.mp4/${name}`])
  const args = ['-p', String(server.ports['http']), '-k', '8', '-w', '2', '-t', '5', '-P', String(server.pid), ...urls]
  const { errs, cpu_s_per_GB: seconds } = await runLoad(nativeProgram('httpload'), args)
  return errs > 0 ? Number.NaN : seconds * 1000
}

/** Milliseconds. `work` gives the bytes that went out. */
async function cpuPerGigabyte({ pid }: ServerProcess, work: () => Promise<number>): Promise<number> {
  const before = cpuSeconds(pid)
  const bytes = await work()
  return ((cpuSeconds(pid) - before) * 1000) / (bytes / 1e9)
}
