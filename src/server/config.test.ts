import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { ConfigError } from '../errors.ts'
import { loadConfig, parseSettings } from './config.ts'
import { describeOptions } from './options.ts'
import { compilePaths } from './path-settings.ts'
import { withoutSecrets } from './without-secrets.ts'

const STRONG = 'f3a9c1d27be840556e1d'

function refused(code: string, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof ConfigError)
    assert.equal(error.code, code)
    assert.match(error.message, message)
    return true
  }
}

describe('sources', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'headend-config-'))
  })
  after(() => rm(folder, { recursive: true }))

  async function write(name: string, text: string): Promise<string> {
    const file = path.join(folder, name)
    await writeFile(file, text)
    return file
  }

  test('defaults', async () => {
    const { settings } = await loadConfig({})

    assert.equal(settings.server.http.port, 8080)
    assert.equal(settings.server.data, './data')
    assert.equal(settings.server.testChannel, true)
    assert.equal((settings.modules.get('rtmp') as { port: number }).port, 1935)
  })

  test('flags win over environment over file over defaults', async () => {
    const file = await write(
      'a.yaml',
      '$schema: ./x.json\nhttp: {port: 1}\nhttps: {port: 2}\nlog: {level: debug, format: json}\nrtmp:\n  port: 3\n',
    )

    const { settings } = await loadConfig({
      file,
      env: { HEADEND_HTTPS_PORT: '20', HEADEND_LOG_LEVEL: 'warn', HEADEND_TEST_CHANNEL: 'no', PATH: '/bin' },
      flags: { 'log.level': 'error', 'rtmp.port': '30' },
    })

    const { http, https, log, testChannel } = settings.server
    assert.deepEqual([http.port, https.port, log.level, log.format, testChannel], [1, 20, 'error', 'json', false])
    assert.equal((settings.modules.get('rtmp') as { port: number }).port, 30)
  })

  test('JSON is accepted, and an empty file', async () => {
    const json = await loadConfig({ file: await write('a.json', '{"http": {"port": 7}}') })
    const empty = await loadConfig({ file: await write('b.yaml', '# nothing\n') })

    assert.equal(json.settings.server.http.port, 7)
    assert.equal(empty.settings.server.http.port, 8080)
  })

  test('a module is turned off by false, by variable and by flag', async () => {
    const file = await write('c.yaml', 'rtmp: {port: 3}\n')

    assert.equal(parseSettings({ rtmp: false }).modules.has('rtmp'), false)
    assert.equal((await loadConfig({ file, env: { HEADEND_RTMP: 'false' } })).settings.modules.has('rtmp'), false)
    const kept = await loadConfig({ file, flags: { rtmp: true } })
    assert.equal((kept.settings.modules.get('rtmp') as { port: number }).port, 3)
  })

  test('a file that is missing, broken, or no mapping is refused', async () => {
    const missing = loadConfig({ file: path.join(folder, 'no.yaml') })
    await assert.rejects(missing, refused('ERR_CONFIG_FILE', /no\.yaml/))
    await assert.rejects(loadConfig({ file: await write('d.yaml', 'a: [') }), refused('ERR_CONFIG_FILE', /YAML/))
    await assert.rejects(loadConfig({ file: await write('e.yaml', '- a') }), refused('ERR_CONFIG_INVALID', /keys/))
  })

  test('an unknown variable is told, with the nearest, and does not stop the start', async () => {
    const { warnings } = await loadConfig({ env: { HEADEND_HTPP_PORT: '1' } })

    assert.deepEqual(warnings, ['HEADEND_HTPP_PORT is not a setting; did you mean HEADEND_HTTP_PORT?'])
  })

  test('variables are checked', async () => {
    const port = loadConfig({ env: { HEADEND_HTTP_PORT: 'tcp://10.0.0.1:80' } })
    await assert.rejects(port, refused('ERR_CONFIG_INVALID', /HEADEND_HTTP_PORT: expected a number, found "tcp/))
    const yes = loadConfig({ env: { HEADEND_TEST_CHANNEL: 'maybe' } })
    await assert.rejects(yes, refused('ERR_CONFIG_INVALID', /expected true or false/))
  })
})

describe('mistakes', () => {
  const cases: [object, string, RegExp][] = [
    [{ htpp: {} }, 'ERR_CONFIG_UNKNOWN', /htpp is not a setting; did you mean http\?/],
    [{ http: { prot: 1 } }, 'ERR_CONFIG_UNKNOWN', /http\.prot is not a setting; did you mean port\?/],
    [{ rtmp: { prot: 1 } }, 'ERR_CONFIG_UNKNOWN', /rtmp\.prot .* port\?/],
    [{ paths: { 'live/*': { onbusy: 'refuse' } } }, 'ERR_CONFIG_UNKNOWN', /paths\.live\/\*\.onbusy .*onBusy/],
    [{ http: { zzzzzzzzzz: 1 } }, 'ERR_CONFIG_UNKNOWN', /known here: name, port/],
    [{ http: { port: 70_000 } }, 'ERR_CONFIG_INVALID', /http\.port: expected at most 65535, found 70000/],
    [{ http: { port: '80' } }, 'ERR_CONFIG_INVALID', /http\.port: expected number, found "80"/],
    [{ http: { port: 1.5 } }, 'ERR_CONFIG_INVALID', /http\.port: expected a whole number, found 1\.5/],
    [{ http: 80 }, 'ERR_CONFIG_INVALID', /http: expected object, found 80/],
    [{ rtmp: { port: -1 } }, 'ERR_CONFIG_INVALID', /rtmp\.port: expected at least 0, found -1/],
    [{ log: { level: 'loud' } }, 'ERR_CONFIG_INVALID', /log\.level: expected debug, info.*found "loud"/],
    [{ tls: { key: 'a.pem' } }, 'ERR_CONFIG_INVALID', /tls: expected both/],
    [JSON.parse('{"__proto__": {"a": 1}}') as object, 'ERR_CONFIG_UNKNOWN', /__proto__/],
  ]
  for (const [settings, code, message] of cases) {
    test(JSON.stringify(settings), () => {
      assert.throws(() => parseSettings(settings as Record<string, unknown>), refused(code, message))
    })
  }
})

