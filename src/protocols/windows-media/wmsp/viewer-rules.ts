/** What a server does differently for clients of different kinds and ages (MS-WMSP 2.2.1, 2.2.2, 3.2.5). */
import { atLeast, type Product } from '../product.ts'

/** Highest AccelBW for players of version 8 (MS-WMSP 2.2.1.4.1). */
const MAX_ACCEL_OF_OLD_PLAYERS = 1_048_576

export interface ClientRules {
  /** Understands `$M`; also what else came with version 9. */
  readonly modern: boolean
  /** Highest AccelBW that it may be granted, bits a second; 0: none. */
  readonly maxAccelBps: number
  readonly burst: boolean
  /**
   * Understands that one header follows the other in one response. The program that calls itself a player before version 9 today is
   * FFmpeg, libmms, MPlayer or VLC: they stop at `$E`, come back at once in a loop, or lose their place at `$C`.
   */
  readonly changesHeader: boolean
  /** Gets all streams when it names none. */
  readonly takesAllUnasked: boolean
  readonly keepsPadding: boolean
  /** `Location` works; otherwise the ASF header must carry the redirection. */
  readonly followsLocation: boolean
  /** Is told of the oldest player that will do. */
  readonly wantsVersionInfo: boolean
}

/** By name and version; nothing else tells. */
export function rulesOf(product: Product): ClientRules {
  const modern = atLeast(product, 9)
  const server = product.token === 'NSServer'
  return {
    modern,
    maxAccelBps: modern ? Number.POSITIVE_INFINITY : atLeast(product, 8) ? MAX_ACCEL_OF_OLD_PLAYERS : 0,
    burst: modern,
    changesHeader: modern,
    takesAllUnasked: server && !atLeast(product, 5, 1),
    keepsPadding: server && !atLeast(product, 5),
    followsLocation: atLeast(product, 7),
    wantsVersionInfo: !atLeast(product, 7),
  }
}

/** Writes the byte position of a packet without the header before it: VLC, which calls itself version 7.10. */
export function countsWithoutHeader({ token, major, minor }: Product): boolean {
  return token === 'NSPlayer' && major === 7 && minor === 10
}

/** Adds the preroll to the time it seeks: libmms, which calls itself 4.1 over HTTP/1.0; FFmpeg with the same name speaks HTTP/1.1. */
export function countsPreroll({ token, major, minor }: Product, http11: boolean): boolean {
  return token === 'NSPlayer' && major === 4 && minor === 1 && !http11
}

/** What a client says it can do, `Supported` (MS-WMSP 2.2.1.7). */
export interface ClientFeatures {
  /** Goes on with streams that the server selects in the next entry. */
  readonly predictive: boolean
  readonly startupProfile: boolean
}

/** What is assumed of a client that has said nothing (MS-WMSP 3.2.3). */
export const ASSUMED_FEATURES: ClientFeatures = { predictive: true, startupProfile: false }

/** All `Supported` headers of a request; `undefined`: none, what was known stays. */
export function featuresOf(values: readonly string[]): ClientFeatures | undefined {
  if (values.length === 0) return undefined
  const words = values.join(',').toLowerCase()
  return {
    predictive: words.includes('com.microsoft.wm.predstrm'),
    startupProfile: words.includes('com.microsoft.wm.startupprofile'),
  }
}
