/** What the fuzzing harness runs of this folder. */
import type { FuzzTarget } from '../../fuzz-target.ts'
import { formatIndexEntry, readIndex } from './recording-index.ts'
import { INDEX_ENTRIES } from './vectors.ts'

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'recorder/index',
    seeds: () => [
      Buffer.from(INDEX_ENTRIES.map(formatIndexEntry).join('')),
      ...INDEX_ENTRIES.map((entry) => Buffer.from(formatIndexEntry(entry))),
    ],
    run: (input) => {
      const { entries } = readIndex(input)
      // What was read is written as it was, so nothing is believed that a writer could not have written.
      for (const entry of entries)
        if (readIndex(Buffer.from(formatIndexEntry(entry))).entries.length !== 1) throw new Error('another entry')
    },
  },
]
