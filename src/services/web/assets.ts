/** The files of the web pages: read, stripped of types and compressed when first asked for; what is not in the list does not exist. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire, stripTypeScriptTypes } from 'node:module'
import path from 'node:path'
import { hotAnswer } from '../../net/http/hot-answer.ts'
import type { HotAnswer } from '../../net/http/routes.ts'

/** The pages of this package lie at the same distance from the sources and from the built files. */
const WEB = path.join(import.meta.dirname, '../../../web')

/** Players of the watch page and charts of the console, from their packages. */
const VENDOR: Readonly<Record<string, readonly [packageName: string, file: string]>> = {
  'hls.js': ['hls.js', 'dist/hls.min.js'],
  'mpegts.js': ['mpegts.js', 'dist/mpegts.js'],
  'shaka.js': ['shaka-player', 'dist/shaka-player.dash-es2021.js'],
  'uplot.css': ['uplot', 'dist/uPlot.min.css'],
  'uplot.js': ['uplot', 'dist/uPlot.iife.min.js'],
}

/** Modules of the server that pages load as well: pure ones, at the same place below /assets/src/ as below src/. */
const SHARED = [
  'playlog/cmcd/keys',
  'playlog/cmcd/request-url',
  'playlog/cmcd/write',
  'playlog/reporting/playback-states',
  'playlog/reporting/report-queue',
  'playlog/reporting/session-report',
] as const
const SOURCES = path.join(import.meta.dirname, '../..')
/** Of this file and of its neighbours: `.js` in the built package. */
const SOURCE_ENDING = path.extname(import.meta.filename)

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.ts': 'text/javascript; charset=utf-8',
}

/** Nothing comes from elsewhere; players make blob URLs for media and workers, and a data URL for an empty text track. */
const SECURITY_HEADERS = {
  'Content-Security-Policy':
    "default-src 'self'; media-src 'self' blob: data:; worker-src 'self' blob:; connect-src 'self' ws: wss:; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
} as const

export interface WebAssets {
  /** By the name below /assets/: `pages/home.ts`, `vendor/hls.js`. */
  asset(name: string): HotAnswer | undefined
  /** By file name: `index.html`. */
  page(name: string): HotAnswer | undefined
}

export function openWebAssets(): WebAssets {
  const files = listFiles()
  const answers = new Map<string, HotAnswer>()
  const find = (name: string): HotAnswer | undefined => {
    const known = answers.get(name)
    if (known !== undefined) return known
    const file = files.get(name)
    if (file === undefined) return undefined
    const made = answer(file)
    answers.set(name, made)
    return made
  }
  return {
    asset: (name) => (name.endsWith('.html') ? undefined : find(name)),
    page: find,
  }
}

function listFiles(): ReadonlyMap<string, string> {
  const files = new Map<string, string>()
  for (const entry of readdirSync(WEB, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name)
    const name = path.relative(WEB, file).replaceAll(path.sep, '/')
    if (entry.isFile() && path.extname(file) in TYPES && !name.endsWith('.test.ts')) files.set(name, file)
  }
  for (const name of SHARED) {
    const file = path.join(SOURCES, `${name}${SOURCE_ENDING}`)
    // Pages name it by its source, built modules name each other as they are.
    files.set(`src/${name}.ts`, file)
    files.set(`src/${name}${SOURCE_ENDING}`, file)
  }
  const require = createRequire(import.meta.url)
  for (const [name, [packageName, file]] of Object.entries(VENDOR)) {
    // Packages do not export their browser builds by name, so the folder is found through the package file.
    files.set(`vendor/${name}`, path.join(path.dirname(require.resolve(`${packageName}/package.json`)), file))
  }
  return files
}

function answer(file: string): HotAnswer {
  const source = readFileSync(file)
  const body = file.endsWith('.ts') ? Buffer.from(moduleOf(source.toString())) : source
  return hotAnswer({
    headers: {
      'Content-Type': TYPES[path.extname(file)] ?? 'application/octet-stream',
      'Cache-Control': 'no-cache',
      // Weak, because the gzip form has the same one.
      ETag: `W/"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`,
      ...SECURITY_HEADERS,
    },
    body,
    gzip: true,
  })
}

/** Without types; what lies in src/ is asked for where it is served. */
function moduleOf(source: string): string {
  return stripTypeScriptTypes(source).replaceAll(/(?<=from ')(?:\.\.\/)+src\//g, '/assets/src/')
}
