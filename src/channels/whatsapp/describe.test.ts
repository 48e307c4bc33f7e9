import { describe, expect, test } from 'bun:test'
import { viewOf } from './describe.ts'

describe('viewOf()', () => {
  const cases: [name: string, type: string, raw: unknown, view: Record<string, unknown>][] = [
    ['shows a text', 'text', { id: 'a', from: '1', type: 'text', text: { body: 'Hi' } }, { text: { body: 'Hi' } }],
    [
      'drops nothing of the object',
      'image',
      { image: { id: '1', new_member: [1] } },
      { image: { id: '1', new_member: [1] } },
    ],
    [
      'shows the context',
      'text',
      { text: { body: 'Hi' }, context: { id: 'b' } },
      { text: { body: 'Hi' }, context: { id: 'b' } },
    ],
    ['shows lists', 'contacts', { contacts: [{ a: 1 }] }, { contacts: [{ a: 1 }] }],
    ['shows an unknown type', 'hologram', { hologram: 7 }, { hologram: 7 }],
    ['shows nothing where there is nothing', 'request_welcome', { type: 'request_welcome' }, {}],
    [
      'looks into a standby echo',
      'text',
      { id: 'e', message: { type: 'text', text: { body: 'Hi' }, context: { message_id: 'b' } } },
      { text: { body: 'Hi' }, context: { message_id: 'b' } },
    ],
    [
      'shows what we send',
      'text',
      { type: 'text', text: { body: 'Hi', preview_url: true } },
      { text: { body: 'Hi', preview_url: true } },
    ],
    ['leaves the names of the view alone', 'state', { state: { a: 1 } }, { object: { a: 1 } }],
    ['leaves prototypes alone', '__proto__', JSON.parse('{"__proto__":{"a":1}}'), { object: { a: 1 } }],
    ['finds nothing inherited', 'constructor', {}, {}],
    ['ignores a context that is no object', 'text', { text: {}, context: 'x' }, { text: {} }],
    ['puts an odd word elsewhere', 'a b', { 'a b': 1 }, { object: 1 }],
    ['shows a step of a call', 'call', { event: 'connect' }, { call: { event: 'connect' } }],
    ['takes an empty word', '', { '': 1 }, { object: 1 }],
  ]
  test.each(cases)('%s', (_name, type, raw, view) => {
    expect(viewOf(type, raw as Record<string, unknown>)).toEqual(view)
  })
})
