/** Settings of the RTMP server. */
import { z } from 'zod'

export const rtmpOptions = z.strictObject({
  port: z.int().min(0).max(65_535).default(1935).describe('TCP port for RTMP. Default 1935; 0 takes any free port.'),
  tlsPort: z
    .int()
    .min(0)
    .max(65_535)
    .default(1936)
    .describe('TCP port for RTMPS, opened when a certificate is given. Default 1936; 0 takes any free port.'),
  playWaitMs: z
    .int()
    .min(0)
    .max(600_000)
    .default(10_000)
    .describe(
      'Milliseconds a player of a name that is not published waits for it before it is told "stream not found". Default 10000; 0 answers at once.',
    ),
  maxConnections: z
    .int()
    .min(0)
    .default(10_000)
    .describe('Connections at the same time; more are closed at once. Default 10000; 0 is no limit.'),
  maxConnectionsPerAddress: z
    .int()
    .min(0)
    .default(2000)
    .describe(
      'Connections at the same time from one address; more are closed at once. Default 2000; 0 is no limit. Lower it when no proxy or relay stands in front.',
    ),
  maxMessagesPerSecond: z
    .int()
    .min(100)
    .default(20_000)
    .describe(
      'Messages a second one connection may send before it is closed. Default 20000, some hundred times what an encoder sends.',
    ),
})

/** Checked options. */
export type RtmpOptions = z.infer<typeof rtmpOptions>
