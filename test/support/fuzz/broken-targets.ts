/** Targets with known faults, to show that the harness finds them. */
import { FormatError } from '../../../src/errors.ts'
import type { FuzzTarget } from '../../../src/fuzz-target.ts'

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'broken/magic',
    seeds: () => [new Uint8Array(8)],
    run(input) {
      // Four values in a row are out of reach for chance alone; each step is new code.
      if (input[0] === 0x7e) {
        if (input[1] === 0x21) {
          if (input[2] === 0xc3) {
            if (input[3] === 0x99) throw new TypeError('found the magic value')
          }
        }
      }
      if (input.byteLength < 4) throw new FormatError('ERR_TEST', 'expected four bytes', 0)
    },
  },
  {
    name: 'broken/hang',
    seeds: () => [Uint8Array.of(1, 2, 3, 4)],
    run(input) {
      if ((input[0] ?? 0) > 200) for (let i = 0; i >= 0; i = (i + 1) % 1000);
    },
  },
  {
    name: 'broken/memory',
    seeds: () => [Uint8Array.of(0, 0, 0, 4)],
    run(input) {
      if (input.byteLength < 4) return
      const length = new DataView(input.buffer, input.byteOffset).getUint32(0) % 2 ** 28
      kept = new Uint8Array(length)
    },
  },
  {
    name: 'sound',
    seeds: () => [Uint8Array.of(1)],
    run(input) {
      if (input.byteLength > 3) throw new FormatError('ERR_TEST', 'expected at most three bytes', 3)
    },
  },
]

let kept = new Uint8Array(0)
// Read so that the allocation is not optimised away.
export const keptLength = () => kept.byteLength
