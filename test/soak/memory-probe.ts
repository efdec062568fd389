/** Loaded into the server before its own code: at SIGUSR2 it collects garbage and writes what is left to the file in SOAK_PROBE_FILE. */
import { renameSync, writeFileSync } from 'node:fs'

const file = process.env['SOAK_PROBE_FILE']
let count = 0

process.on('SIGUSR2', () => {
  globalThis.gc?.()
  if (file === undefined) return
  const { rss, heapUsed, external, arrayBuffers } = process.memoryUsage()
  const handles = process.getActiveResourcesInfo()
  writeFileSync(`${file}.new`, JSON.stringify({ count: ++count, rss, heapUsed, external, arrayBuffers, handles }))
  renameSync(`${file}.new`, file)
})
