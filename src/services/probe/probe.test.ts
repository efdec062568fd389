/** What `probe` says of files that the CLI tests do not have. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { ByteWriter } from '../../media/bytes/byte-writer.ts'
import { writeFlvHeader, writeTag } from '../../media/containers/flv/tag.ts'
import { plainFile } from '../../media/containers/flv/vectors.ts'
import { audioPackets, progressiveFile, videoPackets } from '../../media/containers/isobmff/vectors.ts'
import { probe } from './probe.ts'

function fileOf(t: TestContext, bytes: Uint8Array): string {
  const folder = mkdtempSync(join(tmpdir(), 'headend-probe-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'file')
  writeFileSync(path, bytes)
  return path
}

describe('probe', () => {
  it('says what is cut off, and counts what is there', async (t) => {
    const packets = [...videoPackets(90), ...audioPackets(140)].sort((a, b) => a.dts - b.dts)
    const whole = progressiveFile(packets)
    const progress: number[] = []

    const result = await probe({
      input: fileOf(t, whole.subarray(0, Math.floor(whole.byteLength / 2))),
      packets: true,
      onProgress: (done) => progress.push(done),
    })

    const counted = result.tracks.reduce((sum, { packets: own }) => sum + (own?.count ?? 0), 0)
    assert.ok(counted > 50 && counted < packets.length - 80, `${counted} of ${packets.length}`)
    assert.ok(result.duration > 1 && result.duration < 2)
    assert.match(result.notes.join('\n'), /cut off/)
    assert.equal(result.keyFrames?.count, 2)
    assert.deepEqual(
      result.tracks.map(({ codec, frameRate, language, name }) => ({ codec, frameRate, language, name })),
      [
        { codec: 'h264', frameRate: 30, language: undefined, name: undefined },
        { codec: 'aac', frameRate: undefined, language: 'en', name: 'Commentary' },
      ],
    )
    assert.equal(progress.at(-1), 1)
  })

  it('does not fetch all of a large file for its key frames', async (t) => {
    const [config, soundConfig, , sound] = bodiesOf(Buffer.from(plainFile, 'base64'))
    const nothing = new Uint8Array(0)
    const writer = new ByteWriter(1 << 20)
    writeFlvHeader(writer, { hasAudio: true, hasVideo: true })
    writeTag(writer, 'video', 0, config!, nothing)
    writeTag(writer, 'audio', 0, soundConfig!, nothing)
    // A key picture of one unit each second.
    const head = Uint8Array.of(0x17, 1, 0, 0, 0, ...new Uint8Array(new Uint32Array([UNIT_BYTES]).buffer).reverse())
    for (let ms = 0; ms < 200_000; ms += 1000) {
      writeTag(writer, 'video', ms, head, new Uint8Array(UNIT_BYTES).fill(0x65))
      writeTag(writer, 'audio', ms, sound!, nothing)
    }
    const file = Buffer.from(writer.toBytes())
    let sent = 0
    const server = createServer((request, response) => {
      const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
      const end = Math.min(Number(to), file.byteLength - 1)
      sent += end + 1 - Number(from)
      response.writeHead(206, { 'content-range': `bytes ${from}-${end}/${file.byteLength}` })
      response.end(file.subarray(Number(from), end + 1))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())

    const far = await probe({ input: `http://127.0.0.1:${(server.address() as AddressInfo).port}/large.flv` })
    const near = await probe({ input: fileOf(t, file) })

    assert.equal(far.keyFrames, undefined)
    assert.ok(sent < 45_000_000, `${sent} of ${file.byteLength}`)
    assert.equal(near.keyFrames?.count, 200)
    assert.deepEqual([far.duration, far.tracks], [near.duration, near.tracks])
  })
})

const UNIT_BYTES = 300_000

/** Bodies of the tags of an FLV file. */
function bodiesOf(file: Buffer): Buffer[] {
  const bodies: Buffer[] = []
  for (let at = 13; at + 15 <= file.byteLength; ) {
    const size = file.readUIntBE(at + 1, 3)
    bodies.push(file.subarray(at + 11, at + 11 + size))
    at += 15 + size
  }
  return bodies
}
