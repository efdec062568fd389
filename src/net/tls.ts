/** Certificate and private key of the server, shared by every protocol with a TLS form. */
import { readFile, stat } from 'node:fs/promises'
import { createSecureContext } from 'node:tls'
import { ConfigError } from '../errors.ts'

/** PEM texts. */
export interface TlsMaterial {
  readonly certificate: string
  readonly key: string
}

export interface TlsFiles {
  /** PEM: the certificate, then the chain. */
  readonly certificateFile: string
  readonly keyFile: string
}

/** A longer PEM file is not read, bytes. */
const MAX_PEM_BYTES = 1024 * 1024
const DEFAULT_CHECK_MS = 60_000

/** Reads both files and tries them. Throws ConfigError ERR_TLS_FILE or ERR_TLS_MATERIAL, never with key text in the message. */
export async function loadTls(files: TlsFiles): Promise<TlsMaterial> {
  const [certificate, key] = await Promise.all([readPem(files.certificateFile), readPem(files.keyFile)])
  try {
    createSecureContext({ cert: certificate, key })
  } catch (cause) {
    throw new ConfigError(
      'ERR_TLS_MATERIAL',
      `expected a PEM certificate in ${files.certificateFile} with its private key in ${files.keyFile}`,
      { cause },
    )
  }
  return { certificate, key }
}

/**
 * Looks at the files every `checkMs` (default one minute) and hands over new material when it has changed and is good: renewals are
 * taken without a restart. Bad material goes to `onError` once, and the old stays. Returns a function that stops it.
 */
export function watchTls(
  files: TlsFiles,
  current: TlsMaterial,
  options: {
    readonly onChange: (material: TlsMaterial) => void
    readonly onError: (error: unknown) => void
    readonly checkMs?: number
  },
): () => void {
  let known = current
  let seen = ''
  let busy = false
  const check = async () => {
    if (busy) return
    busy = true
    try {
      const marks = await Promise.all([files.certificateFile, files.keyFile].map(markOf))
      if (marks.join() === seen) return
      seen = marks.join()
      const next = await loadTls(files)
      if (next.certificate === known.certificate && next.key === known.key) return
      known = next
      options.onChange(next)
    } catch (error) {
      options.onError(error)
    } finally {
      busy = false
    }
  }
  const timer = setInterval(() => void check(), options.checkMs ?? DEFAULT_CHECK_MS)
  timer.unref()
  return () => clearInterval(timer)
}

async function markOf(file: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(file)
  return `${mtimeMs}:${size}:${ino}`
}

async function readPem(file: string): Promise<string> {
  try {
    const { size } = await stat(file)
    if (size > MAX_PEM_BYTES) throw new Error(`expected at most ${MAX_PEM_BYTES} bytes, found ${size}`)
    return await readFile(file, 'utf8')
  } catch (cause) {
    throw new ConfigError('ERR_TLS_FILE', `expected a readable PEM file at ${file}`, { cause })
  }
}
