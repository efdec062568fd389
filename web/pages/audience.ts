/** Audience page of the console: who watched, how long, how well, and why it stalled. */
import { adminToken, forgetAdminToken, keepAdminToken } from '../console/admin-token.ts'
import {
  type AudienceOverview,
  type AudiencePoint,
  type AudienceSeries,
  type AudienceShare,
  askAudience,
  eraseSession,
  fetchExport,
  RefusedError,
  type SessionDetail,
  type SessionPage,
  type SessionSummary,
} from '../console/audience-api.ts'
import { Charts } from '../console/charts.ts'
import { downloadEvents, downloadJson, downloadSeries, save } from '../console/download.ts'
import { isLive, showFilters, showNames, watchFilters } from '../console/filters.ts'
import { refill } from '../console/make.ts'
import { bytesText } from '../console/number-text.ts'
import { addressOf, DIMENSIONS, listQueryOf, type Question, queryOf, questionOf } from '../console/question.ts'
import { sessionRow } from '../console/session-list.ts'
import { MAX_SHOWN, newLook, sessionView } from '../console/session-view.ts'
import { shareRows } from '../console/shares.ts'
import { errorRows, tiles } from '../console/tiles.ts'
import { element } from './element.ts'

/** Between two looks at a range up to now, or so many times what the last one took: the store has other work. */
const REFRESH_MS = 5000
const REST = 10
const SESSIONS_A_PAGE = '50'
/** Minutes of a path beside one session's timeline at most, as the API gives them. */
const MAX_MINUTES = 3000

const status = element('status')
const signIn = element('sign-in')
const token = element('token') as HTMLInputElement
const charts = new Charts(element('charts'), (from, until) => change({ range: { from, until } }))

let question = questionOf(location.search)
let asking = new AbortController()
let timer: number | undefined
/** What is shown, for files of it. */
let shown:
  | { overview: AudienceOverview; series: AudienceSeries; shares: Record<string, readonly AudienceShare[]> }
  | undefined
let sessions: readonly SessionSummary[] = []
let next: number | undefined
let session: SessionDetail | undefined
let look = newLook()

watchFilters(change)
element('sign-in-form').addEventListener('submit', (event) => {
  event.preventDefault()
  const told = token.value.trim()
  token.value = ''
  // What a header cannot carry is no token.
  if (!/^[!-~]+$/.test(told)) return showSignIn('expected letters, digits and signs without spaces')
  keepAdminToken(told)
  void refresh()
})
element('sign-out').addEventListener('click', () => {
  forgetAdminToken()
  // All that was shown goes with it.
  location.reload()
})
element('print').addEventListener('click', () => window.print())
element('more').addEventListener('click', () => void showMore())
element('erase').addEventListener('click', () => void erase())
element('live').addEventListener('change', () => {
  if (isLive()) void refresh()
  else window.clearTimeout(timer)
})
element('json').addEventListener('click', () => {
  if (question.session === undefined) downloadJson('audience', { question, ...shown, sessions })
  else downloadJson('session', session)
})
element('csv').addEventListener('click', () => {
  if (session !== undefined) downloadEvents('session', session)
  else if (shown !== undefined) downloadSeries('audience', shown.series)
})
element('export').addEventListener('submit', (event) => {
  event.preventDefault()
  void exportFile()
})
window.addEventListener('popstate', () => {
  question = questionOf(location.search)
  void refresh()
})
document.addEventListener('click', onLink)
document.addEventListener('visibilitychange', () => {
  if (!document.hidden && isLive() && !isStill()) void refresh()
})
void refresh()

function change(changed: Partial<Question>): void {
  question = { ...question, ...changed }
  history.pushState(null, '', addressOf(question))
  void refresh()
}

/** Links of the page to itself need not load it again. */
function onLink(event: MouseEvent): void {
  const link = event.target instanceof Element ? event.target.closest('a') : null
  if (link?.origin !== location.origin || link.pathname !== location.pathname) return
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0 || link.hash !== '') return
  event.preventDefault()
  history.pushState(null, '', link.href)
  question = questionOf(location.search)
  window.scrollTo(0, 0)
  void refresh()
}

async function refresh(): Promise<void> {
  window.clearTimeout(timer)
  asking.abort()
  if (adminToken() === undefined) return showSignIn('')
  const { signal } = (asking = new AbortController())
  showFilters(question)
  const began = performance.now()
  try {
    if (question.session === undefined) await showAudience(signal)
    else await showSession(question.session, signal)
    if (signal.aborted) return
    signIn.hidden = true
    element('console').hidden = false
    status.textContent = ''
    element('as-of').textContent = `as of ${new Date().toLocaleTimeString('en-GB')}`
  } catch (error) {
    if (signal.aborted) return
    if (error instanceof RefusedError && (error.status === 401 || error.status === 403)) {
      forgetAdminToken()
      return showSignIn(error.message)
    }
    signIn.hidden = true
    element('console').hidden = false
    status.textContent = error instanceof RefusedError ? error.message : 'The server does not answer.'
    // Of another session nothing is shown under this one's address.
    if (question.session !== undefined && question.session !== session?.id) showOne([])
  }
  document.body.setAttribute('aria-busy', 'false')
  if (isStill() || !isLive() || document.hidden) return
  timer = window.setTimeout(() => void refresh(), Math.max(REFRESH_MS, (performance.now() - began) * REST))
}

