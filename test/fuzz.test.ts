/** Replays every input that once broke a parser, fuzzes each target for a short, repeatable while, and tests the harness. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type FoundTarget, findTargets, fuzz, readKept } from './support/fuzz/fuzz.ts'

const SEED = 1
const ITERATIONS = 1000

const targets = await findTargets()

describe('fuzz targets', () => {
  it('have names of their own', () => {
    assert.equal(new Set(targets.map((target) => target.name)).size, targets.length)
  })

  for (const target of targets) {
    it(`${target.name}: ends in a result or in our error (${readKept(target).length} kept inputs)`, async () => {
      const { findings, runs } = await fuzz(target, { seed: SEED, iterations: ITERATIONS })

      assert.deepEqual(
        findings.map(({ kind, reason, input }) => `${kind}: ${reason}\ninput: ${Buffer.from(input).toString('hex')}`),
        [],
      )
      assert.ok(runs >= ITERATIONS)
    })
  }
})

describe('the fuzzing harness', () => {
  const broken = (name: string): FoundTarget => ({
    name,
    module: new URL('support/fuzz/broken-targets.ts', import.meta.url).href,
  })

  it('reaches a magic value by following coverage, and makes the input small', async () => {
    const { findings, runs } = await fuzz(broken('broken/magic'), { seed: SEED, iterations: 200_000 })

    assert.deepEqual(
      findings.map(({ kind, input }) => [kind, [...input]]),
      [['crash', [0x7e, 0x21, 0xc3, 0x99]]],
      `${runs} runs`,
    )
    assert.match(findings[0]?.reason ?? '', /found the magic value/)
  })

  it('ends and reports an input that hangs, and goes on', async () => {
    const { findings } = await fuzz(broken('broken/hang'), { seed: SEED, iterations: 200, timeMs: 20_000 })

    assert.ok(findings.length > 0)
    for (const { kind, input } of findings) {
      assert.equal(kind, 'hang')
      assert.ok((input[0] ?? 0) > 200)
    }
  })

  it('reports an input that takes much memory', async () => {
    const { findings } = await fuzz(broken('broken/memory'), { seed: SEED, iterations: 2000 })

    assert.deepEqual(
      findings.map(({ kind }) => kind),
      ['memory'],
    )
  })

  it('finds nothing in a sound target, the same way each time', async () => {
    const first = await fuzz(broken('sound'), { seed: SEED, iterations: 500 })
    const second = await fuzz(broken('sound'), { seed: SEED, iterations: 500 })

    assert.deepEqual(first.findings, [])
    assert.deepEqual(first.corpus, second.corpus)
  })
})
