/** A file with several bit rates of the same picture and sound, which says so in its header as Windows encoders do. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { ASF_GUID } from '../../src/media/containers/asf/guid.ts'
import { asfHeaderLength, readAsfHeader, writeAsfHeader } from '../../src/media/containers/asf/header.ts'
import type { AsfObject } from '../../src/media/containers/asf/header-objects.ts'
import { DATA_OBJECT_HEADER_LENGTH } from '../../src/media/containers/asf/model.ts'
import { counterFilter } from '../support/counter.ts'
import { runOrThrow } from '../support/process.ts'

/** Bits a second by stream: two pictures, two sounds. */
const BITRATES = [600_000, 150_000, 96_000, 32_000] as const

/** ffmpeg makes the streams; it writes neither their bit rates nor that they exclude each other, so both are added here. */
export async function makeMultiBitrate(
  ffmpeg: string,
  file: string,
  { seconds, rate, gop }: { readonly seconds: number; readonly rate: number; readonly gop: number },
): Promise<void> {
  const plain = `${file}.plain.wmv`
  // biome-ignore format: options
  const args = ['-hide_banner', '-loglevel', 'error', '-nostdin', '-y',
    '-f', 'lavfi', '-i', `testsrc2=size=320x180:rate=${rate}`, '-f', 'lavfi', '-i', 'sine=frequency=1000:sample_rate=44100',
    '-filter_complex', `[0:v]${counterFilter()},format=yuv420p,split[large][small]`,
    '-map', '[large]', '-map', '[small]', '-map', '1:a', '-map', '1:a',
    '-c:v', 'wmv2', '-g', String(gop), '-b:v:0', '600k', '-b:v:1', '150k',
    '-c:a', 'wmav2', '-b:a:0', '96k', '-b:a:1', '32k', '-t', String(seconds), plain]
  await runOrThrow(ffmpeg, args)
  const bytes = readFileSync(plain)
  const length = asfHeaderLength(bytes) ?? 0
  const header = readAsfHeader(bytes)
  const added: AsfObject[] = [
    { type: 'stream-bitrates', entries: BITRATES.map((bitrate, index) => ({ flags: index + 1, bitrate })) },
    { type: 'bitrate-mutual-exclusion', exclusionType: ASF_GUID.MUTEX_BITRATE, streams: [1, 2] },
    { type: 'bitrate-mutual-exclusion', exclusionType: ASF_GUID.MUTEX_BITRATE, streams: [3, 4] },
  ]
  const objects = [...header.objects.filter(({ type }) => type !== 'stream-bitrates'), ...added]
  const rewritten = writeAsfHeader({ ...header, objects, objectCount: objects.length })
  writeFileSync(file, Buffer.concat([rewritten, bytes.subarray(length - DATA_OBJECT_HEADER_LENGTH)]))
  rmSync(plain)
}
