/** The numbers of each path, protocol or family of players: a table whose names are filters. */
import type { AudienceShare } from './audience-api.ts'
import { make } from './make.ts'
import { bitrateText, countText, percentText, spanText } from './number-text.ts'

/** What stands for a name that none told. */
export const UNKNOWN = '(not told)'

export function shareRows(
  shares: readonly AudienceShare[],
  { chosen, linkOf }: { readonly chosen: string | undefined; readonly linkOf: (name: string | undefined) => string },
): HTMLElement[] {
  return shares.map((share) => {
    const link = make('a', { text: share.name === '' ? UNKNOWN : share.name })
    const isChosen = share.name === chosen
    link.href = linkOf(isChosen ? undefined : share.name)
    if (isChosen) link.setAttribute('aria-current', 'true')
    const cells = [
      countText(share.plays),
      spanText(share.playedMs),
      percentText(share.rebufferRatio),
      bitrateText(share.bitrateKbps),
      countText(share.errors),
    ]
    return make('tr', {}, make('th', {}, link), ...cells.map((text) => make('td', { class: 'number', text })))
  })
}
