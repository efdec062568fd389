/** Reports of players into the store of the audience, and the questions of its console over ten million of them. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { PlayEvent } from '../src/playlog/play-event.ts'
import { formatEvents, parseEvents } from '../src/services/audience/spool/event-lines.ts'
import type { SpoolBatch } from '../src/services/audience/spool/spool-reader.ts'
import { SqliteAudienceStore } from '../src/services/audience/store/sqlite-store.ts'
import { audienceQuestions } from './audience-questions.ts'
import type { Row } from './support/report.ts'

/** 25,000 a second one by one, 100,000 in batches of 20. */
const LOADS = [
  { size: 1, mostMicros: 40 },
  { size: 20, mostMicros: 10 },
] as const
const EVENTS = 200_000
const SESSIONS = 2_000
/** What one transaction takes. */
const EVENTS_AT_ONCE = 5_000
const PATHS = 20
const DAY_MS = 86_400_000
const START = Date.UTC(2026, 10, 25)

export async function* audience(): AsyncGenerator<Row> {
  const folder = mkdtempSync(path.join(tmpdir(), 'audience-bench-'))
  try {
    for (const { size, mostMicros } of LOADS)
      yield await load(path.join(folder, `load-${size}.sqlite`), size, mostMicros)
  } finally {
    rmSync(folder, { recursive: true })
  }
  yield* audienceQuestions()
}

/** From the bytes of the spool to the committed transaction, on one thread. */
async function load(file: string, size: number, mostMicros: number): Promise<Row> {
  const payloads = Array.from({ length: EVENTS / size }, (_, batch) =>
    formatEvents(Array.from({ length: size }, (_, at) => reportOf(batch, at, size))),
  )
  const store = new SqliteAudienceStore(file)
  const before = process.cpuUsage()
  const begin = performance.now()
  for (let at = 0; at < payloads.length; ) {
    const batches: SpoolBatch[] = []
    for (let events = 0; events < EVENTS_AT_ONCE && at < payloads.length; events += size) {
      batches.push({ number: ++at, lines: parseEvents(payloads[at - 1] ?? '') })
    }
    await store.commit(batches)
  }
  const seconds = (performance.now() - begin) / 1000
  const { user, system } = process.cpuUsage(before)
  const { attempts } = await store.overview({ from: START, until: START + DAY_MS, now: START + 2 * DAY_MS })
  await store.close()
  return {
    work: `report into SQLite, batches of ${size}`,
    value: (user + system) / EVENTS,
    unit: 'µs CPU',
    gate: mostMicros,
    note: `${Math.round(EVENTS / seconds)}/s by the clock; ${attempts} sessions`,
    failed: attempts !== SESSIONS,
  }
}

/** A batch is of one player, and players come in turn: 260 bytes of CMCD become about as many of JSON. */
function reportOf(batch: number, at: number, size: number): PlayEvent {
  const player = batch % SESSIONS
  const sequence = Math.floor(batch / SESSIONS) * size + at
  const time = START + player * 37 + sequence * 10_000
  return {
    sessionId: `3f0c8a52-7d1e-4b6a-9a44-${String(player).padStart(12, '0')}`,
    kind: sequence === 0 ? 'state' : 'interval',
    source: 'cmcd',
    time,
    receivedAt: time + 40,
    sequence,
    path: `live/${player % PATHS}`,
    protocol: 'hls',
    address: '192.0.2.0',
    userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36',
    state: sequence === 0 ? 'starting' : sequence % 17 === 5 ? 'rebuffering' : 'playing',
    bitrate: 2000 + (sequence % 3) * 1000,
    buffer: 12_000,
    throughput: 8400,
  }
}
