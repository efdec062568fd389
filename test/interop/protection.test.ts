/** What is encrypted here is decrypted by others, bit for bit: mediabunny and ffmpeg. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import { ALL_FORMATS, BufferSource, EncodedPacketSink, Input } from 'mediabunny'
import { openFileSource } from '../../src/library/open-source.ts'
import { writeFragment } from '../../src/media/containers/isobmff/fragment.ts'
import { withProtection } from '../../src/media/containers/isobmff/init-protection.ts'
import { writeInitSegment } from '../../src/media/containers/isobmff/init-segment.ts'
import { openReader } from '../../src/media/open-reader.ts'
import type { Packet } from '../../src/media/packet.ts'
import type { ProtectionScheme } from '../../src/media/protection/scheme.ts'
import { formatUuid } from '../../src/media/protection/systems.ts'
import { SegmentEncryptor } from '../../src/packaging/protection/segment-encryptor.ts'
import { type MediaOptions, makeMedia } from '../support/media.ts'
import { requireTool } from '../support/tools.ts'

const KEY = {
  id: Uint8Array.from({ length: 16 }, (_, i) => 0x10 + i),
  key: Uint8Array.from({ length: 16 }, (_, i) => 0xf0 - 7 * i),
}
const PACKETS_PER_FRAGMENT = 25

const STREAMS: Readonly<Record<string, Omit<MediaOptions, 'seconds' | 'width' | 'height'>>> = {
  'H.264': {
    video: 'libx264',
    audio: 'none',
    container: 'mp4',
    extra: ['-x264-params', 'slices=3:bframes=2:weightp=2'],
  },
  'H.265': { video: 'libx265', audio: 'none', container: 'mp4', extra: ['-x265-params', 'log-level=error:bframes=3'] },
  AV1: {
    video: 'libsvtav1',
    audio: 'none',
    container: 'mp4',
    extra: ['-preset', '12', '-svtav1-params', 'tile-columns=1'],
  },
  VP9: { video: 'libvpx-vp9', audio: 'none', container: 'mp4', extra: ['-deadline', 'realtime', '-cpu-used', '8'] },
  AAC: { video: 'none', audio: 'aac', container: 'mp4', extra: [] },
  Opus: { video: 'none', audio: 'libopus', container: 'mp4', extra: ['-strict', '-2'] },
}

describe('encrypted fragments', () => {
  for (const [name, options] of Object.entries(STREAMS)) {
    for (const scheme of ['cenc', 'cbcs'] as const) {
      it(`are decrypted by others: ${name}, ${scheme}`, async (t) => {
        const ffmpeg = requireTool(t, 'ffmpeg')
        if (ffmpeg === undefined) return
        const source = await makeMedia(ffmpeg, { ...options, seconds: 2, width: 640, height: 360 })

        const packets = await packetsOf(source)
        const { clear, encrypted } = encrypt(packets, scheme)

        const decrypted = await readByMediabunny(encrypted)
        assert.deepEqual(
          decrypted,
          packets.map(({ data }) => hash(data)),
        )
        assert.deepEqual(await framesByFfmpeg(ffmpeg, encrypted, KEY.key), await framesByFfmpeg(ffmpeg, clear))
        assert.ok(changedShare(clear, encrypted) > 0.05)
      })
    }
  }
})

/** The same file twice: in the clear, and encrypted. */
function encrypt(packets: readonly Packet[], scheme: ProtectionScheme): { clear: Buffer; encrypted: Buffer } {
  const [first] = packets
  assert.ok(first !== undefined)
  const { track } = first
  const init = writeInitSegment([track])
  const encryptor = new SegmentEncryptor(track, init, { scheme, key: KEY, slot: 7 })
  const clear = [init]
  const encrypted = [withProtection(init, encryptor.protection, [])]
  for (let at = 0, sequence = 1; at < packets.length; at += PACKETS_PER_FRAGMENT, sequence++) {
    const samples = packets.slice(at, at + PACKETS_PER_FRAGMENT).map((packet, i) => ({
      packet,
      duration: (packets[at + i + 1]?.dts ?? packet.dts + 40_000) - packet.dts,
    }))
    const baseDecodeTime = (packets[at]?.dts ?? 0) - first.dts
    const segment = writeFragment({ sequence, segmentStart: true, tracks: [{ track, baseDecodeTime, samples }] })
    clear.push(segment)
    encrypted.push(encryptor.encrypt(segment))
  }
  return { clear: Buffer.concat(clear), encrypted: Buffer.concat(encrypted) }
}

async function packetsOf(file: string): Promise<Packet[]> {
  const source = await openFileSource(file)
  try {
    const reader = await openReader(source)
    const packets: Packet[] = []
    for await (const packet of reader.packets(0)) packets.push(packet)
    return packets
  } finally {
    await source.close()
  }
}

async function readByMediabunny(bytes: Buffer): Promise<string[]> {
  using input = new Input({
    formats: ALL_FORMATS,
    source: new BufferSource(bytes),
    formatOptions: {
      isobmff: {
        resolveKeyId: ({ keyId }) => {
          assert.equal(keyId, formatUuid(KEY.id).replaceAll('-', ''))
          return KEY.key
        },
      },
    },
  })
  const [track] = await input.getTracks()
  assert.ok(track !== undefined)
  const hashes: string[] = []
  for await (const { data } of new EncodedPacketSink(track).packets()) hashes.push(hash(data))
  return hashes
}

/** Hashes of decoded frames. ffmpeg 5 decrypts what comes through a pipe. */
function framesByFfmpeg(ffmpeg: string, bytes: Buffer, key?: Uint8Array): Promise<string[]> {
  const keyArguments = key === undefined ? [] : ['-decryption_key', Buffer.from(key).toString('hex')]
  const child = spawn(
    ffmpeg,
    ['-hide_banner', '-loglevel', 'error', ...keyArguments, '-f', 'mp4', '-i', 'pipe:0', '-f', 'framemd5', 'pipe:1'],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  )
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  child.stdin.on('error', () => {})
  child.stdin.end(bytes)
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => {
      if (errors !== '') reject(new Error(errors.slice(0, 500)))
      const lines = output.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
      resolve(lines.map((line) => line.split(',').at(-1)?.trim() ?? ''))
    })
  })
}

/** Share of the clear file's bytes that are no longer to be found at the end of the encrypted one. */
function changedShare(clear: Buffer, encrypted: Buffer): number {
  let changed = 0
  for (let i = 1; i <= clear.byteLength; i++) if (clear.at(-i) !== encrypted.at(-i)) changed++
  return changed / clear.byteLength
}

function hash(data: Uint8Array): string {
  return createHash('md5').update(data).digest('hex')
}
