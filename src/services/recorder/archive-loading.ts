/** What a restarted server knows of a path's recordings again: its window goes on where it was. */
import { join } from 'node:path'
import { FormatError } from '../../errors.ts'
import { readInitSegment } from '../../media/containers/isobmff/movie.ts'
import type { StoredInit } from '../../packaging/stored-segment.ts'
import { readIndexFile } from './index-file.ts'
import type { RecordedArchive } from './recorded-archive.ts'
import type { IndexEntry, InitEntry, SegmentEntry } from './recording-index.ts'
import { indexName } from './recording-name.ts'
import type { FoundRecording } from './recordings.ts'

/** Fills an archive from the indexes of recordings, the oldest first. One whose names are not known is left out. */
export async function loadArchive(archive: RecordedArchive, recordings: readonly FoundRecording[]): Promise<void> {
  let token = ''
  for (const { folder, name, parsed } of recordings) {
    if (parsed.format !== 'mp4') continue
    const { entries } = await readIndexFile(join(folder, indexName(name)))
    const [file] = entries
    if (file?.type !== 'file' || file.run.token === '') continue
    const inits = readInits(entries)
    const location = { path: join(folder, name) }
    for (const entry of entries) {
      if (entry.type !== 'segment') continue
      const init = inits.get(`${entry.rendition} ${entry.period}`)
      if (init === undefined) continue
      if (token !== file.run.token) {
        archive.begin(file.run, { number: entry.number, start: entry.start })
        token = file.run.token
      }
      archive.add(entry.rendition, archived(entry, { run: file.run, init }), {
        file: location,
        entry,
        pending: undefined,
      })
    }
  }
}

function archived(
  entry: SegmentEntry,
  place: { readonly run: { token: string; epochMs: number }; readonly init: StoredInit },
) {
  const { number, period, periodStart, discontinuity, start, presentationStart, duration, packets, independent } = entry
  const { keyStretch } = entry
  const byteLength = entry.extents.reduce((sum, [, length]) => sum + length, 0)
  const facts = { number, period, periodStart, discontinuity, start, presentationStart, duration, packets, independent }
  return {
    ...facts,
    ...place,
    keyStretch,
    parts: [],
    complete: true,
    gap: byteLength === 0,
    byteLength,
    bytes: undefined,
  }
}

function readInits(entries: readonly IndexEntry[]): ReadonlyMap<string, StoredInit> {
  const inits = new Map<string, StoredInit>()
  for (const entry of entries) {
    if (entry.type !== 'init') continue
    const init = readInit(entry)
    if (init !== undefined) inits.set(`${entry.rendition} ${entry.period}`, init)
  }
  return inits
}

/** A rendition is named by the id of its track. */
function readInit({ rendition, period, bytes }: InitEntry): StoredInit | undefined {
  const content = Buffer.from(bytes, 'base64')
  try {
    const track = readInitSegment(content).tracks[0]?.track
    return track && { period, track: { ...track, id: Number(rendition.split('-')[1]) }, bytes: content }
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}
