/** Players that report to a log server: each connection posts one report after the other, for players that take turns. Prints one line of JSON. */
import { connect, type Socket } from 'node:net'
import { setPriority } from 'node:os'

const [port = '0', size = '1', total = '0', players = '1', first = '0', rate = '0'] = process.argv.slice(2)
const SIZE = Number(size)
const REQUESTS = Number(total) / SIZE
const PLAYERS = Number(players)
/** Requests a second, spread evenly; 0: as fast as answers come. */
const RATE = Number(rate)
const CONNECTIONS = 64
const HEAD_END = '\r\n\r\n'
const HEAD = `POST /logs/cmcd HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36\r\nAccept: */*\r\nContent-Type: application/cmcd\r\nContent-Length: `
const START = Date.now() - 600_000

// Beside another load generator on the same core, which measures how long its answers take, it gives way.
if (RATE > 0) setPriority(19)

let [next, answered, refused] = [0, 0, 0]
const begin = performance.now()

function send(socket: Socket): void {
  if (next >= REQUESTS) {
    socket.end()
    return
  }
  const request = next++
  if (RATE === 0) socket.write(reportOf(request))
  else
    setTimeout(() => socket.write(reportOf(request)), Math.max(begin + (request / RATE) * 1000 - performance.now(), 0))
}

/** What hls.js and others send each few seconds, about 260 bytes a record. */
function reportOf(request: number): string {
  const player = Number(first) + (request % PLAYERS)
  const turn = Math.floor(request / PLAYERS)
  let body = ''
  for (let at = 0; at < SIZE; at++) {
    const sequence = turn * SIZE + at
    const time = START + player * 37 + sequence * 1000
    const [event, state] = sequence === 0 ? ['ps', 's'] : ['t', sequence % 17 === 5 ? 'r' : 'p']
    body += `bl=(12000),br=(${2000 + (sequence % 3) * 1000};v),cid="channel ${player % 20}",e=${event},ltc=2100,msd=900,mtp=(8400),pb=(3000;v),pt=${sequence * 1000},sf=h,sid="3f0c8a52-7d1e-4b6a-9a44-${String(player).padStart(12, '0')}",sn=${sequence},st=l,sta=${state},tb=(6000),ts=${time},v=2\n`
  }
  return HEAD + String(body.length) + HEAD_END + body
}

await Promise.all(
  Array.from({ length: CONNECTIONS }, () => {
    const socket = connect(Number(port), '127.0.0.1')
    let text = ''
    socket.on('connect', () => send(socket))
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1')
      const end = text.indexOf(HEAD_END)
      if (end < 0) return
      answered++
      if (!text.startsWith('HTTP/1.1 204')) refused++
      text = text.slice(end + HEAD_END.length)
      send(socket)
    })
    return new Promise((resolve, reject) => {
      socket.on('close', resolve)
      socket.on('error', reject)
    })
  }),
)
const seconds = (performance.now() - begin) / 1000
console.log(JSON.stringify({ answered, refused, seconds, length: reportOf(PLAYERS).length }))
