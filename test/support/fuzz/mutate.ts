/** Changes an input the way damaged and hostile peers do: flipped bits, lying lengths, missing and repeated parts. */
import type { Random } from './random.ts'

/** Mutants are not longer than this, bytes. */
export const MAX_INPUT_LENGTH = 16_384

const INTERESTING = [
  0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 63, 64, 127, 128, 129, 188, 254, 255, 256, 511, 512, 1023, 1024, 4096, 0x7fff,
  0x8000, 0xfffe, 0xffff, 0x10000, 0xffffff, 0x1000000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff,
]

type Mutation = (bytes: Uint8Array, random: Random, pool: MutationPool) => Uint8Array

export interface MutationPool {
  /** Other inputs to splice with. */
  readonly corpus: readonly Uint8Array[]
  /** Short byte strings that occur in seeds. */
  readonly dictionary: readonly Uint8Array[]
}

/** A changed copy of `input`, after one to six mutations. */
export function mutate(input: Uint8Array, random: Random, pool: MutationPool): Uint8Array {
  let bytes: Uint8Array = input.slice()
  const rounds = random.pick([1, 1, 1, 2, 3, 6])
  for (let round = 0; round < rounds; round++) bytes = random.pick(MUTATIONS)(bytes, random, pool)
  return bytes.byteLength > MAX_INPUT_LENGTH ? bytes.slice(0, MAX_INPUT_LENGTH) : bytes
}

/** Byte strings worth inserting elsewhere: runs of four at every place of the seeds, and their readable words. */
export function makeDictionary(seeds: readonly Uint8Array[]): Uint8Array[] {
  const words = new Map<string, Uint8Array>()
  for (const seed of seeds) {
    const text = Buffer.from(seed.buffer, seed.byteOffset, seed.byteLength).toString('latin1')
    for (const match of text.matchAll(/[\x20-\x7e]{3,32}/g)) words.set(match[0], Buffer.from(match[0], 'latin1'))
    for (let at = 0; at + 4 <= Math.min(seed.byteLength, 512); at += 4)
      words.set(text.slice(at, at + 4), seed.slice(at, at + 4))
  }
  return [...words.values()].slice(0, 512)
}

const MUTATIONS: readonly Mutation[] = [
  function flipBit(bytes, random) {
    const at = random.below(bytes.byteLength)
    if (bytes.byteLength > 0) bytes[at] = (bytes[at] as number) ^ (1 << random.below(8))
    return bytes
  },
  function setByte(bytes, random) {
    if (bytes.byteLength > 0) bytes[random.below(bytes.byteLength)] = random.below(256)
    return bytes
  },
  function addSmall(bytes, random) {
    const at = random.below(bytes.byteLength)
    if (bytes.byteLength > 0) bytes[at] = (bytes[at] as number) + random.below(35) - 17
    return bytes
  },
  function interestingInteger(bytes, random) {
    return writeInteger(
      bytes,
      random.below(bytes.byteLength),
      random.pick([1, 2, 3, 4]),
      random.pick(INTERESTING),
      random.below(2) === 0,
    )
  },
  function lyingLength(bytes, random) {
    // A number that could be the length of what follows becomes a little or much too large.
    const width = random.pick([1, 2, 3, 4])
    const at = random.below(bytes.byteLength)
    const rest = bytes.byteLength - at - width
    return writeInteger(
      bytes,
      at,
      width,
      Math.max(0, rest + random.pick([-1, 0, 1, 2, 255, 65_536, 2 ** 31])),
      random.below(2) === 0,
    )
  },
  function truncate(bytes, random) {
    return bytes.slice(0, random.below(bytes.byteLength + 1))
  },
  function remove(bytes, random) {
    const from = random.below(bytes.byteLength)
    return join(bytes.subarray(0, from), bytes.subarray(from + 1 + random.below(16)))
  },
  function duplicate(bytes, random) {
    const from = random.below(bytes.byteLength)
    const part = bytes.subarray(from, from + 1 + random.below(64))
    const times = random.pick([1, 1, 2, 20])
    return join(bytes.subarray(0, from), ...Array.from({ length: times }, () => part), bytes.subarray(from))
  },
  function insertRandom(bytes, random) {
    const at = random.below(bytes.byteLength + 1)
    const part = Uint8Array.from({ length: 1 + random.below(8) }, () => random.below(256))
    return join(bytes.subarray(0, at), part, bytes.subarray(at))
  },
  function insertWord(bytes, random, { dictionary }) {
    if (dictionary.length === 0) return bytes
    const at = random.below(bytes.byteLength + 1)
    return join(bytes.subarray(0, at), random.pick(dictionary), bytes.subarray(at))
  },
  function overwriteWord(bytes, random, { dictionary }) {
    if (dictionary.length === 0) return bytes
    const word = random.pick(dictionary)
    const at = random.below(bytes.byteLength)
    bytes.set(word.subarray(0, bytes.byteLength - at), at)
    return bytes
  },
  function splice(bytes, random, { corpus }) {
    const other = random.pick(corpus)
    return join(
      bytes.subarray(0, random.below(bytes.byteLength + 1)),
      other.subarray(random.below(other.byteLength + 1)),
    )
  },
  function append(bytes, random, { corpus }) {
    return join(bytes, random.pick(corpus))
  },
]

function writeInteger(bytes: Uint8Array, at: number, width: number, value: number, littleEndian: boolean): Uint8Array {
  for (let i = 0; i < width && at + i < bytes.byteLength; i++) {
    const shift = littleEndian ? i : width - 1 - i
    bytes[at + i] = Math.floor(value / 256 ** shift) & 0xff
  }
  return bytes
}

function join(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.byteLength
  const whole = new Uint8Array(Math.min(length, MAX_INPUT_LENGTH))
  let at = 0
  for (const part of parts) {
    const fitting = part.subarray(0, whole.byteLength - at)
    whole.set(fitting, at)
    at += fitting.byteLength
  }
  return whole
}
