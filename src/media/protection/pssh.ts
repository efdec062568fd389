/** Protection system specific header boxes: ISO/IEC 23001-7 section 8.1. */
import { FormatError } from '../../errors.ts'
import { ByteReader } from '../bytes/byte-reader.ts'
import { ByteWriter } from '../bytes/byte-writer.ts'
import { formatUuid, type KeyId, parseUuid } from './systems.ts'

/** Key ids of one box. */
export const MAX_PSSH_KEY_IDS = 256
/** Data of one box; PlayReady allows 15 KB. */
const MAX_PSSH_DATA_BYTES = 65_536
const HEADER_BYTES = 8
const ID_BYTES = 16

export interface Pssh {
  /** UUID in lower case. */
  readonly systemId: string
  /** Written as version 1 when there are any. */
  readonly keyIds: readonly KeyId[]
  readonly data: Uint8Array
}

/** The whole box. */
export function writePssh({ systemId, keyIds, data }: Pssh): Uint8Array {
  const id = parseUuid(systemId)
  if (id === undefined) throw new FormatError('ERR_PSSH_SYSTEM', `expected a UUID of a system, found ${systemId}`)
  const version = keyIds.length > 0 ? 1 : 0
  const size = HEADER_BYTES + 4 + ID_BYTES + (version === 1 ? 4 + ID_BYTES * keyIds.length : 0) + 4 + data.byteLength
  const writer = new ByteWriter(size)
  writer.u32(size).latin1('pssh').u8(version).u24(0).bytes(id)
  if (version === 1) {
    writer.u32(keyIds.length)
    for (const keyId of keyIds) writer.bytes(keyId)
  }
  writer.u32(data.byteLength).bytes(data)
  return writer.detach(0)
}

/** Boxes that stand one after the other, as manifests and initialization data carry them. Throws FormatError. */
export function readPsshBoxes(bytes: Uint8Array): Pssh[] {
  const boxes: Pssh[] = []
  const reader = new ByteReader(bytes)
  while (reader.remaining > 0) {
    const at = reader.offset
    const size = reader.u32()
    const type = reader.latin1(4)
    if (type !== 'pssh' || size < HEADER_BYTES || size - HEADER_BYTES > reader.remaining) {
      throw new FormatError('ERR_PSSH_BOX', `expected a pssh box within ${bytes.byteLength} bytes, found another`, at)
    }
    boxes.push(readPsshContent(reader.sub(size - HEADER_BYTES)))
  }
  return boxes
}

/** The content behind size and type. Throws FormatError. */
export function readPsshContent(reader: ByteReader): Pssh {
  const at = reader.offset
  const version = reader.u8()
  reader.skip(3)
  const systemId = formatUuid(reader.view(ID_BYTES))
  const keyIds: KeyId[] = []
  if (version > 0) {
    const count = reader.u32()
    if (count > MAX_PSSH_KEY_IDS || count * ID_BYTES > reader.remaining) {
      throw new FormatError('ERR_PSSH_BOX', `expected at most ${MAX_PSSH_KEY_IDS} key ids, found ${count}`, at)
    }
    for (let i = 0; i < count; i++) keyIds.push(reader.view(ID_BYTES))
  }
  const length = reader.u32()
  if (length > MAX_PSSH_DATA_BYTES || length > reader.remaining) {
    throw new FormatError('ERR_PSSH_BOX', `expected at most ${MAX_PSSH_DATA_BYTES} bytes of data, found ${length}`, at)
  }
  return { systemId, keyIds, data: reader.view(length) }
}
