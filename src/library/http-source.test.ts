/** Files on HTTP servers: real requests to a server of our own that keeps the rules, and to ones that do not. */
import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { type HttpSource, type HttpSourceOptions, MAX_WHOLE_BYTES, openHttpSource } from './http-source.ts'

const SIZE = 3_000_000
const FILE = Buffer.from(Uint8Array.from({ length: SIZE }, (_, i) => (i * 7 + (i >> 8)) & 0xff))

/** Starts a server; gives its address and how often it was asked. */
async function serve(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.headers.range ?? '')
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/film.mp4`, asked }
}

/** Answers with the range that was asked for, of the version that is there. */
function answerRange(request: IncomingMessage, response: ServerResponse, { file = FILE, etag = '"1"' } = {}): void {
  const asked = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '')
  const condition = request.headers['if-range']
  if (asked === null || (condition !== undefined && condition !== etag)) {
    response.writeHead(200, { etag, 'content-length': file.byteLength }).end(file)
    return
  }
  const start = Number(asked[1])
  const end = Math.min(Number(asked[2]), file.byteLength - 1)
  response
    .writeHead(206, {
      etag,
      'content-range': `bytes ${start}-${end}/${file.byteLength}`,
      'content-length': end + 1 - start,
    })
    .end(file.subarray(start, end + 1))
}

async function openSource(t: TestContext, url: string, options?: HttpSourceOptions): Promise<HttpSource> {
  const source = await openHttpSource(url, options)
  t.after(() => source.close())
  return source
}

async function assertRead(source: HttpSource, offset: number, length: number): Promise<void> {
  const bytes = await source.read(offset, length)
  assert.ok(FILE.subarray(offset, offset + length).equals(bytes), `${length} bytes at ${offset}`)
}

describe('a file on a server with ranges', () => {
  it('is read where it is wanted, and each piece once', async (t) => {
    const { url, asked } = await serve(t, answerRange)

    const source = await openSource(t, url)

    assert.equal(source.size, SIZE)
    assert.equal(source.url, url)
    await assertRead(source, 0, 100)
    await assertRead(source, SIZE - 10, 100)
    await assertRead(source, 1_500_000, 400_000)
    await Promise.all([assertRead(source, 1_500_000, 10), assertRead(source, 1_600_000, 10)])
    assert.equal((await source.read(SIZE, 10)).byteLength, 0)
    assert.equal(asked.length, 3)
  })

  it('is read ahead from front to back, with few requests', async (t) => {
    const { url, asked } = await serve(t, answerRange)
    const source = await openSource(t, url)

    for (let at = 0; at < SIZE; at += 10_000) await assertRead(source, at, 10_000)

    assert.ok(asked.length <= 6, asked.join(' '))
  })

  it('is read in one piece that is larger than what is kept', async (t) => {
    const file = Buffer.alloc(12_000_000, 7)
    const { url } = await serve(t, (request, response) => answerRange(request, response, { file }))
    const source = await openSource(t, url)

    assert.ok(file.subarray(5).equals(await source.read(5, 12_000_000)))
  })

  for (const [name, changed] of [
    ['another version', { etag: '"2"' }],
    ['another size', { file: FILE.subarray(5) }],
  ] as const) {
    it(`gives an error and no mixture when it becomes ${name}`, async (t) => {
      let now = {}
      const { url } = await serve(t, (request, response) => answerRange(request, response, now))
      const source = await openSource(t, url)
      await assertRead(source, 0, 100)
      now = changed

      await assert.rejects(source.read(2_000_000, 10), { code: 'ERR_HTTP_SOURCE_CHANGED' })
      await assert.rejects(source.read(0, 10), { code: 'ERR_HTTP_SOURCE_CHANGED' })
    })
  }

  it('P-03: follows three redirects, and no more', async (t) => {
    let left = 3
    const { url } = await serve(t, (request, response) => {
      if (left-- > 0) response.writeHead(302, { location: `/hop-${left}` }).end()
      else answerRange(request, response)
    })

    assert.equal((await openSource(t, url)).size, SIZE)
    left = 4
    await assert.rejects(openHttpSource(url), { code: 'ERR_HTTP_SOURCE_REDIRECT' })
  })

  it('P-09: sends the password of the address to its own server only, and shows it to nobody', async (t) => {
    const seen: (string | undefined)[] = []
    const other = await serve(t, (request, response) => {
      seen.push(request.headers.authorization)
      answerRange(request, response)
    })
    const { url } = await serve(t, (request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(307, { location: other.url }).end()
    })

    const source = await openSource(t, url.replace('//', '//me:secret@'))

    assert.equal(source.url, other.url)
    assert.deepEqual(seen, [`Basic ${Buffer.from('me:secret').toString('base64')}`, undefined])
  })
})

describe('P-03, P-06, P-07: a file on a server that does not keep to it', () => {
  it('is read whole where there are no ranges and it is small', async (t) => {
    for (const headers of [{ 'content-length': SIZE }, undefined]) {
      const { url, asked } = await serve(t, (_, response) => response.writeHead(200, headers).end(FILE))
      const source = await openSource(t, url)
      await assertRead(source, 1_000_000, 10)
      assert.deepEqual([source.size, asked.length], [SIZE, 1])
    }
  })

  it('is refused where there are no ranges and it is large, whether the server says so or not', async (t) => {
    for (const headers of [{ 'content-length': MAX_WHOLE_BYTES + 1 }, undefined]) {
      const { url } = await serve(t, (_, response) => {
        response.writeHead(200, headers)
        const piece = Buffer.alloc(1 << 20)
        let sent = 0
        const more = () => {
          while (sent++ <= 32 && response.write(piece));
          if (sent <= 32) response.once('drain', more)
          else response.end()
        }
        more()
      })
      await assert.rejects(openHttpSource(url), { code: 'ERR_HTTP_SOURCE_NO_RANGES', message: /download it first/ })
    }
  })

  it('is not waited for without end', async (t) => {
    const { url } = await serve(t, () => {})
    await assert.rejects(openHttpSource(url, { timeoutMs: 50 }), { code: 'ERR_HTTP_SOURCE_TIMEOUT' })
  })

  const answers: Record<string, [string, (response: ServerResponse) => void]> = {
    'is missing': ['ERR_HTTP_SOURCE_STATUS', (response) => response.writeHead(404).end()],
    'is empty': ['ERR_HTTP_SOURCE_STATUS', (response) => response.writeHead(416).end()],
    'has no known size': [
      'ERR_HTTP_SOURCE_STATUS',
      (response) => response.writeHead(206, { 'content-range': 'bytes 0-9/*' }).end('0123456789'),
    ],
    'is another part': [
      'ERR_HTTP_SOURCE_STATUS',
      (response) => response.writeHead(206, { 'content-range': 'bytes 5-9/10' }).end('56789'),
    ],
    'breaks off': [
      'ERR_HTTP_SOURCE_BROKEN_OFF',
      (response) => response.writeHead(206, { 'content-range': 'bytes 0-9/10' }).end('012'),
    ],
    'is longer than it says': [
      'ERR_HTTP_SOURCE_BROKEN_OFF',
      (response) => response.writeHead(206, { 'content-range': 'bytes 0-9/10' }).end('0123456789ABC'),
    ],
    'redirects elsewhere': [
      'ERR_HTTP_SOURCE_REDIRECT',
      (response) => response.writeHead(302, { location: 'file:///etc/passwd' }).end(),
    ],
  }
  for (const [name, [code, answer]] of Object.entries(answers)) {
    it(`is refused where it ${name}`, async (t) => {
      const { url } = await serve(t, (_, response) => answer(response))
      await assert.rejects(openHttpSource(url), { code })
    })
  }

  it('is refused where nobody listens, and where the address is none', async () => {
    await assert.rejects(openHttpSource('http://127.0.0.1:1/x'), { code: 'ERR_HTTP_SOURCE_UNREACHABLE' })
    await assert.rejects(openHttpSource('file:///etc/passwd'), { code: 'ERR_HTTP_SOURCE_URL' })
  })
})
