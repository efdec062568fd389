/** A small line plot of the last minute. */

const POINTS = 60

export class Sparkline {
  readonly canvas = document.createElement('canvas')
  readonly #values: (number | undefined)[] = []

  constructor(label: string) {
    this.canvas.setAttribute('role', 'img')
    this.canvas.setAttribute('aria-label', label)
  }

  /** Adds one value a second; `undefined` leaves a gap. */
  add(value: number | undefined): void {
    this.#values.push(value)
    if (this.#values.length > POINTS) this.#values.shift()
    this.#draw()
  }

  #draw(): void {
    const { canvas } = this
    const scale = window.devicePixelRatio
    canvas.width = Math.round(canvas.clientWidth * scale)
    canvas.height = Math.round(canvas.clientHeight * scale)
    const context = canvas.getContext('2d')
    if (context === null || canvas.width === 0) return
    const highest = Math.max(1, ...this.#values.filter((value) => value !== undefined))
    context.strokeStyle = getComputedStyle(canvas).color
    context.lineWidth = 2 * scale
    context.lineJoin = 'round'
    context.beginPath()
    let drawing = false
    for (const [index, value] of this.#values.entries()) {
      if (value === undefined) {
        drawing = false
        continue
      }
      const x = ((index + POINTS - this.#values.length) / (POINTS - 1)) * canvas.width
      const y = canvas.height * (1 - (value / highest) * 0.9) - scale
      if (drawing) context.lineTo(x, y)
      else context.moveTo(x, y)
      drawing = true
    }
    context.stroke()
  }
}
