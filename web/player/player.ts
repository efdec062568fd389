/** `<headend-player path="live/test">`: plays one stream by the best way the browser has, and lets people choose another. */
import { dashEngine } from './dash-engine.ts'
import { flvEngine } from './flv-engine.ts'
import { hlsEngine, nativeEngine } from './hls-engine.ts'
import type { Playback, PlaybackEngine, PlaybackKind } from './playback.ts'
import { ReadOut } from './read-out.ts'

/** In the order of preference. */
const ENGINES: readonly PlaybackEngine[] = [hlsEngine, dashEngine, flvEngine, nativeEngine]
const FIRST_RETRY_MS = 1000
const MAX_RETRY_MS = 10_000

export class HeadendPlayer extends HTMLElement {
  readonly #video = document.createElement('video')
  readonly #message = document.createElement('p')
  readonly #unmute = document.createElement('button')
  #readOut: ReadOut | undefined
  #playback: Playback | undefined
  /** Counts attempts, so that a late answer of an attempt that was given up is recognised. */
  #attempt = 0
  #chosen: PlaybackKind | undefined
  #failures = 0
  #retryTimer: number | undefined

  /** The stream's path. */
  get path(): string {
    return this.getAttribute('path') ?? ''
  }

  static readonly observedAttributes = ['path']

  connectedCallback(): void {
    this.#build()
    if (this.path !== '') void this.#play()
  }

  attributeChangedCallback(): void {
    this.#video.setAttribute('aria-label', `Live picture of ${this.path}`)
    if (this.isConnected) void this.#play()
  }

  disconnectedCallback(): void {
    this.#stop()
    this.#readOut?.stop()
    this.replaceChildren()
  }

  #build(): void {
    const video = this.#video
    video.controls = true
    video.playsInline = true
    video.muted = true
    video.addEventListener('playing', () => this.#onPlaying())
    video.addEventListener('volumechange', () => this.#showUnmute())
    this.#message.className = 'message'
    this.#message.setAttribute('role', 'status')
    this.#unmute.className = 'unmute'
    this.#unmute.type = 'button'
    this.#unmute.textContent = 'Turn sound on'
    this.#unmute.addEventListener('click', () => {
      video.muted = false
    })
    const frame = document.createElement('div')
    frame.className = 'frame'
    frame.append(video, this.#unmute, this.#message)
    this.#readOut = new ReadOut(video, () => this.#playback)
    const controls = document.createElement('div')
    controls.className = 'controls'
    controls.append(this.#choices(), this.#readOut.element)
    this.replaceChildren(frame, controls)
    this.#showUnmute()
  }

  #choices(): HTMLElement {
    const set = document.createElement('fieldset')
    const legend = document.createElement('legend')
    legend.textContent = 'Play by'
    set.append(legend)
    const add = (value: string, text: string, checked: boolean, disabled: boolean) => {
      const label = document.createElement('label')
      const input = document.createElement('input')
      input.type = 'radio'
      input.name = 'playback'
      input.value = value
      input.checked = checked
      input.disabled = disabled
      input.addEventListener('change', () => this.#choose(value === 'auto' ? undefined : (value as PlaybackKind)))
      label.append(input, text)
      set.append(label)
    }
    const wanted = new URLSearchParams(location.search).get('by')
    const known = ENGINES.find((engine) => engine.kind === wanted && engine.supported())
    this.#chosen = known?.kind
    add('auto', 'Automatic', known === undefined, false)
    for (const engine of ENGINES) add(engine.kind, engine.label, engine === known, !engine.supported())
    return set
  }

  #choose(kind: PlaybackKind | undefined): void {
    this.#chosen = kind
    this.#failures = 0
    void this.#play()
  }

  /** The chosen way; else one after the other as they fail. */
  #engine(): PlaybackEngine | undefined {
    const usable = ENGINES.filter((engine) => engine.supported())
    return usable.find((engine) => engine.kind === this.#chosen) ?? usable[this.#failures % Math.max(1, usable.length)]
  }

  async #play(): Promise<void> {
    this.#stop()
    const attempt = ++this.#attempt
    const engine = this.#engine()
    if (engine === undefined) {
      this.#say('This browser can play none of the formats offered.')
      return
    }
    this.#say('Connecting …')
    this.dataset['by'] = engine.kind
    const onFatal = (message: string) => {
      if (attempt === this.#attempt) this.#retry(message)
    }
    try {
      const playback = await engine.open(this.#video, engine.url(this.path), { onFatal })
      if (attempt !== this.#attempt) {
        playback.destroy()
        return
      }
      this.#playback = playback
      await this.#video.play().catch((error: unknown) => {
        // Where a browser forbids playing without a gesture the controls are there; other reasons are told by the playback.
        if ((error as DOMException).name === 'NotAllowedError') this.#say('Press play.')
      })
    } catch (error) {
      onFatal(error instanceof Error ? error.message : String(error))
    }
  }

  #retry(message: string): void {
    this.#stop()
    const delay = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures)
    this.#failures++
    this.#say(`${message} Trying again in ${Math.round(delay / 1000)} s.`)
    this.#retryTimer = window.setTimeout(() => void this.#play(), delay)
  }

  #stop(): void {
    window.clearTimeout(this.#retryTimer)
    this.#attempt++
    this.#playback?.destroy()
    this.#playback = undefined
  }

  #onPlaying(): void {
    this.#failures = 0
    this.#say('')
  }

  #say(text: string): void {
    this.#message.textContent = text
    this.#message.hidden = text === ''
  }

  #showUnmute(): void {
    this.#unmute.hidden = !this.#video.muted
  }
}

customElements.define('headend-player', HeadendPlayer)
