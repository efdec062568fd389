/** Settings of the log server: what is kept of the audience, for how long, and how much of each viewer. */
import { z } from 'zod'

/** What is kept of addresses. */
export const ADDRESS_POLICIES = ['whole', 'network', 'hashed', 'none'] as const

export const audienceOptions = z.strictObject({
  database: z
    .string()
    .max(2048)
    .regex(/^postgres(?:ql)?:\/\/./, 'expected postgres://USER:PASSWORD@HOST:PORT/DATABASE')
    .optional()
    .meta({ secret: true })
    .describe(
      'Address of a PostgreSQL database, `postgres://USER:PASSWORD@HOST:PORT/DATABASE`; without it everything is in a SQLite file in `audience` of the data folder. A change takes a restart.',
    ),
  address: z
    .enum(ADDRESS_POLICIES)
    .default('network')
    .describe(
      'What is kept of the address of a viewer: `whole`; `network` (the first 24 bits of IPv4, 48 of IPv6); `hashed` with a secret that is thrown away each day, as players’ own names are then; `none`, nor names of players.',
    ),
  doNotTrack: z
    .boolean()
    .default(true)
    .describe(
      'Of players that ask not to be tracked (the headers DNT and Sec-GPC) keep no address, no name and no User-Agent.',
    ),
  sessions: z
    .boolean()
    .default(true)
    .describe('Keep what the server itself knows of those who play: begin, end, bytes, reason.'),
  requests: z.boolean().default(true).describe('Keep the CMCD that players send with their requests of media.'),
  perAddress: z
    .int()
    .min(1)
    .max(10_000_000)
    .default(30_000)
    .describe(
      'Reports a minute from one address (of IPv6: one /64 network); more are refused, and those of requests of media left out.',
    ),
  eventDays: z.number().min(0.01).max(36_500).default(30).describe('Days that reports are kept as they came.'),
  sessionDays: z.number().min(0.01).max(36_500).default(400).describe('Days that sessions and numbers are kept.'),
  maxBytes: z
    .int()
    .min(1_048_576)
    .max(1_125_899_906_842_624)
    .default(10_737_418_240)
    .describe('Bytes of the whole store; above, the oldest reports go.'),
  spoolBytes: z
    .int()
    .min(2_097_152)
    .max(1_099_511_627_776)
    .default(2_147_483_648)
    .describe(
      'Bytes of reports that wait for the database while it is slow or away; when they are full, reports are refused with 503. A change takes a restart.',
    ),
  strict: z
    .boolean()
    .default(false)
    .describe(
      'Acknowledge a report when the disk has it, so that it survives the loss of power, and not only the end of the process. A change takes a restart.',
    ),
})

export type AudienceOptions = z.infer<typeof audienceOptions>
