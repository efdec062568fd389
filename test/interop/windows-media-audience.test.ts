/** What the log server knows of those who play Windows Media: from the log that a player sends, and where it sends none from the server alone. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs'
import { type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import { EXAMPLE_CONNECT_XML } from '../../src/playlog/specification-vectors.ts'
import { LINE_47 } from '../../src/playlog/vectors.ts'
import { parseWmlogLine } from '../../src/playlog/wmlog-line.ts'
import { formatWmlogXml } from '../../src/playlog/wmlog-xml.ts'
import { makeMedia } from '../support/media.ts'
import { type RunningServer, startServer } from '../support/server.ts'
import { requireTool } from '../support/tools.ts'
import { callApi, publishFile, publishUrl, runHeadend, waitOnAir, waitUntil } from './peers.ts'
import { ffmpegCopy, libmms, mplayer, openFolder, type Recorder, vlc } from './windows-media-peers.ts'

const SECONDS = 6
const HEAD_END = '\r\n\r\n'

/** Our own player is the only one of them that sends logs. */
const ours: Recorder = {
  name: 'headend play',
  ready: () => true,
  record: (url, file) => runHeadend(['play', url, '--output', file]),
}
const PLAYERS = [ffmpegCopy, mplayer, libmms, vlc, ours]
/** What they call themselves, each a Windows Media Player. */
const USER_AGENTS: Readonly<Record<string, string>> = {
  ffmpeg: 'NSPlayer/4.1.0.3856',
  MPlayer: 'NSPlayer/4.1.0.3856',
  libmms: 'NSPlayer/4.1.0.3856',
  VLC: 'NSPlayer/7.10.0.3059',
  'headend play': 'NSPlayer/12.0.0.1',
}

interface Session {
  readonly id: string
  readonly path: string
  readonly protocol: string
  readonly family: string
  readonly userAgent?: string
  readonly start: string
  readonly end: string
  readonly outcome: string
  readonly playedMs: number
  readonly bytes?: number
  readonly lostPackets?: number
  readonly errors: number
  readonly events: readonly {
    readonly source: string
    readonly kind: string
    readonly bytes?: number
    readonly played?: number
    readonly original?: string
  }[]
}

/** A way to the server that sees what goes over it. */
interface Wire {
  readonly port: number
  /** Bytes of the answer that brought the media, without its head; `undefined`: it shares a connection with other answers. */
  mediaBytes(): number | undefined
  /** Bytes that the server sent on all connections. */
  bytes(): number
  openedAt(): number
}

async function openWire(t: TestContext, server: RunningServer): Promise<Wire> {
  const { port: upstream } = new URL(server.urls['http'] ?? '')
  const connections: { readonly at: number; bytes: number; answers: number; head: Buffer }[] = []
  const listener = createServer((client) => {
    const connection = { at: Date.now(), bytes: 0, answers: 0, head: Buffer.alloc(0) }
    connections.push(connection)
    const other = connect(Number(upstream), '127.0.0.1')
    client.on('data', () => connection.answers++)
    other.on('data', (bytes: Buffer) => {
      if (!connection.head.includes(HEAD_END)) connection.head = Buffer.concat([connection.head, bytes])
      connection.bytes += bytes.byteLength
    })
    other.pipe(client).pipe(other)
    other.on('error', () => client.destroy())
    client.on('error', () => other.destroy())
    client.on('close', () => other.destroy())
  })
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')
  t.after(() => listener.close())
  return {
    port: (listener.address() as AddressInfo).port,
    mediaBytes() {
      const [most] = connections.toSorted((left, right) => right.bytes - left.bytes)
      if (most === undefined || most.answers > 1) return undefined
      return most.bytes - most.head.indexOf(HEAD_END) - HEAD_END.length
    },
    bytes: () => connections.reduce((sum, { bytes }) => sum + bytes, 0),
    openedAt: () => Math.min(...connections.map(({ at }) => at)),
  }
}

/** Of the session of each path, all that is known. */
async function toldSessions(server: RunningServer): Promise<Map<string, Session>> {
  const { items } = await callApi<{ items: readonly Session[] }>(server, 'audience/sessions')
  const all = items.map(({ id }) => callApi<Session>(server, `audience/session?id=${encodeURIComponent(id)}`))
  const sessions = new Map((await Promise.all(all)).map((session) => [session.path, session]))
  assert.equal(sessions.size, items.length, `one session of each path: ${items.map(({ path }) => path).join(' ')}`)
  return sessions
}

