/** A subtitle that is shown for a while, in the words of WebVTT (W3C WebVTT, section 3). */
import type { Packet } from '../packet.ts'
import { MICROS_PER_SECOND, type Micros } from '../time.ts'

/** Of one file: a film has some 1500. */
export const MAX_CUES = 50_000
/** Characters of one cue; what is longer is cut. */
export const MAX_CUE_LENGTH = 4096
/** Of one segment, and characters of all of them together. More is no subtitle, and every cue may be in every segment. */
const MAX_CUES_IN_SEGMENT = 1000
const MAX_SEGMENT_LENGTH = 256 * 1024
/** How long text is shown of which the source says only the beginning. */
const ASSUMED_DURATION: Micros = 5 * MICROS_PER_SECOND

/** Immutable. Times count from the beginning of the film. */
export interface Cue {
  readonly start: Micros
  /** Above `start`. */
  readonly end: Micros
  /** Cue payload: WebVTT's tags, `&`, `<` and `>` of the text itself escaped, lines parted by `\n`, no empty line. */
  readonly text: string
  /** Cue settings: `line:0 align:start`. */
  readonly settings?: string
}

/** A stretch of the film. */
export interface CueSpan {
  readonly start: Micros
  readonly duration: Micros
}

/**
 * The cues that are shown within the span, in the order of `cues`; each as it is, also where it began before or lasts longer. At most
 * 1000, and 256 Ki characters of text: what is beyond is left out.
 */
export function cuesWithin(cues: readonly Cue[], { start, duration }: CueSpan): readonly Cue[] {
  const end = start + duration
  const within: Cue[] = []
  let length = 0
  for (const cue of cues) {
    if (cue.start >= end || cue.end <= start) continue
    length += cue.text.length
    if (within.length === MAX_CUES_IN_SEGMENT || length > MAX_SEGMENT_LENGTH) break
    within.push(cue)
  }
  return within
}

/** The cue that a packet of a text track is. */
export function cueOfPacket({ pts, duration, data }: Packet): Cue {
  return { start: pts, end: pts + (duration || ASSUMED_DURATION), text: utf8.decode(data) }
}

/** Cues in the order in which they begin; those that begin together stay in the order of the file. */
export function inOrder(cues: readonly Cue[]): readonly Cue[] {
  return [...cues].sort((a, b) => a.start - b.start)
}

// Media code runs in Node and in browsers; both have TextDecoder, but neither's type library is loaded here.
declare const TextDecoder: new () => { decode(bytes: Uint8Array): string }
const utf8 = new TextDecoder()
