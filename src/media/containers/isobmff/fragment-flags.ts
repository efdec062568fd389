/** Flags of `tfhd`, `trun` and of single samples (ISO/IEC 14496-12 sections 8.8.7, 8.8.8 and 8.8.3). */

/** Of `tfhd`: which fields follow, and where data offsets count from. */
export const BASE_DATA_OFFSET = 0x1
export const SAMPLE_DESCRIPTION_INDEX = 0x2
export const DEFAULT_SAMPLE_DURATION = 0x8
export const DEFAULT_SAMPLE_SIZE = 0x10
export const DEFAULT_SAMPLE_FLAGS = 0x20
export const DEFAULT_BASE_IS_MOOF = 0x2_0000

/** Of `trun`: which fields follow, once and for each sample. */
export const DATA_OFFSET = 0x1
export const FIRST_SAMPLE_FLAGS = 0x4
export const SAMPLE_DURATION = 0x100
export const SAMPLE_SIZE = 0x200
export const SAMPLE_FLAGS = 0x400
export const SAMPLE_COMPOSITION_OFFSET = 0x800

/** Of a sample: sample_depends_on says "no other". */
export const FLAGS_KEY = 0x200_0000
/** Of a sample: sample_depends_on says "others", and sample_is_non_sync_sample. */
export const FLAGS_NOT_KEY = 0x101_0000
/** The bit sample_is_non_sync_sample. */
export const IS_NON_SYNC = 0x1_0000
