/** The header of a file as that of something on the air, for players that would stop at the end of the file (ASF 1.20, section 3.2). */
import { readAsfHeader, writeAsfHeader } from '../../../../media/containers/asf/header.ts'
import { type AsfInit, DATA_OBJECT_HEADER_LENGTH } from '../../../../media/containers/asf/model.ts'
import { FILE_FLAG } from '../../../../media/containers/asf/objects/file-properties.ts'

/** In the Data Object: its size of 8 bytes, and its count of packets. */
const SIZE_AT = 16
const COUNT_AT = 40

const made = new WeakMap<AsfInit, Uint8Array>()

/** The same streams without sizes, counts and durations. FFmpeg and VLC play as many bytes as a header announces, whatever comes behind. */
export function liveHeaderOf(init: AsfInit): Uint8Array {
  if (init.broadcast) return init.bytes
  const known = made.get(init)
  if (known !== undefined) return known
  const header = readAsfHeader(init.bytes)
  const objects = header.objects.map((object) =>
    object.type === 'file-properties'
      ? { ...object, fileSize: 0n, packetCount: 0n, playDuration: 0n, sendDuration: 0n, flags: FILE_FLAG.BROADCAST }
      : object,
  )
  const written = writeAsfHeader({ ...header, objects })
  const bytes = new Uint8Array(written.byteLength + DATA_OBJECT_HEADER_LENGTH)
  bytes.set(written)
  bytes.set(init.bytes.subarray(init.bytes.byteLength - DATA_OBJECT_HEADER_LENGTH), written.byteLength)
  const view = new DataView(bytes.buffer, written.byteLength)
  view.setUint32(SIZE_AT, DATA_OBJECT_HEADER_LENGTH, true)
  view.setUint32(SIZE_AT + 4, 0, true)
  view.setUint32(COUNT_AT, 0, true)
  view.setUint32(COUNT_AT + 4, 0, true)
  made.set(init, bytes)
  return bytes
}
