/** The unit that RTMP and FLV share: one audio, video or data message, of which the body is the same in both. */

export interface FlvMessage {
  readonly type: 'audio' | 'video' | 'data'
  /** Milliseconds; the low 32 bits count when it is written. */
  readonly timestampMs: number
  /** FLV AUDIODATA, VIDEODATA, or AMF 0 values with the name of the handler first. */
  readonly body: Uint8Array
}