/** Rows of the W3C export by the value of one column, with their values by column. */
async function exported(server: RunningServer, what: 'sessions' | 'events', key: string) {
  const response = await fetch(`${server.urls['api']}/audience/export?what=${what}&format=w3c`, {
    headers: { authorization: `Bearer ${server.secrets.adminToken}` },
  })
  assert.equal(response.status, 200)
  const lines = (await response.text()).split('\n')
  const fields =
    lines
      .find((line) => line.startsWith('#Fields: '))
      ?.split(' ')
      .slice(1) ?? []
  const rows = lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => new Map(line.split(' ').map((value, at) => [fields[at] ?? '', value])))
  return Map.groupBy(rows, (row) => row.get(key) ?? '')
}

it('who plays Windows Media is one session, with the right numbers, whether its player sends logs or not', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const media = mkdtempSync(join(tmpdir(), 'headend-library-'))
  const folder = openFolder()
  const source = { seconds: SECONDS, rate: 25, gop: 25 }
  const live = await makeMedia(ffmpeg, { ...source, container: 'flv' })
  const film = await makeMedia(ffmpeg, {
    ...source,
    container: 'wmv',
    video: 'wmv2',
    audio: 'wmav2',
    extra: ['-b:v', '600k'],
  })
  const players = PLAYERS.filter((player) => player.ready(t))
  // A path for each player, so that sessions are told apart.
  const nameOf = (player: Recorder) => player.name.replaceAll(' ', '-')
  for (const player of players) copyFileSync(film, join(media, `${nameOf(player)}.wmv`))
  const server = await startServer({ args: ['--media', media] })
  t.after(async () => {
    await server.stop()
    rmSync(media, { recursive: true, force: true })
    rmSync(folder, { recursive: true, force: true })
  })
  const runs = await Promise.all(
    players.flatMap((player) =>
      [`live/${nameOf(player)}`, `vod/${nameOf(player)}.wmv`].map(async (path) => ({
        player,
        path,
        wire: await openWire(t, server),
      })),
    ),
  )
  const publishing = players.map((player) => publishFile(ffmpeg, live, publishUrl(server, nameOf(player))))
  await Promise.all(players.map((player) => waitOnAir(server, nameOf(player))))

  await Promise.all(
    runs.map(async ({ player, path, wire }) => {
      const file = join(folder, `${path.replaceAll('/', '-')}.asf`)
      const { timedOut, stderr } = await player.record(`mms://127.0.0.1:${wire.port}/${path}`, file)
      assert.equal(timedOut, false, `${player.name} did not end: ${stderr.slice(-500)}`)
    }),
  )

  await Promise.all(publishing)
  const isWhole = ({ path, events }: Session) =>
    events.some(({ kind }) => kind === 'close') && (!path.includes('headend-play') || events.length >= 4)
  await waitUntil('all is told', async () => {
    const sessions = [...(await toldSessions(server)).values()]
    return sessions.length === runs.length && sessions.every(isWhole)
  })
  const sessions = await toldSessions(server)
  const rows = await exported(server, 'sessions', 'cs-uri-stem')
  const eventRows = await exported(server, 'events', 'x-session')
  for (const { player, path, wire } of runs) {
    const session = sessions.get(path) ?? assert.fail(path)
    const { events, bytes = 0, start, end } = session
    const facts = `${path}: ${JSON.stringify(session)}`
    const told = events.map(({ source, kind }) => `${source} ${kind}`)
    assert.deepEqual([session.protocol, session.family], ['wmsp', 'Windows Media Player'], facts)
    assert.equal(session.userAgent, USER_AGENTS[player.name], facts)
    assert.deepEqual([session.errors, session.lostPackets ?? 0, session.outcome], [0, 0, 'left'], facts)
    assert.ok(wire.openedAt() <= Date.parse(start) && Date.parse(start) < Date.parse(end), facts)
    const [row] = rows.get(path) ?? assert.fail(path)
    assert.deepEqual(
      [row?.get('x-session'), row?.get('sc-bytes'), row?.get('x-end')],
      [session.id, String(bytes), end],
      facts,
    )
    assert.equal(eventRows.get(session.id)?.length, events.length, facts)

    if (player !== ours) {
      assert.deepEqual(told, ['server open', 'server close'], facts)
      // To the byte: the media, and the packets that frame it.
      assert.equal(bytes, wire.mediaBytes(), facts)
      assert.equal(session.playedMs, 0, 'nobody has told what was shown')
      continue
    }
    assert.deepEqual(told.toSorted(), ['server close', 'server open', 'wmlog log', 'wmlog log'], facts)
    assert.ok(bytes > 0 && bytes < wire.bytes(), `${wire.bytes()} bytes were sent; ${facts}`)
    const received = events.find((event) => event.source === 'wmlog' && (event.bytes ?? 0) > 0)
    const shown = events.find((event) => event.played !== undefined)
    assert.ok(received !== undefined && shown !== undefined && received !== shown, facts)
    // What came is what was sent but the framing of packets, some 2 %.
    assert.ok((received.bytes ?? 0) < bytes && (received.bytes ?? 0) > bytes * 0.95, facts)
    assert.equal(session.playedMs, shown.played, facts)
    assert.ok(session.playedMs >= (SECONDS - 2) * 1000 && session.playedMs <= (SECONDS + 1) * 1000, facts)
  }
})

