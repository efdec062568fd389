/** A collector in front of a server: takes reports itself or passes them on, notes what goes with requests, and passes everything else on. */
import { once } from 'node:events'
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as requestFrom,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import type { TestContext } from 'node:test'

export interface CollectedBody {
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

export interface Collector {
  /** Without a slash at the end: of `localhost`. */
  readonly url: string
  readonly port: number
  /** Bodies of reports, in the order of their arrival. */
  readonly bodies: readonly CollectedBody[]
  /** Targets of requests that had a record with them. */
  readonly targets: readonly string[]
  /** Of the next report, in place of 204. */
  refuse(status: number, headers?: Readonly<Record<string, string>>): void
  /** What is asked of the server, but for reports, waits until the function is called that it returns. */
  hold(): () => void
}

export interface CollectorOptions {
  /** Base address of the server behind it. */
  readonly upstream: string
  /** Pages of its own: by path and query. */
  readonly page?: (target: URL) => { readonly type: string; readonly body: string | Buffer } | undefined
  /** Reports go to the server too, and its answers to the player. */
  readonly passes?: boolean
}

const REPORTS = '/logs/cmcd'

export async function openCollector(
  t: TestContext,
  { upstream, page, passes = false }: CollectorOptions,
): Promise<Collector> {
  const { hostname, port: upstreamPort } = new URL(upstream)
  const bodies: CollectedBody[] = []
  const targets: string[] = []
  const refusals: (readonly [number, Readonly<Record<string, string>>])[] = []
  let held = Promise.resolve()
  const server = createServer((request, response) => {
    const target = new URL(request.url ?? '/', 'http://localhost')
    if (target.pathname === REPORTS) {
      const pieces: Buffer[] = []
      request.on('data', (piece: Buffer) => pieces.push(piece))
      const refusal = refusals.shift()
      request.on('end', () => {
        const [status, headers] = refusal ?? [204, {}]
        if (status === 204) bodies.push({ headers: request.headers, text: Buffer.concat(pieces).toString() })
        if (!passes || refusal !== undefined) response.writeHead(status, headers).end()
      })
      if (passes && refusal === undefined) pass(request, response)
      return
    }
    const own = page?.(target)
    if (own !== undefined) {
      response.writeHead(200, { 'content-type': own.type }).end(own.body)
      return
    }
    note(request.url)
    void held.then(() => pass(request, response))
  })
  server.on('upgrade', (request, socket, head) => {
    note(request.url)
    const other = connect(Number(upstreamPort), hostname)
    const lines = request.rawHeaders.flatMap((name, at, all) => (at % 2 === 0 ? [`${name}: ${all[at + 1]}`] : []))
    other.write(`GET ${request.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    other.write(head)
    other.pipe(socket).pipe(other)
    other.on('error', () => socket.destroy())
    socket.on('error', () => other.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.close()
    server.closeAllConnections()
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    bodies,
    targets,
    refuse: (status, headers = {}) => refusals.push([status, headers]),
    hold: () => {
      const gate = Promise.withResolvers<void>()
      held = gate.promise
      return gate.resolve
    },
  }

  function pass(request: IncomingMessage, response: ServerResponse): void {
    const { method, url, headers } = request
    const passed = requestFrom({ host: hostname, port: upstreamPort, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    passed.on('error', () => response.destroy())
    response.on('close', () => passed.destroy())
    request.pipe(passed)
  }

  function note(url = '/'): void {
    if (/[?&]CMCD=/.test(url)) targets.push(url)
  }
}
