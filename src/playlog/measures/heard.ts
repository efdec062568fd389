/** Which of the things that were told of a session decide its states and bit rates, and from when on. */
import type { PlayEvent, PlayerState } from '../play-event.ts'

/**
 * What events have said so far. An event says when it happened; what a request for media carries is known to be true only before the network
 * brought it, so that it counts as long as no event has said the same thing.
 */
export interface Heard {
  states: boolean
  bitrates: boolean
}

/** The server knows bytes, and nothing of pictures. */
export function isOfPlayer({ source }: PlayEvent): boolean {
  return source !== 'server'
}

/** The state that counts; of events in order. */
export function heardState(event: PlayEvent, heard: Heard): PlayerState | undefined {
  if (event.state === undefined || !isOfPlayer(event)) return undefined
  if (event.kind !== 'request') heard.states = true
  else if (heard.states) return undefined
  return event.state
}

/** The bit rate that counts; of events in order. */
export function heardBitrate(event: PlayEvent, heard: Heard): number | undefined {
  if (event.bitrate === undefined || !isOfPlayer(event)) return undefined
  if (event.kind !== 'request') heard.bitrates = true
  else if (heard.bitrates) return undefined
  return event.bitrate
}

/** The state behind another one. Whoever waits for media before the first picture is starting still, whatever the player calls it. */
export function nextState(told: PlayerState | undefined, before: PlayerState | undefined): PlayerState | undefined {
  return told === 'rebuffering' && before === 'starting' ? 'starting' : told
}
