import { describe, expect, test } from 'bun:test'
import type { MessageContent } from '../../core/content.ts'
import { contentOf } from './content.ts'
import { SAMPLES } from './samples.test-support.ts'
import { contentFaults } from './soundness.test-support.ts'

type Case = [name: string, type: string, raw: Record<string, unknown>, content: MessageContent]

const FILE = { id: '7', mime_type: 'image/jpeg' }
const ATTACHMENT = {
  kind: 'image',
  upstreamId: '7',
  url: null,
  mimeType: 'image/jpeg',
  sha256: null,
  fileName: null,
  voice: false,
  animated: false,
} as const
const reply = (type: string, answer: unknown) => ({ type: 'interactive', interactive: { type, [type]: answer } })
const form = (response_json: unknown, more = {}) =>
  reply('nfm_reply', { name: 'flow', body: 'Sent', response_json, ...more })
const formed = (answers: Record<string, unknown> | null, token: string | null = null): MessageContent => ({
  kind: 'form',
  text: 'Sent',
  form: { name: 'flow', token, answers },
})

const cameIn: Case[] = [
  ['a text', 'text', { text: { body: 'Hi' } }, { kind: 'text', text: 'Hi' }],
  ['a text without one', 'text', { text: 'Hi' }, { kind: 'text' }],
  ['a broken text', 'text', { text: { body: 'a\ud800' } }, { kind: 'text', text: 'a\ufffd' }],
  [
    'a file with a caption',
    'image',
    { image: { ...FILE, caption: 'Cat' } },
    { kind: 'attachment', text: 'Cat', attachments: [ATTACHMENT] },
  ],
  [
    'a voice note by its old name',
    'voice',
    { voice: { id: '7' } },
    { kind: 'attachment', attachments: [{ ...ATTACHMENT, kind: 'audio', mimeType: null, voice: true }] },
  ],
  ['a file that did not come', 'video', {}, { kind: 'attachment' }],
  [
    'a file that was too large',
    'video',
    { errors: [{ code: 131052 }] },
    { kind: 'unsupported', unsupported: { hint: 'video', code: 131052 } },
  ],
  [
    'a place',
    'location',
    {
      location: { latitude: 52.5, longitude: '-13.25', name: 'Here', address: 'A street 1', url: 'https://a.example' },
    },
    {
      kind: 'location',
      text: 'Here\nA street 1',
      place: { latitude: 52.5, longitude: -13.25, name: 'Here', address: 'A street 1', url: 'https://a.example' },
    },
  ],
  [
    'a place that is nowhere',
    'location',
    { location: { latitude: 152.5, longitude: 0, name: 'Here' } },
    { kind: 'location', text: 'Here' },
  ],
  ['a place without a figure', 'location', { location: { latitude: 'north', longitude: 0 } }, { kind: 'location' }],
  [
    'people',
    'contacts',
    {
      contacts: [
        {
          name: { formatted_name: 'Ada L.' },
          phones: [{ phone: '+1 650' }, { wa_id: '1650' }, 7],
          emails: [{ email: 'a@a.example' }],
          org: { company: 'C' },
        },
        { name: { first_name: 'Bo', last_name: 'B.' } },
        { origin: 'contact_request', vcard: 'x', phones: [{ phone: '+16505551234' }] },
        'x',
      ],
    },
    {
      kind: 'contacts',
      text: 'Ada L.\nBo B.\n+16505551234',
      people: [
        { name: 'Ada L.', phones: ['+1 650', '1650'], emails: ['a@a.example'], organization: 'C' },
        { name: 'Bo B.', phones: [], emails: [], organization: null },
        { name: null, phones: ['+16505551234'], emails: [], organization: null },
      ],
    },
  ],
  ['nobody', 'contacts', { contacts: 'x' }, { kind: 'contacts', people: [] }],
  [
    'an answer of a button',
    'interactive',
    reply('button_reply', { id: 'y', title: 'Yes' }),
    { kind: 'choice', text: 'Yes', choice: { id: 'y', title: 'Yes' } },
  ],
  [
    'an answer of a list',
    'interactive',
    reply('list_reply', { id: 'y', title: 'Yes', description: 'indeed' }),
    { kind: 'choice', text: 'Yes\nindeed', choice: { id: 'y', title: 'Yes', description: 'indeed' } },
  ],
  [
    'a form',
    'interactive',
    form('{"flow_token":"t","a":[1,{"b":null}]}'),
    formed({ flow_token: 't', a: [1, { b: null }] }, 't'),
  ],
  ['a form without a token', 'interactive', form('{"a":"1"}'), formed({ a: '1' })],
  ['a form of a list', 'interactive', form('[1,2]'), formed(null)],
  ['a form of no JSON', 'interactive', form('{"a":'), formed(null)],
  ['a form of null', 'interactive', form('null'), formed(null)],
  ['a form without answers', 'interactive', form(undefined), formed(null)],
  ['a form that is an object already', 'interactive', form({ a: 1 }), formed({ a: 1 })],
  ['a form that nests too deeply', 'interactive', form(`{"a":${'['.repeat(100)}${']'.repeat(100)}}`), formed(null)],
  ['a form that is too long', 'interactive', form(JSON.stringify({ a: 'x'.repeat(300_000) })), formed(null)],
  [
    'an address',
    'interactive',
    form('{"city":"x"}', { name: 'address_message' }),
    { ...formed({ city: 'x' }), form: { name: 'address_message', token: null, answers: { city: 'x' } } },
  ],
  [
    'a permission to call',
    'interactive',
    reply('call_permission_reply', { response: 'accept' }),
    { kind: 'permission', choice: { id: 'accept', title: 'accept' } },
  ],
  [
    'a payment',
    'interactive',
    reply('payment_method', { payment_method: 'card', reference_id: 'r' }),
    { kind: 'choice', text: 'card', choice: { id: 'r', title: 'card' } },
  ],
  [
    'a product',
    'interactive',
    reply('product', { product_retailer_id: 'p', catalog_id: 'c' }),
    { kind: 'choice', product: { catalogId: 'c', productId: 'p' } },
  ],
  ['an answer of a new kind', 'interactive', reply('dance', {}), { kind: 'interactive' }],
  [
    'an answer that did not come',
    'interactive',
    { errors: [{ code: 131000 }] },
    { kind: 'unsupported', unsupported: { hint: 'interactive', code: 131000 } },
  ],
  [
    'a quick reply',
    'button',
    { button: { payload: 'p', text: 'Yes' } },
    { kind: 'choice', text: 'Yes', choice: { id: 'p', title: 'Yes' } },
  ],
  [
    'an order',
    'order',
    {
      order: {
        catalog_id: 1,
        text: 'Please',
        product_items: [
          { product_retailer_id: 'p', quantity: '2', item_price: 99.99, currency: 'EUR' },
          { product_retailer_id: 7, item_price: '1.50' },
        ],
      },
    },
    {
      kind: 'order',
      text: 'Please',
      order: {
        catalogId: '1',
        items: [
          { productId: 'p', quantity: 2, price: '99.99', currency: 'EUR' },
          { productId: '7', quantity: 0, price: '1.50', currency: null },
        ],
      },
    },
  ],
  [
    'a new number',
    'system',
    { system: { type: 'user_changed_number', body: 'b' } },
    { kind: 'notice', text: 'b', notice: { code: 'number_changed' } },
  ],
  [
    'a new user id',
    'system',
    { system: { type: 'user_changed_user_id' } },
    { kind: 'notice', notice: { code: 'user_id_changed' } },
  ],
  [
    'a new security code',
    'system',
    { system: { type: 'customer_identity_changed' } },
    { kind: 'notice', notice: { code: 'identity_changed' } },
  ],
  [
    'a notice of a new kind',
    'system',
    { system: { type: 'user_slept' } },
    { kind: 'notice', notice: { code: 'user_slept' } },
  ],
  ['a greeting', 'request_welcome', {}, { kind: 'welcome' }],
  [
    'what is not handed over',
    'unsupported',
    { unsupported: { type: 'poll' }, errors: [{ code: '131051' }] },
    { kind: 'unsupported', unsupported: { hint: 'poll', code: 131051 } },
  ],
  [
    'what is not handed over, without a hint',
    'unsupported',
    {},
    { kind: 'unsupported', unsupported: { hint: null, code: null } },
  ],
  [
    'a file of the history that is not there',
    'media_placeholder',
    {},
    { kind: 'unsupported', unsupported: { hint: 'media_placeholder', code: null } },
  ],
  ['a reaction', 'reaction', { reaction: { message_id: 'a', emoji: '👍' } }, { kind: 'reaction', text: '👍' }],
  ['a reaction that is taken back', 'reaction', { reaction: { message_id: 'a' } }, { kind: 'reaction' }],
  [
    'an edit',
    'edit',
    { edit: { original_message_id: 'a', message: { type: 'text', text: { body: 'new' } } } },
    { kind: 'edit', text: 'new' },
  ],
  ['an edit of an edit', 'edit', { edit: { message: { type: 'edit', edit: { message: {} } } } }, { kind: 'edit' }],
  ['a revoke', 'revoke', { revoke: { original_message_id: 'a' } }, { kind: 'revoke' }],
  [
    'a call',
    'call',
    { event: 'terminate', status: 'COMPLETED', duration: 7 },
    { kind: 'call', call: { outcome: 'completed', durationS: 7 } },
  ],
  [
    'the ringing of a call',
    'call',
    { type: 'call', status: 'RINGING' },
    { kind: 'call', call: { outcome: null, durationS: null } },
  ],
  ['an unknown type', 'hologram', { hologram: 1 }, { kind: 'other' }],
  ['a type named like a prototype', 'constructor', {}, { kind: 'other' }],
]

