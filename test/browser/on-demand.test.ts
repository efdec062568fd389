/** Files of the library in the players that other sites use: they play, seeks land on the right picture, subtitles appear, sounds are switched. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { makeMedia } from '../support/media.ts'
import { runOrThrow } from '../support/process.ts'
import { startServer } from '../support/server.ts'
import { repository } from '../support/sources.ts'
import { requireTool } from '../support/tools.ts'
import { openBrowser, openPage, screenshot } from './browser.ts'
import { counterAt } from './picture-counter.ts'
import { decodesAudio, waitUntilPlaying } from './video.ts'

const RATE = 25
const SECONDS = 26
/** Where the cut film begins in the whole one: between two key pictures. */
const CUT = 3.28
/** Names that would break an address which is put together carelessly. */
const FILM = `Ünïcode 'film' #1 100% ok?.mp4`

interface Player {
  readonly script: string
  readonly manifest: 'index.m3u8' | 'manifest.mpd'
  /** Sets `ready`, `setAudio(n)`, `setText(n)`, `audios()`. */
  readonly code: string
}

const PLAYERS: Readonly<Record<string, Player>> = {
  'hls.js': {
    script: 'hls.js/dist/hls.min.js',
    manifest: 'index.m3u8',
    code: `const hls = new Hls(); hls.loadSource(url); hls.attachMedia(video)
      window.audios = () => hls.audioTracks.map(({ lang }) => lang)
      window.setAudio = (n) => { hls.audioTrack = n }
      window.setText = (n) => { hls.subtitleDisplay = true; hls.subtitleTrack = n }`,
  },
  'shaka on HLS': shaka('index.m3u8'),
  'shaka on DASH': shaka('manifest.mpd'),
  'dash.js': {
    script: 'dashjs/dist/modern/umd/dash.all.min.js',
    manifest: 'manifest.mpd',
    code: `const player = dashjs.MediaPlayer().create(); player.initialize(video, url, true)
      window.audios = () => player.getTracksFor('audio').map(({ lang }) => lang)
      window.setAudio = (n) => player.setCurrentTrack(player.getTracksFor('audio')[n])
      window.setText = (n) => player.setTextTrack(n)`,
  },
}

function shaka(manifest: Player['manifest']): Player {
  return {
    script: 'shaka-player/dist/shaka-player.compiled.js',
    manifest,
    code: `const player = new shaka.Player(); player.attach(video).then(() => player.load(url))
      window.audios = () => player.getAudioTracks().map(({ language }) => language)
      window.setAudio = (n) => player.selectAudioTrack(player.getAudioTracks()[n])
      window.setText = (n) => player.selectTextTrack(player.getTextTracks()[n])`,
  }
}

