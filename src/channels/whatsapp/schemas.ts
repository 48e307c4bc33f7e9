import { type TObject, type TProperties, type TSchema, Type } from '@sinclair/typebox'

/**
 * The platform's message objects as it documents them (its messages reference and facts of 2026). Every schema says in
 * `wanted` what it takes: that text goes to the caller in place of the refused value. Lengths count UTF-16 code units.
 */

const ID_CHARS_MAX = 512
const LINK_CHARS_MAX = 2_000

function text(min: number, max: number) {
  const wanted = min === 0 ? `a string of at most ${max} characters` : `a string of ${min} to ${max} characters`
  return Type.String({ minLength: min, maxLength: max, wanted })
}

function oneOf(words: readonly string[]) {
  const pattern = `^(${words.join('|')})$`
  return Type.String({ pattern, wanted: `one of ${words.join(', ')}` })
}

/** An object that holds these members and no others. */
function exactly<P extends TProperties>(properties: P): TObject<P> {
  return Type.Object(properties, { additionalProperties: false, wanted: 'an object' })
}

function listOf<S extends TSchema>(item: S, min: number, max: number) {
  return Type.Array(item, { minItems: min, maxItems: max, wanted: `a list of ${min} to ${max}` })
}

/** An object of the platform whose members are passed on as they are. */
const anyObject = Type.Record(Type.String(), Type.Unknown(), { wanted: 'an object' })
const optional = Type.Optional
const boolean = Type.Boolean({ wanted: 'true or false' })
const id = text(1, ID_CHARS_MAX)
const link = Type.String({
  pattern: '^[hH][tT][tT][pP][sS]?://[^\\s/?#]+\\S*$',
  maxLength: LINK_CHARS_MAX,
  wanted: `an http or https URL of at most ${LINK_CHARS_MAX} characters`,
})
const caption = optional(text(0, 1024))
/** The platform takes coordinates as numbers and as strings; the range of strings is checked beside the schema. */
function degrees(max: number) {
  return Type.Union(
    [Type.Number({ minimum: -max, maximum: max }), Type.String({ pattern: '^-?\\d{1,3}(\\.\\d{1,20})?$' })],
    { wanted: `degrees from -${max} to ${max}, as a number or a decimal string` },
  )
}

const index = Type.Union([Type.Integer({ minimum: 0, maximum: 99 }), Type.String({ pattern: '^\\d{1,2}$' })], {
  wanted: 'an integer from 0 to 99, as a number or a string',
})

const location = exactly({
  latitude: degrees(90),
  longitude: degrees(180),
  name: optional(text(0, 1024)),
  address: optional(text(0, 1024)),
})

/** Exactly one of `id` and `link` must be there; that is checked beside the schema. */
const source = { id: optional(id), link: optional(link) }
const headerMedia = exactly({ ...source, filename: optional(text(1, 1024)), caption, provider: optional(anyObject) })

const contact = exactly({
  name: exactly({
    formatted_name: text(1, 1024),
    first_name: optional(text(1, 1024)),
    last_name: optional(text(1, 1024)),
    middle_name: optional(text(1, 1024)),
    prefix: optional(text(1, 1024)),
    suffix: optional(text(1, 1024)),
  }),
  birthday: optional(Type.String({ pattern: '^\\d{4}-\\d{2}-\\d{2}$', wanted: 'a date as YYYY-MM-DD' })),
  phones: optional(
    listOf(exactly({ phone: optional(id), wa_id: optional(id), user_id: optional(id), type: optional(id) }), 0, 50),
  ),
  emails: optional(listOf(exactly({ email: optional(id), type: optional(id) }), 0, 50)),
  urls: optional(listOf(exactly({ url: optional(text(1, LINK_CHARS_MAX)), type: optional(id) }), 0, 50)),
  org: optional(exactly({ company: optional(id), department: optional(id), title: optional(id) })),
  addresses: optional(
    listOf(
      exactly({
        street: optional(id),
        city: optional(id),
        state: optional(id),
        zip: optional(id),
        country: optional(id),
        country_code: optional(id),
        type: optional(id),
      }),
      0,
      50,
    ),
  ),
})

/** A parameter's value stands in a member that is named after its type. */
const parameter = exactly({
  type: Type.String({ pattern: '^[a-z_]{1,64}$', wanted: 'the parameter type in lower case' }),
  parameter_name: optional(text(1, 512)),
  text: optional(text(1, 32_768)),
  payload: optional(Type.Union([text(0, 1024), anyObject], { wanted: 'a string of at most 1024 characters' })),
  coupon_code: optional(text(1, 64)),
  group_id: optional(id),
  ttl_minutes: optional(Type.Integer({ minimum: 1, wanted: 'minutes as a positive integer' })),
  currency: optional(anyObject),
  date_time: optional(anyObject),
  image: optional(headerMedia),
  video: optional(headerMedia),
  gif: optional(headerMedia),
  document: optional(headerMedia),
  location: optional(location),
  product: optional(anyObject),
  action: optional(anyObject),
  limited_time_offer: optional(anyObject),
  tap_target_configuration: optional(listOf(anyObject, 1, 10)),
  order_details: optional(anyObject),
  order_status: optional(anyObject),
})

