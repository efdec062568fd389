/** Fuzz targets of the encoder: what ffprobe says of a hostile file, and what lies in the cache. */
import type { FuzzTarget } from '../../fuzz-target.ts'
import { formatFacts, parseFacts } from './file-plan.ts'
import { parseLayout } from './source-layout.ts'

const PROBED = {
  streams: [
    { index: 0, codec_type: 'audio', codec_name: 'wmav2', channels: 2, tags: { language: 'deu' } },
    {
      index: 1,
      codec_type: 'video',
      codec_name: 'wmv2',
      width: 720,
      height: 576,
      sample_aspect_ratio: '64:45',
      avg_frame_rate: '25/1',
      field_order: 'tt',
      side_data_list: [{ rotation: -90 }],
    },
  ],
}

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'transcode/layout',
    seeds: () => [Buffer.from(JSON.stringify(PROBED))],
    run: (input) => {
      parseLayout(Buffer.from(input).toString())
    },
  },
  {
    name: 'transcode/facts',
    seeds: () => [formatFacts({ layout: parseLayout(JSON.stringify(PROBED)), rate: { frames: 25, seconds: 1 } })],
    run: (input) => {
      parseFacts(input)
    },
  },
]
