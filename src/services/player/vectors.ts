/** A server of a few bodies, for tests. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** By path; what is not there is not found. `asked` lists what was asked for. Ends with the test. */
export async function serveBodies(
  t: TestContext,
  bodies: ReadonlyMap<string, Uint8Array>,
): Promise<{ readonly url: URL; asked(): readonly string[] }> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    const body = bodies.get(request.url ?? '')
    response.writeHead(body === undefined ? 404 : 200).end(body)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`), asked: () => asked }
}
