/** TLS: RTMPS in and out, HTTPS and HTTP/2, with a certificate nobody vouches for. */
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { makeTestCertificate } from '../../src/net/testdata/certificate.ts'
import { makeMedia } from '../support/media.ts'
import { startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { publishFile, runHeadend, waitOnAir } from './peers.ts'
import { assertUnbroken, watch } from './watching.ts'

const SECONDS = 6

it('publishes and plays over TLS', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const file = await makeMedia(ffmpeg, { container: 'flv', seconds: SECONDS, bFrames: 2 })
  const folder = mkdtempSync(join(tmpdir(), 'headend-secure-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const { certificate, key } = makeTestCertificate()
  const [certificateFile, keyFile] = [join(folder, 'certificate.pem'), join(folder, 'key.pem')]
  writeFileSync(certificateFile, certificate)
  writeFileSync(keyFile, key, { mode: 0o600 })
  const ports = ['--https-port', '0', '--rtmp-tls-port', '0']
  const server = await startServer({ args: [...ports, '--tls-certificate', certificateFile, '--tls-key', keyFile] })
  t.after(() => server.stop())
  const rtmps = `rtmps://127.0.0.1:${server.ports['rtmps']}/live/safe`
  const https = `https://127.0.0.1:${server.ports['https']}`
  const sent = await watch(ffmpeg, file)

  const byRtmps = watch(ffmpeg, rtmps)
  const byHttps = watch(ffmpeg, `${https}/live/safe.flv`)
  const publishing = publishFile(ffmpeg, file, `${rtmps}?key=${server.secrets.publishKey}`)
  await waitOnAir(server, 'safe')
  const own = await Promise.all(
    [`${https}/live/safe/index.m3u8`, rtmps, `${https.replace('https', 'wss')}/live/safe.flv`].map((url) =>
      runHeadend(['play', url, '--insecure', '--json', '--duration', String(SECONDS)], { timeout: 20_000 }),
    ),
  )
  const refused = await runHeadend(['play', rtmps, '--json', '--duration', '2'], { timeout: 20_000 })

  await t.test('HTTP/2 by ALPN gives playlist and media', async () => {
    const session = connect(https, { ca: certificate })
    t.after(() => session.destroy())
    const index = await get(session, '/live/safe/index.m3u8')
    assert.equal(session.alpnProtocol, 'h2')
    assert.equal(index.status, 200)
    const rendition = /video-\d+\.m3u8/.exec(index.body.toString())?.[0] ?? ''
    const playlist = await get(session, `/live/safe/${rendition}`)
    assert.match(playlist.body.toString(), /#EXT-X-PART:/)
    const segment = /^video-.*\.m4s$/m.exec(playlist.body.toString())?.[0] ?? ''
    const [media, home] = await Promise.all([get(session, `/live/safe/${segment}`), get(session, '/')])
    assert.deepEqual([media.status, home.status], [200, 200])
    assert.equal(media.body.subarray(4, 8).toString(), 'styp')
  })
  await t.test('our player takes part', () => {
    for (const { code, stdout, stderr } of own) assert.equal(code, 0, `${stdout.toString()}${stderr}`)
    // Without --insecure the certificate is looked at.
    assert.equal(refused.code, 1)
    assert.match(refused.stderr, /certificate/i)
  })
  await t.test('what arrives is what was sent', async () => {
    assert.equal((await publishing).code, 0)
    for (const seen of await Promise.all([byRtmps, byHttps])) assertUnbroken(seen, sent, { fewest: 1, until: 'end' })
  })
})

function get(
  session: ReturnType<typeof connect>,
  path: string,
): Promise<{ readonly status: number; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const request = session.request({ ':path': path })
    const pieces: Buffer[] = []
    let status = 0
    request.on('response', (headers) => (status = Number(headers[':status'])))
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('end', () => resolve({ status, body: Buffer.concat(pieces) }))
    request.on('error', reject)
    request.end()
  })
}
