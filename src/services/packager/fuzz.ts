/** Fuzz targets of what the packager is given from elsewhere: files of keys, and what key servers say of systems. */
import { assert } from '../../errors.ts'
import type { FuzzTarget } from '../../fuzz-target.ts'
import { writeKey } from '../../media/manifests/hls/tags.ts'
import { writePssh } from '../../media/protection/pssh.ts'
import { SYSTEM_ID } from '../../media/protection/systems.ts'
import { documentSignalling } from './drm-signalling.ts'
import { parseKeyFile } from './key-file.ts'

const KID = '98ee5596-cd3e-a20d-163a-e382420c6eff'
const ID = KID.replaceAll('-', '')
const BOX = writePssh({ systemId: SYSTEM_ID.widevine, keyIds: [], data: Uint8Array.of(1) })
const LINE =
  '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://a",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"'

const seed = (text: string): Uint8Array => Buffer.from(text, 'utf8')

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'packager/key-file',
    seeds: () => [
      seed(`# keys\n${ID}:${ID}\n`),
      seed(`${KID}:${ID} video 7\r\n${ID.replace('9', '8')}:${ID} audio-101\n\n${ID.replace('9', '7')}:${ID} 3`),
    ],
    run: (input) => {
      for (const { key, period } of parseKeyFile(Buffer.from(input).toString('utf8'), 'keys')) {
        assert(key.id.byteLength === 16 && key.key.byteLength === 16, 'ids and keys have 16 bytes')
        assert(Number.isSafeInteger(period) && period >= 0, 'periods count from 0')
      }
    },
  },
  {
    name: 'packager/drm-signalling',
    seeds: () => [
      BOX,
      seed(
        '<cenc:pssh xmlns:cenc="urn:mpeg:cenc:2013">AAAA</cenc:pssh><mspr:pro xmlns:mspr="urn:microsoft:playready">AAAA</mspr:pro>',
      ),
      seed(`${LINE}\n${LINE.replace('KEY', 'SESSION-KEY')}`),
    ],
    run: (input) => {
      const text = Buffer.from(input).toString('utf8')
      const base = { systemId: SYSTEM_ID.widevine, kid: KID, hlsSignaling: [] }
      const forms = [
        { ...base, pssh: input },
        { ...base, contentProtectionData: text },
        { ...base, hlsSignaling: [{ playlist: 'media', text } as const, { playlist: 'multivariant', text } as const] },
      ]
      // The one that begins like it: each of them ends with the first error.
      const form = forms[text.startsWith('<') ? 1 : text.startsWith('#') ? 2 : 0]
      const told = documentSignalling({
        version: '2.3',
        deliveryData: [],
        contentKeys: [],
        drmSystems: form === undefined ? [] : [form],
        periods: [],
        usageRules: [],
      }).get(KID)
      for (const line of [...(told?.keys ?? []), ...(told?.sessionKeys ?? [])].map(writeKey)) {
        assert(!/[\r\n]/.test(line), 'a tag is one line')
      }
    },
  },
]
