/** The settings of the whole server: its own, and those of every module, as one schema. */
import { z } from 'zod'
import { accessShape, authOptions } from '../services/auth/options.ts'
import { protectOption } from '../services/license/protect-option.ts'
import { recordingOptions, recordOption } from '../services/recorder/options.ts'
import { transcodeOptions } from '../services/transcode/options.ts'
import { modules } from './modules.ts'

const port = z.int().min(0).max(65_535)
const MAX_WINDOW_MS = 2_000
const MAX_GRACE_MS = 3_600_000
const MAX_PLAYLIST_ENTRIES = 1000
const MAX_URL_TEXT = 2048

/** How one path behaves; every key may be left out. */
const pathSettings = z.strictObject({
  graceMs: z
    .int()
    .min(0)
    .max(MAX_GRACE_MS)
    .optional()
    .describe(
      'Milliseconds a stream outlives its publisher, so that a reconnect continues it; 0 ends it at once. Default 10000.',
    ),
  onBusy: z
    .enum(['refuse', 'takeover'])
    .optional()
    .describe(
      'What a second publisher of a busy path gets: `refuse` keeps the first, `takeover` replaces it. Default refuse.',
    ),
  windowMs: z
    .int()
    .min(0)
    .max(MAX_WINDOW_MS)
    .optional()
    .describe(
      'Milliseconds of media merged into one write for all viewers; less is lower latency, more is less work. Default 100.',
    ),
  ...accessShape,
  record: recordOption,
  protect: protectOption,
  pull: z
    .string()
    .max(MAX_URL_TEXT)
    .optional()
    .meta({ secret: true })
    .describe(
      'Address of a source that this server fetches and publishes here, and fetches again when it breaks: mms://…, mmsh://… or rtmp://…. Only for a path without `*`.',
    ),
})

/** Entries that play one after the other under `channel/NAME`. */
const playlist = z.strictObject({
  entries: z
    .array(z.string().min(1).max(1024))
    .min(1)
    .max(MAX_PLAYLIST_ENTRIES)
    .describe('What plays, one after the other: files of the library (`vod/FILE`) and live streams (`live/NAME`).'),
  loop: z.boolean().default(false).describe('Start again behind the last entry.'),
})

