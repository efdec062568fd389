/** The README's table of what is spoken in which direction; a module that is offered and has no row here is an error. */

interface Row {
  readonly title: string
  readonly receives: string
  readonly sends: string
  /** As a client, by `headend pull`, `push` and `play`. */
  readonly client: string
}

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  rtmp: [{ title: 'RTMP, RTMPS, Enhanced RTMP v2', receives: 'publish', sends: 'play', client: 'pull, push' }],
  progressive: [
    { title: 'HTTP-FLV', receives: '', sends: 'play', client: 'pull' },
    { title: 'WebSocket-FLV', receives: '', sends: 'play', client: 'pull' },
  ],
  hls: [{ title: 'HLS and low-latency HLS (CMAF)', receives: '', sends: 'play', client: 'play' }],
  dash: [{ title: 'DASH, low-latency DASH (CMAF)', receives: '', sends: 'play', client: 'play' }],
  windowsMedia: [
    {
      title: 'Windows Media over HTTP (WMSP, `mms://`)',
      receives: 'pull',
      sends: 'play, files, playlists',
      client: 'pull, play, serve',
    },
    { title: 'WM HTTP push', receives: 'publish', sends: '', client: 'push' },
  ],
}
/** Modules that speak no media. */
const WITHOUT_MEDIA = new Set([
  'web',
  'catalogue',
  'license',
  'audience',
  'admin',
  'api',
  'auth',
  'testChannel',
  'test-channel',
])

const START = '<!-- support matrix: written by `npm run docs` -->'
const END = '<!-- end of support matrix -->'

/** The README with the table between its markers replaced; unchanged when it has none. */
export function writeSupportMatrix(readme: string, modules: readonly string[]): string {
  const from = readme.indexOf(START)
  const to = readme.indexOf(END)
  if (from < 0 || to < from) return readme
  const rows = modules.flatMap((name) => {
    const known = ROWS[name]
    if (known === undefined && !WITHOUT_MEDIA.has(name)) {
      throw new Error(`module ${name} has no row in scripts/reference/support-matrix.ts`)
    }
    return (known ?? []).map((row) => `| ${row.title} | ${row.receives} | ${row.sends} | ${row.client} |`)
  })
  const table = ['| protocol | server receives | server sends | as a client |', '|---|---|---|---|', ...rows].join('\n')
  return `${readme.slice(0, from + START.length)}\n${table}\n${readme.slice(to)}`
}
