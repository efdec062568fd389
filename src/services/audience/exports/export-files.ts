/** An export in files: a new one where the last is large enough, compressed, each under its name only when it is whole. */
import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { link, mkdir, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { describeError, UnavailableError } from '../../../errors.ts'
import type { AudienceExport } from './export-audience.ts'

export interface ExportFileOptions {
  /** Created when missing, for its owner only. */
  readonly folder: string
  /** Of the files: `NAME_0001.csv.gz`. */
  readonly name: string
  /** After which a new file begins, before compression. Default 64 MiB. */
  readonly maxBytes?: number
  /** Gzip; default: yes. */
  readonly compress?: boolean
}

const MAX_BYTES = 64 * 1024 * 1024
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

/**
 * Resolves with the paths. Rejects with UnavailableError ERR_AUDIENCE_EXPORT where a file cannot be written or is there already, and as the lines do;
 * files that are whole stay.
 */
export async function writeExportFiles(exported: AudienceExport, options: ExportFileOptions): Promise<string[]> {
  const { folder, name, maxBytes = MAX_BYTES, compress = true } = options
  const { lines, extension } = exported
  const paths: string[] = []
  try {
    await mkdir(folder, { recursive: true, mode: FOLDER_MODE })
    let next = await lines.next()
    // Nothing found is a file as well: it says so.
    do {
      const number = String(paths.length + 1).padStart(4, '0')
      const path = join(folder, `${name}_${number}${extension}${compress ? '.gz' : ''}`)
      const part = async function* () {
        let bytes = Buffer.byteLength(exported.head)
        yield exported.head
        while (next.done !== true && bytes < maxBytes) {
          bytes += Buffer.byteLength(next.value)
          yield next.value
          next = await lines.next()
        }
      }
      await writeFile(path, part(), compress)
      paths.push(path)
    } while (next.done !== true)
    return paths
  } catch (cause) {
    if (cause instanceof UnavailableError) throw cause
    throw new UnavailableError('ERR_AUDIENCE_EXPORT', `expected to write to ${folder}: ${describeError(cause)}`, {
      cause,
    })
  } finally {
    await lines.return()
  }
}

async function writeFile(path: string, text: AsyncIterable<string>, compress: boolean): Promise<void> {
  const partial = `${path}.${randomUUID()}.part`
  const file = createWriteStream(partial, { flags: 'wx', mode: FILE_MODE, flush: true })
  try {
    if (compress) await pipeline(Readable.from(text), createGzip(), file)
    else await pipeline(Readable.from(text), file)
    // Unlike a new name for it, fails where there is a file already.
    await link(partial, path)
  } finally {
    await unlink(partial).catch(() => undefined)
  }
}