const componentMembers = {
  type: Type.String({ pattern: '^[A-Za-z_]{1,64}$', wanted: 'the component type, such as body' }),
  sub_type: optional(Type.String({ pattern: '^[A-Za-z_]{1,64}$', wanted: 'the button type, such as quick_reply' })),
  index: optional(index),
  parameters: optional(listOf(parameter, 0, 100)),
}

const template = exactly({
  name: Type.String({ pattern: '^[a-z0-9_]{1,512}$', wanted: 'a name of 1 to 512 characters out of a-z, 0-9 and _' }),
  language: exactly({
    code: Type.String({ pattern: '^[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*$', wanted: 'a language code, such as en_US' }),
    policy: optional(oneOf(['deterministic'])),
  }),
  namespace: optional(id),
  components: optional(
    listOf(
      exactly({
        ...componentMembers,
        cards: optional(
          listOf(exactly({ card_index: index, components: optional(listOf(exactly(componentMembers), 0, 20)) }), 1, 10),
        ),
      }),
      0,
      20,
    ),
  ),
})

const reaction = exactly({ message_id: id, emoji: text(0, 64) })
/** What each type's object may hold. */
export const TYPE_SCHEMAS = {
  text: exactly({ body: text(1, 4096), preview_url: optional(boolean) }),
  template,
  image: exactly({ ...source, caption }),
  video: exactly({ ...source, caption }),
  audio: exactly({ ...source, voice: optional(boolean) }),
  document: exactly({ ...source, caption, filename: optional(text(1, 1024)) }),
  sticker: exactly({ ...source }),
  location,
  contacts: listOf(contact, 1, 256),
  reaction,
} as const satisfies Record<string, TSchema>

const interactiveHeader = exactly({
  type: oneOf(['text', 'image', 'video', 'document', 'gif']),
  text: optional(text(1, 60)),
  sub_text: optional(text(1, 60)),
  image: optional(headerMedia),
  video: optional(headerMedia),
  gif: optional(headerMedia),
  document: optional(headerMedia),
})

function interactive(type: string, action: TSchema, bodyCharsMax = 1024) {
  return exactly({
    type: Type.Literal(type),
    header: optional(interactiveHeader),
    body: optional(exactly({ text: text(1, bodyCharsMax) })),
    footer: optional(exactly({ text: text(1, 60) })),
    action,
  })
}

const buttons = exactly({
  buttons: listOf(exactly({ type: oneOf(['reply']), reply: exactly({ id: text(1, 256), title: text(1, 20) }) }), 1, 3),
})

const row = exactly({ id: text(1, 200), title: text(1, 24), description: optional(text(0, 72)) })
const listAction = exactly({
  button: text(1, 20),
  sections: listOf(exactly({ title: optional(text(0, 24)), rows: listOf(row, 1, 10) }), 1, 10),
})

const linkAction = exactly({
  name: oneOf(['cta_url']),
  parameters: exactly({ display_text: text(1, 20), url: text(1, LINK_CHARS_MAX) }),
})

/** Interactive messages by their own type. Those without limits of their own here are passed on with any action. */
export const INTERACTIVE_SCHEMAS = {
  button: interactive('button', buttons),
  list: interactive('list', listAction, 4096),
  cta_url: interactive('cta_url', linkAction),
  location_request_message: interactive('location_request_message', exactly({ name: oneOf(['send_location']) })),
  address_message: interactive('address_message', anyObject),
  flow: interactive('flow', anyObject),
  product: interactive('product', anyObject),
  product_list: interactive('product_list', anyObject),
  catalog_message: interactive('catalog_message', anyObject),
  carousel: interactive('carousel', anyObject),
  call_permission_request: interactive('call_permission_request', anyObject),
  voice_call: interactive('voice_call', anyObject),
  request_contact_info: interactive('request_contact_info', anyObject),
} as const satisfies Record<string, TSchema>

/** A whole message: the platform's own members beside those that the house adds when it sends. */
export function messageSchema(type: string, content: TSchema): TObject {
  return exactly({
    messaging_product: optional(oneOf(['whatsapp'])),
    recipient_type: optional(oneOf(['individual'])),
    recipient_identity_key_hash: optional(id),
    type: Type.Literal(type),
    [type]: content,
    // The platform takes no context with a reaction.
    ...(type === 'reaction' ? {} : { context: optional(exactly({ message_id: id })) }),
  })
}
