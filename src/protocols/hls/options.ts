/** Settings of HLS, and of the segments that it shares with DASH. */
import { z } from 'zod'
import type { PackagingSettings } from '../../packaging/packaging-settings.ts'

export const hlsOptions = z.strictObject({
  segmentSeconds: z
    .number()
    .min(0.5)
    .max(10)
    .default(2)
    .describe('A segment ends at the first key frame at or after so many seconds.'),
  partSeconds: z
    .number()
    .min(0.1)
    .max(2)
    .default(0.334)
    .describe(
      'Longest part of a segment, seconds; made a little longer where segments would end in a tiny part. Low-latency players stay three of them behind live.',
    ),
  windowSeconds: z
    .number()
    .min(6)
    .max(14_400)
    .default(24)
    .describe('How far back viewers can go, seconds. All of it is held in memory, twice for a moment.'),
  idleSeconds: z
    .number()
    .min(5)
    .max(86_400)
    .default(60)
    .describe('Segments are no longer made when nobody has asked for so many seconds.'),
  maxMegabytes: z
    .number()
    .min(8)
    .max(65_536)
    .default(256)
    .describe('Memory for the segments of one stream; the oldest go first.'),
  maxWaiting: z
    .number()
    .int()
    .min(16)
    .max(1_000_000)
    .default(8192)
    .describe('Requests that may wait for parts of one stream at the same time.'),
  onDemandSegmentSeconds: z
    .number()
    .min(1)
    .max(20)
    .default(6)
    .describe('A segment of a file in the library is about so long; it begins at the key frame that is nearest.'),
  onDemandCacheMegabytes: z
    .number()
    .min(4)
    .max(65_536)
    .default(128)
    .describe('Memory for segments of files that several viewers ask for; the least used go first.'),
})

export type HlsOptions = z.infer<typeof hlsOptions>

const MEGABYTE = 1024 * 1024

/** What all who package go by. */
export function packagingSettings(options: HlsOptions): PackagingSettings {
  const { maxMegabytes, onDemandSegmentSeconds, onDemandCacheMegabytes, ...live } = options
  return {
    live: { ...live, maxBytes: maxMegabytes * MEGABYTE },
    onDemand: { segmentSeconds: onDemandSegmentSeconds, cacheBytes: onDemandCacheMegabytes * MEGABYTE },
  }
}
