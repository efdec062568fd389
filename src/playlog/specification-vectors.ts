/**
 * The examples of MS-WMLOG section 3, with the line breaks of print taken out, and what is misprinted put right: a missing blank in 3.3 (`-0`), a dot
 * before the address in 3.6.
 */
import type { WmlogKind } from './wmlog.ts'

const AGENT_2006 = 'Mozilla/4.0_(compatible;_MSIE_6.0;_Windows_NT_5.1)_(WMFSDK/10.0.0.3802)_WMPlayer/10.0.0.4019'
const HEAD_2000 = '0.0.0.0 2000-06-14 01:18:58 -'
const PLAYER_2000 =
  '30 1 1 200 {35301A88-93D3-4F3A-A284-30F7A611CD23} 7.0.0.1938 en-US - - wmplayer.exe 7.0.0.1938 Windows_2000 5.0.0.2195 Pentium 225 4551684 1528'
const HEAD_2006 =
  '0.0.0.0 2006-05-01 21:34:01 - http://server.example.com/content.wmv 4 0 1 200 {3300AD50-2C39-46c0-AE0A-3E0B6EFB86DC} 10.0.0.3802 en-US ' +
  `${AGENT_2006} http://bar.microsoft.com iexplore.exe 6.0.2900.2180 Windows_XP 5.1.0.2600 Pentium 130 638066 -`
const LEGACY =
  '0.0.0.0 2003-09-27 00:27:24 - http://10.194.20.175/mcast1200K 0 42 1 200 {3300AD50-2C39-46c0-AE0A-B4C904C7848E} 9.0.0.2980 en-US ' +
  'WMFSDK/9.0.0.2980_WMPlayer/9.0.0.3008 - wmplayer.exe 9.0.0.2980 Windows_XP 5.1.0.2600 Pentium 1801 268885194 1255347 http TCP ' +
  'Windows_Media_Audio_9 Windows_Media_Video_9 - - 6321233 - 4496 0 0 0 0 0 0 1 0 100 - - - -'

/** A line, as it is sent alone or in a Summary. */
export interface ExampleLine {
  /** Section and reader. */
  readonly name: string
  readonly kind: WmlogKind
  readonly line: string
  /** To a web server, behind `MX_STATS_LogLine:`. */
  readonly web?: true
}

export const EXAMPLE_LINES: readonly ExampleLine[] = [
  { name: '3.1 legacy, 44 fields', kind: 'legacy', line: LEGACY },
  {
    name: '3.1 legacy, 47 fields',
    kind: 'legacy',
    line: `${LEGACY} http://10.194.20.175/mcast1200K?WMBitrate=6000000 30MinTV_1200k_1s_1s_0Q.wmv -`,
  },
  {
    name: '3.1 legacy, to a web server',
    kind: 'legacy',
    line: `${HEAD_2000} mmsu://server.example.com/testfile.wma ${PLAYER_2000} mms UDP - - - - 29868 - 4 0 0 0 0 0 0 0 0 100 172.29.237.102 - - -`,
    web: true,
  },
  {
    name: '3.3 streaming',
    kind: 'streaming',
    line: `${HEAD_2006} http TCP - - - - 0 - 0 0 0 0 0 0 0 0 0 100 - - - - http://server.example.com/content.wmv - -`,
  },
  {
    name: '3.3 streaming, to a web server',
    kind: 'streaming',
    line:
      `${HEAD_2000} mmsu://server.example.com/testfile.wma ${PLAYER_2000} mms UDP - - - - 29868 - 4 0 0 0 0 0 0 0 0 100 172.29.237.102 - - - ` +
      'mmsu://server.example.com/testfile.wma - -',
    web: true,
  },
  {
    name: '3.4 rendering, 52 fields',
    kind: 'rendering',
    line:
      `${HEAD_2006} Cache - Windows_Media_Audio_9 Windows_Media_Video_9 - - 0 - - - - - - - - - - 100 - - - - - - - ` +
      'http://server.example.com/content.wmv - - - 0',
  },
  {
    name: '3.4 rendering, to a web server',
    kind: 'rendering',
    line:
      `${HEAD_2000} mms://server.example.com/test.wma ${PLAYER_2000} Cache - - - - - 29868 - - - - - - - - - - 100 - - - - ` +
      'mms://server.example.com/test.wma - -',
    web: true,
  },
  {
    name: '3.6 of a multicast, to a web server',
    kind: 'legacy',
    line:
      '0.0.0.0 2007-06-27 02:52:39 - asfm://239.192.50.29:30864 0 39 1 200 {3300AD50-2C39-46c0-AE0A-0572F2EA5330} 10.0.0.4054 en-US ' +
      'WMFSDK/10.0.0.4054_WMPlayer/10.0.0.4036 - wmplayer.exe 10.0.0.3802 Windows_XP 5.1.0.2600 Pentium 229 10413011 411536 asfm UDP ' +
      'Windows_Media_Audio_9.2 - http://WebServer:8080/multicast.nsc - 2170350 - 182 0 0 0 0 0 0 1 3 100 239.192.50.29 - - - ' +
      'http://WebServer:8080/multicast.nsc - -',
    web: true,
  },
]

/** 3.5: the connect-time log, with the line breaks of the text. */
export const EXAMPLE_CONNECT_XML = `<XML>
<Summary></Summary>
<c-dns>-</c-dns>
<c-ip>0.0.0.0</c-ip>
<c-os>Windows</c-os>
<c-osversion>6.0.0.6000</c-osversion>
<date>2006-08-30</date>
<time>13:18:44</time>
<c-cpu>Pentium</c-cpu>
<transport>TCP</transport>
</XML>`

/** 3.1 and 3.2: what stands behind the fields of a log in XML. */
export const EXAMPLE_DESCRIPTION = {
  WMS_CONTENT_DESCRIPTION_PLAYLIST_ENTRY_URL: '30MinTV_1200k_1s_1s_0Q.wmv',
  WMS_CONTENT_DESCRIPTION_COPIED_METADATA_FROM_PLAYLIST_FILE: '1',
  WMS_CONTENT_DESCRIPTION_PLAYLIST_ENTRY_DURATION: '1800501',
  WMS_CONTENT_DESCRIPTION_PLAYLIST_ENTRY_START_OFFSET: '1450',
  WMS_CONTENT_DESCRIPTION_SERVER_BRANDING_INFO: 'WMServer/9.0',
} as const
export const EXAMPLE_VENDOR = { 'vendor-field1': 'Value1', 'vendor-field2': 'Value2' } as const
