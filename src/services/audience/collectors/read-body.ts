/** Bodies of reports: never more than a limit, whatever was announced. */
import type { IncomingMessage } from 'node:http'
import { FormatError, PeerError } from '../../../errors.ts'

/** Rejects with PeerError ERR_HTTP_BODY_TOO_LARGE, and with FormatError ERR_AUDIENCE_REPORT for a body that breaks off. */
export function readBody(raw: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const announced = Number(raw.headers['content-length'] ?? 0)
  if (announced > maxBytes) return Promise.reject(tooLarge(maxBytes))
  return new Promise((resolve, reject) => {
    const pieces: Buffer[] = []
    let size = 0
    let isWhole = false
    raw.on('data', (piece: Buffer) => {
      size += piece.byteLength
      if (size <= maxBytes) pieces.push(piece)
      else {
        raw.pause()
        reject(tooLarge(maxBytes))
      }
    })
    raw.on('end', () => {
      isWhole = true
      resolve(pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces))
    })
    const broken = (cause?: unknown) => {
      if (!isWhole) reject(new FormatError('ERR_AUDIENCE_REPORT', 'the report broke off', undefined, { cause }))
    }
    raw.on('error', broken)
    raw.on('close', () => broken())
  })
}

function tooLarge(maxBytes: number): PeerError {
  return new PeerError('ERR_HTTP_BODY_TOO_LARGE', `expected at most ${maxBytes} bytes`)
}
