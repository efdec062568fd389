/** Watch page of one stream: the player, and the addresses for other players. */
import '../player/player.ts'
import { DEFAULT_RTMP_PORT, fetchLiveList } from './live-list.ts'
import { recipe } from './recipe.ts'

const path = decodeURIComponent(location.pathname.replace(/^\/watch\//, ''))
const { origin, host, hostname, protocol } = location
const name = path.replace(/^live\//, '')

document.title = `${name} · Headend`
const title = document.getElementById('title')
if (title !== null) title.textContent = path
document.getElementById('player')?.setAttribute('path', path)

const rtmpHost = hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname
void showAddresses()

async function showAddresses(): Promise<void> {
  const rtmpPort = await fetchLiveList().then(
    (list) => list.ports['rtmp'] ?? DEFAULT_RTMP_PORT,
    () => DEFAULT_RTMP_PORT,
  )
  const port = rtmpPort === DEFAULT_RTMP_PORT ? '' : `:${rtmpPort}`
  const rtmp = `rtmp://${rtmpHost}${port}/${path}`
  document.getElementById('recipes')?.replaceChildren(
    recipe('Addresses', [
      { label: 'HLS', text: `${origin}/${path}/index.m3u8` },
      { label: 'DASH', text: `${origin}/${path}/manifest.mpd` },
      { label: 'FLV', text: `${origin}/${path}.flv` },
      { label: 'WebSocket', text: `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/${path}.flv` },
      { label: 'RTMP', text: rtmp },
    ]),
    recipe('Players', [
      { label: 'ffplay', text: `ffplay -fflags nobuffer ${origin}/${path}.flv` },
      { label: 'VLC', text: `vlc ${origin}/${path}/index.m3u8` },
      { label: 'mpv', text: `mpv --profile=low-latency ${rtmp}` },
    ]),
  )
}
