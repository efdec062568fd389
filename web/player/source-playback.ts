/** A video element that plays an address by itself. */
import type { Choice, ChoiceKind, OpenOptions, Playback, PlaybackKind } from './playback.ts'

/** Sound tracks of an element, where browsers have them (HTML section 4.8.11.10). */
interface AudioTracks extends EventTarget {
  readonly length: number
  readonly [index: number]: { enabled: boolean; readonly label: string; readonly language: string } | undefined
}

interface SafariVideo {
  /** The wall time of media time zero, where the playlist has program dates. */
  readonly getStartDate?: () => Date
  readonly audioTracks?: AudioTracks
}

/** Sets the element's source; `destroy` takes it away again. */
export function sourcePlayback(kind: PlaybackKind, { video, url, events, startTime }: OpenOptions): Playback {
  const { audioTracks, getStartDate } = video as SafariVideo
  const listeners = new AbortController()
  const { signal } = listeners
  const names = kind === 'file' ? 'The file' : 'HLS'
  video.addEventListener('error', () => events.onFatal(`${names}: ${video.error?.message || 'cannot be played'}`), {
    signal,
  })
  video.addEventListener('loadedmetadata', () => events.onTracks(), { signal })
  video.textTracks.addEventListener('change', () => events.onTracks(), { signal })
  if (startTime !== undefined) {
    video.addEventListener(
      'loadedmetadata',
      () => {
        video.currentTime = startTime
      },
      { once: true, signal },
    )
  }
  video.src = url
  const startDate = () => {
    const start = getStartDate?.call(video).getTime()
    return start === undefined || Number.isNaN(start) ? undefined : start
  }
  return {
    kind,
    delay() {
      const start = startDate()
      return start === undefined ? undefined : (Date.now() - start) / 1000 - video.currentTime
    },
    bitrate: () => undefined,
    seekable() {
      const { seekable } = video
      const last = seekable.length - 1
      return last < 0 ? undefined : { start: seekable.start(0), end: seekable.end(last) }
    },
    wallClock(time) {
      const start = startDate()
      return start === undefined ? undefined : start + time * 1000
    },
    follow: () => undefined,
    choices: (which) => choicesOf(video, audioTracks, which),
    choose: (which, id) => choose(video, audioTracks, which, id),
    destroy() {
      listeners.abort()
      video.removeAttribute('src')
      video.load()
    },
  }
}

function choicesOf(video: HTMLVideoElement, audio: AudioTracks | undefined, kind: ChoiceKind): readonly Choice[] {
  if (kind === 'text') {
    return [...video.textTracks].map(({ label, language, mode }, id) => ({
      id: String(id),
      label,
      ...(language !== '' && { language }),
      selected: mode === 'showing',
    }))
  }
  if (kind === 'quality' || audio === undefined) return []
  return Array.from({ length: audio.length }, (_, id) => ({
    id: String(id),
    label: audio[id]?.label ?? '',
    ...(audio[id]?.language && { language: audio[id].language }),
    selected: audio[id]?.enabled === true,
  }))
}

function choose(
  video: HTMLVideoElement,
  audio: AudioTracks | undefined,
  kind: ChoiceKind,
  id: string | undefined,
): void {
  if (kind === 'text') {
    for (const [at, track] of [...video.textTracks].entries()) track.mode = String(at) === id ? 'showing' : 'disabled'
  } else if (kind === 'audio' && audio !== undefined) {
    for (let at = 0; at < audio.length; at++) {
      const track = audio[at]
      if (track !== undefined) track.enabled = String(at) === id
    }
  }
}
