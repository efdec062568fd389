/** `headend probe`, as people and programs call it. */
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { ProbeResult } from '../index.ts'
import { plainFile } from '../media/containers/flv/vectors.ts'

const MAIN = join(import.meta.dirname, '../../bin/headend.js')
const TEST_FILES = join(import.meta.dirname, '../media/containers/asf/testdata')
const FLV = Buffer.from(plainFile, 'base64')

let folder = ''
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'headend-probe-'))
  writeFileSync(join(folder, 'plain.flv'), FLV)
  writeFileSync(join(folder, 'notes.txt'), 'no media at all')
  cpSync(join(TEST_FILES, 'wmv2-wmav2.wmv'), join(folder, 'Ein Film.wmv'))
})
after(() => rmSync(folder, { recursive: true }))

function headend(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [MAIN, ...args], { cwd: folder }, (_, stdout, stderr) => {
      resolve({ code: child.exitCode ?? -1, stdout, stderr })
    })
  })
}

describe('headend probe', () => {
  it('says for people what is in several files, and exits 0', async () => {
    const { code, stdout, stderr } = await headend('probe', 'plain.flv', 'Ein Film.wmv')

    assert.deepEqual([code, stderr], [0, ''])
    assert.equal(
      stdout,
      [
        'plain.flv: FLV, 0:00:00.202, 948 bytes, 38 kb/s',
        '  video 1: h264 (avc1.64000A), 32×32, 25 fps',
        '  audio 101: aac (mp4a.40.2), 44100 Hz, 1 channel',
        '  key frames: 1',
        '  browsers: play it as it is',
        'Ein Film.wmv: ASF, 0:00:01.046, 11.6 kB, 89 kb/s',
        '  video 1: wmv2, 64×48, 15 fps',
        '  audio 101: wma2, 22050 Hz, 1 channel',
        '  key frames: 2, every 0.53 s on average, 0.53 s at most',
        '  browsers: get it encoded while they watch, by ffmpeg (video wmv2, audio wma2)',
        '',
      ].join('\n'),
    )
  })

  it('prints an object a line with --json, what failed among them, and exits 1', async () => {
    const { code, stdout } = await headend('probe', '--json', '--packets', 'plain.flv', 'notes.txt', 'missing.mp4')

    const [flv, text, missing] = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line)) as [ProbeResult, { error: { code: string } }, { error: { code: string } }]
    assert.equal(code, 1)
    assert.deepEqual([flv.format, flv.size, flv.browsers], ['flv', FLV.byteLength, 'direct'])
    assert.deepEqual(
      flv.tracks.map(({ codec, packets }) => [codec, packets?.count, packets?.keys, packets?.bytes]),
      [
        ['h264', 4, 1, 160],
        ['aac', 8, 8, 454],
      ],
    )
    assert.deepEqual([text.error.code, missing.error.code], ['ERR_MEDIA_UNKNOWN_FORMAT', 'ERR_FILE_UNREADABLE'])
  })

  it('fails in one line for one file, and tells wrong usage from it', async () => {
    const [failed, usage] = await Promise.all([headend('probe', 'notes.txt'), headend('probe')])

    assert.deepEqual([failed.code, failed.stdout], [1, ''])
    assert.match(failed.stderr, /^headend: ERR_MEDIA_UNKNOWN_FORMAT: [^\n]+\n$/)
    assert.equal(usage.code, 2)
  })

  it('reads from a server, shows no password, and lets no file steer the terminal', async (t) => {
    const name = Buffer.from('\u001b]0;owned\u0007')
    const title = Buffer.from([0x02, 0, 5, ...Buffer.from('title'), 2, 0, name.byteLength, ...name])
    const metadata = Buffer.from([2, 0, 10, ...Buffer.from('onMetaData'), 8, 0, 0, 0, 1, ...title.subarray(1), 0, 0, 9])
    const tag = Buffer.concat([
      Buffer.from([18, 0, 0, metadata.byteLength, 0, 0, 0, 0, 0, 0, 0]),
      metadata,
      Buffer.from([0, 0, 0, metadata.byteLength + 11]),
    ])
    const file = Buffer.concat([FLV.subarray(0, 13), tag, FLV.subarray(13)])
    const server = createServer((_, response) => response.end(file))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => server.close())
    const address = `127.0.0.1:${(server.address() as AddressInfo).port}/film.flv`

    const { code, stdout } = await headend('probe', `http://me:secret@${address}?key=hidden`)

    assert.equal(code, 0)
    assert.doesNotMatch(stdout, /secret|hidden|\u001b|\u0007/)
    assert.match(stdout, new RegExp(`^http://${address}: FLV`))
    assert.match(stdout, /title: .\]0;owned./)
  })
})
