/** Configuration records written by FFmpeg 5.1 (x264, x265, libaom, libvpx and its own encoders), 322x182 pixels, 25 frames a second. */

export const avcConfig = hex('0142c00dffe1001c6742c00dda05467889b016a02020280000030008000003019078a15501000468ce0fc8')
export const avcHigh10Config = hex(
  '016e000dffe1001b676e000da6cd941519e226c044000003000400000300c83c50a65801000668ebe3cb22c0fdfafa00',
)
/** With the SEI array taken out. */
export const hevcConfig = hex(
  '0102200000009000000000003cf000fcfdfafa00000f03a00001001840010c01ffff02200000030090000003000003003c959809a10001002f' +
    '42010102200000030090000003000003003ca00a480b9c94d96566924caf016a12201208000003000800000300c840a200010007' +
    '4401c172b46240',
)
export const av1Config = hex('81000c000a0b000000043d06d4daf90040')
/** As the box stores it, with version and flags. */
export const vp9Box = hex('01000000000b820202020000')
export const vp9Config = vp9Box.subarray(4)
/** AAC-LC, 48 kHz, stereo, with the SBR extension saying: no SBR. */
export const aacConfig = hex('119056e500')
export const opusConfig = hex('000201380000bb80000000')
export const ac3Config = hex('101140')
export const eac3Config = hex('0600200400')
export const flacConfig = hex('80000022120012000000780005110bb802f0000012c0ba43705036a3bb057849a9f54f6928a3')
export const vp8KeyFrame = hex('f067009d012a4201b6000007')
export const vp9KeyFrame = hex('824983420014100b560438241c184a00')
export const mp3Frame = hex('fffb40c000000000')

export function hex(text: string): Uint8Array {
  return Uint8Array.from(text.replaceAll(' ', '').match(/../g) ?? [], (byte) => Number.parseInt(byte, 16))
}
