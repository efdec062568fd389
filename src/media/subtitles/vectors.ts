/** Subtitle files as they are found, for tests and fuzzing. */

/** Numbered well, with tags; as SubRip itself writes it. */
export const SRT = `1\r
00:00:01,000 --> 00:00:02,500\r
<i>First</i> & <b>bold</b>\r
second line\r
\r
2\r
00:00:03,000 --> 00:00:04,000\r
a < b <3 -->\r
\r
`

/** Mark, wrong and missing numbers, dots, no leading zeros, spaces, no and many empty lines, coordinates, an end before its beginning. */
export const SRT_UNTIDY = `\ufeff7
0:0:1.5-->0:0:2,5 X1:100 X2:600 Y1:10 Y2:50
{\\an8}Top
of it
7
00:00:03,000 --> 00:00:04,000
<font color="#ff0000">Red</font>

after an empty line


00:00:09,000 --> 00:00:08,000
never

12
00:00:05 --> 00:00:06
1984

x
00:00:07,1 --> 00:00:07,25
<I>open`

export const VTT = `WEBVTT - a title
Kind: captions

STYLE
::cue { color: red }

REGION
id:below
width:40%

NOTE
00:00 is no time

first
00:01.000 --> 00:00:02.500 line:0 align:start region:below
<v Anna>Hello &amp; <i>welcome</i></v>
second line

01:00:03.000 --> 01:00:04.000
<c.yellow>late</c>

00:05.000 --> 00:06.000 position:10%,line-left size:35%

00:07.000 --> 00:06.000
never
`

/** No header, commas, no empty line between cues, lines that end in two ways. */
export const VTT_UNTIDY = `WEBVTT\r
\r
00:00:01,000 --> 00:00:02,000\r
one\r
2
00:00:02,000 --> 00:00:03,000
two\0
 \t
NOTE
--> not a time
three
`
