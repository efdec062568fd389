/** Sound on and off, and how loud; remembered. */
import { keepPreference, preference } from '../preferences.ts'
import { IconButton } from './icon-button.ts'

export class Volume {
  readonly element = document.createElement('div')
  readonly #video: HTMLVideoElement
  readonly #button: IconButton
  readonly #slider = document.createElement('input')

  constructor(video: HTMLVideoElement) {
    this.#video = video
    this.#button = new IconButton('loud', 'Mute', () => this.toggle())
    const slider = this.#slider
    slider.type = 'range'
    slider.min = '0'
    slider.max = '1'
    slider.step = '0.05'
    slider.setAttribute('aria-label', 'Volume')
    slider.addEventListener('input', () => this.#set(Number(slider.value)))
    this.element.className = 'volume'
    this.element.append(this.#button.element, slider)
    const before = Number(preference('volume') ?? '1')
    if (before >= 0 && before <= 1) video.volume = before
    this.update()
  }

  toggle(): void {
    this.#video.muted = !this.#video.muted
    if (!this.#video.muted && this.#video.volume === 0) this.#video.volume = 0.5
  }

  /** Louder by a positive number, up to 1. */
  change(by: number): void {
    this.#set(Math.min(1, Math.max(0, Math.round((this.#video.volume + by) * 20) / 20)))
  }

  update(): void {
    const { muted, volume } = this.#video
    const silent = muted || volume === 0
    this.#button.show(silent ? 'muted' : volume < 0.5 ? 'quiet' : 'loud', silent ? 'Unmute' : 'Mute', 'M')
    this.#slider.value = String(muted ? 0 : volume)
    this.#slider.style.setProperty('--part', String(muted ? 0 : volume))
    this.#slider.setAttribute('aria-valuetext', silent ? 'muted' : `${Math.round(volume * 100)} percent`)
  }

  #set(volume: number): void {
    this.#video.volume = volume
    this.#video.muted = volume === 0
    keepPreference('volume', String(volume))
  }
}
