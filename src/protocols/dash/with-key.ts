/** Carries a key or token from a manifest to what it lists. */
import type { ContentProtection, Mpd, SegmentTemplate } from '../../media/manifests/dash/model.ts'

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

/**
 * The same for where licences are: players resolve that address by their own page, so that of this server (a path, `/license/clearkey`) gets its
 * `origin` (see `originOf`) beside the query. Another server learns nothing of what opens this one.
 */
export function withLicense(mpd: Mpd, origin: string, query: string | undefined): Mpd {
  const whole = (protection: ContentProtection): ContentProtection => {
    const { licenseUrl } = protection
    if (licenseUrl === undefined || !/^\/(?!\/)/.test(licenseUrl)) return protection
    return { ...protection, licenseUrl: `${origin}${licenseUrl}${query === undefined ? '' : `?${query}`}` }
  }
  const periods = mpd.periods.map((period) => ({
    ...period,
    adaptationSets: period.adaptationSets.map((set) => ({
      ...set,
      contentProtections: set.contentProtections.map(whole),
    })),
  }))
  return { ...mpd, periods }
}
