/** The files of the web pages, read once at start: what is not in the list does not exist, whatever a request says. */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { ConfigError } from '../../errors.ts'
import { hotAnswer } from './hot-answer.ts'
import type { HotAnswer } from './routes.ts'

export interface StaticFilesOptions {
  /** Folder. Links, dot files and names outside `[A-Za-z0-9._-]` are left out. */
  readonly root: string
  /** Path the folder appears at; starts and ends with `/`. Default `/`. */
  readonly prefix?: string
  /** On every answer: Content-Security-Policy and the like. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface StaticFiles {
  /** Hot lookup: a path of the list, any query. `…/` finds `…/index.html`. */
  readonly lookup: (target: string) => HotAnswer | undefined
  /** The answer for a file by its path within the root: to show one page at many paths. */
  readonly answer: (file: string) => HotAnswer | undefined
  /** Paths of all files. */
  readonly paths: readonly string[]
}

const MAX_FILES = 2_000
const MAX_TOTAL_BYTES = 64 * 1024 * 1024

const TYPES: Readonly<Record<string, string>> = {
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
  ico: 'image/x-icon',
  jpg: 'image/jpeg',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  map: 'application/json',
  mjs: 'text/javascript; charset=utf-8',
  mp4: 'video/mp4',
  png: 'image/png',
  svg: 'image/svg+xml',
  txt: 'text/plain; charset=utf-8',
  wasm: 'application/wasm',
  webmanifest: 'application/manifest+json',
  webp: 'image/webp',
  woff2: 'font/woff2',
}
const TEXT = /^(css|html|js|json|map|mjs|svg|txt|wasm|webmanifest)$/
/** `app.3f9a2c71.js`: a name that changes with its content may be kept for ever. */
const HASHED_NAME = /[.-][0-9a-f]{8,}\.[a-z0-9]+$/

/** Throws ConfigError ERR_CONFIG_STATIC when the folder holds too much, and the system's error when it is not readable. */
export async function loadStaticFiles(options: StaticFilesOptions): Promise<StaticFiles> {
  const { root, prefix = '/', headers = {} } = options
  const bodies = new Map<string, Buffer>()
  let total = 0
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    // `isFile` is false for links: nothing outside the root is ever in the list.
    if (!entry.isFile()) continue
    const file = relative(root, join(entry.parentPath, entry.name)).split(sep).join('/')
    if (!file.split('/').every((segment) => /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(segment))) continue
    const body = await readFile(join(root, file))
    total += body.byteLength
    if (total > MAX_TOTAL_BYTES || bodies.size >= MAX_FILES) {
      throw new ConfigError(
        'ERR_CONFIG_STATIC',
        `expected at most ${MAX_FILES} files and ${MAX_TOTAL_BYTES} bytes in ${root}`,
      )
    }
    bodies.set(file, body)
  }

  // Made when first asked for: compressing everything would hold up the start.
  const answers = new Map<string, HotAnswer>()
  const answer = (file: string): HotAnswer | undefined => {
    const known = answers.get(file)
    if (known !== undefined) return known
    const body = bodies.get(file)
    if (body === undefined) return undefined
    const made = answerOf(file, body, headers)
    answers.set(file, made)
    return made
  }
  const lookup = (target: string): HotAnswer | undefined => {
    if (!target.startsWith(prefix)) return undefined
    const mark = target.indexOf('?')
    const file = target.slice(prefix.length, mark < 0 ? undefined : mark)
    return answer(file === '' || file.endsWith('/') ? `${file}index.html` : file)
  }
  return { lookup, answer, paths: [...bodies.keys()].map((file) => prefix + file) }
}

function answerOf(file: string, body: Buffer, headers: Readonly<Record<string, string>>): HotAnswer {
  const extension = file.slice(file.lastIndexOf('.') + 1).toLowerCase()
  const digest = createHash('sha256').update(body).digest('base64url').slice(0, 22)
  return hotAnswer({
    headers: {
      'Content-Type': TYPES[extension] ?? 'application/octet-stream',
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': HASHED_NAME.test(file) ? 'public, max-age=31536000, immutable' : 'no-cache',
      // Weak: the gzip form has the same one.
      ETag: `W/"${digest}"`,
      ...headers,
    },
    body,
    gzip: TEXT.test(extension),
    gzipLevel: 9,
  })
}
