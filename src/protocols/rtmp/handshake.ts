/** The handshake, C0 to C2 and S0 to S2: RTMP 1.0 section 5.2, and the digest form that Flash Player 9 and later speak. */
import { createHmac, randomFillSync, timingSafeEqual } from 'node:crypto'
import { PeerError } from '../../errors.ts'
import { ByteQueue } from '../../media/bytes/byte-queue.ts'

/** The only version spoken. 6 would be the encrypted form. */
export const RTMP_VERSION = 3
/** Bytes of C1, C2, S1 and S2 each. */
export const HANDSHAKE_SIZE = 1536

const DIGEST_SIZE = 32
/** A digest lies somewhere in a block of 764 bytes: four bytes of offset, and the digest in the rest. */
const DIGEST_OFFSETS = 728
/** Where the four bytes of the offset are: in scheme 0 the digest block is first, in scheme 1 second. */
const OFFSET_POSITION = [8, 772] as const

// Both ends know these; they prove nothing but the wish to be Flash.
const SHARED_TAIL = Buffer.from('f0eec24a8068bee82e00d0d1029e7e576eec5d2d29806fab93b8e636cfeb31ae', 'hex')
const CLIENT_NAME = Buffer.from('Genuine Adobe Flash Player 001')
const SERVER_NAME = Buffer.from('Genuine Adobe Flash Media Server 001')
const CLIENT_KEY = Buffer.concat([CLIENT_NAME, SHARED_TAIL])
const SERVER_KEY = Buffer.concat([SERVER_NAME, SHARED_TAIL])
/** Shown in C1 and S1 of the digest form. */
const CLIENT_VERSION = [9, 0, 124, 2] as const
const SERVER_VERSION = [3, 5, 1, 1] as const

/** The server's half. Bytes in by `write`, bytes for the peer out by `takeOutput`; when `done`, `rest` is what follows C2. */
export class ServerHandshake {
  readonly #input = new ByteQueue()
  #output: Uint8Array | undefined
  #state: 'C0C1' | 'C2' | 'done' = 'C0C1'

  get done(): boolean {
    return this.#state === 'done'
  }

