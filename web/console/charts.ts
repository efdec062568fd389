/** Charts over time, one below the other with one cursor. Dragging over one chooses its time. */
import type uPlotClass from 'uplot'
import { loadScript } from '../player/playback.ts'
import type { AudiencePoint, AudienceSeries } from './audience-api.ts'
import { make } from './make.ts'
import { bitrateText, countText, dayText, minuteText, momentText, percentText, spanText } from './number-text.ts'

declare const uPlot: typeof uPlotClass

interface Line {
  readonly label: string
  readonly color: string
  readonly value: (point: AudiencePoint, stepSeconds: number) => number | undefined
}

interface Chart {
  readonly title: string
  readonly text: (value: number | undefined) => string
  /** The scale reaches so far at least: a chart of zeros is flat, and little does not look like much. */
  readonly scale: number
  readonly lines: readonly Line[]
}

/* Colours that can be read on light and dark ground, and on paper. */
const TEAL = '#0f8f8a'
const AMBER = '#c47a12'
const RED = '#cf4a4a'
const AXIS = '#7b8984'
const GRID = '#88888833'
const HEIGHT = 170

const CHARTS: readonly Chart[] = [
  {
    title: 'Concurrent viewers and plays',
    text: countText,
    scale: 5,
    lines: [
      { label: 'concurrent', color: TEAL, value: ({ concurrent }) => concurrent },
      { label: 'plays begun', color: AMBER, value: ({ plays }) => plays },
    ],
  },
  {
    title: 'Watch time, a minute',
    text: (minutes) => (minutes === undefined ? countText(minutes) : `${Number(minutes.toFixed(1))} min`),
    scale: 1,
    lines: [{ label: 'played', color: TEAL, value: ({ playedMs }, step) => playedMs / 1000 / step }],
  },
  {
    title: 'Rebuffer ratio',
    text: percentText,
    scale: 0.01,
    lines: [{ label: 'stalled / (stalled + played)', color: RED, value: ({ rebufferRatio }) => rebufferRatio }],
  },
  {
    title: 'Start-up, median',
    text: spanText,
    scale: 1000,
    lines: [{ label: 'to the first picture', color: AMBER, value: ({ startupMs }) => startupMs }],
  },
  {
    title: 'Bit rate',
    text: bitrateText,
    scale: 500,
    lines: [{ label: 'mean', color: TEAL, value: ({ bitrateKbps }) => bitrateKbps }],
  },
  {
    title: 'Errors and stalls',
    text: countText,
    scale: 5,
    lines: [
      { label: 'errors', color: RED, value: ({ errors }) => errors },
      { label: 'stalls', color: AMBER, value: ({ stalls }) => stalls },
    ],
  },
]

export class Charts {
  readonly #container: HTMLElement
  readonly #onChosen: (from: number, until: number) => void
  #plots: uPlotClass[] | undefined

  /** `onChosen`: Unix milliseconds. */
  constructor(container: HTMLElement, onChosen: (from: number, until: number) => void) {
    this.#container = container
    this.#onChosen = onChosen
    new ResizeObserver(() => this.#fit()).observe(container)
  }

  /** Rejects when the library cannot be loaded. */
  async show(series: AudienceSeries): Promise<void> {
    await loadScript('/assets/vendor/uplot.js')
    const times = series.points.map(({ time }) => Date.parse(time) / 1000)
    const data = CHARTS.map(
      ({ lines }): uPlotClass.AlignedData => [
        times,
        ...lines.map(({ value }) => series.points.map((point) => value(point, series.stepSeconds) ?? null)),
      ],
    )
    const range = { min: Date.parse(series.range.from) / 1000, max: Date.parse(series.range.until) / 1000 }
    this.#plots ??= CHARTS.map((chart) => this.#plot(chart))
    for (const [index, plot] of this.#plots.entries()) {
      plot.setData(data[index] ?? [[]], false)
      plot.setScale('x', range)
      describe(plot, CHARTS[index], series.points, series.stepSeconds)
    }
  }

  #plot({ title, text, scale, lines }: Chart): uPlotClass {
    const figure = make('figure', {}, make('figcaption', { text: title }))
    this.#container.append(figure)
    return new uPlot(
      {
        width: widthOf(figure),
        height: HEIGHT,
        scales: {
          y: { range: (_plot, _least, most) => [0, Math.max(scale, most ?? 0) * 1.1] },
        },
        axes: [
          {
            stroke: AXIS,
            grid: { stroke: GRID, width: 1 },
            ticks: { stroke: GRID },
            space: 60,
            values: (_plot, ticks) =>
              ticks.map((tick, at) => timeText(tick * 1000, (ticks[at - 1] ?? Number.NaN) * 1000)),
          },
          {
            stroke: AXIS,
            grid: { stroke: GRID, width: 1 },
            ticks: { stroke: GRID },
            size: 76,
            values: (_plot, ticks) => ticks.map((tick) => text(tick)),
          },
        ],
        series: [
          { value: (_plot: uPlotClass, value: number | null) => (value === null ? '–' : momentText(value * 1000)) },
          ...lines.map(({ label, color }) => ({
            label,
            stroke: color,
            width: 2,
            fill: `${color}18`,
            points: { size: 6, fill: color, filter: lonePoints },
            value: (_plot: uPlotClass, value: number | null) => text(value ?? undefined),
          })),
        ],
        cursor: { sync: { key: 'audience' }, drag: { x: true, y: false, setScale: false } },
        hooks: { setSelect: [(plot) => this.#choose(plot)] },
      },
      [[]],
      figure,
    )
  }

  #choose(plot: uPlotClass): void {
    const { left, width } = plot.select
    if (width === 0) return
    const [from, until] = [left, left + width].map((at) => plot.posToVal(at, 'x') * 1000)
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false)
    if (from !== undefined && until !== undefined) this.#onChosen(from, until)
  }

  #fit(): void {
    for (const plot of this.#plots ?? []) {
      const figure = plot.root.parentElement
      if (figure !== null) plot.setSize({ width: widthOf(figure), height: HEIGHT })
    }
  }
}

/** Those without neighbours: no line would show them. */
function lonePoints(plot: uPlotClass, series: number, show: boolean): number[] | null {
  if (show) return null
  const values = plot.data[series] ?? []
  const lone: number[] = []
  for (let at = 0; at < values.length; at++) {
    if (values[at] != null && values[at - 1] == null && values[at + 1] == null) lone.push(at)
  }
  return lone
}

/** The day where another one begins, below the time of day. */
function timeText(time: number, before: number): string {
  const day = dayText(time)
  return Number.isNaN(before) || dayText(before) !== day ? `${minuteText(time)}\n${day}` : minuteText(time)
}

/** For those who do not see it: the last value and the largest. */
function describe(plot: uPlotClass, chart: Chart | undefined, points: readonly AudiencePoint[], step: number): void {
  if (chart === undefined) return
  const lines = chart.lines.map(({ label, value }) => {
    const values = points.map((point) => value(point, step)).filter((one) => one !== undefined)
    if (values.length === 0) return `${label}: nothing`
    return `${label}: ${chart.text(values.at(-1))} at last, ${chart.text(Math.max(...values))} at most`
  })
  plot.root.setAttribute('role', 'img')
  plot.root.setAttribute('aria-label', `${chart.title}. ${lines.join('; ')}`)
}

function widthOf(figure: HTMLElement): number {
  const { paddingLeft, paddingRight } = getComputedStyle(figure)
  return Math.max(200, figure.clientWidth - Number.parseFloat(paddingLeft) - Number.parseFloat(paddingRight))
}
