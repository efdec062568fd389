/** Loaders of hls.js whose requests for playlists and fragments say what they are for. */
import type HlsClass from 'hls.js'
import type {
  FragmentLoaderConstructor,
  FragmentLoaderContext,
  HlsConfig,
  LoaderCallbacks,
  LoaderConfiguration,
  PlaylistLoaderConstructor,
  PlaylistLoaderContext,
} from 'hls.js'
import type { MarkRequest } from './playback.ts'

type Context = FragmentLoaderContext | PlaylistLoaderContext
type RequestedObject = Parameters<MarkRequest>[1]

export interface HlsLoadersOptions {
  readonly mark: MarkRequest
  /** The instance that loads: asked when it does. */
  readonly player: () => HlsClass
}

/** For the configuration of an instance; keys and licences are loaded as before. */
export function hlsLoaders(
  { loader: Loader }: HlsConfig,
  { mark, player }: HlsLoadersOptions,
): { readonly pLoader: PlaylistLoaderConstructor; readonly fLoader: FragmentLoaderConstructor } {
  class MarkingLoader extends Loader {
    override load(context: Context, config: LoaderConfiguration, callbacks: LoaderCallbacks<Context>): void {
      context.url = mark(context.url, objectOf(context, player()))
      super.load(context, config, callbacks as unknown as Parameters<InstanceType<typeof Loader>['load']>[2])
    }
  }
  return {
    pLoader: MarkingLoader as unknown as PlaylistLoaderConstructor,
    fLoader: MarkingLoader as unknown as FragmentLoaderConstructor,
  }
}

function objectOf(context: Context, { levels, audioTracks }: HlsClass): RequestedObject {
  if (!('frag' in context)) return { type: 'm' }
  const { frag, part } = context
  if (frag.sn === 'initSegment') return { type: 'i' }
  const duration = Math.round((part ?? frag).duration * 1000)
  if (frag.type !== 'main') return { type: frag.type === 'audio' ? 'a' : 'c', duration }
  const bitrate = levels[frag.level]?.bitrate
  return {
    // Sound in playlists of its own is not in those of the pictures.
    type: audioTracks.length > 0 ? 'v' : 'av',
    duration,
    bitrate: bitrate === undefined ? undefined : Math.round(bitrate / 1000),
  }
}
