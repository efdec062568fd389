import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { AUDIO, VIDEO } from '../packaging/vectors.ts'
import { streamPackets } from '../services/recorder/vectors.ts'
import type { RecordingEvent } from './events.ts'
import type { HeadendServer } from './headend-server.ts'
import { exportRecording, listRecordings } from './recordings.ts'
import { createServer } from './server.ts'

async function start(t: TestContext, paths: Record<string, unknown>) {
  const folder = mkdtempSync(join(tmpdir(), 'headend-recordings-'))
  const data = join(folder, 'data')
  const settings = { host: '127.0.0.1', data, testChannel: false, http: { port: 0 }, rtmp: false, paths }
  const server = await createServer(settings, { writeLog: () => undefined })
  t.after(async () => {
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const events: RecordingEvent[] = []
  const told = (state: RecordingEvent['state']) =>
    new Promise<RecordingEvent>((resolve) => {
      const stop = server.on('recording', (event) => {
        if (event.state !== state) return
        stop()
        resolve(event)
      })
    })
  server.on('recording', (event) => events.push(event))
  return { server, data, folder, events, told, settings }
}

async function call(server: HeadendServer, method: string, name: string, body?: unknown) {
  const response = await fetch(`${server.urls['http']}/api/v1/recordings${name}`, {
    method,
    headers: {
      authorization: `Bearer ${server.secrets.adminToken}`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const answer = (/json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : {}) as {
    items?: Record<string, unknown>[]
    code?: string
  }
  return { status: response.status, ...answer }
}

function publish(server: HeadendServer, path: string) {
  const publisher = server.publish(path)
  publisher.announce([VIDEO, AUDIO])
  for (const packet of streamPackets({ seconds: 9 })) publisher.write(packet)
  return publisher
}

describe('recordings of a server', () => {
  it('are made as the settings say, told of, listed, cut and removed', async (t) => {
    const { server, data, folder, events, told } = await start(t, { 'live/kept*': { record: true } })
    const over = told('stopped')
    publish(server, 'live/other').close({ final: true })
    publish(server, 'live/kept1').close({ final: true })
    await over

    const states = events.map(({ path, state }) => `${path} ${state}`)
    assert.deepEqual(states, ['live/kept1 recording', 'live/kept1 stopped'])
    const { items = [] } = await call(server, 'GET', '')
    const [recording] = items
    assert.equal(items.length, 1)
    assert.equal(recording?.['path'], 'live/kept1')
    assert.equal(recording['file'], `vod/recordings/live/kept1/${String(recording['name'])}`)
    assert.ok(Math.abs(Number(recording['durationMs']) - 9000) < 50, String(recording['durationMs']))
    const place = { server: server.urls['http'] ?? '', token: server.secrets.adminToken }
    assert.deepEqual(await listRecordings({ place }), await listRecordings({ place: { data } }))
    const cut = { place, path: 'live/kept1', from: 0, to: Date.now() + 60_000, output: join(folder, 'cut.mp4') }
    assert.equal((await exportRecording(cut)).bytes, (await exportRecording({ ...cut, place: { data } })).bytes)
    await assert.rejects(exportRecording({ ...cut, place: { ...place, token: 'wrong' } }), {
      code: 'ERR_RECORDING_SERVER',
      message: /ERR_ACCESS_DENIED/,
    })

    const wanted = `?path=live/kept1&name=${String(recording['name'])}`
    assert.equal((await call(server, 'DELETE', wanted)).status, 204)
    assert.deepEqual(await call(server, 'DELETE', wanted).then(({ status, code }) => [status, code]), [
      404,
      'ERR_RECORDING_NOT_FOUND',
    ])
    assert.deepEqual((await call(server, 'GET', '')).items, [])
  })

  it('begin and end by the API and with other settings', async (t) => {
    const { server, told, settings } = await start(t, {})
    const publisher = publish(server, 'live/a')
    assert.deepEqual((await call(server, 'GET', '/active')).items, [])
    assert.equal((await call(server, 'POST', '/start', { path: 'live/a' })).status, 204)
    const [active] = (await call(server, 'GET', '/active')).items ?? []
    assert.deepEqual([active?.['path'], active?.['state']], ['live/a', 'recording'])
    const stopped = told('stopped')
    assert.equal((await call(server, 'POST', '/stop', { path: 'live/a' })).status, 204)
    await stopped
    assert.deepEqual((await call(server, 'GET', '/active')).items, [])

    const other = publish(server, 'live/b')
    await server.reload({ ...settings, paths: { 'live/b': { record: { splitMinutes: 1 } } } })
    assert.deepEqual(
      (await call(server, 'GET', '/active')).items?.map(({ path }) => path),
      ['live/b'],
    )
    await server.reload(settings)
    assert.deepEqual((await call(server, 'GET', '/active')).items, [])
    publisher.close()
    other.close()
  })

  it('take the key that their live path takes', async (t) => {
    const { server, told } = await start(t, {
      'live/*': { record: true },
      'live/closed': { play: 'key', playKey: 'kQ7vZt2mW9xLr4bH' },
    })
    for (const name of ['open', 'closed']) {
      const stopped = told('stopped')
      publish(server, `live/${name}`).close({ final: true })
      await stopped
    }
    const statusOf = async (path: string, name: string, query = '') => {
      const { items = [] } = await call(server, 'GET', `?path=live/${path}`)
      const response = await fetch(`${server.urls['http']}/${String(items[0]?.['file'])}${name}${query}`)
      await response.arrayBuffer()
      return response.status
    }
    for (const name of ['', '/index.m3u8', '/manifest.mpd']) {
      assert.equal(await statusOf('open', name), 200, name)
      assert.equal(await statusOf('closed', name), 401, name)
      assert.equal(await statusOf('closed', name, '?key=kQ7vZt2mW9xLr4bH'), 200, name)
    }
  })

  it('refuse what makes no sense, and everybody without the token', async (t) => {
    const { server } = await start(t, {})
    const refused = async (method: string, name: string, body?: unknown) => {
      const { status, code } = await call(server, method, name, body)
      return [status, code]
    }
    assert.deepEqual(await refused('POST', '/start', { path: 'live/../x' }), [400, 'ERR_PATH_INVALID'])
    assert.deepEqual(await refused('POST', '/start', {}), [400, 'ERR_API_INVALID'])
    assert.deepEqual(await refused('GET', '?path=../../etc'), [400, 'ERR_PATH_INVALID'])
    assert.deepEqual(await refused('DELETE', '?path=live/a&name=..%2F..%2Fsecrets.json'), [
      404,
      'ERR_RECORDING_NOT_FOUND',
    ])
    assert.deepEqual(await refused('GET', '/export?path=live/a&from=-1m&to=-2m'), [400, 'ERR_API_INVALID'])
    assert.deepEqual(await refused('GET', '/export?path=live/a&from=soon&to=now'), [400, 'ERR_API_INVALID'])
    assert.deepEqual(await refused('GET', '/export?path=live/a&from=-1m&to=now'), [404, 'ERR_RECORDING_NOT_FOUND'])
    const response = await fetch(`${server.urls['http']}/api/v1/recordings`)
    assert.equal(response.status, 401)
  })
})
