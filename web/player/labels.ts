/** Names of qualities, languages and tracks for people. */
import type { Choice } from './playback.ts'

/** `1080p`, else the bit rate. */
export function qualityLabel(height: number | undefined, bitrateBps: number): string {
  const rate = bitrateBps > 0 ? `${(bitrateBps / 1e6).toFixed(1)} Mb/s` : ''
  if (!height) return rate || 'As it is'
  return rate === '' ? `${height}p` : `${height}p · ${rate}`
}

/** What a track is called: its own name, else its language in words. */
export function trackLabel({ label, language }: Choice, at: number): string {
  const spoken = language === undefined ? '' : languageName(language)
  if (label === '' || label.toLowerCase() === language?.toLowerCase()) return spoken || `Track ${at + 1}`
  return spoken === '' || label.toLowerCase().includes(spoken.toLowerCase()) ? label : `${label} (${spoken})`
}

/** `en` is `English`. A tag that nobody knows stays as it is; `und` says nothing. */
export function languageName(tag: string): string {
  if (tag === '' || tag === 'und') return ''
  try {
    return new Intl.DisplayNames(['en'], { type: 'language' }).of(tag) ?? tag
  } catch {
    return tag
  }
}
