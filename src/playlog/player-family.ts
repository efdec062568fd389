/** Families of players, few enough to keep numbers for each. */

/** The first whose mark a user agent has: browsers name those that they descend from. */
const MARKS: readonly (readonly [mark: string, family: string])[] = [
  ['NSPlayer', 'Windows Media Player'],
  ['Windows-Media-Player', 'Windows Media Player'],
  ['WMPlayer', 'Windows Media Player'],
  ['VLC', 'VLC'],
  ['Lavf', 'FFmpeg'],
  ['mpv', 'mpv'],
  ['MPlayer', 'MPlayer'],
  ['GStreamer', 'GStreamer'],
  ['ExoPlayer', 'ExoPlayer'],
  ['AppleCoreMedia', 'AVPlayer'],
  ['headend', 'Headend'],
  ['Headend', 'Headend'],
  ['Edg', 'Edge'],
  ['OPR/', 'Opera'],
  ['Firefox', 'Firefox'],
  ['Chrome', 'Chrome'],
  ['Chromium', 'Chrome'],
  ['Safari', 'Safari'],
]

/** `undefined`: it said nothing. */
export function playerFamily(userAgent: string | undefined): string | undefined {
  if (userAgent === undefined || userAgent === '') return undefined
  return MARKS.find(([mark]) => userAgent.includes(mark))?.[1] ?? 'other'
}
