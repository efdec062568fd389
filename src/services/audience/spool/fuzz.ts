/** Fuzz targets of the spool: its files, and the lines in them. */
import { assert } from '../../../errors.ts'
import type { FuzzTarget } from '../../../fuzz-target.ts'
import { formatEvents, parseEvents } from './event-lines.ts'
import { readRecord, SPOOL_MAGIC, writeRecord } from './record.ts'
import { hasMagic, scanSpool } from './spool-files.ts'
import { EVENT, RECORD_HEX } from './vectors.ts'

/** For scripts/fuzz.ts. */
export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'audience/spool',
    seeds: () => [
      Buffer.concat([SPOOL_MAGIC, Buffer.from(RECORD_HEX, 'hex')]),
      Buffer.concat([SPOOL_MAGIC, writeRecord(1, Buffer.from('{}')), writeRecord(2, Buffer.from('[]'))]),
    ],
    run(input) {
      const { last, end } = scanSpool(input)
      assert(end <= input.length, 'no more than there is')
      if (!hasMagic(input)) return
      let at = SPOOL_MAGIC.length
      let number: number | undefined
      while (at < end) {
        const record = readRecord(input, at)
        assert(record !== undefined, 'what was counted can be read')
        const again = writeRecord(record.number, record.payload)
        assert(again.equals(input.subarray(at, record.end)), 'a record comes out as it came in')
        number = record.number
        at = record.end
      }
      assert(number === last, 'the last is the last')
    },
  },
  {
    name: 'audience/event-lines',
    seeds: () => [Buffer.from(formatEvents([EVENT, { ...EVENT, errors: ['404'], starved: true, path: 'live/a' }]))],
    run(input) {
      const lines = parseEvents(new TextDecoder().decode(input))
      assert(lines.length > 0, 'a line at least')
      parseEvents(formatEvents(lines.map(({ event }) => event)))
    },
  },
]
