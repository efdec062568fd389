/** The bar below the picture: everything that can be done while something plays. */
import { NO_TEXT } from '../chosen-tracks.ts'
import { canPictureInPicture, toggleFullScreen, togglePictureInPicture } from '../full-screen.ts'
import { trackLabel } from '../labels.ts'
import type { Choice, ChoiceKind, Playback } from '../playback.ts'
import { keepPreference } from '../preferences.ts'
import type { ThumbnailTrack } from '../thumbnail-track.ts'
import type { Timeline } from '../timeline.ts'
import { IconButton } from './icon-button.ts'
import type { KeyActions } from './keys.ts'
import { Menu, type MenuChoice, type MenuGroup } from './menu.ts'
import { SeekBar, timeWords } from './seek-bar.ts'
import { Volume } from './volume.ts'

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2]

export interface ControlBarOptions {
  readonly timeline: Timeline
  readonly playback: () => Playback | undefined
  /** What goes to full screen. */
  readonly frame: HTMLElement
}

export class ControlBar implements KeyActions {
  readonly element = document.createElement('div')
  readonly #options: ControlBarOptions
  readonly #video: HTMLVideoElement
  readonly #play: IconButton
  readonly #volume: Volume
  readonly #seekBar: SeekBar
  readonly #time = document.createElement('span')
  readonly #live = document.createElement('button')
  readonly #menus: readonly Menu[]
  readonly #fullScreen: IconButton

