/** The media files of a package, one after the other: how each is made, and how it is proven. */
import { keyPictureName, segmentName } from '../../packaging/on-demand/names.ts'
import {
  type OnDemandRendition,
  type Presentation,
  type SegmentSpan,
  segmentsOf,
} from '../../packaging/on-demand/presentation.ts'
import { ReusedBuffer, readWhole } from '../../packaging/on-demand/segment-bytes.ts'
import { packageInitName } from './names.ts'
import type { ProtectionPlan } from './protection-plan.ts'
import { SegmentProtector } from './segment-protector.ts'
import { SegmentVerifier, verifySame, verifyWhole } from './verify.ts'

/** One media file. */
export interface Piece {
  readonly name: string
  /** The clear form, which the other two are given: it is read once, and good until that of the next piece is. */
  clear(): Promise<Uint8Array>
  /** What is written. */
  make(clear: Uint8Array): Uint8Array
  /** Throws UnavailableError ERR_PACKAGE_VERIFY when what is on the disk is not what was made. */
  verify(stored: Uint8Array, clear: Uint8Array): void
}

/** Those of all renditions: of each its init segments first. `token` is for the names. Throws FormatError ERR_PROTECTION_CODEC. */
export async function mediaPieces(
  clear: Presentation,
  {
    plan,
    token,
    signal,
  }: { readonly plan: ProtectionPlan | undefined; readonly token: string; readonly signal: AbortSignal },
): Promise<Piece[]> {
  const pieces: Piece[] = []
  const room = new ReusedBuffer()
  const count = clear.renditions.length
  for (const [place, rendition] of clear.renditions.entries()) {
    const clearInit = await readWhole(await clear.init(rendition))
    const protector =
      plan === undefined ? undefined : new SegmentProtector(plan, rendition, { clearInit, place, count })
    const source = { clear, rendition, plan, protector, token, signal, room }
    pieces.push(...initPieces(source, clearInit), ...segmentPieces(source))
  }
  return pieces
}

interface Source {
  readonly clear: Presentation
  readonly rendition: OnDemandRendition
  readonly plan: ProtectionPlan | undefined
  readonly protector: SegmentProtector | undefined
  readonly token: string
  readonly signal: AbortSignal
  readonly room: ReusedBuffer
}

/** One for each key period, and one in the clear where segments that are not encrypted need it. */
function initPieces({ rendition, plan, protector, token }: Source, clearInit: Uint8Array): Piece[] {
  const periods: (number | 'clear')[] = Array.from({ length: plan?.periods.count ?? 1 }, (_, period) => period)
  if (plan !== undefined && (plan.scheme === 'aes-128' || plan.periods.hasClearLead)) periods.push('clear')
  return periods.map((period): Piece => {
    // Small, and the same each time.
    const made = protector?.init(period) ?? clearInit
    const name = packageInitName(rendition.name, token, period)
    return {
      name,
      clear: () => Promise.resolve(clearInit),
      make: () => made,
      verify: (stored) => verifySame(name, stored, made),
    }
  })
}

function segmentPieces(source: Source): Piece[] {
  const { clear, rendition, token, signal, room } = source
  const { name, keyPictures } = rendition
  const check = verifierOf(source)
  const piece = (fileName: string, span: SegmentSpan, index: number, isKeyPicture: boolean): Piece => ({
    name: fileName,
    async clear() {
      const body = isKeyPicture
        ? await clear.keyPicture(rendition, index, signal)
        : await clear.segment(rendition, index, signal)
      return readWhole(body, 0, room)
    },
    make: (bytes) => source.protector?.protect(bytes, { span, index, isKeyPicture }) ?? bytes,
    verify: (stored, bytes) => check(fileName, span, stored, bytes),
  })
  return [
    ...segmentsOf(clear, rendition).flatMap((span, index) =>
      span.gap ? [] : [piece(segmentName(name, token, index), span, index, false)],
    ),
    ...keyPictures.map((span, index) => piece(keyPictureName(name, token, index), span, index, true)),
  ]
}

type Verify = (name: string, span: SegmentSpan, stored: Uint8Array, clear: Uint8Array) => void

function verifierOf({ rendition, plan, protector }: Source): Verify {
  if (plan === undefined || protector === undefined) return (name, _, stored, clear) => verifySame(name, stored, clear)
  if (plan.commonScheme !== undefined && plan.isProtected(rendition)) {
    const verifier = new SegmentVerifier(protector.init(0))
    return (name, span, stored, clear) => {
      const state = plan.stateOf(rendition, span)
      verifier.check(name, stored, clear, state === 'clear' ? undefined : state.key)
    }
  }
  return (name, span, stored, clear) => {
    const state = plan.stateOf(rendition, span)
    if (state === 'clear') verifySame(name, stored, clear)
    else verifyWhole(name, stored, clear, state.key.key, plan.ivOf(rendition, state))
  }
}
