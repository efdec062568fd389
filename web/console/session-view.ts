/** One session: its measures, its timeline, why it stalled, and every event of it. */
import type { AudiencePoint, SessionDetail, SessionEvent } from './audience-api.ts'
import { make } from './make.ts'
import { bitrateText, bytesText, clockText, countOf, countText, momentText, spanText } from './number-text.ts'
import { OUTCOME_TEXT } from './session-list.ts'
import { type Extent, eventText, marksOf, type Stall, stallsOf } from './session-story.ts'
import { timeline } from './session-timeline.ts'

/** Rows that are made at once: those of a long session are as many as nobody reads. */
const ROWS = 1000
/** Shown before and behind a stall that is looked at closely, milliseconds. */
const CLOSER_MS = 20_000
/** A shorter time without requests says nothing, milliseconds. */
const SILENCE_MS = 1000

export interface SessionViewOptions {
  /** What all viewers of its path had in each minute. */
  readonly others: readonly AudiencePoint[]
  /** Of the page about its path. */
  readonly streamAddress: string
}

export function sessionView(session: SessionDetail, { others, streamAddress }: SessionViewOptions): HTMLElement[] {
  const marks = marksOf(session.events)
  const stalls = stallsOf(session, marks)
  const whole = make('button', { text: 'The whole session' })
  whole.hidden = true
  let lanes = timeline({ session, marks, others })
  const show = (extent?: Extent) => {
    const next = timeline({ session, marks, others, ...(extent !== undefined && { extent }) })
    lanes.replaceWith(next)
    lanes = next
    whole.hidden = extent === undefined
    if (extent !== undefined) lanes.scrollIntoView({ block: 'nearest' })
  }
  whole.addEventListener('click', () => show())
  return [
    make(
      'dl',
      { class: 'facts' },
      ...streamFact(session.path, streamAddress),
      ...factsOf(session).flatMap(([name, value]) => fact(name, value)),
    ),
    lanes,
    whole,
    make('h3', { text: stalls.length === 0 ? 'It never stalled' : 'Why it stalled' }),
    make('ol', { class: 'stalls' }, ...stalls.map((stall) => stallItem(stall, others, show))),
    make('h3', { text: `Events: ${countText(session.events.length)}${session.isCut ? ' (not all)' : ''}` }),
    eventTable(session),
  ]
}

function factsOf(session: SessionDetail): [name: string, value: string | undefined][] {
  const start = Date.parse(session.start)
  return [
    ['Protocol', session.protocol],
    ['Began', momentText(start)],
    ['Lasted', spanText(Date.parse(session.end) - start)],
    ['Outcome', OUTCOME_TEXT[session.outcome] ?? session.outcome],
    ['Start-up', spanText(session.startupMs)],
    ['Played', spanText(session.playedMs)],
    ['Stalled', `${spanText(session.stalledMs)} in ${countText(session.stalls)} (network: ${session.networkStalls})`],
    ['Paused', spanText(session.pausedMs)],
    ['Bit rate', `${bitrateText(session.bitrateKbps)}, ${session.bitrateUp} up, ${session.bitrateDown} down`],
    ['Latency', session.latencyMs === undefined ? undefined : spanText(session.latencyMs)],
    ['Dropped frames', session.droppedFrames === undefined ? undefined : countText(session.droppedFrames)],
    ['Lost packets', session.lostPackets === undefined ? undefined : countText(session.lostPackets)],
    ['Bytes', session.bytes === undefined ? undefined : bytesText(session.bytes)],
    ['Errors', countText(session.errors)],
    ['Content', session.contentId],
    ['Player', session.player],
    ['Address', session.address],
    ['User agent', session.userAgent],
    ['Session', session.id],
  ]
}

function streamFact(path: string, address: string): HTMLElement[] {
  if (path === '') return []
  const link = make('a', { text: path })
  link.href = address
  return [make('div', {}, make('dt', { text: 'Stream' }), make('dd', {}, link))]
}

