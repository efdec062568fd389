import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { formatCpix } from './format.ts'
import type { CpixDocument, CpixFilter, CpixUsageRule } from './model.ts'
import { formatBase64, parseBase64 } from './node.ts'
import { parseCpix } from './parse.ts'
import { type CpixTrack, cpixKeyOf } from './usage-rules.ts'
import { AUDIO_KID, CLEAR, ENCRYPTED, REQUEST, VIDEO_KID } from './vectors.ts'

const WIDEVINE = 'edef8ba9-79d6-4ace-a3c8-27dcd51d21ed'
const PLAYREADY = '9a04f079-9840-4286-ab92-e65be0885f95'

describe('CPIX documents', () => {
  it('are read as requests', () => {
    const document = parseCpix(REQUEST)

    assert.deepEqual(document, {
      version: '2.3',
      contentId: 'abc123',
      deliveryData: [],
      contentKeys: [
        { kid: VIDEO_KID, scheme: 'cbcs' },
        { kid: AUDIO_KID, scheme: 'cbcs' },
      ],
      drmSystems: [
        {
          systemId: WIDEVINE,
          kid: VIDEO_KID,
          pssh: new Uint8Array(0),
          contentProtectionData: '',
          hlsSignaling: [
            { playlist: 'media', text: '' },
            { playlist: 'multivariant', text: '' },
          ],
        },
      ],
      periods: [{ id: 'keyPeriod_0909829f', index: 1 }],
      usageRules: [
        {
          kid: VIDEO_KID,
          intendedTrackType: 'VIDEO',
          filters: [{ type: 'period', periodId: 'keyPeriod_0909829f' }, { type: 'video' }],
        },
        {
          kid: AUDIO_KID,
          intendedTrackType: 'STEREO_AUDIO',
          filters: [
            { type: 'period', periodId: 'keyPeriod_0909829f' },
            { type: 'audio', maxChannels: 2 },
          ],
        },
      ],
    })
  })

  it('are read with keys in the clear, in order of bytes as written', () => {
    const document = parseCpix(CLEAR)

    assert.equal(document.name, 'Film & Ton')
    assert.deepEqual(document.contentKeys, [
      {
        kid: VIDEO_KID,
        explicitIv: Uint8Array.from(Buffer.from('3858f62230ac3c915f300c664312c63f', 'hex')),
        scheme: 'cenc',
        contentId: 'film',
        secret: { kind: 'plain', value: Uint8Array.from({ length: 16 }, (_, i) => i) },
      },
      {
        kid: AUDIO_KID,
        scheme: 'cenc',
        dependsOnKey: VIDEO_KID,
        contentId: 'film',
        secret: { kind: 'plain', value: Uint8Array.from({ length: 16 }, (_, i) => 16 + i) },
      },
    ])
    assert.deepEqual(document.drmSystems, [
      {
        systemId: PLAYREADY,
        kid: VIDEO_KID,
        name: 'PlayReady',
        pssh: Uint8Array.from(Buffer.from(`000000207073736800000000${PLAYREADY.replaceAll('-', '')}00000000`, 'hex')),
        contentProtectionData: '<a/>',
        hlsSignaling: [{ playlist: 'multivariant', text: '#EXT-X-SESSION-KEY' }],
      },
    ])
    const times = { start: '2026-01-01T00:00:00Z', end: '2026-01-01T01:00:00Z' }
    assert.deepEqual(document.periods, [{ id: 'p1', index: 1, label: 'evening', ...times }])
    assert.deepEqual(document.usageRules[0]?.filters, [
      { type: 'video', minPixels: 442_369, maxPixels: 2_073_600, minFps: 0, maxFps: 30, hdr: false, wcg: false },
      { type: 'video', minPixels: 2_073_601 },
      { type: 'bitrate', min: 1000, max: 90_000_000 },
    ])
  })

  it('are read with encrypted keys', () => {
    const { deliveryData, contentKeys } = parseCpix(ENCRYPTED)

    const [delivery] = deliveryData
    const [key] = contentKeys
    assert.equal(text(delivery?.certificate), 'not a certificate')
    assert.equal(text(delivery?.documentKey?.cipherValue), 'document key')
    assert.equal(delivery?.documentKey?.algorithm, 'http://www.w3.org/2001/04/xmlenc#aes256-cbc')
    assert.equal(delivery?.macKey?.encryption, 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p')
    assert.equal(text(delivery?.macKey?.cipherValue), 'mac key')
    assert.ok(key?.secret?.kind === 'encrypted')
    assert.deepEqual([text(key.secret.cipherValue), text(key.secret.mac)], ['content key', 'mac'])
  })

  it('have their MAC key one element deeper too, as key servers write it', () => {
    const deeper = ENCRYPTED.replace('<Key>', '<Key><p:EncryptedValue>').replace('</Key>', '</p:EncryptedValue></Key>')

    assert.notEqual(deeper, ENCRYPTED)
    assert.deepEqual(parseCpix(deeper), parseCpix(ENCRYPTED))
  })

  for (const [name, vector] of Object.entries({ REQUEST, CLEAR, ENCRYPTED })) {
    it(`are written as they are read: ${name}`, () => {
      const document = parseCpix(vector)

      assert.deepEqual(parseCpix(formatCpix(document)), document)
    })
  }

  it('name the multivariant playlist as their version does', () => {
    const document = parseCpix(CLEAR)

    assert.match(formatCpix(document), /playlist="multiVariant"/)
    const older: CpixDocument = {
      ...document,
      version: '2.3',
      contentId: 'film',
      contentKeys: parseCpix(REQUEST).contentKeys,
    }
    assert.match(formatCpix(older), /playlist="master"/)
  })

  const broken: Readonly<Record<string, readonly [from: string | RegExp, to: string, code: string]>> = {
    'without a version': [' version="2.4"', '', 'ERR_CPIX_VERSION'],
    'of another version': ['version="2.4"', 'version="3.0"', 'ERR_CPIX_VERSION'],
    'of another namespace': ['urn:dashif:org:cpix', 'urn:dashif:org:cpi', 'ERR_CPIX_SYNTAX'],
    'with a key id that is no UUID': [`kid="${AUDIO_KID}"`, 'kid="1234"', 'ERR_CPIX_SYNTAX'],
    'with one key id for two keys': [/53abdba2-f210-43cb-bc90-f18f9a890a02/g, VIDEO_KID, 'ERR_CPIX_KEY_ID'],
    'with a rule for a key that is not there': ['UsageRule kid="98', 'UsageRule kid="97', 'ERR_CPIX_KEY_ID'],
    'with a system for a key that is not there': ['DRMSystem kid="98', 'DRMSystem kid="97', 'ERR_CPIX_KEY_ID'],
    'with a root key that is not there': ['dependsOnKey="98', 'dependsOnKey="97', 'ERR_CPIX_KEY_ID'],
    'with a scheme nobody knows': ['"cenc"', '"cenx"', 'ERR_CPIX_SCHEME'],
    'with a key of another length': ['EBESExQVFhcYGRobHB0eHw==', 'EBESExQV', 'ERR_CPIX_SYNTAX'],
    'with a key that is no base64': ['EBESExQVFhcYGRobHB0eHw==', 'EBESExQV!', 'ERR_CPIX_SYNTAX'],
    'with an IV of another length': ['OFj2IjCsPJFfMAxmQxLGPw==', 'OFj2', 'ERR_CPIX_SYNTAX'],
    'with two values of a key': ['</pskc:PlainValue>', '</pskc:PlainValue><pskc:PlainValue/>', 'ERR_CPIX_SYNTAX'],
    'with two lists of keys': ['<DRMSystemList>', '<ContentKeyList/><DRMSystemList>', 'ERR_CPIX_SYNTAX'],
    'with a playlist nobody knows': ['multiVariant', 'all', 'ERR_CPIX_SYNTAX'],
    'with text that is no UTF-8': ['PGEvPg==', '/////w==', 'ERR_CPIX_SYNTAX'],
    'with bounds that are no numbers': ['minPixels="2073601"', 'minPixels="1e6"', 'ERR_CPIX_SYNTAX'],
    'with contentId in two places': ['id="d1"', 'contentId="film"', 'ERR_CPIX_SYNTAX'],
    'with a DTD': ['<CPIX', '<!DOCTYPE CPIX [<!ENTITY k SYSTEM "file:///etc/passwd">]><CPIX', 'ERR_XML_SYNTAX'],
    'with an entity': [AUDIO_KID, '&k;', 'ERR_XML_SYNTAX'],
    'with a signature': [
      '</CPIX>',
      '<s:Signature xmlns:s="http://www.w3.org/2000/09/xmldsig#"/></CPIX>',
      'ERR_CPIX_SIGNED',
    ],
  }
  for (const [name, [from, to, code]] of Object.entries(broken)) {
    it(`D-04: are refused ${name}`, () => {
      const document = CLEAR.replace(from, to)

      assert.notEqual(document, CLEAR)
      assert.throws(() => parseCpix(document), { code, name: 'FormatError' })
    })
  }

  it('are refused with methods of HLS before 2.4', () => {
    const methods = REQUEST.replaceAll('"cbcs"', '"AES-128"')

    assert.throws(() => parseCpix(methods), { code: 'ERR_CPIX_SCHEME' })
    assert.equal(parseCpix(methods.replace('"2.3"', '"2.4"')).contentKeys[0]?.scheme, 'AES-128')
  })

  it('are refused with a filter for a period that is not there', () => {
    const document = REQUEST.replace('id="keyPeriod_0909829f"', 'id="another"')

    assert.throws(() => parseCpix(document), { code: 'ERR_CPIX_SYNTAX' })
  })

  it('fetch nothing', () => {
    const document = ENCRYPTED.replace(
      /<enc:CipherValue>Y29.*?<\/enc:CipherValue>/,
      '<enc:CipherReference URI="http://192.0.2.1/key"/>',
    )

    assert.notEqual(document, ENCRYPTED)
    assert.throws(() => parseCpix(document), { code: 'ERR_CPIX_REFERENCE' })
  })

  it('D-04: are refused with too many keys, and when they are huge', () => {
    const keys = Array.from(
      { length: 1025 },
      (_, i) => `<ContentKey kid="${i.toString(16).padStart(8, '0')}${VIDEO_KID.slice(8)}"/>`,
    )
    const many = `<CPIX xmlns="urn:dashif:org:cpix" version="2.3"><ContentKeyList>${keys.join('')}</ContentKeyList></CPIX>`

    assert.throws(() => parseCpix(many), { code: 'ERR_CPIX_TOO_LARGE' })
    assert.throws(() => parseCpix(CLEAR.replace('<!--', `<!--${' '.repeat(5_000_000)}`)), { code: 'ERR_XML_TOO_LARGE' })
  })

  it('D-05: never have a key in what is said of them', () => {
    const key = 'Q0FOQVJZLUNBTkFSWS0xMjM0'
    const documents = [`${key}`, `${key}=`, `!${key}`].map((value) => CLEAR.replace('EBESExQVFhcYGRobHB0eHw==', value))

    for (const document of documents) {
      assert.throws(
        () => parseCpix(document),
        (error: Error) => !error.message.includes(key.slice(0, 8)) && !JSON.stringify(error).includes('CANARY'),
      )
    }
  })
})

describe('usage rules', () => {
  const document = (...usageRules: readonly CpixUsageRule[]): CpixDocument => ({ ...parseCpix(CLEAR), usageRules })
  const video = (...filters: readonly CpixFilter[]): CpixUsageRule => ({ kid: VIDEO_KID, filters })
  const film: CpixTrack = { kind: 'video', pixels: 1920 * 1080, fps: 25, bitrateBps: 5_000_000 }

  it('give each track the key that is for it, and none to others', () => {
    const rules = parseCpix(CLEAR)

    assert.equal(cpixKeyOf(rules, film), VIDEO_KID)
    assert.equal(cpixKeyOf(rules, { ...film, pixels: 3840 * 2160, fps: 50 }), VIDEO_KID)
    assert.equal(cpixKeyOf(rules, { ...film, pixels: 640 * 360 }), undefined)
    assert.equal(cpixKeyOf(rules, { ...film, fps: 50 }), undefined)
    assert.equal(cpixKeyOf(rules, { kind: 'audio', channels: 2, labels: ['main'], bitrateBps: 128_000 }), AUDIO_KID)
    assert.equal(cpixKeyOf(rules, { kind: 'audio', channels: 6, labels: ['main'], bitrateBps: 128_000 }), undefined)
    assert.equal(cpixKeyOf(rules, { kind: 'audio', channels: 2, bitrateBps: 128_000 }), undefined)
    assert.equal(cpixKeyOf(rules, { kind: 'text', bitrateBps: 1000 }), undefined)
  })

  it('count pixels with both bounds, and frame rates without the lower one', () => {
    const bounds = document(video({ type: 'video', minPixels: 100, maxPixels: 200, minFps: 25, maxFps: 50 }))
    const found = (pixels: number, fps: number) => cpixKeyOf(bounds, { kind: 'video', pixels, fps }) !== undefined

    assert.deepEqual(
      [99, 100, 200, 201].map((pixels) => found(pixels, 50)),
      [false, true, true, false],
    )
    assert.deepEqual(
      [25, 25.001, 50, 50.001].map((fps) => found(100, fps)),
      [false, true, true, false],
    )
  })

  it('for pictures and sound are for either', () => {
    const all = document(video({ type: 'video' }, { type: 'audio' }))

    assert.equal(cpixKeyOf(all, { kind: 'video' }), VIDEO_KID)
    assert.equal(cpixKeyOf(all, { kind: 'audio' }), VIDEO_KID)
    assert.equal(cpixKeyOf(all, { kind: 'text' }), undefined)
  })

  it('follow the key period', () => {
    const rules = parseCpix(REQUEST)

    assert.equal(cpixKeyOf(rules, { kind: 'video', periodId: 'keyPeriod_0909829f' }), VIDEO_KID)
    assert.equal(cpixKeyOf(rules, { kind: 'video', periodId: 'another' }), undefined)
    assert.equal(cpixKeyOf(rules, { kind: 'video' }), undefined)
  })

  it('that give a track two keys are an error', () => {
    const two = document(video({ type: 'video' }), { kid: AUDIO_KID, filters: [{ type: 'video', maxPixels: 10 ** 9 }] })

    assert.throws(() => cpixKeyOf(two, film), { code: 'ERR_CPIX_RULES' })
  })

  it('with a filter that is not known make no rule usable', () => {
    const strange = CLEAR.replace('<LabelFilter', '<x:LuckFilter xmlns:x="urn:x" of="1"/><LabelFilter')
    const narrower = CLEAR.replace('minChannels="1"', 'minChannels="1" language="de"')

    for (const text of [strange, narrower]) {
      assert.notEqual(text, CLEAR)
      assert.throws(() => cpixKeyOf(parseCpix(text), film), { code: 'ERR_CPIX_RULES' })
    }
  })

  it('do not guess what is not known of a track', () => {
    assert.throws(() => cpixKeyOf(parseCpix(CLEAR), { kind: 'video', bitrateBps: 5_000_000 }), {
      code: 'ERR_CPIX_RULES',
    })
  })

  it('may be left out where there is one key', () => {
    const [key] = parseCpix(CLEAR).contentKeys
    assert.ok(key !== undefined)
    const single = { ...document(), contentKeys: [key] }

    assert.equal(cpixKeyOf(single, film), VIDEO_KID)
    assert.equal(cpixKeyOf(single, { kind: 'text' }), undefined)
    assert.throws(() => cpixKeyOf(document(), film), { code: 'ERR_CPIX_RULES' })
  })
})

describe('base64', () => {
  it('is what Node makes of it, both ways', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
        const base64 = Buffer.from(bytes).toString('base64')
        assert.equal(formatBase64(bytes), base64)
        assert.deepEqual(parseBase64(base64), bytes)
      }),
      { seed: 1 },
    )
  })

  it('is nothing else', () => {
    for (const text of ['a', 'ab', 'abc', 'ab=c', 'a===', '====', 'ab-_', 'abcd=']) {
      assert.equal(parseBase64(text), undefined, text)
    }
  })
})

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString()
}
