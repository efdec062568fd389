/** What a CPIX document says that players are to be told of a key, in the forms of manifests and init segments (CPIX 2.3, section 5.4). */
import { FormatError } from '../../errors.ts'
import type { CpixDocument, CpixDrmSystem, CpixHlsSignaling } from '../../media/manifests/cpix/model.ts'
import type { ContentProtection } from '../../media/manifests/dash/model.ts'
import { AttributeList } from '../../media/manifests/hls/attribute-list.ts'
import type { Key } from '../../media/manifests/hls/model.ts'
import { readKey } from '../../media/manifests/hls/tags.ts'
import { parseXml, type XmlElement } from '../../media/manifests/xml.ts'
import { readPsshBoxes } from '../../media/protection/pssh.ts'
import type { SystemSignalling } from './key-signalling.ts'

const TAGS = { media: 'EXT-X-KEY', multivariant: 'EXT-X-SESSION-KEY' } as const

/**
 * By key id, as in the document. What is not understood is an error, as a package without it would play nowhere: throws FormatError
 * ERR_CPIX_SIGNALLING, and what the readers of XML, pssh boxes and attribute lists throw.
 */
export function documentSignalling({ drmSystems }: CpixDocument): ReadonlyMap<string, SystemSignalling> {
  const byKey = Map.groupBy(drmSystems, ({ kid }) => kid)
  return new Map([...byKey].map(([kid, systems]) => [kid, signallingOf(systems)]))
}

function signallingOf(systems: readonly CpixDrmSystem[]): SystemSignalling {
  return {
    headers: systems.flatMap(({ systemId, pssh }) => (pssh === undefined ? [] : [checked(pssh, systemId)])),
    contentProtections: systems.flatMap(descriptorOf),
    keys: linesOf(systems, 'media'),
    sessionKeys: linesOf(systems, 'multivariant'),
  }
}

function checked(pssh: Uint8Array, systemId: string): Uint8Array {
  const boxes = readPsshBoxes(pssh)
  if (boxes.length === 1 && boxes[0]?.systemId === systemId) return pssh
  throw signallingError(
    `one pssh box of the system ${systemId}`,
    boxes.length === 1 ? 'one of another' : `${boxes.length}`,
  )
}

/** Nothing for a system that is signalled in HLS only. */
function descriptorOf({ systemId, pssh, contentProtectionData }: CpixDrmSystem): ContentProtection[] {
  const elements = contentProtectionData === undefined ? [] : [...elementsIn(contentProtectionData)]
  const textOf = (name: string) => elements.find(({ localName }) => localName.toLowerCase() === name)?.text.trim()
  const box = textOf('pssh') ?? (pssh === undefined ? undefined : Buffer.from(pssh).toString('base64'))
  const pro = textOf('pro')
  const licenseUrl = textOf('laurl')
  if (box === undefined && pro === undefined && licenseUrl === undefined) return []
  return [
    {
      schemeIdUri: `urn:uuid:${systemId}`,
      ...(box === undefined ? {} : { pssh: box }),
      ...(pro === undefined ? {} : { pro }),
      ...(licenseUrl === undefined ? {} : { licenseUrl }),
    },
  ]
}

/** The data is what is inside of an element, of which there may be several side by side. */
function elementsIn(data: string): Iterable<XmlElement> {
  return descendants(parseXml(`<ContentProtection>${data.replace(/^\s*<\?xml[^>]*\?>/, '')}</ContentProtection>`))
}

function* descendants(element: XmlElement): Iterable<XmlElement> {
  for (const child of element.children) {
    yield child
    yield* descendants(child)
  }
}

function linesOf(systems: readonly CpixDrmSystem[], playlist: CpixHlsSignaling['playlist']): Key[] {
  const tag = TAGS[playlist]
  return systems
    .flatMap(({ hlsSignaling }) => hlsSignaling.filter((signaling) => signaling.playlist === playlist))
    .flatMap(({ text }) => text.split(/[\r\n]+/))
    .map((line) => line.trim())
    .filter((line) => line !== '' && line.startsWith('#EXT'))
    .flatMap((line) => {
      // A tag that tells of something else has its place elsewhere.
      if (!line.startsWith(`#${tag}:`)) return []
      const key = readKey(new AttributeList(tag, line.slice(tag.length + 2)))
      if (key === undefined) throw signallingError(`a method in ${tag}`, 'NONE')
      return [key]
    })
}

function signallingError(expected: string, found: string): FormatError {
  return new FormatError('ERR_CPIX_SIGNALLING', `expected ${expected} in the CPIX document, found ${found}`)
}
