import { describe, expect, test } from 'bun:test'
import { MESSAGE_STATES } from '../core/message.ts'
import { reasonWords, statusOf } from './message-status.ts'
import { describeMessage, linksIn, previewOf, sizeWords } from './message-text.ts'
import type { AttachmentView, ContentView, MessageView } from './wire.ts'

function message(content: ContentView | undefined, change: Partial<MessageView> = {}): MessageView {
  return {
    id: 'm',
    conversation_id: 'c',
    direction: 'in',
    type: content?.kind ?? 'text',
    at: '2026-01-01T00:00:00.000Z',
    state: 'received',
    ...(content === undefined ? {} : { content }),
    ...change,
  }
}

function file(change: Partial<AttachmentView>): { attachments: AttachmentView[] } {
  const base: AttachmentView = {
    id: 'med_1',
    state: 'ready',
    reason: null,
    kind: 'image',
    mime_type: null,
    file_name: null,
    size_bytes: null,
    voice: false,
    animated: false,
    thumbnail: false,
    url: null,
    thumbnail_url: null,
  }
  return { attachments: [{ ...base, ...change }] }
}

describe('describeMessage()', () => {
  const cases: [string, ContentView | undefined, Partial<MessageView>, string][] = [
    ['a text', { kind: 'text', text: 'Hello\n there' }, {}, 'Hello there'],
    ['a text without text', { kind: 'text' }, {}, 'Text without content'],
    ['a text of our own', undefined, { text: { body: 'Sent' } }, 'Sent'],
    ['a captioned picture', { kind: 'attachment', text: 'Look' }, file({}), 'Image: Look'],
    ['a picture', { kind: 'attachment' }, file({}), 'Image'],
    ['a picture we sent', { kind: 'attachment' }, { type: 'image', direction: 'out' }, 'Image'],
    ['a voice note', { kind: 'attachment' }, file({ kind: 'audio', voice: true }), 'Voice message'],
    ['a document', { kind: 'attachment' }, file({ kind: 'document', file_name: 'a.pdf' }), 'Document: a.pdf'],
    [
      'a place',
      { kind: 'location', text: 'Shop\nStreet 1', place: { latitude: 1.5, longitude: 2 } },
      {},
      'Location: Shop, Street 1',
    ],
    ['a place without name', { kind: 'location', place: { latitude: 1.5, longitude: 2 } }, {}, 'Location: 1.5, 2'],
    ['a card', { kind: 'contacts', text: 'Ada', people: [] }, {}, 'Contact card: Ada'],
    ['a choice', { kind: 'choice', text: 'Yes\nnow', choice: { id: '1', title: 'Yes' } }, {}, 'Choice: Yes'],
    [
      'a form',
      { kind: 'form', text: 'Sent', form: { name: 'flow', token: null, answers: null } },
      {},
      'Form, filled in: Sent',
    ],
    [
      'an order',
      {
        kind: 'order',
        order: { catalog_id: null, items: [{ product_id: 'a', quantity: 2, price: null, currency: null }] },
      },
      {},
      'Order: 2 items',
    ],
    ['a permission', { kind: 'permission', choice: { id: 'accept', title: 'accept' } }, {}, 'Calls: You may call'],
    [
      'a notice',
      { kind: 'notice', text: 'User A', notice: { code: 'number_changed' } },
      {},
      'Changed their phone number',
    ],
    ['a notice nobody knows', { kind: 'notice', notice: { code: 'moon_phase' } }, {}, 'Notice: moon phase'],
    ['a missed call', { kind: 'call', call: { outcome: 'failed', duration_s: null } }, {}, 'Missed call'],
    ['a call', { kind: 'call', call: { outcome: 'completed', duration_s: 125 } }, {}, 'Call, 2 min 5 s'],
    ['a call that rings', { kind: 'call', call: { outcome: null, duration_s: null } }, {}, 'Is calling'],
    ['a template', { kind: 'template', template: { name: 'welcome', language: null } }, {}, 'Template: welcome'],
    [
      'what is not passed on',
      { kind: 'unsupported', unsupported: { hint: 'poll', code: 131051 } },
      {},
      'Unsupported message',
    ],
    ['a kind of a later server', { kind: 'hologram' }, {}, 'Message of type “hologram”'],
    ['what was erased', undefined, { erased: true }, 'Erased'],
    ['what was taken back', undefined, { revoked: 'hidden' }, 'The customer took this message back'],
    ['what was taken back and is kept', { kind: 'text', text: 'Oops' }, { revoked: 'kept' }, 'Oops'],
  ]
  test.each(cases)('%s reads well in a line', (_, content, change, line) => {
    expect(previewOf(message(content, change))).toBe(line)
  })

  test.each([
    ['poll', 131051, 'does not pass a poll on'],
    [null, 131051, 'does not pass this kind of message on'],
    [null, 131052, 'could not take the file'],
    ['media_placeholder', null, 'did not bring along'],
  ])('says plainly why there is nothing to see: %s %s', (hint, code, words) => {
    expect(describeMessage(message({ kind: 'unsupported', unsupported: { hint, code } })).note).toContain(words)
  })

  test('never shows the object itself', () => {
    for (const kind of ['attachment', 'interactive', 'order', 'contacts', 'location', 'hologram', 'notice', 'form']) {
      const words = Object.values(describeMessage(message({ kind }, { [kind]: { deep: { raw: 'json' } } }))).join(' ')
      expect(words).not.toMatch(/[{}]|raw|json|object/)
    }
  })

  test('sizes read as people say them', () => {
    expect([0, 999, 1000, 999_499, 999_500, 9_949_999, 104_857_600].map(sizeWords)).toEqual([
      '0 bytes',
      '999 bytes',
      '1 KB',
      '999 KB',
      '1.0 MB',
      '9.9 MB',
      '105 MB',
    ])
  })
})

describe('linksIn()', () => {
  test('finds addresses and leaves the sentence its punctuation', () => {
    expect(linksIn('See https://a.example/b?c=1, (or http://d.example).')).toEqual([
      { text: 'See ', href: null },
      { text: 'https://a.example/b?c=1', href: 'https://a.example/b?c=1' },
      { text: ', (or ', href: null },
      { text: 'http://d.example', href: 'http://d.example' },
      { text: ').', href: null },
    ])
  })

  test('makes nothing of other schemes', () => {
    expect(linksIn('javascript:alert(1) data:x').every((piece) => piece.href === null)).toBe(true)
  })
})

describe('statusOf()', () => {
  test('has a mark and a name for every state, and none for what came in', () => {
    for (const state of MESSAGE_STATES) {
      expect(statusOf(message({ kind: 'text' }, { direction: 'out', state }))?.label).not.toBe('')
    }
    expect(statusOf(message({ kind: 'text' }))).toBeNull()
  })

  test('says why a message failed', () => {
    const failed = message({ kind: 'text' }, { direction: 'out', state: 'failed', reason: 'window_closed' })
    expect(statusOf(failed)).toMatchObject({ words: 'Not sent: the 24-hour window is closed', actions: ['retry'] })
    expect(reasonWords('some_new_code')).toBe('some new code')
    expect(reasonWords('Said by the platform (131026)')).toBe('Said by the platform (131026)')
  })
})
