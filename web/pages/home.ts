/** Home page: what is on air, and how to publish. */
import { element } from './element.ts'
import { DEFAULT_RTMP_PORT, describeTracks, fetchLiveList, type LiveList, type LiveStream } from './live-list.ts'
import { recipe } from './recipe.ts'

const REFRESH_MS = 3000

const channels = element('channels')
const nothing = element('nothing')
const summary = element('summary')
const recipes = element('recipes')
const nameInput = element('publish-name') as HTMLInputElement
const keyInput = element('publish-key') as HTMLInputElement
let rtmpPort = DEFAULT_RTMP_PORT
let shown = ''

for (const input of [nameInput, keyInput]) input.addEventListener('input', showRecipes)
element('publish').addEventListener('submit', (event) => event.preventDefault())
showRecipes()
void refresh()

async function refresh(): Promise<void> {
  try {
    show(await fetchLiveList())
  } catch {
    summary.textContent = 'The server does not answer.'
  }
  window.setTimeout(() => void refresh(), REFRESH_MS)
}

function show(list: LiveList): void {
  const viewers = list.streams.reduce((sum, stream) => sum + stream.viewers, 0)
  summary.textContent = `${list.streams.length} on air · ${viewers} watching`
  channels.setAttribute('aria-busy', 'false')
  nothing.hidden = list.streams.length > 0
  // Cards are rebuilt only when something changed, so that keyboard focus stays where it is.
  const text = JSON.stringify(list.streams)
  if (text !== shown) {
    shown = text
    const focused = document.activeElement?.getAttribute('href')
    channels.replaceChildren(...list.streams.map(card))
    if (focused) channels.querySelector<HTMLElement>(`a[href="${CSS.escape(focused)}"]`)?.focus()
  }
  const port = list.ports['rtmp'] ?? DEFAULT_RTMP_PORT
  if (port !== rtmpPort) {
    rtmpPort = port
    showRecipes()
  }
}

function card(stream: LiveStream): HTMLElement {
  const item = document.createElement('li')
  const link = document.createElement('a')
  link.className = 'card'
  link.href = `/watch/${stream.path}`
  const state = document.createElement('span')
  state.className = `state ${stream.state}`
  state.textContent = stream.state === 'live' ? '● LIVE' : '● WAITING FOR THE ENCODER'
  const name = document.createElement('strong')
  name.textContent = stream.path.replace(/^live\//, '')
  const tracks = document.createElement('small')
  tracks.textContent = describeTracks(stream.tracks)
  const facts = document.createElement('small')
  const rate = stream.bitrateBps > 0 ? ` · ${(stream.bitrateBps / 1e6).toFixed(2)} Mb/s` : ''
  facts.textContent = `${stream.viewers} watching${rate}`
  link.append(state, name, tracks, facts)
  item.append(link)
  return item
}

function showRecipes(): void {
  const name = nameInput.value.trim() || 'studio'
  const key = keyInput.value.trim() || 'KEY'
  const host =
    location.hostname.includes(':') && !location.hostname.startsWith('[') ? `[${location.hostname}]` : location.hostname
  const port = rtmpPort === DEFAULT_RTMP_PORT ? '' : `:${rtmpPort}`
  const server = `rtmp://${host}${port}/live`
  const target = `${server}/${name}?key=${encodeURIComponent(key)}`
  recipes.replaceChildren(
    recipe('OBS Studio: Settings → Stream → Service “Custom…”', [
      { label: 'Server', text: server },
      { label: 'Stream key', text: `${name}?key=${encodeURIComponent(key)}` },
    ]),
    recipe('OBS Studio: Settings → Output, for the lowest delay', [
      { label: 'Keyframes', text: '1 s' },
      { label: 'Tune', text: 'zerolatency' },
    ]),
    recipe('ffmpeg: a file, in real time', [
      {
        label: '',
        text: `ffmpeg -re -i FILE -c:v libx264 -preset veryfast -g 50 -pix_fmt yuv420p -c:a aac -b:a 128k -f flv "${target}"`,
      },
    ]),
    recipe('ffmpeg: a test picture with sound', [
      {
        label: '',
        text: `ffmpeg -re -f lavfi -i testsrc2=size=1280x720:rate=25 -f lavfi -i sine=frequency=440 -c:v libx264 -preset veryfast -tune zerolatency -g 25 -pix_fmt yuv420p -c:a aac -f flv "${target}"`,
      },
    ]),
  )
}
