/** Fuzz targets of the manifest readers: playlists, media presentation descriptions, XML. */
import { FormatError } from '../../errors.ts'
import type { FuzzTarget } from '../../fuzz-target.ts'
import { formatAsx } from './asx/format.ts'
import { parseAsx } from './asx/parse.ts'
import { formatCpix } from './cpix/format.ts'
import { parseCpix } from './cpix/parse.ts'
import { cpixKeyOf } from './cpix/usage-rules.ts'
import { CLEAR, ENCRYPTED, REQUEST } from './cpix/vectors.ts'
import { formatMpd } from './dash/format.ts'
import { parseMpd } from './dash/parse.ts'
import { expandTimeline } from './dash/segment-template.ts'
import { lintMediaPlaylist } from './hls/lint.ts'
import { applyDelta, formatMediaPlaylist } from './hls/media-playlist.ts'
import { formatMultivariantPlaylist } from './hls/multivariant-playlist.ts'
import { parsePlaylist } from './hls/parse.ts'
import { parseXml } from './xml.ts'

// Media code runs in Node and in browsers; both have these, but neither's type library is loaded here.
declare const TextDecoder: new () => { decode(bytes: Uint8Array): string }
declare const TextEncoder: new () => { encode(text: string): Uint8Array }

const MEDIA_PLAYLIST = `#EXTM3U
#EXT-X-VERSION:10
#EXT-X-TARGETDURATION:2
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-START:TIME-OFFSET=-4.5,PRECISE=YES
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12,PART-HOLD-BACK=1.5
#EXT-X-PART-INF:PART-TARGET=0.5
#EXT-X-MEDIA-SEQUENCE:5
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-SKIP:SKIPPED-SEGMENTS=3,RECENTLY-REMOVED-DATERANGES="a\tb"
#EXT-X-DATERANGE:ID="a",START-DATE="2026-01-01T00:00:00Z",DURATION=2,X-A="b"
#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://a",IV=0x01,KEYFORMAT="identity"
#EXT-X-MAP:URI="init.mp4",BYTERANGE="100@0"
#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000+01:00
#EXT-X-PART:DURATION=0.5,URI="8.mp4",BYTERANGE="10@0",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.5,URI="8.mp4",BYTERANGE="20"
#EXTINF:1,title
#EXT-X-BYTERANGE:30@0
8.mp4
#EXT-X-DISCONTINUITY
#EXT-X-GAP
#EXT-X-PART:DURATION=0.5,URI="9.0.mp4",GAP=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="9.1.mp4",BYTERANGE-START=1
#EXT-X-RENDITION-REPORT:URI="a",LAST-MSN=9,LAST-PART=0
#EXT-X-ENDLIST
`

const MULTIVARIANT_PLAYLIST = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a",NAME="A",DEFAULT=YES,URI="a.m3u8",CHANNELS="2"
#EXT-X-STREAM-INF:BANDWIDTH=1000,CODECS="avc1.64001f",RESOLUTION=1280x720,FRAME-RATE=25,AUDIO="a"
v.m3u8
#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=1000,URI="i.m3u8"
`

const MPD = `<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="dynamic" availabilityStartTime="2026-01-01T00:00:00Z" minBufferTime="PT1.5S">
<BaseURL availabilityTimeOffset="INF">a&amp;b/</BaseURL><ServiceDescription><Latency target="2000"/></ServiceDescription>
<Period start="PT0S"><AdaptationSet lang="en"><Role schemeIdUri="a" value="b"/><ContentProtection schemeIdUri="a" cenc:default_KID="b"/>
<ProducerReferenceTime id="0" wallClockTime="2026-01-01T00:00:00Z" presentationTime="0"/>
<SegmentTemplate timescale="90000" media="$Number%05d$"><SegmentTimeline><S t="1" d="2" r="-1"/><S t="9" d="1" r="3"/></SegmentTimeline></SegmentTemplate>
<Representation id="1" bandwidth="1"/></AdaptationSet></Period><UTCTiming schemeIdUri="a"/></MPD>`

const XML = `<?xml version="1.0"?><!-- c --><a:b xmlns:a="urn:a" c="&lt;&#65;&#x42;" d='"'>t<![CDATA[<]]><e/></a:b>`

const ASX = [
  `<asx version=3.0><!-- c --><TITLE>a & b</title><Base href="http://a/"/><LOGURL HREF='c?d&e'/><PARAM NAME="log:f" VALUE="g"/>
<entry clientskip=no><ref href=mms://a/b/><Ref HREF="c"><STARTTIME VALUE="1:02:03.4"/></Ref><duration value="5"/></ENTRY>
<ENTRYREF HREF="d.asx"/><REPEAT COUNT=2><ENTRY><REF HREF="e&#65;&amp;"/></REPEAT><EVENT NAME="f" WHENDONE="NEXT"/></ASX>`,
  '[Reference]\r\nRef1=http://a/b?MSWMExt=.asf\r\nRef2=http://c\r\n',
  'ASF http://a/b\r\n',
]

/** For scripts/fuzz.ts. */
export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'manifests/m3u8',
    seeds: () => [MEDIA_PLAYLIST, MULTIVARIANT_PLAYLIST].map(encode),
    run: (input) => {
      const playlist = parsePlaylist(decode(input))
      if (playlist.type === 'media') {
        formatMediaPlaylist(playlist)
        lintMediaPlaylist(playlist, applyDelta(playlist, playlist))
      } else formatMultivariantPlaylist(playlist)
    },
  },
  {
    name: 'manifests/mpd',
    seeds: () => [encode(MPD)],
    run: (input) => {
      const mpd = parseMpd(decode(input))
      formatMpd(mpd)
      for (const set of mpd.periods.flatMap((period) => period.adaptationSets)) {
        expandTimeline(set.segmentTemplate?.timeline ?? [], { limit: 1_000 })
      }
    },
  },
  {
    name: 'manifests/asx',
    seeds: () => ASX.map(encode),
    run: (input) => void parseAsx(formatAsx(parseAsx(decode(input)))),
  },
  {
    name: 'manifests/cpix',
    seeds: () => [CLEAR, ENCRYPTED, REQUEST].map(encode),
    run: (input) => {
      const document = parseCpix(decode(input))
      parseCpix(formatCpix(document))
      try {
        cpixKeyOf(document, { kind: 'audio', channels: 2, bitrateBps: 128_000 })
      } catch (error) {
        // Rules that contradict each other are no reason against the document.
        if (!(error instanceof FormatError)) throw error
      }
    },
  },
  { name: 'manifests/xml', seeds: () => [encode(XML)], run: (input) => void parseXml(decode(input)) },
]

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes)
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}
