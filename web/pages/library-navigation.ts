/** Where in the library the page is, and the ways from there: the folders above and below, the other pages of the list. */
import { drawIcon } from '../icons.ts'
import { passKey } from '../play-key.ts'
import { encodePath } from '../player/playback.ts'
import type { LibraryList } from './library-list.ts'

/** `Library / Concerts / 1998`, each but the last a link. */
export function showPlace(heading: HTMLElement, folder: string): void {
  const names = folder.split('/')
  const parts: (string | Node)[] = []
  for (const [at, name] of names.entries()) {
    const text = at === 0 ? 'Library' : name
    if (at > 0) parts.push(slash())
    if (at === names.length - 1) parts.push(text)
    else parts.push(link(folderAddress(names.slice(0, at + 1).join('/')), text))
  }
  heading.replaceChildren(...parts)
}

export function folderCard({ path, name }: LibraryList['folders'][number]): HTMLElement {
  const item = document.createElement('li')
  const card = link(folderAddress(path), '')
  card.className = 'folder'
  const text = document.createElement('span')
  text.dir = 'auto'
  text.textContent = name
  card.append(drawIcon('folder'), text)
  item.append(card)
  return item
}

/** The ways to the page before and the next one. */
export function showPages(navigation: HTMLElement, { page, pages }: LibraryList): void {
  navigation.hidden = pages < 2
  const parts: (string | Node)[] = []
  if (page > 1) parts.push(link(pageAddress(page - 1), '← Previous'))
  const where = document.createElement('span')
  where.textContent = `Page ${page} of ${pages}`
  parts.push(where)
  if (page < pages) parts.push(link(pageAddress(page + 1), 'Next →'))
  navigation.replaceChildren(...parts)
}

function folderAddress(folder: string): string {
  return passKey(folder === 'vod' ? '/library' : `/library/${encodePath(folder)}`)
}

function pageAddress(page: number): string {
  const query = new URLSearchParams(location.search)
  query.set('page', String(page))
  return `${location.pathname}?${query}`
}

function link(href: string, text: string): HTMLAnchorElement {
  const anchor = document.createElement('a')
  anchor.href = href
  anchor.textContent = text
  return anchor
}

function slash(): HTMLElement {
  const mark = document.createElement('span')
  mark.className = 'slash'
  mark.textContent = '/'
  return mark
}
