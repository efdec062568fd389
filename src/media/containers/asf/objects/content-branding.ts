/** Content Branding Object: a banner and where it leads (ASF 1.20 section 3.13). */
import { ASF_GUID } from '../guid.ts'
import type { ObjectBase, ObjectCodec } from './object.ts'

export interface ContentBrandingObject extends ObjectBase {
  readonly type: 'content-branding'
  /** 0 none, 1 BMP, 2 JPEG, 3 GIF. */
  readonly bannerType: number
  readonly banner: Uint8Array
  /** ASCII as stored. */
  readonly bannerUrl: string
  readonly copyrightUrl: string
}

export const contentBrandingCodec: ObjectCodec<ContentBrandingObject> = {
  guid: ASF_GUID.CONTENT_BRANDING,
  type: 'content-branding',
  read: (body) => ({
    type: 'content-branding',
    bannerType: body.u32le(),
    banner: body.view(body.u32le()),
    bannerUrl: body.latin1(body.u32le()),
    copyrightUrl: body.latin1(body.u32le()),
  }),
  write(writer, { bannerType, banner, bannerUrl, copyrightUrl }) {
    writer.u32le(bannerType).u32le(banner.byteLength).bytes(banner)
    writer.u32le(bannerUrl.length).latin1(bannerUrl).u32le(copyrightUrl.length).latin1(copyrightUrl)
  },
}
