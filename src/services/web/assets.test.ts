import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openWebAssets } from './assets.ts'

const assets = openWebAssets()

function text(bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? new Uint8Array()).toString()
}

test('modules are served without their types', () => {
  const module = text(assets.asset('pages/home.ts')?.bytes)

  assert.match(module, /Content-Type: text\/javascript/)
  assert.match(module, /function card\(stream\s+\)/)
})

test('pages allow nothing from other hosts', () => {
  const page = text(assets.page('index.html')?.bytes)

  assert.match(page, /Content-Security-Policy: default-src 'self';/)
  assert.doesNotMatch(page, /https?:\/\//)
  assert.doesNotMatch(page, /<script>|<style>| style=| onclick=/)
})

test('players and charts come from their packages, compressed', () => {
  for (const name of ['hls.js', 'shaka.js', 'mpegts.js', 'uplot.js', 'uplot.css'])
    assert.ok(assets.asset(`vendor/${name}`)?.gzipBytes, name)
})

test('H-01: what is not in the list does not exist', () => {
  for (const name of [
    '',
    '../package.json',
    'tsconfig.json',
    'index.html',
    'vendor/../index.html',
    'constructor',
    '__proto__',
  ]) {
    assert.equal(assets.asset(name), undefined, name)
  }
})
