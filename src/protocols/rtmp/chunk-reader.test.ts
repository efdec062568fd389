import assert from 'node:assert/strict'
import { describe, it as test } from 'node:test'
import { FormatError, HeadendError, PeerError } from '../../errors.ts'
import { ByteWriter } from '../../media/bytes/byte-writer.ts'
import { ChunkReader, MAX_CHUNK_SIZE, MAX_PARTIAL_MESSAGES } from './chunk-reader.ts'
import { ChunkWriter } from './chunk-writer.ts'
import { controlMessage, MAX_MEDIA_MESSAGE, MESSAGE_TYPE, type RtmpMessage } from './message.ts'

/** Type 0 to 3 basic header with the chunk stream id in 1, 2 or 3 bytes. */
function basic(writer: ByteWriter, format: number, id: number, form = id < 64 ? 1 : id < 320 ? 2 : 3): ByteWriter {
  if (form === 1) return writer.u8((format << 6) | id)
  if (form === 2) return writer.u8(format << 6).u8(id - 64)
  return writer
    .u8((format << 6) | 1)
    .u8((id - 64) & 0xff)
    .u8((id - 64) >> 8)
}

interface Fields {
  readonly id?: number
  readonly form?: number
  readonly time?: number
  readonly length?: number
  readonly type?: number
  readonly streamId?: number
}

function header(writer: ByteWriter, format: number, fields: Fields = {}): ByteWriter {
  const { id = 4, time = 0, length = 0, type = MESSAGE_TYPE.AUDIO, streamId = 1, form } = fields
  basic(writer, format, id, form)
  if (format === 3) return writer
  writer.u24(Math.min(time, 0xff_ffff))
  if (format < 2) writer.u24(length).u8(type)
  if (format === 0) writer.u32le(streamId)
  if (time >= 0xff_ffff) writer.u32(time)
  return writer
}

function readAll(bytes: Uint8Array, reader = new ChunkReader()): RtmpMessage[] {
  reader.write(bytes)
  const messages: RtmpMessage[] = []
  for (let message = reader.read(); message !== undefined; message = reader.read()) messages.push(message)
  return messages
}

function readByteByByte(bytes: Uint8Array): RtmpMessage[] {
  const reader = new ChunkReader()
  return Array.from(bytes).flatMap((byte) => readAll(Uint8Array.of(byte), reader))
}

/** Plain form for comparing. */
function summary(messages: readonly RtmpMessage[]): unknown[] {
  return messages.map(({ payload, ...rest }) => ({ ...rest, payload: Buffer.from(payload).toString('hex') }))
}

function payloadOf(length: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 7 + seed) & 0xff)
}

