/** Fuzz target of what reads licence requests, before anybody is trusted. */
import { assert } from '../../errors.ts'
import type { FuzzTarget } from '../../fuzz-target.ts'
import { readOutside } from '../auth/tokens/compact-form.ts'
import { formatLicense, MAX_KEY_IDS, parseLicense, parseLicenseRequest } from './clear-key-messages.ts'

const seed = (text: string): Uint8Array => Buffer.from(text, 'utf8')
const token = (header: string, payload: string) =>
  seed([header, payload, 'sig'].map((part) => Buffer.from(part).toString('base64url')).join('.'))

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'license/clear-key',
    seeds: () => [
      seed('{"kids":["LwVHf8JLtPrv2GUXFW2v_A"],"type":"temporary"}'),
      seed('{"kids":["AAAAAAAAAAAAAAAAAAAAAA","_____________________w"],"type":"persistent-license"}'),
      seed('{"kids":[]}'),
    ],
    run: (input) => {
      const { keyIds, type } = parseLicenseRequest(input)
      assert(keyIds.length > 0 && keyIds.length <= MAX_KEY_IDS, 'a request has key ids')
      assert(
        keyIds.every(({ byteLength }) => byteLength === 16),
        'a key id has 16 bytes',
      )
      const again = JSON.parse(
        formatLicense(
          keyIds.map((id) => ({ id, key: id })),
          type,
        ),
      ) as { keys: { kid: string }[] }
      const kids = seed(JSON.stringify({ kids: again.keys.map(({ kid }) => kid), type }))
      assert(parseLicenseRequest(kids).keyIds.length === keyIds.length, 'a key id is written as it was read')
    },
  },
  {
    name: 'license/clear-key-answer',
    seeds: () => [
      seed('{"keys":[{"kty":"oct","k":"LwVHf8JLtPrv2GUXFW2v_A","kid":"AAAAAAAAAAAAAAAAAAAAAA"}],"type":"temporary"}'),
      seed('{"keys":[]}'),
      seed('{"keys":[null,{"kty":"oct","k":"","kid":[]}]}'),
    ],
    run: (input) => {
      const keys = parseLicense(input)
      assert(keys.length <= MAX_KEY_IDS, 'a licence has a number of keys')
      const again = parseLicense(seed(formatLicense(keys, 'temporary')))
      assert(again.length === keys.length, 'a licence is written as it was read')
    },
  },
  {
    name: 'auth/token',
    seeds: () => [
      token('{"alg":"HS256","typ":"JWT"}', '{"iss":"headend","path":"live/a","exp":1}'),
      token('{"alg":"none"}', '{"iss":"a","iss":"b"}'),
    ],
    run: (input) => {
      const { algorithm, issuer } = readOutside(Buffer.from(input).toString('latin1'))
      assert(typeof algorithm === 'string' && typeof issuer === 'string', 'what is read is text')
    },
  },
]
