/** A WMSP server on a loopback port with a clock that tests move, and a player that looks at every byte. */

import { TestClock } from '../../../../test/support/test-clock.ts'
import { UnavailableError } from '../../../errors.ts'
import type { Library } from '../../../library/library.ts'
import { MediaFiles } from '../../../library/media-files.ts'
import type { Authorize } from '../../../live/access.ts'
import { Hub } from '../../../live/hub.ts'
import { Sessions } from '../../../live/sessions.ts'
import { memorySource } from '../../../media/byte-source.ts'
import { AsfDemuxer, AsfReader } from '../../../media/containers/asf/demuxer.ts'
import type { AsfInit, AsfPacket } from '../../../media/containers/asf/model.ts'
import { testFile, type testFiles } from '../../../media/containers/asf/test-files.suite.ts'
import { openReader } from '../../../media/open-reader.ts'
import { openHttpFront } from '../../../net/http/listener.ts'
import { quietLogger, RawClient } from '../../../net/testdata/raw-client.ts'
import type { PlayLog } from '../../../playlog/play-log.ts'
import type { Playlist } from '../../protocol.ts'
import { asfUnits, NativeAsfUnits } from '../asf-units.ts'
import { type Frame, FrameReader } from '../framing.ts'
import { type Pragma, parsePragma } from '../pragma.ts'
import { asxRoutes } from './asx.ts'
import type { WmspOptions } from './call.ts'
import { createWmspServer, type WmspServer } from './server.ts'

export { TestClock }

export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export interface Setup {
  readonly port: number
  readonly hub: Hub
  readonly sessions: Sessions
  readonly server: WmspServer
  readonly clock: TestClock
  readonly log: ReturnType<typeof quietLogger>
  readonly playLogs: PlayLog[]
  close(): Promise<void>
}

export interface SetupOptions extends Partial<WmspOptions> {
  readonly files?: Readonly<Record<string, Uint8Array>>
  readonly playlists?: Readonly<Record<string, Playlist>>
  readonly authorize?: Authorize
}

export async function setup(options: SetupOptions = {}): Promise<Setup> {
  const { files = {}, playlists = {}, authorize = async () => {}, ...rest } = options
  const log = quietLogger()
  const front = await openHttpFront({ host: '127.0.0.1', port: 0, log, limits: { drainMs: 100, sweepMs: 10 } })
  const hub = new Hub({ pathSettings: () => ({ graceMs: 0, onBusy: 'refuse', windowMs: 0 }) })
  const sessions = new Sessions()
  const clock = new TestClock()
  const playLogs: PlayLog[] = []
  const library: Library = {
    async open(path) {
      const bytes = files[path]
      if (bytes === undefined) throw new UnavailableError('ERR_LIBRARY_NOT_FOUND', `${path} is not in the library`)
      return { ...memorySource(bytes), path, modified: new Date(Date.UTC(2020, 1, 1)), close: async () => {} }
    },
    list: () => Promise.resolve([]),
  }
  const context = {
    hub,
    sessions,
    authorize,
    http: front.routes,
    library,
    mediaFiles: new MediaFiles(library, openReader),
    keys: undefined,
    protection: () => undefined,
    transcoder: undefined,
    playlist: (path: string) => playlists[path],
    onPlayLog: (one: PlayLog) => void playLogs.push(one),
    reports: undefined,
    data: undefined,
    log,
    host: '127.0.0.1',
    tls: undefined,
  }
  const limits = { waitMs: 0, maxSessions: 100, fastStartMs: 5_000, maxSpeed: 5 }
  const server = createWmspServer(context, { ...limits, clock, ...rest })
  const remove = [front.routes.claim(server.claim), asxRoutes(context)]
  return {
    port: front.port,
    hub,
    sessions,
    server,
    clock,
    log,
    playLogs,
    async close() {
      for (const one of remove) one()
      hub.close()
      await Promise.all([server.close(), front.close()])
    },
  }
}

/** Header and packets of a file of testdata. */
export function nativeOf(name: (typeof testFiles)[number]): { init: AsfInit; packets: readonly AsfPacket[] } {
  const reader = new AsfReader()
  reader.write(testFile(name).bytes)
  reader.end()
  let init: AsfInit | undefined
  const packets: AsfPacket[] = []
  for (let result = reader.read(); result !== undefined; result = reader.read()) {
    if (result.type === 'init') init = result.init
    else packets.push(result.packet)
  }
  if (init === undefined) throw new Error(`no header in ${name}`)
  return { init, packets }
}

/** Publishes what a file of testdata holds as an encoder of Windows Media would. */
export function publishNative(hub: Hub, path: string, name: (typeof testFiles)[number]) {
  const publisher = hub.publish(path)
  const units = new NativeAsfUnits(publisher.provide(asfUnits))
  const { init, packets } = nativeOf(name)
  const demuxer = new AsfDemuxer()
  demuxer.write(testFile(name).bytes)
  const first = demuxer.read()
  if (first?.type === 'tracks') publisher.announce(first.tracks)
  let next = 0
  return {
    publisher,
    units,
    init,
    packets,
    /** The next packets of the file. */
    send(count: number, header = init): void {
      for (let left = count; left > 0; left--)
        units.write((packets[next++ % packets.length] as AsfPacket).bytes, header)
    },
  }
}

