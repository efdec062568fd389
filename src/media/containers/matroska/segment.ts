/** Where the parts of a Matroska file are: EBML header, segment, and what stands beside its clusters (RFC 9559 section 4.5 and 5.1). */
import { FormatError } from '../../../errors.ts'
import type { ByteSource } from '../../byte-source.ts'
import { ByteReader } from '../../bytes/byte-reader.ts'
import type { Notes } from '../../notes.ts'
import { findCluster } from './cluster-search.ts'
import { childElements, type ElementHeader, MAX_HEADER_BYTES, readElementHeader, textOf, uintOf } from './ebml.ts'
import { ID, SEGMENT_CHILDREN } from './element-id.ts'

/** Read whole, bytes: an hour has 70 kB of cues; tracks may bring fonts or cover pictures as private data. */
const MAX_PART_BYTES = { info: 1 << 20, tracks: 1 << 24, cues: 1 << 24, tags: 1 << 22 } as const
const MAX_SEEK_HEAD_BYTES = 1 << 16
/** Seek heads may point to others, or to themselves. */
const MAX_SEEK_HEADS = 4
/** Before the first cluster. */
const MAX_ELEMENTS = 1024
const MAX_EBML_HEADER_BYTES = 4096

type Part = keyof typeof MAX_PART_BYTES
const PARTS: ReadonlyMap<number, Part> = new Map<number, Part>([
  [ID.INFO, 'info'],
  [ID.TRACKS, 'tracks'],
  [ID.CUES, 'cues'],
  [ID.TAGS, 'tags'],
])

/** A segment that was found. Positions count from the beginning of the file. */
export interface Segment {
  readonly webm: boolean
  /** What positions in seek heads and cues count from. */
  readonly dataStart: number
  /** Of the segment, or of the file where that is shorter. */
  readonly end: number
  /** Whether the file ends before the segment does. */
  readonly cutOff: boolean
  /** Of the first cluster; the end where there is none. */
  readonly firstCluster: number
  /** Contents of the parts that were found. */
  readonly parts: Readonly<Partial<Record<Part, ByteReader>>> & { readonly tracks: ByteReader }
}

/** Throws FormatError for what is no Matroska file, or has no tracks. */
export async function openSegment(blocks: ByteSource, notes: Notes): Promise<Segment> {
  const { docType, segmentAt } = await readEbmlHeader(blocks)
  const header = await headerAt(blocks, segmentAt)
  if (header?.id !== ID.SEGMENT) {
    throw new FormatError('ERR_MATROSKA_NO_SEGMENT', 'expected a segment behind the EBML header, found none', segmentAt)
  }
  const dataStart = segmentAt + header.headerBytes
  // Writers that were interrupted leave the size unknown, or zero.
  const told = header.size === undefined || header.size === 0 ? blocks.size : dataStart + header.size
  const search = new PartSearch(blocks, dataStart, Math.min(told, blocks.size), notes)
  const firstCluster = await search.run()
  const { tracks } = search.parts
  if (tracks === undefined) {
    throw new FormatError('ERR_MATROSKA_NO_TRACKS', 'expected a description of the tracks, found none', dataStart)
  }
  const cutOff = told > blocks.size
  if (cutOff) notes.add(`The file is cut off: it should have ${told} bytes and has ${blocks.size}.`)
  return {
    webm: docType === 'webm',
    dataStart,
    end: search.end,
    cutOff,
    firstCluster,
    parts: { ...search.parts, tracks },
  }
}

/** The header of the element at `position`, whose content may reach beyond the file; `undefined` where there is none. */
export async function headerAt(blocks: ByteSource, position: number): Promise<ElementHeader | undefined> {
  const available = Math.min(MAX_HEADER_BYTES, blocks.size - position)
  if (!(position >= 0) || available < 2) return undefined
  return readElementHeader(await blocks.read(position, available))
}

async function readEbmlHeader(blocks: ByteSource): Promise<{ docType: string; segmentAt: number }> {
  const header = await headerAt(blocks, 0)
  const size = header?.size
  if (header?.id !== ID.EBML || size === undefined || size > MAX_EBML_HEADER_BYTES || size > blocks.size) {
    throw new FormatError('ERR_MATROSKA_NO_HEADER', 'expected an EBML header, found none', 0)
  }
  let docType = 'matroska'
  const body = await blocks.read(header.headerBytes, Math.min(size, blocks.size - header.headerBytes))
  for (const element of childElements(new ByteReader(body, header.headerBytes))) {
    if (element.id === ID.DOC_TYPE) docType = textOf(element.body)
  }
  if (docType !== 'matroska' && docType !== 'webm') {
    throw new FormatError('ERR_MATROSKA_DOC_TYPE', `expected EBML of type matroska or webm, found ${docType}`, 0)
  }
  return { docType, segmentAt: await behindVoid(blocks, header.headerBytes + size) }
}

