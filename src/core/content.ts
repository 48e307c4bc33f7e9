/**
 * What a message says, in words that fit every channel. It is made from the platform's own object each time it is
 * needed and is kept nowhere: the object, sealed, is the only copy.
 */
export interface MessageContent {
  kind: ContentKind
  /** What a person reads in it: the text, a caption, the words of a choice, the name and address of a place. */
  text?: string
  attachments?: AttachmentContent[]
  place?: { latitude: number; longitude: number; name?: string; address?: string; url?: string }
  people?: SharedPerson[]
  /** What was chosen among things that the firm offered. */
  choice?: { id: string | null; title: string; description?: string }
  /** The answers of a form; null where what came is no object. */
  form?: { name: string | null; token: string | null; answers: Record<string, unknown> | null }
  order?: { catalogId: string | null; items: OrderItem[] }
  /** A notice of the platform about the person; the word is ours, or the platform's where we have none. */
  notice?: { code: string }
  call?: { outcome: string | null; durationS: number | null }
  /** A message that the platform does not hand over. */
  unsupported?: { hint: string | null; code: number | null }
  template?: { name: string; language: string | null }
  forwarded?: 'once' | 'often'
  referral?: Referral
  /** A product that the message asks about. */
  product?: { catalogId: string | null; productId: string }
  /** What somebody else who held the thread before says of it, such as the platform's assistant. */
  summary?: string
}

/**
 * `permission`: an answer to the question whether the firm may call. `other`: a type that is not understood; the whole
 * object is shown as it came.
 */
export const CONTENT_KINDS = [
  'text',
  'attachment',
  'location',
  'contacts',
  'choice',
  'form',
  'order',
  'permission',
  'notice',
  'call',
  'template',
  'interactive',
  'welcome',
  'reaction',
  'edit',
  'revoke',
  'unsupported',
  'other',
] as const
export type ContentKind = (typeof CONTENT_KINDS)[number]

export const ATTACHMENT_KINDS = ['image', 'audio', 'video', 'document', 'sticker'] as const
export type AttachmentKind = (typeof ATTACHMENT_KINDS)[number]

/** A file that comes with a message, as the sender says it is; what it truly is shows when it has been fetched. */
export interface AttachmentContent {
  kind: AttachmentKind
  /** The platform's id of the file, or null where it gives only an address. */
  upstreamId: string | null
  /** Where it can be fetched for a short time, if the platform says so. */
  url: string | null
  mimeType: string | null
  /** SHA-256 of the whole file, 64 hexadecimal digits. */
  sha256: string | null
  fileName: string | null
  /** A voice note. */
  voice: boolean
  animated: boolean
}

export interface SharedPerson {
  name: string | null
  phones: string[]
  emails: string[]
  organization: string | null
}

export interface OrderItem {
  productId: string
  quantity: number
  /** As the platform writes it: a decimal. */
  price: string | null
  currency: string | null
}

/** Where the customer came from: an advertisement or a post. */
export interface Referral {
  sourceId: string | null
  sourceType: string | null
  url: string | null
  headline: string | null
  body: string | null
  clickId: string | null
}
