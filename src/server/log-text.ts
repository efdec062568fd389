/** Makes text from peers fit for a log line: no secrets, no control or direction characters, bounded. */

/** Characters of one value in a log line. */
export const MAX_LOG_TEXT = 256
/** Characters looked at before redaction; what lies behind could not reach the line anyway. */
const MAX_SCANNED_TEXT = 4096

const REDACTED = '[redacted]'
/** `?key=` and its relatives, also percent-encoded once. The bounds keep hostile text from costing more than its length. */
const QUERY_SECRET =
  /((?:^|[?&;#\s]|%3f|%26|%3b)(?:[a-z_-]{0,32}(?:key|token|secret|password|passwd|signature|auth)[a-z_-]{0,32})(?:=|%3d))[^&;#\s"'<>]*/gi
const AUTHORIZATION = /\b(bearer|basic|digest)(\s+|%20)[^\s"',]{6,}/gi
/** A token wherever it stands (RFC 7519): a header that begins like JSON, claims, a signature. */
const TOKEN = /\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}/g
const USER_INFO = /(:\/\/)[^/?#\s@]+@/g
/** `publish:live/NAME:KEY` of an SRT stream id. */
const STREAM_ID = /\b((?:publish|read|play):[^:\s]+:)[^\s"']+/g

/** Replaces what looks like a credential, and every one of `secrets` wherever it stands. */
export function redactText(text: string, secrets: readonly string[] = []): string {
  let result = text
  for (const secret of secrets) if (result.includes(secret)) result = result.replaceAll(secret, REDACTED)
  if (result.includes('eyJ')) result = result.replace(TOKEN, REDACTED)
  if (/[=%]/.test(result)) result = result.replace(QUERY_SECRET, `$1${REDACTED}`)
  if (result.includes('://')) result = result.replace(USER_INFO, `$1${REDACTED}@`)
  return result.replace(AUTHORIZATION, `$1 ${REDACTED}`).replace(STREAM_ID, `$1${REDACTED}`)
}

/** Redacts, then cuts to `MAX_LOG_TEXT` characters with the number of those left out. */
export function logText(text: string, secrets: readonly string[] = [], limit = MAX_LOG_TEXT): string {
  const redacted = redactText(text.slice(0, Math.max(MAX_SCANNED_TEXT, limit)), secrets)
  if (text.length <= limit && redacted.length <= limit) return redacted
  return `${redacted.slice(0, limit)}… (${text.length} characters)`
}

/** Characters that would move the cursor, end the line or turn the direction of what follows. */
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udfff]/g

/** Written out as `\u202e`; in JSON text this is the same string, for people it is visible. Surrogate pairs stay. */
export function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (character, offset: number) => {
    const unit = character.charCodeAt(0)
    if (unit >= 0xd800 && unit < 0xdc00 && isLow(text.charCodeAt(offset + 1))) return character
    if (isLow(unit) && offset > 0 && isHigh(text.charCodeAt(offset - 1))) return character
    return `\\u${unit.toString(16).padStart(4, '0')}`
  })
}

function isHigh(unit: number): boolean {
  return unit >= 0xd800 && unit < 0xdc00
}

function isLow(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000
}
