/** GStreamer, VLC, mpv and rtmpdump as publishers and players: their command lines. */

/** A program and its arguments. */
export type CommandLine = readonly [command: string, ...args: string[]]

/** GStreamer sends a FLV file as it is, at its own speed. */
export function gstreamerPublish(gstreamer: string, file: string, url: string): CommandLine {
  // biome-ignore format: a pipeline
  return [gstreamer, '-q', '-e',
    'filesrc', `location=${file}`, '!', 'flvdemux', 'name=in',
    'in.video', '!', 'queue', '!', 'h264parse', '!', 'out.',
    'in.audio', '!', 'queue', '!', 'aacparse', '!', 'out.',
    'flvmux', 'name=out', 'streamable=true', '!', 'rtmp2sink', `location=${url}`, 'sync=true']
}

/** VLC sends a file as it is. */
export function vlcPublish(vlc: string, file: string, url: string): CommandLine {
  return asUser([...vlcCommand(vlc), file, `--sout=#std{access=avio,mux=ffmpeg{mux=flv},dst=${url}}`, 'vlc://quit'])
}

/** mpv encodes a file anew and sends it. */
export function mpvPublish(mpv: string, file: string, url: string): CommandLine {
  // biome-ignore format: options
  return [mpv, '--no-config', '--msg-level=all=error', file, `--o=${url}`, '--of=flv',
    '--vf=lavfi=[realtime]', '--af=lavfi=[arealtime]',
    '--ovc=libx264', '--ovcopts=preset=ultrafast,g=25', '--oac=aac']
}

/** GStreamer plays a FLV stream and writes the upper left corner as gray frames of `width` × `height` to standard output. */
export function gstreamerPlay(
  gstreamer: string,
  source: readonly string[],
  picture: { readonly width: number; readonly height: number },
  crop: { readonly width: number; readonly height: number },
): CommandLine {
  // biome-ignore format: a pipeline
  return [gstreamer, '-q', ...source, '!', 'h264parse', '!', 'avdec_h264', '!',
    'videocrop', `right=${picture.width - crop.width}`, `bottom=${picture.height - crop.height}`, '!',
    'videoconvert', '!', 'video/x-raw,format=GRAY8', '!', 'fdsink', 'sync=false']
}

/** VLC plays a URL and writes it to a file, not encoded anew. */
export function vlcPlay(vlc: string, url: string, file: string): CommandLine {
  return asUser([...vlcCommand(vlc), url, `--sout=#std{access=file,mux=ts,dst=${file}}`, 'vlc://quit'])
}

/** VLC plays a Windows Media address and writes it into an ASF file, from `start` seconds on. */
export function vlcRecord(vlc: string, url: string, file: string, start?: number): CommandLine {
  const from = start === undefined ? [] : [`--start-time=${start}`]
  return asUser([...vlcCommand(vlc), ...from, url, `--sout=#std{access=file,mux=asf,dst=${file}}`, 'vlc://quit'])
}

/** VLC serves a file as a Windows Media stream over HTTP, again and again. */
export function vlcServe(vlc: string, file: string, port: number, path: string): CommandLine {
  const sout = `--sout=#std{access=mmsh,mux=asfh,dst=127.0.0.1:${port}/${path}}`
  return asUser([vlc, '-I', 'dummy', '--no-media-library', '--quiet', file, sout, '--sout-keep', '--loop'])
}

/** mpv plays a URL and writes it to a file, encoded anew. */
export function mpvPlay(mpv: string, url: string, file: string): CommandLine {
  // biome-ignore format: options
  return [mpv, '--no-config', '--msg-level=all=error', '--hls-bitrate=max', url, `--o=${file}`, '--of=matroska',
    '--ovc=libx264', '--ovcopts=preset=ultrafast,qp=20', '--oac=aac']
}

/** rtmpdump writes a stream to a FLV file. */
export function rtmpdumpPlay(rtmpdump: string, url: string, file: string): CommandLine {
  return [rtmpdump, '--quiet', '--live', '-r', url, '-o', file]
}

function vlcCommand(vlc: string): string[] {
  return [vlc, '-I', 'dummy', '--no-media-library', '--quiet', '--play-and-exit', '--no-repeat']
}

/** VLC refuses to run as root. */
function asUser([command = '', ...args]: readonly string[]): CommandLine {
  if (process.getuid?.() !== 0) return [command, ...args]
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', 'env', 'HOME=/nonexistent']
  return ['setpriv', ...nobody, command, ...args]
}
