/** Play logs in files and in memory: format, rotation, limits, restarts, faults, and nothing that opens a door. */
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { type PlayLog, playLogOf } from '../../playlog/play-log.ts'
import { LINE_44, LINE_47, LINE_52, STREAMING_LINE } from '../../playlog/vectors.ts'
import { parseWmlogLine } from '../../playlog/wmlog-line.ts'
import type { Logger } from '../../protocols/protocol.ts'
import { openPlayLogs, type PlayLogs } from './index.ts'
import { RecentPlayLogs } from './recent.ts'
import { W3C_FIELDS } from './w3c-log-line.ts'
import { type PlayLogLimits, W3cLogStore } from './w3c-log-store.ts'
import { addressWithoutSecrets } from './without-secrets.ts'

const LIMITS: PlayLogLimits = { maxAgeDays: 30, maxBytes: 1 << 30, maxFileBytes: 1 << 26 }
const AT = new Date('2026-11-25T10:11:12.345Z')

let folder = ''
let faults: string[] = []
let open: { close(): Promise<void> }[] = []

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'headend-logs-')), 'logs')
  faults = []
  open = []
})

afterEach(async () => {
  for (const one of open) await one.close()
  await rm(join(folder, '..'), { recursive: true, force: true })
})

const logger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  counted: (code) => faults.push(code),
  child: () => logger,
}

function store(limits: Partial<PlayLogLimits> = {}, more: { maxBufferedBytes?: number; now?: () => number } = {}) {
  const made = new W3cLogStore({
    folder,
    log: logger,
    limits: { ...LIMITS, ...limits },
    software: 'Headend 1.2.3',
    now: () => AT.getTime(),
    ...more,
  })
  open.push(made)
  return made
}

function playLog(line: string = LINE_47, received: Partial<PlayLog> = {}): PlayLog {
  return playLogOf(parseWmlogLine(line), {
    receivedAt: AT,
    remoteAddress: '192.0.2.7',
    protocol: 'windows-media',
    path: 'vod/harbour.wmv',
    sessionId: 'w-1',
    ...received,
  })
}

const read = (name: string) => readFile(join(folder, name), 'utf8')
const dataLines = (content: string) => content.split('\n').filter((line) => line !== '' && !line.startsWith('#'))

