/** An ASX file: what a Windows Media player is to play, in which order, and where to turn if a source fails (ASX 3.0). */

/** Names of elements that hold a line for people. */
export const ASX_TEXTS = ['title', 'author', 'copyright', 'abstract'] as const
/** Names of elements that hold one address. */
export const ASX_LINKS = ['base', 'moreInfo', 'banner', 'skin'] as const

export type AsxText = (typeof ASX_TEXTS)[number]
export type AsxLink = (typeof ASX_LINKS)[number]

/** A name and a value for a program; `log:` names go into play logs. */
export interface AsxParameter {
  readonly name: string
  readonly value: string
}

/** What a file and an entry have in common. Addresses are as written: relative ones relate to `base`, else to the file's own. */
export interface AsxDescription extends Readonly<Partial<Record<AsxText | AsxLink, string>>> {
  /** Addresses that get play logs. */
  readonly logUrls?: readonly string[]
  readonly parameters?: readonly AsxParameter[]
}

/** The part of a source that is played. */
export interface AsxClip {
  /** Milliseconds from the start of the content. */
  readonly startMs?: number
  /** Milliseconds. */
  readonly durationMs?: number
}

/** One source of an entry. */
export interface AsxReference extends AsxClip {
  readonly href: string
}

/** One thing to play. */
export interface AsxEntry extends AsxDescription, AsxClip {
  readonly type: 'entry'
  /** The first is tried first, the next when it fails. */
  readonly references: readonly AsxReference[]
  /** Whether people may skip it; players let them unless told otherwise. */
  readonly clientSkip?: boolean
}

/** Another ASX file, to be read in this place. Nothing is fetched here. */
export interface AsxEntryReference {
  readonly type: 'entryref'
  readonly href: string
}

/** Items that play again and again. */
export interface AsxRepeat {
  readonly type: 'repeat'
  /** Times; absent: for ever. */
  readonly count?: number
  readonly items: readonly AsxItem[]
}

/** Items that play when a script command of that name arrives. */
export interface AsxEvent {
  readonly type: 'event'
  readonly name: string
  /** What comes after: `NEXT`, `RESUME`, `BREAK`. */
  readonly whenDone?: string
  readonly items: readonly AsxItem[]
}

export type AsxItem = AsxEntry | AsxEntryReference | AsxRepeat | AsxEvent

/** A whole file. */
export interface Asx extends AsxDescription {
  readonly items: readonly AsxItem[]
}
