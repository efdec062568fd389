/** Keeps the built-in test channel on air as `live/test`. */
import { PeerError } from '../errors.ts'
import type { Hub } from '../live/hub.ts'
import type { Sessions } from '../live/sessions.ts'
import type { Closable, Logger } from '../protocols/protocol.ts'
import { startTestChannel } from '../services/test-channel/test-channel.ts'
import { loadTestSound } from '../services/test-channel/test-sound.ts'

export const TEST_CHANNEL_PATH = 'live/test'

export interface TestChannelContext {
  readonly hub: Hub
  readonly sessions: Sessions
  readonly log: Logger
}

/** Publishes until it is closed, or another publisher takes the path over. */
export async function openTestChannel({ hub, sessions, log }: TestChannelContext): Promise<Closable> {
  const sound = await loadTestSound()
  const session = sessions.open({
    protocol: 'test-channel',
    role: 'publish',
    path: TEST_CHANNEL_PATH,
    remoteAddress: 'local',
    close: (reason) => end(reason),
  })
  let stop = () => {}
  const end = (reason?: unknown) => {
    stop()
    publisher?.close({ final: true })
    sessions.close(session, reason instanceof PeerError ? reason : undefined)
  }
  let publisher: ReturnType<Hub['publish']> | undefined
  try {
    publisher = hub.publish(TEST_CHANNEL_PATH, session)
    const { stream } = publisher
    const channel = startTestChannel(publisher, { sound, watched: () => stream.readers > 0, onEnd: end })
    stop = () => channel.close()
  } catch (error) {
    end()
    log.warn({ error }, `the test channel is not on air: ${TEST_CHANNEL_PATH} is taken`)
  }
  return {
    close() {
      end()
      return Promise.resolve()
    },
  }
}
