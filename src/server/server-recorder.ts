/** The recorder as the server runs it: what its settings say, and what is heard of it. */
import { join } from 'node:path'
import type { Hub } from '../live/hub.ts'
import type { Logger } from '../protocols/protocol.ts'
import { asfUnits } from '../protocols/windows-media/asf-units.ts'
import { recordSettings } from '../services/recorder/record-settings.ts'
import { Recorder } from '../services/recorder/recorder.ts'
import type { EventHub } from './events.ts'
import { RECORDINGS } from './library-folders.ts'
import type { ResolvedPath } from './path-settings.ts'
import type { ServerSettings } from './settings.ts'

export interface ServerRecorderOptions {
  readonly hub: Hub
  readonly events: EventHub
  readonly log: Logger
  /** Settings in force. */
  readonly settings: () => Pick<ServerSettings, 'data' | 'recording'>
  readonly pathOf: (path: string) => ResolvedPath
}

/** Follows the streams of the hub by the server's events. */
export function createServerRecorder({ hub, events, log, settings, pathOf }: ServerRecorderOptions): Recorder {
  const recorder = new Recorder({
    hub,
    root: join(settings().data, RECORDINGS),
    settingsOf: (path) => recordSettings(pathOf(path).record),
    limits: () => ({ maxBytes: settings().recording.maxBytes }),
    nativeUnits: asfUnits,
    log,
    onState: ({ path, state, file, error }) => events.emit('recording', { path, state, file, error }),
  })
  events.on('publish', ({ path }) => recorder.published(path))
  events.on('unpublish', ({ path, final }) => {
    if (final) recorder.ended(path)
  })
  events.on('reload', () => recorder.reconfigure())
  return recorder
}
