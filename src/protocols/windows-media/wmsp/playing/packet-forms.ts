/** Data packets in the length that a viewer needs, whatever they hold (MS-WMSP 2.2.3.3). */
import { FormatError } from '../../../../errors.ts'
import { withoutPadding, withPadding } from '../../../../media/containers/asf/padding.ts'

/** Without padding; as it is when that cannot be told. */
export function networkForm(bytes: Uint8Array): Uint8Array {
  return readable(() => withoutPadding(bytes)) ?? bytes
}

/** As long as in a file; `undefined` when that cannot be. */
export function fileForm(bytes: Uint8Array, packetSize: number): Uint8Array | undefined {
  return readable(() => withPadding(bytes, packetSize))
}

/** What `make` gives; `undefined` for a packet that breaks its format. */
export function readable<Result>(make: () => Result): Result | undefined {
  try {
    return make()
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
