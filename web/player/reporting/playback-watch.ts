/** What a video element's events say of playing (HTML section 4.8.11), as signals for the states of a report. */
import type { PlaybackSignal } from '../../../src/playlog/reporting/playback-states.ts'

/** Players step over gaps by themselves; nobody goes to another place for less, seconds. */
const MIN_SEEK = 0.5

/** Listens until `until` aborts. */
export function watchPlayback(
  video: HTMLVideoElement,
  onSignal: (signal: PlaybackSignal) => void,
  until: AbortSignal,
): void {
  let position = 0
  const moves = () =>
    !video.paused && !video.seeking && video.playbackRate > 0 && video.readyState >= HTMLMediaElement.HAVE_FUTURE_DATA
  const listen = (name: keyof HTMLMediaElementEventMap, heard: () => void) =>
    video.addEventListener(name, heard, { signal: until })
  const signalIf = (signal: PlaybackSignal, holds: () => boolean) => () => {
    if (holds()) onSignal(signal)
  }
  listen('play', () => onSignal('play'))
  listen('playing', signalIf('moving', moves))
  listen('timeupdate', () => {
    if (moves() && video.currentTime !== position) onSignal('moving')
    if (!video.seeking) position = video.currentTime
  })
  listen(
    'waiting',
    signalIf('waiting', () => !video.paused && !video.seeking),
  )
  // Shaka stops the picture by a rate of 0 while it has too little at hand.
  listen('ratechange', () => {
    if (video.playbackRate === 0 && !video.paused) onSignal('waiting')
    else if (moves()) onSignal('moving')
  })
  listen(
    'seeking',
    signalIf('seeking', () => Math.abs(video.currentTime - position) >= MIN_SEEK),
  )
  listen('seeked', () => {
    if (video.paused && !video.ended) onSignal('pause')
    else if (moves()) onSignal('moving')
  })
  // An element pauses where it ends.
  listen(
    'pause',
    signalIf('pause', () => !video.ended && !video.seeking),
  )
  listen('ended', () => onSignal('end'))
}
