/** Where SubStation Alpha and SubRip files put a subtitle on the picture, as settings of a WebVTT cue. */

/** Of the nine places: bottom left to top right, as the digits lie on a keyboard. The usual one, 2, needs no settings. */
const SETTINGS: readonly (string | undefined)[] = [
  undefined,
  'align:start position:0%',
  undefined,
  'align:end position:100%',
  'line:50% align:start position:0%',
  'line:50%',
  'line:50% align:end position:100%',
  'line:0 align:start position:0%',
  'line:0',
  'line:0 align:end position:100%',
]

/** `place`: 1 to 9 as on a keyboard, the digit of `\an`. */
export function settingsOfPlace(place: number): string | undefined {
  return SETTINGS[place]
}

/** The place that the older `\a` means: 1 to 3 at the bottom, 5 to 7 at the top, 9 to 11 in the middle. */
export function placeOfOldAlignment(value: number): number {
  const column = value & 3
  if (column === 0) return 2
  if ((value & 4) !== 0) return column + 6
  return (value & 8) !== 0 ? column + 3 : column
}