const around: Case[] = [
  [
    'forwarded',
    'text',
    { text: { body: 'Hi' }, context: { forwarded: true } },
    { kind: 'text', text: 'Hi', forwarded: 'once' },
  ],
  [
    'forwarded often',
    'text',
    { text: { body: 'Hi' }, context: { forwarded: true, frequently_forwarded: true } },
    { kind: 'text', text: 'Hi', forwarded: 'often' },
  ],
  ['not forwarded', 'text', { text: { body: 'Hi' }, context: { forwarded: 'no' } }, { kind: 'text', text: 'Hi' }],
  [
    'about a product',
    'text',
    { text: { body: 'Hi' }, context: { referred_product: { catalog_id: 'c', product_retailer_id: 'p' } } },
    { kind: 'text', text: 'Hi', product: { catalogId: 'c', productId: 'p' } },
  ],
  [
    'from an advertisement',
    'text',
    {
      text: { body: 'Hi' },
      referral: {
        source_id: 1,
        source_type: 'ad',
        source_url: 'https://a.example',
        headline: 'H',
        body: 'B',
        ctwa_clid: 'c',
      },
    },
    {
      kind: 'text',
      text: 'Hi',
      referral: { sourceId: '1', sourceType: 'ad', url: 'https://a.example', headline: 'H', body: 'B', clickId: 'c' },
    },
  ],
  [
    'with what was said before',
    'text',
    { text: { body: 'Hi' }, conversation_context: { type: 'summary', summary: { text: 'S' } } },
    { kind: 'text', text: 'Hi', summary: 'S' },
  ],
]

