/** `headend probe FILE|URL…`: says what is in media files. */
import type { Command } from 'commander'
import { describeError, HeadendError, type ProbedTrack, type ProbeResult, probe } from '../index.ts'
import { abortOnSignals, formatBitrate, formatDuration, StatusLine } from './status-line.ts'

const BAR_WIDTH = 30

export function configure(command: Command): void {
  command
    .description(
      'Says what is in media files: MP4, MOV, MKV, WebM, TS, FLV, ASF, WMV, WMA, MP3, AAC. Tracks, key frames, what browsers play, what is damaged, who holds the keys of what is protected. Exit 1 when one of them cannot be read.',
    )
    .argument('<inputs...>', 'files, or addresses of http and https')
    .option('--packets', 'read all of each file and count its packets')
    .option('--json', 'print one JSON object a line for each input')
    .action(run)
}

interface Flags {
  readonly packets?: true
  readonly json?: true
}

async function run(inputs: readonly string[], flags: Flags): Promise<void> {
  const status = new StatusLine()
  const interrupted = abortOnSignals()
  let failed = 0
  try {
    for (const input of inputs) {
      if (interrupted.signal.aborted) throw new InputError('ERR_PROBE_ABORTED', 'interrupted')
      try {
        const result = await probe({
          input,
          packets: flags.packets === true,
          signal: interrupted.signal,
          onProgress: (done) => status.show(`${bar(done)} ${plain(input)}`),
        })
        status.clear()
        process.stdout.write(flags.json === true ? `${JSON.stringify(result)}\n` : describe(result))
      } catch (error) {
        status.clear()
        if (!(error instanceof HeadendError) || (inputs.length === 1 && flags.json !== true)) throw error
        failed++
        if (flags.json === true) {
          process.stdout.write(`${JSON.stringify({ input, error: { code: error.code, message: error.message } })}\n`)
        } else process.stderr.write(`headend: ${plain(input)}: ${plain(describeError(error))}\n`)
      }
    }
  } finally {
    status.clear()
    interrupted.dispose()
  }
  if (failed > 0) throw new InputError('ERR_PROBE_FAILED', `${failed} of ${inputs.length} inputs could not be read`)
}

/** What was wrong is printed already, input by input. */
class InputError extends HeadendError {}

function bar(done: number): string {
  const filled = Math.round(done * BAR_WIDTH)
  return `[${'#'.repeat(filled)}${'-'.repeat(BAR_WIDTH - filled)}] ${String(Math.floor(done * 100)).padStart(3)}%`
}

function describe(result: ProbeResult): string {
  const { input, format, duration, size, bitrateBps } = result
  const lines = [
    `${plain(input)}: ${FORMAT_NAMES[format]}, ${exactDuration(duration)}, ${formatSize(size)}, ${formatBitrate(bitrateBps)}`,
  ]
  for (const [name, value] of Object.entries(result.metadata)) lines.push(`  ${plain(name)}: ${plain(String(value))}`)
  for (const track of result.tracks) lines.push(...describeTrack(track))
  for (const { kind, codec, language } of result.foreign) {
    lines.push(`  ${kind}: ${plain(codec)}${language === undefined ? '' : `, ${plain(language)}`} (told of, not read)`)
  }
  const { keyFrames, protection } = result
  if (keyFrames !== undefined) {
    const { count, meanInterval, maxInterval } = keyFrames
    const every =
      count < 2 ? '' : `, every ${meanInterval.toFixed(2)} s on average, ${maxInterval.toFixed(2)} s at most`
    lines.push(`  key frames: ${count}${every}`)
  }
  lines.push(`  browsers: ${describeBrowsers(result)}`)
  if (protection !== undefined) {
    const { scheme, keyId, licenseUrl } = protection
    const details = [
      ...(keyId === undefined ? [] : [`key ${keyId}`]),
      ...(licenseUrl === undefined ? [] : [`licences at ${licenseUrl}`]),
    ]
    lines.push(`  protection: ${plain([scheme, ...details].join(', '))}`)
  }
  for (const note of result.notes) lines.push(`  note: ${plain(note)}`)
  return `${lines.join('\n')}\n`
}

const FORMAT_NAMES = {
  mp4: 'MP4',
  matroska: 'Matroska',
  mpegts: 'MPEG-TS',
  flv: 'FLV',
  asf: 'ASF',
  mp3: 'MP3',
  aac: 'AAC (ADTS)',
} as const satisfies Record<ProbeResult['format'], string>

function describeTrack(track: ProbedTrack): string[] {
  const {
    id,
    kind,
    codec,
    codecString,
    width,
    height,
    rotation,
    frameRate,
    sampleRate,
    channels,
    language,
    name,
    bitrateBps,
    packets,
  } = track
  const parts = [
    codecString === undefined || codecString === codec ? codec : `${codec} (${codecString})`,
    ...(width === undefined ? [] : [`${width}×${height}`]),
    ...(rotation === undefined ? [] : [`turned by ${rotation}°`]),
    ...(frameRate === undefined ? [] : [`${frameRate} fps`]),
    ...(sampleRate === undefined ? [] : [`${sampleRate} Hz`]),
    ...(channels === undefined ? [] : [channels === 1 ? '1 channel' : `${channels} channels`]),
    ...(bitrateBps === undefined ? [] : [formatBitrate(bitrateBps)]),
    ...(language === undefined ? [] : [plain(language)]),
    ...(name === undefined ? [] : [JSON.stringify(plain(name))]),
  ]
  const lines = [`  ${kind} ${id}: ${parts.join(', ')}`]
  if (packets !== undefined) {
    const { count, keys, bytes, largest, first, last } = packets
    lines.push(
      `    ${count} packets, ${keys} key, ${bytes} bytes, ${largest} at most, ${first.toFixed(3)} s to ${last.toFixed(3)} s`,
    )
  }
  return lines
}

function describeBrowsers({ browsers, tracks, foreign, protection }: ProbeResult): string {
  if (browsers === 'direct') {
    const left = [...tracks.filter(({ browser, kind }) => !browser && kind !== 'data'), ...foreign].map(
      ({ kind, codec }) => `${kind} ${codec}`,
    )
    return left.length === 0 ? 'play it as it is' : `play it as it is, without ${plain(left.join(', '))}`
  }
  if (browsers === 'none') return protection === undefined ? 'cannot play it' : 'cannot play it: it is protected'
  const encoded = [...tracks.filter(({ browser }) => !browser), ...foreign]
    .filter(({ kind }) => kind === 'video' || kind === 'audio')
    .map(({ kind, codec }) => `${kind} ${codec}`)
  return `get it encoded while they watch, by ffmpeg (${plain(encoded.join(', '))})`
}

/** `0:01:05.250` */
function exactDuration(seconds: number): string {
  const rounded = Math.round(seconds * 1000)
  return `${formatDuration(rounded / 1000)}.${String(rounded % 1000).padStart(3, '0')}`
}

function formatSize(bytes: number): string {
  if (bytes >= 1e9) return `${(bytes / 1e9).toFixed(2)} GB`
  if (bytes >= 1e6) return `${(bytes / 1e6).toFixed(2)} MB`
  return bytes >= 1e3 ? `${(bytes / 1e3).toFixed(1)} kB` : `${bytes} bytes`
}

/** Words of a file are not to steer a terminal. */
function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '\ufffd')
}
