/** Carries a key or token from a manifest to what it lists. */
import type { Mpd, SegmentTemplate } from '../../media/manifests/dash/model.ts'

/** Adds a query (`carriedQuery`) to every file of a manifest; without one, the manifest as it is. */
export function withKey(mpd: Mpd, query: string | undefined): Mpd {
  if (query === undefined) return mpd
  // A dollar sign begins an identifier of the template.
  const suffix = `?${query.replaceAll('$', '$$$$')}`
  const keyed = <T extends { readonly segmentTemplate?: SegmentTemplate }>(one: T): T => {
    const { segmentTemplate: template } = one
    if (template === undefined) return one
    const { initialization, media } = template
    return {
      ...one,
      segmentTemplate: {
        ...template,
        ...(initialization === undefined ? {} : { initialization: initialization + suffix }),
        ...(media === undefined ? {} : { media: media + suffix }),
      },
    }
  }
  const periods = mpd.periods.map((period) => ({
    ...period,
    adaptationSets: period.adaptationSets.map((set) =>
      keyed({ ...set, representations: set.representations.map(keyed) }),
    ),
  }))
  return { ...mpd, periods }
}
