import type { Json } from './seen.ts'
import type { World } from './world.ts'

/** What a message may say: the platform's type and object, and what has to be read in it. */
export interface Saying {
  type: string
  own: Json
  content: Json
  files?: number
  /** Members of the message beside the type's object. */
  beside?: Json
}

const WORDS = [
  'Guten Tag',
  'Is it there?',
  'Привет',
  '你好吗',
  'مرحبا',
  'ありがとう',
  'Grüße 👋🏽',
  'e\u0301te',
  '<b>&amp;</b>',
  '{"a":1}',
]

export function words(world: World): string {
  return `${world.pick(WORDS)} ${world.serial()}`
}

function file(world: World, more: Json): Json {
  const serial = world.serial()
  return {
    id: String(9_000_000 + serial),
    sha256: Buffer.from(String(serial).padStart(32, '0')).toString('base64'),
    ...(world.chance(0.5) ? { url: `https://files.example/${serial}` } : {}),
    ...more,
  }
}

function withFile(type: string, own: Json): Saying {
  return { type, own, content: { kind: 'attachment', text: own.caption }, files: 1 }
}

function reply(type: string, answer: Json, content: Json): Saying {
  return { type: 'interactive', own: { type, [type]: answer }, content }
}

const SAYINGS: readonly ((world: World) => Saying)[] = [
  (world) => withFile('image', file(world, { mime_type: 'image/jpeg', ...maybeCaption(world) })),
  (world) => withFile('video', file(world, { mime_type: 'video/mp4', ...maybeCaption(world) })),
  (world) => withFile('audio', file(world, { mime_type: 'audio/ogg; codecs=opus', voice: world.chance(0.5) })),
  (world) =>
    withFile('document', file(world, { mime_type: 'application/pdf', filename: 'a.pdf', ...maybeCaption(world) })),
  (world) => withFile('sticker', file(world, { mime_type: 'image/webp', animated: world.chance(0.5) })),
  (world) => {
    const name = words(world)
    const isText = world.chance(0.3)
    const own = { latitude: isText ? '52.5' : 52.5, longitude: isText ? '13.25' : 13.25, name, address: 'A street 1' }
    return {
      type: 'location',
      own,
      content: { kind: 'location', place: { latitude: 52.5, longitude: 13.25, name }, text: `${name}\nA street 1` },
    }
  },
  (world) => {
    const name = words(world)
    const phones = [{ phone: '+1 (415) 555-0829', wa_id: '14155550829' }]
    const own = [
      { name: { formatted_name: name }, phones },
      { origin: 'contact_request', vcard: 'V', phones },
    ]
    return { type: 'contacts', own, content: { kind: 'contacts', people: [{ name }, { name: null }] } }
  },
  (world) => {
    const title = words(world)
    return reply('button_reply', { id: 'b1', title }, { kind: 'choice', text: title, choice: { id: 'b1', title } })
  },
  (world) => {
    const title = words(world)
    const description = world.chance(0.5) ? 'more' : undefined
    const choice = { id: 'r1', title, ...(description ? { description } : {}) }
    return reply('list_reply', choice, { kind: 'choice', choice })
  },
  (world) => {
    const answers = { note: words(world), flow_token: 'f1' }
    const nfm = { name: 'flow', body: 'Sent', response_json: JSON.stringify(answers) }
    return reply('nfm_reply', nfm, { kind: 'form', text: 'Sent', form: { name: 'flow', token: 'f1', answers } })
  },
  (world) => {
    const json = world.pick(['no json', '[1]', '7', '', '{"a":'])
    return reply('nfm_reply', { name: 'flow', response_json: json }, { kind: 'form', form: { answers: null } })
  },
  (world) => {
    const response = world.pick(['accept', 'reject'])
    return reply(
      'call_permission_reply',
      { response, response_source: 'user_action' },
      { kind: 'permission', choice: { id: response } },
    )
  },
  (world) => {
    const id = `p${world.serial()}`
    const content = { kind: 'choice', product: { catalog_id: 'c1', product_id: id } }
    return reply('product', { catalog_id: 'c1', product_retailer_id: id }, content)
  },
  (world) => {
    const id = `r${world.serial()}`
    return reply('payment_method', { payment_method: 'card', reference_id: id }, { kind: 'choice', choice: { id } })
  },
  (world) => {
    const title = words(world)
    return {
      type: 'button',
      own: { payload: 'p1', text: title },
      content: { kind: 'choice', text: title, choice: { id: 'p1', title } },
    }
  },
  (world) => {
    const text = words(world)
    const items = [{ product_retailer_id: 'p1', quantity: 2, item_price: 12.5, currency: 'EUR' }]
    const order = { catalog_id: 'c1', items: [{ product_id: 'p1', quantity: 2, price: '12.5', currency: 'EUR' }] }
    return {
      type: 'order',
      own: { catalog_id: 'c1', text, product_items: items },
      content: { kind: 'order', text, order },
    }
  },
  (world) => ({
    type: 'system',
    own: { type: 'customer_identity_changed', body: words(world) },
    content: { kind: 'notice', notice: { code: 'identity_changed' } },
    beside: { identity: { acknowledged: false, hash: 'h' } },
  }),
  () => ({ type: 'request_welcome', own: undefined, content: { kind: 'welcome' } }),
  (world) => {
    const code = world.pick([131051, 130501, 131060])
    const beside = { errors: [{ code, title: 'Message type unknown' }] }
    const hint = world.chance(0.5) ? 'poll_creation' : null
    const own = hint === null ? undefined : { type: hint }
    return { type: 'unsupported', own, content: { kind: 'unsupported', unsupported: { hint, code } }, beside }
  },
  (world) => {
    const type = `future_${world.below(5)}`
    return { type, own: { thing: words(world) }, content: { kind: 'other' } }
  },
]

