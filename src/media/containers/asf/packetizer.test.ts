/** The packetizer, judged by the packet reader and the simplest possible assembler. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { avcConfig } from '../../codecs/vectors.ts'
import type { Packet } from '../../packet.ts'
import type { Track } from '../../track.ts'
import { readDataPacket } from './data-packet.ts'
import type { AsfPacket } from './model.ts'
import { packetIsKey, packetSendTime } from './packet-info.ts'
import { AsfPacketizer } from './packetizer.ts'
import { withoutPadding } from './padding.ts'
import { hex, initOf, objectsOf, testPacket, testTracks } from './vectors.ts'

const { video, audio, command } = testTracks
const init = initOf({ packetSize: 1400, prerollMs: 2000, streams: [video, audio, command] })

/** A key frame of 5000 bytes a second, frames of 900 bytes at 25 Hz, sound of 200 bytes every 46 ms. */
function programme(seconds: number): Packet[] {
  const packets: Packet[] = []
  for (let ms = 0; ms < seconds * 1000; ms += 40) {
    packets.push(testPacket(video, { dts: ms, pts: ms + 80 }, ms % 1000 === 0 ? 5000 : 900, ms % 1000 === 0))
  }
  for (let ms = 0; ms < seconds * 1000; ms += 46) packets.push(testPacket(audio, { dts: ms }, 200))
  packets.push(testPacket(command, { dts: 500 }, 30))
  return packets.sort((a, b) => a.dts - b.dts)
}

function packetize(packets: readonly Packet[], packetizer = new AsfPacketizer(init)): AsfPacket[] {
  const out: AsfPacket[] = []
  const drain = () => {
    for (let packet = packetizer.read(); packet !== undefined; packet = packetizer.read()) out.push(packet)
  }
  for (const packet of packets) {
    packetizer.write(packet)
    drain()
  }
  packetizer.end()
  drain()
  return out
}

function streamOf(track: Track): number {
  return init.streams.findIndex((stream) => stream.track?.id === track.id) + 1
}

