/** What keys are asked for, for tests. */
import type { KeyPlan } from './key-source.ts'

/** Two qualities and a sound, without rotation. */
export const PLAN: KeyPlan = {
  contentId: 'film.mp4 0123456789ab',
  scheme: 'cbcs',
  tracks: new Map([
    [
      'video-1',
      { kind: 'video', labels: ['video-1'], bitrateBps: 4e6, pixels: 1920 * 1080, fps: 25, hdr: false, wcg: false },
    ],
    [
      'video-2',
      { kind: 'video', labels: ['video-2'], bitrateBps: 1e6, pixels: 640 * 360, fps: 25, hdr: false, wcg: false },
    ],
    ['audio-101', { kind: 'audio', labels: ['audio-101', 'de'], bitrateBps: 1e5, channels: 2 }],
  ]),
  periods: 1,
}
