/** What a `$M` packet says of an entry: tokens, and behind a zero what it is for people (MS-WMSP 2.2.3.6). */
import { FormatError } from '../../../../errors.ts'
import { type ContentDescription, readDescriptions } from '../../cdl.ts'
import { type Pragma, parsePragma } from '../../pragma.ts'

export interface Metadata {
  readonly pragma: Pragma
  /** Empty when there is none. */
  readonly description: ContentDescription
}

/** Throws what `parsePragma` throws. */
export function readMetadata(bytes: Uint8Array): Metadata {
  const end = bytes.indexOf(0)
  const text = Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1')
  return { pragma: parsePragma([text]), description: end < 0 ? [] : descriptionIn(bytes.subarray(end + 1)) }
}

/** Nobody needs it to play: one that cannot be read is none. */
function descriptionIn(bytes: Uint8Array): ContentDescription {
  try {
    return readDescriptions(bytes)[0] ?? []
  } catch (error) {
    if (error instanceof FormatError) return []
    throw error
  }
}
