/** Serves the files of a folder from memory through the HTTP front, and reads what players tell with their requests: what the HTTP benchmark measures. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { hotAnswer } from '../../src/net/http/hot-answer.ts'
import { openHttpFront } from '../../src/net/http/listener.ts'
import type { HotAnswer } from '../../src/net/http/routes.ts'
import { writeCmsdHop } from '../../src/playlog/cmsd/write.ts'
import { SILENT_LOGGER } from '../../src/protocols/protocol.ts'
import { AddressLimit } from '../../src/services/audience/collectors/address-limit.ts'
import { RequestQueue } from '../../src/services/audience/collectors/request-queue.ts'
import { tellRequest } from '../../src/services/audience/collectors/request-reports.ts'

const [port = '0', folder = '.'] = process.argv.slice(2)
const answers = new Map<string, HotAnswer>()
for (const name of readdirSync(folder)) {
  const headers = { 'Content-Type': 'application/octet-stream', 'Cache-Control': 'max-age=1' }
  if (/\.(ts|m3u8)$/.test(name))
    answers.set(`/${name}`, hotAnswer({ headers, body: readFileSync(path.join(folder, name)) }))
}

// Where a player's client data says something: the address of a live stream.
const playlist = answers.get('/pl.m3u8')
if (playlist !== undefined) answers.set('/live/bench/index.m3u8', playlist)

const front = await openHttpFront({
  host: '127.0.0.1',
  port: Number(port),
  log: SILENT_LOGGER,
  deliveryText: (delivery) => writeCmsdHop({ server: 'headend', ...delivery }),
})
front.routes.hot((target) => {
  const mark = target.indexOf('?')
  return answers.get(mark < 0 ? target : target.slice(0, mark))
})
// All but the spool: every record is read, and told to nobody.
const limit = new AddressLimit(() => Number.MAX_SAFE_INTEGER)
const reports = {
  append: () => Promise.resolve(),
  appendLog: () => Promise.resolve(),
  tell: () => undefined,
  name: () => undefined,
}
const queue = new RequestQueue({
  enabled: () => true,
  load: () => Promise.resolve((received) => tellRequest(received, { reports, limit, log: SILENT_LOGGER })),
  onDropped: () => undefined,
})
front.routes.observe(queue.observe)
process.on('SIGTERM', () => process.exit(0))
