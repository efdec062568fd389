/** The lists of protocols and of the services beside them: the only place that names them all. */
import { dash } from '../protocols/dash/index.ts'
import { hls } from '../protocols/hls/index.ts'
import { progressive } from '../protocols/progressive/index.ts'
import type { Protocol } from '../protocols/protocol.ts'
import { rtmp } from '../protocols/rtmp/index.ts'
import { windowsMedia } from '../protocols/windows-media/index.ts'
import { audience } from '../services/audience/index.ts'
import { catalogue } from '../services/catalogue/index.ts'
import { license } from '../services/license/index.ts'
import { web } from '../services/web/index.ts'

/** Also the clients of `push` and `play`. */
export const protocols: readonly Protocol<unknown>[] = [rtmp, progressive, hls, dash, windowsMedia]

/** All that is served, in the order of start; HTTP routes are asked in this order. The name is the key of the settings. */
export const modules: readonly Protocol<unknown>[] = [catalogue, license, audience, ...protocols, web]
