/** What the player tells about itself while it plays: delay, buffer, bit rate, frames. */
import { bufferAhead, type Playback } from './playback.ts'
import { Sparkline } from './sparkline.ts'

const UPDATE_MS = 1000

export class ReadOut {
  readonly element = document.createElement('dl')
  readonly #values = new Map<string, HTMLElement>()
  readonly #plots = new Map<string, Sparkline>()
  readonly #video: HTMLVideoElement
  readonly #playback: () => Playback | undefined
  readonly #timer: number
  #frames = 0

  /** Films have no delay to tell of. */
  constructor(video: HTMLVideoElement, playback: () => Playback | undefined, onDemand: boolean) {
    this.#video = video
    this.#playback = playback
    if (!onDemand) this.#row('delay', 'Delay', true)
    this.#row('buffer', 'Buffer', true)
    this.#row('bitrate', 'Bit rate')
    this.#row('picture', 'Picture')
    this.#row('dropped', 'Dropped frames')
    this.#timer = window.setInterval(() => this.#update(), UPDATE_MS)
  }

  stop(): void {
    window.clearInterval(this.#timer)
  }

  #row(name: string, label: string, plotted = false): void {
    const row = document.createElement('div')
    const term = document.createElement('dt')
    const value = document.createElement('dd')
    term.textContent = label
    value.textContent = '–'
    value.dataset['name'] = name
    row.append(term, value)
    if (plotted) {
      const plot = new Sparkline(`${label} over the last minute`)
      this.#plots.set(name, plot)
      row.append(plot.canvas)
    }
    this.#values.set(name, value)
    this.element.append(row)
  }

  #update(): void {
    const video = this.#video
    const playback = this.#playback()
    const delay = playback?.delay()
    const buffer = bufferAhead(video)
    const bitrate = playback?.bitrate()
    const quality = video.getVideoPlaybackQuality()
    const rate = Math.max(0, quality.totalVideoFrames - this.#frames) / (UPDATE_MS / 1000)
    this.#frames = quality.totalVideoFrames
    this.#show('delay', delay === undefined ? undefined : `${delay.toFixed(1)} s`)
    this.#show('buffer', buffer === undefined ? undefined : `${buffer.toFixed(1)} s`)
    this.#show('bitrate', bitrate === undefined ? undefined : `${(bitrate / 1e6).toFixed(2)} Mb/s`)
    this.#show(
      'picture',
      video.videoWidth === 0 ? undefined : `${video.videoWidth}×${video.videoHeight}, ${rate.toFixed(0)} fps`,
    )
    this.#show('dropped', `${quality.droppedVideoFrames} of ${quality.totalVideoFrames}`)
    this.#plots.get('delay')?.add(delay)
    this.#plots.get('buffer')?.add(buffer)
  }

  #show(name: string, text: string | undefined): void {
    const element = this.#values.get(name)
    if (element !== undefined) element.textContent = text ?? '–'
  }
}
