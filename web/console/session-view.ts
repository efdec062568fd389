/** One session: its measures, its timeline, why it stalled, and every event of it. */
import type { AudiencePoint, SessionDetail, SessionEvent } from './audience-api.ts'
import { make } from './make.ts'
import { bitrateText, bytesText, clockText, countOf, countText, momentText, spanText } from './number-text.ts'
import { OUTCOME_TEXT } from './session-list.ts'
import { type Extent, eventText, marksOf, type Stall, stallsOf } from './session-story.ts'
import { timeline } from './session-timeline.ts'

/** Rows that are made at once: those of a long session are as many as nobody reads. */
const ROWS = 1000
/** Of one session, which is what the API gives at most. */
export const MAX_SHOWN = 10_000
/** Shown before and behind a stall that is looked at closely, milliseconds. */
const CLOSER_MS = 20_000
/** Characters above which a fact has more room. */
const LONG = 40
/** A shorter time without requests says nothing, milliseconds. */
const SILENCE_MS = 1000
const MINUTE_MS = 60_000

export interface SessionViewOptions {
  /** What all viewers of its path had in each minute. */
  readonly others: readonly AudiencePoint[]
  /** Of the page about its path. */
  readonly streamAddress: string
  /** How it is looked at; changed by who looks. */
  readonly look: SessionLook
}

/** How a session is looked at: it stays so when it is shown anew. */
export interface SessionLook {
  /** The part of its timeline; left out: all of it. */
  extent?: Extent | undefined
  /** Requests of media are among its events. */
  requests: boolean
  /** Rows of events. */
  rows: number
}

export function newLook(): SessionLook {
  return { requests: false, rows: ROWS }
}

export function sessionView(
  session: SessionDetail,
  { others, streamAddress, look }: SessionViewOptions,
): HTMLElement[] {
  const marks = marksOf(session.events)
  const stalls = stallsOf(session, marks)
  const whole = make('button', { class: 'screen', text: 'The whole session', key: 'whole' })
  const draw = () => {
    whole.hidden = look.extent === undefined
    return timeline({ session, marks, others, ...(look.extent !== undefined && { extent: look.extent }) })
  }
  let lanes = draw()
  const show = (extent?: Extent) => {
    look.extent = extent
    const next = draw()
    lanes.replaceWith(next)
    lanes = next
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
    ...cutNote(session),
    lanes,
    whole,
    make('h3', { text: stalls.length === 0 ? 'It never stalled' : 'Why it stalled' }),
    make('ol', { class: 'stalls' }, ...stalls.map((stall) => stallItem(stall, { others, own: stalls, show }))),
    make('h3', {
      text: `Events: ${countText(session.events.length)}${session.isCut ? ` of ${countText(session.eventsTold)}` : ''}`,
    }),
    eventTable(session, look),
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
    ['Session', session.id],
    ['User agent', session.userAgent],
  ]
}

/** What is missing of it, and from when on: a timeline that is empty there tells nothing. */
function cutNote({ isCut, events, eventsTold, end }: SessionDetail): HTMLElement[] {
  if (!isCut) return []
  const lastRequest = events.findLast(({ kind }) => kind === 'request')?.time
  const rest = `${countText(eventsTold - events.length)} of its ${countOf(eventsTold, 'event')}`
  const left =
    events.length < MAX_SHOWN || lastRequest === undefined
      ? `${rest} are not kept any more.`
      : `${rest} are not shown: requests of media after ${momentText(lastRequest)}, of a session until ${momentText(Date.parse(end))}. Its numbers count all of them, and an export of events has them.`
  return [make('p', { class: 'note', text: left })]
}

function streamFact(path: string, address: string): HTMLElement[] {
  if (path === '') return []
  const link = make('a', { text: path })
  link.href = address
  return [make('div', {}, make('dt', { text: 'Stream' }), make('dd', {}, link))]
}

function fact(name: string, value: string | undefined): HTMLElement[] {
  if (value === undefined || value === '') return []
  const kind = value.length > LONG ? 'long' : ''
  return [make('div', { class: kind }, make('dt', { text: name }), make('dd', { text: value }))]
}

interface StallOptions {
  /** What all viewers of its path had in each minute. */
  readonly others: readonly AudiencePoint[]
  /** All stalls of the session. */
  readonly own: readonly Stall[]
  readonly show: (extent: Extent) => void
}

/** Whether it was alone with it: then its network or its player is the place to look, else the stream or the server. */
function othersText(minutes: readonly AudiencePoint[], own: readonly Stall[]): string {
  const [from, until] = [Date.parse(minutes[0]?.time ?? ''), Date.parse(minutes.at(-1)?.time ?? '') + MINUTE_MS]
  const ownStalls = own.filter(({ start }) => Date.parse(start) >= from && Date.parse(start) < until).length
  const stalls = Math.max(0, minutes.reduce((sum, point) => sum + point.stalls, 0) - ownStalls)
  const watching = minutes.reduce((most, { concurrent }) => Math.max(most, concurrent), 0)
  if (watching <= 1) return 'nobody else watched it in these minutes'
  const others = stalls === 0 ? 'no other viewer stalled' : `${countOf(stalls, 'stall')} of other viewers`
  return `in these minutes: ${others}, at most ${countText(watching)} watching`
}

function stallItem({ start, end, around, silence }: Stall, { others, own, show }: StallOptions): HTMLElement {
  const [from, until] = [Date.parse(start), Date.parse(end)]
  const closer = make('button', { class: 'screen', text: 'Look closer', key: `closer ${start}` })
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
  const minutes = others.filter(({ time }) => Date.parse(time) + MINUTE_MS > from && Date.parse(time) < until)
  if (minutes.length > 0) lines.push(make('li', { text: othersText(minutes, own) }))
  if (around.length === 0) lines.unshift(make('li', { text: 'nothing else was told within 10 s of it' }))
  item.append(make('ul', {}, ...lines))
  return item
}

function eventTable({ start, events }: SessionDetail, look: SessionLook): HTMLElement {
  const from = Date.parse(start)
  const rowOf = (event: SessionEvent, at: number) => {
    const told = make('td', { text: eventText(event) })
    if (event.original !== undefined) {
      told.append(
        make(
          'details',
          { key: `came ${at}` },
          make('summary', { text: 'as it came', key: `summary ${at}` }),
          make('code', { text: event.original }),
        ),
      )
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
  const more = make('button', { class: 'screen', text: 'More events', key: 'more' })
  const requests = make('input', { key: 'requests' })
  requests.type = 'checkbox'
  requests.checked = look.requests
  const story = events.filter(({ kind }) => kind !== 'request')
  const addRows = () => {
    const wanted = look.requests ? events : story
    const first = body.rows.length
    body.append(...wanted.slice(first, look.rows).map((event, at) => rowOf(event, first + at)))
    more.hidden = body.rows.length >= wanted.length
  }
  more.addEventListener('click', () => {
    look.rows += ROWS
    addRows()
  })
  requests.addEventListener('change', () => {
    look.requests = requests.checked
    look.rows = ROWS
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
