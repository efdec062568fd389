/** `<headend-player path="live/test">`: plays one stream or film by the best way the browser has, and lets people choose another. */
import { passKey } from '../play-key.ts'
import { ChosenTracks } from './chosen-tracks.ts'
import { dashEngine } from './dash-engine.ts'
import { explainFailure } from './failure.ts'
import { flvEngine } from './flv-engine.ts'
import { hlsEngine } from './hls-engine.ts'
import { fileEngine, nativeEngine } from './native-engine.ts'
import { encodePath, isOnDemand, type Playback, type PlaybackEngine, type PlaybackKind } from './playback.ts'
import { askProtection, browserRefusal, type Protection } from './protection.ts'
import { ReadOut } from './read-out.ts'
import { openReporter } from './reporting/collector.ts'
import type { Reporter } from './reporting/reporter.ts'
import { Stage } from './stage.ts'

/** In the order of preference. */
const ENGINES: readonly PlaybackEngine[] = [hlsEngine, dashEngine, flvEngine, nativeEngine, fileEngine]
const FIRST_RETRY_MS = 1000
const MAX_RETRY_MS = 10_000

export class HeadendPlayer extends HTMLElement {
  readonly #chosenTracks = new ChosenTracks()
  #stage: Stage | undefined
  #readOut: ReadOut | undefined
  /** Of this visit; `undefined`: nothing is told. */
  #reporter: Reporter | undefined
  #playback: Playback | undefined
  /** Counts attempts, so that a late answer of an attempt that was given up is recognised. */
  #attempt = 0
  #chosen: PlaybackKind | undefined
  /** Place among the usable ways of the one that is tried when none is chosen. */
  #next = 0
  #failures = 0
  #retryTimer: number | undefined
  /** Looks at the tracks of the attempt in hand. */
  #onTracks: (() => void) | undefined
  /** Seconds from the beginning of a film: where the next attempt goes on. */
  #startTime: number | undefined
  /** As the attempt in hand found it. */
  #protection: Protection | undefined

  /** The path of the stream or film. */
  get path(): string {
    return this.getAttribute('path') ?? ''
  }

  static readonly observedAttributes = ['path']

  connectedCallback(): void {
    if (this.path !== '') this.#build()
  }

  attributeChangedCallback(): void {
    if (this.isConnected && this.path !== '') this.#build()
  }

  disconnectedCallback(): void {
    this.#take()
  }

  #build(): void {
    this.#take()
    const onDemand = isOnDemand(this.path)
    const stage = new Stage({ onDemand, playback: () => this.#playback, onAgain: () => this.#again() })
    this.#stage = stage
    const { video } = stage
    video.setAttribute('aria-label', `${onDemand ? 'Picture' : 'Live picture'} of ${this.path}`)
    // Browsers let a page start by itself only without sound; who came here for a film has asked for it.
    video.muted = !onDemand
    video.addEventListener('playing', () => this.#onPlaying())
    video.addEventListener('loadeddata', () => this.#onTracks?.())
    this.#readOut = new ReadOut(video, () => this.#playback, onDemand)
    const controls = document.createElement('div')
    controls.className = 'controls'
    controls.append(this.#choices(), this.#readOut.element)
    this.replaceChildren(stage.element, controls)
    this.#startTime = onDemand ? startTimeOfAddress() : undefined
    this.#reporter = openReporter(this, { video, path: this.path, onDemand, playback: () => this.#playback })
    if (onDemand) {
      const base = `/${encodePath(this.path)}`
      void stage.showPictures(passKey(`${base}/thumbnails.vtt`), passKey(`${base}/poster.jpg`))
    }
    void this.#play()
  }

  /** Takes everything away that was built. */
  #take(): void {
    this.#reporter?.stop()
    this.#reporter = undefined
    this.#stop()
    this.#readOut?.stop()
    this.#stage?.stop()
    this.#stage = undefined
    this.#failures = 0
    this.#next = 0
    this.replaceChildren()
  }

  #usable(): readonly PlaybackEngine[] {
    return ENGINES.filter(
      (engine) => engine.supported(this.path) && (this.#protection === undefined || engine.decrypts === true),
    )
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
    const usable = this.#usable()
    const known = usable.find((engine) => engine.kind === wanted)
    this.#chosen = known?.kind
    add('auto', 'Automatic', known === undefined, false)
    // What is of another kind of path is not offered at all; what this browser cannot do is told of.
    for (const engine of ENGINES) {
      if (engine === (isOnDemand(this.path) ? flvEngine : fileEngine)) continue
      add(engine.kind, engine.label, engine === known, !usable.includes(engine))
    }
    return set
  }

  #choose(kind: PlaybackKind | undefined): void {
    this.#chosen = kind
    this.#again()
  }

  /** Another attempt, from where playing was. */
  #again(): void {
    this.#failures = 0
    this.#next = 0
    this.#keepPlace()
    void this.#play()
  }

  /** Ways that would show it in the clear are not offered for what is protected. */
  #setProtection(protection: Protection | undefined): void {
    this.#protection = protection
    for (const engine of ENGINES) {
      const input = this.querySelector<HTMLInputElement>(`input[name="playback"][value="${engine.kind}"]`)
      const label = input?.closest('label')
      if (label) label.hidden = protection !== undefined && engine.decrypts !== true
    }
  }

