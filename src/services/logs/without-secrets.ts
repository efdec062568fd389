/** Play logs without what opens anything: keys and passwords in the addresses that players report. */
import type { PlayLog } from '../../playlog/play-log.ts'
import type { WmlogFields } from '../../playlog/wmlog.ts'
import type { WmlogField } from '../../playlog/wmlog-fields.ts'

const ADDRESSES: readonly WmlogField[] = ['cs-url', 'cs-uri-stem', 'cs-Referer', 'c-channelURL']
const SECRET_NAME = /key$|token|secret|password|signature|authorization|credential/i
const USER = /^([a-z][a-z\d+.-]{0,31}:\/\/)[^/?#]*@/i
const HIDDEN = 'hidden'

/** The log itself when there is nothing to hide. */
export function playLogWithoutSecrets(log: PlayLog): PlayLog {
  const { fields } = log.wmlog
  const changed: Record<string, string> = {}
  for (const name of ADDRESSES) {
    const value = fields[name]
    if (typeof value !== 'string') continue
    const clean = addressWithoutSecrets(value)
    if (clean !== value) changed[name] = clean
  }
  if (Object.keys(changed).length === 0) return log
  return { ...log, wmlog: { ...log.wmlog, fields: { ...fields, ...(changed as WmlogFields) } } }
}

/** The address without user and password, and with `hidden` for the value of each parameter that sounds like a secret. */
export function addressWithoutSecrets(address: string): string {
  const plain = address.replace(USER, '$1')
  const query = plain.indexOf('?')
  if (query < 0) return plain
  const parameters = plain.slice(query + 1).split('&')
  return `${plain.slice(0, query)}?${parameters.map(parameterWithoutSecret).join('&')}`
}

function parameterWithoutSecret(parameter: string): string {
  const equals = parameter.indexOf('=')
  return equals >= 0 && SECRET_NAME.test(decoded(parameter.slice(0, equals)))
    ? `${parameter.slice(0, equals)}=${HIDDEN}`
    : parameter
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
