import { describe, expect, test } from 'bun:test'
import { must } from '../core/assert.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import {
  applyConversation,
  applyConversationPage,
  applyEvents,
  applyPerson,
  applyThreadPage,
  type ConsoleState,
  emptyState,
  PEOPLE_MAX,
} from './store.ts'
import type { AttachmentView, ConversationView, EventRecord, MessageView, PersonView } from './wire.ts'

const AT = '2026-01-01T00:00:00.000Z'
const LATER = '2026-01-01T01:00:00.000Z'

const said = (id: string, change: Partial<MessageView> = {}): MessageView => ({
  id,
  upstream_id: `wamid.${id}`,
  conversation_id: 'c',
  direction: 'in',
  type: 'text',
  content: { kind: 'text', text: id },
  text: { body: id },
  at: AT,
  state: 'received',
  ...change,
})

const conversation = (last: MessageView): ConversationView => ({
  id: 'c',
  number: 'n',
  number_alias: null,
  contact: { id: 'con_1', name: 'Ada', phone: '+1' },
  unread: 0,
  created_at: AT,
  last_message_at: AT,
  window_expires_at: null,
  standby: false,
  last_message: last,
})

/** A thread of these messages, the last of which is the conversation's last, read at offset 10. */
function opened(...messages: MessageView[]): ConsoleState {
  const last = messages.at(-1) ?? said('m')
  const listed = applyConversationPage(emptyState(10), { items: [conversation(last)], next: null, as_of: 10 })
  const state = listed && applyThreadPage(listed, 'c', { items: messages.toReversed(), next: null, as_of: 10 })
  if (!state) throw new Error('The pages were not taken')
  return state
}

const event = (offset: number, type: string, data: Record<string, unknown>): EventRecord => ({
  offset,
  type,
  at: LATER,
  data: { conversation_id: 'c', ...data },
})
const reaction = (offset: number, emoji: string | null, more: Record<string, unknown> = {}) =>
  event(offset, 'message.reaction', { message_id: 'm', emoji, by: 'customer', contact_id: 'con_1', at: LATER, ...more })

const inThread = (state: ConsoleState, id = 'm') =>
  state.threads.get('c')?.messages.find((entry) => entry.view.id === id)?.view
const inList = (state: ConsoleState) => state.conversations.get('c')?.view.last_message

describe('a reaction', () => {
  const emojis = (state: ConsoleState) => inThread(state)?.reactions?.map(({ emoji }) => emoji)

  test('to what was taken back is not shown', () => {
    const events = [event(11, 'message.revoked', { message_id: 'm', revoked: 'hidden', at: LATER }), reaction(12, '👍')]
    expect(emojis(applyEvents(opened(said('m')), events))).toBeUndefined()
  })

  test('of each person the last one stands under the message, and null takes it back', () => {
    const first = applyEvents(opened(said('m')), [
      reaction(11, '👍'),
      reaction(12, '❤️', { by: 'us', contact_id: null }),
    ])
    expect(emojis(first)).toEqual(['👍', '❤️'])
    const second = applyEvents(first, [reaction(13, '😮'), reaction(14, '🎉', { contact_id: 'con_2' })])
    expect(emojis(second)).toEqual(['❤️', '😮', '🎉'])
    const third = applyEvents(second, [reaction(15, null), reaction(16, null, { by: 'us', contact_id: null })])
    expect(emojis(third)).toEqual(['🎉'])
    expect(emojis(applyEvents(third, [reaction(17, null, { contact_id: 'con_2' })]))).toBeUndefined()
  })

  test('finds its message by the platform’s id where ours was not known', () => {
    const state = applyEvents(opened(said('m')), [reaction(11, '👍', { message_id: null, upstream_id: 'wamid.m' })])
    expect(emojis(state)).toEqual(['👍'])
  })

  test('opens the window', () => {
    const state = applyEvents(opened(said('m')), [reaction(11, '👍', { window_expires_at: LATER })])
    expect(state.conversations.get('c')?.view.window_expires_at).toBe(LATER)
  })

  test('that the page already contained is not doubled', () => {
    const state = applyEvents(opened(said('m')), [reaction(9, '👍'), reaction(10, '👍')])
    expect(emojis(state)).toBeUndefined()
  })
})

