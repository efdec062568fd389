/** Watch page of one stream or film: the player, and the addresses for other players. */
import '../player/player.ts'
import { passKey } from '../play-key.ts'
import { encodePath, isOnDemand } from '../player/playback.ts'
import { askProtection } from '../player/protection.ts'
import { DEFAULT_RTMP_PORT, fetchLiveList } from './live-list.ts'
import { recipe } from './recipe.ts'

const path = decodeURIComponent(location.pathname.replace(/^\/watch\//, ''))
const { origin, host, hostname, protocol } = location
const name = path.slice(path.lastIndexOf('/') + 1)
const onDemand = isOnDemand(path)

document.title = `${name} · Headend`
const title = document.getElementById('title')
if (title !== null) title.textContent = onDemand ? path.slice(path.indexOf('/') + 1) : path
const section = document.querySelector<HTMLAnchorElement>(`nav a[href="${onDemand ? '/library' : '/'}"]`)
section?.setAttribute('aria-current', 'true')
const folder = path.slice(0, path.lastIndexOf('/'))
// Back to where the film lies, with the key that opened it.
if (section !== null && onDemand)
  section.href = passKey(folder === 'vod' ? '/library' : `/library/${encodePath(folder)}`)
document.getElementById('player')?.setAttribute('path', path)

const rtmpHost = hostname.includes(':') && !hostname.startsWith('[') ? `[${hostname}]` : hostname
void showAddresses()

async function showAddresses(): Promise<void> {
  const rtmpPort = await fetchLiveList().then(
    (list) => list.ports['rtmp'] ?? DEFAULT_RTMP_PORT,
    () => DEFAULT_RTMP_PORT,
  )
  const port = rtmpPort === DEFAULT_RTMP_PORT ? '' : `:${rtmpPort}`
  const rtmp = `rtmp://${rtmpHost}${port}/${encodePath(path)}`
  const encoded = encodePath(path)
  const web = [
    { label: 'HLS', text: passKey(`${origin}/${encoded}/index.m3u8`) },
    { label: 'DASH', text: passKey(`${origin}/${encoded}/manifest.mpd`) },
  ]
  const protection = await askProtection(path)
  if (protection !== undefined) {
    const hls = passKey(`${origin}/${encoded}/index.m3u8`)
    // The token of the first address goes to the second as well, where both are of one server.
    const [license = ''] = protection.licenseUrl.split('?')
    document
      .getElementById('recipes')
      ?.replaceChildren(
        recipe('Addresses', web),
        recipe('Players', [{ label: 'Headend', text: `headend play "${hls}" --license ${license}` }]),
      )
    return
  }
  if (onDemand) {
    document.getElementById('recipes')?.replaceChildren(
      recipe('Addresses', [
        ...web,
        { label: 'File', text: passKey(`${origin}/${encoded}`) },
        { label: 'RTMP', text: passKey(rtmp) },
        { label: 'Windows Media', text: passKey(`mms://${host}/${encoded}`) },
      ]),
      recipe('Players', [
        { label: 'VLC', text: `vlc "${passKey(`${origin}/${encoded}/index.m3u8`)}"` },
        { label: 'mpv', text: `mpv "${passKey(`${origin}/${encoded}`)}"` },
      ]),
    )
    return
  }
  document.getElementById('recipes')?.replaceChildren(
    recipe('Addresses', [
      ...web,
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