/** Nothing but padding may stand before the segment. */
async function behindVoid(blocks: ByteSource, position: number): Promise<number> {
  let at = position
  for (let count = 0; count < MAX_ELEMENTS; count++) {
    const header = await headerAt(blocks, at)
    if (header?.size === undefined || (header.id !== ID.VOID && header.id !== ID.CRC32)) break
    at += header.headerBytes + header.size
  }
  return at
}

class PartSearch {
  readonly parts: Partial<Record<Part, ByteReader>> = {}
  readonly end: number
  readonly #blocks: ByteSource
  readonly #dataStart: number
  readonly #notes: Notes
  /** Where parts are said to be. */
  readonly #told = new Map<Part, number>()
  readonly #seekHeads: number[] = []

  constructor(blocks: ByteSource, dataStart: number, end: number, notes: Notes) {
    this.#blocks = blocks
    this.#dataStart = dataStart
    this.end = end
    this.#notes = notes
  }

  /** Returns where the first cluster is. */
  async run(): Promise<number> {
    const firstCluster = await this.#walk()
    for (let i = 0; i < this.#seekHeads.length && i < MAX_SEEK_HEADS; i++) {
      await this.#readSeekHead(this.#seekHeads[i] as number)
    }
    for (const [part, position] of this.#told) {
      if (this.parts[part] !== undefined) continue
      const header = await headerAt(this.#blocks, position)
      if (header !== undefined && PARTS.get(header.id) === part) await this.#readPart(part, position, header)
      else if (position < this.end) this.#notes.add(`The seek head is wrong about where the ${part} are.`, position)
    }
    return firstCluster
  }

  async #walk(): Promise<number> {
    let position = this.#dataStart
    for (let count = 0; count < MAX_ELEMENTS && position < this.end; count++) {
      const header = await headerAt(this.#blocks, position)
      if (header?.id === ID.CLUSTER) return position
      const part = header === undefined ? undefined : PARTS.get(header.id)
      if (header !== undefined && part !== undefined) await this.#readPart(part, position, header)
      else if (header?.id === ID.SEEK_HEAD) this.#addSeekHead(position)
      else if (
        header === undefined ||
        !(SEGMENT_CHILDREN.has(header.id) || header.id === ID.VOID || header.id === ID.CRC32)
      )
        break
      if (header.size === undefined) break
      position += header.headerBytes + header.size
    }
    if (position >= this.end) return this.end
    const cluster = await findCluster(this.#blocks, position, this.end)
    this.#notes.add('The beginning of the file is damaged.', position)
    return cluster ?? this.end
  }

  async #readPart(part: Part, position: number, { headerBytes, size = 0 }: ElementHeader): Promise<void> {
    if (this.parts[part] !== undefined) return
    const start = position + headerBytes
    if (size > MAX_PART_BYTES[part] || size > this.#blocks.size - start) {
      this.#notes.add(`The ${part} are said to have ${size} bytes, and are not read.`, position)
      return
    }
    // A copy: blocks of the file are large, and are not to be kept for this.
    this.parts[part] = new ByteReader((await this.#blocks.read(start, size)).slice(), start)
  }

  #addSeekHead(position: number): void {
    if (!this.#seekHeads.includes(position) && this.#seekHeads.length < MAX_SEEK_HEADS) this.#seekHeads.push(position)
  }

  async #readSeekHead(position: number): Promise<void> {
    const header = await headerAt(this.#blocks, position)
    if (header?.id !== ID.SEEK_HEAD || header.size === undefined || header.size > MAX_SEEK_HEAD_BYTES) return
    const start = position + header.headerBytes
    if (header.size > this.#blocks.size - start) return
    try {
      const body = new ByteReader(await this.#blocks.read(start, header.size), start)
      for (const { id, body: seek } of childElements(body)) if (id === ID.SEEK) this.#readSeek(seek)
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#notes.add('The seek head is damaged.', position)
    }
  }

  #readSeek(seek: ByteReader): void {
    let target = 0
    let position = Number.POSITIVE_INFINITY
    for (const { id, body } of childElements(seek)) {
      if (id === ID.SEEK_ID) target = uintOf(body)
      if (id === ID.SEEK_POSITION) position = this.#dataStart + uintOf(body)
    }
    const part = PARTS.get(target)
    if (position >= this.end) return
    if (part !== undefined && !this.#told.has(part)) this.#told.set(part, position)
    if (target === ID.SEEK_HEAD) this.#addSeekHead(position)
  }
}
