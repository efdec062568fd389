/** ASF headers made by hand, byte for byte as ASF 1.20 sections 3 and 4 describe them, and tracks to build headers for. */
import * as codecs from '../../codecs/vectors.ts'
import type { Track } from '../../track.ts'

/**
 * Bytes from pieces between spaces: hexadecimal digits, `'ascii'`, or `"text"` as UTF-16LE, in which `_` is a space and `|` a
 * terminator.
 */
export function pieces(text: string): Uint8Array {
  const bytes: number[] = []
  for (const piece of text.split(/\s+/)) {
    const inner = piece.slice(1, -1).replaceAll('_', ' ').replaceAll('|', '\0')
    if (piece.startsWith("'")) bytes.push(...Array.from(inner, (character) => character.charCodeAt(0)))
    else if (piece.startsWith('"'))
      bytes.push(...Array.from(inner).flatMap((character) => [character.charCodeAt(0), 0]))
    else bytes.push(...codecs.hex(piece))
  }
  return Uint8Array.from(bytes)
}

/** An object: 16 bytes of GUID as they are on disk, the size, the body. */
export function object(guid: string, body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(24 + body.byteLength)
  bytes.set(codecs.hex(guid))
  new DataView(bytes.buffer).setUint32(16, bytes.byteLength, true)
  bytes.set(body, 24)
  return bytes
}

/** A Header Object of these objects, and the 50 bytes of the Data Object. */
export function header(...objects: readonly Uint8Array[]): Uint8Array {
  const count = new Uint8Array(6)
  new DataView(count.buffer).setUint32(0, objects.length, true)
  count.set([1, 2], 4)
  const head = object('3026b2758e66cf11a6d900aa0062ce6c', join([count, ...objects]))
  return join([head, DATA_OBJECT])
}

export function join(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.byteLength
  }
  return bytes
}

/** Header Extension of these objects. */
export function extension(...objects: readonly Uint8Array[]): Uint8Array {
  const inner = join(objects)
  const body = join([pieces('11d2d3abbaa9cf118ee600c00c205365 0600 00000000'), inner])
  new DataView(body.buffer).setUint32(18, inner.byteLength, true)
  return object('b503bf5f2ea9cf118ee300c00c205365', body)
}

const FILE_ID = '000102030405060708090a0b0c0d0e0f'
const DATA_OBJECT = object('3626b2758e66cf11a6d900aa0062ce6c', pieces(`${FILE_ID} 0000000000000000 0101`))

/** Four packets of 1,400 bytes, 10 s with 3 s of preroll, seekable. */
export const FILE_PROPERTIES = object(
  'a1dcab8c47a9cf118ee400c00c205365',
  pieces(`${FILE_ID} 4818000000000000 00803ed5deb19d01 0400000000000000 80778e0600000000 00e1f50500000000 b80b000000000000
    02000000 78050000 78050000 20a10700`),
)

const AUDIO_MEDIA = '409e69f84d5bcf11a8fd00805f5c442b'
const VIDEO_MEDIA = 'c0ef19bc4d5bcf11a8fd00805f5c442b'
const COMMAND_MEDIA = 'c0cfda59e659d011a3ac00a0c90348f6'
const NO_CORRECTION = '0057fb20555bcf11a8fd00805f5c442b'
const SPREAD = '50cdc3bf8f61cf118bb200aa00b4e220'
const STREAM_PROPERTIES = '9107dcb7b7a9cf118ee600c00c205365'

/** Stream 1: WMV 9 main profile, 320x240. */
export const WMV_STREAM = object(
  STREAM_PROPERTIES,
  pieces(`${VIDEO_MEDIA} ${NO_CORRECTION} 0000000000000000 37000000 00000000 0100 00000000
    40010000 f0000000 02 2c00
    2c000000 40010000 f0000000 0100 1800 'WMV3' 00840300 00000000 00000000 00000000 00000000 4e 19 18 01`),
)
/** Stream 2: WMA 2, 44.1 kHz stereo, scrambled over 4 packets in chunks of 64 bytes. */
export const WMA_STREAM = object(
  STREAM_PROPERTIES,
  pieces(`${AUDIO_MEDIA} ${SPREAD} 0000000000000000 1c000000 09000000 0200 00000000
    6101 0200 44ac0000 803e0000 8000 1000 0a00 00880000 0f00 00000000
    04 8000 4000 0200 0000`),
)
/** Stream 3: script commands. */
export const COMMAND_STREAM = object(
  STREAM_PROPERTIES,
  pieces(`${COMMAND_MEDIA} ${NO_CORRECTION} 0000000000000000 00000000 00000000 0300 00000000`),
)
/** Stream 4: encrypted WMA Professional. */
export const ENCRYPTED_STREAM = object(
  STREAM_PROPERTIES,
  pieces(`${AUDIO_MEDIA} ${NO_CORRECTION} 0000000000000000 24000000 00000000 0480 00000000
    6201 0200 80bb0000 803e0000 0010 1800 1200 1800 03000000 000000000000 0000 e000 0000`),
)
/** Stream 5, for hidden places: WMV 9 advanced profile, 640x480. */
export const HIDDEN_STREAM = object(
  STREAM_PROPERTIES,
  pieces(`${VIDEO_MEDIA} ${NO_CORRECTION} 0000000000000000 40000000 00000000 0500 00000000
    80020000 e0010000 02 3500
    35000000 80020000 e0010000 0100 1800 'WVC1' 00100e00 00000000 00000000 00000000 00000000
    01 0000010f cb f9 13 f0 ef 88 80 80`),
)

