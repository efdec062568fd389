/** Settings of recordings: of each path, and of all together. */
import { z } from 'zod'

const MAX_BYTES = 2 ** 50
const MAX_DAYS = 36_500
const MAX_SPLIT_MINUTES = 1440
const MAX_WINDOW_SECONDS = 86_400

/** `record` of a path. */
export const recordOption = z
  .union([
    z.boolean(),
    z.strictObject({
      splitMinutes: z
        .number()
        .min(0.1)
        .max(MAX_SPLIT_MINUTES)
        .optional()
        .describe('A new file begins after so many minutes. Default 60.'),
      keepDays: z
        .number()
        .min(0.001)
        .max(MAX_DAYS)
        .optional()
        .describe('Days that finished recordings of the path are kept. Default: for ever.'),
      keepBytes: z
        .int()
        .min(1_048_576)
        .max(MAX_BYTES)
        .optional()
        .describe('Bytes of all recordings of the path together; the oldest are removed. Default: no limit.'),
      windowSeconds: z
        .number()
        .min(0)
        .max(MAX_WINDOW_SECONDS)
        .optional()
        .describe('How far back viewers of the live stream can go in HLS and DASH, seconds. Default 7200.'),
    }),
  ])
  .optional()
  .describe(
    'Record what is published here, below `recordings` of the data folder, where the library finds it: `true`, or an object with the keys below. Default false.',
  )

/** `recording` of the server. */
export const recordingOptions = z.strictObject({
  maxBytes: z
    .int()
    .min(1_048_576)
    .max(MAX_BYTES)
    .optional()
    .describe('Bytes of all recordings together; the oldest are removed. Default: no limit.'),
})
