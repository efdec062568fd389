/** The files the benchmarks publish: made once with ffmpeg, kept in bench/.build. */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import path from 'node:path'

const BUILD = path.join(import.meta.dirname, '../.build')

/** An FLV of 20 s: H.264 720p25 with key frames every 2 s and AAC, 1 Mb/s in all. */
export function benchFile(bitrateKbps = 1000): string {
  mkdirSync(BUILD, { recursive: true })
  const file = path.join(BUILD, `bench-${bitrateKbps}.flv`)
  if (!existsSync(file)) {
    const video = `${bitrateKbps - 128}k`
    const args = [
      '-v',
      'error',
      '-y',
      '-f',
      'lavfi',
      '-i',
      'testsrc2=size=1280x720:rate=25,noise=alls=12:allf=t',
      '-f',
      'lavfi',
    ]
    args.push(
      '-i',
      'sine=frequency=440:sample_rate=48000',
      '-t',
      '20',
      '-c:v',
      'libx264',
      '-preset',
      'veryfast',
      '-pix_fmt',
      'yuv420p',
    )
    args.push(
      '-b:v',
      video,
      '-minrate',
      video,
      '-maxrate',
      video,
      '-bufsize',
      video,
      '-g',
      '50',
      '-sc_threshold',
      '0',
      '-bf',
      '0',
    )
    args.push('-c:a', 'aac', '-b:a', '128k', file)
    execFileSync('ffmpeg', args, { stdio: 'inherit' })
  }
  return file
}
