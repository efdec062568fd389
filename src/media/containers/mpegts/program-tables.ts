/** Follows PAT and PMT through a transport stream and chooses the program that is read. */
import { FormatError } from '../../../errors.ts'
import { PAT_PID } from './packet.ts'
import { type ProgramEntry, readProgramEntries, readProgramMap, TABLE_ID } from './program-map.ts'
import { type Section, SectionAssembler } from './section.ts'
import { describeStream, type StreamDescription } from './stream-type.ts'

/** Programs whose maps are looked at; a whole satellite transponder has below thirty. */
const MAX_PROGRAMS = 64

export interface ProgramStream {
  readonly pid: number
  readonly description: StreamDescription
}

/** The program that is read. */
export interface Program {
  readonly number: number
  /** Of its PMT. */
  readonly pid: number
  /** In the order of the PMT, one for each PID. */
  readonly streams: readonly ProgramStream[]
}

/**
 * Takes the packets of PID 0 and of the PMTs. The first program that arrives with streams that are carried is taken, and kept while the PAT
 * has it; one without any only when no other has some.
 */
export class ProgramTables {
  program: Program | undefined
  readonly #pat = new SectionAssembler()
  readonly #maps = new Map<number, SectionAssembler>()
  #entries: ProgramEntry[] = []
  /** Bodies of the sections of the PAT, by number. */
  #patSections = new Map<number, Uint8Array>()
  #patVersion = -1
  /** Programs whose map came and has nothing that is carried, in the order of their coming. */
  readonly #others = new Map<number, Program>()
  #mapBody: Uint8Array | undefined
  #brokenMaps = 0

  /** A program that is known already is kept until a PAT or PMT says otherwise. */
  constructor(program?: Program) {
    this.program = program
    if (program !== undefined) this.#entries = [{ number: program.number, pid: program.pid }]
  }

  /** Programs in the PAT. */
  get programs(): number {
    return this.#entries.length
  }

  /** Where the maps of the programs are. */
  get mapPids(): readonly number[] {
    return this.#entries.map(({ pid }) => pid)
  }

  /** Sections that could not be read, so far. */
  get broken(): number {
    let count = this.#pat.broken + this.#brokenMaps
    for (const { broken } of this.#maps.values()) count += broken
    return count
  }

  /** Whether packets of this PID are to be written here. */
  has(pid: number): boolean {
    return pid === PAT_PID || this.#entries.some((entry) => entry.pid === pid)
  }

  /** Takes the payload of a packet; tells whether `program` changed. */
  write(pid: number, payload: Uint8Array, unitStart: boolean): boolean {
    let changed = false
    if (pid === PAT_PID) {
      for (const section of this.#pat.write(payload, unitStart)) changed = this.#takePat(section) || changed
      return changed
    }
    let assembler = this.#maps.get(pid)
    if (assembler === undefined) {
      assembler = new SectionAssembler()
      this.#maps.set(pid, assembler)
    }
    for (const section of assembler.write(payload, unitStart)) changed = this.#takeMap(pid, section) || changed
    return changed
  }

  /** Packets of this PID were lost. */
  reset(pid: number): void {
    if (pid === PAT_PID) this.#pat.reset()
    else this.#maps.get(pid)?.reset()
  }

  #takePat(section: Section): boolean {
    if (section.tableId !== TABLE_ID.PAT || !section.current) return false
    const known = this.#patSections.get(section.number)
    const isSame = section.version === this.#patVersion && known !== undefined && sameBytes(known, section.body)
    if (isSame) return false
    if (section.version !== this.#patVersion || known !== undefined) {
      this.#patSections = new Map()
      this.#entries = []
      this.#patVersion = section.version
    }
    if (this.#patSections.size < MAX_PROGRAMS) this.#patSections.set(section.number, section.body)
    for (const entry of readProgramEntries(section)) {
      if (this.#entries.length < MAX_PROGRAMS) this.#entries.push(entry)
    }
    for (const pid of this.#maps.keys()) if (!this.has(pid)) this.#maps.delete(pid)
    this.#others.clear()
    return false
  }

  #takeMap(pid: number, section: Section): boolean {
    if (section.tableId !== TABLE_ID.PMT || !section.current) return false
    const { identifier: number } = section
    if (!this.#entries.some((entry) => entry.number === number && entry.pid === pid)) return false
    const { program } = this
    const isOther = program !== undefined && program.number !== number
    // Another one is kept to as long as the PAT has it.
    if (isOther && this.#entries.some((entry) => entry.number === program.number)) return false
    if (!isOther && this.#mapBody !== undefined && sameBytes(this.#mapBody, section.body)) return false
    const next = this.#readMap(pid, section)
    if (next === undefined) return false
    const isCarried = next.streams.some(({ description }) => description.format !== undefined)
    if (isCarried || program?.number === number) return this.#choose(next, section.body)
    this.#others.set(number, next)
    const [first] = this.#others.values()
    const allCame = this.#entries.every((entry) => this.#others.has(entry.number))
    return allCame && first !== undefined && this.#choose(first, first === next ? section.body : undefined)
  }

  #choose(program: Program, body: Uint8Array | undefined): boolean {
    const before = this.program
    this.program = program
    this.#mapBody = body
    return before === undefined || JSON.stringify(before) !== JSON.stringify(program)
  }

  #readMap(pid: number, section: Section): Program | undefined {
    try {
      const map = readProgramMap(section)
      const streams = new Map<number, ProgramStream>()
      for (const entry of map.streams) {
        if (!streams.has(entry.pid)) streams.set(entry.pid, { pid: entry.pid, description: describeStream(entry, map) })
      }
      return { number: map.number, pid, streams: [...streams.values()] }
    } catch (error) {
      if (!(error instanceof FormatError)) throw error
      this.#brokenMaps++
      return undefined
    }
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, at) => byte === b[at])
}
