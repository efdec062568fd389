/**
 * FFmpeg 8 as a small program: `publish FILE URL` sends a file in real time as FLV over RTMP, `packets URL [KID=KEY:KID=KEY…]` prints a line of
 * JSON for each packet of a source, decrypted with the keys. In a process of its own, because native code may crash or block.
 */
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Demuxer, Muxer, type Packet } from 'node-av'

const [command, source = '', argument = ''] = process.argv.slice(2)
if (command === 'publish') await publish(source, argument)
else await listPackets(source, argument)
await new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
// Native readers may still block in the background.
process.exit(0)

async function publish(file: string, url: string): Promise<void> {
  await using input = await Demuxer.open(file)
  await using output = await Muxer.open(url, { format: 'flv' })
  for (const stream of input.streams) {
    // The tag of the file's container means nothing in FLV.
    if (stream.codecpar !== null) stream.codecpar.codecTag = 0
  }
  const indexes = new Map(input.streams.map((stream) => [stream.index, output.addStream(stream)]))
  const started = performance.now()
  for await (using packet of input.packets()) {
    if (packet === null) break
    const wait = seconds(packet, packet.dts) * 1000 - (performance.now() - started)
    if (wait > 1) await sleep(wait)
    const index = indexes.get(packet.streamIndex)
    if (index !== undefined) await output.writePacket(packet, index)
  }
}

/** Lines of `{stream, codec, kind, dts, pts, key, size, md5}`, times in seconds. */
async function listPackets(url: string, keys: string): Promise<void> {
  const options = keys === '' ? {} : { options: { decryption_keys: keys } }
  await using input = await Demuxer.open(url, { copyTs: true, ...options })
  for await (using packet of input.packets()) {
    if (packet === null) break
    const parameters = input.streams[packet.streamIndex]?.codecpar
    const data = packet.data ?? Buffer.alloc(0)
    const line = {
      stream: packet.streamIndex,
      kind: parameters?.codecType === 0 ? 'video' : 'audio',
      codec: parameters?.codecId,
      dts: seconds(packet, packet.dts),
      pts: seconds(packet, packet.pts),
      key: packet.isKeyframe,
      size: data.byteLength,
      md5: createHash('md5').update(data).digest('hex'),
    }
    process.stdout.write(`${JSON.stringify(line)}\n`)
  }
}

function seconds(packet: Packet, value: bigint): number {
  const { num, den } = packet.timeBase
  return (Number(value) * num) / den
}