describe('the packetizer', () => {
  const source = programme(3)
  const made = packetize(source)

  test('keeps every object, its time and its key flag', () => {
    const objects = objectsOf(
      made.map((packet) => packet.bytes),
      1400,
    )

    for (const track of [video, audio, command]) {
      assert.deepEqual(
        objects.filter((object) => object.stream === streamOf(track)),
        source
          .filter((packet) => packet.track === track)
          .map(({ pts, key, data }) => ({ stream: streamOf(track), time: pts / 1000 + 2000, key, data })),
      )
    }
  })

  test('numbers packets, and tells of each what its bytes say', () => {
    made.forEach((packet, at) => {
      assert.equal(packet.number, at)
      assert.equal(packet.init, init)
      assert.equal(packet.sendTimeMs, packetSendTime(packet.bytes))
      assert.equal(packet.key, packetIsKey(packet.bytes, init))
      assert.ok(packet.bytes.byteLength <= 1400)
    })
  })

  test('send times never go back, and never lie behind the decode time of what is in the packet', () => {
    let last = 0
    for (const { bytes } of made) {
      const { sendTimeMs, durationMs, payloads } = readDataPacket(bytes, 1400)
      assert.ok(sendTimeMs >= last)
      last = sendTimeMs
      for (const { presentationTimeMs } of payloads) {
        assert.ok(presentationTimeMs - 2000 >= sendTimeMs)
        assert.ok(presentationTimeMs - 2000 - 80 <= sendTimeMs + durationMs)
      }
    }
  })

  test('AS-08: a key frame begins its packet', () => {
    const keys = made.filter((packet) => packet.key)

    assert.equal(keys.length, 3)
    for (const { bytes } of keys) {
      const [first] = readDataPacket(bytes, 1400).payloads
      assert.deepEqual([first?.stream, first?.key, first?.offset], [1, true, 0])
    }
  })

  test('does not split sound', () => {
    for (const { bytes } of made)
      for (const { stream, offset, objectSize, data } of readDataPacket(bytes, 1400).payloads)
        if (stream !== 1) assert.deepEqual([offset, data.byteLength], [0, objectSize])
  })

  test('splits sound that is larger than a packet', () => {
    const large = [testPacket(audio, { dts: 0 }, 3000)]
    assert.deepEqual(
      objectsOf(
        packetize(large).map((packet) => packet.bytes),
        1400,
      )[0]?.data,
      large[0]?.data,
    )
  })

  test('puts many small objects into one packet, at most 63', () => {
    const small = Array.from({ length: 70 }, (_, at) => testPacket(audio, { dts: at }, 1))
    assert.deepEqual(
      packetize(small).map(({ bytes }) => readDataPacket(bytes, 1400).payloads.length),
      [63, 7],
    )
  })

  test('completes at flush what was begun', () => {
    const packetizer = new AsfPacketizer(init)
    packetizer.write(testPacket(audio, { dts: 0 }, 100))
    assert.equal(packetizer.read(), undefined)

    packetizer.flush()
    assert.equal(readDataPacket(packetizer.read()?.bytes ?? hex(''), 1400).payloads.length, 1)
    packetizer.flush()
    assert.equal(packetizer.read(), undefined)
  })

  test('does not hold an object for longer than 2 s of media', () => {
    const sparse = [0, 1500, 3000].map((dts) => testPacket(command, { dts }, 10))
    assert.deepEqual(
      packetize(sparse).map((packet) => packet.sendTimeMs),
      [0, 3000],
    )
  })

  test('in the size of a file, with the padding stated', () => {
    const padded = packetize(source, new AsfPacketizer(init, { padded: true }))
    assert.equal(padded.length, made.length)
    padded.forEach(({ bytes }, at) => {
      const bare = made[at]?.bytes ?? hex('')
      assert.equal(bytes.byteLength, 1400)
      assert.deepEqual(withoutPadding(bytes), bytes.length === bare.length ? bytes : bare)
      assert.deepEqual(readDataPacket(bytes, 1400).payloads, readDataPacket(bare, 1400).payloads)
    })
  })

  test('leaves out tracks that the header lacks, and empty packets', () => {
    const other = { ...audio, id: 102 }
    assert.deepEqual(packetize([testPacket(other, { dts: 0 }, 10), testPacket(audio, { dts: 0 }, 0)]), [])
  })

  test('object numbers go round after 255', () => {
    const many = Array.from({ length: 258 }, (_, at) => testPacket(audio, { dts: at }, 10))
    const numbers = packetize(many).flatMap(({ bytes }) =>
      readDataPacket(bytes, 1400).payloads.map((payload) => payload.objectNumber),
    )
    assert.deepEqual(numbers.slice(254), [254, 255, 0, 1])
  })

  test('times before zero are zero, later ones wrap at 32 bits', () => {
    const early = packetize([testPacket(audio, { dts: -5000 }, 10)])
    assert.equal(early[0]?.sendTimeMs, 0)
    assert.equal(readDataPacket(early[0]?.bytes ?? hex(''), 1400).payloads[0]?.presentationTimeMs, 0)
    const late = packetize([testPacket(audio, { dts: 2 ** 32 + 7 }, 10)])
    assert.equal(late[0]?.sendTimeMs, 7)
    assert.equal(packetSendTime(late[0]?.bytes ?? hex('')), 7)
  })

  test('refuses packet sizes that cannot hold a payload or be told', () => {
    for (const packetSize of [0, 127, 65_536]) {
      assert.throws(() => new AsfPacketizer({ ...init, packetSize }), { code: 'ERR_ASF_PACKET_SIZE' })
    }
  })
})

describe('H.264 in ASF', () => {
  const h264: Track = { id: 1, kind: 'video', codec: 'h264', timescale: 1000, config: avcConfig }
  const h264Init = initOf({ packetSize: 1400, streams: [h264] })
  const sps = Buffer.from(avcConfig.subarray(8, 8 + 0x1c)).toString('hex')
  const pps = '68ce0fc8'

  function annexB(data: string, key: boolean): string {
    const packet: Packet = { track: h264, data: hex(data), dts: 0, pts: 0, key }
    const [object] = objectsOf(
      packetize([packet], new AsfPacketizer(h264Init)).map(({ bytes }) => bytes),
      1400,
    )
    return Buffer.from(object?.data ?? []).toString('hex')
  }

  test('is in Annex B, with parameter sets at key frames', () => {
    assert.equal(annexB('00000003 658880', true), `00000001${sps}00000001${pps}00000001658880`)
    assert.equal(annexB('00000003 419880', false), '00000001419880')
  })

  test('has its access unit delimiter first', () => {
    assert.equal(
      annexB('00000002 0910 00000003 658880', true),
      `000000010910${`00000001${sps}00000001${pps}`}00000001658880`,
    )
  })

  test('has parameter sets once where they are in band', () => {
    const inBand = `0000001c ${sps} 00000004 ${pps} 00000003 658880`
    assert.equal(annexB(inBand, true), `00000001${sps}00000001${pps}00000001658880`)
  })
})
