/** Fuzz targets of what reads a peer's bytes. */
import { assert } from '../../errors.ts'
import type { FuzzTarget } from '../../fuzz-target.ts'
import { librarySegments } from '../../library/library.ts'
import { ChunkReader } from './chunk-reader.ts'
import { ChunkWriter } from './chunk-writer.ts'
import { RtmpClientSession } from './client-session.ts'
import { commandMessage, dataMessage, ENHANCED_RTMP, readCommand } from './command.ts'
import { ClientHandshake, HANDSHAKE_SIZE, ServerHandshake } from './handshake.ts'
import { controlMessage, MESSAGE_TYPE, type RtmpMessage, readAggregate, readUserControl } from './message.ts'
import { ServerSession } from './session.ts'
import { publisherCaptures } from './testdata/publishers.ts'

const CONNECT = commandMessage(0, {
  name: 'connect',
  transactionId: 1,
  values: [{ app: 'live', tcUrl: 'rtmp://host/live', flashVer: 'FMLE/3.0', ...ENHANCED_RTMP }],
})
const CONNECT_VOD = commandMessage(0, { name: 'connect', transactionId: 1, values: [{ app: 'vod/a%20b' }] })
const CREATE_STREAM = commandMessage(0, { name: 'createStream', transactionId: 2, values: [null] })
const MEDIA: RtmpMessage = {
  type: MESSAGE_TYPE.VIDEO,
  streamId: 1,
  timestampMs: 40,
  payload: Uint8Array.of(0x17, 1, 0, 0, 0, 0, 0, 0, 1, 9),
}

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'rtmp/chunk-reader',
    seeds: () => [
      chunks(controlMessage(MESSAGE_TYPE.SET_CHUNK_SIZE, 4096), CONNECT),
      chunks(MEDIA, MEDIA),
      ...captures(),
    ],
    run(input) {
      const reader = new ChunkReader()
      reader.write(input)
      while (reader.read() !== undefined);
    },
  },
  {
    name: 'rtmp/server-session',
    seeds: () => [
      chunks(CONNECT, CREATE_STREAM, call('publish', 'name', 'live'), dataMessage(1, ['onMetaData', {}]), MEDIA),
      chunks(CONNECT, CREATE_STREAM, call('play', 'name'), call('pause', true, 0), call('seek', 0)),
      chunks(
        CONNECT_VOD,
        CREATE_STREAM,
        call('play', 'mp4:c/d', 5000, -1),
        call('pause', false, 40),
        call('seek', 1e9),
      ),
      chunks(CONNECT, CREATE_STREAM, call('publish', 'name'), call('FCUnpublish', 'name'), call('deleteStream', 1)),
      ...captures(),
    ],
    run(input) {
      const session = new ServerSession()
      session.write(new ClientHandshake().takeOutput() ?? input)
      session.write(new Uint8Array(HANDSHAKE_SIZE))
      session.write(input)
      for (let event = session.read(); event !== undefined; event = session.read()) {
        if (event.type === 'publish') session.acceptPublish()
        if (event.type === 'play') {
          const { files = [] } = event.stream
          // Throws for a path that leaves the library.
          for (const file of files) librarySegments(file)
          assert(event.part.startMs >= 0, 'a film has no place before its beginning')
          session.acceptPlay(files.length > 0)
        }
        while (session.takeOutput() !== undefined);
      }
    },
  },
  {
    name: 'rtmp/client-session',
    seeds: () => [
      chunks(
        commandMessage(0, { name: '_result', transactionId: 1, values: [{}, ENHANCED_RTMP] }),
        commandMessage(0, { name: '_result', transactionId: 4, values: [null, 1] }),
        call('onStatus', { level: 'status', code: 'NetStream.Play.Start', description: '' }),
        MEDIA,
        call('onStatus', { level: 'error', code: 'NetStream.Play.StreamNotFound', description: 'no' }),
      ),
    ],
    run(input) {
      const session = new RtmpClientSession({ role: 'play', app: 'live', name: 'name', tcUrl: 'rtmp://host/live' })
      const server = new ServerHandshake()
      server.write(session.takeOutput() ?? input)
      session.write(server.takeOutput() ?? input)
      session.write(input)
      while (session.read() !== undefined);
      while (session.takeOutput() !== undefined);
    },
  },
  {
    name: 'rtmp/handshake',
    seeds: () => [new ClientHandshake({ digest: true }).takeOutput() ?? new Uint8Array(1)],
    run(input) {
      const server = new ServerHandshake()
      server.write(input)
      const answer = server.takeOutput()
      if (answer === undefined) return
      const client = new ClientHandshake({ digest: true })
      client.write(answer)
    },
  },
  {
    name: 'rtmp/command',
    seeds: () => [CONNECT.payload, CREATE_STREAM.payload, call('publish', 'name', 'live').payload],
    run(input) {
      const message = { type: MESSAGE_TYPE.COMMAND_AMF3, streamId: 0, timestampMs: 0, payload: input }
      commandMessage(0, readCommand(message))
    },
  },
  {
    name: 'rtmp/message',
    seeds: () => [
      Uint8Array.of(9, 0, 0, 1, 0, 0, 40, 0, 0, 0, 0, 23, 0, 0, 0, 12),
      Uint8Array.of(0, 3, 0, 0, 0, 1, 0, 0, 1, 0),
    ],
    run(input) {
      readAggregate({ type: MESSAGE_TYPE.AGGREGATE, streamId: 1, timestampMs: 7, payload: input })
      readUserControl(input)
    },
  },
]

function captures(): Uint8Array[] {
  return publisherCaptures().map(({ bytes }) => bytes)
}

function call(name: string, ...values: Parameters<typeof commandMessage>[1]['values'][number][]): RtmpMessage {
  return commandMessage(1, { name, transactionId: 0, values: [null, ...values] })
}

function chunks(...messages: readonly RtmpMessage[]): Uint8Array {
  const writer = new ChunkWriter()
  for (const message of messages) writer.write(message)
  return writer.read() ?? new Uint8Array(0)
}
