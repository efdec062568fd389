/** Fuzz targets of the FLV readers. */
import { assert } from '../../../errors.ts'
import type { AsyncFuzzTarget, FuzzTarget } from '../../../fuzz-target.ts'
import { memorySource } from '../../byte-source.ts'
import { readAudioTag } from './audio-tag.ts'
import { FlvDemuxer } from './demuxer.ts'
import { FlvFileReader } from './file-reader.ts'
import { FlvMessageDemuxer } from './message-demuxer.ts'
import { FlvMuxer } from './muxer.ts'
import { multitrackFile, plainFile } from './vectors.ts'
import { readVideoTag } from './video-tag.ts'

const videoSeeds = [
  '1700000000 0142c00dffe1001c6742c00dda05467889b016a02020280000030008000003019078a15501000468ce0fc8',
  '1701000050 00000002658800000002410a',
  '9068766331 01022000',
  '9361763031 0a0b000000043d06d4daf900403202aabb',
  '9661 68766331 01 000000 000000022601',
  '96 11 61766331 00 000005 0000000000 01 000004 00000001',
  '97 02 00000a 03 61766331 000000026588',
  '94 68766331 020009636f6c6f72496e666f03000009',
] as const
const audioSeeds = [
  'af001210',
  'af0121',
  '2ffffb40c000000000',
  '904f707573 4f707573486561640102380180bb0000000000',
  '914f707573 fc00',
  '91 61632d33 0b77000014404000',
  '95 11 4f707573 00 000002 fc00 01 000002 fc01',
] as const

/** Those that need not wait. */
export const machineTargets: readonly FuzzTarget[] = [
  {
    name: 'flv/video-tag',
    seeds: () => videoSeeds.map(hex),
    run(input) {
      readVideoTag(input)
    },
  },
  {
    name: 'flv/audio-tag',
    seeds: () => audioSeeds.map(hex),
    run(input) {
      readAudioTag(input)
    },
  },
  {
    name: 'flv/message-demuxer',
    // A length byte and a type byte before each message.
    seeds: () => [
      messages(...videoSeeds.map((body) => ['video', body] as const)),
      messages(...audioSeeds.map((body) => ['audio', body] as const)),
      messages(['video', videoSeeds[0]], ['audio', audioSeeds[0]], ['audio', audioSeeds[1]], ['video', videoSeeds[1]]),
    ],
    run(input) {
      const demuxer = new FlvMessageDemuxer()
      for (let at = 0; at + 2 <= input.byteLength; ) {
        const size = input[at] ?? 0
        const type = TYPES[(input[at + 1] ?? 0) % TYPES.length] ?? 'data'
        demuxer.write({ type, timestampMs: at * 37, body: input.subarray(at + 2, at + 2 + size) })
        at += 2 + size
      }
      demuxer.end()
      drain(demuxer)
    },
  },
  {
    name: 'flv/demuxer',
    seeds: () => [hex('464c5601050000000900000000 0800000400000000000000 af001210 0000000f')],
    run(input) {
      const demuxer = new FlvDemuxer()
      demuxer.write(input)
      demuxer.end()
      drain(demuxer)
    },
  },
]

export const fuzzTargets: readonly (FuzzTarget | AsyncFuzzTarget)[] = [
  ...machineTargets,
  {
    name: 'flv/file-reader',
    seeds: () => [
      hex(
        '464c5601050000000900000000 0800000400000000000000 af001210 0000000f 0800000400000000000000 af010203 0000000f',
      ),
      ...[plainFile, multitrackFile].map(base64),
    ],
    run: readFile,
  },
]

const TYPES = ['video', 'audio', 'data'] as const

/** Opens a file and reads from two places of it. */
async function readFile(input: Uint8Array): Promise<void> {
  const reader = await FlvFileReader.open(memorySource(input))
  await reader.keyPoints()
  for (const from of [0, 50_000]) {
    for await (const { dts, pts, data } of reader.packets(from)) {
      assert(Number.isSafeInteger(dts) && Number.isSafeInteger(pts), 'times are whole')
      assert(data.byteLength <= input.byteLength * 2, 'packets come from the file')
    }
  }
}

function base64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}

// Node and browsers have it; neither's type library is loaded here.
declare const atob: (text: string) => string

/** Reads everything and writes it again: what a demuxer lets through, a muxer must be able to write. */
function drain(demuxer: FlvMessageDemuxer | FlvDemuxer): void {
  let muxer: FlvMuxer | undefined
  for (let result = demuxer.read(); result !== undefined; result = demuxer.read()) {
    if (result.type === 'tracks') muxer = new FlvMuxer(result.tracks, result.metadata)
    else muxer?.write(result.packet)
  }
}

function messages(...list: readonly (readonly ['video' | 'audio', string])[]): Uint8Array {
  const bytes = list.flatMap(([type, body]) => [hex(body).byteLength, type === 'video' ? 0 : 1, ...hex(body)])
  return Uint8Array.from(bytes)
}

function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(' ', '').match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
}
