/** Makes the two files of a recording, under a name that no other has. */
import { join } from 'node:path'
import type { Disk } from './disk.ts'
import { indexName, type RecordingFormat, recordingName } from './recording-name.ts'
import type { RecordingFiles } from './recording-writer.ts'

/** Where a recording is; without a name until it is open. */
export interface RecordingLocation {
  readonly folder: string
  name: string | undefined
  path: string | undefined
}

/** Recordings that begin in the same second of the wall clock. */
const MAX_REPEATS = 1000

/** Opens, and fills in the location. Rejects with what the disk says. */
export async function openRecording(
  disk: Disk,
  location: RecordingLocation,
  { startedAt, format }: { readonly startedAt: number; readonly format: RecordingFormat },
): Promise<RecordingFiles> {
  const { folder } = location
  await disk.makeFolder(folder)
  for (let repeat = 1; ; repeat++) {
    const name = recordingName({ startedAt, repeat, format })
    const path = join(folder, name)
    let data: RecordingFiles['data']
    try {
      data = await disk.create(path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST' && repeat < MAX_REPEATS) continue
      throw error
    }
    try {
      const indexPath = join(folder, indexName(name))
      // Of a recording that somebody has taken away.
      await disk.remove(indexPath)
      const index = await disk.create(indexPath)
      location.name = name
      location.path = path
      return { data, index }
    } catch (error) {
      await data.close()
      await disk.remove(path)
      throw error
    }
  }
}

/** Takes both files away. */
export async function removeRecording(disk: Disk, folder: string, name: string): Promise<void> {
  await disk.remove(join(folder, name))
  await disk.remove(join(folder, indexName(name)))
}
