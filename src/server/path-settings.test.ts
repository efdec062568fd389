import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { compilePaths } from './path-settings.ts'
import type { PathSettingsInput } from './settings.ts'

const RECORDING = 'vod/recordings/live/lecture/2026-11-25T10-00-00Z.mp4'

const CLOSED: readonly PathSettingsInput[] = [
  { play: 'key', playKey: 'k' },
  { play: 'token' },
  { play: 'webhook' },
  { play: 'open', allow: ['10.0.0.0/8'] },
  { play: 'open', deny: ['192.0.2.1'] },
  { protect: { scheme: 'cbcs' } },
]

describe('recordings of a path that is protected or not open to all', () => {
  for (const access of CLOSED) {
    it(`ask for the same: ${JSON.stringify(access)}`, () => {
      const pathOf = compilePaths({ 'live/lecture': access })

      const recording = pathOf(RECORDING)
      const folder = pathOf('vod/recordings/live/lecture')

      for (const [key, value] of Object.entries(access)) {
        assert.deepEqual(recording[key as keyof typeof recording], value)
        assert.deepEqual(folder[key as keyof typeof folder], value)
      }
      assert.equal(pathOf('vod/recordings/live/other/a.mp4').play, 'open')
      assert.equal(pathOf('vod/film.mp4').play, 'open')
    })
  }

  it('and so do the qualities of a film, and no other', () => {
    const pathOf = compilePaths({ 'vod/film': { protect: true, play: 'token' } })

    const { protect, play } = pathOf('vod/film.720p.mp4')

    assert.deepEqual({ protect, play }, { protect: true, play: 'token' })
    assert.equal(pathOf('vod/film.mp4').protect, undefined)
    assert.equal(pathOf('vod/filmed.720p.mp4').play, 'open')
  })

  it('are open where a pattern of their own says so', () => {
    const pathOf = compilePaths({ 'live/**': { play: 'token' }, 'vod/recordings/**': { play: 'open' } })

    assert.equal(pathOf(RECORDING).play, 'open')
    assert.equal(pathOf('live/lecture').play, 'token')
  })
})
