/** Script Command Object: commands that a player runs at their times (ASF 1.20 section 3.6). */
import { ASF_GUID, type Guid, readGuid, writeGuid } from '../guid.ts'
import { type ObjectBase, type ObjectCodec, readList, readText, writeText } from './object.ts'

/** Texts as stored; they have no terminator as a rule. */
export interface ScriptCommandObject extends ObjectBase {
  readonly type: 'script-command'
  readonly reserved: Guid
  readonly commandTypes: readonly string[]
  readonly commands: readonly {
    /** Presentation time, milliseconds. */
    readonly timeMs: number
    /** Index into `commandTypes`. */
    readonly typeIndex: number
    readonly text: string
  }[]
}

export const scriptCommandCodec: ObjectCodec<ScriptCommandObject> = {
  guid: ASF_GUID.SCRIPT_COMMAND,
  type: 'script-command',
  read(body) {
    const reserved = readGuid(body)
    const commandCount = body.u16le()
    const typeCount = body.u16le()
    return {
      type: 'script-command',
      reserved,
      commandTypes: readList(body, typeCount, 2, () => readText(body, body.u16le() * 2)),
      commands: readList(body, commandCount, 8, () => ({
        timeMs: body.u32le(),
        typeIndex: body.u16le(),
        text: readText(body, body.u16le() * 2),
      })),
    }
  },
  write(writer, { reserved, commandTypes, commands }) {
    writeGuid(writer, reserved)
    writer.u16le(commands.length).u16le(commandTypes.length)
    for (const name of commandTypes) {
      writer.u16le(name.length)
      writeText(writer, name)
    }
    for (const { timeMs, typeIndex, text } of commands) {
      writer.u32le(timeMs).u16le(typeIndex).u16le(text.length)
      writeText(writer, text)
    }
  },
}
