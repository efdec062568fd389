/** Fuzz targets of protection data that comes from outside. */
import type { FuzzTarget } from '../../fuzz-target.ts'
import { readPsshBoxes, writePssh } from './pssh.ts'
import { SYSTEM_ID } from './systems.ts'

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'protection/pssh',
    seeds: () => [
      writePssh({
        systemId: SYSTEM_ID.common,
        keyIds: [new Uint8Array(16), new Uint8Array(16)],
        data: new Uint8Array(0),
      }),
      writePssh({ systemId: SYSTEM_ID.widevine, keyIds: [], data: Uint8Array.of(1, 2, 3) }),
    ],
    run(bytes) {
      readPsshBoxes(bytes)
    },
  },
]
