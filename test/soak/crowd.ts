/** Visitors who come and go. They run in a thread of their own: when it ends, so do the connections that `fetch` keeps for later. */
import { setTimeout as delay } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import type { RunningServer } from '../support/server.ts'
import { type Visited, visits } from './visitors.ts'

const VISITORS = 40
const ABSENT_SHARE = 0.25

interface Crowd {
  readonly server: Visited
  readonly timeMs: number
  /** Streams `s0`, `s1`, … are published. */
  readonly publishers: number
}

/** Resolves with the number of visits when the last visitor has left and closed all connections. */
export async function sendCrowd({ urls, ports }: RunningServer, timeMs: number, publishers: number): Promise<number> {
  const crowd: Crowd = { server: { urls, ports }, timeMs, publishers }
  const worker = new Worker(new URL(import.meta.url), { workerData: crowd })
  let count = 0
  worker.on('message', (total: number) => {
    count = total
    void worker.terminate()
  })
  await new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))
  return count
}

async function visitAll({ server, timeMs, publishers }: Crowd): Promise<number> {
  const over = AbortSignal.timeout(timeMs)
  const kinds = Object.values(visits)
  let count = 0
  const visitor = async (first: number) => {
    for (let turn = first; !over.aborted; turn++) {
      const visit = kinds[turn % kinds.length]
      const absent = Math.random() < ABSENT_SHARE
      const name = absent ? `absent-${random(0, 1e6)}` : `s${random(0, publishers)}`
      const leaving = AbortSignal.any([over, AbortSignal.timeout(random(100, 5000))])
      count++
      // Leaving in the middle is the point; what a server answers to it is looked at elsewhere.
      await visit?.(server, name, leaving).catch(() => undefined)
      await delay(random(0, 100), undefined, { signal: over }).catch(() => undefined)
    }
  }
  await Promise.all(Array.from({ length: VISITORS }, (_, index) => visitor(index)))
  return count
}

/** A whole number from `from` up to, but not including, `to`. */
export function random(from: number, to: number): number {
  return Math.floor(from + Math.random() * (to - from))
}

if (!isMainThread) parentPort?.postMessage(await visitAll(workerData as Crowd))
