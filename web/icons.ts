/** The drawings of the pages: one path each, in a field of 24 × 24, in the colour of the text around them. */

const PATHS = {
  film: 'M4 4h16a1 1 0 0 1 1 1v14a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1Zm1 2v2h2V6H5Zm12 0v2h2V6h-2ZM5 11v2h2v-2H5Zm12 0v2h2v-2h-2ZM5 16v2h2v-2H5Zm12 0v2h2v-2h-2ZM10 8.5v7l6-3.5-6-3.5Z',
  sound: 'M12 3v10.6a4 4 0 1 0 2 3.4V7h5V3h-7Z',
  folder: 'M3 6a2 2 0 0 1 2-2h4.6l2 2H19a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V6Z',
  play: 'M7 4.5v15l12.5-7.5L7 4.5Z',
  pause: 'M6 4.5h4v15H6v-15Zm8 0h4v15h-4v-15Z',
  replay: 'M12 5V1.5L6.5 7 12 12.5V9a5 5 0 1 1-5 5H4a8 8 0 1 0 8-9Z',
  loud: 'M3 9v6h4l5 4.5v-15L7 9H3Zm11-1.2v8.4a4.6 4.6 0 0 0 0-8.4Zm0-4.3v2.2a6.6 6.6 0 0 1 0 12.6v2.2a8.7 8.7 0 0 0 0-17Z',
  quiet: 'M3 9v6h4l5 4.5v-15L7 9H3Zm11-1.2v8.4a4.6 4.6 0 0 0 0-8.4Z',
  muted:
    'M3 9v6h4l5 4.5v-15L7 9H3Zm18.5.9-1.4-1.4L18 10.6l-2.1-2.1-1.4 1.4 2.1 2.1-2.1 2.1 1.4 1.4 2.1-2.1 2.1 2.1 1.4-1.4-2.1-2.1 2.1-2.1Z',
  subtitles:
    'M4 5h16a1.5 1.5 0 0 1 1.5 1.5v11A1.5 1.5 0 0 1 20 19H4a1.5 1.5 0 0 1-1.5-1.5v-11A1.5 1.5 0 0 1 4 5Zm1 6v2h4v-2H5Zm6 0v2h8v-2h-8Zm-6 3.5v2h8v-2H5Zm10 0v2h4v-2h-4Z',
  audio: 'M4 10v4h2v-4H4Zm4-4v12h2V6H8Zm4-3v18h2V3h-2Zm4 5v8h2V8h-2Zm4 2v4h2v-4h-2Z',
  settings:
    'M19.4 13.5a7.6 7.6 0 0 0 0-3l2-1.6-2-3.4-2.4 1a7.6 7.6 0 0 0-2.6-1.5L14 2.5h-4l-.4 2.5A7.6 7.6 0 0 0 7 6.5l-2.4-1-2 3.4 2 1.6a7.6 7.6 0 0 0 0 3l-2 1.6 2 3.4 2.4-1a7.6 7.6 0 0 0 2.6 1.5l.4 2.5h4l.4-2.5a7.6 7.6 0 0 0 2.6-1.5l2.4 1 2-3.4-2-1.6ZM12 15.5a3.5 3.5 0 1 1 0-7 3.5 3.5 0 0 1 0 7Z',
  pictureInPicture: 'M3 5h18v5h-2V7H5v10h5v2H3V5Zm9 7h9v7h-9v-7Z',
  fullScreen: 'M4 4h6v2H6v4H4V4Zm10 0h6v6h-2V6h-4V4ZM4 14h2v4h4v2H4v-6Zm14 0h2v6h-6v-2h4v-4Z',
  smallScreen: 'M8 4h2v6H4V8h4V4Zm6 0h2v4h4v2h-6V4ZM4 14h6v6H8v-4H4v-2Zm10 0h6v2h-4v4h-2v-6Z',
} as const

export type IconName = keyof typeof PATHS

const SVG = 'http://www.w3.org/2000/svg'

/** A new drawing; says nothing to screen readers. */
export function drawIcon(name: IconName): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg')
  svg.setAttribute('viewBox', '0 0 24 24')
  svg.setAttribute('aria-hidden', 'true')
  const path = document.createElementNS(SVG, 'path')
  path.setAttribute('fill', 'currentColor')
  path.setAttribute('fill-rule', 'evenodd')
  path.setAttribute('d', PATHS[name])
  svg.append(path)
  return svg
}
