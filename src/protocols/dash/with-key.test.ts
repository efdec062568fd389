import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formatMpd } from '../../media/manifests/dash/format.ts'
import { parseMpd } from '../../media/manifests/dash/parse.ts'
import { withLicense } from './with-key.ts'

const ORIGIN = 'https://tv.example:8443'

/** What a manifest with that licence address says of it. */
function licensesOf(licenseUrl: string, query: string | undefined): (string | undefined)[] {
  const mpd =
    parseMpd(`<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" profiles="p" minBufferTime="PT2S"><Period>
    <AdaptationSet contentType="video"><ContentProtection xmlns:dashif="https://dashif.org/CPS" schemeIdUri="urn:x">
    <dashif:laurl>${licenseUrl}</dashif:laurl></ContentProtection></AdaptationSet></Period></MPD>`)
  const written = parseMpd(formatMpd(withLicense(mpd, ORIGIN, query)))
  return written.periods.flatMap(({ adaptationSets }) =>
    adaptationSets.flatMap((set) => set.contentProtections.map((one) => one.licenseUrl)),
  )
}

describe('withLicense', () => {
  it('tells the whole address of this server, with what opened the manifest', () => {
    assert.deepEqual(licensesOf('/license/clearkey', 'token=a%26b'), [`${ORIGIN}/license/clearkey?token=a%26b`])
    assert.deepEqual(licensesOf('/license/clearkey', undefined), [`${ORIGIN}/license/clearkey`])
  })

  it('leaves addresses of other servers as they are', () => {
    assert.deepEqual(licensesOf('https://keys.example/l', 'token=a'), ['https://keys.example/l'])
    assert.deepEqual(licensesOf('//keys.example/l', 'token=a'), ['//keys.example/l'])
  })
})
