/** Everything that is not FLV or MP4 comes through ffmpeg: devices, test patterns, other files, other protocols. */
import { spawn } from 'node:child_process'
import { UnavailableError } from '../../errors.ts'

/** Lines of ffmpeg's log kept for the error message. */
const MAX_LOG_LENGTH = 4000
const STOP_TIMEOUT_MS = 3000

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
 * FLV bytes of ffmpeg's output, H.264 and AAC, in real time. `input` is a file, an address, a device (`/dev/video0`) or a pattern
 * (`lavfi:testsrc2`). Throws UnavailableError ERR_PUSH_FFMPEG with ffmpeg's own words when it fails or is not installed.
 */
export async function* transcode(input: string, options: FfmpegOptions): AsyncGenerator<Uint8Array> {
  const child = spawn(options.ffmpeg, ffmpegArguments(input, options), { stdio: ['ignore', 'pipe', 'pipe'] })
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

function ffmpegArguments(input: string, options: FfmpegOptions): string[] {
  const bitrate = String(options.videoBitrateBps)
  const key = `expr:gte(t,n_forced*${options.keyInterval})`
  const video = [
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-tune',
    'zerolatency',
    '-pix_fmt',
    'yuv420p',
    '-b:v',
    bitrate,
  ]
  const rate = ['-maxrate', bitrate, '-bufsize', bitrate, '-force_key_frames', key]
  const audio = ['-c:a', 'aac', '-b:a', '128k', '-ar', '48000', '-ac', '2']
  return [
    '-hide_banner',
    '-loglevel',
    'warning',
    '-nostdin',
    ...inputArguments(input),
    ...video,
    ...rate,
    ...audio,
    '-f',
    'flv',
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
      ? `${program} is not installed; it is needed for inputs that are neither FLV nor MP4`
      : result.message
    return new UnavailableError('ERR_PUSH_FFMPEG', what, { cause: result })
  }
  const lines = log.trim().split('\n').slice(-3).join(' | ')
  return new UnavailableError('ERR_PUSH_FFMPEG', `ffmpeg ended with ${result}: ${lines}`)
}