/** Name and bytes of one object of each kind in the header itself. */
export const HEADER_OBJECTS: Readonly<Record<string, Uint8Array>> = {
  'file-properties': FILE_PROPERTIES,
  'stream-properties video': WMV_STREAM,
  'stream-properties audio': WMA_STREAM,
  'stream-properties command': COMMAND_STREAM,
  'stream-properties encrypted': ENCRYPTED_STREAM,
  'stream-properties binary': object(
    STREAM_PROPERTIES,
    pieces(`e265fb3aef47f240ac2c70a90d71d343 ${NO_CORRECTION} 0000000000000000 48000000 00000000 0600 00000000
      d4576277 27c6 cb41 8f81 7ac7ff1c40cc 00000000000000000000000000000000 01000000 00000000 00000000
      136b1eda 5983 5040 b398 388e965bf00c 08000000 1000 0100 4c00 ffff`),
  ),
  'codec-list': object(
    '4052d1861d31d011a3a400a0c90348f6',
    pieces(`4152d1861d31d011a3a400a0c90348f6 02000000
      0100 0800 "Video_9|" 0100 "|" 0400 'WMV3' 0200 0600 "Audio|" 0a00 "64_kbit/s|" 0200 6101`),
  ),
  'script-command': object(
    '301afb1e620bd011a39b00a0c90348f6',
    pieces(`e3cb1a4b0b10d011a39b00a0c90348f6 0200 0200 0300 "URL" 0400 "TEXT"
      a00f0000 0100 0500 "Hello" 88130000 0000 0c00 "http://a.b/c"`),
  ),
  marker: object(
    '01cd87f451a9cf118ee600c00c205365',
    pieces(`20db4cfef675cf119c0f00a0c90349cb 01000000 0000 0400 "M|"
      7805000000000000 00b4c40400000000 1a00 88130000 00000000 07000000 "Second|"`),
  ),
  'bitrate-mutual-exclusion': object(
    'dc29e2d6da35d111903400a0c90349be',
    pieces('012ae2d6da35d111903400a0c90349be 0200 0100 0500'),
  ),
  'content-description': object(
    '3326b2758e66cf11a6d900aa0062ce6c',
    pieces('0c00 0400 0000 0600 0200 "Title|" "A|" "De|" "|"'),
  ),
  'extended-content-description': object(
    '40a4d0d207e3d21197f000a0c95ea850',
    pieces('0200 0600 "WM|" 0000 0400 "x|" 1000 "IsTrue?|" 0200 0400 01000000'),
  ),
  'stream-bitrates': object('ce75f87b8d46d1118d82006097c9a2b2', pieces('0200 0100 400d0300 0200 00fa0000')),
  'content-branding': object(
    'fab3112223bdd211b4b700a0c955fc6e',
    pieces("02000000 02000000 ffd8 0a000000 'http://a.b' 00000000"),
  ),
  'content-encryption': object(
    'fbb3112223bdd211b4b700a0c955fc6e',
    pieces(`04000000 01020304 04000000 'DRM|' 05000000 'a2V5|' 0b000000 'http://l.x|'`),
  ),
  'extended-content-encryption': object(
    '14e68a292226174cb935dae07ee9289c',
    pieces('46000000 "<WRMHEADER><KID>k</KID></WRMHEADER>"'),
  ),
  'digital-signature': object('fcb3112223bdd211b4b700a0c955fc6e', pieces('02000000 03000000 aabbcc')),
  padding: object('74d40618dfca0945a4ba9aabcb96aae8', pieces('0000000000')),
  'error-correction': object('3526b2758e66cf11a6d900aa0062ce6c', pieces(`${NO_CORRECTION} 00000000`)),
  unknown: object('ffffffffffffffffffffffffffffffff', pieces('c0ffee')),
}

