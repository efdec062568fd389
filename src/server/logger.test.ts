import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PeerError } from '../errors.ts'
import { escapeUnsafe, logText, MAX_LOG_TEXT, redactText } from './log-text.ts'
import { type LogFormat, LogWriter } from './logger.ts'

function record(format: LogFormat = 'json') {
  const lines: string[] = []
  let now = 0
  const writer = new LogWriter({ level: 'debug', format, write: (line) => lines.push(line), now: () => now })
  return { writer, log: writer.log, lines, at: (ms: number) => (now = ms) }
}

function parsed(lines: readonly string[]): Record<string, unknown>[] {
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('lines', () => {
  test('one object a line, with time, level, message and fields of the child', () => {
    const { log, lines } = record()

    log.child({ protocol: 'rtmp' }).info({ path: 'live/a', skipped: 0, none: undefined }, 'begins')

    assert.deepEqual(parsed(lines), [
      {
        time: '1970-01-01T00:00:00.000Z',
        level: 'info',
        message: 'begins',
        protocol: 'rtmp',
        path: 'live/a',
        skipped: 0,
      },
    ])
  })

  test('a field cannot pretend to be level or message', () => {
    const { log, lines } = record()

    log.info({ level: 'error', message: 'forged' }, 'true')

    assert.equal(parsed(lines)[0]?.['level'], 'info')
    assert.equal(parsed(lines)[0]?.['message'], 'true')
  })

  test('lines below the level are left out, also after a change', () => {
    const { writer, log, lines } = record()

    writer.configure({ level: 'warn', format: 'json' })
    log.info({}, 'no')
    log.warn({}, 'yes')

    assert.equal(lines.length, 1)
  })

  test('our errors are code and message, others have a stack', () => {
    const { log, lines } = record()

    log.error({ error: new PeerError('ERR_TEST', 'expected a'), other: new TypeError('bad') }, 'x')

    const [line] = parsed(lines) as [{ error: object; other: { name: string; stack: string } }]
    assert.deepEqual(line.error, { code: 'ERR_TEST', message: 'expected a' })
    assert.equal(line.other.name, 'TypeError')
    assert.match(line.other.stack, /logger\.test/)
  })

  test('text for people stays on one line', () => {
    const { log, lines } = record('text')

    log.warn({ path: 'live/a', agent: 'a b\nc' }, 'refused')

    assert.deepEqual(lines, ['00:00:00.000 WARN  refused path=live/a agent="a b\\nc"\n'])
  })

  test('cyclic and deep values end', () => {
    const { log, lines } = record()
    const cyclic: Record<string, unknown> = { list: Array.from({ length: 1000 }, (_, index) => index) }
    cyclic['self'] = cyclic

    log.info({ cyclic }, 'x')

    assert.ok((lines[0]?.length ?? 0) < 2000)
  })
})

describe('L-01: hostile text', () => {
  const hostile = 'a\r\nb\u0000c\u001b[2Jd\u202ee\u2028f\u0085g\ud800h😀'

  for (const format of ['json', 'text'] as const) {
    test(`${format}: one record is one line without control or direction characters`, () => {
      const { log, lines } = record(format)

      log.info({ name: hostile, [hostile]: 1 }, hostile)

      assert.equal(lines.length, 1)
      assert.doesNotMatch(lines[0]?.slice(0, -1) ?? '', /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e]/)
      assert.match(lines[0] ?? '', /😀/)
    })
  }

  test('JSON gives the very text back', () => {
    const { log, lines } = record()

    log.info({ name: hostile }, 'x')

    assert.equal(parsed(lines)[0]?.['name'], hostile)
  })

  test('1 MiB is cut to 256 characters and says how much there was', () => {
    const text = logText('x'.repeat(1024 * 1024))

    assert.equal(text, `${'x'.repeat(MAX_LOG_TEXT)}… (1048576 characters)`)
  })

  test('escapeUnsafe leaves pairs and cuts lone surrogates', () => {
    assert.equal(escapeUnsafe('😀\ud83d'), '😀\\ud83d')
  })
})

describe('L-02: floods', () => {
  test('100 000 faults of one code are two lines, the second with the count', (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const { writer, log, lines, at } = record()

    for (let index = 0; index < 100_000; index++) log.counted('ERR_FLOOD', { index }, 'again')
    assert.equal(lines.length, 1)
    at(1000)
    t.mock.timers.tick(1000)

    assert.equal(lines.length, 2)
    assert.equal(parsed(lines)[1]?.['suppressed'], 99_999)
    assert.deepEqual([...writer.counts()], [['ERR_FLOOD', 100_000]])
  })

  test('codes made up by peers do not grow memory', () => {
    const { writer, log } = record()

    for (let index = 0; index < 10_000; index++) log.counted(`ERR_${index}`, {}, 'x')

    const counts = [...writer.counts()]
    assert.equal(counts.length, 257)
    assert.deepEqual(counts.at(-1), ['ERR_OTHER', 10_000 - 256])
    writer.flush()
  })
})

describe('L-04: credentials', () => {
  const canary = 'cAnArY0123456789'
  const positions: Record<string, string> = {
    'query key': `rtmp://host/live/a?key=${canary}`,
    'query token after others': `/live/a.flv?x=1&access_token=${canary}&y=2`,
    'stream key of an encoder': `a?key=${canary}`,
    'query without anything before': `key=${canary}`,
    'percent-encoded query': `/live/a%3Fkey%3D${canary}`,
    'user information': `rtmp://user:${canary}@host/live/a`,
    bearer: `Authorization: Bearer ${canary}`,
    basic: `basic ${Buffer.from(`user:${canary}`).toString('base64')}`,
    'SRT stream id': `publish:live/a:${canary}`,
    signature: `/x.ts?X-Amz-Signature=${canary}`,
  }

  for (const [name, text] of Object.entries(positions)) {
    test(name, () => {
      const { log, lines } = record()

      log.info({ text, nested: { list: [text] }, error: new Error(text) }, text)

      const all = lines.join('')
      assert.doesNotMatch(all, new RegExp(canary))
      assert.doesNotMatch(all, new RegExp(Buffer.from(`user:${canary}`).toString('base64')))
    })
  }

  test('fields with the name of a secret', () => {
    const { log, lines } = record()

    log.info({ publishKey: canary, token: canary, Authorization: canary, nested: { password: canary } }, 'x')

    assert.doesNotMatch(lines.join(''), new RegExp(canary))
  })

  test('known secrets wherever they stand', () => {
    const { writer, log, lines } = record()

    writer.hide([canary])
    log.info({ text: `so(${canary})so` }, `in ${canary}`)

    assert.doesNotMatch(lines.join(''), new RegExp(canary))
    assert.match(lines.join(''), /so\(\[redacted\]\)so/)
  })

  test('ordinary text stays', () => {
    assert.equal(redactText('shown eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJhIn0.c2lnbmF0dXJl here'), 'shown [redacted] here')
    assert.equal(redactText('http://host/live/a?_HLS_msn=3&part=1'), 'http://host/live/a?_HLS_msn=3&part=1')
  })
})
