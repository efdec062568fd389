/** What stands above the seek bar where the pointer is: the picture of that moment, and its time. */
import { formatTime } from '../../time-text.ts'
import type { ThumbnailTrack } from '../thumbnail-track.ts'
import type { Timeline } from '../timeline.ts'

export class Preview {
  readonly element = document.createElement('div')
  readonly #timeline: Timeline
  readonly #picture = document.createElement('div')
  readonly #image = document.createElement('img')
  readonly #text = document.createElement('span')
  #track: ThumbnailTrack | undefined
  #shown = ''

  constructor(timeline: Timeline) {
    this.#timeline = timeline
    this.element.className = 'preview'
    this.element.hidden = true
    this.#picture.className = 'picture'
    this.#picture.hidden = true
    this.#image.alt = ''
    this.#image.addEventListener('load', () => this.#image.classList.add('there'))
    this.#picture.append(this.#image)
    this.element.append(this.#picture, this.#text)
  }

  set track(track: ThumbnailTrack | undefined) {
    this.#track = track
    this.#picture.hidden = track === undefined || track.empty
  }

  /** Shows the moment `time` at `x` pixels from the left of a bar of `width` pixels. */
  show(time: number, x: number, width: number): void {
    this.element.hidden = false
    this.#text.textContent = this.#words(time)
    this.#showPicture(time)
    const half = this.element.offsetWidth / 2
    this.element.style.left = `${Math.min(Math.max(x, half), Math.max(half, width - half))}px`
  }

  hide(): void {
    this.element.hidden = true
  }

  #words(time: number): string {
    if (this.#timeline.onDemand) return formatTime(time)
    const end = this.#timeline.range()?.end ?? time
    const clock = this.#timeline.wallClock(time)?.toLocaleTimeString([], { hourCycle: 'h23' })
    const behind = end - time < 1 ? 'live' : formatTime(time - end)
    return clock === undefined ? behind : `${clock} · ${behind}`
  }

  #showPicture(time: number): void {
    const thumbnail = this.#track?.at(time)
    if (thumbnail === undefined) return
    const { url, part } = thumbnail
    const state = `${url} ${part?.x} ${part?.y}`
    if (state === this.#shown) return
    this.#shown = state
    const image = this.#image
    if (image.src !== url) {
      image.classList.remove('there')
      image.src = url
    }
    if (part === undefined) return
    const scale = this.#picture.clientWidth / part.width
    this.#picture.style.height = `${Math.round(part.height * scale)}px`
    image.style.width = 'auto'
    image.style.transform = `scale(${scale}) translate(${-part.x}px, ${-part.y}px)`
  }
}
