/** Where the keys of `headend package` come from: a key, a file of keys, a CPIX document or a key server. */
import type { KeyObject } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import {
  ConfigError,
  type ContentKey,
  givenKeys,
  type KeyScope,
  type KeySource,
  keysOfCpix,
  keysOfFile,
  keysOfSpeke,
  parseContentKey,
  type SpekeCredentials,
  withCpixCopy,
} from '../index.ts'
import { readCertificate, readPrivateKey, readTextFile } from './pem.ts'

export type System = 'widevine' | 'playready' | 'fairplay'

export interface KeyFlags {
  readonly key?: ContentKey
  readonly keyFile?: string
  readonly keysPer: KeyScope
  readonly cpix?: string
  readonly privateKey?: string
  readonly speke?: string
  readonly spekeLogin?: string
  readonly spekeVersion: '2.0' | '2.1'
  readonly contentId?: string
  readonly cpixOut?: string
  readonly cpixFor?: string
}

/** What a source of keys says for people when it is done. */
export interface ChosenKeys {
  readonly source: KeySource
  /** `undefined`: the keys are kept elsewhere. */
  readonly keyFile: string | undefined
}

/** Each of them excludes the others. */
const SOURCES = ['key', 'keyFile', 'cpix', 'speke'] as const

export function addKeyOptions(command: Command): void {
  const source = (flags: string, description: string, name: (typeof SOURCES)[number]) =>
    new Option(flags, description).conflicts(SOURCES.filter((other) => other !== name))
  command
    .addOption(
      source(
        '--key <kid:key>',
        'content key in hexadecimal; other users of this machine can see it while the command runs',
        'key',
      ).argParser(key),
    )
    .addOption(
      source(
        '--key-file <file>',
        'file with the content keys; those it does not have are made. Default: the output with .keys',
        'keyFile',
      ),
    )
    .addOption(source('--cpix <file>', 'CPIX document (2.3, 2.4) with the keys and what they are for', 'cpix'))
    .addOption(source('--speke <url>', 'key server: ends with /copyProtection, as a rule', 'speke'))
    .addOption(
      new Option('--keys-per <what>', 'what has a key of its own; kind: pictures and sound')
        .choices(['package', 'kind', 'track'])
        .default('package'),
    )
    .option('--speke-login <file>', 'file with one line: Bearer TOKEN, or Basic USER:PASSWORD')
    .addOption(new Option('--speke-version <version>', 'of SPEKE').choices(['2.0', '2.1']).default('2.0'))
    .option('--content-id <name>', 'name of the content for the key server (default: made of the first file)')
    .option('--private-key <file>', 'PEM of who the keys of --cpix are encrypted for; for --speke with its certificate')
    .option('--cpix-out <file>', 'write the keys as a CPIX document too, for a licence server')
    .option('--cpix-for <file>', 'PEM certificate of who alone can read that document; left out: keys are in the clear')
}

/** Throws ConfigError ERR_USAGE for flags that do not fit together, and for files that are not what they should be. */
export async function chooseKeys(flags: KeyFlags, systems: readonly System[], out: string): Promise<ChosenKeys> {
  check(flags)
  const { cpixOut, cpixFor } = flags
  const chosen = await sourceOf(flags, systems, out)
  if (cpixOut === undefined) return chosen
  const certificate = cpixFor === undefined ? undefined : await readCertificate(cpixFor)
  const copy = { file: cpixOut, ...(certificate === undefined ? {} : { certificate }) }
  return { ...chosen, source: withCpixCopy(chosen.source, copy) }
}

function check(flags: KeyFlags): void {
  const { key: one, cpix, speke, keysPer, privateKey, spekeLogin, contentId, cpixOut, cpixFor } = flags
  if (keysPer !== 'package' && (one !== undefined || cpix !== undefined)) {
    const found = one === undefined ? '--cpix, whose rules say it' : '--key, which is one'
    throw new ConfigError('ERR_USAGE', `expected --keys-per ${keysPer} with --key-file or --speke, found ${found}`)
  }
  if (privateKey !== undefined && cpix === undefined && speke === undefined) {
    throw new ConfigError('ERR_USAGE', 'expected --private-key with --cpix or --speke, found neither')
  }
  if (speke === undefined && (spekeLogin !== undefined || contentId !== undefined)) {
    throw new ConfigError('ERR_USAGE', 'expected --speke-login and --content-id with --speke, found no --speke')
  }
  if (cpixFor !== undefined && cpixOut === undefined) {
    throw new ConfigError('ERR_USAGE', 'expected --cpix-for with --cpix-out, found no --cpix-out')
  }
}

async function sourceOf(flags: KeyFlags, systems: readonly System[], out: string): Promise<ChosenKeys> {
  const { key: one, cpix, speke, keysPer } = flags
  if (one !== undefined) return { source: givenKeys(one), keyFile: undefined }
  if (cpix !== undefined) {
    const text = await readTextFile(cpix)
    return { source: keysOfCpix(text, await privateKeyOf(flags)), keyFile: undefined }
  }
  if (speke !== undefined) return { source: await spekeSource(speke, flags, systems), keyFile: undefined }
  const keyFile = flags.keyFile ?? `${out.replace(/\/+$/, '')}.keys`
  // Beside the output, which may be the first in its folder. What fails is told when the file is written.
  if (flags.keyFile === undefined) await mkdir(dirname(keyFile), { recursive: true }).catch(() => undefined)
  return { source: keysOfFile(keyFile, { scope: keysPer }), keyFile }
}

async function spekeSource(url: string, flags: KeyFlags, systems: readonly System[]): Promise<KeySource> {
  const { spekeLogin, spekeVersion, keysPer, contentId, privateKey: pem } = flags
  const credentials = spekeLogin === undefined ? undefined : loginOf(await readTextFile(spekeLogin))
  const privateKey = await privateKeyOf(flags)
  return keysOfSpeke(
    {
      url,
      ...(credentials === undefined ? {} : { credentials }),
      ...(privateKey === undefined ? {} : { privateKey }),
    },
    {
      version: spekeVersion,
      systems,
      scope: keysPer,
      ...(contentId === undefined ? {} : { contentId }),
      ...(pem === undefined ? {} : { certificate: await readCertificate(pem) }),
    },
  )
}

function loginOf(text: string): SpekeCredentials {
  const [, scheme = '', rest = ''] = /^(bearer|basic)\s+(\S.*)$/i.exec(text.trim()) ?? []
  if (scheme.toLowerCase() === 'bearer') return { kind: 'bearer', token: rest }
  const colon = rest.indexOf(':')
  if (colon < 1) {
    throw new ConfigError(
      'ERR_USAGE',
      'expected one line in the file of --speke-login, Bearer TOKEN or Basic USER:PASSWORD, found something else',
    )
  }
  return { kind: 'basic', user: rest.slice(0, colon), password: rest.slice(colon + 1) }
}

async function privateKeyOf({ privateKey }: KeyFlags): Promise<KeyObject | undefined> {
  return privateKey === undefined ? undefined : readPrivateKey(privateKey)
}

function key(text: string): ContentKey {
  try {
    return parseContentKey(text)
  } catch {
    throw new InvalidArgumentError('expected KID:KEY, each of 32 hexadecimal digits')
  }
}
