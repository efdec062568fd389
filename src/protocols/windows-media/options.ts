/** Settings of the Windows Media protocols over HTTP. */
import { z } from 'zod'

export const windowsMediaOptions = z.strictObject({
  waitMs: z
    .int()
    .min(0)
    .max(30_000)
    .default(5_000)
    .describe(
      'Milliseconds a viewer of a stream that is not published yet waits before the answer 404. Default 5000; 0 answers at once.',
    ),
  maxSessions: z
    .int()
    .min(1)
    .max(1_000_000)
    .default(20_000)
    .describe(
      'Windows Media sessions, playing or paused, at the same time; a player keeps one for a minute after it stopped. Default 20000.',
    ),
  fastStartMs: z
    .int()
    .min(0)
    .max(30_000)
    .default(5_000)
    .describe(
      'Milliseconds of a file that a player gets faster than real time when it starts or seeks and asks for nothing else, so that it plays at once. Default 5000.',
    ),
  maxSpeed: z
    .number()
    .min(1)
    .max(100)
    .default(5)
    .describe('Times real time that a player of a file is granted at most when it asks for more. Default 5.'),
  pushIdleMs: z
    .int()
    .min(10_000)
    .max(3_600_000)
    .default(60_000)
    .describe(
      'Milliseconds without media after which a pushing encoder is given up; so long it may come back with its session after a lost connection. Default 60000.',
    ),
})

/** Checked options. */
export type WindowsMediaOptions = z.infer<typeof windowsMediaOptions>
