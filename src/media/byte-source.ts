/** Random access to bytes that lie elsewhere: a file, a resource of a server, a blob. */

export interface ByteSource {
  /** Bytes in all; does not change while the source is read. */
  readonly size: number
  /** Exactly `length` bytes from `offset`, or fewer where the source ends. The bytes belong to the caller. */
  read(offset: number, length: number): Promise<Uint8Array>
  /** As `read`, into memory of the caller, who may use it again and again; returns how many bytes there were. */
  readInto?(target: Uint8Array, offset: number): Promise<number>
}

/** A source over bytes that are in memory already; hands out views of them. */
export function memorySource(bytes: Uint8Array): ByteSource {
  return {
    size: bytes.byteLength,
    read: (offset, length) => Promise.resolve(bytes.subarray(offset, offset + length)),
  }
}
