/** A film for the player's tests: a counter, two languages of sound and of subtitles, two qualities. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { makeMedia } from '../support/media.ts'
import { runOrThrow } from '../support/process.ts'
import { mediaFolder } from './media-folder.ts'

export const FILM = {
  seconds: 40,
  /** Pictures a second, and from one key picture to the next. */
  rate: 25,
  /** Hz. */
  tones: { English: 440, German: 1320 },
  height: 180,
  smallHeight: 144,
} as const

/** A media folder with `Film.mp4` (all tracks, subtitles beside it) and `Two` (in two qualities). */
export async function makeFilm(t: TestContext, ffmpeg: string): Promise<string> {
  const { seconds, rate, tones } = FILM
  const english = await makeMedia(ffmpeg, { container: 'mp4', seconds, rate, tone: tones.English })
  const german = await makeMedia(ffmpeg, { container: 'mp4', seconds, rate, video: 'none', tone: tones.German })
  const size = { width: 256, height: FILM.smallHeight }
  const small = await makeMedia(ffmpeg, { container: 'mp4', seconds, rate, ...size, tone: tones.English })
  const scratch = mkdtempSync(join(tmpdir(), 'headend-film-'))
  t.after(() => rmSync(scratch, { recursive: true, force: true }))
  const film = join(scratch, 'film.mp4')
  const languages = ['-metadata:s:a:0', 'language=eng', '-metadata:s:a:1', 'language=deu']
  const both = ['-i', english, '-i', german, '-map', '0', '-map', '1:a', '-c', 'copy', ...languages]
  await runOrThrow(ffmpeg, ['-v', 'error', '-nostdin', ...both, film])
  const folder = mediaFolder(t, { 'Film.mp4': film, 'Two.180p.mp4': english, 'Two.144p.mp4': small })
  writeFileSync(join(folder, 'Film.en.srt'), '1\n00:00:05,000 --> 00:00:15,000\nGood evening\n')
  writeFileSync(join(folder, 'Film.de.srt'), '1\n00:00:05,000 --> 00:00:15,000\nGuten Abend – schön\n')
  return folder
}