test('files play in hls.js, shaka and dash.js, and every seek lands on its picture', {
  timeout: 240_000,
}, async (t) => {
  const ffmpeg = requireTool(t, 'ffmpeg')
  const browser = await openBrowser(t)
  if (ffmpeg === undefined || browser === undefined) return
  const media = await films(t, ffmpeg)
  const server = await startServer({ args: ['--media', media] })
  t.after(() => server.stop())
  const site = await playerSite(t, `${server.urls['http']}/vod`)

  for (const [name, { manifest }] of Object.entries(PLAYERS)) {
    await t.test(name, async () => {
      const address = (file: string) => {
        const url = `/vod/${encodeURIComponent(file)}/${manifest}`
        return `${site}/?name=${encodeURIComponent(name)}&url=${encodeURIComponent(url)}`
      }
      const { page, complaints } = await openPage(browser, address(FILM), { width: 640, height: 360 })
      await waitUntilPlaying(page)
      assert.ok(await decodesAudio(page), 'no sound was decoded')
      // Now: shaka shows subtitles of HLS when the next picture segment has come.
      await page.evaluate(() => (window as unknown as { setText(n: number): void }).setText(0))
      // A seek before the first of them has come makes shaka forget to ask for more.
      await page.waitForFunction(() => {
        const { textTracks } = document.querySelector('video') as HTMLVideoElement
        return [...textTracks].some(({ cues }) => (cues?.length ?? 0) > 0)
      })

      for (const second of [20.3, 7.1, 12.02, 0]) {
        const frame = Math.round(second * RATE)
        // The middle of the picture.
        assert.equal(await counterAt(page, (frame + 0.5) / RATE), frame, `picture at ${second} s`)
      }
      await page.evaluate(() => document.querySelector('video')?.play())
      await page.waitForFunction(() => {
        const video = document.querySelector('video') as HTMLVideoElement
        const shown = [...video.textTracks].flatMap((track) => [...(track.activeCues ?? [])])
        return shown.some((cue) => /first words|ersten Worte/.test((cue as VTTCue).text))
      })
      assert.deepEqual(await page.evaluate(() => (window as unknown as { audios(): string[] }).audios().toSorted()), [
        'de',
        'en',
      ])
      await page.evaluate(() => (window as unknown as { setAudio(n: number): void }).setAudio(1))
      const before = await page.evaluate(() => document.querySelector('video')?.currentTime ?? 0)
      await page.waitForFunction((from) => (document.querySelector('video')?.currentTime ?? 0) > from + 2, before)
      await screenshot(page, `on-demand-${name.replaceAll(/[^a-z0-9]+/gi, '-')}`)
      assert.deepEqual(complaints, [])
      await page.close()

      // A film that was cut between key pictures without being encoded anew: an edit list hides what comes before.
      const cut = await openPage(browser, address('cut.mp4'), { width: 640, height: 360 })
      await waitUntilPlaying(cut.page)
      const first = Math.round(CUT * RATE)
      for (const frame of [0, 3, 100]) {
        assert.equal(await counterAt(cut.page, (frame + 0.5) / RATE), first + frame, `picture ${frame} of the cut film`)
      }
      await cut.page.close()
    })
  }
})

/** A folder with a film of two sounds and subtitles, and a film cut from it. */
async function films(t: TestContext, ffmpeg: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'headend-films-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const plain = await makeMedia(ffmpeg, { container: 'mp4', seconds: SECONDS, rate: RATE, gop: 2 * RATE, bFrames: 2 })
  const film = join(folder, FILM)
  // biome-ignore format: options
  await runOrThrow(ffmpeg, ['-v', 'error', '-i', plain, '-f', 'lavfi', '-i', `sine=frequency=300:sample_rate=48000:duration=${SECONDS}`,
    '-map', '0:v', '-map', '0:a', '-map', '1:a', '-c:v', 'copy', '-c:a:0', 'copy', '-c:a:1', 'aac',
    '-metadata:s:a:0', 'language=eng', '-metadata:s:a:1', 'language=deu', film])
  await runOrThrow(ffmpeg, ['-v', 'error', '-ss', String(CUT), '-i', plain, '-c', 'copy', join(folder, 'cut.mp4')])
  const stem = FILM.replace('.mp4', '')
  writeFileSync(join(folder, `${stem}.en.srt`), '1\n00:00:00,000 --> 00:00:04,000\nthe first words\n')
  writeFileSync(join(folder, `${stem}.de.vtt`), 'WEBVTT\n\n00:00.000 --> 00:04.000\ndie ersten Worte\n')
  return folder
}

/** Another site, whose pages play from the server. */
async function playerSite(t: TestContext, base: string): Promise<string> {
  const { origin } = new URL(base)
  const site = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const player = PLAYERS[url.searchParams.get('name') ?? '']
    if (url.pathname === '/player.js') {
      response.setHeader('content-type', 'text/javascript')
      response.end(readFileSync(join(repository, 'node_modules', player?.script ?? '')))
      return
    }
    response.setHeader('content-type', 'text/html')
    response.end(
      player === undefined
        ? ''
        : `<!doctype html><meta charset="utf-8"><video muted autoplay playsinline crossorigin="anonymous" width="640" height="360"></video><script src="/player.js${url.search}"></script><script>const video = document.querySelector('video'), url = ${JSON.stringify(origin + (url.searchParams.get('url') ?? ''))}; ${player.code}</script>`,
    )
  }).listen(0, '127.0.0.1')
  await once(site, 'listening')
  t.after(() => site.close())
  return `http://127.0.0.1:${(site.address() as AddressInfo).port}`
}
