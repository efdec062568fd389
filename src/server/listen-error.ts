/** What the system says when a port cannot be opened, in words an operator can act on. */
import { ConfigError } from '../errors.ts'

/** A ConfigError ERR_CONFIG_PORT or ERR_CONFIG_HOST; other errors as they are. */
export function listenError(error: unknown, name: string, port: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') {
    const message = `${name}: expected port ${String(port)} to be free; another program listens there`
    return new ConfigError('ERR_CONFIG_PORT', message, { cause: error })
  }
  if (code === 'EACCES') {
    const message = `${name}: expected the right to listen on port ${String(port)}; ports below 1024 need a privilege`
    return new ConfigError('ERR_CONFIG_PORT', message, { cause: error })
  }
  if (code === 'EADDRNOTAVAIL') {
    return new ConfigError('ERR_CONFIG_HOST', 'host: expected an address of this machine', { cause: error })
  }
  return error
}