describe('an edit', () => {
  const edited = (offset: number, text: string) =>
    event(offset, 'message.edited', {
      message_id: 'm',
      message: said('m', { content: { kind: 'text', text } }),
      at: LATER,
    })

  test('shows the new text in thread and list, with its mark, and keeps what the event does not tell', () => {
    const before = applyEvents(opened(said('m', { direction: 'out', state: 'read' })), [reaction(11, '👍')])
    const state = applyEvents(before, [edited(12, 'new')])
    for (const view of [inThread(state), inList(state)]) {
      expect(view).toMatchObject({ content: { text: 'new' }, edited_at: LATER, state: 'read' })
    }
    expect(inThread(state)?.reactions).toHaveLength(1)
  })
})

describe('a revoke', () => {
  const revoked = (offset: number, how: string) =>
    event(offset, 'message.revoked', { message_id: 'm', revoked: how, direction: 'in', at: LATER })

  test.each(['hidden', 'deleted'])('(%s) leaves nothing of what was said on the page', (how) => {
    const secret = said('m', { image: { caption: 'my secret' }, reactions: [], sender: { id: 'con_1' } })
    const state = applyEvents(opened(secret), [revoked(11, how)])
    for (const view of [inThread(state), inList(state)]) {
      expect(view).toMatchObject({ id: 'm', revoked: how, revoked_at: LATER, at: AT, sender: { id: 'con_1' } })
      expect(JSON.stringify({ ...view, id: '', upstream_id: '' })).not.toMatch(/secret|"m"|content/)
    }
  })

  test('that is kept is only marked', () => {
    const state = applyEvents(opened(said('m')), [revoked(11, 'kept')])
    expect(inThread(state)).toMatchObject({ revoked: 'kept', content: { text: 'm' } })
  })
})

describe('a file', () => {
  const file = (id: string, state: AttachmentView['state']) => ({ id, state }) as AttachmentView

  test('goes from waiting to what became of it, each on its own', () => {
    const waiting = said('m', { attachments: [file('med_1', 'waiting'), file('med_2', 'waiting')] })
    const told = (offset: number, attachment: AttachmentView) =>
      event(offset, 'message.media', { message_id: 'm', attachment })
    const state = applyEvents(opened(waiting), [told(11, file('med_2', 'ready')), told(12, file('med_1', 'gone'))])
    expect(inThread(state)?.attachments).toEqual([file('med_1', 'gone'), file('med_2', 'ready')])
    expect(inList(state)?.attachments).toHaveLength(2)
  })
})

