/** Films of an hour and a gigabyte: the first segment of one that was never opened, segments beside nginx with files of the same bytes, and many viewers. */
import { execFileSync, spawnSync } from 'node:child_process'
import { linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { benchFile } from './support/media.ts'
import { nativeProgram } from './support/native.ts'
import { freePort, runLoad, type ServerProcess, startHeadend, startPinned } from './support/processes.ts'
import type { Row } from './support/report.ts'

const SECONDS = 3600
/** Kilobits a second: an hour has a gigabyte. */
const BITRATE = 2300
const COLD_RUNS = 5
const COLD_GATE_MS = 200
/** Segments that are loaded in turns. */
const SEGMENTS = 40
const NGINX_GATE = 2
const FILMS = 50
const VIEWERS = 500
/** A viewer asks for a segment so often, seconds: three times as fast as it plays. */
const SEGMENT_S = 2
const WATCH_S = 16
const MEMORY_GATE_MB = 600

export async function* onDemand(): AsyncGenerator<Row> {
  const folder = mkdtempSync(path.join(tmpdir(), 'headend-bench-'))
  try {
    const media = path.join(folder, 'media')
    mkdirSync(media)
    const film = path.join(media, 'film-0.mp4')
    const input = ['-v', 'error', '-stream_loop', '-1', '-i', benchFile(BITRATE)]
    execFileSync('ffmpeg', [...input, '-t', String(SECONDS), '-c', 'copy', film], { stdio: 'inherit' })
    for (let index = 1; index < FILMS; index++) linkSync(film, path.join(media, `film-${index}.mp4`))
    yield await coldStart(media, film)
    yield* besideNginx(media, folder)
    yield await manyViewers(media)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A new process, the film not in the page cache: from the request for the entry playlist to the last byte of the first segment. */
async function coldStart(media: string, film: string): Promise<Row> {
  const times: number[] = []
  for (let run = 0; run < COLD_RUNS; run++) {
    const server = await serve(media)
    try {
      execFileSync('dd', [`if=${film}`, 'iflag=nocache', 'count=0'], { stdio: 'ignore' })
      const base = `http://127.0.0.1:${server.ports['http']}/vod/film-0.mp4/`
      const started = performance.now()
      await (await fetch(`${base}index.m3u8`)).text()
      const { init, segments } = await playlist(base, 'video-1')
      for (const name of [init, segments[0] ?? '']) await (await fetch(base + name)).arrayBuffer()
      times.push(performance.now() - started)
    } finally {
      await server.stop()
    }
  }
  times.sort((left, right) => left - right)
  const value = times[COLD_RUNS >> 1] ?? Number.NaN
  const note = `playlists, init and segment of ${SECONDS} s, 1 GB; slowest ${times.at(-1)?.toFixed(0)} ms`
  return { work: 'first segment of a film never opened', value, unit: 'ms', gate: COLD_GATE_MS, note }
}

async function* besideNginx(media: string, folder: string): AsyncGenerator<Row> {
  if (spawnSync('nginx', ['-v'], { stdio: 'ignore' }).status !== 0) return
  const files = path.join(folder, 'files')
  mkdirSync(files)
  const names: string[] = []
  const cases = [
    {
      work: 'segments that several ask for',
      cacheMegabytes: 128,
      gate: NGINX_GATE,
      note: 'from memory; the floor is nginx with sendfile',
    },
    // Node has no sendfile: each byte is copied twice more than by nginx.
    {
      work: 'segments that each are asked for once',
      cacheMegabytes: 4,
      note: 'read from the file, no gate; the same floor',
    },
  ]
  const costs: number[] = []
  for (const { cacheMegabytes } of cases) {
    const server = await serve(media, { hls: { onDemandCacheMegabytes: cacheMegabytes } })
    try {
      const base = `http://127.0.0.1:${server.ports['http']}/vod/film-0.mp4/`
      const { segments } = await playlist(base, 'video-1')
      for (const name of segments.slice(0, SEGMENTS)) {
        if (names.length < SEGMENTS) names.push(name)
        writeFileSync(path.join(files, name), Buffer.from(await (await fetch(base + name)).arrayBuffer()))
      }
      const urls = names.map((name) => `/vod/film-0.mp4/${name}`)
      costs.push(await secondsPerGigabyte(server.ports['http'] ?? 0, server.pid, urls))
    } finally {
      await server.stop()
    }
  }
  const floor = (await nginxCost(files, names, 'on')) * 1000
  for (const [index, { work, gate, note }] of cases.entries()) {
    const value = (costs[index] ?? Number.NaN) * 1000
    yield { work, value, unit: 'ms CPU/GB', floor, ...(gate === undefined ? {} : { gate }), note }
  }
  yield {
    work: 'the same beside nginx as it comes',
    value: (costs.at(-1) ?? Number.NaN) * 1000,
    unit: 'ms CPU/GB',
    floor: (await nginxCost(files, names, 'off')) * 1000,
    gate: NGINX_GATE,
    note: 'without sendfile, which is its default: the floor copies what it sends, too',
  }
}

async function secondsPerGigabyte(port: number, pid: number, urls: readonly string[]): Promise<number> {
  const args = [
    '-p',
    String(port),
    '-k',
    '8',
    '-w',
    '3',
    '-t',
    '6',
    '-P',
    String(pid),
    ...urls.flatMap((url) => ['-u', url]),
  ]
  const result = await runLoad(nativeProgram('httpload'), args)
  return result.errs > 0 ? Number.NaN : result.cpu_s_per_GB
}

async function nginxCost(files: string, names: readonly string[], sendfile: 'on' | 'off'): Promise<number> {
  const port = await freePort()
  const config = path.join(files, 'nginx.conf')
  const http = `access_log off; sendfile ${sendfile}; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=100; types { } default_type video/mp4; server { listen 127.0.0.1:${port}; root ${files}; }`
  writeFileSync(
    config,
    `user root; daemon off; worker_processes 1; pid ${files}/nginx.pid; error_log ${files}/error.log; events { worker_connections 2048; } http { ${http} }`,
  )
  const server = await startPinned('nginx', ['-c', config], port)
  try {
    return await secondsPerGigabyte(
      port,
      server.pid,
      names.map((name) => `/${name}`),
    )
  } finally {
    await server.stop()
  }
}

/** Viewers at random places of many films, a third of them slow: what the server holds at most. */
async function manyViewers(media: string): Promise<Row> {
  const server = await serve(media)
  const sockets: Socket[] = []
  let largest = 0
  let answered = 0
  try {
    const port = server.ports['http'] ?? 0
    const films = await Promise.all(
      Array.from({ length: FILMS }, async (_, index) => {
        const { segments } = await playlist(`http://127.0.0.1:${port}/vod/film-${index}.mp4/`, 'video-1')
        return segments.map((name) => `/vod/film-${index}.mp4/${name}`)
      }),
    )
    for (let viewer = 0; viewer < VIEWERS; viewer++) {
      const segments = films[viewer % FILMS] ?? []
      const socket = connect(port, '127.0.0.1')
      sockets.push(socket)
      let next = (viewer * 37) % segments.length
      const ask = () => socket.write(`GET ${segments[next++ % segments.length]} HTTP/1.1\r\nHost: x\r\n\r\n`)
      socket.on('error', () => {})
      socket.on('data', (bytes: Buffer) => {
        if (bytes.includes('HTTP/1.1 200')) answered++
      })
      ask()
      // One that reads nothing any more keeps what was on its way.
      if (viewer % 3 === 0) socket.pause()
      else setInterval(ask, SEGMENT_S * 1000).unref()
    }
    const until = performance.now() + WATCH_S * 1000
    while (performance.now() < until) {
      await sleep(250)
      largest = Math.max(largest, residentMegabytes(server.pid))
    }
  } finally {
    for (const socket of sockets) socket.destroy()
    await server.stop()
  }
  const note = `${answered} segments went out; a third of the viewers stopped reading`
  return {
    work: `${VIEWERS} viewers of ${FILMS} films`,
    value: largest,
    unit: 'MB at most',
    gate: MEMORY_GATE_MB,
    note,
  }
}

function residentMegabytes(pid: number): number {
  const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) / 1024
}

async function playlist(base: string, rendition: string): Promise<{ init: string; segments: readonly string[] }> {
  const text = await (await fetch(`${base}${rendition}.m3u8`)).text()
  return {
    init: /EXT-X-MAP:URI="([^"]+)"/.exec(text)?.[1] ?? '',
    segments: [...text.matchAll(/^[^#\s].*$/gm)].map(([line]) => line),
  }
}

function serve(media: string, settings: Readonly<Record<string, unknown>> = {}): Promise<ServerProcess> {
  return startHeadend(settings, ['--no-test-channel', '--media', media])
}
