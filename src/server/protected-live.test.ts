/** A live path that is protected while it is watched: nobody gets anything in the clear any more. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import type { MediaPlaylist } from '../media/manifests/hls/model.ts'
import { parsePlaylist } from '../media/manifests/hls/parse.ts'
import { createServer } from './server.ts'

async function start(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'headend-protected-live-'))
  const settings = {
    host: '127.0.0.1',
    data: join(folder, 'data'),
    media: join(folder, 'media'),
    testChannel: true,
    http: { port: 0 },
    rtmp: false,
  }
  const server = await createServer(settings, { writeLog: () => undefined })
  t.after(async () => {
    await server.close()
    rmSync(folder, { recursive: true, force: true })
  })
  const protect = () => server.reload({ ...settings, paths: { 'live/test': { protect: true } } })
  return { base: `${server.urls['http']}/live/test`, protect }
}

async function playlistOf(base: string): Promise<MediaPlaylist> {
  const index = await (await fetch(`${base}/index.m3u8`)).text()
  const name = /^video-\d+\.m3u8/m.exec(index)?.[0] ?? assert.fail(index)
  return parsePlaylist(await (await fetch(`${base}/${name}`)).text()) as MediaPlaylist
}

it('viewers of protocols that do not encrypt are sent away when a path is protected, and segments in the clear are gone', {
  timeout: 20_000,
}, async (t) => {
  const { base, protect } = await start(t)
  const watching = await fetch(`${base}.flv`)
  const reader = watching.body?.getReader() ?? assert.fail()
  await reader.read()
  const before = await playlistOf(base)
  const clear = before.segments[0]?.uri ?? before.openSegment?.parts[0]?.uri ?? assert.fail('nothing is listed')
  assert.equal((await fetch(`${base}/${clear}`)).status, 200)

  await protect()

  await assert.rejects(async () => {
    for (let read = await reader.read(); !read.done; read = await reader.read());
    throw new Error('it has ended')
  })
  const again = await fetch(`${base}.flv`)
  assert.equal(again.status, 403)
  assert.equal(((await again.json()) as { code: string }).code, 'ERR_PROTECTION_CLEAR')
  assert.equal((await fetch(`${base}/${clear}`)).status, 404)
  const after = await playlistOf(base)
  const [head = after.openSegment] = after.segments
  assert.equal(head?.keys?.[0]?.method, 'SAMPLE-AES-CTR')
})
