import type { AttachmentContent, AttachmentKind } from '../../core/content.ts'
import { type JsonObject, objectOf, textOf } from './read.ts'

/** What a file is whose object stands under this name. `voice` is how voice notes came before 2022, and still do. */
const KIND_OF: ReadonlyMap<string, AttachmentKind> = new Map([
  ['image', 'image'],
  ['audio', 'audio'],
  ['voice', 'audio'],
  ['video', 'video'],
  ['gif', 'video'],
  ['document', 'document'],
  ['sticker', 'sticker'],
])

const HEX_SHA256 = /^[0-9a-fA-F]{64}$/
const BASE64_SHA256 = /^[A-Za-z0-9+/]{43}=$/

/** The file that the object of a type names; undefined where the type names none or has no object. */
export function attachmentOf(type: string, value: unknown): AttachmentContent | undefined {
  const kind = KIND_OF.get(type)
  const raw = kind && objectOf(value)
  if (!raw) return undefined
  return {
    kind,
    upstreamId: textOf(raw['id']) ?? null,
    url: textOf(raw['url']) ?? textOf(raw['link']) ?? null,
    mimeType: textOf(raw['mime_type']) ?? null,
    sha256: sha256Of(raw['sha256']),
    fileName: textOf(raw['filename']) ?? null,
    voice: type === 'voice' || raw['voice'] === true,
    animated: type === 'gif' || raw['animated'] === true,
  }
}

/** The files of a message that came in: it has at most one. */
export function attachmentsOf(type: string, raw: JsonObject): AttachmentContent[] | undefined {
  if (!KIND_OF.has(type)) return undefined
  const attachment = attachmentOf(type, raw[type])
  return attachment && [attachment]
}

/** The platform writes the sum in base64; some of its samples have hexadecimal digits. */
export function sha256Of(value: unknown): string | null {
  if (typeof value !== 'string') return null
  if (HEX_SHA256.test(value)) return value.toLowerCase()
  return BASE64_SHA256.test(value) ? Buffer.from(value, 'base64').toString('hex') : null
}
