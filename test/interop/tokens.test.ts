/** Tokens of the command line against the programs of others: what they open in each protocol, and how each says no. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { issueToken, ownTokenKey } from '../../src/services/auth/tokens/own-tokens.ts'
import { makeMedia } from '../support/media.ts'
import { run } from '../support/process.ts'
import { startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { playUrls, publishFile, runHeadend, sessionsOf, waitOnAir, waitUntil } from './peers.ts'
import { assertUnbroken, watch } from './watching.ts'

const SECONDS = 35
const LOOK_SECONDS = 3
/** Pictures of three seconds, less what comes before the first key picture. */
const FEWEST_PICTURES = 40

it('a token of the command line publishes and plays over every protocol, until it is revoked', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'headend-tokens-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const settings = join(folder, 'headend.json')
  writeFileSync(settings, JSON.stringify({ paths: { 'live/*': { play: 'token', publish: 'token' } } }))
  const server = await startServer({ args: ['--config', settings] })
  t.after(() => server.stop())
  const make = async (...args: string[]) => {
    const { code, stdout, stderr } = await runHeadend(['token', ...args, '--data', server.data, '--json'])
    assert.equal(code, 0, stderr)
    return JSON.parse(stdout.toString()) as { token: string; id: string }
  }
  const file = await makeMedia(ffmpeg, { container: 'flv', seconds: SECONDS })
  const sent = await watch(ffmpeg, file)
  const plain = { ...playUrls(server, 'closed'), wmsp: `${server.urls['http']}/live/closed`.replace('http:', 'mmsh:') }
  const rtmp = playUrls(server, 'closed').rtmp

  const stranger = await publishFile(ffmpeg, file, `${rtmp}?key=${server.secrets.publishKey}`, { timeout: 10_000 })
  const publisher = await make('live/closed', '--publish')
  const publishing = publishFile(ffmpeg, file, `${rtmp}?token=${publisher.token}`)
  await waitOnAir(server, 'closed')
  const viewer = await make('live/*', '--expires', '10m')
  const other = await make('live/other')
  const { masterKey } = JSON.parse(readFileSync(join(server.data, 'secrets.json'), 'utf8')) as { masterKey: string }
  const hour = 3_600_000
  const request = { path: 'live/closed', expiresSeconds: 60 }
  const expired = await issueToken(ownTokenKey(masterKey), request, Date.now() - hour)
  const foreign = await issueToken(ownTokenKey('of another server'), request)
  const revoked = await make('live/closed')
  await runHeadend(['token', 'revoke', revoked.id, '--data', server.data])
  const names = Object.keys(plain).filter((name) => name !== 'wsFlv') as (keyof typeof plain)[]

  await t.test('the publish key does not publish where a token is asked for', () => {
    assert.notEqual(stranger.code, 0)
  })
  await t.test('without a token, and with a wrong one, each protocol refuses in its own words', async () => {
    const wrong = [other, expired, foreign, revoked].map(({ token }) => `?token=${token}`)
    for (const query of ['', ...wrong]) {
      await Promise.all(
        names.map(async (name) => {
          const look = [
            '-hide_banner',
            '-loglevel',
            'error',
            '-nostdin',
            '-i',
            `${plain[name]}${query}`,
            '-f',
            'null',
            '-',
          ]
          const { code, stderr } = await run(ffmpeg, look, { timeout: 15_000 })
          assert.notEqual(code, 0, name)
          // RTMP closes the stream with a status; the others speak HTTP.
          assert.match(
            stderr,
            name === 'rtmp' ? /Play|Unknown error|Input.output error|denied|token/i : /401|Unauthorized|Invalid/i,
            name,
          )
        }),
      )
    }
  })
  await t.test('with the token they play what was sent', async () => {
    const seen = await Promise.all(
      names.map((name) =>
        watch(ffmpeg, `${plain[name]}?token=${viewer.token}`, { input: ['-t', String(LOOK_SECONDS)], timeout: 25_000 }),
      ),
    )
    for (const [index, name] of names.entries()) {
      const { video = [], audio = [] } = seen[index] ?? {}
      assert.ok(video.length >= FEWEST_PICTURES && audio.length > 0, `${name}: ${video.length} pictures`)
      if (name === 'rtmp' || name === 'httpFlv') assertUnbroken(seen[index] ?? { video, audio }, sent, { fewest: 0.05 })
    }
    const ours = await runHeadend(['play', `${plain.hls}?token=${viewer.token}`, '--duration', '2', '--json'], {
      timeout: 20_000,
    })
    assert.equal(ours.code, 0, ours.stderr)
  })
  await t.test('revoked it opens nothing, and who plays with it is sent away; the publisher stays', async () => {
    const long = ['rtmp', 'httpFlv', 'wmsp'] as const
    const watching = long.map((name) => watch(ffmpeg, `${plain[name]}?token=${viewer.token}`, { timeout: 20_000 }))
    const roles = async () => (await sessionsOf(server, 'closed')).map(({ protocol, role }) => `${protocol} ${role}`)
    await waitUntil('all play', async () => {
      const now = await roles()
      return ['rtmp', 'http-flv', 'wmsp'].every((protocol) => now.includes(`${protocol} play`))
    })

    const done = await runHeadend(['token', 'revoke', viewer.id, '--data', server.data])

    assert.equal(done.code, 0, done.stderr)
    for (const name of ['httpFlv', 'hls', 'dash'] as const) {
      const response = await fetch(`${plain[name]}?token=${viewer.token}`)
      assert.equal(response.status, 401)
      assert.match(await response.text(), /the token was revoked/)
    }
    for (const { video } of await Promise.all(watching)) assert.ok(video.length > 0)
    assert.deepEqual(
      (await roles()).filter((role) => !/^(hls|dash) /.test(role)),
      ['rtmp publish'],
    )
  })
  await t.test('a revoked publisher is sent away too', async () => {
    assert.equal((await runHeadend(['token', 'revoke', publisher.id, '--data', server.data])).code, 0)

    assert.notEqual((await publishing).code, 0)
  })
  for (const { token } of [publisher, viewer, other, expired, foreign, revoked])
    assert.ok(!server.log().includes(token))
})
