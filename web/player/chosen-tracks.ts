/** Sound and subtitles in the language that was chosen before, in whatever is played next. */

import type { Playback } from './playback.ts'
import { preference } from './preferences.ts'

/** Value of the preference for no subtitles. */
export const NO_TEXT = 'off'

/** Applies what was chosen before, once for each playback, as soon as its tracks are known. */
export class ChosenTracks {
  readonly #done = new WeakMap<Playback, Set<'audio' | 'text'>>()

  apply(playback: Playback, video: HTMLVideoElement): void {
    const done = this.#done.get(playback) ?? new Set()
    this.#done.set(playback, done)
    for (const kind of ['audio', 'text'] as const) {
      const choices = playback.choices(kind)
      if (done.has(kind) || choices.length === 0) continue
      // Players forget a choice of subtitles that is made before they have made the element's text tracks.
      if (kind === 'text' && video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) continue
      done.add(kind)
      const wanted = preference(kind)
      // Subtitles are off until somebody wants them, whatever the file marks as its default.
      if (kind === 'text' && (wanted === undefined || wanted === NO_TEXT)) playback.choose('text', undefined)
      else if (wanted !== undefined) {
        const found = choices.find(({ language, label }) => language === wanted || label === wanted)
        if (found !== undefined && !found.selected) playback.choose(kind, found.id)
      }
    }
  }
}
