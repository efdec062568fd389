/** Every example of MS-WMLOG section 3: in, and the same line out, whichever way it came. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { playLogOf } from './play-log.ts'
import {
  EXAMPLE_CONNECT_XML,
  EXAMPLE_DESCRIPTION,
  EXAMPLE_LINES,
  EXAMPLE_VENDOR,
  type ExampleLine,
} from './specification-vectors.ts'
import { isWebLogSink } from './weblog.ts'
import { type Wmlog, wmlogKind } from './wmlog.ts'
import { parseWmlogBody } from './wmlog-body.ts'
import { WMLOG_ELEMENTS, WMLOG_LINES } from './wmlog-fields.ts'
import { formatWmlogLine } from './wmlog-line.ts'
import { wmlogToEvent } from './wmlog-to-event.ts'
import { formatWmlogXml } from './wmlog-xml.ts'

const bodyOf = (text: string) => parseWmlogBody(Buffer.from(text))
const element = (name: string, value: string) => `<${name}>${value}</${name}>`
const elements = (values: Readonly<Record<string, string>>) =>
  Object.entries(values)
    .map(([name, value]) => element(name, value))
    .join('\r\n')

/** Written as the text does it: an element a line, the fields beside their summary. */
function xmlOf(line: string, more = ''): string {
  const words = line.split(' ')
  const names: readonly string[] = WMLOG_LINES[words.length as 44]
  const fields = WMLOG_ELEMENTS.filter((name) => names.includes(name)).map((name) =>
    element(name, (words[names.indexOf(name)] ?? '').replaceAll('&', '&amp;')),
  )
  return `<XML>\r\n<Summary>${line}\r\n</Summary>\r\n${fields.join('\r\n')}\r\n${more}</XML>`
}

function lineOf(log: Wmlog): string {
  assert.ok(log.form !== 'connect-time')
  return formatWmlogLine(log, log.form)
}

describe('the examples of the specification', () => {
  for (const { name, kind, line, web } of EXAMPLE_LINES) {
    test(`${name}: the line in, the same line out, bare${web ? ', posted' : ''} and in XML`, () => {
      const ways = [line, xmlOf(line), formatWmlogXml(bodyOf(line)), ...(web ? [`MX_STATS_LogLine: ${line}`] : [])]
      for (const way of ways) {
        const log = bodyOf(way)
        assert.equal(lineOf(log), line)
        assert.equal(wmlogKind(log), kind)
      }
    })

    test(`${name}: is kept as an event that has the line`, () => {
      const event = eventOf({ name, kind, line })

      assert.deepEqual([event?.kind, event?.source, event?.original], ['log', 'wmlog', line])
    })
  }

  test('3.1 and 3.2: what the server said of the content, and what vendors add, goes through XML', () => {
    const [, legacy] = EXAMPLE_LINES
    const more = `${element('ContentDescription', elements(EXAMPLE_DESCRIPTION))}${element('VendorNameSpace', elements(EXAMPLE_VENDOR))}`

    const log = bodyOf(xmlOf(legacy?.line ?? '', more))
    const again = bodyOf(formatWmlogXml(log))

    for (const one of [log, again]) {
      const items = (list: Wmlog['contentDescription'] = []) => list.map(({ name, value }) => [name, value])
      assert.deepEqual(items(one.contentDescription), Object.entries(EXAMPLE_DESCRIPTION))
      assert.deepEqual(
        one.extensions?.map(({ name, items: list }) => [name, items(list)]),
        [['VendorNameSpace', Object.entries(EXAMPLE_VENDOR)]],
      )
      assert.equal(lineOf(one), legacy?.line)
    }
  })

  test('3.5: the connect-time log is the beginning of a session, and has no line', () => {
    const log = bodyOf(EXAMPLE_CONNECT_XML)

    assert.equal(wmlogKind(log), 'connect-time')
    assert.equal(formatWmlogXml(log), EXAMPLE_CONNECT_XML.replaceAll('\n', ''))
    const event = wmlogToEvent(received(log), 'x')
    assert.deepEqual([event?.kind, event?.time], ['open', Date.UTC(2006, 7, 30, 13, 18, 44)])
  })

  test('3.6: the page of a server that takes logs is known', () => {
    const page =
      '<head><title>WMS ISAPI Log Dll/9.00.00.3372</title></head>\r\n<body><h1>WMS ISAPI Log Dll/9.00.00.3372</h1></body>'

    assert.equal(isWebLogSink(200, page), true)
  })

  test('the numbers of each kind go where measures look for them', () => {
    const told = EXAMPLE_LINES.map((example) => {
      const { bytes, played, stalls, stalled, position, lostPackets } = eventOf(example) ?? {}
      return [bytes, played, stalls, stalled, position, lostPackets]
    })

    assert.deepEqual(told, [
      [6_321_233, 42_000, 1, 0, 0, 0],
      [6_321_233, 42_000, 1, 0, 0, 0],
      [29_868, 1000, 0, 0, 30_000, 0],
      [0, undefined, 0, 0, 4000, 0],
      [29_868, undefined, 0, 0, 30_000, 0],
      [0, 0, undefined, undefined, 4000, undefined],
      [29_868, 1000, undefined, undefined, 30_000, undefined],
      [2_170_350, 39_000, 1, 3000, 0, 0],
    ])
  })
})

function received(wmlog: Wmlog) {
  const receivedAt = new Date('2026-11-25T12:00:00Z')
  return playLogOf(wmlog, { receivedAt, remoteAddress: '192.0.2.7', protocol: 'http', path: 'live/a' })
}

function eventOf({ line }: ExampleLine) {
  return wmlogToEvent(received(bodyOf(line)), 'x')
}