describe('log files', () => {
  test('have a head, and lines whose address, date and time are the server’s', async () => {
    const files = store()
    files.add(playLog())
    await files.flush()

    assert.deepEqual(await readdir(folder), ['wms_20261125_0001.log'])
    const [software, version, date, fields, line, end] = (await read('wms_20261125_0001.log')).split('\n')
    assert.equal(software, '#Software: Headend 1.2.3')
    assert.equal(version, '#Version: 1.0')
    assert.equal(date, '#Date: 2026-11-25 10:11:12')
    assert.equal(fields, `#Fields: ${W3C_FIELDS.join(' ')}`)
    assert.equal(end, '')
    const expected = LINE_47.split(' ')
    expected[0] = '192.0.2.7'
    expected[1] = '2026-11-25'
    expected[2] = '10:11:12'
    expected[4] = '/harbour.wmv'
    assert.equal(line, [...expected, 'legacy', 'vod/harbour.wmv', 'w-1'].join(' '))
    assert.equal(line?.split(' ').length, W3C_FIELDS.length)
  })

  test('M-08, L-01: nothing unescaped reaches a file', async () => {
    const files = store()
    const hostile = 'a\r\n#Fields: x\u001b[2J\u202e b'
    const wmlog = parseWmlogLine(LINE_44)
    files.add({
      ...playLog(),
      remoteAddress: hostile,
      path: hostile,
      sessionId: hostile,
      wmlog: { ...wmlog, fields: { 'c-os': hostile, 'cs-url': hostile, 'cs-uri-stem': hostile } },
    })
    await files.flush()

    const content = await read('wms_20261125_0001.log')
    assert.doesNotMatch(content, /[^\n\x20-\x7e]/)
    assert.equal(content.split('\n').length, 6)
    assert.equal(dataLines(content)[0]?.split(' ').length, W3C_FIELDS.length)
  })

  test('each day has its own', async () => {
    const files = store()
    files.add(playLog())
    files.add(playLog(LINE_52, { receivedAt: new Date('2026-11-25T23:59:59.999Z') }))
    files.add(playLog(STREAMING_LINE, { receivedAt: new Date('2026-11-26T00:00:00Z') }))
    await files.flush()
    files.add(playLog(LINE_47, { receivedAt: AT }))
    await files.flush()

    assert.equal(dataLines(await read('wms_20261125_0001.log')).length, 2)
    // The clock went back: the order of lines is kept rather than the day.
    assert.equal(dataLines(await read('wms_20261126_0001.log')).length, 2)
  })

  test('a full one is followed by the next', async () => {
    const files = store({ maxFileBytes: 4096 })
    for (let at = 0; at < 20; at++) files.add(playLog(LINE_47, { sessionId: `s${at}` }))
    await files.flush()

    const names = (await readdir(folder)).sort()
    assert.ok(names.length > 2, names.join())
    assert.deepEqual(
      names,
      names.map((_, at) => `wms_20261125_000${at + 1}.log`),
    )
    const sessions: (string | undefined)[] = []
    for (const name of names) {
      const content = await read(name)
      assert.ok(Buffer.byteLength(content) <= 4096)
      assert.ok(content.startsWith('#Software'))
      sessions.push(...dataLines(content).map((line) => line.split(' ').at(-1)))
    }
    assert.deepEqual(
      sessions,
      Array.from({ length: 20 }, (_, at) => `s${at}`),
    )
  })

  test('old ones go by age and by size, the newest stays', async () => {
    await mkdir(folder)
    const names = ['wms_20261001_0001.log', 'wms_20261120_0001.log', 'wms_20261121_0001.log', 'wms_20261124_0001.log']
    for (const name of names) await writeFile(join(folder, name), 'x'.repeat(1000))
    await writeFile(join(folder, 'other.log'), 'not ours')
    const files = store({ maxBytes: 2500 })
    await files.flush()

    assert.deepEqual((await readdir(folder)).sort(), ['other.log', 'wms_20261121_0001.log', 'wms_20261124_0001.log'])

    files.configure({ ...LIMITS, maxBytes: 1 })
    files.add(playLog())
    await files.flush()
    files.add(playLog(LINE_47, { receivedAt: new Date('2026-11-26T00:00:00Z') }))
    await files.flush()
    assert.deepEqual((await readdir(folder)).sort(), ['other.log', 'wms_20261126_0001.log'])
  })

  test('F-08: a file of a day to come does not cost the file in use', async () => {
    await mkdir(folder)
    await writeFile(join(folder, 'wms_99991231_9999.log'), 'x'.repeat(1000))
    await writeFile(join(folder, 'wms_00000000_0000.log'), '')
    const files = store({ maxBytes: 100 })
    files.add(playLog())
    await files.flush()
    files.configure({ ...LIMITS, maxBytes: 100 })
    files.add(playLog())
    await files.flush()

    assert.equal(dataLines(await read('wms_20261125_0001.log')).length, 2)
    assert.deepEqual((await readdir(folder)).sort(), ['wms_20261125_0001.log', 'wms_99991231_9999.log'])
  })

  test('a restart continues the file and ends a line that was cut', async () => {
    const first = store()
    first.add(playLog(LINE_47, { sessionId: 'one' }))
    first.add(playLog(LINE_47, { sessionId: 'two' }))
    await first.close()
    const file = join(folder, 'wms_20261125_0001.log')
    await truncate(file, (await stat(file)).size - 10)

    const second = store()
    second.add(playLog(LINE_47, { sessionId: 'three' }))
    await second.close()

    assert.deepEqual(await readdir(folder), ['wms_20261125_0001.log'])
    const content = await read('wms_20261125_0001.log')
    assert.equal(content.match(/^#Fields: /gm)?.length, 2)
    const lines = dataLines(content)
    assert.equal(lines.length, 3)
    assert.ok(lines[0]?.endsWith(' one'))
    assert.ok(lines[2]?.endsWith(' three'))
  })

  test('a file that somebody removed is made anew', async () => {
    const files = store()
    files.add(playLog())
    await files.flush()
    await rm(folder, { recursive: true })
    files.add(playLog(LINE_47, { sessionId: 'again' }))
    await files.flush()

    const lines = dataLines(await read('wms_20261125_0001.log'))
    assert.equal(lines.length, 1)
    assert.ok(lines[0]?.endsWith(' again'))
  })

  test('what comes while it writes is written, and close waits for it', async () => {
    const files = store()
    files.add(playLog())
    const writing = files.flush()
    for (let at = 0; at < 2000; at++) files.add(playLog())
    await writing
    files.add(playLog())
    await files.close()
    await files.close()

    assert.equal(dataLines(await read('wms_20261125_0001.log')).length, 2002)
    files.add(playLog())
    assert.equal(files.lost, 1)
  })

  test('a disk that takes nothing costs lines and no memory, and says so', async () => {
    await writeFile(folder, 'a file where the folder should be')
    const files = store({}, { maxBufferedBytes: 10_000 })
    for (let at = 0; at < 100; at++) files.add(playLog(LINE_47, { sessionId: `s${at}` }))
    await files.flush()

    const kept = 100 - files.lost
    assert.ok(kept > 10 && kept < 30, `${kept} kept`)
    assert.deepEqual([...new Set(faults)].sort(), ['ERR_PLAYLOG_LOST', 'ERR_PLAYLOG_WRITE'])

    await rm(folder)
    await files.flush()
    const content = await read('wms_20261125_0001.log')
    assert.equal(dataLines(content).length, kept)
    assert.match(content, new RegExp(`^#Remark: ${100 - kept} lines lost$`, 'm'))
    files.add(playLog())
    await files.flush()
    assert.equal((await read('wms_20261125_0001.log')).match(/#Remark/g)?.length, 1)
  })

  test('a link in the place of a file is not followed', async () => {
    await mkdir(folder)
    const target = join(folder, '..', 'target')
    await writeFile(target, '')
    await symlink(target, join(folder, 'wms_20261125_0001.log'))
    const files = store()
    files.add(playLog())
    await files.flush()

    assert.equal(await readFile(target, 'utf8'), '')
    assert.deepEqual(faults, ['ERR_PLAYLOG_WRITE'])
  })

  test('are closed to strangers', async () => {
    const files = store()
    files.add(playLog())
    await files.flush()

    assert.equal((await stat(join(folder, 'wms_20261125_0001.log'))).mode & 0o037, 0)
    assert.equal((await stat(folder)).mode & 0o077, 0)
  })
})

describe('recent logs', () => {
  test('are the newest, the newest first', () => {
    const recent = new RecentPlayLogs({ logs: 3 })
    for (let at = 0; at < 5; at++) recent.add(playLog(LINE_47, { sessionId: `s${at}` }))
    assert.deepEqual(
      [...recent.list()].map((log) => log.sessionId),
      ['s4', 's3', 's2'],
    )
  })

  test('are found by path, kind and time', () => {
    const recent = new RecentPlayLogs()
    recent.add(playLog(LINE_47, { sessionId: 'a', receivedAt: new Date(1000) }))
    recent.add(playLog(LINE_52, { sessionId: 'b', receivedAt: new Date(2000) }))
    recent.add(playLog(LINE_52, { sessionId: 'c', receivedAt: new Date(3000), path: 'live/x' }))
    const found = (query: Parameters<typeof recent.list>[0]) => [...recent.list(query)].map((log) => log.sessionId)
    assert.deepEqual(found({ path: 'live/x' }), ['c'])
    assert.deepEqual(found({ kind: 'rendering' }), ['c', 'b'])
    assert.deepEqual(found({ since: new Date(2000) }), ['c', 'b'])
    assert.deepEqual(found({ kind: 'legacy', path: 'live/x' }), [])
  })

  test('hold a limited number of characters, whatever is in them', () => {
    const recent = new RecentPlayLogs({ length: 5000 })
    const contentDescription = [{ name: 'title', value: 'x'.repeat(2000) }]
    for (let at = 0; at < 10; at++) {
      const log = playLog()
      recent.add({ ...log, wmlog: { ...log.wmlog, contentDescription } })
    }
    assert.equal([...recent.list()].length, 2)
  })
})

describe('play logs of a server', () => {
  function logs(): PlayLogs {
    const made = openPlayLogs({ folder, log: logger, limits: LIMITS, software: 'Headend 1.2.3' })
    open.push(made)
    return made
  }

  test('are counted by kind and kept in both places', async () => {
    const kept = logs()
    kept.add(playLog(LINE_44))
    kept.add(playLog(LINE_52))
    kept.add(playLog(LINE_52))
    await kept.flush()

    assert.deepEqual(Object.fromEntries(kept.totals()), { legacy: 1, streaming: 0, rendering: 2, 'connect-time': 0 })
    assert.equal([...kept.recent()].length, 3)
    const [file, ...others] = await kept.files()
    assert.equal(others.length, 0)
    assert.equal(file?.name, 'wms_20261125_0001.log')
    const opened = await kept.openFile(file.name)
    const content = await text(opened.bytes)
    assert.equal(content, await read(file.name))
    assert.equal(opened.file.bytes, Buffer.byteLength(content))
    await writeFile(join(folder, 'wms_20261125_0002.log'), '')
    assert.equal(await text((await kept.openFile('wms_20261125_0002.log')).bytes), '')
  })

  test('L-04: keys and passwords of addresses are kept nowhere', async () => {
    const canary = 'cAnArY-0123456789'
    const kept = logs()
    const line = LINE_47.replaceAll('http://media.test/harbour.wmv', `http://u:${canary}@media.test/harbour.wmv`)
    const wmlog = parseWmlogLine(line.replace('WMCache=0', `WMCache=0&k%65y=${canary}&playKey=${canary}&x=1`))
    const log = kept.add({ ...playLog(), wmlog })
    await kept.flush()

    assert.equal(log.wmlog.fields['cs-url'], 'http://media.test/harbour.wmv?WMCache=0&k%65y=hidden&playKey=hidden&x=1')
    assert.ok(!JSON.stringify([...kept.recent()]).includes(canary))
    assert.ok(!(await read('wms_20261125_0001.log')).includes(canary))
  })

  test('an address with nothing to hide stays as it is', () => {
    for (const address of ['http://a.test/b?c=d&e', '/b?%zz=1', 'mms://a.test/x@y', 'not an address', '']) {
      assert.equal(addressWithoutSecrets(address), address)
    }
  })

  test('F-02: only files of the list are opened, whatever the name says', async () => {
    const kept = logs()
    kept.add(playLog())
    await kept.flush()
    await writeFile(join(folder, '..', 'secrets.json'), 'secret')
    await symlink(join(folder, '..', 'secrets.json'), join(folder, 'wms_20261125_0002.log'))

    for (const name of [
      '../secrets.json',
      'wms_20261125_0002.log',
      './wms_20261125_0001.log',
      'wms_20261125_0001.log/',
      'wms_20261125_0001.log\0',
      '..',
      '',
    ]) {
      await assert.rejects(kept.openFile(name), { code: 'ERR_PLAYLOG_FILE_NOT_FOUND' }, name)
    }
  })
})
