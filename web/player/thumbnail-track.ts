/** Preview pictures of a seek bar: a WebVTT file whose cues are addresses of pictures, or of parts of them (#xywh, Media Fragments 1.0). */

export interface Thumbnail {
  readonly url: string
  /** Pixels of the picture; the whole picture when left out. */
  readonly part?: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
}

interface Cue extends Thumbnail {
  readonly start: number
  readonly end: number
}

const TIMES = /^((?:\d+:)?\d{1,2}:\d{2}\.\d{3})\s+-->\s+((?:\d+:)?\d{1,2}:\d{2}\.\d{3})/

export class ThumbnailTrack {
  readonly #cues: readonly Cue[]

  constructor(cues: readonly Cue[]) {
    this.#cues = cues
  }

  get empty(): boolean {
    return this.#cues.length === 0
  }

  /** The picture for a time in seconds. */
  at(time: number): Thumbnail | undefined {
    return this.#cues.find(({ start, end }) => start <= time && time < end) ?? this.#cues.at(-1)
  }
}

/** Resolves with an empty track when there is none. */
export async function loadThumbnails(url: string): Promise<ThumbnailTrack> {
  try {
    const response = await fetch(url)
    return new ThumbnailTrack(response.ok ? parseThumbnails(await response.text(), response.url) : [])
  } catch {
    return new ThumbnailTrack([])
  }
}

/** Cues that are not understood are left out. `base` is the address of the file. */
export function parseThumbnails(text: string, base: string): readonly Cue[] {
  return text
    .replaceAll('\r\n', '\n')
    .split(/\n{2,}/)
    .flatMap((block) => {
      const lines = block.split('\n')
      const at = lines.findIndex((line) => TIMES.test(line))
      const [, start, end] = TIMES.exec(lines[at] ?? '') ?? []
      const target = lines[at + 1]
      if (start === undefined || end === undefined || target === undefined) return []
      const url = new URL(target, base)
      const [, x, y, width, height] = /^#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/.exec(url.hash) ?? []
      url.hash = ''
      const part = { x: Number(x), y: Number(y), width: Number(width), height: Number(height) }
      return [{ start: seconds(start), end: seconds(end), url: url.href, ...(x !== undefined && { part }) }]
    })
}

function seconds(timestamp: string): number {
  return timestamp.split(':').reduce((sum, part) => sum * 60 + Number(part), 0)
}
