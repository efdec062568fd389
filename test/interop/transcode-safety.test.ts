/** J-01 to J-07: what hostile names, hostile files and a misbehaving encoder can do to the server, with the real ffmpeg. */
import assert from 'node:assert/strict'
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it, type TestContext } from 'node:test'
import type { MediaFile } from '../../src/library/media-files.ts'
import type { MediaFormat } from '../../src/media/reader.ts'
import { Child, type ChildLimits } from '../../src/services/transcode/child.ts'
import { findPrograms, parseVersion, versionWarnings } from '../../src/services/transcode/programs.ts'
import { makeMedia } from '../support/media.ts'
import { run } from '../support/process.ts'
import { requireTool } from '../support/tools.ts'
import { waitUntil } from './peers.ts'
import {
  encodersOf,
  openedFile,
  openTranscoding,
  processes,
  renditionOf,
  segmentBytes,
  type Transcoding,
} from './transcoding.ts'

const SECONDS = 12
const NO_LIMITS: ChildLimits = { prlimit: undefined, memoryBytes: 0, cpuSeconds: undefined, nice: 0 }

async function wmv(ffmpeg: string): Promise<string> {
  return makeMedia(ffmpeg, { container: 'wmv', video: 'wmv2', audio: 'wmav2', seconds: SECONDS, extra: ['-b:v', '1M'] })
}

/** Opens a film and leaves its encoder standing, to be looked at. */
async function standing(t: TestContext, ffmpeg: string, name = 'film.wmv', options = {}) {
  const transcoding = await openTranscoding(t, options)
  copyFileSync(await wmv(ffmpeg), join(transcoding.media, name))
  const presentation = await transcoding.open(name)
  t.after(() => presentation.close())
  const [encoder] = encodersOf(process.pid).filter(({ pid }) => openedFile(pid, 3) === join(transcoding.media, name))
  assert.ok(encoder !== undefined, 'an encoder reads the file')
  return { transcoding, presentation, encoder }
}

it('J-01, J-02: names of files are never words of a command', { timeout: 60_000 }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const names = [
    '$(touch pwned) `touch pwned`;touch pwned & "\'.wmv',
    '-i.wmv',
    '-f lavfi -i testsrc.wmv',
    'concat:film.wmv|other.wmv',
    'file:film.wmv',
    'pipe:0.wmv',
    '|touch pwned|.wmv',
    '%d%n%s.wmv',
    'data:text,x.wmv',
    'Концерт – Ω.wmv',
  ]
  const transcoding = await openTranscoding(t, { maxWorkers: 16 })
  const { media } = transcoding
  const source = await wmv(ffmpeg)

  for (const name of names) {
    copyFileSync(source, join(media, name))
    const presentation = await transcoding.open(name)
    for (const { args } of encodersOf(process.pid)) assert.ok(!args.join('\0').includes(name), name)
    const first = await segmentBytes(presentation, renditionOf(presentation, 'video'), 0)
    presentation.close()
    assert.ok(first.byteLength > 1000, name)
  }
  assert.deepEqual(
    readdirSync(media)
      .filter((name) => !name.startsWith('.'))
      .toSorted(),
    names.toSorted(),
  )
  assert.ok(!existsSync('/pwned') && !existsSync('pwned'))
})

it('J-03: the environment of an encoder has fixed names and none of the secrets of the server', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  process.env['HEADEND_AUTH_ADMIN_TOKEN'] = 'canary-of-the-environment'
  t.after(() => {
    delete process.env['HEADEND_AUTH_ADMIN_TOKEN']
  })

  const { encoder } = await standing(t, ffmpeg)

  const names = readFileSync(`/proc/${encoder.pid}/environ`, 'utf8').split('\0').slice(0, -1)
  const found = names.map((line) => line.split('=')[0] ?? '').toSorted((left, right) => left.localeCompare(right))
  assert.deepEqual(found, ['AV_LOG_FORCE_NOCOLOR', 'LC_ALL', 'PATH'])
})

