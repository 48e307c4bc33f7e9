import { describe, expect, test } from 'bun:test'
import { MESSAGE_STATES } from '../core/message.ts'
import { reasonWords, statusOf } from './message-status.ts'
import { describeMessage, linksIn, previewOf } from './message-text.ts'
import type { MessageView } from './wire.ts'

function message(type: string, object: unknown, change: Partial<MessageView> = {}): MessageView {
  const base = {
    id: 'm',
    conversation_id: 'c',
    direction: 'in',
    at: '2026-01-01T00:00:00.000Z',
    state: 'received',
  } as const
  return { ...base, type, [type]: object, ...change }
}

describe('describeMessage()', () => {
  const cases: [string, unknown, string][] = [
    ['text', { body: 'Hello\n there' }, 'Hello there'],
    ['text', { body: 7 }, 'Text without content'],
    ['image', { caption: 'Look', id: '1', sha256: 'x' }, 'Image: Look'],
    ['image', {}, 'Image'],
    ['audio', { voice: true }, 'Voice message'],
    ['document', { filename: 'a.pdf' }, 'Document: a.pdf'],
    ['location', { latitude: 1.5, longitude: 2, name: 'Shop', address: 'Street 1' }, 'Location: Shop, Street 1'],
    ['contacts', [{ name: { formatted_name: 'Ada' } }, { name: {} }, null], 'Contact card: Ada'],
    ['reaction', { emoji: '👍' }, 'Reaction: 👍'],
    ['reaction', { message_id: 'x' }, 'Reaction'],
    ['interactive', { type: 'button_reply', button_reply: { id: '1', title: 'Yes' } }, 'Choice: Yes'],
    ['interactive', { body: { text: 'Choose' } }, 'Interactive message: Choose'],
    ['button', { text: 'Stop', payload: 'secret' }, 'Button: Stop'],
    ['order', { product_items: [{}, {}] }, 'Order: 2 items'],
    ['template', { name: 'welcome' }, 'Template: welcome'],
    ['unsupported', undefined, 'Unsupported message'],
    ['hologram', { caption: 'x' }, 'Message of type “hologram”'],
    ['text', null, 'Text without content'],
  ]
  test.each(cases)('%s %j reads %j', (type, object, line) => {
    expect(previewOf(message(type, object))).toBe(line)
  })

  test('says plainly that a message is not supported', () => {
    expect(describeMessage(message('unsupported', undefined)).note).toContain('does not pass')
  })

  test('tells that a message was erased', () => {
    expect(previewOf(message('text', undefined, { erased: true }))).toBe('Erased')
  })

  test('never shows the object itself', () => {
    for (const type of ['image', 'interactive', 'order', 'contacts', 'location', 'hologram', 'system', 'button']) {
      const words = Object.values(describeMessage(message(type, { deep: { raw: 'json' } }))).join(' ')
      expect(words).not.toMatch(/[{}]|raw|json|object/)
    }
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
      expect(statusOf(message('text', {}, { direction: 'out', state }))?.label).not.toBe('')
    }
    expect(statusOf(message('text', {}))).toBeNull()
  })

  test('says why a message failed', () => {
    const failed = message('text', {}, { direction: 'out', state: 'failed', reason: 'window_closed' })
    expect(statusOf(failed)).toMatchObject({ words: 'Not sent: the 24-hour window is closed', actions: ['retry'] })
    expect(reasonWords('some_new_code')).toBe('some new code')
    expect(reasonWords('Said by the platform (131026)')).toBe('Said by the platform (131026)')
  })
})
