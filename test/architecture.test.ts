/** Holds the walls between the folders: who may import whom, no cycles, and the rules a compiler does not know. */
import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { describe, it } from 'node:test'
import { isTest, readSources, type SourceFile, withoutComments } from './support/sources.ts'

interface Rule {
  /** Path prefix the rule is for; `*` stands for one folder. The first rule that fits a file counts. */
  readonly files: string
  /** Path prefixes it may import; `.` is its own folder as matched by `files`. */
  readonly may: readonly string[]
  /** Path prefixes from which types only may be imported. */
  readonly mayTypes?: readonly string[]
  /** No packages and no Node modules. */
  readonly pure?: true
}

const MEDIA_TYPES = ['src/media/track.ts', 'src/media/packet.ts', 'src/media/time.ts', 'src/media/machine.ts']
const MEDIA_CORE = [...MEDIA_TYPES, 'src/media/container.ts']
const PROTOCOL = 'src/protocols/protocol.ts'
const BELOW_PROTOCOLS = ['src/media/', 'src/live/', 'src/library/', 'src/packaging/', 'src/net/', 'src/playlog/']

/** Everybody may import these besides. */
const EVERYWHERE = ['src/errors.ts', 'src/fuzz-target.ts']

const RULES: readonly Rule[] = [
  { files: 'src/media/bytes/', may: ['.'], pure: true },
  { files: 'src/media/amf/', may: ['.', 'src/media/bytes/'], pure: true },
  { files: 'src/media/codecs/', may: ['.', ...MEDIA_CORE, 'src/media/bytes/'], pure: true },
  { files: 'src/media/protection/', may: ['.', ...MEDIA_CORE, 'src/media/bytes/'], pure: true },
  { files: 'src/media/manifests/', may: ['.', ...MEDIA_CORE], pure: true },
  { files: 'src/media/sdp/', may: ['.', ...MEDIA_CORE], pure: true },
  { files: 'src/media/', may: ['src/media/'], pure: true },
  { files: 'src/live/', may: ['.', ...MEDIA_TYPES, 'src/media/bytes/'] },
  { files: 'src/library/', may: ['.', 'src/media/'] },
  { files: 'src/packaging/', may: ['.', 'src/media/', 'src/live/', 'src/library/'] },
  { files: 'src/playlog/', may: ['.', 'src/media/manifests/xml.ts', 'src/media/bytes/'], pure: true },
  {
    files: 'src/net/',
    may: ['.', 'src/media/bytes/', 'src/media/time.ts', 'src/media/machine.ts', 'src/live/'],
    mayTypes: [PROTOCOL],
  },
  { files: PROTOCOL, may: [], mayTypes: ['src/live/', 'src/library/', 'src/packaging/', 'src/playlog/', 'src/net/'] },
  { files: 'src/protocols/protocol.suite.ts', may: ['src/'] },
  { files: 'src/protocols/*/', may: ['.', ...BELOW_PROTOCOLS, PROTOCOL] },
  { files: 'src/services/', may: ['.', ...BELOW_PROTOCOLS, PROTOCOL] },
  {
    files: 'src/server/',
    may: ['.', ...BELOW_PROTOCOLS, 'src/protocols/', 'src/services/'],
  },
  { files: 'src/cli/', may: ['.', 'src/index.ts'] },
  {
    files: 'src/index.ts',
    may: [...BELOW_PROTOCOLS, 'src/protocols/', 'src/services/', 'src/server/'],
  },
  { files: 'src/', may: ['src/'] },
  { files: 'web/', may: ['web/', 'src/media/', 'src/playlog/'], mayTypes: ['src/services/admin/'] },
]

/** Type-only imports that run against the order; they vanish when the code runs. */
const ACCEPTED_TYPE_CYCLES = ['src/live/feed.ts → src/live/stream.ts']

/** Files above MAX_LINES: tables, with what they list. */
const LONG_TABLES: Readonly<Record<string, string>> = {}
const MAX_LINES = 400
/** Fewer modules than this means that the scan found the wrong folder. */
const MIN_MODULES = 100

/** Only these files of a protocol open sockets. */
const SOCKET_FILES = /(^|[-/])(server|client|listener)\.ts$/
const SOCKET_MODULES = new Set(['node:net', 'node:dgram', 'node:tls', 'node:http', 'node:https', 'node:http2'])

/** What the hub must not know. */
const FORMAT_WORDS =
  /\b(rtmps?|rtsp|srt|webrtc|whip|whep|wmsp|mmsp|hls|dash|cmaf|flv|mpeg-?ts|isobmff|f?mp4|asf|matroska|webm|amf0?|h\.?26[45]|avc|hevc|aac|opus|mp3|e?ac3|flac|av1|vp[89])\b/i

const files = await readSources('src/**/*.ts', 'web/**/*.ts')
const modules = files.filter((file) => !isTest(file.path))

