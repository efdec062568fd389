import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { LINE_47, LINE_52, STREAMING_LINE } from '../../../../playlog/vectors.ts'
import { WEB_LOG_PAGE } from '../../../../playlog/weblog.ts'
import { parseWmlogLine } from '../../../../playlog/wmlog-line.ts'
import { postWebLogs } from './web-log.ts'

const PATIENCE_MS = 5000

async function openSink(t: TestContext, page: string, status = 200) {
  const asked: { method: string | undefined; headers: IncomingHttpHeaders; body: string }[] = []
  const server = createServer((request, response) => {
    const { method, headers } = request
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => {
      asked.push({ method, headers, body: Buffer.concat(pieces).toString() })
      response.writeHead(status).end(method === 'GET' ? page : '')
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { asked, url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/logs/wms`) }
}

describe('logs to a web server', () => {
  it('LOG-16, LOG-17: are posted one by one where the page says that they are taken, with 47 fields each', async (t) => {
    const { asked, url } = await openSink(t, WEB_LOG_PAGE)

    await postWebLogs(url, [parseWmlogLine(STREAMING_LINE), parseWmlogLine(LINE_52)], PATIENCE_MS)

    const shown = LINE_52.split(' ')
    assert.deepEqual(
      asked.map(({ method, body }) => [method, body]),
      [
        ['GET', ''],
        ['POST', `MX_STATS_LogLine: \t${STREAMING_LINE}`],
        ['POST', `MX_STATS_LogLine: \t${[...shown.slice(0, 44), ...shown.slice(47, 49), shown[50]].join(' ')}`],
      ],
    )
    assert.ok(asked.every(({ headers }) => headers['user-agent'] === 'NSPlayer'))
    assert.equal(asked[1]?.headers['content-type'], 'text/plain;charset=UTF-8')
  })

  it('LOG-16: are not posted where another page is, or a very long one, or nobody', async (t) => {
    const log = parseWmlogLine(LINE_47)
    const pages = [
      await openSink(t, '<html><body><h1>It works!</h1></body></html>'),
      await openSink(t, WEB_LOG_PAGE, 404),
      await openSink(t, `${' '.repeat(1024 * 1024)}${WEB_LOG_PAGE}`),
    ]

    for (const { url } of pages) await postWebLogs(url, [log], PATIENCE_MS)
    await postWebLogs(new URL('http://127.0.0.1:9/logs/wms'), [log], PATIENCE_MS)

    for (const { asked } of pages)
      assert.deepEqual(
        asked.map(({ method }) => method),
        ['GET'],
      )
  })
})
