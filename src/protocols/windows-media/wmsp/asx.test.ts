import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, get as httpGet, type IncomingMessage } from 'node:http'
import { afterEach, test } from 'node:test'
import { testFile } from '../../../media/containers/asf/test-files.suite.ts'
import { asxFor } from './asx.ts'
import { Player, publishNative, type Setup, setup } from './loopback.suite.ts'

const opened: { close(): Promise<void> | void }[] = []
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close()
})

async function open(): Promise<Setup> {
  const made = await setup({
    files: { 'vod/a & b.wmv': testFile('wmv2-wmav2.wmv').bytes },
    playlists: { 'channel/p': { entries: ['vod/a.wmv'], loop: false } },
  })
  opened.push(made)
  return made
}

async function get({ port }: Setup, target: string, ...headers: readonly string[]) {
  const client = await Player.open(port)
  opened.push(client)
  client.send(
    `GET ${target} HTTP/1.1\r\n${['Host: media.test:8080', 'User-Agent: VLC/3.0', ...headers].join('\r\n')}\r\n\r\n`,
  )
  const head = await client.head()
  const body = (await client.bytes(Number(head.header('content-length') ?? 0))).toString('utf8')
  return { head, body }
}

const references = (body: string) => [...body.matchAll(/HREF="([^"]*)"/g)].map(([, href]) => href)

test('a browser is sent to the watch page, anything else gets an ASX that leads here', async () => {
  const made = await open()
  publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv').send(1)
  const browser = await get(made, '/live/a', 'Accept: text/html,application/xhtml+xml')
  assert.equal(browser.head.status, 302)
  assert.equal(browser.head.header('location'), '/watch/live/a')
  const other = await get(made, '/live/a')
  assert.equal(other.head.header('content-type'), 'video/x-ms-asf')
  assert.deepEqual(references(other.body), [
    'mms://media.test:8080/live/a',
    'http://media.test:8080/live/a?MSWMExt=.asf',
  ])
  // What follows its references one by one does not come back to this file.
  assert.notEqual((await get(made, '/live/a?MSWMExt=.asf')).head.status, 200)
  assert.deepEqual(references((await get(made, '/channel/p')).body)[0], 'mms://media.test:8080/channel/p')
})

test('the suffix gives the ASX to everybody, with the key that was shown', async () => {
  const made = await open()
  const { head, body } = await get(made, '/live/later.asx?key=a%26b', 'Accept: text/html')
  assert.equal(head.status, 200)
  assert.deepEqual(references(body)[0], 'mms://media.test:8080/live/later?key=a%26b')
})

test('Windows Media Player and MPlayer fetch the ASX under the name that they play with', async () => {
  const made = await open()
  const { head, body } = await get(made, '/live/a.asx', 'User-Agent: NSPlayer/12.0', 'Pragma: xClientGUID={x}')
  assert.equal(head.header('content-type'), 'video/x-ms-asf')
  assert.equal(references(body).length, 2)
})

test('what a player asks of the address for its logs is left to who takes them', async () => {
  const made = await open()
  const agent = 'Pragma: xClientGUID={x}'
  for (const target of ['/logs/wms', '/logs/wms?a=b']) {
    const { head } = await get(made, target, agent)
    // Nobody takes any here; the server of streams would say so in words of its own.
    assert.deepEqual([head.status, head.header('server')?.startsWith('Cougar') ?? false], [404, false], target)
  }
  publishNative(made.hub, 'live/logs/wms', 'wmv2-wmav2.wmv').send(1)
  const stream = await get(made, '/live/logs/wms', agent)
  assert.match(stream.head.header('server') ?? '', /^Cougar/)
})

test('file names are escaped for the address and for XML', async () => {
  const made = await open()
  const { body } = await get(made, '/vod/a%20%26%20b.wmv.asx')
  assert.deepEqual(references(body)[0], 'mms://media.test:8080/vod/a%20%26%20b.wmv')
  assert.match(body, /<TITLE>vod\/a &amp; b\.wmv<\/TITLE>/)
})

test('H-10: a Host that is no host name is not repeated', async () => {
  const made = await open()
  publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv').send(1)
  const client = await Player.open(made.port)
  opened.push(client)
  client.send('GET /live/a HTTP/1.1\r\nHost: "><script>\r\nUser-Agent: x\r\n\r\n')
  const head = await client.head()
  const body = (await client.bytes(Number(head.header('content-length')))).toString()
  assert.doesNotMatch(body, /script/)
  if (head.status === 200) assert.match(body, /mms:\/\/127\.0\.0\.1:\d+\/live\/a/)
})

test('what does not exist is left to others', async () => {
  const made = await open()
  assert.equal((await get(made, '/live/nobody')).head.status, 404)
  assert.equal((await get(made, '/vod/none.wmv')).head.status, 404)
  assert.equal((await get(made, '/live/bad%20name.asx')).head.status, 400)
})

test('over TLS there is one way only', () => {
  assert.deepEqual(references(asxFor('live/a', 'h', { secure: true })), ['https://h/live/a?MSWMExt=.asf'])
})

test('several kinds of client may share a connection, as behind a proxy', async () => {
  const made = await open()
  publishNative(made.hub, 'live/a', 'wmv2-wmav2.wmv').send(1)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ask = async (headers: Readonly<Record<string, string>>) => {
    const sent = httpGet({ port: made.port, path: '/live/a', agent, headers: { Host: 'media.test', ...headers } })
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    const { localPort } = response.socket
    response.resume()
    await once(response, 'end')
    return [response.statusCode, response.headers['content-type'], localPort] as const
  }
  const asWindowsMedia = { 'User-Agent': 'NSPlayer/9.0.0.2980', Pragma: 'no-cache' }
  const first = await ask(asWindowsMedia)
  const second = await ask({ 'User-Agent': 'curl' })
  agent.destroy()

  assert.deepEqual(first.slice(0, 2), [200, 'application/vnd.ms.wms-hdr.asfv1'])
  assert.deepEqual(second.slice(0, 2), [200, 'video/x-ms-asf'])
  assert.equal(second[2], first[2])
})
