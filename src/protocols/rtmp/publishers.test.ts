import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Hub } from '../../live/hub.ts'
import { ClientHandshake, HANDSHAKE_SIZE } from './handshake.ts'
import { RtmpIngest } from './ingest.ts'
import { ServerSession } from './session.ts'
import { publisherCaptures } from './testdata/publishers.ts'

/** What a capture gives when its bytes come in pieces of `size`: path, credentials, codecs and packets. */
function publish(bytes: Uint8Array, size: number) {
  const session = new ServerSession()
  session.write(new ClientHandshake().takeOutput() ?? new Uint8Array(0))
  session.write(new Uint8Array(HANDSHAKE_SIZE))
  const hub = new Hub()
  let ingest: RtmpIngest | undefined
  let published: unknown
  for (let at = 0; at < bytes.byteLength; at += size) {
    session.write(bytes.slice(at, at + size))
    for (let event = session.read(); event !== undefined; event = session.read()) {
      if (event.type === 'publish') {
        published = event.stream
        ingest = new RtmpIngest(hub.publish(event.stream.path))
        session.acceptPublish()
      } else if (event.type === 'media') ingest?.write(event.message)
    }
    while (session.takeOutput() !== undefined);
  }
  const stream = [...hub.streams()][0]
  const result = {
    published,
    userAgent: session.userAgent,
    codecs: stream?.tracks.map((track) => track.codec),
    packets: stream?.statistics.packets ?? 0,
    repairs: stream?.statistics.repairs,
  }
  hub.close()
  return result
}

const captures = publisherCaptures()

test('there are captures', () => {
  assert.ok(captures.length >= 4)
})

for (const { name, bytes } of captures) {
  test(`${name} publishes, whole and byte for byte`, () => {
    const whole = publish(bytes, bytes.byteLength)

    assert.deepEqual(whole.published, { path: `live/${name}`, key: '0'.repeat(32) })
    assert.deepEqual(whole.codecs, name.includes('enhanced') ? ['h265', 'opus'] : ['h264', 'aac'])
    assert.ok(whole.packets >= 1)
    assert.equal(whole.repairs, 0)
    assert.deepEqual(publish(bytes, 1), whole)
  })
}
