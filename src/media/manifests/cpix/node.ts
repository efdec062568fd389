/** Elements of a CPIX document by their namespace, whatever prefix it has there; what is written wrongly in them is an error with their name. */
import { FormatError } from '../../../errors.ts'
import { parseXml, type XmlElement } from '../xml.ts'

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const UNSIGNED = /^\d{1,15}$/
const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
])
const BASE64_DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const NO_NAMESPACES: ReadonlyMap<string, string> = new Map()

export class CpixNode {
  readonly #element: XmlElement
  readonly #namespaces: ReadonlyMap<string, string>

  private constructor(element: XmlElement, outer: ReadonlyMap<string, string>) {
    this.#element = element
    this.#namespaces = withDeclarations(element, outer)
  }

  /** The root element. Throws FormatError for what is no XML, and for documents with a DTD. */
  static parse(text: string): CpixNode {
    return new CpixNode(parseXml(text), NO_NAMESPACES)
  }

  /** Without its prefix. */
  get name(): string {
    return this.#element.localName
  }

  /** '' when there is none. */
  get namespace(): string {
    const colon = this.#element.name.indexOf(':')
    return this.#namespaces.get(colon < 0 ? '' : this.#element.name.slice(0, colon)) ?? ''
  }

  /** Without white space at its ends. */
  get text(): string {
    return this.#element.text.trim()
  }

  get children(): readonly CpixNode[] {
    return this.#element.children.map((child) => new CpixNode(child, this.#namespaces))
  }

  is(namespace: string, name: string): boolean {
    return this.name === name && this.namespace === namespace
  }

  all(namespace: string, name: string): CpixNode[] {
    return this.children.filter((child) => child.is(namespace, name))
  }

  /** `undefined`: there is none. Throws FormatError when there are several. */
  one(namespace: string, name: string): CpixNode | undefined {
    const [first, ...others] = this.all(namespace, name)
    if (others.length > 0) throw this.error(`at most one ${name}`, `${others.length + 1}`)
    return first
  }

  /** Throws FormatError when there is none, or there are several. */
  required(namespace: string, name: string): CpixNode {
    const found = this.one(namespace, name)
    if (found === undefined) throw this.error(name, 'none')
    return found
  }

  /** Without namespace declarations, and without those of other namespaces. */
  get attributeNames(): readonly string[] {
    return [...this.#element.attributes.keys()].filter((name) => name !== 'xmlns' && !name.includes(':'))
  }

  /** Attributes of CPIX have no namespace. */
  attribute(name: string): string | undefined {
    return this.#element.attributes.get(name)
  }

  requiredAttribute(name: string): string {
    const value = this.attribute(name)
    if (value === undefined) throw this.error(`the attribute ${name}`, 'none')
    return value
  }

  /** Lower case. */
  uuid(name: string): string {
    const value = this.requiredAttribute(name).toLowerCase()
    if (!UUID.test(value)) throw this.error(`a UUID as ${name}`, 'another text')
    return value
  }

  /** A whole number, not negative. */
  count(name: string): number | undefined {
    const value = this.attribute(name)
    if (value === undefined) return undefined
    if (!UNSIGNED.test(value)) throw this.error(`a whole number as ${name}`, 'another text')
    return Number(value)
  }

  boolean(name: string): boolean | undefined {
    const value = this.attribute(name)
    if (value === undefined) return undefined
    const known = BOOLEANS.get(value)
    if (known === undefined) throw this.error(`true or false as ${name}`, 'another text')
    return known
  }

  /** The text as base64. Throws FormatError, without the text in it: it may be a key. */
  bytes(): Uint8Array {
    return this.#decode(this.#element.text)
  }

  bytesOf(name: string): Uint8Array | undefined {
    const value = this.attribute(name)
    return value === undefined ? undefined : this.#decode(value)
  }

  #decode(base64: string): Uint8Array {
    const bytes = parseBase64(base64)
    if (bytes === undefined) throw this.error('base64', 'another text')
    return bytes
  }

  error(expected: string, found: string): FormatError {
    return new FormatError('ERR_CPIX_SYNTAX', `expected ${expected} in ${this.name}, found ${found}`)
  }
}

/** `undefined` for text that is no base64. White space is passed over. */
export function parseBase64(text: string): Uint8Array | undefined {
  const digits = text.replaceAll(/[ \t\r\n]/g, '')
  if (digits.length % 4 !== 0 || !BASE64.test(digits)) return undefined
  const length = digits.replaceAll('=', '').length
  const bytes = new Uint8Array(Math.floor((length * 3) / 4))
  let bits = 0
  let held = 0
  let at = 0
  for (let i = 0; i < length; i++) {
    held = ((held << 6) | BASE64_DIGITS.indexOf(digits[i] as string)) & 0xff_ffff
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[at++] = (held >> bits) & 0xff
  }
  return bytes
}

export function formatBase64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.byteLength; i += 3) {
    const group = ((bytes[i] ?? 0) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    for (let k = 0; k < 4; k++) text += i + k > bytes.byteLength ? '=' : BASE64_DIGITS[(group >> (18 - 6 * k)) & 63]
  }
  return text
}

function withDeclarations(element: XmlElement, outer: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  let namespaces: Map<string, string> | undefined
  for (const [name, value] of element.attributes) {
    if (name !== 'xmlns' && !name.startsWith('xmlns:')) continue
    namespaces ??= new Map(outer)
    namespaces.set(name.slice('xmlns:'.length), value)
  }
  return namespaces ?? outer
}