  /** The chosen way; else one after the other as they fail. */
  #engine(): PlaybackEngine | undefined {
    const usable = this.#usable()
    return usable.find((engine) => engine.kind === this.#chosen) ?? usable[this.#next % Math.max(1, usable.length)]
  }

  async #play(): Promise<void> {
    this.#stop()
    const attempt = ++this.#attempt
    const stage = this.#stage
    if (stage === undefined) return
    stage.say('Connecting …')
    const protection = await askProtection(this.path)
    if (attempt !== this.#attempt) return
    this.#setProtection(protection)
    const refusal = protection === undefined ? undefined : (protection.refusal ?? (await browserRefusal(protection)))
    if (attempt !== this.#attempt) return
    if (refusal !== undefined) {
      this.#reporter?.broke(refusal)
      this.#reporter?.gaveUp()
      stage.say(refusal, { final: true })
      return
    }
    const engine = this.#engine()
    if (engine === undefined) {
      stage.say('This browser can play none of the formats offered.', { final: true })
      return
    }
    this.dataset['by'] = engine.kind
    const reporter = this.#reporter
    reporter?.start(engine.kind)
    const url = passKey(engine.url(this.path))
    const onFatal = (message: string) => {
      if (attempt === this.#attempt) void this.#fail(engine, url, message)
    }
    const onTracks = () => {
      if (attempt !== this.#attempt || this.#playback === undefined) return
      this.#chosenTracks.apply(this.#playback, stage.video)
      stage.bar.updateTracks()
    }
    this.#onTracks = onTracks
    const startTime = this.#startTime
    try {
      const events = { onFatal, onTracks }
      const playback = await engine.open({
        video: stage.video,
        url,
        events,
        ...(startTime !== undefined && { startTime }),
        ...(protection !== undefined && { licenseUrl: protection.licenseUrl }),
        ...(reporter !== undefined && { mark: (address, object) => reporter.mark(address, object) }),
      })
      if (attempt !== this.#attempt) {
        playback.destroy()
        return
      }
      this.#playback = playback
      onTracks()
      await this.#start(stage.video)
    } catch (error) {
      onFatal(error instanceof Error ? error.message : String(error))
    }
  }

  /** Where a browser forbids sound without a gesture, the picture goes on without it. */
  async #start(video: HTMLVideoElement): Promise<void> {
    for (const muted of [video.muted, true]) {
      video.muted = muted
      try {
        await video.play()
        return
      } catch (error) {
        // Other reasons are told by the playback.
        if ((error as DOMException).name !== 'NotAllowedError') return
      }
    }
    this.#reporter?.held()
    this.#stage?.say('Press play.')
  }

  async #fail(engine: PlaybackEngine, url: string, message: string): Promise<void> {
    this.#reporter?.broke(message)
    this.#keepPlace()
    this.#stop()
    const attempt = this.#attempt
    const { text, final, refused } = await explainFailure(this.path, url, message)
    if (attempt !== this.#attempt) return
    if (isOnDemand(this.path)) {
      const next = this.#alternative(engine, refused && final)
      if (next !== undefined && (final || !refused)) {
        this.#next = next
        void this.#play()
        return
      }
    } else this.#next++
    // A film that broke off in every way stays broken; a live stream comes back.
    if (!final && (refused || !isOnDemand(this.path))) return this.#retry(text)
    this.#reporter?.gaveUp()
    this.#stage?.say(text, { final: true })
  }

  /** The next way for a film. What the server does not prepare may still be a file that this browser knows as it is. */
  #alternative(failed: PlaybackEngine, refused: boolean): number | undefined {
    if (this.#chosen !== undefined) return undefined
    const usable = this.#usable()
    const at = usable.indexOf(failed)
    const next = refused ? usable.indexOf(fileEngine) : at + 1
    return next > at && next < usable.length ? next : undefined
  }

  #retry(message: string): void {
    const delay = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** this.#failures)
    this.#failures++
    this.#stage?.say(`${message} Trying again in ${Math.round(delay / 1000)} s.`)
    this.#retryTimer = window.setTimeout(() => void this.#play(), delay)
  }

  #stop(): void {
    window.clearTimeout(this.#retryTimer)
    this.#attempt++
    this.#playback?.destroy()
    this.#playback = undefined
  }

  #keepPlace(): void {
    const time = this.#stage?.video.currentTime ?? 0
    if (isOnDemand(this.path) && time > 0) this.#startTime = time
  }

  #onPlaying(): void {
    this.#failures = 0
    this.#stage?.say('')
  }
}

/** `?t=90`: seconds from the beginning of the film. */
function startTimeOfAddress(): number | undefined {
  const seconds = Number(new URLSearchParams(location.search).get('t') ?? '')
  return seconds > 0 && Number.isFinite(seconds) ? seconds : undefined
}

customElements.define('headend-player', HeadendPlayer)
