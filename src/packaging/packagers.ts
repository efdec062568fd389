/** The packagers of a hub, shared by HLS and DASH: started by the first request, freed when nobody asks any more. */
import type { Hub } from '../live/hub.ts'
import type { Stream } from '../live/stream.ts'
import { HotObjects } from './hot-objects.ts'
import { hubProtectionOf } from './hub-protection.ts'
import { tellPackagedStreams } from './packaged-streams.ts'
import { DEFAULT_PACKAGING, Packager, type PackagingOptions } from './packager.ts'
import { packagingSettingsOf } from './packaging-settings.ts'
import { StreamProtection } from './protection/stream-protection.ts'
import type { SegmentArchive } from './segment-archive.ts'
import type { Transcoder } from './transcoder.ts'

export class Packagers {
  /** Answers that are ready in memory. */
  readonly hot = new HotObjects()
  /** The archive of a path that is recorded; asked when a stream begins to be packaged. */
  archiveOf: (path: string) => SegmentArchive | undefined = () => undefined
  /** Encodes streams whose codecs browsers do not know. */
  transcoder: Transcoder | undefined
  readonly #hub: Hub
  #options: PackagingOptions = DEFAULT_PACKAGING
  #users = 0
  readonly #byPath = new Map<string, Packager>()
  /** Where a stream's numbers go on when it is packaged again. */
  readonly #nextNumbers = new WeakMap<Stream, number>()

  /** Use `packagersOf`. */
  constructor(hub: Hub) {
    this.#hub = hub
  }

  /** Streams in memory. */
  get size(): number {
    return this.#byPath.size
  }

  /** For streams that start to be packaged from now on. */
  configure(options: Partial<PackagingOptions>): void {
    this.#options = { ...DEFAULT_PACKAGING, ...options }
  }

  /**
   * The packager of a published stream, started if need be, or of one that ended a moment ago. `undefined`: no such stream; asking
   * costs nothing. `watched: false`: nobody looks, so that nothing is encoded for it.
   */
  find(path: string, { watched = true }: { readonly watched?: boolean } = {}): Packager | undefined {
    const stream = this.#hub.find(path)
    const known = this.#byPath.get(path)
    const goesOn = known?.mustEnd === false && (stream === undefined || (known.stream === stream && !known.outdated))
    if (known !== undefined && goesOn) {
      known.touch()
      if (watched) known.watch()
      return known
    }
    if (known !== undefined && (stream !== undefined || known.mustEnd)) this.#drop(path, known)
    if (stream === undefined) return undefined
    const packager = new Packager(stream, this.#options, {
      firstNumber: this.#nextNumbers.get(stream) ?? 0,
      archive: this.archiveOf(path),
      ...this.#protectionOf(path),
      transcoder: this.transcoder,
      watched,
      onIdle: (idle) => this.#drop(path, idle),
    })
    this.#byPath.set(path, packager)
    return packager
  }

  /** Settings have changed: what is to be protected in another way ends now, not with its next packet. */
  endOutdated(): void {
    for (const [path, packager] of this.#byPath) if (packager.mustEnd) this.#drop(path, packager)
  }

  /** What is in memory for a path, without starting anything. */
  peek(path: string): Packager | undefined {
    return this.#byPath.get(path)
  }

  /** A protocol begins to use it. Returns a function that ends that; everything is freed when nobody is left. */
  retain(): () => void {
    this.#users++
    let released = false
    return () => {
      if (released) return
      released = true
      if (--this.#users === 0) this.#close()
    }
  }

  #protectionOf(path: string) {
    const hub = hubProtectionOf(this.#hub)
    if (hub === undefined) return {}
    const settings = hub.settingsOf(path)
    return {
      settingsOf: () => hub.settingsOf(path),
      protection: settings && new StreamProtection(path, settings, hub.keys),
    }
  }

  #close(): void {
    for (const [path, packager] of this.#byPath) this.#drop(path, packager)
  }

  #drop(path: string, packager: Packager): void {
    if (this.#byPath.get(path) === packager) this.#byPath.delete(path)
    this.#nextNumbers.set(packager.stream, packager.nextNumber)
    packager.close()
    this.hot.drop(packager)
  }
}

const registries = new WeakMap<Hub, Packagers>()

/** The one set of packagers of a hub. */
export function packagersOf(hub: Hub): Packagers {
  let packagers = registries.get(hub)
  if (packagers === undefined) {
    const created = new Packagers(hub)
    packagers = created
    tellPackagedStreams(hub, () => created.size)
    packagers.configure(packagingSettingsOf(hub).live)
    registries.set(hub, packagers)
  }
  return packagers
}
