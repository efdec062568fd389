/** The one shape of everything that turns a flow of one thing into a flow of another. */

/**
 * Chunk readers, demuxers, muxers, packetizers and sessions have this shape. They own no socket and no clock, never wait, and
 * never call back: the owner writes, then reads until `undefined`.
 */
export interface Machine<In, Out> {
  /** Takes input. Throws FormatError or PeerError when the input breaks the format; the machine is unusable after that. */
  write(input: In): void
  /** The next result, or `undefined`: give me more. */
  read(): Out | undefined
  /** No more input comes; what is held back becomes readable. */
  end(): void
}
