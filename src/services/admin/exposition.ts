/** The Prometheus text format (exposition format 0.0.4). */

export type Labels = Readonly<Record<string, string>>
export type Sample = readonly [labels: Labels, value: number]

/** Lines of one exposition. */
export class Exposition {
  readonly #lines: string[] = []

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.#family(name, 'gauge', help, samples)
  }

  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.#family(name, 'counter', help, samples)
  }

  text(): string {
    return `${this.#lines.join('\n')}\n`
  }

  #family(name: string, type: string, help: string, samples: readonly Sample[]): void {
    this.#lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const [labels, value] of samples) this.#lines.push(`${name}${formatLabels(labels)} ${value}`)
  }
}

function formatLabels(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')
}
