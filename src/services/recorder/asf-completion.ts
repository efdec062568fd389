/** Completes an ASF recording that was not: header and index of the packets that are whole in it. */
import type { FileHandle } from 'node:fs/promises'
import { FormatError } from '../../errors.ts'
import { findPacketsEnd } from '../../media/containers/asf/file-index.ts'
import { AsfFileWriter } from '../../media/containers/asf/file-writer.ts'
import { asfHeaderLength, parseAsfInit } from '../../media/containers/asf/header.ts'
import type { AsfInit } from '../../media/containers/asf/model.ts'
import { packetSendTime } from '../../media/containers/asf/packet-info.ts'
import { fileSource } from './index-file.ts'
import type { FileEntry, IndexEntry } from './recording-index.ts'

/** Read at a time. */
const READ_BYTES = 1024 * 1024
/** Of the Header Object, before what is in it. */
const HEADER_OBJECT_BYTES = 30

/** Returns the entries of the whole index; `undefined`: there is no whole packet. */
export async function completeAsf(
  file: FileHandle,
  size: number,
  fileEntry: FileEntry,
): Promise<readonly IndexEntry[] | undefined> {
  const init = await readInit(file, size)
  if (init === undefined) return undefined
  const { packetSize } = init
  const whole = Math.floor((size - init.bytes.byteLength) / packetSize)
  const packets = whole > 0 ? await findPacketsEnd(fileSource(file, size), init, whole) : 0
  if (packets <= 0) return undefined
  const writer = new AsfFileWriter(init)
  writer.read()
  const perRead = Math.max(1, Math.floor(READ_BYTES / packetSize))
  for (let at = 0; at < packets; at += perRead) {
    const length = Math.min(perRead, packets - at) * packetSize
    const { buffer } = await file.read(
      Buffer.allocUnsafeSlow(length),
      0,
      length,
      init.bytes.byteLength + at * packetSize,
    )
    for (let offset = 0; offset < length; offset += packetSize) {
      const bytes = buffer.subarray(offset, offset + packetSize)
      writer.write({ bytes, sendTimeMs: sendTime(bytes), key: false, init, number: at })
      writer.read()
    }
  }
  const { header, index } = writer.finish()
  const end = init.bytes.byteLength + packets * packetSize
  await file.truncate(end)
  await file.write(index, 0, index.byteLength, end)
  await file.write(header, 0, header.byteLength, 0)
  await file.datasync()
  const { durationMs } = parseAsfInit(header)
  const last = {
    type: 'end',
    bytes: end + index.byteLength,
    durationMs,
    endedAt: fileEntry.startedAt + durationMs,
  } as const
  return [fileEntry, last]
}

async function readInit(file: FileHandle, size: number): Promise<AsfInit | undefined> {
  try {
    const source = fileSource(file, size)
    const length = asfHeaderLength(await source.read(0, HEADER_OBJECT_BYTES))
    return length === undefined || length > size ? undefined : parseAsfInit(await source.read(0, length))
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function sendTime(packet: Uint8Array): number {
  try {
    return packetSendTime(packet) ?? 0
  } catch (error) {
    if (error instanceof FormatError) return 0
    throw error
  }
}
