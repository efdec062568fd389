/** The encoder and the player of this package against each other, without a server between them. */
import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '../errors.ts'
import { AsfReader } from '../media/containers/asf/demuxer.ts'
import { withoutPadding } from '../media/containers/asf/padding.ts'
import { play, push } from './clients.ts'

const FILE = fileURLToPath(new URL('../media/containers/asf/testdata/wmv2-wmav2.wmv', import.meta.url))

function packetsOf(bytes: Uint8Array): Buffer[] {
  const reader = new AsfReader()
  reader.write(bytes)
  const packets: Buffer[] = []
  for (let read = reader.read(); read !== undefined; read = reader.read()) {
    if (read.type === 'packet') packets.push(Buffer.from(withoutPadding(read.packet.bytes)))
  }
  return packets
}

test('an encoder is fetched from, whatever path is asked for, to the end of its input', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'clients-'))
  t.after(() => rm(folder, { recursive: true }))
  const output = join(folder, 'copy.wmv')
  const played = Promise.withResolvers<Awaited<ReturnType<typeof play>>>()
  const pushed = await push({
    input: FILE,
    serve: { port: 0, host: '127.0.0.1' },
    onServing: (port) =>
      void play({ url: `mms://127.0.0.1:${port}/any/name`, output }).then(played.resolve, played.reject),
  })
  const result = await played.promise
  assert.equal(pushed.state, 'serving')
  assert.equal(result.ended, true)
  assert.deepEqual(
    result.tracks.map(({ codec }) => codec),
    ['wmv2', 'wma2'],
  )
  assert.deepEqual(packetsOf(await readFile(output)), packetsOf(await readFile(FILE)))
})

test('an encoder needs an address or a port, not both', async () => {
  const serve = { port: 0, host: '127.0.0.1' }
  for (const options of [
    {},
    { url: 'wmhttp://127.0.0.1/live/x', serve },
    { url: 'ftp://127.0.0.1/x', serve },
    { url: 'ftp://127.0.0.1/x' },
  ]) {
    await assert.rejects(push({ input: FILE, ...options }), (error) => {
      return error instanceof ConfigError && error.code === 'ERR_PUSH_URL'
    })
  }
})