const wentOut: Case[] = [
  ['a text', 'text', { type: 'text', text: { body: 'Hi', preview_url: true } }, { kind: 'text', text: 'Hi' }],
  [
    'a standby echo',
    'text',
    { id: 'e', message: { type: 'text', text: { body: 'Hi' }, context: { forwarded: true } } },
    { kind: 'text', text: 'Hi', forwarded: 'once' },
  ],
  [
    'a file by its address',
    'document',
    { document: { link: 'https://a.example/x.pdf', filename: 'x.pdf' } },
    {
      kind: 'attachment',
      attachments: [
        {
          ...ATTACHMENT,
          kind: 'document',
          upstreamId: null,
          mimeType: null,
          url: 'https://a.example/x.pdf',
          fileName: 'x.pdf',
        },
      ],
    },
  ],
  [
    'buttons',
    'interactive',
    {
      interactive: {
        type: 'button',
        header: { type: 'image', image: FILE },
        body: { text: 'Choose' },
        footer: { text: 'F' },
        action: { buttons: [] },
      },
    },
    { kind: 'interactive', text: 'Choose\nF', attachments: [ATTACHMENT] },
  ],
  [
    'a product',
    'interactive',
    { interactive: { type: 'product', body: { text: 'B' }, action: { catalog_id: 'c' } } },
    { kind: 'interactive', text: 'B' },
  ],
  [
    'a template',
    'template',
    {
      template: {
        name: 'hello',
        language: { code: 'en_US' },
        components: [
          {
            type: 'HEADER',
            parameters: [
              { type: 'image', image: FILE },
              { type: 'text', text: 'x' },
            ],
          },
          { type: 'body', parameters: [{ type: 'image', image: FILE }] },
        ],
      },
    },
    { kind: 'template', template: { name: 'hello', language: 'en_US' }, attachments: [ATTACHMENT] },
  ],
  [
    'a template without a language',
    'template',
    { template: { name: 'hello' } },
    { kind: 'template', template: { name: 'hello', language: null } },
  ],
]

describe.each([
  ['came in', cameIn],
  ['was written around it', around],
  ['went out', wentOut],
] as const)('what %s', (_name, cases) => {
  test.each(cases)('%s', (_case, type, raw, content) => {
    expect(contentOf(type, raw)).toEqual(content)
  })
})

describe('contentOf()', () => {
  const types = [
    'text',
    'image',
    'location',
    'contacts',
    'interactive',
    'button',
    'order',
    'template',
    'system',
    'edit',
    'call',
    '__proto__',
    '',
  ]
  const junk: unknown[] = [null, 0, '', 'x', true, [], [null], [[]], {}, { type: 7 }, { type: 'constructor' }]

  test.each(types)('takes anything as the object of %p', (type) => {
    for (const value of junk) {
      expect(contentFaults(type, { [type]: value })).toEqual([])
      expect(contentFaults(type, { message: { [type]: value, context: value, referral: value } })).toEqual([])
      expect(
        contentFaults(type, {
          [type]: { type: 'x', x: value, message: value, product_items: value, components: value },
        }),
      ).toEqual([])
    }
  })

  test('takes any sample under any type', () => {
    for (const type of types) for (const sample of SAMPLES) expect(contentFaults(type, sample)).toEqual([])
  })

  test('takes no more people and goods than a message can hold', () => {
    const many = Array.from({ length: 50_000 }, () => ({ name: { formatted_name: 'x' } }))
    expect(contentOf('contacts', { contacts: many }).people).toHaveLength(257)
    expect(contentOf('order', { order: { product_items: many } }).order?.items).toHaveLength(1_000)
  })
})
