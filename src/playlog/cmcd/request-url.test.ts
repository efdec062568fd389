import assert from 'node:assert/strict'
import { test } from 'node:test'
import { cmcdOfRequest } from './message.ts'
import { urlWithCmcd } from './request-url.ts'

test('a record in an address is read as it was, beside what the address had', () => {
  const record = 'cid="vod/a&b=c#d?e.mp4",ot=v,v=2'

  const url = urlWithCmcd('/live/studio/video.m3u8?key=k&_HLS_msn=4#t=1', record)

  assert.match(url, /^\/live\/studio\/video\.m3u8\?key=k&_HLS_msn=4&CMCD=[^&#?]+#t=1$/)
  const read = cmcdOfRequest({}, new URL(url, 'http://localhost').search.slice(1))
  assert.ok(typeof read === 'object')
  assert.equal(read.values.get('cid'), 'vod/a&b=c#d?e.mp4')
})

test('a record takes the place of one that is there', () => {
  const once = urlWithCmcd('https://media.test/a.m4s', 'sn=1,v=2')

  assert.equal(once, 'https://media.test/a.m4s?CMCD=sn%3D1%2Cv%3D2')
  assert.equal(urlWithCmcd(once, 'sn=2,v=2'), 'https://media.test/a.m4s?CMCD=sn%3D2%2Cv%3D2')
  assert.equal(urlWithCmcd('a.m4s?CMCD&CMCDX=1', 'v=2'), 'a.m4s?CMCDX=1&CMCD=v%3D2')
})