  /** Throws PeerError ERR_RTMP_VERSION at the first byte of anything that is not RTMP. */
  write(bytes: Uint8Array): void {
    this.#input.push(bytes)
    if (this.#state === 'C0C1') {
      checkVersion(this.#input.at(0))
      const c0c1 = this.#input.take(1 + HANDSHAKE_SIZE)
      if (c0c1 === undefined) return
      this.#output = answerC1(c0c1.subarray(1))
      this.#state = 'C2'
    }
    // C2 is not compared: some encoders send anything there.
    if (this.#state === 'C2' && this.#input.take(HANDSHAKE_SIZE) !== undefined) this.#state = 'done'
  }

  takeOutput(): Uint8Array | undefined {
    const output = this.#output
    this.#output = undefined
    return output
  }

  /** Bytes that came behind the handshake. */
  rest(): Uint8Array | undefined {
    return this.#input.take(this.#input.length)
  }
}

/** The client's half. The plain form unless `digest`. */
export class ClientHandshake {
  readonly #input = new ByteQueue()
  #output: Uint8Array | undefined
  readonly #digest: Uint8Array | undefined
  #done = false

  constructor(options: { readonly digest?: boolean } = {}) {
    const c0c1 = new Uint8Array(1 + HANDSHAKE_SIZE)
    c0c1[0] = RTMP_VERSION
    const c1 = c0c1.subarray(1)
    randomFillSync(c1, 8)
    if (options.digest === true) {
      c1.set(CLIENT_VERSION, 4)
      this.#digest = signFirst(c1, 0, CLIENT_NAME)
    }
    this.#output = c0c1
  }

  get done(): boolean {
    return this.#done
  }

  write(bytes: Uint8Array): void {
    this.#input.push(bytes)
    if (this.#done) return
    checkVersion(this.#input.at(0))
    const all = this.#input.take(1 + 2 * HANDSHAKE_SIZE)
    if (all === undefined) return
    const s1 = all.subarray(1, 1 + HANDSHAKE_SIZE)
    const found = this.#digest === undefined ? undefined : findDigest(s1, SERVER_NAME)
    this.#output = found === undefined ? echo(s1) : signSecond(found.digest, CLIENT_KEY)
    this.#done = true
  }

  takeOutput(): Uint8Array | undefined {
    const output = this.#output
    this.#output = undefined
    return output
  }

  rest(): Uint8Array | undefined {
    return this.#input.take(this.#input.length)
  }
}

/** S0, S1 and S2 for a C1: with digests when C1 has a valid one, in the same scheme; plain otherwise. */
function answerC1(c1: Uint8Array): Uint8Array {
  const answer = new Uint8Array(1 + 2 * HANDSHAKE_SIZE)
  answer[0] = RTMP_VERSION
  const s1 = answer.subarray(1, 1 + HANDSHAKE_SIZE)
  randomFillSync(s1, 8)
  // Version zero in C1 says that there is no digest.
  const versionless = c1[4] === 0 && c1[5] === 0 && c1[6] === 0 && c1[7] === 0
  const found = versionless ? undefined : findDigest(c1, CLIENT_NAME)
  if (found === undefined) {
    answer.set(echo(c1), 1 + HANDSHAKE_SIZE)
  } else {
    s1.set(SERVER_VERSION, 4)
    signFirst(s1, found.scheme, SERVER_NAME)
    answer.set(signSecond(found.digest, SERVER_KEY), 1 + HANDSHAKE_SIZE)
  }
  return answer
}

/** C2 or S2 of the plain form: the peer's bytes back. */
function echo(first: Uint8Array): Uint8Array {
  return first.slice()
}

/** Puts a digest into C1 or S1 and returns it. */
function signFirst(first: Uint8Array, scheme: 0 | 1, key: Uint8Array): Uint8Array {
  const at = digestPosition(first, scheme)
  const digest = digestAround(first, at, key)
  first.set(digest, at)
  return digest
}

/** C2 or S2 of the digest form: random bytes, signed with the peer's digest. */
function signSecond(peerDigest: Uint8Array, key: Uint8Array): Uint8Array {
  const second = randomFillSync(new Uint8Array(HANDSHAKE_SIZE))
  const signed = second.subarray(0, HANDSHAKE_SIZE - DIGEST_SIZE)
  const sessionKey = createHmac('sha256', key).update(peerDigest).digest()
  second.set(createHmac('sha256', sessionKey).update(signed).digest(), HANDSHAKE_SIZE - DIGEST_SIZE)
  return second
}

function findDigest(first: Uint8Array, key: Uint8Array): { scheme: 0 | 1; digest: Uint8Array } | undefined {
  for (const scheme of [0, 1] as const) {
    const at = digestPosition(first, scheme)
    const digest = first.subarray(at, at + DIGEST_SIZE)
    if (timingSafeEqual(digest, digestAround(first, at, key))) return { scheme, digest }
  }
  return undefined
}

function digestPosition(first: Uint8Array, scheme: 0 | 1): number {
  const position = OFFSET_POSITION[scheme]
  let sum = 0
  for (let i = 0; i < 4; i++) sum += first[position + i] as number
  return (sum % DIGEST_OFFSETS) + position + 4
}

/** HMAC of everything but the digest's own place. */
function digestAround(first: Uint8Array, at: number, key: Uint8Array): Uint8Array {
  return createHmac('sha256', key)
    .update(first.subarray(0, at))
    .update(first.subarray(at + DIGEST_SIZE))
    .digest()
}

function checkVersion(version: number | undefined): void {
  if (version !== undefined && version !== RTMP_VERSION) {
    throw new PeerError('ERR_RTMP_VERSION', `expected RTMP version ${RTMP_VERSION}, found first byte ${version}`)
  }
}
