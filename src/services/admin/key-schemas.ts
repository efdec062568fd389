/** What content keys are called in requests and answers. */
import { z } from 'zod'

export const id = z.string().max(36).describe('Key id, in hexadecimal or as UUID.')
export const path = z
  .string()
  .min(1)
  .max(1024)
  .describe('Who may play this path may have the key: live/studio, vod/film.mp4.')
export const content = z.string().max(1024).describe('Version of a file, run of a stream.')
export const period = z.number().int().min(0).describe('Stretch of time between two rotations.')
