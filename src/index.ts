/** The public API of the package, name by name. */

/** Errors: every one carries a stable `code`. */
export {
  ConfigError,
  describeError,
  type ErrorCode,
  FormatError,
  HeadendError,
  PeerError,
  UnavailableError,
} from './errors.ts'
/** Media: what `server.publish` takes and `server.streams` gives. */
export type { LogCursor } from './live/bounded-log.ts'
export { type Publisher } from './live/publisher.ts'
export { type Session, type SessionRole, type Sessions } from './live/sessions.ts'
export { type Stream, type StreamState } from './live/stream.ts'
export type { StreamEntry } from './live/stream-entry.ts'
export type { Packet } from './media/packet.ts'
/** The packager. */
export type { ProtectionScheme } from './media/protection/scheme.ts'
export type { ForeignTrack, MediaFormat } from './media/reader.ts'
export { MICROS_PER_MS, MICROS_PER_SECOND, type Micros } from './media/time.ts'
export {
  type AudioCodec,
  type AudioParameters,
  type Codec,
  type ColorInfo,
  type DataCodec,
  TRACK_ID_BASE,
  type Track,
  type TrackKind,
  type VideoCodec,
  type VideoParameters,
} from './media/track.ts'
export type { ContentKey } from './packaging/protection/segment-encryptor.ts'
/** The player, the encoder, and what tells what is in files. */
export { type PlayOptions, type PushOptions, play, probe, push } from './server/clients.ts'
/** Its settings: from a file, the environment and flags, and described as data. */
export { type ConfigSources, type LoadedConfig, loadConfig, type SettingsInput } from './server/config.ts'
export { eraseSession } from './server/erase-session.ts'
export type {
  EndedSessionEvent,
  PlayLogEvent,
  RecordingEvent,
  ServerEventName,
  ServerEvents,
  ServerListener,
  SessionEvent,
} from './server/events.ts'
export { type ExportAudienceOptions, exportAudience } from './server/export-audience.ts'
/** The server. */
export type { HeadendServer, ServerHooks } from './server/headend-server.ts'
export { exportKeys, importKeys, type KeyExport, type KeyImport } from './server/keys.ts'
export { createLicenseServer } from './server/license-server.ts'
export { createLogServer } from './server/log-server.ts'
export { describeOptions, type OptionDescription, type OptionType } from './server/options.ts'
export {
  type ExportProgress,
  type ExportRecordingOptions,
  type ExportReport,
  exportRecording,
  type ListRecordingsOptions,
  listRecordings,
  type RecordingPlace,
} from './server/recordings.ts'
export type { Secrets } from './server/secrets.ts'
export { createServer } from './server/server.ts'
export type { RemoteServer, ServerPlace } from './server/server-place.ts'
export type { ServerSettings, Settings } from './server/settings.ts'
/** Tokens and passwords. */
export { type CreatedToken, createToken, revokeToken, type TokenPlace } from './server/tokens.ts'
/** Where it is reached. */
export { lanHosts, urlsOf } from './server/urls.ts'
export { packageVersion } from './server/version.ts'
export type { AudienceExportFormat } from './services/audience/exports/formats.ts'
export type { TokenAction } from './services/auth/tokens/claims.ts'
export type { IssuedToken, TokenRequest } from './services/auth/tokens/own-tokens.ts'
export { hashPassword } from './services/auth/users.ts'
export type { PushReport } from './services/encoder/push.ts'
export type { SpekeCredentials, SpekeServer } from './services/keys/speke-client.ts'
export {
  formatContentKey,
  newContentKey,
  parseContentKey,
} from './services/packager/content-key.ts'
export { keysOfCpix, withCpixCopy } from './services/packager/cpix-keys.ts'
export { type DecryptOptions, type DecryptResult, decryptMedia } from './services/packager/decrypt-media.ts'
export { keysOfFile, readKeyFile } from './services/packager/key-file.ts'
export {
  type AssignedKeys,
  givenKeys,
  type KeyKind,
  type KeyPlan,
  type KeyScope,
  type KeySource,
  type PackageScheme,
} from './services/packager/key-source.ts'
export {
  type PackageOptions,
  type PackageProgress,
  type PackageResult,
  packageMedia,
} from './services/packager/package-media.ts'
export type { PackageEncryption } from './services/packager/protection-plan.ts'
export { keysOfSpeke, type SpekeKeyOptions } from './services/packager/speke-keys.ts'
export type { PlayReport, TrackReport } from './services/player/measurement.ts'
export type { PlayResult } from './services/player/play.ts'
export type { PacketCount } from './services/probe/packet-count.ts'
/** What is in media files. */
export type {
  KeyFrames,
  ProbedTrack,
  ProbeOptions,
  ProbeResult,
  Protection,
} from './services/probe/probe.ts'
/** Recordings. */
export { parseMoment } from './services/recorder/moment.ts'
export type { Recording } from './services/recorder/recordings.ts'
