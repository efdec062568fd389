/** Whether a viewer lets anything be told of what they watch: Global Privacy Control (`Sec-GPC`) and Do Not Track, as the browser has them. */

interface PrivacySignals {
  readonly doNotTrack?: string | null
  readonly globalPrivacyControl?: boolean
}

/** False: nothing may be reported, to anybody. */
export function mayReport(signals: PrivacySignals): boolean {
  // Older browsers say "yes".
  return signals.globalPrivacyControl !== true && signals.doNotTrack !== '1' && signals.doNotTrack !== 'yes'
}
