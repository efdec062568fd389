/** `protect` of a path: its segments are encrypted as they are made. */
import { z } from 'zod'

const MIN_ROTATE_SECONDS = 2
const MAX_ROTATE_SECONDS = 86_400
const MAX_URL_TEXT = 2048

export const protectOption = z
  .union([
    z.boolean(),
    z.strictObject({
      scheme: z
        .enum(['cenc', 'cbcs'])
        .optional()
        .describe('How: `cenc` (AES-CTR) or `cbcs` (AES-CBC with a pattern, which FairPlay needs). Default cenc.'),
      rotateSeconds: z
        .number()
        .min(MIN_ROTATE_SECONDS)
        .max(MAX_ROTATE_SECONDS)
        .optional()
        .describe('A live stream has another key each so many seconds. Default: one key until its publisher ends.'),
      systems: z
        .array(z.enum(['widevine', 'playready', 'fairplay']))
        .max(3)
        .optional()
        .describe('Systems that are signalled beside Clear Key; their licences come from elsewhere. Default: none.'),
      licenseUrl: z
        .url()
        .max(MAX_URL_TEXT)
        .optional()
        .describe('Address of a Clear Key licence server. Default: the one of this server.'),
    }),
  ])
  .optional()
  .describe(
    'Encrypt what is played here over HLS and DASH; players get the key with a licence. What cannot be encrypted (RTMP, FLV, Windows Media, download) is refused. `true`, or an object with the keys below. Default false.',
  )
