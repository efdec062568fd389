/** Fuzz targets of exports: whatever a text holds, it ends no line and no cell, and begins no formula. */
import { assert } from '../../../errors.ts'
import type { FuzzTarget } from '../../../fuzz-target.ts'
import type { PlayEvent } from '../../../playlog/play-event.ts'
import { formatCsvCell } from './csv.ts'
import { FILE_FORMATS } from './formats.ts'
import { EVENT_COLUMNS } from './tables.ts'

const FORMULA = /^\s*[=+\-@\uff1d\uff0b\uff0d\uff20]/u

/** For scripts/fuzz.ts. */
export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'audience/exports',
    seeds: () =>
      ['=1+1', 'a;=cmd|x', '"\r\n=1', 'x"=HYPERLINK("y")', '#Fields: a', ' -', '\u2028@'].map((text) =>
        Buffer.from(text),
      ),
    run(input) {
      const text = new TextDecoder().decode(input)
      const cell = formatCsvCell(text)
      assert(/^"(?:[^"\u0000-\u001f]|"")*"$/.test(cell), 'one cell')
      for (const piece of cell.split(/[,;|"]/)) assert(!FORMULA.test(piece), 'no formula')
      const told = { sessionId: text, path: text, contentId: text, userAgent: text, errors: [text], original: text }
      const event: PlayEvent = { ...told, kind: 'error', source: 'wmlog', time: 0, receivedAt: 0 }
      const w3c = FILE_FORMATS.w3c.events.line(event)
      assert(/^[^\n\r]*\n$/.test(w3c) && w3c.split(' ').length === EVENT_COLUMNS.length + 2, 'one line of W3C')
      const json = FILE_FORMATS.jsonl.events.line(event)
      assert(json.indexOf('\n') === json.length - 1, 'one line of JSON')
      assert(JSON.stringify(JSON.parse(json)) === JSON.stringify(event), 'JSON gives it again')
      const wms = FILE_FORMATS.wms.events.line(event)
      assert(wms === '' || wms.split(' ').length === 47, 'one line of Windows Media')
    },
  },
]