/** Nothing of it will change any more. */
function isStill(): boolean {
  if (question.session === undefined) return typeof question.range === 'object'
  return session?.id === question.session && session.outcome !== 'open'
}

function showSignIn(why: string): void {
  element('console').hidden = true
  signIn.hidden = false
  element('sign-in-why').textContent = why
  token.focus()
}

async function showAudience(signal: AbortSignal): Promise<void> {
  const query = queryOf(question, Date.now())
  const [overview, series, page, ...lists] = await Promise.all([
    askAudience<AudienceOverview>('overview', query, signal),
    askAudience<AudienceSeries>('series', query, signal),
    askSessions(undefined, signal),
    // Without its own filter, so that another name can be chosen.
    ...DIMENSIONS.map((by) =>
      askAudience<{ shares: readonly AudienceShare[] }>('shares', { ...query, [by]: undefined, by }, signal),
    ),
  ])
  if (signal.aborted) return
  const { path } = question
  document.title = `${path === undefined ? 'Audience' : `Audience of ${path}`} · Headend`
  element('title').textContent = path === undefined ? 'Audience' : `Audience of ${path === '' ? 'no path' : path}`
  element('one').hidden = true
  element('all').hidden = false
  session = undefined
  shown = { overview, series, shares: {} }
  element('tiles').replaceChildren(...tiles(overview, series.points.at(-1)))
  refill(element('errors'), errorRows(overview))
  element('errors-part').hidden = overview.codes.length === 0
  for (const [at, by] of DIMENSIONS.entries()) {
    const shares = lists[at]?.shares ?? []
    shown.shares[by] = shares
    showNames(by, shares, question[by])
    const linkOf = (name: string | undefined) => addressOf({ ...question, [by]: name })
    refill(element(`shares-${by}`), shareRows(shares, { chosen: question[by], linkOf }))
  }
  sessions = []
  refill(element('sessions'), sessionRows(page))
  await charts.show(series)
}

function askSessions(before: number | undefined, signal: AbortSignal): Promise<SessionPage> {
  return askAudience<SessionPage>(
    'sessions',
    {
      ...listQueryOf(question, Date.now()),
      before: before === undefined ? undefined : String(before),
      limit: SESSIONS_A_PAGE,
    },
    signal,
  )
}

/** Rows of one more page. */
function sessionRows(page: SessionPage): HTMLElement[] {
  sessions = [...sessions, ...page.items]
  next = page.next
  element('more').hidden = next === undefined
  element('no-sessions').hidden = sessions.length > 0
  return page.items.map((one) => sessionRow(one, addressOf({ ...question, session: one.id })))
}

async function showMore(): Promise<void> {
  // What is read on stands still.
  const live = element('live') as HTMLInputElement
  live.checked = false
  window.clearTimeout(timer)
  const { signal } = asking
  try {
    const page = await askSessions(next, signal)
    if (!signal.aborted) element('sessions').append(...sessionRows(page))
  } catch (error) {
    if (!signal.aborted) status.textContent = error instanceof Error ? error.message : 'The server does not answer.'
  }
}

async function showSession(id: string, signal: AbortSignal): Promise<void> {
  const found = await askAudience<SessionDetail>('session', { id, limit: String(MAX_SHOWN) }, signal)
  const others = await minutesOf(found, signal)
  if (signal.aborted) return
  if (found.id !== session?.id) look = newLook()
  session = found
  document.title = `A session of ${found.path} · Headend`
  element('title').textContent = found.path === '' ? 'A session' : `A session of ${found.path}`
  const streamAddress = addressOf({ ...question, session: undefined, path: found.path })
  showOne(sessionView(found, { others, streamAddress, look }))
}

function showOne(parts: readonly HTMLElement[]): void {
  element('all').hidden = true
  element('one').hidden = false
  element('erase').hidden = parts.length === 0
  ;(element('back') as HTMLAnchorElement).href = addressOf({ ...question, session: undefined })
  refill(element('session'), parts)
}

/** What all viewers of its path had in each minute of a session; none for one of days. */
async function minutesOf({ path, start, end }: SessionDetail, signal: AbortSignal): Promise<readonly AudiencePoint[]> {
  const [from, until] = [Date.parse(start), Date.parse(end) + 1000]
  if (path === '' || (until - from) / 60_000 > MAX_MINUTES - 2) return []
  const range = { from: new Date(from).toISOString(), until: new Date(until).toISOString() }
  return (await askAudience<AudienceSeries>('series', { ...range, path, step: '60' }, signal)).points
}

/** All sessions of the range and the filters, or their events, as the server writes them: the token stays out of addresses. */
async function exportFile(): Promise<void> {
  const [what, format] = (element('export-what') as HTMLSelectElement).value.split(' ')
  const button = element('export-start') as HTMLButtonElement
  button.disabled = true
  status.textContent = 'The file is being written …'
  try {
    const { name, file } = await fetchExport({ ...listQueryOf(question, Date.now()), what, format })
    save(name, file)
    status.textContent = `${name}: ${bytesText(file.size)}`
  } catch (error) {
    status.textContent =
      error instanceof RefusedError ? error.message : 'The file is not whole: the server ended it in the middle.'
  }
  button.disabled = false
}

async function erase(): Promise<void> {
  const { session: id } = question
  if (id === undefined || !window.confirm('Erase all that is known of this session? It cannot be undone.')) return
  try {
    await eraseSession(id)
    change({ session: undefined })
  } catch (error) {
    status.textContent = error instanceof Error ? error.message : 'The server does not answer.'
  }
}
