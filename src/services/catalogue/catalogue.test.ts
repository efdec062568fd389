import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Catalogue, type CatalogueQuery, PAGE_SIZE } from './catalogue.ts'
import type { FileFacts, Knowledge } from './facts.ts'
import type { FileIdentity } from './facts-store.ts'
import { filmName, groupQualities } from './qualities.ts'
import { foldText, searchWords } from './text.ts'
import { visiblePaths } from './visibility.ts'

const MODIFIED = new Date('2026-01-02T03:04:05Z')

function file(path: string): FileIdentity {
  return { path, size: 1000, modified: MODIFIED }
}

function facts(more: Partial<FileFacts> = {}): FileFacts {
  return {
    format: 'mp4',
    duration: 60,
    tracks: [{ kind: 'video', codec: 'h264', width: 1280, height: 720 }],
    plays: 'direct',
    ...more,
  }
}

/** A catalogue of files, all of them in the folder that is asked for, with what is known of some. */
function catalogueOf(files: readonly FileIdentity[], known: Readonly<Record<string, Knowledge>> = {}): Catalogue {
  return new Catalogue({
    listing: {
      folder: (path) =>
        Promise.resolve({
          folders: path === 'vod' ? ['vod/b', 'vod/a 10', 'vod/a 2'] : [],
          files: files.filter((one) => one.path.slice(0, one.path.lastIndexOf('/')) === path),
        }),
      all: () => Promise.resolve(files),
    },
    know: ({ path }) => (Object.hasOwn(known, path) ? known[path] : undefined),
    now: () => MODIFIED.getTime() + 60_000,
    pending: () => 3,
    pictures: () => Promise.resolve(true),
  })
}

const everything = { visible: (paths: readonly string[]) => Promise.resolve(new Set(paths)) }

function query(more: Partial<CatalogueQuery> = {}): CatalogueQuery {
  return { folder: 'vod', search: '', page: 1, ...everything, ...more }
}

describe('catalogue', () => {
  it('lists a folder with folders and films as people sort them', async () => {
    const catalogue = catalogueOf([file('vod/Part 10.mp4'), file('vod/part 2.mp4'), file('vod/b/inside.mp4')], {
      'vod/part 2.mp4': facts({ title: 'The second' }),
    })

    const list = await catalogue.page(query())

    assert.deepEqual(
      list.folders.map(({ name }) => name),
      ['a 2', 'a 10', 'b'],
    )
    assert.deepEqual(
      list.films.map(({ name, state, title, duration }) => ({ name, state, title, duration })),
      [
        { name: 'part 2', state: 'known', title: 'The second', duration: 60 },
        { name: 'Part 10', state: 'pending', title: undefined, duration: undefined },
      ],
    )
    assert.equal(list.pending, 3)
  })

  it('shows what is damaged and says why, and leaves out what is no media at all', async () => {
    const catalogue = catalogueOf([file('vod/a.mp4'), file('vod/b.bin')], {
      'vod/a.mp4': { unreadable: 'damaged', note: 'the movie box is cut off' },
      'vod/b.bin': { unreadable: 'other', note: 'no container' },
    })

    const { films } = await catalogue.page(query())

    assert.equal(films.length, 1)
    assert.equal(films[0]?.state, 'damaged')
    assert.equal(films[0]?.note, 'the movie box is cut off')
  })

  it('finds names and titles in all folders below, whatever their case and accents', async () => {
    const catalogue = catalogueOf(
      [file('vod/Märchen.mp4'), file('vod/b/Straße – Ω.mp4'), file('vod/c/other.mp4'), file('vod/c/x.mp4')],
      { 'vod/c/x.mp4': facts({ title: 'Ελλάδα 1998' }) },
    )
    const found = async (search: string, folder = 'vod') =>
      (await catalogue.page(query({ search, folder }))).films.map(({ path }) => path)

    assert.deepEqual(await found('MARCHEN'), ['vod/Märchen.mp4'])
    assert.deepEqual(await found('strasse ω'), ['vod/b/Straße – Ω.mp4'])
    assert.deepEqual(await found('ελλαδα'), ['vod/c/x.mp4'])
    assert.deepEqual(await found('mar', 'vod/c'), [])
    assert.deepEqual(await found('constructor __proto__'), [])
  })

  it('gives pages, and the last one to who asks for more', async () => {
    const files = Array.from({ length: PAGE_SIZE * 2 + 5 }, (_, at) => file(`vod/${at}.mp4`))
    const catalogue = catalogueOf(files)

    const first = await catalogue.page(query())
    const last = await catalogue.page(query({ page: 99 }))

    assert.equal(first.films.length, PAGE_SIZE)
    assert.equal(first.pages, 3)
    assert.equal(last.page, 3)
    assert.equal(last.films.length, 5)
    assert.deepEqual(last.folders, [])
  })

  it('bounds what a search finds', async () => {
    const files = Array.from({ length: 5000 }, (_, at) => file(`vod/x/film ${at}.mp4`))

    const list = await catalogueOf(files).page(query({ search: 'film' }))

    assert.equal(list.total, 2000)
    assert.ok(list.more)
  })

  it('shows nothing that may not be seen, in folders, searches and counts', async () => {
    const catalogue = catalogueOf([file('vod/open.mp4'), file('vod/secret.mp4')])
    const visible = (paths: readonly string[]) =>
      Promise.resolve(new Set(paths.filter((path) => !/secret|a 2/.test(path))))

    for (const search of ['', 'mp4']) {
      const list = await catalogue.page(query({ search, visible }))

      assert.doesNotMatch(JSON.stringify(list), /secret|a 2/)
      assert.equal(list.total, 1)
    }
  })

  it('leaves names as they are, markup and all', async () => {
    const path = 'vod/<img src=x onerror=alert(1)>&amp; "quoted" 100% \u202etxt.mp4'

    const { films } = await catalogueOf([file(path)]).page(query())

    assert.equal(films[0]?.path, path)
    assert.equal(films[0]?.name, path.slice(4, -4))
  })
})