/** The same for the header extension. */
export const EXTENSION_OBJECTS: Readonly<Record<string, Uint8Array>> = {
  'extended-stream-properties': object(
    'cba5e61472c632438399a96952065b5a',
    pieces(`0000000000000000 0000000000000000 400d0300 b80b0000 00000000 801a0600 b80b0000 00000000 00100000 02000000
      0100 0100 801a060000000000 0100 0200 0100 0a00 "Main|"
      54e51e1beaf9c84b821a376b74e4c4b8 0200 00000000 4eb898660afa3043aeb21c0a98d7a44d ffff 02000000 abcd`),
  ),
  'extended-stream-properties hidden': object(
    'cba5e61472c632438399a96952065b5a',
    join([
      pieces(`0000000000000000 0000000000000000 801a0600 b80b0000 00000000 801a0600 b80b0000 00000000 00000000 00000000
        0500 0000 0000000000000000 0000 0000`),
      HIDDEN_STREAM,
    ]),
  ),
  'advanced-mutual-exclusion': object(
    'cf4986a0754770468a166e35357566cd',
    pieces('002ae2d6da35d111903400a0c90349be 0200 0200 0400'),
  ),
  'group-mutual-exclusion': object(
    '405a46d1795a3843b71be36b8fd6c249',
    pieces('012ae2d6da35d111903400a0c90349be 0200 0200 0100 0200 0100 0500'),
  ),
  'stream-prioritization': object('5bd1fed4d3884f4581f0ed5c45999e24', pieces('0300 0200 0100 0100 0000 0900 0000')),
  'bandwidth-sharing': object(
    'e60996a67b51d211b6af00c04fd908e9',
    pieces('aa6060af9751d211b6af00c04fd908e9 a0860100 b80b0000 0200 0100 0200'),
  ),
  'language-list': object('a946437ce0effc4bb229393ede415c85', pieces('0200 06 "en|" 0c "de-at|"')),
  metadata: object('eacbf8c5af5b77488467aa8c44fa4cca', pieces('0100 0000 0100 0600 0300 04000000 "AX|" 01000000')),
  'metadata-library': object(
    '941c23449894d149a1411d134e457054',
    pieces('0100 0100 0000 0600 0600 10000000 "Id|" 000102030405060708090a0b0c0d0e0f'),
  ),
  'index-parameters': object('df29e2d6da35d111903400a0c90349be', pieces('e8030000 0200 0100 0300 0500 0300')),
  'media-object-index-parameters': object('ad3b206b113fe448aca8d7613de2cfa7', pieces('01000000 0100 0100 ff00')),
  'timecode-index-parameters': object('6d495ef597975d4b8c8b604dfe9bfb24', pieces('01000000 0100 0100 0300')),
  compatibility: object('5d8bf1268445ec479f5f0e651f0452c9', pieces('0201')),
  'advanced-content-encryption': object('338505438169e6499b74ad12cb86d58c', pieces('0100 aabb')),
  playready: object('79f0049a40988642ab92e65be0885f95', pieces('18000000 0200 0100 0a00 "<KID>" 0300 0000')),
  'index-placeholder': object('20deaad9177c9c4fbc288555dd98e2a2', pieces('00000000')),
}

/** Two streams that go together with texts, a marker, commands and exclusions: all the objects of both tables. */
export const EVERY_OBJECT_HEADER: Uint8Array = header(
  FILE_PROPERTIES,
  extension(...Object.values(EXTENSION_OBJECTS)),
  ...Object.values(HEADER_OBJECTS).slice(1),
)

/** H.264, AAC and MP3 of a modern publisher, with a language. */
export const LIVE_TRACKS: readonly Track[] = [
  {
    id: 1,
    kind: 'video',
    codec: 'h264',
    config: codecs.avcConfig,
    video: { width: 322, height: 182, frameRate: 25 },
    timescale: 90_000,
    bitrateBps: 800_000,
  },
  {
    id: 101,
    kind: 'audio',
    codec: 'aac',
    config: codecs.aacConfig,
    audio: { sampleRate: 48_000, channels: 2 },
    timescale: 48_000,
    language: 'de',
    name: 'Original',
  },
  { id: 102, kind: 'audio', codec: 'mp3', audio: { sampleRate: 44_100, channels: 2 }, timescale: 44_100 },
]
