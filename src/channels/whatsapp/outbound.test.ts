import { describe, expect, test } from 'bun:test'
import { Failure } from '../../core/failure.ts'
import type { MessageClass } from '../../core/message.ts'
import { defaultClass, prepareMessage } from './outbound.ts'

const LINK = 'https://example.com/a.png'
const language = { code: 'en_US' }
const templateWith = (components: unknown) => ({
  type: 'template',
  template: { name: 'order_1', language, components },
})
const button = (title: string, id = '1') => ({ type: 'reply', reply: { id, title } })
const interactive = (content: Record<string, unknown>) => ({ type: 'interactive', interactive: content })
const buttons = (list: unknown[], more: Record<string, unknown> = {}) =>
  interactive({ type: 'button', body: { text: 'x' }, action: { buttons: list }, ...more })
const rows = (count: number, title?: string) => ({
  ...(title === undefined ? {} : { title }),
  rows: Array.from({ length: count }, (_, index) => ({ id: String(index), title: `Row ${index}` })),
})
const list = (sections: unknown[], more: Record<string, unknown> = {}) =>
  interactive({ type: 'list', body: { text: 'x' }, action: { button: 'Choose', sections }, ...more })

function refusalOf(body: unknown): Failure {
  try {
    prepareMessage(body as Record<string, unknown>)
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('It was taken')
}

describe('prepareMessage() takes', () => {
  const taken: [name: string, body: Record<string, unknown>][] = [
    ['a text', { type: 'text', text: { body: 'Hi' } }],
    ['a text of 4,096 characters', { type: 'text', text: { body: 'x'.repeat(4096), preview_url: true } }],
    ['an answer', { type: 'text', text: { body: 'Hi' }, context: { message_id: 'wamid.A' } }],
    ['an image by link with a caption', { type: 'image', image: { link: LINK, caption: 'x'.repeat(1024) } }],
    ['a video by id', { type: 'video', video: { id: '123' } }],
    ['a voice note', { type: 'audio', audio: { id: '123', voice: true } }],
    ['a document with a name', { type: 'document', document: { link: 'http://example.com/a.pdf', filename: 'a.pdf' } }],
    ['a sticker', { type: 'sticker', sticker: { id: '1' } }],
    ['a reaction', { type: 'reaction', reaction: { message_id: 'wamid.A', emoji: '😀' } }],
    ['the end of a reaction', { type: 'reaction', reaction: { message_id: 'wamid.A', emoji: '' } }],
    ['a location in numbers', { type: 'location', location: { latitude: 52.5, longitude: -13.4, name: 'Here' } }],
    ['a location in strings', { type: 'location', location: { latitude: '52.5', longitude: '-13.4' } }],
    [
      'a contact',
      { type: 'contacts', contacts: [{ name: { formatted_name: 'A B', first_name: 'A' }, phones: [{ phone: '+1' }] }] },
    ],
    ['a template', { type: 'template', template: { name: 'hello_world', language } }],
    [
      'a template with parameters',
      templateWith([{ type: 'body', parameters: [{ type: 'text', text: 'x', parameter_name: 'name' }] }]),
    ],
    [
      'a template with a button',
      templateWith([
        { type: 'button', sub_type: 'quick_reply', index: '0', parameters: [{ type: 'payload', payload: 'x' }] },
      ]),
    ],
    [
      'a template with a header',
      templateWith([{ type: 'header', parameters: [{ type: 'image', image: { link: LINK } }] }]),
    ],
    ['three buttons', buttons([button('a', '1'), button('b', '2'), button('c', '3')])],
    [
      'a header over buttons',
      buttons([button('a')], { header: { type: 'image', image: { id: '1' } }, footer: { text: 'x' } }),
    ],
    ['a list', list([rows(5, 'One'), rows(5, 'Two')])],
    [
      'a link button',
      interactive({
        type: 'cta_url',
        body: { text: 'x' },
        action: { name: 'cta_url', parameters: { display_text: 'Go', url: LINK } },
      }),
    ],
    [
      'a flow',
      interactive({ type: 'flow', body: { text: 'x' }, action: { name: 'flow', parameters: { flow_id: '1' } } }),
    ],
  ]
  test.each(taken)('%s', (_name, body) => {
    const prepared = prepareMessage({ messaging_product: 'whatsapp', recipient_type: 'individual', ...body })
    expect(prepared.content).toEqual(body)
    expect(prepared.type).toBe(String(body['type']))
  })

  test('and says what the house must know', () => {
    const template = prepareMessage({
      type: 'template',
      template: { name: 'hello', language },
      context: { message_id: 'msg_1' },
    })
    expect(template).toMatchObject({
      replyTo: 'msg_1',
      needsWindow: false,
      template: { name: 'hello', language: 'en_US' },
    })
    const text = prepareMessage({ type: 'text', text: { body: 'Hi' }, recipient_identity_key_hash: 'h' })
    expect(text).toMatchObject({ replyTo: null, needsWindow: true, template: null })
    expect(text.content['recipient_identity_key_hash']).toBe('h')
  })
})

const refused: [name: string, body: unknown, path: string][] = [
  ['a message without a type', { text: { body: 'x' } }, '/type'],
  ['an unknown type', { type: 'hologram', hologram: {} }, '/type'],
  ['an inherited type', { type: 'constructor' }, '/type'],
  ['a type that is no string', { type: ['text'], text: { body: 'x' } }, '/type'],
  ['a type without its object', { type: 'text' }, '/text'],
  ['an object that is none', { type: 'text', text: 'x' }, '/text'],
  ['an unknown member', { type: 'text', text: { bdy: 'x' } }, '/text/bdy'],
  ['an unknown member beside a good one', { type: 'text', text: { body: 'x', bold: true } }, '/text/bold'],
  ['an unknown member of the message', { type: 'text', text: { body: 'x' }, to: '+1' }, '/to'],
  ['the object of another type', { type: 'text', text: { body: 'x' }, image: { link: LINK } }, '/image'],
  ['a member named __proto__', JSON.parse('{"type":"text","text":{"body":"x"},"__proto__":{}}'), '/__proto__'],
  ['a name with a slash, escaped', { type: 'text', text: { body: 'x', 'a/b~': 1 } }, '/text/a~1b~0'],
  ['an empty text', { type: 'text', text: { body: '' } }, '/text/body'],
  ['a text of 4,097 characters', { type: 'text', text: { body: 'x'.repeat(4097) } }, '/text/body'],
  ['a text that is a number', { type: 'text', text: { body: 7 } }, '/text/body'],
  ['a preview that is a string', { type: 'text', text: { body: 'x', preview_url: 'true' } }, '/text/preview_url'],
  ['another product', { messaging_product: 'sms', type: 'text', text: { body: 'x' } }, '/messaging_product'],
  ['a group', { recipient_type: 'group', type: 'text', text: { body: 'x' } }, '/recipient_type'],
  ['a context without a message', { type: 'text', text: { body: 'x' }, context: {} }, '/context/message_id'],
  ['an image without a source', { type: 'image', image: { caption: 'x' } }, '/image'],
  ['an image with two sources', { type: 'image', image: { id: '1', link: LINK } }, '/image'],
  ['a caption of 1,025 characters', { type: 'image', image: { id: '1', caption: 'x'.repeat(1025) } }, '/image/caption'],
  ['a caption on audio', { type: 'audio', audio: { id: '1', caption: 'x' } }, '/audio/caption'],
  ['a file link', { type: 'image', image: { link: 'file:///etc/passwd' } }, '/image/link'],
  ['a link with a blank', { type: 'image', image: { link: 'https://example.com/a b' } }, '/image/link'],
  ['a filename on an image', { type: 'image', image: { id: '1', filename: 'x' } }, '/image/filename'],
  ['a reaction without an emoji', { type: 'reaction', reaction: { message_id: 'x' } }, '/reaction/emoji'],
  [
    'a reaction with a context',
    { type: 'reaction', reaction: { message_id: 'x', emoji: 'y' }, context: { message_id: 'x' } },
    '/context',
  ],
  ['a latitude beyond the pole', { type: 'location', location: { latitude: 91, longitude: 0 } }, '/location/latitude'],
  [
    'a longitude beyond the date line',
    { type: 'location', location: { latitude: '0', longitude: '181' } },
    '/location/longitude',
  ],
  ['an empty list of contacts', { type: 'contacts', contacts: [] }, '/contacts'],
  [
    'a contact with half a name',
    { type: 'contacts', contacts: [{ name: { formatted_name: 'A' } }] },
    '/contacts/0/name',
  ],
  ['a template name in capitals', { type: 'template', template: { name: 'Hello', language } }, '/template/name'],
  ['a template without a language', { type: 'template', template: { name: 'hello' } }, '/template/language'],
  [
    'a template parameter nobody knows',
    templateWith([{ type: 'body', parameters: [{ type: 'text', txt: 'x' }] }]),
    '/template/components/0/parameters/0/txt',
  ],
  [
    'a template parameter without a type',
    templateWith([{ type: 'body', parameters: [{ text: 'x' }] }]),
    '/template/components/0/parameters/0/type',
  ],
  [
    'a template header without a source',
    templateWith([{ type: 'header', parameters: [{ type: 'image', image: {} }] }]),
    '/template/components/0/parameters/0/image',
  ],
  ['an unknown interactive type', interactive({ type: 'dance', action: {} }), '/interactive/type'],
  ['an interactive that is no object', { type: 'interactive', interactive: [] }, '/interactive'],
  ['no buttons', buttons([]), '/interactive/action/buttons'],
  ['four buttons', buttons(['a', 'b', 'c', 'd'].map((title) => button(title, title))), '/interactive/action/buttons'],
  ['a title of 21 characters', buttons([button('x'.repeat(21))]), '/interactive/action/buttons/0/reply/title'],
  ['two equal titles', buttons([button('a', '1'), button('a', '2')]), '/interactive/action/buttons/1/reply/title'],
  ['buttons without a body', buttons([button('a')], { body: undefined }), '/interactive/body'],
  [
    'a header without what it names',
    buttons([button('a')], { header: { type: 'image' } }),
    '/interactive/header/image',
  ],
  [
    'a footer of 61 characters',
    buttons([button('a')], { footer: { text: 'x'.repeat(61) } }),
    '/interactive/footer/text',
  ],
  ['eleven rows in two sections', list([rows(5, 'One'), rows(6, 'Two')]), '/interactive/action/sections'],
  ['an untitled section among two', list([rows(1, 'One'), rows(1)]), '/interactive/action/sections/1/title'],
]

describe('prepareMessage() refuses', () => {
  test.each(refused)('%s', (_name, body, path) => {
    const refusal = refusalOf(body)
    expect(refusal.code).toBe('invalid')
    expect(refusal.members['path']).toBe(path)
    expect(refusal.message).toContain(path)
    expect(refusal.message).toContain('wanted ')
  })

  test('without repeating a value', () => {
    const value = 'secret value '.repeat(400)
    const bodies = [
      { type: 'text', text: { body: value } },
      { type: value },
      { type: 'image', image: { link: value } },
      { type: 'interactive', interactive: { type: value } },
      { type: 'text', text: { bdy: value } },
      { type: 'template', template: { name: value, language: { code: value } } },
    ]
    for (const body of bodies)
      expect(JSON.stringify([refusalOf(body).message, refusalOf(body).members])).not.toContain('secret')
  })

  test('a very long member name with a path that stays short', () => {
    const refusal = refusalOf({ type: 'text', text: { body: 'x', ['x'.repeat(10_000)]: 1 } })
    expect(String(refusal.members['path']).length).toBeLessThanOrEqual(200)
  })
})

describe('defaultClass()', () => {
  const cases: [type: string, category: string | null, expected: MessageClass][] = [
    ['text', null, 'reply'],
    ['image', 'MARKETING', 'reply'],
    ['template', 'AUTHENTICATION', 'urgent'],
    ['template', 'authentication_international', 'urgent'],
    ['template', 'UTILITY', 'notice'],
    ['template', 'MARKETING', 'bulk'],
    ['template', 'marketing_lite', 'bulk'],
    ['template', null, 'notice'],
    ['template', 'SOMETHING_NEW', 'notice'],
  ]
  test.each(cases)('%s of category %p is %s', (type, category, expected) => {
    expect(defaultClass({ type }, category)).toBe(expected)
  })
})