function maybeCaption(world: World): Json {
  return world.chance(0.5) ? { caption: words(world) } : {}
}

export function textSaying(world: World): Saying {
  const body = words(world)
  return { type: 'text', own: { body }, content: { kind: 'text', text: body } }
}

/** Text half of the time, as it is with people. */
export function saying(world: World): Saying {
  return world.chance(0.5) ? textSaying(world) : world.pick(SAYINGS)(world)
}

/** What stands around a message: what it answers, that it was forwarded, where the customer came from. */
export function surroundings(
  world: World,
  known: readonly string[],
): { beside: Json; content: Json; replyTo?: string } {
  const kind = world.below(10)
  if (kind === 0 && known.length > 0) {
    const id = world.pick(known)
    return { beside: { context: { from: '1', id } }, content: {}, replyTo: id }
  }
  if (kind === 1) {
    const id = world.messageId()
    return { beside: { context: { id } }, content: {}, replyTo: id }
  }
  if (kind === 2) return { beside: { context: { forwarded: true } }, content: { forwarded: 'once' } }
  if (kind === 3) return { beside: { context: { frequently_forwarded: true } }, content: { forwarded: 'often' } }
  if (kind === 4) {
    const product = { catalog_id: 'c1', product_retailer_id: `p${world.serial()}` }
    return {
      beside: { context: { referred_product: product } },
      content: { product: { catalog_id: 'c1', product_id: product.product_retailer_id } },
    }
  }
  if (kind === 5) {
    const referral = { source_id: `ad${world.serial()}`, source_type: 'ad', headline: 'H', ctwa_clid: 'c' }
    const { source_id, source_type, headline } = referral
    return { beside: { referral }, content: { referral: { source_id, source_type, headline, click_id: 'c' } } }
  }
  if (kind === 6) {
    const text = words(world)
    return { beside: { conversation_context: { type: 'summary', summary: { text } } }, content: { summary: text } }
  }
  return { beside: {}, content: {} }
}
