/** Where the player's reports go: as the page says by attributes, unless the viewer's browser says that nothing may be told. */
import { mayReport } from './consent.ts'
import { Reporter, type ReporterOptions } from './reporter.ts'

/** The collector of the server that the page comes from. */
const DEFAULT_COLLECTOR = '/logs/cmcd'
const OFF = 'off'

/**
 * `report="URL"`: where to; `report="off"`: nowhere. `report-interval="SECONDS"` between two reports of how it goes, 0: only what happens.
 * `undefined`: nothing is reported.
 */
export function openReporter(
  element: Element,
  options: Omit<ReporterOptions, 'collector' | 'intervalMs'>,
): Reporter | undefined {
  const target = element.getAttribute('report') ?? DEFAULT_COLLECTOR
  if (target === OFF || !mayReport(navigator)) return undefined
  const collector = URL.parse(target, location.href)
  // Not every page is of a context in which browsers have names to give.
  if (collector === null || !/^https?:$/.test(collector.protocol)) return undefined
  const seconds = Number(element.getAttribute('report-interval') ?? Number.NaN)
  return new Reporter({ ...options, collector, ...(seconds >= 0 && { intervalMs: seconds * 1000 }) })
}
