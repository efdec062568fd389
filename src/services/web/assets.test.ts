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

test('modules that pages share with the server are served with all that they import', () => {
  const modules = ['player/reporting/reporter.ts']

  for (const name of modules) {
    const module = text(assets.asset(name)?.bytes)
    assert.match(module, /^HTTP\/1\.1 200 /, name)
    for (const [, imported = ''] of module.matchAll(/^(?:import|\} from)\b[^\n]*'([^'\n]+)'/gm)) {
      const next = new URL(imported, `http://localhost/assets/${name}`).pathname.replace('/assets/', '')
      if (!modules.includes(next)) modules.push(next)
    }
  }

  assert.ok(modules.includes('src/playlog/cmcd/keys.ts'), modules.join(' '))
  assert.equal(assets.asset('src/playlog/cmcd/scanner.ts'), undefined)
})
