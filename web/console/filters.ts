/** The form with range, filters and live refresh. */
import { element } from '../pages/element.ts'
import type { AudienceShare } from './audience-api.ts'
import { make } from './make.ts'
import { DIMENSIONS, type Dimension, type Question, RECENT } from './question.ts'
import { UNKNOWN } from './shares.ts'

/** Stands for all in a list of names; no name is so, since names are told after a `=`. */
const ALL = 'all'
const FIXED = 'fixed'

const range = select('range')
const from = element('from') as HTMLInputElement
const until = element('until') as HTMLInputElement
const outcome = select('outcome')
const troubled = element('troubled') as HTMLInputElement
const live = element('live') as HTMLInputElement
const dimensions: Readonly<Record<Dimension, HTMLSelectElement>> = {
  path: select('path'),
  protocol: select('protocol'),
  family: select('family'),
}

export function isLive(): boolean {
  return live.checked
}

/** Calls back with each change that somebody makes. */
export function watchFilters(onChange: (question: Partial<Question>) => void): void {
  element('filters').addEventListener('submit', (event) => event.preventDefault())
  range.addEventListener('change', () => {
    if (range.value !== FIXED) onChange({ range: range.value })
    else element('fixed').hidden = false
  })
  for (const input of [from, until]) {
    input.addEventListener('change', () => {
      const chosen = { from: Date.parse(from.value), until: Date.parse(until.value) }
      if (chosen.from < chosen.until) onChange({ range: chosen })
    })
  }
  for (const dimension of DIMENSIONS) {
    const list = dimensions[dimension]
    list.addEventListener('change', () =>
      onChange({ [dimension]: list.value === ALL ? undefined : list.value.slice(1) }),
    )
  }
  outcome.addEventListener('change', () => onChange({ outcome: outcome.value === '' ? undefined : outcome.value }))
  troubled.addEventListener('change', () => onChange({ troubled: troubled.checked ? true : undefined }))
}

export function showFilters(question: Question): void {
  const fixed = typeof question.range === 'object' ? question.range : undefined
  range.value = fixed === undefined && typeof question.range === 'string' ? question.range : FIXED
  element('fixed').hidden = fixed === undefined
  const span = fixed ?? { from: Date.now() - (RECENT[range.value] ?? 0), until: Date.now() }
  if (document.activeElement !== from) from.value = localText(span.from)
  if (document.activeElement !== until) until.value = localText(span.until)
  outcome.value = question.outcome ?? ''
  troubled.checked = question.troubled === true
  for (const dimension of DIMENSIONS) showNames(dimension, [], question[dimension])
}

/** Names to choose from; the one that is chosen is among them, whether it has numbers or not. */
export function showNames(dimension: Dimension, shares: readonly AudienceShare[], chosen: string | undefined): void {
  const list = dimensions[dimension]
  const known = [...list.options].map(({ value }) => value.slice(1)).slice(1)
  const told = shares.length === 0 ? known : shares.map(({ name }) => name)
  const names = chosen === undefined || told.includes(chosen) ? told : [chosen, ...told]
  // One that is open closes when it is made anew.
  if (names.join('\n') !== known.join('\n')) {
    const options = names.map((name) => {
      const option = make('option', { text: name === '' ? UNKNOWN : name })
      option.value = `=${name}`
      return option
    })
    list.replaceChildren(...[...list.options].slice(0, 1), ...options)
  }
  list.value = chosen === undefined ? ALL : `=${chosen}`
}

function select(id: string): HTMLSelectElement {
  return element(id) as HTMLSelectElement
}

/** As `datetime-local` has it. */
function localText(time: number): string {
  const offset = new Date(time).getTimezoneOffset() * 60_000
  return new Date(time - offset).toISOString().slice(0, 16)
}