describe('chunk reader', () => {
  for (const [id, form] of [
    [2, 1],
    [63, 1],
    [64, 2],
    [319, 2],
    [64, 3],
    [320, 3],
    [65_599, 3],
  ] as const) {
    test(`reads chunk stream id ${id} in ${form} bytes`, () => {
      const writer = header(new ByteWriter(), 0, { id, form, time: 5, length: 2 }).bytes(payloadOf(2))
      header(writer, 3, { id, form }).bytes(payloadOf(2, 9))

      const [first, second] = readAll(writer.view())

      assert.equal(first?.timestampMs, 5)
      assert.equal(second?.timestampMs, 10)
      assert.deepEqual(second?.payload, payloadOf(2, 9))
      assert.deepEqual(summary(readByteByByte(writer.view())), summary(readAll(writer.view())))
    })
  }

  test('takes what shorter headers leave out from the message before', () => {
    const writer = header(new ByteWriter(), 0, { time: 1000, length: 3, streamId: 7 }).bytes(payloadOf(3))
    header(writer, 1, { time: 20, length: 4, type: MESSAGE_TYPE.VIDEO }).bytes(payloadOf(4))
    header(writer, 2, { time: 30 }).bytes(payloadOf(4))
    header(writer, 3).bytes(payloadOf(4))

    const messages = readAll(writer.view())

    assert.deepEqual(
      messages.map(({ type, streamId, timestampMs, payload }) => [type, streamId, timestampMs, payload.byteLength]),
      [
        [8, 7, 1000, 3],
        [9, 7, 1020, 4],
        [9, 7, 1050, 4],
        [9, 7, 1080, 4],
      ],
    )
  })

  test('joins chunks of interleaved chunk streams', () => {
    const audio = payloadOf(200, 1)
    const video = payloadOf(300, 2)
    const writer = header(new ByteWriter(), 0, { id: 6, length: 300, type: MESSAGE_TYPE.VIDEO })
    writer.bytes(video.subarray(0, 128))
    header(writer, 0, { id: 4, length: 200 }).bytes(audio.subarray(0, 128))
    header(writer, 3, { id: 6 }).bytes(video.subarray(128, 256))
    header(writer, 3, { id: 4 }).bytes(audio.subarray(128))
    header(writer, 3, { id: 6 }).bytes(video.subarray(256))

    const messages = readAll(writer.view())

    assert.deepEqual(
      messages.map(({ payload }) => payload),
      [audio, video],
    )
    assert.deepEqual(summary(readByteByByte(writer.view())), summary(messages))
  })

  test('gives a message without payload', () => {
    const messages = readAll(header(new ByteWriter(), 0, { time: 9 }).view())

    assert.deepEqual(summary(messages), [{ type: 8, streamId: 1, timestampMs: 9, payload: '' }])
  })

  test('R-02 chunk sizes from 1 to 65536 are obeyed, others refused', () => {
    const size = (value: number) => {
      const writer = new ChunkWriter()
      writer.write(controlMessage(MESSAGE_TYPE.SET_CHUNK_SIZE, value))
      return writer.read() as Uint8Array
    }
    for (const value of [0, MAX_CHUNK_SIZE + 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
      assert.throws(() => readAll(size(value)), { code: 'ERR_RTMP_CHUNK_SIZE' })
    }
    for (const value of [1, 2, 127, 4096, MAX_CHUNK_SIZE]) {
      const writer = new ChunkWriter()
      writer.setChunkSize(value)
      const message = { type: MESSAGE_TYPE.VIDEO, streamId: 1, timestampMs: 0x0100_0000, payload: payloadOf(70_000) }
      writer.write(message)

      const bytes = writer.read() as Uint8Array

      assert.deepEqual(readAll(bytes), [message])
    }
  })

  test('R-02 a chunk size that changes inside a message counts from the next chunk on', () => {
    const payload = payloadOf(300)
    const writer = header(new ByteWriter(), 0, { length: 300 }).bytes(payload.subarray(0, 128))
    header(writer, 0, { id: 2, length: 4, type: MESSAGE_TYPE.SET_CHUNK_SIZE, streamId: 0 }).u32(100)
    header(writer, 3).bytes(payload.subarray(128, 228))
    header(writer, 3).bytes(payload.subarray(228))

    const messages = readAll(writer.view())

    assert.deepEqual(messages[0]?.payload, payload)
    assert.deepEqual(summary(readByteByByte(writer.view())), summary(messages))
  })

  test('R-03 a message above the cap of its type is refused at its header', () => {
    for (const [type, length] of [
      [MESSAGE_TYPE.VIDEO, 0xff_ffff],
      [MESSAGE_TYPE.VIDEO, MAX_MEDIA_MESSAGE + 1],
      [MESSAGE_TYPE.COMMAND_AMF0, 64 * 1024 + 1],
      [MESSAGE_TYPE.DATA_AMF0, 256 * 1024 + 1],
      [MESSAGE_TYPE.USER_CONTROL, 2000],
      [99, 70_000],
    ] as const) {
      assert.throws(() => readAll(header(new ByteWriter(), 0, { type, length }).view()), {
        code: 'ERR_RTMP_MESSAGE_TOO_LARGE',
      })
    }
  })

  test('R-03 N-05 memory follows what has arrived, not what is announced', () => {
    const reader = new ChunkReader()
    const before = process.memoryUsage().arrayBuffers
    const kept: ChunkReader[] = []
    for (let i = 0; i < 20; i++) {
      const trickled = new ChunkReader()
      readAll(
        header(new ByteWriter(), 0, { type: MESSAGE_TYPE.VIDEO, length: MAX_MEDIA_MESSAGE }).u8(1).view(),
        trickled,
      )
      kept.push(trickled)
    }

    const grown = process.memoryUsage().arrayBuffers - before

    assert.ok(grown < kept.length * (64 * 1024 + 8192), `grew by ${grown} bytes`)
    assert.equal(reader.partialMessages, 0)
  })

  test('joins a message of many pieces', () => {
    const payload = payloadOf(3_000_000)
    const writer = new ChunkWriter()
    writer.setChunkSize(60_000)
    writer.write({ type: MESSAGE_TYPE.VIDEO, streamId: 1, timestampMs: 1, payload })
    const bytes = writer.read() as Uint8Array
    const reader = new ChunkReader()
    const messages: RtmpMessage[] = []
    for (let at = 0; at < bytes.byteLength; at += 7777) messages.push(...readAll(bytes.subarray(at, at + 7777), reader))

    assert.equal(Buffer.compare(messages[0]?.payload as Uint8Array, payload), 0)
  })

  test('R-04 at most 64 messages may be incomplete', () => {
    const reader = new ChunkReader()
    const open = (id: number) => {
      readAll(header(new ByteWriter(), 0, { id, length: 1000 }).bytes(payloadOf(128)).view(), reader)
    }
    for (let i = 0; i < MAX_PARTIAL_MESSAGES; i++) open(100 + i)

    assert.throws(() => open(100 + MAX_PARTIAL_MESSAGES), { code: 'ERR_RTMP_TOO_MANY_PARTIAL' })
  })

  test('R-04 all incomplete messages together are bounded in bytes', () => {
    const reader = new ChunkReader()
    readAll(writeSize(65_536), reader)
    const fill = () => {
      for (let id = 3; id < 20; id++) {
        const writer = header(new ByteWriter(), 0, { id, type: MESSAGE_TYPE.VIDEO, length: MAX_MEDIA_MESSAGE })
        writer.bytes(new Uint8Array(65_536))
        for (let i = 0; i < 30; i++) header(writer, 3, { id }).bytes(new Uint8Array(65_536))
        readAll(writer.view(), reader)
      }
    }

    assert.throws(fill, { code: 'ERR_RTMP_TOO_MANY_PARTIAL' })
  })

  test('R-04 complete messages on very many chunk streams are refused', () => {
    const reader = new ChunkReader()
    const walk = () => {
      for (let id = 64; id < 3000; id++) readAll(header(new ByteWriter(), 0, { id, length: 1 }).u8(1).view(), reader)
    }

    assert.throws(walk, { code: 'ERR_RTMP_TOO_MANY_CHUNK_STREAMS' })
  })

  test('R-09 extended timestamps, with and without repeating them in type 3 chunks', () => {
    for (const time of [0xff_fffe, 0xff_ffff, 0x0100_0000, 0x8000_0000, 0xffff_fff0]) {
      for (const repeated of [true, false]) {
        const payload = payloadOf(300, 5)
        const writer = header(new ByteWriter(), 0, { time, length: 300 }).bytes(payload.subarray(0, 128))
        for (const [from, to] of [
          [128, 256],
          [256, 300],
        ] as const) {
          header(writer, 3)
          if (repeated && time >= 0xff_ffff) writer.u32(time)
          writer.bytes(payload.subarray(from, to))
        }
        header(writer, 0, { time: 1, length: 1 }).u8(1)

        const messages = readAll(writer.view())

        assert.deepEqual([messages[0]?.timestampMs, messages[1]?.timestampMs], [time, 1])
        assert.deepEqual(messages[0]?.payload, payload)
        assert.deepEqual(summary(readByteByByte(writer.view())), summary(messages))
      }
    }
  })

  test('R-09 timestamps wrap at 2^32 and extended differences add', () => {
    const writer = header(new ByteWriter(), 0, { time: 0xffff_fff0, length: 1 }).u8(1)
    header(writer, 2, { time: 0x20 }).u8(2)
    header(writer, 2, { time: 0x0100_0000 }).u8(3)
    header(writer, 3).u32(0x0100_0000).u8(4)

    const times = readAll(writer.view()).map(({ timestampMs }) => timestampMs)

    assert.deepEqual(times, [0xffff_fff0, 0x10, 0x0100_0010, 0x0200_0010])
  })

  test('an aborted message is forgotten', () => {
    const writer = header(new ByteWriter(), 0, { length: 300 }).bytes(payloadOf(128))
    header(writer, 0, { id: 2, length: 4, type: MESSAGE_TYPE.ABORT, streamId: 0 }).u32(4)
    header(writer, 0, { length: 2 }).bytes(payloadOf(2))

    const reader = new ChunkReader()

    assert.deepEqual(
      readAll(writer.view(), reader).map(({ payload }) => payload),
      [payloadOf(2)],
    )
    assert.equal(reader.partialMessages, 0)
  })

  test('chunk streams that begin in the middle are refused', () => {
    for (const format of [2, 3]) {
      assert.throws(() => readAll(header(new ByteWriter(), format).zeros(8).view()), {
        code: 'ERR_RTMP_CHUNK_HEADER',
      })
    }
  })

  test('random bytes end in messages, in need of more, or in our errors', () => {
    let state = 12_345
    const random = () => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 8
    for (let round = 0; round < 500; round++) {
      const bytes = Uint8Array.from({ length: random() % 600 }, () => random() & (round % 2 === 0 ? 0xff : 0x0f))
      const run = (read: (bytes: Uint8Array) => RtmpMessage[]) => {
        try {
          return summary(read(bytes))
        } catch (error) {
          assert.ok(error instanceof FormatError || error instanceof PeerError || error instanceof HeadendError)
          return error.code
        }
      }

      assert.deepEqual(run(readByteByByte), run(readAll))
    }
  })
})

function writeSize(size: number): Uint8Array {
  const writer = new ChunkWriter()
  writer.write(controlMessage(MESSAGE_TYPE.SET_CHUNK_SIZE, size))
  return writer.read() as Uint8Array
}
