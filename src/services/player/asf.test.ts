/** ASF in the player: over HTTP, through ASX files, and written to files. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, type TestContext, test } from 'node:test'
import { ConfigError, FormatError, HeadendError } from '../../errors.ts'
import type { LogEntry } from '../../live/bounded-log.ts'
import type { UnitFormat } from '../../live/units.ts'
import { memorySource } from '../../media/byte-source.ts'
import { AsfReader } from '../../media/containers/asf/demuxer.ts'
import { AsfFile } from '../../media/containers/asf/file.ts'
import type { AsfInit, AsfPacket } from '../../media/containers/asf/model.ts'
import { AsfPacketDemuxer } from '../../media/containers/asf/packet-demuxer.ts'
import { withoutPadding } from '../../media/containers/asf/padding.ts'
import { testFile } from '../../media/containers/asf/test-files.suite.ts'
import { withLaterTimes } from '../../media/containers/asf/time-shift.ts'
import type { Logger } from '../../protocols/protocol.ts'
import type { PullClient } from './client-source.ts'
import { Output } from './output.ts'
import { type PlayOptions, type PlayResult, play } from './play.ts'

const WMV = testFile('wmv2-wmav2.wmv').bytes
const { init, packets } = read(WMV)
const log: Logger = { debug() {}, info() {}, warn() {}, error() {}, counted() {}, child: () => log }
const asfUnits: UnitFormat<AsfPacket & LogEntry> = {
  name: 'asf',
  createMuxer: () => ({ write() {}, flush() {}, read: () => undefined }),
}

function read(bytes: Uint8Array): { readonly init: AsfInit; readonly packets: readonly AsfPacket[] } {
  const reader = new AsfReader()
  reader.write(bytes)
  const found: AsfPacket[] = []
  let header: AsfInit | undefined
  for (let result = reader.read(); result !== undefined; result = reader.read()) {
    if (result.type === 'init') header = result.init
    else found.push(result.packet)
  }
  assert.ok(header)
  return { init: header, packets: found }
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'player-'))
  t.after(() => rm(folder, { recursive: true }))
  return folder
}

/** A web server with these files; gives its address. `%s` in a text is that address. */
async function web(t: TestContext, files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const server = createServer((request, response) => {
    const body = files[request.url ?? '']
    response.statusCode = body === undefined ? 404 : 200
    response.end(typeof body === 'string' ? body.replaceAll('%s', address) : body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return address
}

/** Plays packets as a client of Windows Media does. `seen` gets what it was asked. */
function clientOf(sent: readonly AsfPacket[], seen: unknown[] = []): PullClient {
  return async (url, publisher, { startMs, streams }) => {
    seen.push({ url: url.href, startMs, streams })
    const units = publisher.provide(asfUnits)
    const demuxer = new AsfPacketDemuxer(sent[0]?.init ?? init)
    for (const packet of sent) {
      units.write({ ...packet, size: packet.bytes.byteLength, time: packet.sendTimeMs * 1000 })
      demuxer.write(packet.bytes)
      for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
        if (result.type === 'packet') publisher.write(result.packet)
        else publisher.announce(result.tracks)
      }
    }
  }
}

function start(url: string, options: Partial<PlayOptions> & { readonly pull?: PullClient } = {}): Promise<PlayResult> {
  const { pull, ...rest } = options
  return play({
    url,
    client: { log, insecureTls: false, asfUnits },
    findClient: (scheme) => (scheme === 'mms' ? pull : undefined),
    ...rest,
  })
}

const bare = (list: readonly AsfPacket[]) => list.map(({ bytes }) => Buffer.from(withoutPadding(bytes)))
const codecs = ({ tracks }: PlayResult) => tracks.map(({ codec }) => codec)

describe('the player and ASF', () => {
  test('plays a file over HTTP', async (t) => {
    const result = await start(`${await web(t, { '/a.wmv': WMV })}/a.wmv`)
    assert.deepEqual(codecs(result), ['wmv2', 'wma2'])
    assert.equal(result.bytes, WMV.byteLength)
    const objects = testFile('wmv2-wmav2.wmv').expected.length
    assert.equal(
      result.tracks.reduce((sum, track) => sum + track.packets, 0),
      objects,
    )
    assert.deepEqual(result.problems, [])
  })

  test('records a file packet by packet, whole and with an index', async (t) => {
    const output = join(await folderOf(t), 'copy.wmv')
    const result = await start(`${await web(t, { '/a.wmv': WMV })}/a.wmv`, { output })
    assert.deepEqual(result.files, [output])
    const written = await AsfFile.open(memorySource(new Uint8Array(await readFile(output))))
    assert.equal(written.init.packetCount, packets.length)
    assert.equal(written.init.seekable, true)
    assert.ok(Math.abs(written.durationMs - init.durationMs) < 200, `${written.durationMs} ms`)
    assert.deepEqual(bare(await written.readPackets(0, packets.length)), bare(packets))
  })

  test('records what a client of its own wire brings packet by packet', async (t) => {
    const output = join(await folderOf(t), 'copy.asf')
    await start('mms://host/x', { output, pull: clientOf(packets) })
    assert.deepEqual(bare(read(new Uint8Array(await readFile(output))).packets), bare(packets))
  })

  test('begins the file of a broadcast at zero', async (t) => {
    const live: AsfInit = { ...init, broadcast: true }
    const sent = packets.map((packet) => ({
      ...packet,
      init: live,
      bytes: withLaterTimes(packet.bytes, init.packetSize, 100_000),
      sendTimeMs: packet.sendTimeMs + 100_000,
    }))
    const output = join(await folderOf(t), 'copy.asf')
    await start('mms://host/x', { output, pull: clientOf(sent) })
    assert.deepEqual(bare(read(new Uint8Array(await readFile(output))).packets), bare(packets))
  })

  test('goes on in a second file when the header changes', async (t) => {
    const other = read(testFile('wmav2.wma').bytes)
    const output = join(await folderOf(t), 'copy.asf')
    const result = await start('mms://host/x', { output, pull: clientOf([...packets, ...other.packets]) })
    assert.deepEqual(result.files, [output, output.replace('.asf', '-2.asf')])
    assert.deepEqual(bare(read(new Uint8Array(await readFile(result.files[1] ?? ''))).packets), bare(other.packets))
  })

  test('muxes what comes without whole packets', async (t) => {
    const output = new Output(join(await folderOf(t), 'mux.asf'), undefined)
    const demuxer = new AsfPacketDemuxer(init)
    for (const { bytes } of packets) demuxer.write(bytes)
    demuxer.end()
    let count = 0
    for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
      if (result.type === 'packet') count++
      await output.write(result)
    }
    await output.end()
    const source = memorySource(new Uint8Array(await readFile(output.files[0] ?? '')))
    const written = await AsfFile.open(source)
    assert.equal(written.init.seekable, true)
    assert.ok(written.packetCount > 0)
    const again = new AsfPacketDemuxer(written.init)
    for (const { bytes } of await written.readPackets(0, written.packetCount)) again.write(bytes)
    again.end()
    let found = 0
    for (let result = again.read(); result !== undefined; result = again.read()) if (result.type === 'packet') found++
    assert.equal(found, count)
  })

  test('refuses an output that can hold nothing of the stream', async (t) => {
    const output = join(await folderOf(t), 'a.mp4')
    await assert.rejects(
      start(`${await web(t, { '/a.wmv': WMV })}/a.wmv`, { output }),
      (error) => error instanceof ConfigError && /wmv2/.test(error.message),
    )
  })

  test('tells the client where to begin and what to take, and other addresses that they cannot', async () => {
    const seen: unknown[] = []
    await start('mms://host/x', { start: 2.5, streams: [1, 3], pull: clientOf(packets, seen) })
    assert.deepEqual(seen, [{ url: 'mms://host/x', startMs: 2500, streams: [1, 3] }])
    await assert.rejects(start('http://host/a.flv', { start: 1 }), ConfigError)
    await assert.rejects(start('rtmp://host/a', { streams: [1] }), ConfigError)
  })
})

describe('the player and ASX files', () => {
  const entry = (...hrefs: readonly string[]) =>
    `<ASX VERSION="3.0"><ENTRY>${hrefs.map((href) => `<REF HREF="${href}"/>`).join('')}</ENTRY></ASX>`

  test('plays the first address that answers', async (t) => {
    const seen: unknown[] = []
    const asx = entry('rtsp://host/a', '%s/none.wmv', 'a.wmv', 'mms://host/b')
    const address = await web(t, { '/x.asx': asx, '/a.wmv': WMV })
    const result = await start(`${address}/x.asx`, { pull: clientOf(packets, seen) })
    assert.deepEqual(codecs(result), ['wmv2', 'wma2'])
    assert.deepEqual(seen, [])
  })

  test('begins where the file says, unless told otherwise', async (t) => {
    const seen: unknown[] = []
    const asx = '<ASX><ENTRY><STARTTIME VALUE="0:00:03"/><REF HREF="mms://host/a"/></ENTRY></ASX>'
    const address = await web(t, { '/x.wvx': asx })
    const pull = clientOf(packets, seen)
    await start(`${address}/x.wvx`, { pull })
    await start(`${address}/x.wvx`, { pull, start: 1 })
    assert.deepEqual(
      seen.map((one) => (one as { startMs?: number }).startMs),
      [3000, 1000],
    )
  })

  test('follows files that lead to files, but not in a circle', async (t) => {
    const address = await web(t, {
      '/x.asx': '<ASX><ENTRYREF HREF="y.asx"/></ASX>',
      '/y.asx': entry('a.wmv'),
      '/a.wmv': WMV,
      '/circle.asx': '<ASX><ENTRYREF HREF="circle.asx"/></ASX>',
    })
    assert.deepEqual(codecs(await start(`${address}/x.asx`)), ['wmv2', 'wma2'])
    await assert.rejects(start(`${address}/circle.asx`), (error) => error instanceof FormatError)
  })

  test('follows one that stands in the place of media, once', async (t) => {
    const address = await web(t, { '/a.wmv': entry('mms://host/a', '%s/a.wmv'), '/b.wmv': entry('%s/b.wmv') })
    const seen: unknown[] = []
    await start(`${address}/a.wmv`, { pull: clientOf(packets, seen) })
    assert.equal(seen.length, 1)
    await assert.rejects(start(`${address}/b.wmv`), HeadendError)
  })

  test('says when nothing in it can be played', async (t) => {
    const address = await web(t, { '/x.asx': entry('rtsp://host/a'), '/empty.asx': '<ASX></ASX>' })
    for (const name of ['x', 'empty']) {
      await assert.rejects(
        start(`${address}/${name}.asx`),
        (error) => error instanceof HeadendError && error.code === 'ERR_PLAY_ASX',
      )
    }
  })
})
