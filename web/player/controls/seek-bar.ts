/** The bar that shows where playing is, and that goes anywhere: by pointer, finger and keys. */
import { formatTime, speakTime } from '../../time-text.ts'
import type { ThumbnailTrack } from '../thumbnail-track.ts'
import type { Timeline } from '../timeline.ts'
import { Preview } from './preview.ts'

/** Half of the knob, pixels: the ends of the bar are this far inside. */
const KNOB = 7

export class SeekBar {
  readonly element = document.createElement('div')
  readonly #timeline: Timeline
  readonly #input = document.createElement('input')
  readonly #preview: Preview
  /** Somebody holds the knob: where playing is does not move it. */
  #held = false

  constructor(timeline: Timeline) {
    this.#timeline = timeline
    this.#preview = new Preview(timeline)
    const input = this.#input
    input.type = 'range'
    input.min = '0'
    input.step = 'any'
    input.setAttribute('aria-label', timeline.onDemand ? 'Position' : 'Position in what is kept of the stream')
    input.addEventListener('input', () => this.#onDrag())
    input.addEventListener('change', () => this.#onRelease())
    input.addEventListener('keydown', (event) => this.#onKey(event))
    input.addEventListener('focus', () => {
      if (input.matches(':focus-visible')) this.#previewAt(Number(input.value))
    })
    input.addEventListener('blur', () => this.#preview.hide())
    input.addEventListener('pointermove', (event) => this.#onPoint(event))
    input.addEventListener('pointerleave', () => {
      if (!this.#held) this.#preview.hide()
    })
    this.element.className = 'seek'
    this.element.append(this.#preview.element, input)
    this.update()
  }

  set thumbnails(track: ThumbnailTrack | undefined) {
    this.#preview.track = track
  }

  update(): void {
    const range = this.#timeline.range()
    this.element.hidden = range === undefined
    if (range === undefined) return
    const length = range.end - range.start
    this.#input.max = String(length)
    if (!this.#held) this.#input.value = String(this.#timeline.position - range.start)
    const value = Number(this.#input.value)
    const part = length > 0 ? value / length : 0
    this.element.style.setProperty('--part', String(part))
    this.element.style.setProperty('--buffered', String(this.#bufferedPart(range.start, length)))
    this.#input.setAttribute('aria-valuetext', this.#words(value, length))
  }

  #words(value: number, length: number): string {
    if (this.#timeline.onDemand) return `${speakTime(value)} of ${speakTime(length)}`
    return length - value < 5 ? 'live' : `${speakTime(length - value)} behind live`
  }

  /** The end of what is loaded around the position. */
  #bufferedPart(start: number, length: number): number {
    const { buffered, currentTime } = this.#timeline.video
    for (let at = 0; at < buffered.length; at++) {
      if (buffered.start(at) <= currentTime + 0.1 && currentTime <= buffered.end(at)) {
        return Math.min(1, Math.max(0, (buffered.end(at) - start) / length))
      }
    }
    return 0
  }

  #onDrag(): void {
    this.#held = true
    this.update()
    this.#previewAt(Number(this.#input.value))
  }

  #onRelease(): void {
    const range = this.#timeline.range()
    this.#held = false
    if (range !== undefined) this.#timeline.seek(range.start + Number(this.#input.value))
    if (!this.#input.matches(':hover')) this.#preview.hide()
  }

  /** Steps that make sense for films, in place of those of a range input. */
  #onKey(event: KeyboardEvent): void {
    const step = { ArrowLeft: -5, ArrowRight: 5, ArrowDown: -5, ArrowUp: 5, PageDown: -60, PageUp: 60 }[event.key]
    if (step === undefined) return
    event.preventDefault()
    event.stopPropagation()
    this.#timeline.step(step)
    this.update()
    this.#previewAt(Number(this.#input.value))
  }

  #onPoint({ clientX }: PointerEvent): void {
    const range = this.#timeline.range()
    if (range === undefined || this.#held) return
    const box = this.#input.getBoundingClientRect()
    const part = (clientX - box.left - KNOB) / (box.width - 2 * KNOB)
    this.#previewAt(Math.min(1, Math.max(0, part)) * (range.end - range.start))
  }

  /** `value`: seconds from the start of the bar. */
  #previewAt(value: number): void {
    const range = this.#timeline.range()
    if (range === undefined) return
    const width = this.#input.offsetWidth
    const x = KNOB + (value / (range.end - range.start)) * (width - 2 * KNOB)
    this.#preview.show(range.start + value, x, width)
  }
}

/** `1:23 / 4:56`; live: nothing, or how far behind. */
export function timeWords(timeline: Timeline): string {
  const range = timeline.range()
  if (!timeline.onDemand) return timeline.atLive || range === undefined ? '' : formatTime(-timeline.behind)
  return range === undefined ? '' : `${formatTime(timeline.position)} / ${formatTime(range.end)}`
}
