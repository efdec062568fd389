/** Log lines for tests and for seeds of the fuzzer. */

const HEAD =
  '0.0.0.0 2031-05-06 07:08:09 - http://media.test/harbour.wmv 12 48 1 200 {3300AD50-2C39-46c0-AE0A-1A2B3C4D5E6F} 12.0.0.42 en-GB ' +
  'TestPlayer/1.4_(Suite) - testplayer.exe 1.4.0.0 Linux 6.1.0.0 x64 90 5632000'

/** A legacy log. */
export const LINE_44 = `${HEAD} 498211 http TCP Windows_Media_Audio_9.2 Windows_Media_Video_9 - - 2990144 - 712 0 0 0 - 0 0 1 2 100 - - - -`
/** The same with the address that was asked for. */
export const LINE_47 = `${LINE_44} http://media.test/harbour.wmv?WMCache=0 harbour.wmv -`
/** A streaming log. */
export const STREAMING_LINE = `${HEAD} 498211 http TCP - - - - 2990144 - 712 0 0 0 - 0 0 1 2 100 - - - - http://media.test/harbour.wmv - -`
/** A rendering log. */
export const LINE_52 = `${HEAD} - Cache - Windows_Media_Audio_9.2 Windows_Media_Video_9 - - 0 - - - - - - - - - - 100 - - - - - - - http://media.test/harbour.wmv harbour.wmv - - 0`
