/** Where a command does its work: in the data folder of a server, whether it runs or not, or over the API of one that runs. */
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from '../errors.ts'

/** Address of the server, and the token of its API. */
export interface RemoteServer {
  readonly server: string
  readonly token: string
}

/** A data folder, or a server that runs. */
export type ServerPlace = { readonly data: string } | RemoteServer

const ANSWER_MS = 10_000
/** Of a refusal. */
const MAX_PROBLEM = 64 * 1024

/** A folder that is no server's would get secrets of its own, which open nothing anywhere. Throws ConfigError ERR_USAGE. */
export async function expectServerFolder(data: string): Promise<void> {
  try {
    await access(join(data, 'secrets.json'))
  } catch (cause) {
    const message = `expected the data folder of a server, with secrets.json, found none in ${data}; name it with --data`
    throw new ConfigError('ERR_USAGE', message, { cause })
  }
}

export interface ServerCall {
  readonly method: string
  readonly path: string
  /** Sent as JSON. */
  readonly body?: unknown
  /** What is thrown when there is no answer, or a refusal. */
  readonly failure: (message: string, options?: ErrorOptions) => Error
  /** A longer answer is an error. */
  readonly maxBytes: number
}

/** The text of the answer. Throws `failure` with what the server says. */
export async function callServer({ server, token }: RemoteServer, call: ServerCall): Promise<string> {
  const { method, path, body, failure, maxBytes } = call
  let response: Response
  let text: string
  try {
    response = await fetch(new URL(path, server), {
      method,
      redirect: 'error',
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(ANSWER_MS),
    })
    text = await textWithin(response, response.ok ? maxBytes : MAX_PROBLEM)
  } catch (cause) {
    throw failure(`expected an answer of ${new URL(server).host}, found none`, { cause })
  }
  if (response.ok) return text
  const said = detailOf(text)
  throw failure(`the server answered ${response.status}${said === undefined ? '' : `: ${said}`}`)
}

async function textWithin(response: Response, limit: number): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of response.body ?? []) {
    size += piece.byteLength
    if (size > limit) throw new Error(`expected an answer of at most ${limit} bytes`)
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString('utf8')
}

function detailOf(text: string): string | undefined {
  try {
    const { detail } = JSON.parse(text) as { detail?: unknown }
    return typeof detail === 'string' ? detail : undefined
  } catch {
    return undefined
  }
}
