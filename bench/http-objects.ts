/** Playlists and segments from memory, against a C program that sends the same bytes and, where installed, nginx with sendfile. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { nativeProgram } from './support/native.ts'
import { freePort, runLoad, startPinned } from './support/processes.ts'
import type { Row } from './support/report.ts'

const OBJECTS = [
  { name: 'pl.m3u8', what: '1 KB playlist', bytes: 1024, connections: '64', gate: 2.0 },
  { name: 'seg.ts', what: '250 KB segment', bytes: 250_000, connections: '8', gate: 1.45 },
] as const

/** The playlist as a player asks for it that tells how playback goes (CMCD in the query, as hls.js sends it). */
const TOLD = {
  name: `live/bench/index.m3u8?CMCD=${encodeURIComponent('bl=21300,br=3200,cid="bench",d=4004,mtp=48100,nor="..%2F300kbps%2Fsegment35.m4v",ot=v,rtp=15000,sf=h,sid="6e2fb550-c457-11e9-bb97-0800200c9a66",sn=7,st=l,tb=6000,v=2')}`,
  connections: '64',
} as const

export async function* httpObjects(): AsyncGenerator<Row> {
  const folder = mkdtempSync(path.join(tmpdir(), 'headend-bench-'))
  try {
    for (const { name, bytes } of OBJECTS) writeFileSync(path.join(folder, name), Buffer.alloc(bytes, 'a'))
    const ours = await measure(
      process.execPath,
      (port) => [path.join(import.meta.dirname, 'support/hot-server.ts'), String(port), folder],
      [...OBJECTS, TOLD],
    )
    const floor = await measure(nativeProgram('httplimit'), (port) => [String(port), folder, '0'])
    for (const { name, what, gate } of OBJECTS) {
      const value = ours.get(name) ?? Number.NaN
      const least = floor.get(name) ?? Number.NaN
      yield { work: `${what} from memory`, value, unit: 'µs CPU', floor: least, gate, note: '' }
    }
    yield {
      work: '1 KB playlist with client data, which is read',
      value: ours.get(TOLD.name) ?? Number.NaN,
      unit: 'µs CPU',
      floor: floor.get('pl.m3u8') ?? Number.NaN,
      gate: 5,
      note: 'the floor reads nothing',
    }
    if (spawnSync('nginx', ['-v'], { stdio: 'ignore' }).status !== 0) return
    const nginx = await measureNginx(folder)
    yield {
      work: '250 KB segment beside nginx with sendfile',
      value: ours.get('seg.ts') ?? Number.NaN,
      unit: 'µs CPU',
      floor: nginx.get('seg.ts') ?? Number.NaN,
      gate: 1.25,
      note: 'the floor is nginx',
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Microseconds of CPU a request of each object. */
async function measure(
  command: string,
  args: (port: number) => string[],
  objects: readonly { readonly name: string; readonly connections: string }[] = OBJECTS,
  stop?: () => void,
): Promise<Map<string, number>> {
  const port = await freePort()
  const server = await startPinned(command, args(port), port)
  const costs = new Map<string, number>()
  try {
    for (const { name, connections } of objects) {
      const options = [
        '-p',
        String(port),
        '-k',
        connections,
        '-w',
        '2',
        '-t',
        '6',
        '-u',
        `/${name}`,
        '-P',
        String(server.pid),
      ]
      const result = await runLoad(nativeProgram('httpload'), options)
      costs.set(name, result.errs > 0 ? Number.NaN : result.cpu_us_per_req)
    }
  } finally {
    stop?.()
    await server.stop()
  }
  return costs
}

async function measureNginx(folder: string): Promise<Map<string, number>> {
  const config = path.join(folder, 'nginx.conf')
  return measure('nginx', (port) => {
    const http = `access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=100; types { } default_type video/mp2t; server { listen 127.0.0.1:${port}; root ${folder}; }`
    writeFileSync(
      config,
      `user root; daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log; events { worker_connections 2048; } http { ${http} }`,
    )
    execFileSync('nginx', ['-t', '-q', '-c', config], { stdio: 'inherit' })
    return ['-c', config]
  })
}
