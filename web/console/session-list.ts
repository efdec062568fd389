/** Sessions of a range, as rows of a table. */
import type { SessionSummary } from './audience-api.ts'
import { make } from './make.ts'
import { bitrateText, countText, momentText, spanText } from './number-text.ts'

/** Outcomes for people. */
export const OUTCOME_TEXT: Readonly<Record<string, string>> = {
  open: 'watching',
  ended: 'to the end',
  left: 'left',
  'exit-before-start': 'left before start',
  'start-failure': 'failed to start',
  'playback-failure': 'failed',
}

export function sessionRow(session: SessionSummary, address: string): HTMLElement {
  const link = make('a', { text: momentText(Date.parse(session.start)) })
  link.href = address
  const who = [session.family, session.address].filter((part) => part !== undefined && part !== '').join(' · ')
  const isBad = session.outcome.endsWith('failure')
  return make(
    'tr',
    {},
    make('th', {}, link),
    make('td', { text: session.path }),
    make('td', { text: session.protocol }),
    make('td', { class: 'viewer', text: who, title: session.userAgent ?? '' }),
    make('td', { class: isBad ? 'bad' : '', text: OUTCOME_TEXT[session.outcome] ?? session.outcome }),
    make('td', { class: 'number', text: spanText(session.startupMs) }),
    make('td', { class: 'number', text: spanText(session.playedMs) }),
    make('td', { class: `number ${session.stalls > 0 ? 'bad' : ''}`, text: stallText(session) }),
    make('td', { class: 'number', text: bitrateText(session.bitrateKbps) }),
    make('td', { class: `number ${session.errors > 0 ? 'bad' : ''}`, text: countText(session.errors) }),
  )
}

function stallText({ stalls, stalledMs }: SessionSummary): string {
  return stalls === 0 ? '0' : `${countText(stalls)} (${spanText(stalledMs)})`
}
