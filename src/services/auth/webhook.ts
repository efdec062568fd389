/** Asks the operator's own program who may do what: one signed POST, whose status is the answer. */
import { createHash, createHmac, randomUUID } from 'node:crypto'
import { describeError } from '../../errors.ts'
import type { AccessRequest } from '../../live/access.ts'

export interface WebhookSettings {
  readonly url?: string | undefined
  /** Signs what is asked. */
  readonly secret?: string | undefined
  /** What holds for players when there is no answer. Publishers are refused then. */
  readonly playWithoutAnswer: boolean
  /** An answer is good for so long. */
  readonly cacheSeconds: number
}

const ANSWER_MS = 3_000
const MAX_ANSWER_BYTES = 16 * 1024
/** Answers remembered and questions in work. */
const MAX_REMEMBERED = 10_000
const MAX_ASKING = 200

/** `none`: nobody answered, or not in a way that could be understood. */
export type WebhookAnswer = 'yes' | 'no' | 'none'

interface Remembered {
  readonly answer: Promise<WebhookAnswer>
  until: number
}

export class Webhook {
  readonly #remembered = new Map<string, Remembered>()
  readonly #onFailure: (error: string) => void
  #asking = 0

  /** `onFailure`: called when nobody answered. */
  constructor(onFailure: (error: string) => void = () => undefined) {
    this.#onFailure = onFailure
  }

  /** Never rejects. Equal questions at the same time are asked once. */
  ask(settings: WebhookSettings, request: AccessRequest): Promise<WebhookAnswer> {
    const question = questionOf(request)
    const digest = createHash('sha256')
      .update(JSON.stringify([settings.url, question]))
      .digest('base64')
    const now = performance.now()
    const known = this.#remembered.get(digest)
    if (known !== undefined && known.until > now) return known.answer
    if (this.#remembered.size >= MAX_REMEMBERED) this.#forget(now)
    if (this.#asking >= MAX_ASKING || this.#remembered.size >= MAX_REMEMBERED) return Promise.resolve('none')
    this.#asking++
    const entry: Remembered = { answer: this.#post(settings, question), until: Number.POSITIVE_INFINITY }
    this.#remembered.set(digest, entry)
    void entry.answer.then((answer) => {
      this.#asking--
      // Without an answer the next one asks again.
      entry.until = answer === 'none' ? 0 : performance.now() + settings.cacheSeconds * 1000
    })
    return entry.answer
  }

  #forget(now: number): void {
    for (const [digest, { until }] of this.#remembered) if (until <= now) this.#remembered.delete(digest)
  }

  async #post({ url = '', secret = '' }: WebhookSettings, question: Question): Promise<WebhookAnswer> {
    const timestamp = String(Math.floor(Date.now() / 1000))
    const body = JSON.stringify({ ...question, id: randomUUID() })
    try {
      const response = await fetch(url, {
        method: 'POST',
        redirect: 'manual',
        headers: {
          'content-type': 'application/json',
          'headend-timestamp': timestamp,
          'headend-signature': `v1=${signWebhook(secret, timestamp, body)}`,
        },
        body,
        signal: AbortSignal.timeout(ANSWER_MS),
      })
      await readAll(response)
      if (response.ok) return 'yes'
      if (response.status >= 400 && response.status < 500) return 'no'
      this.#onFailure(`expected status 2xx or 4xx, found ${response.status}`)
    } catch (error) {
      this.#onFailure(describeError(error))
    }
    return 'none'
  }
}

/** HMAC-SHA256 in hexadecimal over the timestamp, a full stop and the body. */
export function signWebhook(secret: string, timestamp: string, body: string): string {
  return createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')
}

interface Question {
  readonly action: string
  readonly path: string
  readonly protocol: string
  readonly address: string
  readonly key?: string
  readonly bearer?: string
  readonly user?: string
  readonly password?: string
}

function questionOf({ action, path, protocol, remoteAddress, credentials }: AccessRequest): Question {
  const { key, bearer, basic } = credentials
  return {
    action,
    path,
    protocol,
    address: remoteAddress,
    ...(key === undefined ? {} : { key }),
    ...(bearer === undefined ? {} : { bearer }),
    ...(basic === undefined ? {} : basic),
  }
}

/** The body says nothing, but a connection is only used again when it was read. */
async function readAll(response: Response): Promise<void> {
  let size = 0
  for await (const piece of response.body ?? []) {
    size += piece.byteLength
    if (size > MAX_ANSWER_BYTES) throw new Error(`expected an answer of at most ${MAX_ANSWER_BYTES} bytes`)
  }
}
