/** A socket and a logger for tests that look at every byte. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Logger } from '../../protocols/protocol.ts'

export class RawClient {
  readonly socket: Socket
  received: Buffer = Buffer.alloc(0)
  ended = false
  #waiting: (() => void)[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk])
      this.#wake()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.ended = true
      this.#wake()
    })
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  get text(): string {
    return this.received.toString('latin1')
  }

  write(bytes: string | Uint8Array): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)
  }

  /** Resolves when the bytes so far satisfy `test`; rejects when the connection ends before. */
  async until(test: (client: RawClient) => boolean): Promise<void> {
    while (!test(this)) {
      if (this.ended) throw new Error(`the connection ended after ${JSON.stringify(this.text.slice(0, 300))}`)
      await this.#change()
    }
  }

  /** Resolves with everything received when the server has closed the connection. */
  async closed(): Promise<string> {
    while (!this.ended) await this.#change()
    return this.text
  }

  close(): void {
    this.socket.destroy()
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve()
  }
}

/** Everything received, request after request, with `Connection: close` on the last one. */
export async function exchange(port: number, bytes: string | Uint8Array): Promise<string> {
  const client = await RawClient.open(port)
  client.write(bytes)
  return client.closed()
}

/** Keeps the codes of counted faults and the messages of errors. */
export function quietLogger(): Logger & { readonly lines: string[] } {
  const lines: string[] = []
  const ignore = () => {}
  const logger = {
    lines,
    debug: ignore,
    info: ignore,
    warn: ignore,
    error: (_fields: unknown, message: string) => void lines.push(message),
    counted: (code: string) => void lines.push(code),
    child: () => logger,
  }
  return logger
}
