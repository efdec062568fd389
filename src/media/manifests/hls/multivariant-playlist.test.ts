import assert from 'node:assert/strict'
import { test } from 'node:test'
import * as fc from 'fast-check'
import { arbitraryMultivariantPlaylist } from './arbitrary.suite.ts'
import { formatMultivariantPlaylist } from './multivariant-playlist.ts'
import { parsePlaylist } from './parse.ts'

test('reading what was written gives the same playlist', () => {
  fc.assert(
    fc.property(arbitraryMultivariantPlaylist, (playlist) => {
      assert.deepEqual(parsePlaylist(formatMultivariantPlaylist(playlist)), playlist)
    }),
  )
})

test('quotes and line ends in a name are replaced', () => {
  const text = formatMultivariantPlaylist({
    type: 'multivariant',
    version: 9,
    sessionKeys: [],
    renditions: [{ type: 'AUDIO', groupId: 'a', name: 'The "best"\n#EXT-X-ENDLIST' }],
    variants: [],
    iFrameVariants: [],
  })

  assert.match(text, /NAME="The ”best” #EXT-X-ENDLIST"\n$/)
})
