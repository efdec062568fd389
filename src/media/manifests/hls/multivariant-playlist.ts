/** HLS multivariant playlists (RFC 8216bis section 4.4.6): read and write. */
import { FormatError } from '../../../errors.ts'
import { type Loose, withoutUndefined } from '../without-undefined.ts'
import { AttributeList, parseInteger, quoted, safeUri } from './attribute-list.ts'
import type { IFrameVariant, Key, MultivariantPlaylist, Rendition, StartPoint, Variant } from './model.ts'
import * as tags from './tags.ts'

/** The playlist's text. */
export function formatMultivariantPlaylist(playlist: MultivariantPlaylist): string {
  let text = `#EXTM3U\n#EXT-X-VERSION:${playlist.version}\n`
  if (playlist.independentSegments) text += '#EXT-X-INDEPENDENT-SEGMENTS\n'
  if (playlist.start !== undefined) text += tags.writeStart(playlist.start)
  for (const key of playlist.sessionKeys) text += `#EXT-X-SESSION-KEY:${tags.writeKey(key)}\n`
  for (const rendition of playlist.renditions) text += `#EXT-X-MEDIA:${writeRendition(rendition)}\n`
  for (const variant of playlist.variants) {
    text += `#EXT-X-STREAM-INF:${writeVariant(variant)}\n${safeUri(variant.uri)}\n`
  }
  for (const variant of playlist.iFrameVariants) {
    text += `#EXT-X-I-FRAME-STREAM-INF:${writeVariant(variant)},URI="${safeUri(variant.uri)}"\n`
  }
  return text
}

/** Takes a multivariant playlist line by line. Unknown tags are ignored. */
export class MultivariantPlaylistReader {
  #version = 1
  #independentSegments: true | undefined
  #start: StartPoint | undefined
  readonly #sessionKeys: Key[] = []
  readonly #renditions: Rendition[] = []
  readonly #variants: Variant[] = []
  readonly #iFrameVariants: IFrameVariant[] = []
  #pending: AttributeList | undefined

  tag(name: string, value: string): void {
    switch (name) {
      case '#EXT-X-VERSION':
        this.#version = parseInteger('EXT-X-VERSION', value)
        break
      case '#EXT-X-INDEPENDENT-SEGMENTS':
        this.#independentSegments = true
        break
      case '#EXT-X-START':
        this.#start = tags.readStart(new AttributeList('EXT-X-START', value))
        break
      case '#EXT-X-SESSION-KEY': {
        const key = tags.readKey(new AttributeList('EXT-X-SESSION-KEY', value))
        if (key !== undefined) this.#sessionKeys.push(key)
        break
      }
      case '#EXT-X-MEDIA': {
        const rendition = readRendition(new AttributeList('EXT-X-MEDIA', value))
        if (rendition !== undefined) this.#renditions.push(rendition)
        break
      }
      case '#EXT-X-STREAM-INF':
        this.#pending = new AttributeList('EXT-X-STREAM-INF', value)
        break
      case '#EXT-X-I-FRAME-STREAM-INF': {
        const attributes = new AttributeList('EXT-X-I-FRAME-STREAM-INF', value)
        this.#iFrameVariants.push(
          withoutUndefined<IFrameVariant>(readCommon(attributes, attributes.requiredText('URI'))),
        )
        break
      }
    }
  }

  uri(uri: string): void {
    if (this.#pending === undefined) {
      throw new FormatError('ERR_HLS_SYNTAX', 'expected EXT-X-STREAM-INF before the URI of a variant, found none')
    }
    this.#variants.push(readVariant(this.#pending, uri))
    this.#pending = undefined
  }

  end(): MultivariantPlaylist {
    return withoutUndefined<MultivariantPlaylist>({
      type: 'multivariant',
      version: this.#version,
      independentSegments: this.#independentSegments,
      start: this.#start,
      sessionKeys: this.#sessionKeys,
      renditions: this.#renditions,
      variants: this.#variants,
      iFrameVariants: this.#iFrameVariants,
    })
  }
}

/** `undefined` for a type this version of the format does not have. */
function readRendition(attributes: AttributeList): Rendition | undefined {
  const type = attributes.requiredText('TYPE')
  if (type !== 'AUDIO' && type !== 'VIDEO' && type !== 'SUBTITLES' && type !== 'CLOSED-CAPTIONS') return undefined
  return withoutUndefined<Rendition>({
    type,
    groupId: attributes.requiredText('GROUP-ID'),
    name: attributes.requiredText('NAME'),
    uri: attributes.text('URI'),
    language: attributes.text('LANGUAGE'),
    associatedLanguage: attributes.text('ASSOC-LANGUAGE'),
    default: attributes.yes('DEFAULT'),
    autoselect: attributes.yes('AUTOSELECT'),
    forced: attributes.yes('FORCED'),
    instreamId: attributes.text('INSTREAM-ID'),
    bitDepth: attributes.integer('BIT-DEPTH'),
    sampleRate: attributes.integer('SAMPLE-RATE'),
    characteristics: attributes.text('CHARACTERISTICS'),
    channels: attributes.text('CHANNELS'),
  })
}

