/** Clear Key licences over HTTP, each for a token whose signature, revocation and path are checked, with its line in the audit log. */
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import path from 'node:path'
import { issueToken, ownTokenKey } from '../src/services/auth/tokens/own-tokens.ts'
import { KeyStore } from '../src/services/keys/key-store.ts'
import { KeyWrapping } from '../src/services/keys/key-wrapping.ts'
import { cpuSeconds, startHeadend } from './support/processes.ts'
import type { Row } from './support/report.ts'

/** Few are verified once and remembered; of many each is forgotten before it comes again (`MAX_KNOWN` of the verifier). */
const AUDIENCES = [
  { work: 'Clear Key licence, token known', tokens: 1_000 },
  { work: 'Clear Key licence, token new', tokens: 15_000 },
] as const
const CONNECTIONS = 32
const WARM_UP_MS = 2_000
const MEASURED_MS = 5_000
/** 2,000 a second on one core. */
const MOST_MICROS = 500

export async function* licenses(): AsyncGenerator<Row> {
  const server = await startHeadend({
    paths: { 'live/*': { play: 'token' } },
    license: { perAddress: 1_000_000, perToken: 10_000_000 },
  })
  try {
    const { masterKey } = JSON.parse(readFileSync(path.join(server.data, 'secrets.json'), 'utf8')) as {
      masterKey: string
    }
    const store = new KeyStore(path.join(server.data, 'keys.sqlite'), new KeyWrapping(masterKey))
    const { id } = store.keyFor({ path: 'live/a', content: 'run', period: 0 })
    store.close()
    const body = JSON.stringify({ kids: [Buffer.from(id).toString('base64url')], type: 'temporary' })
    const ownKey = ownTokenKey(masterKey)
    for (const { work, tokens } of AUDIENCES) {
      const requests: Buffer[] = []
      while (requests.length < tokens) {
        const { token } = await issueToken(ownKey, { path: 'live/a', expiresSeconds: 3600 })
        const head = `Host: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\nContent-Length: ${body.length}`
        requests.push(Buffer.from(`POST /license/clearkey HTTP/1.1\r\n${head}\r\n\r\n${body}`))
      }
      await ask(server.ports['http'] ?? 0, requests, WARM_UP_MS)
      const before = cpuSeconds(server.pid)
      const { given, wrong } = await ask(server.ports['http'] ?? 0, requests, MEASURED_MS)
      const micros = ((cpuSeconds(server.pid) - before) * 1e6) / given
      const rate = Math.round((given * 1000) / MEASURED_MS)
      const note = `${rate}/s with the client beside it, ${Math.round(1e6 / micros)}/s of one core`
      yield { work, value: micros, unit: 'µs CPU', gate: MOST_MICROS, note, failed: wrong > 0 }
    }
  } finally {
    await server.stop()
  }
}

/** Each connection asks again when it has its answer. */
async function ask(port: number, requests: readonly Buffer[], ms: number): Promise<{ given: number; wrong: number }> {
  const end = performance.now() + ms
  const counts = { given: 0, wrong: 0 }
  let next = 0
  const one = (socket: Socket): Promise<void> =>
    new Promise((resolve, reject) => {
      let answer = ''
      const send = () => socket.write(requests[next++ % requests.length] ?? '')
      socket.on('error', reject)
      socket.on('data', (piece: Buffer) => {
        answer += piece.toString('latin1')
        const head = answer.indexOf('\r\n\r\n')
        const length = Number(/content-length: (\d+)/i.exec(answer)?.[1] ?? Number.NaN)
        if (head < 0 || answer.length < head + 4 + length) return
        if (answer.startsWith('HTTP/1.1 200 ') && answer.includes('"kty":"oct"')) counts.given++
        else counts.wrong++
        answer = ''
        if (performance.now() < end) send()
        else socket.end(resolve)
      })
      send()
    })
  const sockets = Array.from({ length: CONNECTIONS }, () => connect(port, '127.0.0.1').setNoDelay(true))
  await Promise.all(sockets.map(one))
  return counts
}
