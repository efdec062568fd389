/** Library page: folders and films, searched as you type. */

import { element } from './element.ts'
import { filmCard } from './film-card.ts'
import { moveFocusInGrid } from './grid-keys.ts'
import { showNothing } from './library-empty.ts'
import { fetchLibrary, type LibraryList, NoSuchFolder } from './library-list.ts'
import { folderCard, showPages, showPlace } from './library-navigation.ts'

/** Typing is over when no key came for this long. */
const TYPING_MS = 180
/** While the server reads files, the list is asked for again after this time. */
const PENDING_MS = 1_200
/** While something is being written. */
const GROWING_MS = 3_000
const RETRY_MS = 5_000

const folder = folderOfAddress(location.pathname)
const search = element('search') as HTMLInputElement
const films = element('films')
const folders = element('folders')
const count = element('count')
const nothing = element('nothing')

let page = Number(new URLSearchParams(location.search).get('page') ?? '1') || 1
let shown = ''
let timer: number | undefined
let asking = new AbortController()

search.value = new URLSearchParams(location.search).get('search') ?? ''
search.addEventListener('input', () => {
  page = 1
  later(TYPING_MS)
})
element('search-form').addEventListener('submit', (event) => {
  event.preventDefault()
  films.querySelector('a')?.focus()
})
document.addEventListener('keydown', onKey)
document.title = `${folder === 'vod' ? 'Library' : folder.slice(folder.lastIndexOf('/') + 1)} · Headend`
showPlace(element('place'), folder)
void refresh()

function later(delayMs: number): void {
  window.clearTimeout(timer)
  timer = window.setTimeout(() => void refresh(), delayMs)
}

async function refresh(): Promise<void> {
  window.clearTimeout(timer)
  asking.abort()
  const asked = new AbortController()
  asking = asked
  const text = search.value.trim()
  keepInAddress(text)
  try {
    const list = await fetchLibrary({ folder, search: text, page }, asked.signal)
    show(list)
    if (list.pending > 0 || list.films.some(({ state }) => state === 'pending')) later(PENDING_MS)
    else if (list.films.some(({ growing }) => growing === true)) later(GROWING_MS)
  } catch (error) {
    if (asked.signal.aborted) return
    films.setAttribute('aria-busy', 'false')
    if (error instanceof NoSuchFolder) {
      showNothing(nothing, { kind: 'folder', folder })
      return
    }
    count.textContent = 'The server does not answer.'
    later(RETRY_MS)
  }
}

function show(list: LibraryList): void {
  films.setAttribute('aria-busy', 'false')
  count.textContent = list.total === 0 && list.search === '' ? '' : countText(list)
  // Cards are rebuilt only when something changed, so that focus and pictures stay.
  const text = JSON.stringify([list.folders, list.films, list.page, list.pages, list.search])
  if (text === shown) return
  shown = text
  const focused = document.activeElement?.getAttribute('href')
  folders.hidden = list.folders.length === 0
  folders.replaceChildren(...list.folders.map(folderCard))
  const options = { pictures: list.pictures, showFolder: list.search !== '' }
  films.replaceChildren(...list.films.map((film) => filmCard(film, options)))
  if (focused) document.querySelector<HTMLElement>(`main a[href="${CSS.escape(focused)}"]`)?.focus()
  showPages(element('pages'), list)
  const empty = list.films.length === 0 && list.folders.length === 0
  if (empty) showNothing(nothing, { kind: list.search === '' ? 'empty' : 'search', folder, search: list.search })
  nothing.hidden = !empty
}

function countText({ total, search: words, more, pending }: LibraryList): string {
  const films = total === 1 ? '1 film' : `${total.toLocaleString('en')} films`
  const found = words === '' ? films : `${more ? 'More than ' : ''}${films} found`
  if (pending === 0) return found
  return `${found} · reading ${pending === 1 ? 'one more file' : `${pending.toLocaleString('en')} more files`}`
}

/** A search can be linked to, and is still there when somebody comes back. */
function keepInAddress(text: string): void {
  const query = new URLSearchParams(location.search)
  query.delete('search')
  query.delete('page')
  if (text !== '') query.set('search', text)
  if (page > 1) query.set('page', String(page))
  const tail = query.toString()
  history.replaceState(null, '', `${location.pathname}${tail === '' ? '' : `?${tail}`}`)
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey) return
  if (event.key === '/' && document.activeElement !== search) {
    search.focus()
    search.select()
    event.preventDefault()
  } else if (event.key === 'ArrowDown' && document.activeElement === search) {
    document.querySelector<HTMLElement>('.folders a, .films a')?.focus()
    event.preventDefault()
  } else if (moveFocusInGrid(event, '.folders a, .films a')) event.preventDefault()
}

/** `/library/vod/a%20b` is the folder `vod/a b`. */
function folderOfAddress(address: string): string {
  const path = decodeURIComponent(address.replace(/^\/library\/?/, '')).replace(/\/$/, '')
  return path === '' ? 'vod' : path
}