it('J-04: an encoder that hangs is ended and started again', { timeout: 60_000 }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const { transcoding, presentation, encoder } = await standing(t, ffmpeg, 'hangs.wmv', { stallSeconds: 1 })
  process.kill(encoder.pid, 'SIGSTOP')

  const bytes = await segmentBytes(presentation, renditionOf(presentation, 'video'), 3)

  assert.ok(bytes.byteLength > 1000)
  assert.ok(transcoding.said.some(({ fields }) => String(fields['error']).includes('gave nothing for 1 s')))
  await waitUntil('the one that hung is gone', () => !processes().some(({ pid }) => pid === encoder.pid))
})

it('J-04: what a child starts ends with it, and what it writes to its log is bounded', async () => {
  const forking = new Child('/bin/sh', ['-c', 'sleep 987654 & sleep 987654'], { limits: NO_LIMITS, stallMs: 60_000 })
  await waitUntil('both sleep', () => sleepers().length === 2)
  forking.stop()
  await forking.gone()
  await waitUntil('nobody sleeps', () => sleepers().length === 0)

  const leaving = new Child('/bin/sh', ['-c', 'sleep 987654 >&- 2>&- & exit 0'], { limits: NO_LIMITS, stallMs: 60_000 })
  await leaving.collect(10)
  await waitUntil('nobody sleeps', () => sleepers().length === 0)

  const flooding = new Child('/bin/sh', ['-c', 'yes word >&2'], { limits: NO_LIMITS, stallMs: 300 })
  await assert.rejects(flooding.collect(10), {
    code: 'ERR_TRANSCODE_FAILED',
    message: /^sh gave nothing for 0.3 s: word/,
  })
  assert.ok(flooding.log.length <= 4000)

  const talking = new Child('/bin/sh', ['-c', 'yes'], { limits: NO_LIMITS, stallMs: 5000 })
  await assert.rejects(talking.collect(1000), { code: 'ERR_TRANSCODE_FAILED', message: 'sh gave more than 1000 bytes' })
  await talking.gone()
})

it('J-05: a playlist, a list of files or a drawing is given to no demuxer that knows it', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'headend-secret-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const secret = join(folder, 'secret.wmv')
  copyFileSync(await wmv(ffmpeg), secret)
  const transcoding = await openTranscoding(t)
  const hostile = {
    'list.m3u8': `#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://${secret}\n#EXT-X-ENDLIST\n`,
    'list.ffconcat': `ffconcat version 1.0\nfile '${secret}'\n`,
    'drawing.svg': `<svg xmlns="http://www.w3.org/2000/svg"><image href="file://${secret}"/></svg>`,
    'session.sdp': 'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n',
    'manifest.mpd': `<MPD><Period><AdaptationSet><Representation><BaseURL>${secret}</BaseURL></Representation></AdaptationSet></Period></MPD>`,
  }

  for (const [name, text] of Object.entries(hostile)) {
    // By its own look the server opens none of them; whatever another reader took it for, ffmpeg does not follow it either.
    writeFileSync(join(transcoding.media, `${name}.wmv`), text)
    await assert.rejects(transcoding.open(`${name}.wmv`), { code: 'ERR_MEDIA_UNKNOWN_FORMAT' }, name)
    for (const format of ['asf', 'mp4', 'mpegts', 'mp3'] as const) {
      const media = await taken(transcoding, `${name}.wmv`, format)
      await assert.rejects(transcoding.service.openFile(media), isOurs, `${name} as ${format}`)
    }
  }
  assert.equal(transcoding.service.running, 0)
})

