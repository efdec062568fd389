import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeadendError } from '../../../errors.ts'
import type { HeaderLine } from '../message-head.ts'
import { WmRequest } from '../request-reader.ts'
import { formatSetupBody, MAX_SETUP_BODY, parsePushRequest, parseSetupBody } from './request.ts'

const SETUP: readonly HeaderLine[] = [
  ['Content-Type', 'application/x-wms-pushsetup;charset=UTF-8'],
  ['User-Agent', 'WMEncoder/12.0.0.7'],
  ['Cookie', 'push-id=0'],
  ['Content-Length', '16'],
]

function parse(changes: Readonly<Record<string, string | undefined>> = {}, startLine = 'POST /live/a HTTP/1.1') {
  const headers = SETUP.filter(([name]) => !(name in changes)).concat(
    Object.entries(changes).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  )
  return parsePushRequest(new WmRequest(startLine, headers))
}

function throwsCode(work: () => unknown, code: string): void {
  assert.throws(work, (error: unknown) => error instanceof HeadendError && error.code === code)
}

test('a setup and a start', () => {
  const setup = parse()
  assert.deepEqual(
    [setup.kind, setup.path, setup.pushId, setup.userAgent],
    ['setup', 'live/a', undefined, 'WMEncoder/12.0.0.7'],
  )
  const start = parse({ 'Content-Type': 'Application/X-WMS-PushStart', Cookie: 'a=b; push-id=k3Zp81QwT0; c=d' })
  assert.deepEqual([start.kind, start.pushId], ['start', 'k3Zp81QwT0'])
})

test('the push-id in all its forms', () => {
  for (const [cookie, expected] of [
    ['push-id=0', undefined],
    ['push-id=', undefined],
    ['other=1', undefined],
    ['PUSH-ID="x1"', 'x1'],
    [`push-id=${'a'.repeat(255)}`, 'a'.repeat(255)],
  ] as const) {
    assert.equal(parse({ Cookie: cookie }).pushId, expected)
  }
  assert.equal(parse({ Cookie: undefined }).pushId, undefined)
  throwsCode(() => parse({ Cookie: `push-id=${'a'.repeat(256)}` }), 'ERR_WMHTTP_REQUEST')
})

test('PSH-01: what is neither is refused', () => {
  throwsCode(() => parse({}, 'GET /live/a HTTP/1.1'), 'ERR_WMHTTP_REQUEST')
  throwsCode(() => parse({ 'Content-Type': 'text/plain' }), 'ERR_WMHTTP_REQUEST')
  throwsCode(() => parse({ 'Content-Type': undefined }), 'ERR_WMHTTP_REQUEST')
  throwsCode(() => parse({ 'Content-Length': undefined }), 'ERR_WMHTTP_REQUEST')
  throwsCode(() => parse({ 'Content-Length': String(MAX_SETUP_BODY + 1) }), 'ERR_WMHTTP_REQUEST')
  throwsCode(() => parse({}, 'POST /studio HTTP/1.1'), 'ERR_PATH_INVALID')
})

test('PSH-02: other agents do not push', () => {
  for (const agent of [undefined, 'Lavf/59.27.100', 'NSPlayer/12.0', 'Mozilla/5.0']) {
    throwsCode(() => parse({ 'User-Agent': agent }), 'ERR_WMHTTP_AGENT')
  }
})

test('the body of a setup: both lines, one, none', () => {
  const parsed = (text: string) => parseSetupBody(Buffer.from(text))
  assert.deepEqual(parsed(''), { template: undefined, autoDestroy: false })
  assert.deepEqual(parsed('AutoDestroy: 1\r\n'), { template: undefined, autoDestroy: true })
  assert.deepEqual(parsed('AutoDestroy:0\r\n'), { template: undefined, autoDestroy: false })
  assert.deepEqual(parsed('Template-URL: "/live/caf%C3%A9"\r\nAutoDestroy: 1\r\n'), {
    template: '/live/café',
    autoDestroy: true,
  })
  for (const text of [
    'AutoDestroy: 2\r\n',
    'AutoDestroy: 1\r\nAutoDestroy: 1\r\n',
    'Template-URL: /live/a\r\n',
    'Template-URL: "live/a"\r\n',
    'Template-URL: "/live/%ff"\r\n',
    'Else: 1\r\n',
    'nonsense',
  ]) {
    throwsCode(() => parsed(text), 'ERR_WMHTTP_REQUEST')
  }
})

test('ENC-05, ENC-06: the template stands first, in quotes, ASCII; AutoDestroy is never missing behind it', () => {
  const text = (setup: Parameters<typeof formatSetupBody>[0]) => Buffer.from(formatSetupBody(setup)).toString()
  assert.equal(
    text({ template: '/live/café', autoDestroy: true }),
    'Template-URL: "/live/caf%C3%A9"\r\nAutoDestroy: 1\r\n',
  )
  assert.equal(text({ template: '/live/a' }), 'Template-URL: "/live/a"\r\nAutoDestroy: 0\r\n')
  assert.equal(formatSetupBody({ autoDestroy: true }).byteLength, 16)
  assert.equal(text({}), '')
})
