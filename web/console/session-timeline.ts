/** A session drawn over time: what the player did, its bit rates, what happened, and the server's side of the same seconds. */
import type { AudiencePoint, SessionDetail, SessionEvent } from './audience-api.ts'
import { make } from './make.ts'
import { bitrateText, clockText, countOf, percentText, spanText } from './number-text.ts'
import { type Extent, extentOf, type Mark, type MarkKind } from './session-story.ts'

const SIGNS: Readonly<Record<MarkKind, string>> = {
  'switch-up': '▲',
  'switch-down': '▼',
  error: '✕',
  open: '▶',
  close: '■',
  note: '●',
}
const TICKS = 8
/** Things of a lane that are read out. */
const READ_OUT = 12
/** Requests are counted in so many parts of what is shown. */
const BINS = 200
/** Steps between ticks that people read well, milliseconds. */
const TICK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 43_200, 86_400].map(
  (seconds) => seconds * 1000,
)

export interface TimelineOptions {
  readonly session: SessionDetail
  readonly marks: readonly Mark[]
  /** What all viewers of the path had in each minute. */
  readonly others: readonly AudiencePoint[]
  /** Of the session; left out: all of it. */
  readonly extent?: Extent
}

export function timeline({ session, marks, others, extent = extentOf(session) }: TimelineOptions): HTMLElement {
  return make(
    'div',
    { class: 'lanes' },
    lane('Player', spansOf(session, extent)),
    lane('Bit rate', ratesOf(session.events, extent)),
    lane(
      'Told by the player',
      marks.filter(({ isServer }) => !isServer).map((mark) => markOf(mark, extent)),
    ),
    lane('Server', [
      ...connectionsOf(session.events, extent),
      ...marks.filter(({ isServer }) => isServer).map((mark) => markOf(mark, extent)),
    ]),
    lane('Requests of media', requestsOf(session.events, extent)),
    lane('All viewers of it: stalled', othersOf(others, extent)),
    lane('', ticksOf(extent), 'axis'),
  )
}

function lane(name: string, items: readonly HTMLElement[], kind = ''): HTMLElement {
  const track = make('div', { class: `track ${kind}` }, ...items)
  if (name !== '') {
    // For those who do not see it: the table of events has the rest.
    const told = items.slice(0, READ_OUT).map(({ title }) => title)
    const rest = items.length > READ_OUT ? [`and ${items.length - READ_OUT} more`] : []
    track.setAttribute('role', 'img')
    track.setAttribute('aria-label', `${name}: ${[...told, ...rest].join('; ') || 'nothing'}`)
  }
  return make('div', { class: 'lane' }, make('span', { class: 'lane-name', text: name }), track)
}

function spansOf({ spans }: SessionDetail, extent: Extent): HTMLElement[] {
  return spans.map(({ state, start, end }) => {
    const [from, until] = [Date.parse(start), Date.parse(end)]
    const title = `${state} for ${spanText(until - from)} from ${clockText(from)}`
    const item = place(make('div', { class: 'span', title, text: state }), extent, from, until)
    item.dataset['state'] = state
    return item
  })
}

/** Each until the next one was told. */
function ratesOf(events: readonly SessionEvent[], extent: Extent): HTMLElement[] {
  const told = events.filter((event): event is SessionEvent & { bitrate: number } => event.bitrate !== undefined)
  const changes = told.filter(({ bitrate }, at) => bitrate !== told[at - 1]?.bitrate)
  const most = changes.reduce((highest, { bitrate }) => Math.max(highest, bitrate), 1)
  return changes.map(({ bitrate, time }, at) => {
    const until = changes[at + 1]?.time ?? extent.until
    const item = place(make('div', { class: 'rate', title: bitrateText(bitrate) }), extent, time, until)
    item.style.height = `${Math.max(4, (bitrate / most) * 100)}%`
    return item
  })
}

/** From each `open` to its `close`; one that is not closed goes on to the end. */
function connectionsOf(events: readonly SessionEvent[], extent: Extent): HTMLElement[] {
  const bars: HTMLElement[] = []
  let opened: number | undefined
  const bar = (from: number, until: number) => {
    const title = `connected for ${spanText(until - from)} from ${clockText(from)}`
    bars.push(place(make('div', { class: 'connection', title }), extent, from, until))
  }
  for (const { kind, source, time } of events) {
    if (source !== 'server') continue
    if (kind === 'open') opened ??= time
    if (kind !== 'close') continue
    bar(opened ?? extent.from, time)
    opened = undefined
  }
  if (opened !== undefined) bar(opened, extent.until)
  return bars
}

/** A bar for each part of the time in which there were any: where they stop, the network or the player did. */
function requestsOf(events: readonly SessionEvent[], extent: Extent): HTMLElement[] {
  const width = (extent.until - extent.from) / BINS
  const counts = new Map<number, number>()
  for (const { kind, time } of events) {
    if (kind !== 'request' || time < extent.from || time > extent.until) continue
    const bin = Math.min(BINS - 1, Math.floor((time - extent.from) / width))
    counts.set(bin, (counts.get(bin) ?? 0) + 1)
  }
  const most = Math.max(1, ...counts.values())
  return [...counts].map(([bin, count]) => {
    const from = extent.from + bin * width
    const title = `${countOf(count, 'request')} in ${spanText(width)} from ${clockText(from)}`
    const item = place(make('div', { class: 'requests', title }), extent, from, from + width)
    item.style.height = `${Math.max(15, (count / most) * 100)}%`
    return item
  })
}

function othersOf(points: readonly AudiencePoint[], extent: Extent): HTMLElement[] {
  return points
    .filter(({ stalledMs }) => stalledMs > 0)
    .flatMap(({ time, stalledMs, stalls, concurrent, rebufferRatio = 0 }) => {
      const from = Math.max(extent.from, Date.parse(time))
      const until = Math.min(extent.until, Date.parse(time) + 60_000)
      if (until <= from) return []
      const title = `${countOf(stalls, 'stall')}, ${spanText(stalledMs)} (${percentText(rebufferRatio)}) in the minute of ${clockText(Date.parse(time))}, at most ${concurrent} watching`
      const item = place(make('div', { class: 'others', title }), extent, from, until)
      // Of what all of them wanted to see: half the height is every second second.
      item.style.height = `${Math.max(8, rebufferRatio * 100)}%`
      return [item]
    })
}

function markOf({ kind, time, text }: Mark, extent: Extent): HTMLElement {
  const item = make('span', { class: 'mark', text: SIGNS[kind], title: `${clockText(time)} ${text}` })
  item.dataset['kind'] = kind
  item.style.left = percent(time, extent)
  return item
}

function ticksOf(extent: Extent): HTMLElement[] {
  const length = extent.until - extent.from
  const step = TICK_STEPS.find((one) => length / one <= TICKS) ?? Math.ceil(length / TICKS)
  const ticks: HTMLElement[] = []
  for (let time = Math.ceil(extent.from / step) * step; time <= extent.until; time += step) {
    const tick = make('time', { text: new Date(time).toLocaleTimeString('en-GB') })
    tick.style.left = percent(time, extent)
    ticks.push(tick)
  }
  return ticks
}

function place(item: HTMLElement, extent: Extent, from: number, until: number): HTMLElement {
  item.style.left = percent(from, extent)
  item.style.width = `${((Math.max(until, from) - from) / (extent.until - extent.from)) * 100}%`
  return item
}

function percent(time: number, { from, until }: Extent): string {
  return `${((time - from) / (until - from)) * 100}%`
}
