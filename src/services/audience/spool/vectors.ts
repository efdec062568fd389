/** Spools for tests and for seeds of the fuzzer: whole, torn, and lying. */
import type { PlayEvent } from '../../../playlog/play-event.ts'

/** One event. */
export const EVENT: PlayEvent = {
  sessionId: 'a',
  kind: 'state',
  source: 'cmcd',
  time: 1_795_637_640_000,
  receivedAt: 1_795_637_640_040,
  sequence: 3,
  state: 'playing',
}

/** The record of `EVENT` as batch 7: length, checksum (of Python's zlib), number, line. */
export const RECORD_HEX =
  '0000007f' +
  '65f3ba62' +
  '0000000000000007' +
  Buffer.from(
    '{"sessionId":"a","kind":"state","source":"cmcd","time":1795637640000,"receivedAt":1795637640040,"sequence":3,"state":"playing"}',
  ).toString('hex')
