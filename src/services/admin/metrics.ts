/** Measurements in the Prometheus text format (exposition format 0.0.4), read from the hub and the sessions at each scrape. */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { packagedStreams } from '../../packaging/packaged-streams.ts'
import { AudienceMetrics } from './audience-metrics.ts'
import { Exposition, type Sample } from './exposition.ts'
import type { Operation } from './operation.ts'
import { countViewers } from './views.ts'

/*
 * Printed here and not by a metrics library: every figure has its home in the hub or a session already, so a registry would be a
 * second copy to keep in step.
 */

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'
/** Streams with figures of their own, those with most viewers first; the rest are summed up under `path="other"`. */
const MAX_STREAM_SERIES = 100
const OTHER_PATH = 'other'
const NANOS_PER_SECOND = 1e9

type DelayHistogram = ReturnType<typeof monitorEventLoopDelay>

export class Metrics {
  readonly #operation: Operation
  readonly #audience: AudienceMetrics
  /** Made at the first scrape: a server that nobody measures has no timer for it. */
  #delay: DelayHistogram | undefined

  constructor(operation: Operation) {
    this.#operation = operation
    this.#audience = new AudienceMetrics(operation)
  }

  /** The whole exposition. Never rejects, and waits a moment at most for what is asked elsewhere. */
  async print(): Promise<string> {
    await this.#audience.refresh()
    return this.#print()
  }

  #print(): string {
    const { hub, sessions, counters, version, startedAt, connections, faults, keys } = this.#operation
    const page = new Exposition()
    page.gauge('headend_info', 'Version of the server.', [[{ version, node: process.versions.node }, 1]])
    page.gauge('headend_start_time_seconds', 'Unix time of the start.', [[{}, startedAt.getTime() / 1000]])
    page.gauge('headend_http_connections', 'Open connections of the HTTP listener.', [[{}, connections()]])
    page.gauge('headend_waiting', 'Viewers that wait for a stream which is not published.', [[{}, hub.waiting]])

