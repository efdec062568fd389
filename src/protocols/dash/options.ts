/** Settings of DASH. Segments are those of HLS, with its settings. */
import { z } from 'zod'

export const dashOptions = z.strictObject({})

export type DashOptions = z.infer<typeof dashOptions>
