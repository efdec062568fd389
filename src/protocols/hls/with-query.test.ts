import assert from 'node:assert/strict'
import { it } from 'node:test'
import { withQuery } from './with-query.ts'

it('carries a query to what this server answers, beside a query that is there, and to nobody else', () => {
  const playlist = [
    '#EXTM3U',
    '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://key",KEYFORMAT="com.apple.streamingkeydelivery"',
    '#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="data:text/plain;base64,AAAA",KEYFORMAT="urn:uuid:edef8ba9"',
    '#EXT-X-KEY:METHOD=AES-128,URI="/key/aes128/00"',
    '#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example.com/00"',
    '#EXT-X-KEY:METHOD=AES-128,URI="//keys.example.com/00"',
    '#EXT-X-MAP:URI="init.mp4"',
    'segment-1.m4s',
    'segment-2.m4s?v=1',
    '',
  ].join('\n')

  const carried = withQuery(playlist, 'token=a$1b')

  assert.deepEqual(carried.split('\n'), [
    '#EXTM3U',
    '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://key",KEYFORMAT="com.apple.streamingkeydelivery"',
    '#EXT-X-KEY:METHOD=SAMPLE-AES-CTR,URI="data:text/plain;base64,AAAA",KEYFORMAT="urn:uuid:edef8ba9"',
    '#EXT-X-KEY:METHOD=AES-128,URI="/key/aes128/00?token=a$1b"',
    '#EXT-X-KEY:METHOD=AES-128,URI="https://keys.example.com/00"',
    '#EXT-X-KEY:METHOD=AES-128,URI="//keys.example.com/00"',
    '#EXT-X-MAP:URI="init.mp4?token=a$1b"',
    'segment-1.m4s?token=a$1b',
    'segment-2.m4s?v=1&token=a$1b',
    '',
  ])
})