function fact(name: string, value: string | undefined): HTMLElement[] {
  if (value === undefined || value === '') return []
  return [make('div', {}, make('dt', { text: name }), make('dd', { text: value }))]
}

function stallItem(
  { start, end, around, silence }: Stall,
  others: readonly AudiencePoint[],
  show: (extent: Extent) => void,
): HTMLElement {
  const [from, until] = [Date.parse(start), Date.parse(end)]
  const closer = make('button', { class: 'screen', text: 'Look closer' })
  closer.addEventListener('click', () => show({ from: from - CLOSER_MS, until: until + CLOSER_MS }))
  const item = make('li', {}, make('strong', { text: `${clockText(from)}, for ${spanText(until - from)} ` }), closer)
  const lines = around.map(({ time, isServer, text }) => {
    const offset = (time - from) / 1000
    const when = `${offset < 0 ? '−' : '+'}${Math.abs(offset).toFixed(1)} s`
    return make('li', { text: `${when} ${isServer ? 'server' : 'player'}: ${text}` })
  })
  if (silence !== undefined && silence.until - silence.from >= SILENCE_MS) {
    const text = `no media was requested for ${spanText(silence.until - silence.from)} from ${clockText(silence.from)} on`
    lines.push(make('li', { text }))
  }
  const minutes = others.filter(({ time }) => Date.parse(time) + 60_000 > from && Date.parse(time) < until)
  const stalls = minutes.reduce((sum, point) => sum + point.stalls, 0)
  const watching = minutes.reduce((most, { concurrent }) => Math.max(most, concurrent), 0)
  if (minutes.length > 0) {
    lines.push(
      make('li', {
        text: `in these minutes: ${countOf(stalls, 'stall')} among at most ${countText(watching)} watching`,
      }),
    )
  }
  if (around.length === 0) lines.unshift(make('li', { text: 'nothing else was told within 10 s of it' }))
  item.append(make('ul', {}, ...lines))
  return item
}

function eventTable({ start, events }: SessionDetail): HTMLElement {
  const from = Date.parse(start)
  const rowOf = (event: SessionEvent) => {
    const told = make('td', { text: eventText(event) })
    if (event.original !== undefined) {
      told.append(make('details', {}, make('summary', { text: 'as it came' }), make('code', { text: event.original })))
    }
    const row = make(
      'tr',
      {},
      make('td', { class: 'number', text: clockText(event.time) }),
      make('td', { class: 'number', text: `${((event.time - from) / 1000).toFixed(1)} s` }),
      make('td', { text: event.source }),
      told,
    )
    row.dataset['source'] = event.source
    if (event.state === 'rebuffering' || (event.errors?.length ?? 0) > 0) row.className = 'bad'
    return row
  }
  const body = make('tbody')
  const more = make('button', { class: 'screen', text: 'More events' })
  const requests = make('input')
  requests.type = 'checkbox'
  const story = events.filter(({ kind }) => kind !== 'request')
  const addRows = () => {
    const wanted = requests.checked ? events : story
    const first = body.rows.length
    body.append(...wanted.slice(first, first + ROWS).map(rowOf))
    more.hidden = body.rows.length >= wanted.length
  }
  more.addEventListener('click', addRows)
  requests.addEventListener('change', () => {
    body.replaceChildren()
    addRows()
  })
  addRows()
  const count = countText(events.length - story.length)
  const choice = make(
    'label',
    { class: 'check screen' },
    requests,
    make('span', { text: `requests of media: ${count}` }),
  )
  choice.hidden = story.length === events.length
  const names = ['Time', 'Since', 'Told by', 'What']
  return make(
    'div',
    { class: 'wide' },
    choice,
    make(
      'table',
      { class: 'events' },
      make('thead', {}, make('tr', {}, ...names.map((text) => make('th', { text })))),
      body,
    ),
    more,
  )
}