describe('A-02: sample and weak secrets', () => {
  for (const secret of [
    'changeme-changeme-changeme',
    'YOUR-KEY-HERE-0000000',
    'replace_me_with_a_secret',
    'password1234567890',
    'aaaaaaaaaaaaaaaaaaaaaaaa',
    'example-key-1234567',
  ]) {
    test(secret, () => {
      assert.throws(
        () => parseSettings({ auth: { publishKey: secret } }),
        refused('ERR_CONFIG_PLACEHOLDER', /^auth\.publishKey: /),
      )
    })
  }

  test('too short, also on a path; the secret is not quoted', () => {
    const settings = { paths: { 'live/a': { playKey: 'k9z2p' } } }

    assert.throws(
      () => parseSettings(settings),
      refused('ERR_CONFIG_WEAK_SECRET', /^paths\.live\/a\.playKey: expected at least 16/),
    )
    assert.throws(
      () => parseSettings(settings),
      (error: Error) => !error.message.includes('k9z2p'),
    )
    assert.throws(
      () => parseSettings({ auth: { adminToken: 987_654_321 } }),
      (error: Error) => !error.message.includes('987'),
    )
  })

  test('a secret of one’s own is taken', () => {
    assert.equal(parseSettings({ auth: { publishKey: STRONG } }).server.auth.publishKey, STRONG)
  })
})

describe('options as data', () => {
  const options = describeOptions()

  test('every option has a type and a description, and names by rule', () => {
    for (const option of options) {
      assert.ok(option.description.length > 10, `${option.name} has no description`)
      if (option.flag !== undefined) assert.match(option.flag, /^--[a-z][a-z-]*$/)
      if (option.env !== undefined) assert.match(option.env, /^HEADEND_[A-Z_]+$/)
    }
    assert.equal(new Set(options.map((option) => option.env ?? option.name)).size, options.length)
  })

  test('the contract’s flags exist', () => {
    const flags = new Set(options.map((option) => option.flag))
    for (const flag of ['--http-port', '--rtmp-port', '--data', '--host', '--ready-file', '--test-channel']) {
      assert.ok(flags.has(flag), flag)
    }
  })

  test('a number', () => {
    const port = options.find((option) => option.name === 'http.port')

    assert.deepEqual(port, {
      path: ['http', 'port'],
      name: 'http.port',
      secret: false,
      flag: '--http-port',
      env: 'HEADEND_HTTP_PORT',
      type: 'number',
      minimum: 0,
      maximum: 65_535,
      default: 8080,
      description: 'Port of pages, HLS, DASH, FLV and the API. 0 picks a free one.',
    })
  })

  test('secrets have no flag, maps are in the file only', () => {
    const key = options.find((option) => option.name === 'auth.publishKey')
    const paths = options.find((option) => option.name === 'paths')

    assert.deepEqual([key?.flag, key?.env, key?.secret], [undefined, 'HEADEND_AUTH_PUBLISH_KEY', true])
    assert.deepEqual([paths?.flag, paths?.env, paths?.type], [undefined, undefined, 'map'])
    assert.ok(paths?.entries?.some((entry) => entry.name === 'onBusy' && entry.choices?.includes('takeover')))
  })
})

test('settings for the API carry no secret', () => {
  const settings = parseSettings({
    auth: { publishKey: STRONG },
    paths: { 'live/a': { play: 'key', playKey: `${STRONG}2` } },
    rtmp: false,
  })

  const shown = withoutSecrets(settings)

  assert.doesNotMatch(JSON.stringify(shown), new RegExp(STRONG))
  assert.deepEqual(shown['paths'], { 'live/a': { play: 'key' } })
  assert.equal(shown['rtmp'], false)
})

test('path patterns: all that match count, later ones win', () => {
  const settingsOf = compilePaths({
    '**': { graceMs: 1 },
    'live/*': { windowMs: 20, play: 'key' },
    'live/cam-*': { play: 'open' },
    'live/a.b': { onBusy: 'takeover' },
  })

  assert.deepEqual(settingsOf('channel/x/y'), { graceMs: 1, onBusy: 'refuse', windowMs: 100, play: 'open' })
  assert.deepEqual(settingsOf('live/x'), { graceMs: 1, onBusy: 'refuse', windowMs: 20, play: 'key' })
  assert.equal(settingsOf('live/cam-1').play, 'open')
  assert.equal(settingsOf('live/x/y').play, 'open')
  assert.equal(settingsOf('live/a.b').onBusy, 'takeover')
  assert.equal(settingsOf('live/aXb').onBusy, 'refuse')
})
