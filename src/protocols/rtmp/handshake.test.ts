import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it as test } from 'node:test'
import { ClientHandshake, HANDSHAKE_SIZE, ServerHandshake } from './handshake.ts'

/** Runs both halves; `split` is the size of the pieces. */
function shake(options: { digest: boolean; split?: number; tamper?: (c0c1: Uint8Array) => void }) {
  const client = new ClientHandshake({ digest: options.digest })
  const server = new ServerHandshake()
  const split = options.split ?? 4096
  const deliver = (bytes: Uint8Array | undefined, to: { write(bytes: Uint8Array): void }) => {
    for (let at = 0; at < (bytes?.byteLength ?? 0); at += split) to.write(bytes!.subarray(at, at + split))
    return bytes
  }
  const c0c1 = client.takeOutput()!
  options.tamper?.(c0c1)
  deliver(c0c1, server)
  const answer = deliver(server.takeOutput(), client)!
  const c2 = deliver(client.takeOutput(), server)!
  return {
    client,
    server,
    c0c1,
    s1: answer.subarray(1, 1 + HANDSHAKE_SIZE),
    s2: answer.subarray(1 + HANDSHAKE_SIZE),
    c2,
  }
}

describe('handshake', () => {
  test('plain: both sides echo', () => {
    for (const split of [1, 7, 1536, 4096]) {
      const { client, server, c0c1, s1, s2, c2 } = shake({ digest: false, split })

      assert.ok(client.done && server.done)
      assert.deepEqual(s2, c0c1.slice(1))
      assert.deepEqual(c2, s1.slice())
    }
  })

  test('digest: both sides sign with what the other sent', () => {
    const tail = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex')
    const key = (name: string) => Buffer.concat([Buffer.from(name), tail])
    const offset = (bytes: Uint8Array, at: number) =>
      ((bytes[at]! + bytes[at + 1]! + bytes[at + 2]! + bytes[at + 3]!) % 728) + at + 4
    const signature = (secret: Uint8Array, digest: Uint8Array, second: Uint8Array) =>
      createHmac('sha256', createHmac('sha256', secret).update(digest).digest())
        .update(second.subarray(0, 1504))
        .digest()

    const { client, server, c0c1, s1, s2, c2 } = shake({ digest: true })

    assert.ok(client.done && server.done)
    const c1 = c0c1.subarray(1)
    const clientDigest = c1.subarray(offset(c1, 8), offset(c1, 8) + 32)
    const serverDigest = s1.subarray(offset(s1, 8), offset(s1, 8) + 32)
    const fromServer = signature(key('Genuine Adobe Flash Media Server 001'), clientDigest, s2)
    const fromClient = signature(key('Genuine Adobe Flash Player 001'), serverDigest, c2)
    assert.deepEqual(Buffer.from(s2.subarray(1504)), fromServer)
    assert.deepEqual(Buffer.from(c2.subarray(1504)), fromClient)
  })

  test('digest in scheme 1 is answered in scheme 1', () => {
    const c0c1 = new Uint8Array(1 + HANDSHAKE_SIZE).fill(3)
    const c1 = c0c1.subarray(1)
    const at = ((4 * 3) % 728) + 776
    const sign = (bytes: Uint8Array, name: string) =>
      createHmac('sha256', name)
        .update(bytes.subarray(0, at))
        .update(bytes.subarray(at + 32))
        .digest()
    c1.set(sign(c1, 'Genuine Adobe Flash Player 001'), at)
    const server = new ServerHandshake()

    server.write(c0c1)

    const s1 = server.takeOutput()!.subarray(1, 1 + HANDSHAKE_SIZE)
    const position = ((s1[772]! + s1[773]! + s1[774]! + s1[775]!) % 728) + 776
    const expected = createHmac('sha256', 'Genuine Adobe Flash Media Server 001')
      .update(s1.subarray(0, position))
      .update(s1.subarray(position + 32))
      .digest()
    assert.deepEqual(Buffer.from(s1.subarray(position, position + 32)), expected)
  })

  test('R-01 a digest made with another key gets the plain form', () => {
    const { client, server, s2, c0c1 } = shake({ digest: true, tamper: (bytes) => (bytes[700]! ^= 1) })

    assert.ok(client.done && server.done)
    assert.deepEqual(s2, c0c1.slice(1))
  })

  test('R-01 a wrong version is refused at the first byte', () => {
    for (const version of [0, 2, 6, 22, 0x47, 255]) {
      assert.throws(() => new ServerHandshake().write(Uint8Array.of(version)), { code: 'ERR_RTMP_VERSION' })
      assert.throws(() => new ClientHandshake().write(Uint8Array.of(version)), { code: 'ERR_RTMP_VERSION' })
    }
  })

  test('R-01 a short C1 and a missing C2 are waited for', () => {
    const server = new ServerHandshake()
    const c0c1 = new ClientHandshake().takeOutput()!
    server.write(c0c1.subarray(0, 1000))
    assert.equal(server.takeOutput(), undefined)
    server.write(c0c1.subarray(1000))
    assert.equal(server.takeOutput()?.byteLength, 1 + 2 * HANDSHAKE_SIZE)
    assert.equal(server.done, false)
  })

  test('hands on what follows C2', () => {
    const server = new ServerHandshake()
    server.write(new ClientHandshake().takeOutput()!)
    server.write(new Uint8Array(HANDSHAKE_SIZE))
    server.write(Uint8Array.of(1, 2, 3))

    assert.deepEqual(server.rest(), Uint8Array.of(1, 2, 3))
  })
})
