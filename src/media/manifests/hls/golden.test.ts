/** Each file of testdata/ holds a playlist model as JSON, a line of dashes, and the text it must give and come from. */
import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { formatMediaPlaylist } from './media-playlist.ts'
import type { MediaPlaylist, MultivariantPlaylist } from './model.ts'
import { formatMultivariantPlaylist } from './multivariant-playlist.ts'
import { parsePlaylist } from './parse.ts'

const folder = new URL('./testdata/', import.meta.url)

for (const file of readdirSync(folder).filter((name) => name.endsWith('.txt'))) {
  const [json = '', text = ''] = readFileSync(new URL(file, folder), 'utf8').split('\n---\n')
  const model = JSON.parse(json) as MediaPlaylist | MultivariantPlaylist

  test(`${file}: the model is written as the text`, () => {
    assert.equal(model.type === 'media' ? formatMediaPlaylist(model) : formatMultivariantPlaylist(model), text)
  })

  test(`${file}: the text is read as the model`, () => {
    assert.deepEqual(parsePlaylist(text), model)
  })

  test(`${file}: CR LF line ends and unknown tags change nothing`, () => {
    const foreign = text.replace('\n', '\n#EXT-X-UNKNOWN:A=1\n# a comment\n\n').replaceAll('\n', '\r\n')

    assert.deepEqual(parsePlaylist(foreign), model)
  })
}
