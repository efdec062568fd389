import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mock, test } from 'node:test'
import { get, pieces } from './http.ts'

test('the deadline for an answer does not cut a body that flows on', async () => {
  const responses: ServerResponse[] = []
  const server = createServer((_request, response) => {
    responses.push(response)
    response.write('first')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
  mock.timers.enable({ apis: ['setTimeout'] })
  try {
    const { signal } = new AbortController()
    const body = pieces(await get(url, signal), url, signal)
    assert.equal(text(await body.next()), 'first')
    mock.timers.tick(60_000)
    responses[0]?.end('second')
    assert.equal(text(await body.next()), 'second')
  } finally {
    mock.timers.reset()
    server.close()
  }
})

function text({ value }: IteratorResult<Uint8Array>): string {
  return Buffer.from(value ?? []).toString()
}
