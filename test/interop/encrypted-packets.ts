/** Packets of encrypted files as others decrypt them: to be compared with those that went in. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from 'mediabunny'
import { runOrThrow } from '../support/process.ts'
import { runNewFfmpeg } from './peers.ts'

/** Hashes of the packets of the first track, decrypted by mediabunny. `keyOf` gets key ids in hexadecimal. */
export async function readByMediabunny(
  bytes: Buffer,
  keyOf: (keyId: string) => Uint8Array | undefined,
): Promise<string[]> {
  using input = new Input({
    formats: ALL_FORMATS,
    source: new BufferSource(bytes),
    formatOptions: {
      isobmff: {
        resolveKeyId({ keyId }) {
          const key = keyOf(keyId)
          assert.ok(key !== undefined, keyId)
          return key
        },
      },
    },
  })
  const [track] = await input.getTracks()
  assert.ok(track !== undefined)
  const hashes: string[] = []
  for await (const { data } of new EncodedPacketSink(track).packets()) hashes.push(md5(data))
  return hashes
}

/** The same by FFmpeg 8, which reads a file in `folder`; it knows the key that an init segment names, and no others (`seig`). */
export async function readByFfmpeg(
  folder: string,
  bytes: Buffer,
  keys: ReadonlyMap<string, Uint8Array>,
): Promise<string[]> {
  const file = join(folder, 'encrypted.mp4')
  await writeFile(file, bytes)
  const list = [...keys].map(([id, key]) => `${id}=${Buffer.from(key).toString('hex')}`).join(':')
  const { stdout } = await runNewFfmpeg(['packets', file, list])
  return stdout
    .toString()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => (JSON.parse(line) as { md5: string }).md5)
}

/** Of the packets as they are in a clear file, by ffmpeg. */
export async function packetHashes(
  ffmpeg: string,
  file: string,
  kind: 'a' | 'v',
  options: readonly string[] = [],
): Promise<string[]> {
  const args = [
    '-hide_banner',
    '-loglevel',
    'error',
    '-nostdin',
    ...options,
    '-i',
    file,
    '-map',
    `0:${kind}`,
    '-c',
    'copy',
  ]
  const output = await runOrThrow(ffmpeg, [...args, '-f', 'framemd5', '-'])
  const lines = output
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
  return lines.map((line) => line.split(',').at(-1)?.trim() ?? '')
}

function md5(data: Uint8Array): string {
  return createHash('md5').update(data).digest('hex')
}
