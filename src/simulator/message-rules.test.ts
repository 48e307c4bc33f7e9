import { expect, test } from 'bun:test'
import { GraphRefusal } from './graph-error.ts'
import { readSend } from './message-rules.ts'

function refusalOf(bodyText: string): GraphRefusal | undefined {
  try {
    readSend(bodyText, (id) => id === '77')
  } catch (error) {
    if (error instanceof GraphRefusal) return error
    throw error
  }
  return undefined
}

const to = '+447700900142'
const text = { to, type: 'text', text: { body: 'hello' } }
const template = (name: string, parameters: object[], more: object[] = [], code = 'en_US') => ({
  to,
  type: 'template',
  template: { name, language: { code }, components: [{ type: 'body', parameters }, ...more] },
})
const word = (value: string) => ({ type: 'text', text: value })
const image = [{ type: 'header', parameters: [{ type: 'image', image: { link: 'https://example.com/a.png' } }] }]
const button = (title: string) => ({ type: 'reply', reply: { id: title, title } })
const buttons = (list: object[]) => ({
  to,
  type: 'interactive',
  interactive: { type: 'button', body: { text: 'Choose' }, action: { buttons: list } },
})
const cases: [string, object, number | undefined][] = [
  ['no recipient', { type: 'text', text: { body: 'x' } }, 100],
  ['a recipient that is no phone', { to: 'somebody', type: 'text', text: { body: 'x' } }, 131009],
  ['no text object', { to, type: 'text' }, 131008],
  ['an empty text', { to, type: 'text', text: { body: '' } }, 131008],
  ['a text of 4096', { to, type: 'text', text: { body: 'x'.repeat(4096) } }, undefined],
  ['a text of 4097', { to, type: 'text', text: { body: 'x'.repeat(4097) } }, 100],
  ['a type of the language', { to, type: 'constructor', constructor: {} }, 131051],
  ['a wrong product', { messaging_product: 'x', to, type: 'text', text: { body: 'x' } }, 100],
  ['an echo of 512', { ...text, biz_opaque_callback_data: 'x'.repeat(512) }, undefined],
  ['an echo of 513', { ...text, biz_opaque_callback_data: 'x'.repeat(513) }, 100],
  ['a reply', { ...text, context: { message_id: 'wamid.1' } }, undefined],
  ['a reply to nothing', { ...text, context: {} }, 131009],
  ['a group', { to: 'g1', recipient_type: 'group', type: 'text', text: { body: 'hi' } }, undefined],
  ['a kind of recipient nobody knows', { to, recipient_type: 'crowd', type: 'text', text: { body: 'hi' } }, 131009],
  ['buttons to a group', { to: 'g1', recipient_type: 'group', type: 'interactive', interactive: {} }, 131008],
  [
    'a place to a group',
    { to: 'g1', recipient_type: 'group', type: 'location', location: { latitude: 1, longitude: 2 } },
    131051,
  ],
  [
    'a pin to a group',
    { to: 'g1', recipient_type: 'group', type: 'pin', pin: { type: 'pin', message_id: 'w' } },
    undefined,
  ],
  ['a pin to a person', { to, type: 'pin', pin: { type: 'pin', message_id: 'w' } }, 131051],
  ['a link', { to, type: 'image', image: { link: 'https://example.com/a.png', caption: 'x' } }, undefined],
  ['no link and no id', { to, type: 'image', image: {} }, 131008],
  ['a link that is none', { to, type: 'image', image: { link: 'ftp://example.com' } }, 131009],
  ['an unknown media id', { to, type: 'image', image: { id: '12' } }, 100],
  ['a long caption', { to, type: 'video', video: { link: 'https://e.com/a', caption: 'x'.repeat(1025) } }, 100],
  ['a captioned audio', { to, type: 'audio', audio: { link: 'https://e.com/a', caption: 'x' } }, 100],
  ['a place', { to, type: 'location', location: { latitude: 52.5, longitude: 13.4 } }, undefined],
  ['a place off the globe', { to, type: 'location', location: { latitude: 152.5, longitude: 13.4 } }, 131009],
  ['a reaction', { to, type: 'reaction', reaction: { message_id: 'wamid.1', emoji: '' } }, undefined],
  ['a reaction to nothing', { to, type: 'reaction', reaction: { emoji: 'x' } }, 131008],
  ['a nameless contact', { to, type: 'contacts', contacts: [{}] }, 131008],
  ['a contact', { to, type: 'contacts', contacts: [{ name: { formatted_name: 'A B', first_name: 'A' } }] }, undefined],
  ['three buttons', buttons([button('a'), button('b'), button('c')]), undefined],
  ['four buttons', buttons([button('a'), button('b'), button('c'), button('d')]), 131009],
  ['equal buttons', buttons([button('a'), button('a')]), 131009],
  ['a wide button', buttons([button('x'.repeat(21))]), 131009],
  ['no buttons', buttons([]), 131008],
  ['a template', template('order_update', [word('Amara'), word('4411')]), undefined],
  ['a template in German', template('order_update', [word('Amara'), word('4411')], [], 'de'), undefined],
  ['too few parameters', template('order_update', [word('Amara')]), 132000],
  ['an unknown template', template('no_such', []), 132001],
  ['a template in no such language', template('order_update', [word('a'), word('b')], [], 'fr'), 132001],
  ['a template that waits for approval', template('pending_notice', []), 132001],
  ['a paused template', template('paused_offer', []), 132015],
  ['a parameter of another type', template('order_update', [word('a'), { type: 'image' }]), 132012],
  ['a missing header', template('season_offer', [word('a'), word('b')]), 132000],
  ['a header', template('season_offer', [word('a'), word('b')], image), undefined],
  [
    'a header of another type',
    template('season_offer', [word('a'), word('b')], [{ type: 'header', parameters: [{ type: 'video' }] }]),
    132012,
  ],
  ['unnamed parameters', template('appointment_reminder', [word('a'), word('b'), word('c')]), 132012],
  [
    'named parameters',
    template(
      'appointment_reminder',
      ['time', 'name', 'date'].map((name) => ({ ...word('a'), parameter_name: name })),
    ),
    undefined,
  ],
  ['a code without its button', template('verification_code', [word('123')]), 132000],
  ['a mark', { status: 'read', message_id: 'wamid.x', typing_indicator: { type: 'text' } }, undefined],
  ['another mark than read', { status: 'seen', message_id: 'wamid.x' }, 131009],
  ['a mark without a message', { status: 'read' }, 131008],
]
test.each(cases)('%s', (_, body, code) => {
  const refusal = refusalOf(JSON.stringify({ messaging_product: 'whatsapp', ...body }))
  expect(refusal?.code).toBe(code)
  if (code === 132001) expect(refusal?.status).toBe(404)
})

test('a body that is no JSON object, or nested too deeply, is refused', () => {
  const deep = `{"a":${'['.repeat(70)}${']'.repeat(70)}}`
  for (const body of ['', '[]', '{', 'null', '['.repeat(100_000), deep]) expect(refusalOf(body)?.code).toBe(100)
  const brackets = JSON.stringify({ messaging_product: 'whatsapp', ...text, text: { body: '[{"\\'.repeat(90) } })
  expect(refusalOf(brackets)).toBeUndefined()
})
