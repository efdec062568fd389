/** One film of the library: its poster with what is worth knowing before it is played. */
import { drawIcon } from '../icons.ts'
import { passKey } from '../play-key.ts'
import { encodePath } from '../player/playback.ts'
import { formatTime } from '../time-text.ts'
import type { Film } from './library-list.ts'

const MEGABYTE = 1_000_000
const GIGABYTE = 1_000 * MEGABYTE

/** Builds the list item. Whatever a file is called, its name is set as text. `inFolder`: show where it lies. */
export function filmCard(
  film: Film,
  options: { readonly pictures: boolean; readonly showFolder: boolean },
): HTMLElement {
  const item = document.createElement('li')
  const link = document.createElement('a')
  link.className = 'film'
  link.href = passKey(`/watch/${encodePath(film.path)}`)
  const texts = document.createElement('span')
  texts.className = 'texts'
  const name = document.createElement('strong')
  name.dir = 'auto'
  name.textContent = film.title ?? recordingTime(film) ?? film.name
  name.title = film.path
  texts.append(name)
  for (const line of smallLines(film, options.showFolder)) {
    const small = document.createElement('small')
    small.dir = 'auto'
    small.textContent = line
    texts.append(small)
  }
  link.append(poster(film, options.pictures), texts)
  item.append(link)
  return item
}

function smallLines(film: Film, showFolder: boolean): readonly string[] {
  const lines: string[] = []
  if (film.title !== undefined && film.title !== film.name) lines.push(film.name)
  if (showFolder) lines.push(folderOf(film.path))
  if (film.state === 'pending') lines.push('Reading …')
  else if (film.state === 'damaged') lines.push('The file is damaged.')
  else lines.push(formatSize(film.size))
  return lines
}

/** Recordings are named by the moment they began, UTC: `2026-11-25T04-33-41Z`. People read it in their own time. */
function recordingTime({ path, name }: Film): string | undefined {
  const [, day, hours, minutes, seconds] = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)Z$/.exec(name) ?? []
  if (day === undefined || !path.startsWith('vod/recordings/')) return undefined
  const began = new Date(`${day}T${hours}:${minutes}:${seconds}Z`)
  return Number.isNaN(began.getTime())
    ? undefined
    : began.toLocaleString([], { dateStyle: 'medium', timeStyle: 'medium', hourCycle: 'h23' })
}

function poster(film: Film, pictures: boolean): HTMLElement {
  const frame = document.createElement('span')
  frame.className = 'poster'
  // The same film has the same colour everywhere.
  frame.style.setProperty('--hue', String(Number.parseInt(film.token.slice(0, 4), 16) % 360))
  const hasPicture = film.tracks === undefined || film.tracks.some(({ kind }) => kind === 'video')
  frame.append(drawIcon(hasPicture ? 'film' : 'sound'))
  if (pictures && film.state === 'known' && hasPicture && film.growing !== true) frame.append(posterImage(film))
  frame.append(badges(film))
  if (film.duration !== undefined && film.duration > 0) {
    const duration = document.createElement('span')
    duration.className = 'duration'
    duration.textContent = formatTime(film.duration)
    frame.append(duration)
  }
  return frame
}

/** Shown when it is there; until then, and where none can be made, the drawn one stays. */
function posterImage(film: Film): HTMLImageElement {
  const image = document.createElement('img')
  image.alt = ''
  image.loading = 'lazy'
  image.decoding = 'async'
  image.addEventListener('load', () => image.classList.add('there'))
  image.addEventListener('error', () => image.remove())
  image.src = passKey(`/${encodePath(film.path)}/poster.jpg?v=${film.token}`)
  return image
}

function badges(film: Film): HTMLElement {
  const set = document.createElement('span')
  set.className = 'badges'
  const add = (text: string, kind = '', title = '') => {
    const badge = document.createElement('span')
    badge.className = `badge ${kind}`.trim()
    badge.textContent = text
    if (title !== '') badge.title = title
    set.append(badge)
  }
  if (film.growing === true) add('● Being written', 'growing')
  const video = film.tracks?.find(({ kind }) => kind === 'video')
  const lines = film.qualities?.map(({ height }) => height).filter((height) => height !== undefined) ?? []
  if (lines.length > 1) add(lines.map((height) => `${height}p`).join(' · '))
  else if (video?.height !== undefined) add(qualityName(video.height))
  if (film.plays === 'encoded') {
    add(
      'Encoded while you watch',
      'encoded',
      `Browsers do not know ${film.tracks?.map(({ codec }) => codec).join(', ')}`,
    )
  }
  if (film.state === 'damaged') add('Cannot be played', 'damaged', film.note)
  return set
}

function qualityName(height: number): string {
  return height >= 2000 ? '4K' : `${height}p`
}

function folderOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')).replace(/^vod\/?/, '') || 'Library'
}

function formatSize(bytes: number): string {
  return bytes >= GIGABYTE ? `${(bytes / GIGABYTE).toFixed(1)} GB` : `${(bytes / MEGABYTE).toFixed(1)} MB`
}
