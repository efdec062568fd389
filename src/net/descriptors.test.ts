import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { connectionsWithin, takeDescriptor } from './descriptors.ts'

test('N-08: some descriptors are kept for the server itself', () => {
  assert.equal(connectionsWithin(1024), 928)
  assert.equal(connectionsWithin(128), 77)
  assert.equal(connectionsWithin(Number.POSITIVE_INFINITY), Number.POSITIVE_INFINITY)
})

test('N-08: a socket counts until it closes', () => {
  const socket = new EventEmitter()
  assert.equal(takeDescriptor(socket as unknown as Socket), true)
  assert.equal(socket.listenerCount('close'), 1)
  socket.emit('close')
  assert.equal(socket.listenerCount('close'), 0)
})
