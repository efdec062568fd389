/** What of each packet of a track is protected: pictures by their headers, sound whole (ISO/IEC 23001-7 sections 9.5 and 10). */
import { FormatError } from '../../errors.ts'
import { Av1TileData } from '../../media/codecs/av1/tile-data.ts'
import { SliceData } from '../../media/codecs/slice-data.ts'
import { Vp9FrameHeaders, vp9Frames } from '../../media/codecs/vp9/frame-header.ts'
import { type ProtectionScheme, type Subsample } from '../../media/protection/scheme.ts'
import { SubsampleMap } from '../../media/protection/subsample-map.ts'
import type { Track } from '../../media/track.ts'

/** Takes the packets of one track in decoding order. */
export interface Protectable {
  /** The ranges of a packet, `undefined`: all of it. Throws FormatError for a packet that breaks its form. */
  map(data: Uint8Array): readonly Subsample[] | undefined
}

/** Throws FormatError ERR_PROTECTION_CODEC for a codec whose headers are not known well enough to leave them clear. */
export function protectableOf(track: Track, scheme: ProtectionScheme): Protectable {
  if (track.kind === 'audio') return { map: () => undefined }
  switch (track.codec) {
    case 'h264':
    case 'h265':
      return new DividedMaps(new SliceData(track.codec, track.config ?? new Uint8Array(0)), scheme)
    case 'av1':
      return new DividedMaps(new Av1TileData(track.config ?? new Uint8Array(0)), scheme)
    case 'vp9':
      return new Vp9Maps(scheme)
    default:
      throw new FormatError(
        'ERR_PROTECTION_CODEC',
        `expected a video codec that can be protected (h264, h265, av1, vp9), found ${track.codec}`,
      )
  }
}

/** Pictures whose codec says where clear and protectable bytes follow each other. */
class DividedMaps implements Protectable {
  readonly #pieces: { forEach(data: Uint8Array, piece: (clear: number, rest: number) => void): void }
  readonly #map: SubsampleMap

  constructor(pieces: SliceData | Av1TileData, scheme: ProtectionScheme) {
    this.#pieces = pieces
    this.#map = new SubsampleMap(scheme)
  }

  map(data: Uint8Array): readonly Subsample[] {
    this.#pieces.forEach(data, (clear, rest) => this.#map.add(clear, rest))
    return this.#map.finish()
  }
}

class Vp9Maps implements Protectable {
  readonly #headers = new Vp9FrameHeaders()
  readonly #map: SubsampleMap

  constructor(scheme: ProtectionScheme) {
    this.#map = new SubsampleMap(scheme)
  }

  map(data: Uint8Array): readonly Subsample[] {
    const { frames, indexBytes } = vp9Frames(data)
    let at = 0
    for (const size of frames) {
      const frame = data.subarray(at, at + size)
      if (size > 0) {
        const clear = Math.min(size, this.#headers.headerLength(frame))
        this.#map.add(clear, size - clear)
      }
      at += size
    }
    if (indexBytes > 0) this.#map.add(indexBytes, 0)
    return this.#map.finish()
  }
}
