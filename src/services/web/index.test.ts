import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HotLookup } from '../../net/http/routes.ts'
import type { ServerContext } from '../../protocols/protocol.ts'
import { web } from './index.ts'

/** What is answered to a plain GET: the title of the page, or that it is none. */
async function pageAt(target: string): Promise<string | undefined> {
  const lookups: HotLookup[] = []
  const http = {
    hot(lookup: HotLookup) {
      lookups.push(lookup)
      return () => undefined
    },
  }
  await web.serve?.({ http } as unknown as ServerContext, {})
  const answer = lookups.map((lookup) => lookup(target)).find((found) => found !== undefined)
  return answer === undefined ? undefined : /<title>(.*)<\/title>/.exec(Buffer.from(answer.bytes).toString())?.[1]
}

test('streams and films of any name have a page', async () => {
  for (const target of [
    '/watch/live/test',
    '/watch/live/test?by=dash&t=9',
    `/watch/vod/${encodeURIComponent('Märchen – 日本語 <b> 100%')}.mp4`,
  ]) {
    assert.equal(await pageAt(target), 'Watch · Headend', target)
  }
  for (const target of ['/library', '/library?search=a', '/library/vod/a%20b', '/library/']) {
    assert.equal(await pageAt(target), 'Library · Headend', target)
  }
  for (const target of ['/console', '/console/audience', '/console/audience?path=live%2Fone&range=7d']) {
    assert.equal(await pageAt(target), 'Audience · Headend', target)
  }
  assert.equal(await pageAt('/'), 'Headend')
})

test('F-01: what no path can be has no page', async () => {
  for (const target of [
    '/watch/',
    '/watch',
    '/watch/vod/../../secrets.json',
    '/watch/vod/%2e%2e/x',
    '/watch/vod/a%00b',
    '/watch/vod/a%5cb',
    '/watch/vod/%ff',
    '/library/vod/%2e%2e%2fx',
    '/libraryx',
    '/library.json',
    '/index.html',
    '/audience.html',
    '/console/',
    '/console/audience/',
    '/console/audiences',
  ]) {
    assert.equal(await pageAt(target), undefined, target)
  }
})