it('every form of log that the protocol carries is of the session of its player, and comes out as it came', async (t) => {
  const server = await startServer({ testChannel: true })
  t.after(() => server.stop())
  const guid = '{3300AD50-2C39-46C0-AE0A-0123456789AB}'
  const agent = { 'User-Agent': 'NSPlayer/9.0.0.2980' }
  const url = `${server.urls['http']}/live/test`
  const line = LINE_47.replace(/\{[^}]*\}/, guid).replaceAll('http://media.test/harbour.wmv', url)
  const ask = async (pragmas: readonly string[], method = 'GET', more: OutgoingHttpHeaders = {}, body = '') => {
    const headers = { ...agent, ...more, Pragma: [`xClientGUID=${guid}`, ...pragmas] }
    const sent = request(url, { method, headers })
    sent.end(body)
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    return answer
  }
  const post = async (id: string, pragmas: readonly string[], type?: string, body = '') => {
    const headers = { 'Content-Length': Buffer.byteLength(body), ...(type !== undefined && { 'Content-Type': type }) }
    const answer = await ask([id, ...pragmas], 'POST', headers, body)
    answer.resume()
    return answer.statusCode
  }

  const described = await ask(['no-cache'])
  const id = /client-id=\d+/.exec(String(described.headers['pragma']))?.[0] ?? assert.fail()
  described.destroy()
  const playing = await ask([id, 'xPlayStrm=1', 'stream-switch-count=2', 'stream-switch-entry=ffff:1:0 ffff:2:0'])
  await once(playing, 'data')
  const xml = 'application/x-wms-LogStats;charset=UTF-8'
  const statuses = [
    await post(id, [], xml, EXAMPLE_CONNECT_XML),
    await post(id, [`log-line=${line}`]),
    await post(id, [], xml, formatWmlogXml(parseWmlogLine(line.replace('07:08:09', '07:08:10')))),
    // Nobody has answered in time: it comes again.
    await post(id, [`log-line=${line}`]),
    // One that cannot be read ends nothing.
    await post(id, [`log-line=${line} more`]),
  ]
  playing.destroy()

  assert.deepEqual(statuses, [204, 204, 204, 204, 400])
  await waitUntil('all is told', async () =>
    [...(await toldSessions(server)).values()].some(({ events }) => events.some(({ kind }) => kind === 'close')),
  )
  const session = (await toldSessions(server)).get('live/test') ?? assert.fail()
  const facts = JSON.stringify(session)
  assert.deepEqual(
    session.events.map(({ source, kind }) => `${source} ${kind}`).sort(),
    ['server close', 'server open', 'wmlog log', 'wmlog log', 'wmlog open'],
    facts,
  )
  // 48 s each, told twice: an entry after the other.
  assert.equal(session.playedMs, 96_000, facts)
  const response = await fetch(`${server.urls['api']}/audience/export?what=events&format=wms`, {
    headers: { authorization: `Bearer ${server.secrets.adminToken}` },
  })
  const lines = (await response.text()).split('\n').filter((text) => text !== '' && !text.startsWith('#'))
  // The address is cut to its network by default, which the line has no place for.
  const kept = line.replace(/^0\.0\.0\.0 /, '- ')
  assert.deepEqual(lines.sort(), [kept, kept.replace('07:08:09', '07:08:10')])
})
