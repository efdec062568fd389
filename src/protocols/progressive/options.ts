/** Settings of progressive playback. */
import { z } from 'zod'

export const progressiveOptions = z.strictObject({
  waitMs: z
    .int()
    .min(0)
    .max(30_000)
    .default(5_000)
    .describe(
      'Milliseconds a viewer of a stream that is not published yet waits before the answer 404. Default 5000; 0 answers at once.',
    ),
})

export type ProgressiveOptions = z.infer<typeof progressiveOptions>
