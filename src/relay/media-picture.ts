import { fileTypeFromBuffer } from 'file-type'

/** The first bytes that are looked at: enough for the formats that keep their mark inside, such as office documents. */
export const SNIFFED_BYTES = 64 * 1024
/** Pictures of a larger file or of more pixels get no thumbnail: opened, a pixel takes four bytes. */
const PICTURE_BYTES_MAX = 16 * 1024 * 1024
const PIXELS_MAX = 20_000_000
const SIDE_PIXELS_MAX = 320
const QUALITY = 75

const PICTURES: ReadonlySet<string> = new Set(['image/jpeg', 'image/png', 'image/webp', 'image/gif'])

/** What a file is by its first bytes, whatever its sender says; null where they say nothing, as in plain text. */
export async function mediaTypeOf(head: Uint8Array): Promise<string | null> {
  try {
    return (await fileTypeFromBuffer(head))?.mime ?? null
  } catch {
    // A file that is cut in the middle of what would tell.
    return null
  }
}

export function isPicture(mimeType: string | null, sizeBytes: number): boolean {
  return mimeType !== null && PICTURES.has(mimeType) && sizeBytes <= PICTURE_BYTES_MAX
}

/**
 * A small WebP of a picture, turned the right way up and without what a camera writes into it; undefined where it cannot
 * be opened or has too many pixels. The work is done beside the main thread.
 */
export async function thumbnailOf(picture: Uint8Array<ArrayBuffer>): Promise<Uint8Array | undefined> {
  try {
    return await new Bun.Image(picture, { maxPixels: PIXELS_MAX })
      .resize(SIDE_PIXELS_MAX, SIDE_PIXELS_MAX, { fit: 'inside', withoutEnlargement: true })
      .webp({ quality: QUALITY })
      .bytes()
  } catch {
    return undefined
  }
}
