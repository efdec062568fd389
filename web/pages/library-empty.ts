/** What the library says when there is nothing to show. */

export interface Nothing {
  /** `folder`: there is no such folder. `search`: nothing was found. `empty`: nothing is in it. */
  readonly kind: 'folder' | 'search' | 'empty'
  readonly folder: string
  readonly search?: string
}

/** Fills the section of the page that is shown instead of films. */
export function showNothing(section: HTMLElement, { kind, folder, search = '' }: Nothing): void {
  const title = section.querySelector('h2')
  const text = section.querySelector('div')
  if (title === null || text === null) return
  section.hidden = false
  if (kind === 'search') {
    title.textContent = 'Nothing found'
    text.replaceChildren(paragraph(`No name and no title has “${search}”. Fewer letters find more.`))
  } else if (kind === 'folder') {
    title.textContent = 'No such folder'
    text.replaceChildren(paragraph(`“${folder.replace(/^vod\//, '')}” is not in the library, or it needs a key.`))
  } else {
    title.textContent = folder === 'vod' ? 'The library is empty' : 'This folder is empty'
    text.replaceChildren(
      paragraph(
        'Put films and music into the folder ',
        code('media'),
        ' beside the server (or the one that its setting ',
        code('media'),
        ' names). They appear here at once: MP4, MKV, WebM, MOV, TS, FLV, WMV, MP3 and more, in folders as you like.',
      ),
      paragraph(
        'Files named ',
        code('film.720p.mp4'),
        ' and ',
        code('film.360p.mp4'),
        ' become one film in two qualities; ',
        code('film.en.srt'),
        ' beside a film gives it subtitles.',
      ),
    )
  }
}

function paragraph(...parts: (string | Node)[]): HTMLElement {
  const element = document.createElement('p')
  element.append(...parts)
  return element
}

function code(text: string): HTMLElement {
  const element = document.createElement('code')
  element.textContent = text
  return element
}
