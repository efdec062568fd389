/** The public list of what is on air, as the server gives it at /live.json. */

export interface LiveTrack {
  readonly kind: 'video' | 'audio' | 'data' | 'text'
  readonly codec: string
  readonly width?: number
  readonly height?: number
  readonly sampleRate?: number
  readonly channels?: number
}

export interface LiveStream {
  readonly path: string
  /** `waiting`: the encoder is gone and may come back. */
  readonly state: 'live' | 'waiting'
  readonly since: string
  readonly viewers: number
  readonly bitrateBps: number
  readonly tracks: readonly LiveTrack[]
}

export interface LiveList {
  readonly streams: readonly LiveStream[]
  /** Ports by protocol: `rtmp`, `http` … */
  readonly ports: Readonly<Record<string, number>>
}

export const DEFAULT_RTMP_PORT = 1935

/** Throws when the server cannot be reached. */
export async function fetchLiveList(): Promise<LiveList> {
  const response = await fetch('/live.json', { cache: 'no-store' })
  if (!response.ok) throw new Error(`the server answered ${response.status}`)
  return (await response.json()) as LiveList
}

/** One line for people: `1280×720 h264, aac 48 kHz`. */
export function describeTracks(tracks: readonly LiveTrack[]): string {
  const texts: string[] = []
  for (const track of tracks) {
    if (track.kind === 'video') texts.push(track.width ? `${track.width}×${track.height} ${track.codec}` : track.codec)
    if (track.kind === 'audio')
      texts.push(track.sampleRate ? `${track.codec} ${track.sampleRate / 1000} kHz` : track.codec)
  }
  return texts.join(', ')
}
