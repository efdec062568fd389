/** What the fuzzing harness runs of this folder. */
import { assert } from '../../errors.ts'
import type { FuzzTarget } from '../../fuzz-target.ts'
import { assTextOfBlock } from './ass-text.ts'
import { parseSubtitles } from './parse.ts'
import { SRT, SRT_UNTIDY, VTT, VTT_UNTIDY } from './vectors.ts'
import { parseWebVtt, writeWebVtt } from './webvtt.ts'

declare const TextEncoder: new () => { encode(text: string): Uint8Array }
declare const TextDecoder: new () => { decode(bytes: Uint8Array): string }

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'subtitles/parse',
    seeds: () => [SRT, SRT_UNTIDY, VTT, VTT_UNTIDY].map((text) => new TextEncoder().encode(text)),
    run: (input) => {
      const cues = parseSubtitles(input)
      const again = parseWebVtt(new TextDecoder().decode(writeWebVtt(cues)))
      assert(again.length === cues.length, 'what is written is read as the same cues')
    },
  },
  {
    name: 'subtitles/ass-text',
    seeds: () => [new TextEncoder().encode('5,0,Default,,0,0,0,,{\\an8\\b1}Hello{\\p1}m 0 0{\\r\\i0}\\N{x')],
    run: (input) => {
      const { text } = assTextOfBlock(new TextDecoder().decode(input))
      assert(!text.includes('\n\n') && !text.includes('-->'), 'a payload does not end its cue')
    },
  },
]
