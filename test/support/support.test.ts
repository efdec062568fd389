/** The tools of the tests are tested too: a judge that is wrong makes everything look right. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { makeMedia, packetChecksums, parseFrameChecksums, watchCounters } from './media.ts'
import { run } from './process.ts'
import { startServer } from './server.ts'
import { requireTool } from './tools.ts'

describe('test support', () => {
  it('reads the burnt-in frame numbers of an encoded file back', async (t) => {
    const ffmpeg = requireTool(t, 'ffmpeg')
    if (ffmpeg === undefined) return
    const file = await makeMedia(ffmpeg, { container: 'flv', seconds: 2, bFrames: 2 })

    assert.deepEqual(
      await watchCounters(ffmpeg, file),
      Array.from({ length: 50 }, (_, n) => n),
    )
    const packets = await packetChecksums(ffmpeg, file)
    assert.equal(packets.filter((packet) => packet.stream === 0).length, 50)
    assert.ok(packets.some((packet) => packet.pts > packet.dts))
  })

  it('parses checksum listings', () => {
    const listing =
      '#software: x\n#tb 0: 1/1000\n0,   -40,      0,      40,     4583, 0xb0911ad9\n1, 0, 0, 21, 6, 0x04a10213, F=0x0\n'

    assert.deepEqual(parseFrameChecksums(listing), [
      { stream: 0, dts: -40, pts: 0, duration: 40, size: 4583, checksum: '0xb0911ad9' },
      { stream: 1, dts: 0, pts: 0, duration: 21, size: 6, checksum: '0x04a10213' },
    ])
  })

  it('ends programs that run too long', async () => {
    const { code, timedOut } = await run(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { timeout: 300 })

    assert.deepEqual([code, timedOut], [undefined, true])
  })

  it('starts and stops a server of its own', async () => {
    const server = await startServer()
    const response = await fetch(`${server.urls['http']}/healthz`)
    await response.body?.cancel()

    assert.equal(response.status, 200)
    assert.ok(server.secrets.publishKey.length > 8)
    assert.equal(await server.stop(), 0)
    assert.ok(!server.log().includes(server.secrets.publishKey))
  })
})