describe('qualities of a film', () => {
  it('are one entry, best first, under the name that they share', () => {
    const paths = [
      'vod/film.360p.mp4',
      'vod/other.mp4',
      'vod/film.1080p.mkv',
      'vod/b/film.720p.mp4',
      'vod/single',
      'vod/single.720p.mp4',
      'vod/single.360p.mp4',
    ]

    const films = groupQualities(paths.map(file))

    assert.deepEqual(
      films.map(({ path, name, files }) => [path, name, files.map((one) => one.path.slice(4))]),
      [
        ['vod/film', 'film', ['film.1080p.mkv', 'film.360p.mp4']],
        ['vod/other.mp4', 'other', ['other.mp4']],
        ['vod/b/film.720p.mp4', 'film.720p', ['b/film.720p.mp4']],
        ['vod/single', 'single', ['single']],
        ['vod/single.720p.mp4', 'single.720p', ['single.720p.mp4']],
        ['vod/single.360p.mp4', 'single.360p', ['single.360p.mp4']],
      ],
    )
  })

  it('leaves odd names alone', () => {
    assert.equal(filmName('vod/.mp4', false), '.mp4')
    assert.equal(filmName('vod/A film. Of 1.5', true), 'A film. Of 1.5')
    assert.equal(filmName('vod/a.b.c/Film 1.5 – x.tar.gz', false), 'Film 1.5 – x.tar')
  })
})

describe('text that is searched', () => {
  it('is folded', () => {
    assert.equal(foldText('ÉCOLE Straße İstanbul Ångström ﬁlm Łódź'), 'ecole strasse istanbul angstrom film lodz')
    assert.deepEqual(searchWords('  Große\tWelt__x '), ['grosse', 'welt', 'x'])
    assert.deepEqual(searchWords(' \u0301 '), [])
  })
})

describe('visibility', () => {
  const access = (asked: string[]) => ({
    isOpen: (path: string) => Promise.resolve(!path.includes('key')),
    check: (path: string, _address: string, { key }: { readonly key?: string }) => {
      asked.push(path)
      return key === 'right' ? Promise.resolve('granted' as const) : Promise.reject(new Error('no'))
    },
  })
  const paths = ['vod/open.mp4', 'vod/key.mp4', 'vod/key folder/']

  it('is for everybody what is open, and the rest for who shows the key', async () => {
    const ask = (credentials: { readonly key?: string }) =>
      visiblePaths(access([]), { remoteAddress: '192.0.2.1', credentials }, paths)

    assert.deepEqual([...(await ask({}))], ['vod/open.mp4'])
    assert.deepEqual([...(await ask({ key: 'right' }))], paths)
  })

  it('tries a wrong key a few times only', async () => {
    const asked: string[] = []
    const many = Array.from({ length: 1000 }, (_, at) => `vod/key ${at}.mp4`)

    const seen = await visiblePaths(access(asked), { remoteAddress: '192.0.2.1', credentials: { key: 'wrong' } }, many)

    assert.equal(seen.size, 0)
    assert.ok(asked.length < 10, `${asked.length} tries`)
  })
})
