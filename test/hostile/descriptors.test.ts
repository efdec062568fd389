/** N-08: no file descriptors left. */
import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { it } from 'node:test'
import { eventually, figures, openFiles, startAttacked } from './attacked-server.ts'
import { flaws, publishLive, watch } from './live-stream.ts'

const MAX_FILES = 128
const CONNECTIONS = 400

it('N-08: accepting pauses when descriptors run out, those who are there are served, and it recovers alone', async (t) => {
  const server = await startAttacked(t, { maxFiles: MAX_FILES })
  await publishLive(t, server, 'tight')
  const leave = new AbortController()
  const base = `${server.urls['http']}/live/tight`
  const watching = Promise.all([
    watch(`${server.urls['rtmp']}/live/tight`, leave.signal),
    watch(`${base}.flv`, leave.signal),
  ])
  watching.catch(() => {})
  await eventually('two watch', async () => (await figures(server)).sessions === 3)
  const before = openFiles(server)

  const flood: Socket[] = []
  t.after(() => {
    for (const socket of flood) socket.destroy()
  })
  let refused = 0
  for (let i = 0; i < CONNECTIONS; i++) {
    const socket = connect(i % 2 === 0 ? server.http : server.rtmp, '127.0.0.1')
    socket.on('error', () => {})
    socket.on('close', () => refused++)
    flood.push(socket)
  }
  await eventually('no connection is taken any more', async () => refused > CONNECTIONS - MAX_FILES)
  const held = openFiles(server)
  const said = () => (server.log().match(/ERR_HTTP_CONNECTIONS|ERR_RTMP_TOO_MANY_CONNECTIONS/g) ?? []).length
  const [first, from] = [said(), performance.now()]
  await eventually('three seconds have passed', async () => {
    const socket = connect(server.rtmp, '127.0.0.1')
    socket.on('error', () => {})
    return performance.now() - from > 3000
  })
  const lines = said() - first

  for (const socket of flood) socket.destroy()
  await eventually('descriptors are free again', async () => openFiles(server) <= before + 4)
  await eventually('new viewers are served', async () => (await fetch(`${server.urls['http']}/healthz`)).ok)
  leave.abort()
  for (const result of await watching) assert.deepEqual(flaws(result), [])
  t.diagnostic(`${refused} connections were closed, ${first + lines} lines logged`)
  assert.ok(held < MAX_FILES, `${held} descriptors of ${MAX_FILES} were held`)
  assert.ok(first > 0, 'nothing was logged')
  assert.ok(lines <= 10, `${lines} lines in three seconds`)
})
