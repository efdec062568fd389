/** PushSetup and PushStart, told from their heads, and the few lines in the body of the first (MS-WMHTTP 2.2.2). */
import { PeerError } from '../../../errors.ts'
import { checkPath } from '../../../live/path.ts'
import { parseProduct } from '../product.ts'
import type { WmRequest } from '../request-reader.ts'

/** Content types of the two requests. */
export const PUSH_SETUP_TYPE = 'application/x-wms-pushsetup'
export const PUSH_START_TYPE = 'application/x-wms-pushstart'
/** Bytes of the body of a PushSetup. */
export const MAX_SETUP_BODY = 4096
/** Characters of a push-id (2.2.1.3.1). */
export const MAX_PUSH_ID = 255
/** What an encoder shows that has no push-id yet. */
export const NO_PUSH_ID = '0'

/** One of the two. */
export interface PushRequest {
  readonly kind: 'setup' | 'start'
  readonly request: WmRequest
  /** `live/studio`, checked. */
  readonly path: string
  /** `undefined`: none, or `0`. */
  readonly pushId: string | undefined
  readonly userAgent: string
}

/**
 * Throws PeerError: ERR_WMHTTP_REQUEST for another method, type or length; ERR_WMHTTP_AGENT when it is no Windows Media encoder;
 * ERR_PATH_INVALID.
 */
export function parsePushRequest(request: WmRequest): PushRequest {
  const type = (request.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase()
  const kind = type === PUSH_SETUP_TYPE ? 'setup' : type === PUSH_START_TYPE ? 'start' : undefined
  if (request.method !== 'POST' || kind === undefined) {
    throw refused('a POST of PushSetup or PushStart', `${request.method} of type ${type}`)
  }
  const product = parseProduct(request.header('user-agent'))
  if (product?.token !== 'WMEncoder') {
    const found = JSON.stringify((request.header('user-agent') ?? 'none').slice(0, 60))
    throw new PeerError('ERR_WMHTTP_AGENT', `expected a push from a User-Agent WMEncoder, found ${found}`)
  }
  if (!request.hasLength) throw refused('a Content-Length', 'none')
  if (kind === 'setup' && request.contentLength > MAX_SETUP_BODY) {
    throw refused(`a PushSetup of at most ${MAX_SETUP_BODY} bytes`, String(request.contentLength))
  }
  const path = checkPath(request.path.slice(1))
  return { kind, request, path, pushId: pushIdOf(request), userAgent: product.text }
}

/** What the body of a PushSetup asks for. */
export interface SetupBody {
  /** Decoded path with its slash; `undefined`: none. */
  readonly template: string | undefined
  readonly autoDestroy: boolean
}

/** Throws PeerError ERR_WMHTTP_REQUEST. */
export function parseSetupBody(body: Uint8Array): SetupBody {
  const text = Buffer.from(body).toString('latin1')
  let template: string | undefined
  let autoDestroy: boolean | undefined
  for (const line of text.split('\r\n')) {
    const [, name = '', value = ''] = /^([A-Za-z-]{1,32}): ?(.*)$/.exec(line) ?? []
    if (line === '') continue
    if (name.toLowerCase() === 'template-url' && template === undefined) template = parseTemplate(value)
    else if (name.toLowerCase() === 'autodestroy' && autoDestroy === undefined && /^[01]$/.test(value)) {
      autoDestroy = value === '1'
    } else {
      throw refused('lines of Template-URL and AutoDestroy, each once', JSON.stringify(line.slice(0, 60)))
    }
  }
  return { template, autoDestroy: autoDestroy ?? false }
}

/** The body that `parseSetupBody` reads. */
export function formatSetupBody(setup: { readonly template?: string; readonly autoDestroy?: boolean }): Uint8Array {
  const { template, autoDestroy } = setup
  const lines: string[] = []
  // Everything but ASCII becomes percent-encoded UTF-8, as the document wants it.
  if (template !== undefined) lines.push(`Template-URL: "${encodeURI(template)}"`)
  if (autoDestroy !== undefined || template !== undefined) lines.push(`AutoDestroy: ${autoDestroy === true ? 1 : 0}`)
  return Buffer.from(lines.map((line) => `${line}\r\n`).join(''), 'latin1')
}

function parseTemplate(value: string): string {
  const path = /^"(\/[!-~]{0,1024})"$/.exec(value)?.[1]
  try {
    if (path !== undefined) return decodeURIComponent(path)
  } catch {
    // Said below: what follows a percent sign is no UTF-8.
  }
  throw refused('a Template-URL like "/live/studio"', JSON.stringify(value.slice(0, 60)))
}

/** The cookie may stand among others, and in several headers. */
function pushIdOf(request: WmRequest): string | undefined {
  for (const header of request.headerAll('cookie')) {
    for (const pair of header.split(';')) {
      const value = /^\s*push-id\s*=\s*"?([!-~]*?)"?\s*$/i.exec(pair)?.[1]
      if (value === undefined) continue
      if (value.length > MAX_PUSH_ID) throw refused(`a push-id of at most ${MAX_PUSH_ID} characters`, 'a longer one')
      return value === NO_PUSH_ID || value === '' ? undefined : value
    }
  }
  return undefined
}

function refused(expected: string, found: string): PeerError {
  return new PeerError('ERR_WMHTTP_REQUEST', `expected ${expected}, found ${found}`)
}