describe('a person', () => {
  const person = (change: Partial<PersonView> = {}): PersonView => ({
    id: 'con_1',
    name: 'Ada',
    phone: '+1',
    user_id: null,
    identities: [],
    attributes: {},
    consents: {},
    merged_into: null,
    merged: [],
    created_at: AT,
    ...change,
  })
  const updated = (offset: number, change: Partial<PersonView>) =>
    event(offset, 'contact.updated', { contact: person(change) })

  test('that changed is shown anew in list and panel', () => {
    const known = applyPerson(opened(said('m')), person(), 10)
    const state = applyEvents(known, [updated(11, { name: 'Ada Byron', phone: '+2' })])
    expect(state.conversations.get('c')?.view.contact).toMatchObject({ name: 'Ada Byron', phone: '+2' })
    expect(state.people.get('con_1')?.view.name).toBe('Ada Byron')
  })

  test('that becomes one with another is shown where it is told, and asked for; that is two again, only shown', () => {
    const toldIn = (offset: number, change: Partial<PersonView>, conversation_id = 'c') =>
      event(offset, 'contact.updated', { contact: person(change), conversation_id })
    const shown = (state: ConsoleState) => state.conversations.get('c')?.view.contact
    const merged = applyEvents(opened(said('m')), [
      toldIn(11, { merged_into: 'con_2' }),
      toldIn(12, { id: 'con_2', name: 'Bea', phone: '+2', merged: ['con_1'] }),
    ])
    expect(shown(merged)).toEqual({ id: 'con_2', name: 'Bea', phone: '+2', user_id: null })
    expect(merged.wanted).toEqual(['c'])
    const elsewhere = toldIn(13, { id: 'con_3' }, 'other')
    const fetched = applyConversation(merged, must(merged.conversations.get('c'), 'the conversation').view, 12)
    const apart = applyEvents(fetched, [elsewhere, toldIn(14, { id: 'con_2', name: 'Bea' }, 'other'), toldIn(15, {})])
    expect(shown(apart)).toMatchObject({ id: 'con_1', name: 'Ada' })
    expect(apart.wanted).toEqual([])
  })

  test('that was read late is brought up to date', () => {
    const state = applyPerson(
      applyEvents(opened(said('m')), [updated(11, { name: 'New' })]),
      person({ name: 'Old' }),
      10,
    )
    expect(state.people.get('con_1')?.view.name).toBe('New')
  })

  test('of whom no panel was opened is not kept', () => {
    expect(applyEvents(opened(said('m')), [updated(11, {})]).people.size).toBe(0)
  })

  test('is one of a bounded number', () => {
    let state = opened(said('m'))
    for (let index = 0; index <= PEOPLE_MAX; index++) state = applyPerson(state, person({ id: `con_${index}` }), 10)
    expect([state.people.size, state.people.has('con_0')]).toEqual([PEOPLE_MAX, false])
  })

  test('who was erased leaves nothing that was said, and what is left of it is fetched', () => {
    const state = applyPerson(opened(said('m')), person(), 10)
    const erased = person({ erased: true, name: null, phone: null, identities: [] })
    const after = applyEvents(state, [event(11, 'contact.updated', { erased: true, contact: erased })])
    expect([after.threads.size, inList(after), after.wanted]).toEqual([0, null, ['c']])
    expect(after.conversations.get('c')?.view.contact).toEqual({
      id: 'con_1',
      name: null,
      phone: null,
      user_id: null,
      erased: true,
    })
    expect(after.people.get('con_1')?.view.erased).toBeTrue()
    // A page that was read before and comes after brings nothing back.
    const late = applyThreadPage(after, 'c', { items: [said('m')], next: null, as_of: 10 })
    expect(late && inThread(late)).toBeUndefined()
    const { text: _text, content: _content, ...rest } = said('m', { erased: true })
    const left = applyConversation(after, { ...conversation(rest), contact: { id: 'con_1', erased: true } }, 11)
    expect(inList(left)?.erased).toBeTrue()
  })

  test('is called in a group as they are called now, and leaves it when they are erased', () => {
    const group = said('m', { sender: { id: 'con_9', name: 'Ines' } })
    const renamed = applyEvents(opened(group), [updated(11, { id: 'con_9', name: 'Inés' })])
    expect(inThread(renamed)?.sender?.name).toBe('Inés')
    const after = applyEvents(renamed, [updated(12, { id: 'con_9', name: null, identities: [], erased: true })])
    expect([after.threads.size, inList(after), after.wanted]).toEqual([0, null, ['c']])
  })
})

test('acts that name nothing known, or have another form, change nothing', () => {
  const before = opened(said('m'))
  const odd = [
    event(11, 'message.reaction', { message_id: 'other', emoji: '👍' }),
    event(12, 'message.edited', { message_id: 'm', message: null }),
    event(13, 'message.media', { message_id: 'm', attachment: 'x' }),
    event(14, 'message.revoked', { conversation_id: 7 }),
    event(15, 'contact.updated', { contact: { id: 'con_1' } }),
    event(16, 'message.received', { erased: true }),
  ]
  const after = applyEvents(before, odd)
  expect([inThread(after), inList(after)]).toEqual([inThread(before), inList(before)])
})

test('pages and acts in any order give the same', () => {
  const seed = 17
  const random = seededRandom(seed)
  const edit = said('m', { content: { kind: 'text', text: 'new' } })
  const events = [
    reaction(11, '👍'),
    event(12, 'message.edited', { message_id: 'm', message: edit, at: LATER }),
    reaction(13, '😮'),
    event(14, 'message.state', { message_id: 'm', state: 'received', reason: null }),
  ]
  const whole = applyEvents(opened(said('m')), events)
  for (let round = 0; round < 20; round++) {
    // The page is read after some of the events and comes after all of them.
    const read = Math.floor(random() * (events.length + 1))
    const seen = inThread(applyEvents(opened(said('m')), events.slice(0, read))) ?? said('m')
    const late = applyEvents(emptyState(10), events)
    const state = applyThreadPage(late, 'c', { items: [seen], next: null, as_of: 10 + read })
    expect(state && inThread(state), `seed ${seed}, read ${read}`).toEqual(inThread(whole) as never)
  }
})