    const totals = counters.sessions(sessions.list())
    const by = (value: (entry: (typeof totals)[number]) => number): Sample[] =>
      totals.map((entry) => [{ protocol: entry.protocol, role: entry.role }, value(entry)])
    page.gauge(
      'headend_sessions',
      'Open sessions.',
      by((entry) => entry.open),
    )
    page.counter(
      'headend_sessions_total',
      'Sessions since the start.',
      by((entry) => entry.total),
    )
    page.counter(
      'headend_bytes_received_total',
      'Bytes from peers.',
      by((entry) => entry.bytesIn),
    )
    page.counter(
      'headend_bytes_sent_total',
      'Bytes to peers.',
      by((entry) => entry.bytesOut),
    )
    page.counter(
      'headend_skipped_total',
      'Packets or merged buffers that viewers lost by reading too slowly.',
      by((entry) => entry.skipped),
    )
    this.#printStreams(page)
    this.#printPlayLogs(page)
    this.#printRecordings(page)
    this.#audience.print(page)
    page.counter(
      'headend_licenses_total',
      'Requests for content keys, by what became of them.',
      [...(keys?.outcomes ?? [])].map(([outcome, total]) => [{ outcome }, total]),
    )
    page.counter(
      'headend_faults_total',
      'Reported faults by error code.',
      [...faults()].map(([code, total]) => [{ code }, total]),
    )
    this.#printProcess(page)
    return page.text()
  }

  #printStreams(page: Exposition): void {
    const { hub } = this.#operation
    const viewers = countViewers(this.#operation)
    const streams = [...hub.streams()]
    const states: Sample[] = (['live', 'waiting'] as const).map((state) => [
      { state },
      streams.filter((stream) => stream.state === state).length,
    ])
    page.gauge('headend_streams', 'Streams by state.', states)
    page.gauge('headend_packaged_streams', 'Streams held in memory as segments for HLS and DASH.', [
      [{}, packagedStreams(hub)],
    ])
    const rows = streams.map((stream) => ({
      path: stream.path,
      viewers: viewers.get(stream.path) ?? 0,
      ...stream.statistics,
    }))
    rows.sort((a, b) => b.viewers - a.viewers)
    const other = { path: OTHER_PATH, viewers: 0, bytes: 0, packets: 0, dropped: 0, repairs: 0, bitrateBps: 0 }
    for (const row of rows.splice(MAX_STREAM_SERIES)) {
      other.viewers += row.viewers
      other.bytes += row.bytes
      other.packets += row.packets
      other.dropped += row.dropped
      other.repairs += row.repairs
      other.bitrateBps += row.bitrateBps
    }
    if (streams.length > MAX_STREAM_SERIES) rows.push(other)
    const per = (value: (row: typeof other) => number): Sample[] => rows.map((row) => [{ path: row.path }, value(row)])
    page.gauge(
      'headend_stream_viewers',
      'Viewers of a stream.',
      per((row) => row.viewers),
    )
    page.gauge(
      'headend_stream_bitrate_bps',
      'Bits a second that come in.',
      per((row) => row.bitrateBps),
    )
    page.counter(
      'headend_stream_bytes_total',
      'Media bytes that came in.',
      per((row) => row.bytes),
    )
    page.counter(
      'headend_stream_packets_total',
      'Packets that came in.',
      per((row) => row.packets),
    )
    page.counter(
      'headend_stream_dropped_total',
      'Packets no decoder could start with.',
      per((row) => row.dropped),
    )
    page.counter(
      'headend_stream_repairs_total',
      'Times that were put right.',
      per((row) => row.repairs),
    )
  }

  #printPlayLogs(page: Exposition): void {
    const { playLogs } = this.#operation
    if (playLogs === undefined) return
    page.counter(
      'headend_playlogs_total',
      'Logs that players reported, by kind.',
      [...playLogs.totals()].map(([kind, total]) => [{ kind }, total]),
    )
    page.counter('headend_playlogs_lost_total', 'Logs that never reached a file.', [[{}, playLogs.lost]])
  }

  #printRecordings(page: Exposition): void {
    const recorder = this.#operation.recorder?.current
    if (recorder === undefined) return
    const states = recorder.states()
    const { bytes, lostBytes, files, failures, removed } = recorder.totals
    page.gauge(
      'headend_recordings',
      'Paths that are recorded, by state.',
      (['recording', 'suspended'] as const).map((state) => [
        { state },
        states.filter((one) => one.state === state).length,
      ]),
    )
    page.gauge('headend_recording_waiting_bytes', 'Recorded bytes that wait for the disk.', [[{}, recorder.waiting]])
    page.counter('headend_recording_bytes_total', 'Bytes written to recordings.', [[{}, bytes]])
    page.counter('headend_recording_lost_bytes_total', 'Bytes that the disk was too slow for, or refused.', [
      [{}, lostBytes],
    ])
    page.counter('headend_recording_files_total', 'Files of recordings that were begun.', [[{}, files]])
    page.counter('headend_recording_failures_total', 'Times that the disk refused a recording.', [[{}, failures]])
    page.counter('headend_recording_removed_total', 'Recordings that were removed.', [[{}, removed]])
  }

  #printProcess(page: Exposition): void {
    const { rss, heapUsed, external } = process.memoryUsage()
    const { user, system } = process.cpuUsage()
    page.gauge('process_resident_memory_bytes', 'Memory of the process.', [[{}, rss]])
    page.gauge('nodejs_heap_size_used_bytes', 'JavaScript heap in use.', [[{}, heapUsed]])
    page.gauge('nodejs_external_memory_bytes', 'Memory outside the heap held by objects in it.', [[{}, external]])
    page.counter('process_cpu_seconds_total', 'Processor time.', [[{}, (user + system) / 1e6]])
    const delay = this.#measureDelay()
    page.gauge('nodejs_eventloop_lag_seconds', 'Delay of the event loop since the last scrape.', [
      [{ quantile: '0.5' }, delay.count === 0 ? 0 : delay.percentile(50) / NANOS_PER_SECOND],
      [{ quantile: '0.99' }, delay.count === 0 ? 0 : delay.percentile(99) / NANOS_PER_SECOND],
      [{ quantile: '1' }, delay.count === 0 ? 0 : delay.max / NANOS_PER_SECOND],
    ])
    delay.reset()
  }

  #measureDelay(): DelayHistogram {
    if (this.#delay === undefined) {
      this.#delay = monitorEventLoopDelay({ resolution: 20 })
      this.#delay.enable()
    }
    return this.#delay
  }
}
