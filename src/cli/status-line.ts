/** One line on a terminal that is written over and over; nothing where standard error is not a terminal. */

export class StatusLine {
  readonly #active = process.stderr.isTTY
  #shown = false

  /** Replaces the line. */
  show(text: string): void {
    if (!this.#active) return
    const width = process.stderr.columns || 80
    process.stderr.write(`\r\u001B[2K${text.slice(0, width - 1)}`)
    this.#shown = true
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown) process.stderr.write('\r\u001B[2K')
    this.#shown = false
  }

  /** Leaves the line as it is and goes to the next. */
  end(): void {
    if (this.#shown) process.stderr.write('\n')
    this.#shown = false
  }
}

/** `1.25 Mb/s` */
export function formatBitrate(bitsPerSecond: number): string {
  return bitsPerSecond >= 1e6 ? `${(bitsPerSecond / 1e6).toFixed(2)} Mb/s` : `${(bitsPerSecond / 1e3).toFixed(0)} kb/s`
}

/** `0:01:05` */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds))
  const part = (value: number) => String(value % 60).padStart(2, '0')
  return `${Math.floor(whole / 3600)}:${part(Math.floor(whole / 60))}:${part(whole)}`
}

/** Aborts at the first SIGINT or SIGTERM; `dispose` gives the signals back. */
export function abortOnSignals(): { readonly signal: AbortSignal; dispose(): void } {
  const controller = new AbortController()
  const abort = () => controller.abort()
  process.once('SIGINT', abort).once('SIGTERM', abort)
  return {
    signal: controller.signal,
    dispose: () => void process.off('SIGINT', abort).off('SIGTERM', abort),
  }
}