  constructor(options: ControlBarOptions) {
    this.#options = options
    const { timeline, frame } = options
    const video = timeline.video
    this.#video = video
    this.#play = new IconButton('play', 'Play', () => this.togglePlay())
    this.#volume = new Volume(video)
    this.#seekBar = new SeekBar(timeline)
    this.#time.className = 'time'
    this.#live.type = 'button'
    this.#live.className = 'live'
    this.#live.addEventListener('click', () => timeline.goLive())
    this.#menus = [
      new Menu('subtitles', 'Subtitles', () => this.#textGroups()),
      new Menu('audio', 'Sound track', () => this.#audioGroups()),
      new Menu('settings', 'Quality and speed', () => this.#settingGroups()),
    ]
    this.#fullScreen = new IconButton('fullScreen', 'Full screen', () => this.toggleFullScreen())
    const row = document.createElement('div')
    row.className = 'row'
    const space = document.createElement('span')
    space.className = 'space'
    row.append(
      this.#play.element,
      this.#volume.element,
      ...(timeline.onDemand ? [] : [this.#live]),
      this.#time,
      space,
      ...this.#menus.map(({ element }) => element),
    )
    if (canPictureInPicture()) {
      const button = new IconButton('pictureInPicture', 'Picture in picture', () => {
        togglePictureInPicture(video).catch(() => {})
      })
      row.append(button.element)
    }
    row.append(this.#fullScreen.element)
    this.element.className = 'control-bar'
    this.element.append(this.#seekBar.element, row)
    frame.addEventListener('fullscreenchange', () => this.update())
    this.update()
  }

  /** A menu is open: the bar must stay. */
  get menuOpen(): boolean {
    return this.#menus.some(({ open }) => open)
  }

  set thumbnails(track: ThumbnailTrack | undefined) {
    this.#seekBar.thumbnails = track
  }

  /** Shows what is so now. Cheap: called several times a second. */
  update(): void {
    const { paused, ended } = this.#video
    if (ended && this.#options.timeline.onDemand) this.#play.show('replay', 'Play again', 'K')
    else this.#play.show(paused ? 'play' : 'pause', paused ? 'Play' : 'Pause', 'K')
    this.#volume.update()
    this.#seekBar.update()
    this.#time.textContent = timeWords(this.#options.timeline)
    this.#showLive()
    const full = document.fullscreenElement !== null
    this.#fullScreen.show(full ? 'smallScreen' : 'fullScreen', full ? 'Leave full screen' : 'Full screen', 'F')
  }

  /** Shows which tracks there are now. */
  updateTracks(): void {
    for (const menu of this.#menus) menu.update()
  }

  togglePlay(): void {
    if (!this.#video.paused) this.#video.pause()
    else this.#video.play().catch(() => {})
  }

  step(seconds: number): void {
    this.#options.timeline.step(seconds)
  }

  start(): void {
    const { timeline } = this.#options
    timeline.seek(timeline.range()?.start ?? 0)
  }

  end(): void {
    const { timeline } = this.#options
    if (timeline.onDemand) timeline.seek(timeline.range()?.end ?? 0)
    else timeline.goLive()
  }

  part(part: number): void {
    const range = this.#options.timeline.range()
    if (range !== undefined) this.#options.timeline.seek(range.start + part * (range.end - range.start))
  }

  volume(by: number): void {
    this.#volume.change(by)
  }

  toggleMute(): void {
    this.#volume.toggle()
  }

  toggleFullScreen(): void {
    toggleFullScreen(this.#options.frame, this.#video).catch(() => {})
  }

  toggleText(): void {
    const choices = this.#choices('text')
    const shown = choices.some(({ selected }) => selected)
    this.#choose('text', shown ? undefined : choices[0])
    this.updateTracks()
  }

  #showLive(): void {
    const { timeline } = this.#options
    if (timeline.onDemand) return
    const { atLive } = timeline
    this.#live.classList.toggle('behind', !atLive)
    this.#live.textContent = atLive ? 'LIVE' : 'Back to live'
    this.#live.disabled = atLive
  }

  #textGroups(): readonly MenuGroup[] {
    const choices = this.#choices('text')
    if (choices.length === 0) return []
    const off = {
      label: 'Off',
      selected: choices.every(({ selected }) => !selected),
      choose: () => this.#choose('text', undefined),
    }
    return [
      { title: 'Subtitles', choices: [off, ...choices.map((choice, at) => this.#menuChoice('text', choice, at))] },
    ]
  }

  #audioGroups(): readonly MenuGroup[] {
    const choices = this.#choices('audio')
    if (choices.length < 2) return []
    return [{ title: 'Sound track', choices: choices.map((choice, at) => this.#menuChoice('audio', choice, at)) }]
  }

  #settingGroups(): readonly MenuGroup[] {
    const groups: MenuGroup[] = []
    const qualities = this.#choices('quality')
    if (qualities.length > 1) {
      const automatic = {
        label: 'Automatic',
        selected: qualities.every(({ selected }) => !selected),
        choose: () => this.#options.playback()?.choose('quality', undefined),
      }
      const manual = qualities.map((quality) => ({
        label: quality.label,
        selected: quality.selected,
        choose: () => this.#options.playback()?.choose('quality', quality.id),
      }))
      groups.push({ title: 'Quality', choices: [automatic, ...manual.toReversed()] })
    }
    if (this.#options.timeline.onDemand) {
      const speeds = SPEEDS.map((speed) => ({
        label: speed === 1 ? 'Normal' : `${speed}×`,
        selected: this.#video.playbackRate === speed,
        choose: () => {
          this.#video.playbackRate = speed
        },
      }))
      groups.push({ title: 'Speed', choices: speeds })
    }
    return groups
  }

  #menuChoice(kind: 'audio' | 'text', choice: Choice, at: number): MenuChoice {
    return { label: trackLabel(choice, at), selected: choice.selected, choose: () => this.#choose(kind, choice) }
  }

  #choices(kind: ChoiceKind): readonly Choice[] {
    return this.#options.playback()?.choices(kind) ?? []
  }

  #choose(kind: 'audio' | 'text', choice: Choice | undefined): void {
    this.#options.playback()?.choose(kind, choice?.id)
    keepPreference(kind, choice === undefined ? NO_TEXT : (choice.language ?? choice.label))
  }
}
