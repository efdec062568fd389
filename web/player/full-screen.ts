/** Full screen and picture in picture, with the ways of older iPhones. */

interface IosVideo {
  webkitEnterFullscreen?(): void
}

/** Fills the screen with `frame`, or with the video alone where a browser can do no more; or goes back. */
export async function toggleFullScreen(frame: HTMLElement, video: HTMLVideoElement): Promise<void> {
  if (document.fullscreenElement !== null) await document.exitFullscreen()
  else if (document.fullscreenEnabled) await frame.requestFullscreen()
  else (video as IosVideo).webkitEnterFullscreen?.()
}

export function canPictureInPicture(): boolean {
  return document.pictureInPictureEnabled
}

export async function togglePictureInPicture(video: HTMLVideoElement): Promise<void> {
  if (document.pictureInPictureElement !== null) await document.exitPictureInPicture()
  else if (video.readyState > 0) await video.requestPictureInPicture()
}
