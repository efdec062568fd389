/** What goes wrong with encoders, in words for people. */
import { UnavailableError } from '../../errors.ts'

/** Of a child's last words. */
const MAX_WORDS = 300
const LAST_LINES = 3
/** Control characters and what turns text around. */
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/gu

/** There is no ffmpeg: says what to install. */
export function noFfmpeg(program: string, cause?: unknown): UnavailableError {
  return new UnavailableError(
    'ERR_TRANSCODE_NO_FFMPEG',
    `browsers cannot play this as it is, and encoding it needs ffmpeg, which was not found as ${program}: install it on the server (Debian, Ubuntu: apt install ffmpeg; macOS: brew install ffmpeg) or set transcode.ffmpeg`,
    { cause },
  )
}

/** All encoders are at work. */
export function busy(limit: number, what: string): UnavailableError {
  return new UnavailableError('ERR_TRANSCODE_BUSY', `all ${limit} encoders ${what} are at work; try again in a moment`)
}

/** A child ended otherwise than by our will. `log` is what it wrote to standard error. */
export function childFailed(program: string, how: string, log: string): UnavailableError {
  const words = lastWords(log)
  return new UnavailableError('ERR_TRANSCODE_FAILED', `${program} ${how}${words === '' ? '' : `: ${words}`}`)
}

/** The last lines of a log, without addresses of memory and without what terminals and browsers would act on. */
export function lastWords(log: string): string {
  return log
    .trim()
    .split('\n')
    .slice(-LAST_LINES)
    .map((line) =>
      line
        .replaceAll(/ @ 0x[0-9a-f]+/g, '')
        .replaceAll(UNPRINTABLE, ' ')
        .trim(),
    )
    .join(' | ')
    .slice(-MAX_WORDS)
}
