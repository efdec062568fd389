/** Serves the files of a folder from memory through the HTTP front, and nothing else: what the HTTP benchmark measures. */
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { hotAnswer } from '../../src/net/http/hot-answer.ts'
import { openHttpFront } from '../../src/net/http/listener.ts'
import type { HotAnswer } from '../../src/net/http/routes.ts'
import type { Logger } from '../../src/protocols/protocol.ts'

const [port = '0', folder = '.'] = process.argv.slice(2)
const answers = new Map<string, HotAnswer>()
for (const name of readdirSync(folder)) {
  const headers = { 'Content-Type': 'application/octet-stream', 'Cache-Control': 'max-age=1' }
  if (/\.(ts|m3u8)$/.test(name))
    answers.set(`/${name}`, hotAnswer({ headers, body: readFileSync(path.join(folder, name)) }))
}

const SILENT: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  counted: () => undefined,
  child: () => SILENT,
}
const front = await openHttpFront({ host: '127.0.0.1', port: Number(port), log: SILENT })
front.routes.hot((target) => answers.get(target))
process.on('SIGTERM', () => process.exit(0))
