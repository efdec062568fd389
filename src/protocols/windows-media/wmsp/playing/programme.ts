/** What a session plays: one content, or the entries of a server-side playlist one after the other (MS-WMSP 4.4, 4.5). */
import { describeError, UnavailableError } from '../../../../errors.ts'
import type { Playlist, ServerContext } from '../../../protocol.ts'
import { type Content, type OpenOptions, openContent } from './content.ts'

/** An entry, opened. */
export interface OpenEntry {
  readonly content: Content
  /** Place in the playlist, from 0; 0 without one. */
  readonly index: number
}

/** Opens entries. Holds no place: whoever plays knows where it is. */
export interface Programme {
  readonly path: string
  /** It may have more than one entry. */
  readonly playlist: boolean
  /** Entries it has. */
  readonly length: number
  /** The entry at `index`, or the next behind it that works. Throws UnavailableError or PeerError when there is none. */
  open(index: number, options: OpenOptions): Promise<OpenEntry>
  /** The one behind `index` that works; `undefined`: that was the last. */
  next(index: number, options: OpenOptions): Promise<OpenEntry | undefined>
  /** The one before `index` that works; `undefined`: that was the first. */
  previous(index: number, options: OpenOptions): Promise<OpenEntry | undefined>
}

type Context = Pick<ServerContext, 'hub' | 'library' | 'mediaFiles' | 'playlist' | 'log'>

/** The programme of a path; nothing is opened yet. */
export function programmeOf(context: Context, path: string): Programme {
  const playlist = context.playlist(path)
  return playlist === undefined ? single(context, path) : listed(context, path, playlist)
}

function single(context: Context, path: string): Programme {
  return {
    path,
    playlist: false,
    length: 1,
    open: async (_index, options) => ({ content: await openContent(context, path, options), index: 0 }),
    next: async () => undefined,
    previous: async () => undefined,
  }
}

function listed(context: Context, path: string, { entries, loop }: Playlist): Programme {
  const { length } = entries

  /** Tries each entry once at most. An entry that does not work is left out: the programme goes on. */
  const walk = async (first: number, step: 1 | -1, options: OpenOptions): Promise<OpenEntry | undefined> => {
    let index = first
    for (let tries = 0; tries < length && !options.signal.aborted; tries++, index += step) {
      if (index < 0 || index >= length) {
        if (!loop) return undefined
        index = (index + length) % length
      }
      const entry = entries[index] as string
      try {
        // A stream that is not on the air now is not waited for: the next entry is.
        return { content: await openContent(context, entry, { ...options, waitMs: 0 }), index }
      } catch (error) {
        const fields = { path, entry, error: describeError(error) }
        context.log.counted('ERR_WMSP_ENTRY', fields, 'a playlist entry is left out')
      }
    }
    return undefined
  }

  return {
    path,
    playlist: true,
    length,
    async open(index, options) {
      const entry = (await walk(index, 1, options)) ?? (index > 0 ? await walk(0, 1, options) : undefined)
      if (entry === undefined) throw new UnavailableError('ERR_STREAM_NOT_FOUND', `${path} has no entry that plays`)
      return entry
    },
    next: (index, options) => walk(index + 1, 1, options),
    previous: (index, options) => walk(index - 1, -1, options),
  }
}
