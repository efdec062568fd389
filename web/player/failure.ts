/** Why something cannot be played, in words for people: what the server says (problem details, RFC 9457), else what the player said. */
import { isOnDemand } from './playback.ts'
import { askProtection } from './protection.ts'

export interface Failure {
  readonly text: string
  /** Trying again by itself makes no sense. */
  readonly final: boolean
  /** The server refused: other ways of playing the same fare no better, except those that ask for something else. */
  readonly refused: boolean
}

interface Problem {
  readonly code?: string
  readonly detail?: string
}

const ASK_MS = 8_000

/** Asks the server about the address that failed. `said` is what the player said. */
export async function explainFailure(path: string, url: string, said: string): Promise<Failure> {
  // A token may have ended while something played.
  const { refusal } = (await askProtection(path)) ?? {}
  if (refusal !== undefined) return { text: refusal, final: true, refused: true }
  let response: Response
  try {
    response = await fetch(url, { cache: 'no-store', signal: AbortSignal.timeout(ASK_MS) })
  } catch (error) {
    const late = error instanceof DOMException && error.name === 'TimeoutError'
    return { text: late ? said : 'The server does not answer.', final: false, refused: false }
  }
  if (response.ok) {
    void response.body?.cancel()
    return { text: said, final: false, refused: false }
  }
  const problem = (await response.json().catch(() => ({}))) as Problem
  return {
    text: describe(path, response.status, problem),
    final: isFinal(path, response.status, problem),
    refused: true,
  }
}

function describe(path: string, status: number, { detail }: Problem): string {
  if (status === 401) return 'This needs a key. Open the address that you were given, with its key at the end.'
  if (status === 404) return isOnDemand(path) ? 'This film is not in the library.' : 'This stream is not on air.'
  if (status === 406 && !isOnDemand(path)) {
    return `Browsers do not know the codecs of this stream. Windows Media players and VLC do.${sentence(detail)}`
  }
  if (detail !== undefined && detail !== '') return capital(detail)
  return `The server cannot play this (${status}).`
}

/** Films do not change by waiting, but for a server that is busy. A live stream may come any moment. */
function isFinal(path: string, status: number, { code }: Problem): boolean {
  if (status === 401) return true
  if (!isOnDemand(path)) return false
  return status !== 503 || code === 'ERR_TRANSCODE_NO_FFMPEG'
}

function sentence(detail: string | undefined): string {
  return detail === undefined || detail === '' ? '' : ` ${capital(detail)}`
}

function capital(text: string): string {
  const first = `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`
  return /[.!?]$/.test(first) ? first : `${first}.`
}