describe('architecture', () => {
  it('finds the modules', () => {
    assert.ok(modules.length >= MIN_MODULES, `${modules.length} modules`)
  })

  it('has a table that catches what it is for', () => {
    const caught = (path: string, target: string, typeOnly = false) =>
      forbiddenImports({ path, text: '', imports: [{ target, typeOnly }] }).length > 0

    assert.ok(caught('src/media/codecs/h264/config.ts', 'node:buffer'))
    assert.ok(caught('src/media/bytes/byte-reader.ts', 'src/media/track.ts'))
    assert.ok(caught('src/live/stream.ts', 'src/media/containers/flv/muxer.ts'))
    assert.ok(caught('src/net/pump.ts', 'src/protocols/protocol.ts'))
    assert.ok(!caught('src/net/pump.ts', 'src/protocols/protocol.ts', true))
    assert.ok(caught('src/protocols/rtmp/session.ts', 'src/protocols/http-flv/index.ts'))
    assert.ok(!caught('src/protocols/rtmp/session.ts', 'src/protocols/rtmp/message.ts'))
    assert.ok(caught('src/services/relay/pull.ts', 'src/protocols/rtmp/index.ts'))
    assert.ok(caught('src/cli/run.ts', 'src/server/server.ts'))
    assert.ok(caught('web/player/player.ts', 'src/live/hub.ts'))
  })

  it('imports only what the table allows', () => {
    expectNone(modules.flatMap(forbiddenImports))
  })

  it('has no import cycles', () => {
    expectNone(findCycles(modules))
  })

  it('opens sockets of protocols only in server, client and listener files', () => {
    expectNone(
      modules
        .filter((file) => file.path.startsWith('src/protocols/') && !SOCKET_FILES.test(file.path))
        .flatMap((file) =>
          file.imports
            .filter((entry) => !entry.typeOnly && SOCKET_MODULES.has(entry.target))
            .map((entry) => `${file.path} imports ${entry.target}`),
        ),
    )
  })

  it('names no protocol, container or codec in live/', () => {
    expectNone(
      modules
        .filter((file) => file.path.startsWith('src/live/'))
        .flatMap((file) => {
          const word = FORMAT_WORDS.exec(withoutComments(file.text))
          return word === null ? [] : [`${file.path} names ${word[0]}`]
        }),
    )
  })

  it('has one concept per file', () => {
    const long = modules.filter((file) => lineCount(file) > MAX_LINES && LONG_TABLES[file.path] === undefined)

    expectNone(long.map((file) => `${file.path}: ${lineCount(file)} lines, expected at most ${MAX_LINES}`))
    expectNone(Object.keys(LONG_TABLES).filter((path) => !modules.some((file) => file.path === path)))
  })

  it('names files by what they hold', () => {
    expectNone(
      files
        .map((file) => file.path)
        .filter(
          (path) =>
            /(^|[-/])(helpers?|managers?|utils?|common|misc|shared)([-./]|$)/i.test(path) ||
            !/^[a-z0-9]+([-.][a-z0-9]+)*$/.test(basename(path)),
        ),
    )
  })

  it('opens each module with a sentence on what it is for', () => {
    expectNone(modules.filter((file) => !/^(#![^\n]*\n)?\/\*\*/.test(file.text)).map((file) => file.path))
  })

  it('lists exports by name and keeps no commented-out code', () => {
    expectNone(
      files.flatMap((file) => [
        ...lines(file, /^export \*/, 'export *'),
        ...lines(
          file,
          /^\s*\/\/\s*(import .* from '|(const|let) \w+ = |return\b.*[;)]$|if \(.*\) [{\w]|await \w+\()/,
          'commented-out code',
        ),
      ]),
    )
  })
})

function forbiddenImports(file: SourceFile): string[] {
  const rule = RULES.find((candidate) => matched(candidate.files, file.path) !== undefined)
  assert.ok(rule !== undefined, `no rule for ${file.path}`)
  const own = matched(rule.files, file.path) ?? ''
  const allowed = [...rule.may.map((prefix) => (prefix === '.' ? own : prefix)), ...EVERYWHERE]
  return file.imports.flatMap((entry) => {
    const isPath = /^(src|web|test|scripts|bench)\//.test(entry.target)
    if (!isPath) return rule.pure && !entry.target.startsWith('.') ? [`${file.path} imports ${entry.target}`] : []
    const prefixes = entry.typeOnly ? [...allowed, ...(rule.mayTypes ?? [])] : allowed
    return prefixes.some((prefix) => entry.target.startsWith(prefix)) ? [] : [`${file.path} imports ${entry.target}`]
  })
}

/** The part of `path` that a prefix with `*` stands for, or `undefined`. */
function matched(prefix: string, path: string): string | undefined {
  const pattern = new RegExp(`^${prefix.replaceAll('.', '\\.').replaceAll('*', '[^/]+')}`)
  return pattern.exec(path)?.[0]
}

function findCycles(all: readonly SourceFile[]): string[] {
  const byPath = new Map(all.map((file) => [file.path, file]))
  const done = new Set<string>()
  const cycles: string[] = []
  const visit = (path: string, trail: readonly string[]) => {
    const start = trail.indexOf(path)
    if (start >= 0) {
      cycles.push([...trail.slice(start), path].join(' → '))
      return
    }
    if (done.has(path)) return
    for (const entry of byPath.get(path)?.imports ?? []) {
      if (entry.typeOnly && ACCEPTED_TYPE_CYCLES.includes(`${path} → ${entry.target}`)) continue
      if (byPath.has(entry.target)) visit(entry.target, [...trail, path])
    }
    done.add(path)
  }
  for (const { path } of all) visit(path, [])
  return cycles
}

function lines(file: SourceFile, pattern: RegExp, what: string): string[] {
  return file.text.split('\n').flatMap((line, at) => (pattern.test(line) ? [`${file.path}:${at + 1}: ${what}`] : []))
}

function lineCount(file: SourceFile): number {
  return file.text.trimEnd().split('\n').length
}

function expectNone(found: readonly string[]): void {
  assert.equal(found.length, 0, `found ${found.length}:\n${found.join('\n')}`)
}
