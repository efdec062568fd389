/** Times for people. */

/** `4:05`, `1:02:09`; negative times with a minus sign. */
export function formatTime(seconds: number): string {
  const whole = Math.floor(Math.abs(seconds) + 0.001)
  const sign = seconds < 0 && whole > 0 ? '−' : ''
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor(whole / 60) % 60
  const two = (value: number) => String(value).padStart(2, '0')
  const tail = `${hours > 0 ? two(minutes) : minutes}:${two(whole % 60)}`
  return `${sign}${hours > 0 ? `${hours}:` : ''}${tail}`
}

/** For screen readers: `1 hour 2 minutes 9 seconds`. */
export function speakTime(seconds: number): string {
  const whole = Math.floor(Math.abs(seconds) + 0.001)
  const parts = [
    [Math.floor(whole / 3600), 'hour'],
    [Math.floor(whole / 60) % 60, 'minute'],
    [whole % 60, 'second'],
  ] as const
  const spoken = parts
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}${value === 1 ? '' : 's'}`)
  return spoken.length === 0 ? '0 seconds' : spoken.join(' ')
}
