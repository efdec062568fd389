/** What lies behind the packets of a file: where they end, and the index for seeking (ASF 1.20, sections 5.1 and 6.1). */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import { ASF_GUID, readGuid } from './guid.ts'
import { readSimpleIndexHead, SIMPLE_INDEX_ENTRY, SIMPLE_INDEX_HEAD } from './index.ts'
import type { AsfInit } from './model.ts'

/** Objects looked at behind the packets. */
const MAX_OBJECTS = 64
/** GUID and size. */
const OBJECT_HEAD = 24
/** Packet-sized pieces that an index may fill behind packets of unknown number. */
const MAX_TAIL = 1024
/** Error correction data of two bytes: nearly every packet begins so, and no object does. */
const PACKET_START = 0x82

/** A Simple Index that lies in the file; its entries are read one by one. */
export interface StoredIndex {
  readonly offset: number
  readonly intervalMs: number
  readonly entryCount: number
}

/**
 * Number of packets in a file that does not tell: all that are whole, without those that are really an index. FFmpeg writes one also
 * into a pipe.
 */
export async function findPacketsEnd(source: ByteSource, init: AsfInit, whole: number): Promise<number> {
  for (let count = whole; count >= 0 && count > whole - MAX_TAIL; count--) {
    const start = await source.read(init.bytes.byteLength + count * init.packetSize, OBJECT_HEAD)
    if (start.byteLength === OBJECT_HEAD && isIndex(start)) return count
    if (start[0] === PACKET_START && start.byteLength === OBJECT_HEAD && count < whole) return whole
  }
  return whole
}

/** The first Simple Index behind the packets: that of the first video stream. */
export async function findSimpleIndex(source: ByteSource, behindPackets: number): Promise<StoredIndex | undefined> {
  let offset = behindPackets
  for (let count = 0; count < MAX_OBJECTS && offset + SIMPLE_INDEX_HEAD <= source.size; count++) {
    const head = await source.read(offset, SIMPLE_INDEX_HEAD)
    try {
      const reader = new ByteReader(head)
      const guid = readGuid(reader)
      const size = reader.u64le()
      if (guid === ASF_GUID.SIMPLE_INDEX) return { offset, ...readSimpleIndexHead(head) }
      if (size < OBJECT_HEAD) return undefined
      offset += size
    } catch (error) {
      // Seeking works without.
      if (error instanceof FormatError) return undefined
      throw error
    }
  }
  return undefined
}

/** The entry for a presentation time, preroll included, and the time that it is for. */
export async function readIndexedPacket(
  source: ByteSource,
  { offset, intervalMs, entryCount }: StoredIndex,
  presentationMs: number,
): Promise<{ packet: number; timeMs: number } | undefined> {
  const entry = Math.min(Math.floor(presentationMs / intervalMs), entryCount - 1)
  if (entry < 0) return undefined
  const bytes = await source.read(offset + SIMPLE_INDEX_HEAD + entry * SIMPLE_INDEX_ENTRY, SIMPLE_INDEX_ENTRY)
  if (bytes.byteLength < SIMPLE_INDEX_ENTRY) return undefined
  return {
    packet: new ByteReader(bytes).u32le(),
    timeMs: Math.floor(entry * intervalMs),
  }
}

/** All packets of the index, each once, going up. What goes back is left out. */
export async function readIndexedPackets(source: ByteSource, { offset, entryCount }: StoredIndex): Promise<number[]> {
  const packets: number[] = []
  const reader = new ByteReader(await source.read(offset + SIMPLE_INDEX_HEAD, entryCount * SIMPLE_INDEX_ENTRY))
  while (reader.remaining >= SIMPLE_INDEX_ENTRY) {
    const packet = reader.u32le()
    reader.skip(2)
    if (packet > (packets.at(-1) ?? -1)) packets.push(packet)
  }
  return packets
}

function isIndex(start: Uint8Array): boolean {
  const guid = readGuid(new ByteReader(start))
  return guid === ASF_GUID.SIMPLE_INDEX || guid === ASF_GUID.INDEX
}
