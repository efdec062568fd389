/** The picture with all that lies over it: controls that go away while nobody needs them, the way to sound, what is being said. */
import { drawIcon } from '../icons.ts'
import { ControlBar } from './controls/control-bar.ts'
import { listenToKeys } from './controls/keys.ts'
import type { Playback } from './playback.ts'
import { loadThumbnails } from './thumbnail-track.ts'
import { Timeline } from './timeline.ts'

/** Controls go away when nobody has moved for this long, milliseconds. */
const IDLE_MS = 2_500
/** Live edges move without any event. */
const UPDATE_MS = 500
const VIDEO_EVENTS = [
  'timeupdate',
  'play',
  'pause',
  'ended',
  'volumechange',
  'durationchange',
  'progress',
  'seeking',
  'ratechange',
] as const

export interface StageOptions {
  readonly onDemand: boolean
  readonly playback: () => Playback | undefined
  /** Somebody asks for another attempt. */
  readonly onAgain: () => void
}

export class Stage {
  readonly element = document.createElement('div')
  readonly video = document.createElement('video')
  readonly timeline: Timeline
  readonly bar: ControlBar
  readonly #message = document.createElement('p')
  readonly #again = document.createElement('button')
  readonly #unmute = document.createElement('button')
  readonly #big = document.createElement('button')
  readonly #ending = new AbortController()
  #idleTimer: number | undefined

  constructor({ onDemand, playback, onAgain }: StageOptions) {
    const { element, video } = this
    video.playsInline = true
    this.timeline = new Timeline(video, playback, onDemand)
    element.className = 'frame'
    this.bar = new ControlBar({ timeline: this.timeline, playback, frame: element })
    this.#message.className = 'message'
    this.#message.setAttribute('role', 'status')
    this.#again.type = 'button'
    this.#again.className = 'again'
    this.#again.textContent = 'Try again'
    this.#again.addEventListener('click', onAgain)
    this.#unmute.className = 'unmute'
    this.#unmute.type = 'button'
    this.#unmute.textContent = 'Turn sound on'
    this.#unmute.addEventListener('click', () => {
      video.muted = false
    })
    this.#big.className = 'big'
    this.#big.type = 'button'
    this.#big.tabIndex = -1
    this.#big.setAttribute('aria-hidden', 'true')
    this.#big.append(drawIcon('play'))
    this.#big.addEventListener('click', () => this.bar.togglePlay())
    const words = document.createElement('div')
    words.className = 'words'
    words.append(this.#message, this.#again)
    element.append(video, this.#big, this.#unmute, words, this.bar.element)
    this.#listen()
    this.say('')
    this.#update()
  }

  /** Text for people over the picture; empty: none. `final`: nothing more will be tried by itself. */
  say(text: string, options: { readonly final?: boolean } = {}): void {
    this.#message.textContent = text
    this.#message.hidden = text === ''
    this.#again.hidden = options.final !== true
    this.element.toggleAttribute('data-failed', options.final === true)
  }

  /** The poster, and the pictures of the seek bar, where the server has any. `list`: address of the thumbnails' WebVTT. */
  async showPictures(list: string, poster: string): Promise<void> {
    const track = await loadThumbnails(list)
    if (this.#ending.signal.aborted || track.empty) return
    this.video.poster = poster
    this.bar.thumbnails = track
  }

  stop(): void {
    this.#ending.abort()
    window.clearTimeout(this.#idleTimer)
  }

  #listen(): void {
    const { element, video } = this
    const { signal } = this.#ending
    for (const name of VIDEO_EVENTS) video.addEventListener(name, () => this.#update(), { signal })
    video.addEventListener('play', () => this.timeline.resumed(), { signal })
    for (const [name, busy] of [
      ['waiting', true],
      ['seeking', true],
      ['playing', false],
      ['seeked', false],
      ['emptied', false],
    ] as const) {
      video.addEventListener(name, () => element.toggleAttribute('data-busy', busy), { signal })
    }
    const timer = window.setInterval(() => this.#update(), UPDATE_MS)
    signal.addEventListener('abort', () => window.clearInterval(timer))
    signal.addEventListener('abort', listenToKeys(this.bar))
    document.addEventListener('keydown', () => this.#wake(), { signal })
    for (const name of ['pointermove', 'pointerdown', 'focusin'] as const) {
      element.addEventListener(name, () => this.#wake(), { signal })
    }
    // A finger that is lifted leaves too.
    const onLeave = ({ pointerType }: PointerEvent) => {
      if (pointerType === 'mouse') this.#rest()
    }
    element.addEventListener('pointerleave', onLeave, { signal })
    video.addEventListener('playing', () => this.#wake(), { signal })
    video.addEventListener('click', () => this.#onClick(), { signal })
    video.addEventListener('dblclick', () => this.bar.toggleFullScreen(), { signal })
  }

  /** A finger brings the controls, a mouse has them already. */
  #onClick(): void {
    if (window.matchMedia('(hover: hover)').matches) this.bar.togglePlay()
  }

  #wake(): void {
    this.element.removeAttribute('data-idle')
    window.clearTimeout(this.#idleTimer)
    this.#idleTimer = window.setTimeout(() => this.#rest(), IDLE_MS)
  }

  #rest(): void {
    const focused = this.bar.element.querySelector(':focus-visible') !== null
    const busy = this.video.paused || this.bar.menuOpen || focused
    this.element.toggleAttribute('data-idle', !busy)
  }

  #update(): void {
    const { video } = this
    this.bar.update()
    this.#unmute.hidden = !video.muted
    this.#big.hidden = !video.paused || video.ended
    this.element.toggleAttribute('data-sound-only', video.readyState > 0 && video.videoWidth === 0)
    if (video.paused) this.element.removeAttribute('data-idle')
  }
}
