import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { writePssh } from '../../media/protection/pssh.ts'
import { formatUuid, SYSTEM_ID } from '../../media/protection/systems.ts'
import { makeTestCertificate } from '../../net/testdata/certificate.ts'
import { newContentKey } from './content-key.ts'
import { keysOfCpix, withCpixCopy } from './cpix-keys.ts'
import type { KeyPlan } from './key-source.ts'
import { PLAN } from './vectors.ts'

const HD = '98ee5596-cd3e-a20d-163a-e382420c6eff'
const SD = '88ee5596-cd3e-a20d-163a-e382420c6eff'
const SOUND = '53abdba2-f210-43cb-bc90-f18f9a890a02'
const VALUE = 'Q0FOQVJZLVZJREVPLTE2Yg=='
const SIGNAL = new AbortController().signal
const WIDEVINE = Buffer.from(
  writePssh({ systemId: SYSTEM_ID.widevine, keyIds: [], data: Uint8Array.of(1, 2, 3) }),
).toString('base64')

describe('keys of a CPIX document', () => {
  it('are given to renditions by the rules for pictures, sounds and names', async () => {
    const text = cpix({
      keys: [HD, SD, SOUND].map((kid) => key(kid)),
      rules: [
        rule(HD, '<VideoFilter minPixels="921601"/>'),
        rule(SD, '<VideoFilter maxPixels="921600"/>'),
        rule(SOUND, '<LabelFilter label="de"/>'),
      ],
    })

    const keys = await keysOfCpix(text)(PLAN, SIGNAL)

    assert.deepEqual(idsOf(keys, PLAN), { 'video-1 0': HD, 'video-2 0': SD, 'audio-101 0': SOUND })
  })

  it('change with the periods in the order of their numbers, and leave what no rule is for in the clear', async () => {
    const text = cpix({
      keys: [key(HD), key(SD)],
      periods: ['<ContentKeyPeriod id="second" index="8"/>', '<ContentKeyPeriod id="first" index="7"/>'],
      rules: [
        rule(HD, '<KeyPeriodFilter periodId="first"/><VideoFilter/>'),
        rule(SD, '<KeyPeriodFilter periodId="second"/><VideoFilter/>'),
      ],
    })
    const plan = { ...PLAN, periods: 2 }

    const keys = await keysOfCpix(text)(plan, SIGNAL)

    assert.deepEqual(idsOf(keys, plan), {
      'video-1 0': HD,
      'video-1 1': SD,
      'video-2 0': HD,
      'video-2 1': SD,
      'audio-101 0': undefined,
      'audio-101 1': undefined,
    })
  })

  it('come with what the document says of systems, line by line', async () => {
    const licence = '<dashif:Laurl xmlns:dashif="https://dashif.org/CPS">https://a.example/?b&amp;c</dashif:Laurl>'
    const line = `#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://film",KEYFORMAT="com.apple.streamingkeydelivery",KEYFORMATVERSIONS="1"`
    const text = cpix({
      keys: [key(HD)],
      systems: [
        `<DRMSystem systemId="${SYSTEM_ID.widevine}" kid="${HD}"><PSSH>${WIDEVINE}</PSSH>
          <ContentProtectionData>${base64(`<cenc:pssh xmlns:cenc="urn:mpeg:cenc:2013">${WIDEVINE}</cenc:pssh>${licence}`)}</ContentProtectionData></DRMSystem>`,
        `<DRMSystem systemId="${SYSTEM_ID.fairplay}" kid="${HD}"><HLSSignalingData playlist="media">${base64(`# made by hand\n${line}\n`)}</HLSSignalingData>
          <HLSSignalingData playlist="master">${base64(line.replace('EXT-X-KEY', 'EXT-X-SESSION-KEY'))}</HLSSignalingData></DRMSystem>`,
      ],
    })

    const { signalling } = await keysOfCpix(text)(PLAN, SIGNAL)

    const fairPlay = {
      method: 'SAMPLE-AES',
      uri: 'skd://film',
      keyFormat: 'com.apple.streamingkeydelivery',
      keyFormatVersions: '1',
    }
    const told = signalling?.get(HD)
    assert.deepEqual(
      told?.headers.map((box) => Buffer.from(box).toString('base64')),
      [WIDEVINE],
    )
    assert.deepEqual(told?.contentProtections, [
      { schemeIdUri: `urn:uuid:${SYSTEM_ID.widevine}`, pssh: WIDEVINE, licenseUrl: 'https://a.example/?b&c' },
    ])
    assert.deepEqual(told?.keys, [fairPlay])
    assert.deepEqual(told?.sessionKeys, [fairPlay])
  })

  it('must be all that the package needs', async () => {
    const cases: [text: string, plan: KeyPlan, message: RegExp][] = [
      [cpix({ keys: [key(HD)] }), { ...PLAN, periods: 2 }, /keys for 2 key periods .* found no periods/],
      [cpix({ keys: [key(HD)] }), { ...PLAN, scheme: 'cenc' }, /for cenc .* found it for cbcs/],
      [cpix({ keys: [key(HD)] }), { ...PLAN, scheme: 'aes-128' }, /for aes-128 .* found it for cbcs/],
      [cpix({ keys: [`<ContentKey kid="${HD}"/>`] }), PLAN, /a value of the key 98ee5596.*found none/],
      [
        cpix({ keys: [key(HD)], rules: [rule(HD, '<LabelFilter label="other"/>')] }),
        PLAN,
        /found none that is for any/,
      ],
      [
        cpix({ keys: [key(HD)], periods: ['<ContentKeyPeriod id="a"/>', '<ContentKeyPeriod id="b"/>'] }),
        { ...PLAN, periods: 2 },
        /an index of each key period/,
      ],
    ]
    for (const [text, plan, message] of cases) {
      await assert.rejects(keysOfCpix(text)(plan, SIGNAL), { code: 'ERR_PACKAGE_KEY', message })
    }
  })

  it('are refused with signalling that is not what it says: another system, lines of no method, broken XML', async () => {
    const system = (content: string, systemId: string = SYSTEM_ID.playready) =>
      cpix({ keys: [key(HD)], systems: [`<DRMSystem systemId="${systemId}" kid="${HD}">${content}</DRMSystem>`] })
    for (const text of [
      system(`<PSSH>${WIDEVINE}</PSSH>`),
      system(`<HLSSignalingData>${base64('#EXT-X-KEY:METHOD=NONE')}</HLSSignalingData>`),
      system(`<HLSSignalingData>${base64('#EXT-X-KEY:METHOD=SAMPLE-AES')}</HLSSignalingData>`),
      system(`<ContentProtectionData>${base64('<a>')}</ContentProtectionData>`),
      system(`<ContentProtectionData>${base64('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')}</ContentProtectionData>`),
    ]) {
      await assert.rejects(keysOfCpix(text)(PLAN, SIGNAL), { name: 'FormatError' })
    }
  })

  it('are written for one recipient, who alone can package with them again', async (t) => {
    const folder = await folderOf(t)
    const { key: privateKey, certificate } = makeTestCertificate('keys', 2048)
    const file = join(folder, 'keys.cpix.xml')
    const plan = { ...PLAN, periods: 3 }
    const made = new Map(
      [...PLAN.tracks.keys()].flatMap((name) => [0, 1, 2].map((period) => [`${name} ${period}`, newContentKey()])),
    )
    const inner = () => Promise.resolve({ keyOf: (name: string, period: number) => made.get(`${name} ${period}`) })

    const used = await withCpixCopy(inner, { file, certificate: new X509Certificate(certificate) })(plan, SIGNAL)

    const text = await readFile(file, 'utf8')
    const again = await keysOfCpix(text, createPrivateKey(privateKey))(plan, SIGNAL)
    for (const [name, wanted] of made) {
      const [rendition = '', period] = name.split(' ')
      const found = again.keyOf(rendition, Number(period))
      assert.deepEqual([found?.id, found?.key], [wanted.id, wanted.key])
      // For licences that bring the IV with the key.
      assert.equal(found?.constantIv?.byteLength, 16)
      assert.deepEqual(used.keyOf(rendition, Number(period)), found)
      assert.equal(text.includes(Buffer.from(wanted.key).toString('base64')), false)
    }
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    await assert.rejects(keysOfCpix(text)(plan, SIGNAL), { code: 'ERR_CPIX_RECIPIENT' })
    await assert.rejects(withCpixCopy(inner, { file: join(folder, 'no', 'file') })(plan, SIGNAL), {
      code: 'ERR_PACKAGE_KEY',
    })
  })
})

interface Parts {
  readonly keys: readonly string[]
  readonly systems?: readonly string[]
  readonly periods?: readonly string[]
  readonly rules?: readonly string[]
}

function cpix({ keys, systems = [], periods = [], rules = [] }: Parts): string {
  const list = (name: string, items: readonly string[]) =>
    items.length === 0 ? '' : `<${name}List>${items.join('')}</${name}List>`
  return `<CPIX xmlns="urn:dashif:org:cpix" xmlns:pskc="urn:ietf:params:xml:ns:keyprov:pskc" contentId="film" version="2.3">${[
    list('ContentKey', keys),
    list('DRMSystem', systems),
    list('ContentKeyPeriod', periods),
    list('ContentKeyUsageRule', rules),
  ].join('')}</CPIX>`
}

function key(kid: string): string {
  return `<ContentKey kid="${kid}" commonEncryptionScheme="cbcs"><Data><pskc:Secret><pskc:PlainValue>${VALUE}</pskc:PlainValue></pskc:Secret></Data></ContentKey>`
}

function rule(kid: string, filters: string): string {
  return `<ContentKeyUsageRule kid="${kid}">${filters}</ContentKeyUsageRule>`
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64')
}

function idsOf(
  keys: Awaited<ReturnType<ReturnType<typeof keysOfCpix>>>,
  { tracks, periods }: KeyPlan,
): Record<string, string | undefined> {
  const names = [...tracks.keys()].flatMap((name) =>
    Array.from({ length: periods }, (_, period) => [name, period] as const),
  )
  return Object.fromEntries(
    names.map(([name, period]) => {
      const found = keys.keyOf(name, period)
      return [`${name} ${period}`, found === undefined ? undefined : formatUuid(found.id)]
    }),
  )
}

async function folderOf(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'headend-cpix-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}
