/** Memory that is given back at once. */

/**
 * Frees the buffer of bytes that nobody uses any more; it has to be theirs alone, which that of small Buffers is not. The garbage collector would
 * find it, but counts what waits for it: buffers as large as segments make it run so often that it costs more than encryption.
 */
export function release({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer) buffer.transfer(0)
}
