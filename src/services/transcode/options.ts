/** Settings of the encoder for browsers. */
import { z } from 'zod'

const MEGABYTE = 1024 * 1024

export const transcodeOptions = z.strictObject({
  enabled: z
    .boolean()
    .default(true)
    .describe(
      'Encode what browsers cannot play (Windows Media, MPEG-2, AC-3 …) to H.264 and AAC while somebody watches it. Needs ffmpeg. A change takes a restart.',
    ),
  ffmpeg: z
    .string()
    .min(1)
    .max(1024)
    .default('ffmpeg')
    .describe('The program ffmpeg: a name that is looked up in PATH, or a path. ffprobe is looked for beside it.'),
  maxWorkers: z
    .int()
    .min(1)
    .max(256)
    .default(4)
    .describe(
      'Encoders at the same time, of files and live streams together. Who comes later waits, or hears that all are busy.',
    ),
  maxLive: z
    .int()
    .min(0)
    .max(256)
    .default(2)
    .describe('Of these, encoders of live streams, which run as long as somebody watches; 0 encodes files only.'),
  threads: z
    .int()
    .min(0)
    .max(64)
    .default(0)
    .describe('Threads of one encoder; 0: as many as the machine has processors, four at most.'),
  memoryMegabytes: z
    .int()
    .min(512)
    .max(65_536)
    .default(2048)
    .describe(
      'Address space of one encoder, in MiB, where the program prlimit is there (Linux). Larger pictures take more.',
    ),
  cpuSeconds: z
    .int()
    .min(10)
    .max(1_000_000)
    .default(7200)
    .describe(
      'Processor time after which the encoder of a file is ended; it starts again where it is needed. Needs prlimit.',
    ),
  stallSeconds: z
    .int()
    .min(2)
    .max(600)
    .default(20)
    .describe('An encoder that gives nothing for so many seconds, though somebody waits, is ended.'),
  cacheBytes: z
    .int()
    .min(16 * MEGABYTE)
    .max(1_099_511_627_776)
    .default(4_294_967_296)
    .describe(
      'Bytes of encoded segments kept in `cache/transcode` of the data folder; those unused for longest go first.',
    ),
  videoKbps: z
    .int()
    .min(100)
    .max(100_000)
    .default(6000)
    .describe('Highest bit rate of encoded video, kbit/s; pictures that need less get less.'),
  audioKbps: z.int().min(32).max(512).default(160).describe('Bit rate of encoded sound, kbit/s for two channels.'),
  maxHeight: z.int().min(144).max(4320).default(1080).describe('Larger pictures are made smaller to so many lines.'),
})

/** Checked settings. */
export type TranscodeOptions = z.infer<typeof transcodeOptions>