export interface Head {
  readonly status: number
  readonly line: string
  readonly text: string
  readonly pragma: Pragma
  header(name: string): string | undefined
}

/** A client on one connection. */
export class Player {
  readonly raw: RawClient
  readonly #frames = new FrameReader('wmsp')
  #at = 0

  constructor(raw: RawClient) {
    this.raw = raw
  }

  static async open(port: number): Promise<Player> {
    return new Player(await RawClient.open(port))
  }

  send(text: string | Uint8Array): void {
    this.raw.write(text)
  }

  async head(): Promise<Head> {
    await this.raw.until(({ received }) => received.indexOf('\r\n\r\n', this.#at) >= 0)
    const end = this.raw.received.indexOf('\r\n\r\n', this.#at) + 4
    const text = this.raw.received.toString('latin1', this.#at, end)
    this.#at = end
    const [line = '', ...lines] = text.trimEnd().split('\r\n')
    const headers = lines.map((one) => [one.slice(0, one.indexOf(':')), one.slice(one.indexOf(':') + 1).trim()])
    const all = (name: string) => headers.filter(([key]) => key?.toLowerCase() === name).map(([, value]) => value ?? '')
    const pragma = parsePragma(all('pragma'))
    return { status: Number(line.split(' ')[1]), line, text, pragma, header: (name) => all(name.toLowerCase())[0] }
  }

  async bytes(count: number): Promise<Buffer> {
    await this.raw.until(({ received }) => received.length - this.#at >= count)
    this.#at += count
    return this.raw.received.subarray(this.#at - count, this.#at)
  }

  /** The data of one chunk; empty: the last. */
  async chunk(): Promise<Buffer> {
    await this.raw.until(({ received }) => received.indexOf('\r\n', this.#at) >= 0)
    const end = this.raw.received.indexOf('\r\n', this.#at)
    const length = Number.parseInt(this.raw.received.toString('latin1', this.#at, end), 16)
    this.#at = end + 2
    const data = await this.bytes(length)
    const tail = await this.bytes(2)
    if (tail.toString('latin1') !== '\r\n') throw new Error(`a chunk ends with ${tail.toString('hex')}`)
    return data
  }

  /** The next packet of a body that is not chunked. */
  async frame(): Promise<Frame> {
    for (;;) {
      const frame = this.#frames.read()
      if (frame !== undefined) return frame
      await this.raw.until(({ received }) => received.length > this.#at)
      this.#frames.write(this.raw.received.subarray(this.#at))
      this.#at = this.raw.received.length
    }
  }

  /** The next packet of a chunked body; `undefined`: the body ends. */
  async chunkedFrame(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#frames.read()
      if (frame !== undefined) return frame
      const data = await this.chunk()
      if (data.byteLength === 0) return undefined
      this.#frames.write(data)
    }
  }

  /** Packets up to and with the first of that type. */
  async framesTo(type: Frame['type'], chunked = false): Promise<Frame[]> {
    const frames: Frame[] = []
    for (;;) {
      const frame = chunked ? await this.chunkedFrame() : await this.frame()
      if (frame === undefined) throw new Error(`the body ends after ${frames.map((one) => one.type).join('')}`)
      frames.push(frame)
      if (frame.type === type) return frames
    }
  }

  /** Bytes received and not looked at. */
  get rest(): number {
    return this.raw.received.length - this.#at
  }

  async closed(): Promise<void> {
    await this.raw.closed()
  }

  close(): void {
    this.raw.close()
  }
}

export interface RequestOptions {
  readonly method?: string
  readonly version?: '1.0' | '1.1'
  readonly agent?: string | null
  readonly pragma?: readonly string[]
  readonly headers?: readonly string[]
  readonly body?: string | Uint8Array
}

export const MODERN = 'NSPlayer/12.0.0.42'
export const OLD = 'NSPlayer/4.1.0.3856'

export function request(target: string, options: RequestOptions = {}): Buffer {
  const { method = 'GET', version = '1.1', agent = MODERN, pragma = [], headers = [], body } = options
  const bytes = typeof body === 'string' ? Buffer.from(body, 'utf8') : (body ?? new Uint8Array(0))
  const lines = [
    `${method} ${target} HTTP/${version}`,
    'Host: media.test',
    ...(agent === null ? [] : [`User-Agent: ${agent}`]),
    ...pragma.map((value) => `Pragma: ${value}`),
    ...headers,
    ...(method === 'POST' ? [`Content-Length: ${bytes.byteLength}`] : []),
  ]
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), bytes])
}

/** Tokens of a Play for all that is wanted. */
export function playTokens(select: string | undefined, ...more: readonly string[]): string[] {
  const count = select?.split(' ').length ?? 0
  return [
    'no-cache,rate=1.000,stream-time=0,stream-offset=4294967295:4294967295,packet-num=4294967295',
    'xPlayStrm=1',
    ...(select === undefined ? [] : [`stream-switch-count=${count}`, `stream-switch-entry=${select}`]),
    ...more,
  ]
}
