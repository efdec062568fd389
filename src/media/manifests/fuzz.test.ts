/** A short fixed run of the fuzz targets; the long one is `npm run fuzz`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { HeadendError } from '../../errors.ts'
import { fuzzTargets } from './fuzz.ts'

for (const target of fuzzTargets) {
  const seeds = target.seeds()

  test(`${target.name}: seeds are read`, () => {
    for (const seed of seeds) target.run(seed)
  })

  test(`${target.name}: changed seeds end in a result or in an error of ours`, () => {
    const edit = fc.record({ at: fc.nat(5_000), remove: fc.nat(20), insert: fc.string({ maxLength: 8 }) })
    const changed = fc.tuple(fc.constantFrom(...seeds), fc.array(edit, { minLength: 1, maxLength: 4 }))
    fc.assert(
      fc.property(changed, ([seed, edits]) => {
        let text = new TextDecoder().decode(seed)
        for (const { at, remove, insert } of edits) {
          const from = at % (text.length + 1)
          text = text.slice(0, from) + insert + text.slice(from + remove)
        }
        try {
          target.run(new TextEncoder().encode(text))
        } catch (error) {
          assert.ok(error instanceof HeadendError, String(error))
        }
      }),
      { seed: 1, numRuns: 300 },
    )
  })
}