it('J-06: an encoder has little to eat: memory, processor time, files, a low priority, and writes nothing', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const { encoder } = await standing(t, ffmpeg, 'film.wmv', { memoryMegabytes: 1024, cpuSeconds: 100 })

  const limits = readFileSync(`/proc/${encoder.pid}/limits`, 'utf8')
  const limit = (name: string) => Number(new RegExp(`^${name} +(\\d+)`, 'm').exec(limits)?.[1])
  const stat = readFileSync(`/proc/${encoder.pid}/stat`, 'latin1')
  const nice = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])

  assert.equal(limit('Max address space'), 1024 * 1024 * 1024)
  assert.equal(limit('Max cpu time'), 100)
  assert.equal(limit('Max open files'), 64)
  assert.equal(limit('Max file size'), 0)
  assert.equal(limit('Max core file size'), 0)
  assert.ok(nice >= 10, `niceness ${nice}`)
})

it('J-06: a file that needs more memory than there is fails alone, in words', { timeout: 60_000 }, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return
  const transcoding = await openTranscoding(t, { memoryMegabytes: 512 })
  const path = join(transcoding.media, 'huge.mp4')
  const args = ['-f', 'lavfi', '-i', 'color=size=8000x8000:rate=1', '-frames:v', '2', '-c:v', 'mpeg4', '-g', '1', path]
  const made = await run(ffmpeg, ['-v', 'error', '-nostdin', '-y', ...args])
  assert.equal(made.code, 0, made.stderr)

  await assert.rejects(transcoding.open('huge.mp4'), isOurs)
  copyFileSync(await wmv(ffmpeg), join(transcoding.media, 'film.wmv'))
  const presentation = await transcoding.open('film.wmv')
  presentation.close()

  assert.ok(presentation.segments.length > 1)
})

it('J-07: the version is read, and old ones are warned of', async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  if (ffmpeg === undefined) return

  const { version, prlimit } = await findPrograms('ffmpeg')

  assert.ok(version !== undefined && version[0] >= 4, String(version))
  assert.ok(prlimit !== undefined)
  assert.deepEqual(parseVersion('ffmpeg version 5.1.9-0+deb12u1 Copyright'), [5, 1])
  assert.deepEqual(parseVersion('ffmpeg version n4.3-2-gabc Copyright'), [4, 3])
  assert.equal(parseVersion('ffmpeg version N-118193-g5f38c82536 Copyright'), undefined)
  assert.deepEqual(versionWarnings([7, 1]), [])
  assert.deepEqual(versionWarnings(undefined), [])
  assert.equal(versionWarnings([4, 1]).length, 2)
  assert.match(versionWarnings([5, 0]).join(), /^ffmpeg 5\.0 is older than 5\.1/)
})

it('without ffmpeg the error says what to install', async (t) => {
  const transcoding = await openTranscoding(t, { ffmpeg: '/nowhere/ffmpeg' })
  writeFileSync(join(transcoding.media, 'film.wmv'), '')

  await assert.rejects(transcoding.service.openFile(await taken(transcoding, 'film.wmv', 'asf')), {
    code: 'ERR_TRANSCODE_NO_FFMPEG',
    message: /\/nowhere\/ffmpeg: install it on the server \(Debian, Ubuntu: apt install ffmpeg/,
  })
})

/** It cannot be read, or fails while it is. */
function isOurs(error: Error & { readonly code?: string }): boolean {
  return /^ERR_TRANSCODE_(FAILED|NO_MEDIA)$/.test(String(error.code))
}

/** A file as a reader would give it that took it for something else. */
async function taken({ media }: Transcoding, name: string, format: MediaFormat): Promise<MediaFile> {
  const { openLibrary } = await import('../../src/library/library.ts')
  const file = await openLibrary(() => ({ root: media, mounts: {} })).open(`vod/${name}`)
  return {
    file,
    reader: {
      format,
      tracks: [],
      foreign: [],
      duration: 5_000_000,
      metadata: {},
      notes: [],
      keyPoints: () => Promise.resolve([]),
      // biome-ignore lint/correctness/useYield: a file without packets
      packets: async function* () {},
    },
    close: () => void file.close().catch(() => undefined),
  }
}

function sleepers() {
  return processes().filter(({ args }) => args[0] === 'sleep' && args[1] === '987654')
}