function writeRendition(rendition: Rendition): string {
  let list = `TYPE=${rendition.type},GROUP-ID=${quoted(rendition.groupId)},NAME=${quoted(rendition.name)}`
  if (rendition.uri !== undefined) list += `,URI="${safeUri(rendition.uri)}"`
  if (rendition.language !== undefined) list += `,LANGUAGE=${quoted(rendition.language)}`
  if (rendition.associatedLanguage !== undefined) list += `,ASSOC-LANGUAGE=${quoted(rendition.associatedLanguage)}`
  if (rendition.default) list += ',DEFAULT=YES'
  if (rendition.autoselect) list += ',AUTOSELECT=YES'
  if (rendition.forced) list += ',FORCED=YES'
  if (rendition.instreamId !== undefined) list += `,INSTREAM-ID=${quoted(rendition.instreamId)}`
  if (rendition.bitDepth !== undefined) list += `,BIT-DEPTH=${rendition.bitDepth}`
  if (rendition.sampleRate !== undefined) list += `,SAMPLE-RATE=${rendition.sampleRate}`
  if (rendition.characteristics !== undefined) list += `,CHARACTERISTICS=${quoted(rendition.characteristics)}`
  if (rendition.channels !== undefined) list += `,CHANNELS=${quoted(rendition.channels)}`
  return list
}

function readCommon(attributes: AttributeList, uri: string): Loose<IFrameVariant> {
  return {
    bandwidth: attributes.requiredInteger('BANDWIDTH'),
    averageBandwidth: attributes.integer('AVERAGE-BANDWIDTH'),
    codecs: attributes.text('CODECS'),
    supplementalCodecs: attributes.text('SUPPLEMENTAL-CODECS'),
    resolution: attributes.resolution('RESOLUTION'),
    videoRange: attributes.text('VIDEO-RANGE'),
    hdcpLevel: attributes.text('HDCP-LEVEL'),
    score: attributes.decimal('SCORE'),
    stableVariantId: attributes.text('STABLE-VARIANT-ID'),
    pathwayId: attributes.text('PATHWAY-ID'),
    video: attributes.text('VIDEO'),
    name: attributes.text('NAME'),
    uri,
  }
}

function readVariant(attributes: AttributeList, uri: string): Variant {
  return withoutUndefined<Variant>({
    ...readCommon(attributes, uri),
    frameRate: attributes.decimal('FRAME-RATE'),
    audio: attributes.text('AUDIO'),
    subtitles: attributes.text('SUBTITLES'),
    closedCaptions: attributes.text('CLOSED-CAPTIONS'),
  })
}

/** Both kinds of variant, without the URI. */
function writeVariant(variant: Variant): string {
  let list = `BANDWIDTH=${Math.round(variant.bandwidth)}`
  if (variant.averageBandwidth !== undefined) list += `,AVERAGE-BANDWIDTH=${Math.round(variant.averageBandwidth)}`
  if (variant.codecs !== undefined) list += `,CODECS=${quoted(variant.codecs)}`
  if (variant.supplementalCodecs !== undefined) list += `,SUPPLEMENTAL-CODECS=${quoted(variant.supplementalCodecs)}`
  if (variant.resolution !== undefined) list += `,RESOLUTION=${variant.resolution.width}x${variant.resolution.height}`
  if (variant.frameRate !== undefined) list += `,FRAME-RATE=${Number(variant.frameRate.toFixed(3))}`
  if (variant.videoRange !== undefined) list += `,VIDEO-RANGE=${variant.videoRange}`
  if (variant.hdcpLevel !== undefined) list += `,HDCP-LEVEL=${variant.hdcpLevel}`
  if (variant.score !== undefined) list += `,SCORE=${variant.score}`
  if (variant.stableVariantId !== undefined) list += `,STABLE-VARIANT-ID=${quoted(variant.stableVariantId)}`
  if (variant.pathwayId !== undefined) list += `,PATHWAY-ID=${quoted(variant.pathwayId)}`
  if (variant.video !== undefined) list += `,VIDEO=${quoted(variant.video)}`
  if (variant.audio !== undefined) list += `,AUDIO=${quoted(variant.audio)}`
  if (variant.subtitles !== undefined) list += `,SUBTITLES=${quoted(variant.subtitles)}`
  if (variant.closedCaptions !== undefined) {
    list += `,CLOSED-CAPTIONS=${variant.closedCaptions === 'NONE' ? 'NONE' : quoted(variant.closedCaptions)}`
  }
  if (variant.name !== undefined) list += `,NAME=${quoted(variant.name)}`
  return list
}
