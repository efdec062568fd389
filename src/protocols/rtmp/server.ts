/** RTMP and RTMPS listeners: who may connect, and the clock of all connections. */
import { createServer, type Server, type Socket } from 'node:net'
import type { Server as TlsServer } from 'node:tls'
import { UnavailableError } from '../../errors.ts'
import { takeDescriptor } from '../../net/descriptors.ts'
import type { TlsMaterial } from '../../net/tls.ts'
import type { Listening, ServerContext } from '../protocol.ts'
import { Connection } from './connection.ts'
import type { RtmpOptions } from './options.ts'

const TICK_MS = 1000
const TLS_HANDSHAKE_MS = 10_000
/** Connections that the system may hold for us before we accept them. */
const BACKLOG = 511
/** Milliseconds a closing server leaves to its peers to read their last words. */
const DRAIN_MS = 3000

/** Listens on the options' ports. Rejects with the system's error when a port is taken. */
export async function serveRtmp(context: ServerContext, options: RtmpOptions): Promise<Listening<RtmpOptions>> {
  let current = options
  const connections = new Set<Connection>()
  const perAddress = new Map<string, number>()
  const sockets = new Set<Socket>()
  let drained: (() => void) | undefined

  /** Counts a raw socket, or closes it at once. */
  const admit = (socket: Socket): boolean => {
    const address = socket.remoteAddress
    if (address === undefined) {
      socket.destroy()
      return false
    }
    const count = perAddress.get(address) ?? 0
    const { maxConnections, maxConnectionsPerAddress } = current
    const full = maxConnections > 0 && sockets.size >= maxConnections
    const fullForAddress = maxConnectionsPerAddress > 0 && count >= maxConnectionsPerAddress
    if (full || fullForAddress || !takeDescriptor(socket)) {
      const limit = full
        ? `${maxConnections} connections`
        : fullForAddress
          ? `${maxConnectionsPerAddress} connections from one address`
          : 'as many connections as there are file descriptors for'
      const message = `expected at most ${limit}`
      context.log.counted('ERR_RTMP_TOO_MANY_CONNECTIONS', { protocol: 'rtmp', remoteAddress: address }, message)
      socket.destroy()
      return false
    }
    sockets.add(socket)
    perAddress.set(address, count + 1)
    socket.on('error', () => {
      // 'close' follows, which does the work.
    })
    socket.on('close', () => {
      sockets.delete(socket)
      const left = (perAddress.get(address) ?? 1) - 1
      if (left > 0) perAddress.set(address, left)
      else perAddress.delete(address)
      if (sockets.size === 0) drained?.()
    })
    return true
  }

  const accept = (socket: Socket): void => {
    const connection: Connection = new Connection({
      socket,
      context,
      options: current,
      onClose: () => connections.delete(connection),
    })
    connections.add(connection)
  }

  const plain = createServer({ noDelay: true }, (socket) => {
    if (admit(socket)) accept(socket)
  })
  const servers: [string, Server, number][] = [['rtmp', plain, options.port]]
  let secure: TlsServer | undefined
  if (context.tls !== undefined) {
    const { certificate, key } = context.tls
    // Loaded only with a certificate: the module takes longer to load than this whole folder.
    const { createServer: createTlsServer } = await import('node:tls')
    secure = createTlsServer({ cert: certificate, key, noDelay: true, handshakeTimeout: TLS_HANDSHAKE_MS }, accept)
    // Sockets count from the first packet on, not from the end of the TLS handshake.
    secure.prependListener('connection', admit)
    secure.on('tlsClientError', (_error, socket) => socket.destroy())
    servers.push(['rtmps', secure, options.tlsPort])
  }

  const ports: Record<string, number> = {}
  try {
    for (const [name, server, port] of servers) ports[name] = await listen(server, context.host, port, context)
  } catch (error) {
    for (const [, server] of servers) server.close()
    throw error
  }

  const timer = setInterval(() => {
    for (const connection of connections) connection.tick()
  }, TICK_MS)

  let closing: Promise<void> | undefined
  const close = async (): Promise<void> => {
    for (const [, server] of servers) server.close()
    const reason = new UnavailableError('ERR_HUB_CLOSED', 'the server is shutting down')
    for (const connection of connections) connection.close(reason)
    const cut = setTimeout(() => {
      for (const socket of sockets) socket.destroy()
    }, DRAIN_MS)
    if (sockets.size > 0) await new Promise<void>((resolve) => (drained = resolve))
    clearTimeout(cut)
    clearInterval(timer)
  }
  /** Connections that are open keep the options they began with. */
  const update = (next: RtmpOptions): boolean => {
    if (next.port !== current.port || next.tlsPort !== current.tlsPort) return false
    current = next
    return true
  }
  const setTls = ({ certificate, key }: TlsMaterial): void => secure?.setSecureContext({ cert: certificate, key })
  return { ports, update, setTls, close: () => (closing ??= close()) }
}

function listen(server: Server, host: string, port: number, context: ServerContext): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off('error', reject)
      // Out of descriptors: accepting goes on by itself when some are free again.
      server.on('error', (error) => context.log.counted('ERR_RTMP_ACCEPT', { error: error.message }, 'accept failed'))
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
}
