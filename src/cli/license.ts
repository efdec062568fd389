/** `headend license`: the licence server alone, with the settings of `headend serve`. */
import type { Command } from 'commander'
import { createLicenseServer } from '../index.ts'
import { configureServer } from './serve.ts'

export function configure(command: Command): void {
  configureServer(
    command,
    'Runs the licence server alone: Clear Key licences and AES-128 keys for who may play what they are for. Takes the options of `headend serve`; keys, secrets and revoked tokens are in the data folder, which a media server on this machine may share.',
    createLicenseServer,
  )
}
