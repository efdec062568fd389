/** Tells a collector how playing goes: CMCD version 2, as events and with requests for media. A session is one visit to one stream or film. */
import { urlWithCmcd } from '../../../src/playlog/cmcd/request-url.ts'
import type { PlaybackSignal } from '../../../src/playlog/reporting/playback-states.ts'
import {
  type PlaybackReading,
  type RequestedObject,
  SessionReport,
  type StreamingFormat,
} from '../../../src/playlog/reporting/session-report.ts'
import { bufferAhead, type Playback, type PlaybackKind } from '../playback.ts'
import { watchPlayback } from './playback-watch.ts'
import { ReportSender } from './report-sender.ts'

const TICK_MS = 1000
const FORMATS: Readonly<Record<PlaybackKind, StreamingFormat>> = {
  hls: 'h',
  native: 'h',
  dash: 'd',
  flv: 'o',
  file: 'o',
}
/** Ways of playing that know what they play at; others measure what comes. */
const DECLARED: ReadonlySet<PlaybackKind> = new Set(['hls', 'dash'])

export interface ReporterOptions {
  readonly video: HTMLVideoElement
  readonly path: string
  readonly onDemand: boolean
  readonly playback: () => Playback | undefined
  readonly collector: URL
  /** Between two reports of how it goes, milliseconds; 0: none. */
  readonly intervalMs?: number
}

export class Reporter {
  readonly #options: ReporterOptions
  readonly #sender: ReportSender
  readonly #ending = new AbortController()
  #report: SessionReport
  #kind: PlaybackKind = 'file'

  constructor(options: ReporterOptions) {
    this.#options = options
    this.#sender = new ReportSender(options.collector)
    this.#report = this.#begin()
    const { signal } = this.#ending
    watchPlayback(options.video, (heard) => this.#signal(heard), signal)
    const timer = window.setInterval(() => this.#tick(), TICK_MS)
    signal.addEventListener('abort', () => window.clearInterval(timer))
    document.addEventListener('visibilitychange', () => this.#onVisibility(), { signal })
    window.addEventListener('pagehide', () => this.#quit(), { signal })
    // A page that browsers kept is seen again: somebody else may sit there.
    window.addEventListener('pageshow', ({ persisted }) => persisted && this.start(this.#kind), { signal })
  }

  /** Somebody wants to see it, by this way of playing. */
  start(kind: PlaybackKind): void {
    if (this.#report.over) this.#report = this.#begin()
    this.#kind = kind
    this.#report.setFormat(FORMATS[kind])
    this.#signal('start')
  }

  /** The browser waits for a gesture before anything moves. */
  held(): void {
    this.#signal('pause')
  }

  /** Playing broke off. `message`: of the player, in its own words. */
  broke(message: string): void {
    // Addresses may have keys in them.
    this.#report.error([message.replaceAll(/\?\S*/g, '')], Date.now(), this.#reading())
    this.#signal('waiting')
  }

  /** Nothing more is tried. */
  gaveUp(): void {
    this.#signal('fail')
  }

  /** The address with what is told beside a request for it. */
  mark(url: string, object: RequestedObject): string {
    return urlWithCmcd(url, this.#report.request(object, this.#reading()))
  }

  /** Somebody leaves. */
  stop(): void {
    this.#quit()
    this.#ending.abort()
  }

  #begin(): SessionReport {
    const { path, onDemand, intervalMs } = this.#options
    return new SessionReport({
      sessionId: sessionId(),
      contentId: path,
      streamType: onDemand ? 'v' : 'll',
      ...(intervalMs !== undefined && { intervalMs }),
    })
  }

  #signal(signal: PlaybackSignal): void {
    this.#report.signal(signal, Date.now(), this.#reading())
    this.#sender.send(this.#report.take())
  }

  #tick(): void {
    this.#report.tick(Date.now(), this.#reading())
    this.#sender.send(this.#report.take())
  }

  /** On a phone a hidden page may never hear of its end. */
  #onVisibility(): void {
    this.#tick()
    if (document.visibilityState === 'hidden') this.#sender.leave()
  }

  #quit(): void {
    this.#signal('quit')
    this.#sender.leave()
  }

  #reading(): PlaybackReading {
    const { video, onDemand, playback } = this.#options
    const current = playback()
    const known = current !== undefined && DECLARED.has(current.kind) ? current : undefined
    const { droppedVideoFrames } = video.getVideoPlaybackQuality()
    return {
      position: milliseconds(video.currentTime),
      rate: video.playbackRate,
      buffer: milliseconds(bufferAhead(video)),
      bitrate: kilobits(known?.bitrate()),
      throughput: kilobits(known?.throughput?.()),
      latency: onDemand ? undefined : milliseconds(known?.delay()),
      droppedFrames: droppedVideoFrames,
      hidden: document.visibilityState === 'hidden',
    }
  }
}

/** Random, of this visit only. `randomUUID` is there in secure contexts only (Web Cryptography, section 10.1.2): not for a server at home. */
function sessionId(): string {
  if ('randomUUID' in crypto) return crypto.randomUUID()
  const bytes = (crypto as Crypto).getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000)
}

function kilobits(bits: number | undefined): number | undefined {
  return bits === undefined ? undefined : Math.round(bits / 1000)
}
