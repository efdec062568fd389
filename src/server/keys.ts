/** Content keys of a server as library calls, in and out as CPIX documents: in a data folder, or over the API of a server that runs. */
import { type KeyObject, X509Certificate } from 'node:crypto'
import { join } from 'node:path'
import { UnavailableError } from '../errors.ts'
import { cpixOfKeys, keysOfDocument, keysOfPath, type PurposedKey } from '../services/keys/cpix-exchange.ts'
import type { KeyStore } from '../services/keys/key-store.ts'
import { loadSecrets } from './secrets.ts'
import { callServer, expectServerFolder, type RemoteServer, type ServerPlace } from './server-place.ts'

/** Which keys go out. */
export interface KeyExport {
  /** `live/studio`, `vod/film.mp4`. */
  readonly path: string
  /** One version of a file or run of a stream only. */
  readonly content?: string
  /** PEM of who alone can read the keys. Left out: they are in the clear. */
  readonly certificate?: string
}

/** What comes in. */
export interface KeyImport {
  readonly path: string
  /** A CPIX document. */
  readonly document: string
  /** Where its keys are encrypted for the owner of this one. */
  readonly privateKey?: KeyObject
}

/** As many as the API takes at once. */
const BATCH = 100
const MAX_DOCUMENT = 16 * 1024 * 1024

/**
 * The document. Throws ConfigError ERR_USAGE for a folder that is no server's, ERR_KEYS_FILE and ERR_CPIX_RECIPIENT, UnavailableError ERR_KEYS_UNKNOWN
 * when there are none, and ERR_KEYS_SERVER with what a server says.
 */
export async function exportKeys(place: ServerPlace, wanted: KeyExport): Promise<string> {
  if ('server' in place) {
    return call(place, '/api/v1/keys/cpix/export', { ...wanted, includeKeys: true })
  }
  const { path, content, certificate } = wanted
  return withStore(place.data, (store) => {
    return cpixOfKeys(
      keysOfPath(store, { path, content }),
      certificate === undefined ? undefined : new X509Certificate(certificate),
    )
  })
}

/** How many keys the document has, which are all kept now. Throws as `exportKeys` does, what `keysOfDocument` throws, and PeerError ERR_KEYS_CONFLICT. */
export async function importKeys(place: ServerPlace, { path, document, privateKey }: KeyImport): Promise<number> {
  const keys = keysOfDocument(document, path, privateKey)
  if ('server' in place) {
    for (let at = 0; at < keys.length; at += BATCH) {
      await call(place, '/api/v1/keys', { keys: keys.slice(at, at + BATCH).map(inJson) })
    }
  } else {
    await withStore(place.data, (store) => {
      for (const { key, purpose } of keys) store.add(key, purpose)
    })
  }
  return keys.length
}

function inJson({ key, purpose }: PurposedKey) {
  return { id: Buffer.from(key.id).toString('hex'), key: Buffer.from(key.key).toString('hex'), ...purpose }
}

async function withStore<Result>(data: string, use: (store: KeyStore) => Result): Promise<Result> {
  await expectServerFolder(data)
  const { secrets } = await loadSecrets(data)
  const { KeyStore: Store } = await import('../services/keys/key-store.ts')
  const { KeyWrapping } = await import('../services/keys/key-wrapping.ts')
  const store = new Store(join(data, 'keys.sqlite'), new KeyWrapping(secrets.masterKey))
  try {
    return use(store)
  } finally {
    store.close()
  }
}

function call(place: RemoteServer, path: string, body: unknown): Promise<string> {
  return callServer(place, { method: 'POST', path, body, failure, maxBytes: MAX_DOCUMENT })
}

function failure(message: string, options?: ErrorOptions): UnavailableError {
  return new UnavailableError('ERR_KEYS_SERVER', message, options)
}
