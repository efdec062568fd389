/** Captures of real publishers (publishers/README.md), for tests and as seeds of fuzzing. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, 'publishers')

export interface PublisherCapture {
  readonly name: string
  /** From the first byte after the handshake. */
  readonly bytes: Uint8Array
}

export function publisherCaptures(): PublisherCapture[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith('.bin'))
    .map((file) => ({ name: file.slice(0, -'.bin'.length), bytes: new Uint8Array(readFileSync(join(FOLDER, file))) }))
}
