/** The text of a subtitle file, in whichever encoding it was saved. */
import { FormatError } from '../../errors.ts'

/** Of a file: subtitles of a film have some 100 kB, with karaoke and signs a few megabytes. */
export const MAX_SUBTITLE_BYTES = 16 * 1024 * 1024

/**
 * UTF-16 is known by its byte order mark. What is no valid UTF-8 is read as Windows-1252, which Latin-1 is a part of. Throws
 * ERR_SUBTITLE_TOO_LARGE above 16 MiB.
 */
export function decodeSubtitleText(bytes: Uint8Array): string {
  if (bytes.byteLength > MAX_SUBTITLE_BYTES) {
    throw new FormatError(
      'ERR_SUBTITLE_TOO_LARGE',
      `expected a subtitle file of at most ${MAX_SUBTITLE_BYTES} bytes, found ${bytes.byteLength}`,
    )
  }
  const [first, second] = bytes
  // The decoders take the mark away.
  if (first === 0xff && second === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (first === 0xfe && second === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    // Not UTF-8: every byte is a character of its own.
    return new TextDecoder('windows-1252').decode(bytes)
  }
}

// Media code runs in Node and in browsers; both have TextDecoder, but neither's type library is loaded here.
declare const TextDecoder: new (
  label: string,
  options?: { readonly fatal?: boolean },
) => { decode(bytes: Uint8Array): string }
