/** What a client session is asked for, and what it tells (MS-WMSP 3.1.1, 3.1.4). */
import type { AsfInit } from '../../../../media/containers/asf/model.ts'
import type { ClientAddress } from './peer.ts'

/** What is wanted of the remote server. */
export interface WmspClientRequest {
  /** mms, mmsh, http or https; with user and password where they are needed. */
  readonly url: URL
  /** A person's player, or a server that passes the stream on. */
  readonly role: 'player' | 'server'
  /** Identifies the session in its logs, in braces. */
  readonly guid: string
  /** Random text, for Digest. */
  readonly cnonce: string
  /** Media time to begin at. Default 0, of a live stream what comes now. */
  readonly startMs?: number
  /** 1 is normal; up to 5 fast forward, down to -5 rewind. Default 1. */
  readonly rate?: number
  /** Numbers of the streams wanted. Default: all, the best of those that exclude each other. */
  readonly streams?: readonly number[]
  /** Lets the server go on with streams of its choice in a new playlist entry. Default true. */
  readonly predictive?: boolean
  /** Asks for three packets that tell how fast the way is. */
  readonly packetPair?: boolean
}

export type WmspClientEvent =
  /** Close the connection, open one to that address, and send `takeOutput` on it. Bytes of the old one are not to be written any more. */
  | { readonly type: 'dial'; readonly address: ClientAddress }
  /** Send on a connection of its own; what the server answers does not matter. */
  | {
      readonly type: 'side'
      readonly purpose: 'select-stream'
      readonly address: ClientAddress
      readonly request: Uint8Array
    }
  /** One of the three `$P` is whole. */
  | { readonly type: 'pair' }
  /** The streams of what comes now: those of the header that were asked for. */
  | { readonly type: 'header'; readonly init: AsfInit }
  /** One ASF data packet, and its number in the file. A view of what was written. */
  | { readonly type: 'packet'; readonly bytes: Uint8Array; readonly number: number }
  /** An entry is over: its logs are to be sent, on connections of their own. */
  | { readonly type: 'log' }
  /** All is over. */
  | { readonly type: 'end' }