/** What the server itself can be told. `paths` and `playlists` are maps, so they are in the file only; the rest has flags and variables. */
export const serverSettings = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('0.0.0.0')
    .describe('Address to listen on: 0.0.0.0 for all interfaces, 127.0.0.1 for this machine only.'),
  data: z
    .string()
    .min(1)
    .default('./data')
    .describe('Folder for state: secrets, keys, recordings, logs. Created if missing.'),
  media: z
    .string()
    .min(1)
    .default('./media')
    .describe('Folder of the on-demand library; its files are played as vod/FILE. Need not exist.'),
  readyFile: z
    .string()
    .min(1)
    .optional()
    .describe('File that gets `{pid, urls, ports}` as JSON once everything listens; for scripts and tests.'),
  testChannel: z.boolean().default(true).describe('Publish a test picture and tone as live/test from the start.'),
  drainMs: z
    .int()
    .min(0)
    .max(600_000)
    .default(10_000)
    .describe('Milliseconds that sessions get to end politely when the server stops; then they are cut.'),
  http: z
    .strictObject({
      name: z
        .string()
        .regex(/^[\u0020-\u007e]{1,64}$/)
        .default('headend')
        .describe(
          'What this server calls itself in what it tells players and caches (CMSD): its owner and place, in short.',
        ),
      port: port.default(8080).describe('Port of pages, HLS, DASH, FLV and the API. 0 picks a free one.'),
      trustedProxies: z
        .array(z.string().min(1).max(64))
        .max(1000)
        .default([])
        .describe('Addresses and networks of reverse proxies whose X-Forwarded-For is believed, like 10.0.0.0/8.'),
    })
    .prefault({}),
  https: z
    .strictObject({
      port: port
        .default(8443)
        .describe('Port of the same over TLS; opened when a certificate is given. 0 picks a free one.'),
    })
    .prefault({}),
  tls: z
    .strictObject({
      certificate: z
        .string()
        .min(1)
        .optional()
        .describe('PEM file of the certificate chain. Opens the TLS form of every protocol.'),
      key: z.string().min(1).optional().describe('PEM file of the private key of the certificate.'),
    })
    .prefault({}),
  log: z
    .strictObject({
      level: z
        .enum(['debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('Least serious lines that are printed.'),
      format: z
        .enum(['auto', 'json', 'text'])
        .default('auto')
        .describe('`json`: one object a line; `text`: for people; `auto`: text on a terminal, else json.'),
    })
    .prefault({}),
  logs: z
    .strictObject({
      maxAgeDays: z
        .int()
        .min(1)
        .max(36_500)
        .default(30)
        .describe('Days that files of play logs (in `logs` of the data folder) are kept.'),
      maxBytes: z
        .int()
        .min(65_536)
        .max(1_099_511_627_776)
        .default(1_073_741_824)
        .describe('Bytes of all files of play logs together; the oldest are removed.'),
      maxFileBytes: z
        .int()
        .min(65_536)
        .max(1_073_741_824)
        .default(67_108_864)
        .describe('Bytes of one file of play logs; each day begins another in any case.'),
    })
    .prefault({}),
  auth: authOptions.prefault({}),
  api: z
    .strictObject({
      hosts: z
        .array(z.string().min(1).max(253))
        .max(100)
        .default([])
        .describe(
          'Names this server is reached by, beside IP addresses, localhost and the name of this machine. API requests for other names are refused: a foreign page may not reach the API by pointing its own name here.',
        ),
      metrics: z
        .enum(['local', 'token', 'open'])
        .default('local')
        .describe(
          'Who may read /metrics: this machine, who shows the admin token (which is always enough), or everybody.',
        ),
    })
    .prefault({}),
  limits: z
    .strictObject({
      streams: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(10_000)
        .describe('Streams at the same time. A change takes a restart.'),
      sessions: z
        .int()
        .min(1)
        .max(10_000_000)
        .default(20_000)
        .describe('Publishers and viewers at the same time. A reload changes it for those to come.'),
      waiting: z
        .int()
        .min(0)
        .max(1_000_000)
        .default(10_000)
        .describe('Viewers that wait for a stream which is not published yet. A change takes a restart.'),
      streamBytes: z
        .int()
        .min(1_048_576)
        .max(1_073_741_824)
        .default(33_554_432)
        .describe(
          'Bytes of recent packets kept per stream; must hold one group of pictures. A change takes a restart.',
        ),
    })
    .prefault({}),
  transcode: transcodeOptions.prefault({}),
  recording: recordingOptions.prefault({}),
  playlists: z
    .record(
      z
        .string()
        .regex(/^[A-Za-z0-9_.-]+$/)
        .max(190),
      playlist,
    )
    .default({})
    .describe(
      'Playlists by name: each is played as channel/NAME by Windows Media players, every viewer from its start.',
    ),
  paths: z
    .record(z.string().min(1).max(200), pathSettings)
    .default({})
    .describe(
      'Settings by path pattern: `*` stands for one segment, `**` for any number. All that match count; later ones override earlier ones.',
    ),
})

/** Settings of the server itself, with defaults filled in. */
export type ServerSettings = z.infer<typeof serverSettings>
export type PathSettingsInput = z.infer<typeof pathSettings>

/** Schemas of the modules, by name: each is a key of the settings, and `false` there turns the module off. */
export const moduleSettings: ReadonlyMap<string, z.ZodType> = new Map(
  modules.map(({ name, options }) => [name, options] as const),
)

/** Checked settings. */
export interface Settings {
  readonly server: ServerSettings
  /** Options of every module that is on. */
  readonly modules: ReadonlyMap<string, unknown>
}
