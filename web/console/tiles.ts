/** The numbers of a range, one beside the other, each with its definition. */
import type { AudienceOverview, AudiencePoint } from './audience-api.ts'
import { make } from './make.ts'
import { bitrateText, countOf, countText, percentText, spanText } from './number-text.ts'

/** `last`: the newest step of the range. */
export function tiles(overview: AudienceOverview, last: AudiencePoint | undefined): HTMLElement[] {
  const { startupMs, exitsBeforeStart, startFailures, playbackFailures } = overview
  return [
    tile(
      'Concurrent viewers',
      countText(overview.concurrent),
      `${countText(last?.concurrent)} at last, ${countOf(overview.viewers, 'player')}`,
      'Sessions at the same moment, at most, from the first picture to the last word of each',
    ),
    tile(
      'Plays',
      countText(overview.plays),
      `of ${countOf(overview.attempts, 'attempt')}`,
      'Sessions that began in this time and came to the first picture',
    ),
    tile('Watch time', spanText(overview.playedMs), perPlay(overview), 'Time in which pictures moved'),
    tile(
      'Start-up',
      spanText(startupMs?.p50),
      startupMs === undefined ? 'nothing started' : `p95 ${spanText(startupMs.p95)}`,
      'From the wish to play to the first picture, median',
    ),
    tile(
      'Rebuffer ratio',
      percentText(overview.rebufferRatio),
      `${countOf(overview.stalls, 'stall')}, ${spanText(overview.stalledMs)}`,
      'Time stalled / (time stalled + time played); neither starts nor seeks count',
    ),
    tile('Bit rate', bitrateText(overview.bitrateKbps), 'mean', 'Mean over the time played'),
    tile(
      'Errors',
      countText(overview.errors),
      `${countOf(startFailures + playbackFailures, 'session')} failed`,
      'Codes of errors that were told',
    ),
    tile(
      'Left before start',
      countText(exitsBeforeStart),
      `of ${countOf(overview.attempts, 'attempt')}`,
      'Sessions whose viewer went away before the first picture, and nothing had failed',
    ),
  ]
}

/** The most frequent errors, as rows of a table. */
export function errorRows({ codes }: AudienceOverview): HTMLElement[] {
  return codes.map(({ code, count }) =>
    make('tr', {}, make('td', { text: code }), make('td', { class: 'number', text: countText(count) })),
  )
}

function tile(name: string, value: string, more: string, definition: string): HTMLElement {
  return make(
    'div',
    { class: 'tile', title: definition },
    make('dt', { text: name }),
    make('dd', { class: 'value', text: value }),
    make('dd', { class: 'more', text: more }),
  )
}

function perPlay({ playedMs, plays }: AudienceOverview): string {
  return plays === 0 ? 'nobody played' : `${spanText(playedMs / plays)} a play`
}
