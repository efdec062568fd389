/** Everything that our own demuxers do not read, or that its target cannot carry, comes through ffmpeg. */
import { spawn } from 'node:child_process'
import { UnavailableError } from '../../errors.ts'

/** Lines of ffmpeg's log kept for the error message. */
const MAX_LOG_LENGTH = 4000
const STOP_TIMEOUT_MS = 3000

/** What is made: H.264 and AAC as FLV, or Windows Media Video 8 and Audio 9 (what ffmpeg calls WMV2 and WMA2) as ASF. */
export type FfmpegOutput = 'flv' | 'asf'

export interface FfmpegOptions {
  /** Path of the program. */
  readonly ffmpeg: string
  /** Bits a second of the video. */
  readonly videoBitrateBps: number
  /** Seconds between key frames. */
  readonly keyInterval: number
  readonly signal: AbortSignal
}

/**
 * Bytes of ffmpeg's output in real time. `input` is a file, an address, a device (`/dev/video0`) or a pattern (`lavfi:testsrc2`).
 * Throws UnavailableError ERR_PUSH_FFMPEG with ffmpeg's own words when it fails or is not installed.
 */
export async function* transcode(
  input: string,
  output: FfmpegOutput,
  options: FfmpegOptions,
): AsyncGenerator<Uint8Array> {
  const child = spawn(options.ffmpeg, ffmpegArguments(input, output, options), { stdio: ['ignore', 'pipe', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-MAX_LOG_LENGTH)
  })
  const ended = new Promise<number | NodeJS.Signals | Error>((resolve) => {
    child.once('error', resolve)
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'SIGKILL'))
  })
  const stop = () => {
    child.kill('SIGTERM')
    setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS).unref()
  }
  options.signal.addEventListener('abort', stop, { once: true })
  try {
    for await (const piece of child.stdout as AsyncIterable<Uint8Array>) yield piece
    const result = await ended
    if (result !== 0 && !options.signal.aborted) throw failure(options.ffmpeg, result, log)
  } finally {
    options.signal.removeEventListener('abort', stop)
    if (child.exitCode === null) stop()
  }
}

/** For tests: the arguments for one input and output. */
export function ffmpegArguments(
  input: string,
  output: FfmpegOutput,
  { videoBitrateBps, keyInterval }: Pick<FfmpegOptions, 'videoBitrateBps' | 'keyInterval'>,
): string[] {
  const bitrate = String(videoBitrateBps)
  const key = `expr:gte(t,n_forced*${keyInterval})`
  const video =
    output === 'flv' ? ['-c:v', 'libx264', '-preset', 'veryfast', '-tune', 'zerolatency'] : ['-c:v', 'wmv2', '-bf', '0']
  const rate = ['-b:v', bitrate, '-maxrate', bitrate, '-bufsize', bitrate, '-force_key_frames', key]
  // WMA has no 48 000 Hz at every bit rate; 44 100 Hz stereo at 128 kb/s every player knows.
  const audio = output === 'flv' ? ['-c:a', 'aac', '-ar', '48000'] : ['-c:a', 'wmav2', '-ar', '44100']
  return [
    '-hide_banner',
    '-loglevel',
    'warning',
    '-nostdin',
    ...inputArguments(input),
    ...video,
    '-pix_fmt',
    'yuv420p',
    ...rate,
    ...audio,
    '-b:a',
    '128k',
    '-ac',
    '2',
    '-flush_packets',
    '1',
    '-f',
    output,
    'pipe:1',
  ]
}

/** The name is always the value of `-i`, so that one beginning with a dash stays a name. */
function inputArguments(input: string): string[] {
  if (input.startsWith('lavfi:')) {
    const picture = input.slice('lavfi:'.length)
    return [
      '-re',
      '-f',
      'lavfi',
      '-i',
      picture,
      '-f',
      'lavfi',
      '-i',
      'sine=frequency=440:sample_rate=48000',
      '-map',
      '0:v',
      '-map',
      '1:a',
    ]
  }
  if (input.startsWith('/dev/video')) return ['-f', 'v4l2', '-i', input]
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(input)) return ['-i', input]
  return ['-re', '-i', `file:${input}`]
}

function failure(program: string, result: number | string | Error, log: string): UnavailableError {
  if (result instanceof Error) {
    const missing = (result as NodeJS.ErrnoException).code === 'ENOENT'
    const what = missing
      ? `${program} is not installed; it is needed for inputs that are not FLV, MP4 or ASF, and for what the target cannot carry`
      : result.message
    return new UnavailableError('ERR_PUSH_FFMPEG', what, { cause: result })
  }
  const lines = log.trim().split('\n').slice(-3).join(' | ')
  return new UnavailableError('ERR_PUSH_FFMPEG', `ffmpeg ended with ${result}: ${lines}`)
}
