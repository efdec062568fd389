import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { playerFamily } from './player-family.ts'

describe('the family of a player', () => {
  it('is what it is, and not what it descends from', () => {
    const agents = [
      ['NSPlayer/12.00.19041.0 WMFSDK/12.00.19041.0', 'Windows Media Player'],
      ['VLC/3.0.21 LibVLC/3.0.21', 'VLC'],
      ['Lavf/59.27.100', 'FFmpeg'],
      [
        'Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36 Edg/141.0',
        'Edge',
      ],
      ['Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0 Safari/537.36', 'Chrome'],
      ['Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15', 'Safari'],
      ['Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0', 'Firefox'],
      ['Headend', 'Headend'],
      ['curl/8.0', 'other'],
    ] as const

    for (const [agent, family] of agents) assert.equal(playerFamily(agent), family)
    assert.equal(playerFamily(''), undefined)
    assert.equal(playerFamily(undefined), undefined)
  })
})
