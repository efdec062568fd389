/** Settings of access: of the whole server, and of one path. */
import { z } from 'zod'
import { TOKEN_ALGORITHMS } from './tokens/algorithms.ts'

const MAX_SECRET_TEXT = 256
const MAX_URL_TEXT = 2048
const MAX_RULES = 1000

const rules = (description: string) =>
  z.array(z.string().min(1).max(64)).max(MAX_RULES).optional().describe(description)

const issuer = z.strictObject({
  jwks: z
    .string()
    .min(1)
    .max(MAX_URL_TEXT)
    .describe('File or http(s) address of its public keys (JWKS). The last good ones are believed for 24 hours.'),
  algorithm: z.enum(TOKEN_ALGORITHMS).default('ES256').describe('The one algorithm of its signatures.'),
  audience: z.string().min(1).max(256).optional().describe('What `aud` of its tokens must say.'),
})

const user = z.strictObject({
  password: z
    .string()
    .max(MAX_SECRET_TEXT)
    .meta({ secret: true })
    .describe('As `headend token hash-password` prints it.'),
  publish: z.boolean().optional().describe('Publishes too; otherwise the person only plays. Default false.'),
})

/** `auth` of the settings. */
export const authOptions = z.strictObject({
  publishKey: secret('Key that publishes, instead of the generated one in secrets.json.'),
  playKey: secret('Key that plays on paths with `play: key`, instead of the generated one.'),
  adminToken: secret('Bearer token of the API, instead of the generated one.'),
  issuers: z
    .record(z.string().min(1).max(200), issuer)
    .default({})
    .describe('Who else signs tokens that hold here, by the text of `iss`. Their claims are those of our own.'),
  webhook: z
    .strictObject({
      url: z
        .string()
        .max(MAX_URL_TEXT)
        .optional()
        .meta({ secret: true })
        .describe('http(s) address that is asked on paths with `play: webhook` or `publish: webhook`.'),
      secret: secret('Signs what is asked: HMAC-SHA256 over `Headend-Timestamp`, a full stop and the body.'),
      playWithoutAnswer: z
        .boolean()
        .default(false)
        .describe('Whether players are let in when there is no answer. Publishers never are.'),
      cacheSeconds: z
        .number()
        .min(0)
        .max(300)
        .default(5)
        .describe('Seconds that an answer is good for the same path, address and credentials.'),
    })
    .prefault({}),
})

/** What a path may say of access. */
export const accessShape = {
  play: z
    .enum(['open', 'key', 'token', 'webhook'])
    .optional()
    .describe(
      'Who may play: everybody; who shows the play key or a token; who shows a token; whom the webhook lets in. Default open.',
    ),
  publish: z
    .enum(['key', 'token', 'webhook'])
    .optional()
    .describe(
      'Who may publish: who shows the publish key or a token; who shows a token; whom the webhook lets in. Default key.',
    ),
  publishKey: secret('Key that publishes here instead of the one in secrets.json.'),
  playKey: secret('Key that plays here instead of the one in secrets.json; takes effect with `play: key`.'),
  users: z
    .record(z.string().min(1).max(64), user)
    .optional()
    .describe('People by name, who show a password (Basic) where others show a key or token.'),
  allow: rules('Addresses and networks that may use the path, like 10.0.0.0/8; all others may not.'),
  deny: rules('Addresses and networks that may not use the path.'),
} as const

function secret(description: string) {
  return z.string().max(MAX_SECRET_TEXT).optional().meta({ secret: true }).describe(description)
}
