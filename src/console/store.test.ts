import { describe, expect, test } from 'bun:test'
import { MESSAGE_STATES, type MessageState } from '../core/message.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import {
  applyConversation,
  applyConversationPage,
  applyEvents,
  applyRead,
  applySent,
  applyThreadPage,
  type ConsoleState,
  emptyState,
  progresses,
  RECENT_EVENTS_MAX,
  THREAD_MESSAGES_MAX,
  THREADS_MAX,
  touchThread,
  unreadConversations,
} from './store.ts'
import type { ConversationView, EventRecord, MessageView } from './wire.ts'

function at(second: number): string {
  return new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString()
}

function conversation(id: string, change: Partial<ConversationView> = {}): ConversationView {
  return {
    id,
    number: 'number-1',
    number_alias: 'Support',
    contact: { id: `contact-${id}`, name: 'Ada' },
    unread: 0,
    created_at: at(0),
    last_message_at: at(1),
    window_expires_at: null,
    standby: false,
    ...change,
  }
}

function message(id: string, second: number, change: Partial<MessageView> = {}): MessageView {
  const base = {
    id,
    conversation_id: 'c',
    direction: 'in',
    type: 'text',
    text: { body: id },
    state: 'received',
  } as const
  return { ...base, at: at(second), ...change }
}

function received(offset: number, view: MessageView, change: Partial<ConversationView> = {}): EventRecord {
  const {
    last_message: _message,
    last_message_at: _at,
    standby: _standby,
    ...bare
  } = conversation(view.conversation_id, change)
  return { offset, type: 'message.received', at: view.at, data: { message: view, conversation: bare } }
}

function stated(
  offset: number,
  messageId: string,
  state: MessageState,
  more: Record<string, unknown> = {},
): EventRecord {
  const data = { message_id: messageId, conversation_id: 'c', state, reason: null, ...more }
  return { offset, type: 'message.state', at: at(offset), data }
}

function must<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('Expected a value')
  return value
}

/** A state with conversation `c` and its thread, both read at `asOf`. */
function withThread(messages: MessageView[], asOf = 10): ConsoleState {
  const items = messages.toSorted((a, b) => (a.at < b.at ? 1 : -1))
  const listed = applyConversationPage(emptyState(asOf), { items: [conversation('c')], next: null, as_of: asOf })
  return must(applyThreadPage(must(listed), 'c', { items, next: null, as_of: asOf }))
}

const shown = (state: ConsoleState) => state.threads.get('c')?.messages.map((entry) => entry.view.id)
const stateOf = (state: ConsoleState, id: string) =>
  state.threads.get('c')?.messages.find((entry) => entry.view.id === id)?.view.state

describe('messages', () => {
  test('stand in the order of their time, then their id, whatever order they come in', () => {
    const state = applyEvents(withThread([message('m', 50)]), [
      received(11, message('z', 70)),
      received(12, message('b', 60)),
      received(13, message('a', 60)),
    ])
    expect(shown(state)).toEqual(['m', 'a', 'b', 'z'])
  })

  test('of one second stand in the order of their numbers', () => {
    const events = ['msg_10', 'msg_z', 'msg_9'].map((id, index) => received(11 + index, message(id, 60)))
    expect(shown(applyEvents(withThread([]), events))).toEqual(['msg_9', 'msg_z', 'msg_10'])
  })

  test('are shown once, however often they are told', () => {
    const event = received(11, message('a', 60))
    const state = applyEvents(applyEvents(withThread([]), [event, event]), [event])
    expect(shown(state)).toEqual(['a'])
  })

  test('are found on an older page and in an event, and shown once', () => {
    const state = applyEvents(withThread([message('m', 50)]), [received(11, message('a', 60))])
    const page = { items: [message('a', 60), message('m', 50), message('k', 40)], next: null, as_of: 11 }
    expect(shown(must(applyThreadPage(state, 'c', page)))).toEqual(['k', 'm', 'a'])
  })

  test('older than what is loaded wait for their page, so that no hole is hidden', () => {
    const listed = must(applyConversationPage(emptyState(10), { items: [conversation('c')], next: null, as_of: 10 }))
    const page = { items: [message('n', 60), message('m', 50)], next: 'more', as_of: 10 }
    const state = applyEvents(must(applyThreadPage(listed, 'c', page)), [received(11, message('late', 20))])
    expect(shown(state)).toEqual(['m', 'n'])
    const rest = { items: [message('late', 20), message('k', 10)], next: null, as_of: 11 }
    expect(shown(must(applyThreadPage(state, 'c', rest)))).toEqual(['k', 'late', 'm', 'n'])
  })

  test('that this console sent give way to what the server says of them', () => {
    const own = message('own', 100, { direction: 'out', state: 'queued' })
    const sent = applySent(withThread([message('m', 50)]), own)
    expect(shown(sent)).toEqual(['m', 'own'])
    const told = applyEvents(sent, [stated(11, 'own', 'queued', { message: { ...own, at: at(40) } })])
    expect(shown(told)).toEqual(['own', 'm'])
    expect(shown(applySent(told, own))).toEqual(['own', 'm'])
  })

  test('beyond the bound fall off at the old end, which then counts as cut', () => {
    const many = Array.from({ length: THREAD_MESSAGES_MAX }, (_, index) => message(`m${index}`, index))
    const state = applyEvents(withThread(many), [received(11, message('new', 9_000))])
    const thread = must(state.threads.get('c'))
    expect(thread.messages).toHaveLength(THREAD_MESSAGES_MAX)
    expect(thread.messages.at(-1)?.view.id).toBe('new')
    expect(thread.horizon).toEqual({ at: at(1), id: 'm1' })
  })
})

describe('states of messages', () => {
  const out = message('own', 60, { direction: 'out', state: 'sent' })

  const cases: [MessageState, MessageState, boolean][] = [
    ['queued', 'sending', true],
    ['sending', 'queued', true],
    ['in_doubt', 'delivered', true],
    ['accepted', 'failed', true],
    ['sent', 'failed', true],
    ['delivered', 'failed', false],
    ['read', 'delivered', false],
    ['read', 'read', false],
    ['read', 'played', true],
    ['delivered', 'queued', false],
    ['failed', 'queued', true],
  ]
  test.each(cases)('%s then %s: %p', (from, to, expected) => {
    expect(progresses(from, to)).toBe(expected)
  })

  test('never go back, whatever is reported in whatever order', () => {
    const random = seededRandom(7)
    for (let round = 0; round < 200; round += 1) {
      let state = withThread([out])
      let highest = 0
      const rank = (word: MessageState) => ['sent', 'delivered', 'read', 'played'].indexOf(word)
      const told: MessageState[] = []
      for (let offset = 11; offset < 20; offset += 1) {
        const word = must(MESSAGE_STATES[Math.floor(random() * MESSAGE_STATES.length)])
        told.push(word)
        state = applyEvents(state, [stated(offset, 'own', word)])
        const now = rank(must(stateOf(state, 'own')))
        const reached = `seed 7, round ${round}: ${told.join(' ')}`
        if (highest >= 1 && now < highest) throw new Error(`Went back: ${reached}`)
        highest = Math.max(highest, now)
      }
    }
  })

  test('of an event that the page already contained change nothing', () => {
    const state = withThread([{ ...out, state: 'in_doubt' }], 20)
    expect(stateOf(applyEvents(state, [stated(15, 'own', 'sending')]), 'own')).toBe('in_doubt')
    expect(stateOf(applyEvents(state, [stated(21, 'own', 'delivered')]), 'own')).toBe('delivered')
  })

  test('show in the list too when they are about the last message', () => {
    const own = { ...out, state: 'queued' as const }
    const sent = applySent(withThread([]), own)
    const state = applyEvents(sent, [stated(11, 'own', 'queued', { message: own }), stated(12, 'own', 'read')])
    expect(state.conversations.get('c')?.view.last_message?.state).toBe('read')
  })

  test('of messages that are not loaded are passed over', () => {
    const before = withThread([out])
    const after = applyEvents(before, [stated(11, 'other', 'read')])
    expect(shown(after)).toEqual(['own'])
    expect(after.wanted).toEqual([])
  })
})

describe('pages and events that cross', () => {
  test('unread counts are not doubled by events that the list already contained', () => {
    const items = [conversation('c', { unread: 3, last_message_at: at(30) })]
    const listed = must(applyConversationPage(emptyState(5), { items, next: null, as_of: 12 }))
    const late = applyEvents(listed, [received(11, message('a', 29), { unread: 2 })])
    expect(late.conversations.get('c')?.view.unread).toBe(3)
    const replayed = applyEvents(late, [received(12, message('b', 30), { unread: 3 })])
    expect(replayed.conversations.get('c')?.view.unread).toBe(3)
    expect(replayed.conversations.get('c')?.view.last_message_at).toBe(at(30))
    const next = applyEvents(replayed, [received(13, message('d', 31), { unread: 4 })])
    expect(next.conversations.get('c')?.view.unread).toBe(4)
  })

  test('a page older than the events seen since is brought up to date by them', () => {
    const ahead = applyEvents(emptyState(10), [
      received(11, message('a', 60), { unread: 1 }),
      stated(12, 'own', 'read'),
    ])
    const listed = must(
      applyConversationPage(ahead, { items: [conversation('c', { unread: 0 })], next: null, as_of: 10 }),
    )
    expect(listed.conversations.get('c')?.view.unread).toBe(1)
    const own = message('own', 50, { direction: 'out', state: 'sent' })
    const thread = must(applyThreadPage(listed, 'c', { items: [own], next: null, as_of: 10 }))
    expect(shown(thread)).toEqual(['own', 'a'])
    expect(stateOf(thread, 'own')).toBe('read')
  })

  test('a page so old that events after it are no longer kept is refused', () => {
    const events = Array.from({ length: RECENT_EVENTS_MAX + 5 }, (_, index) => stated(11 + index, 'x', 'read'))
    const state = applyEvents(emptyState(10), events)
    expect(state.recent).toHaveLength(RECENT_EVENTS_MAX)
    expect(applyConversationPage(state, { items: [], next: null, as_of: 14 })).toBeNull()
    expect(applyThreadPage(state, 'c', { items: [], next: null, as_of: 14 })).toBeNull()
    expect(applyConversationPage(state, { items: [], next: null, as_of: 15 })).not.toBeNull()
  })

  test('a read mark counts only while nothing newer has come', () => {
    const state = applyEvents(withThread([message('a', 50)]), [received(11, message('b', 60), { unread: 2 })])
    expect(applyRead(state, 'c', 'a').conversations.get('c')?.view.unread).toBe(2)
    expect(applyRead(state, 'c', 'b').conversations.get('c')?.view.unread).toBe(0)
  })
})

describe('conversations', () => {
  const page = (items: ConversationView[], next: string | null = null) => ({ items, next, as_of: 10 })

  test('stand newest activity first and move up with a message', () => {
    const items = [conversation('d', { last_message_at: at(9) }), conversation('c', { last_message_at: at(5) })]
    const listed = must(applyConversationPage(emptyState(10), page(items)))
    expect(listed.order).toEqual(['d', 'c'])
    const state = applyEvents(listed, [received(11, message('a', 20), { unread: 1 })])
    expect(state.order).toEqual(['c', 'd'])
    expect(state.conversations.get('c')?.view.last_message?.id).toBe('a')
    expect(unreadConversations(state)).toBe(1)
  })

  test('that are new come in with their first message, or with their own event', () => {
    const listed = must(applyConversationPage(emptyState(10), page([conversation('d')])))
    const view = conversation('e', { last_message_at: at(90) })
    const state = applyEvents(listed, [
      received(11, message('a', 20)),
      { offset: 12, type: 'conversation.created', at: at(90), data: { conversation: view } },
    ])
    expect(state.order).toEqual(['e', 'c', 'd'])
  })

  test('that an event speaks of without a view are asked for once', () => {
    const own = message('own', 20, { direction: 'out', state: 'queued' })
    const events = [stated(11, 'own', 'queued', { message: own }), stated(12, 'two', 'queued', { message: own })]
    const state = applyEvents(emptyState(10), events)
    expect(state.wanted).toEqual(['c'])
    expect(state.order).toEqual([])
    const fetched = applyConversation(state, conversation('c'), 10)
    expect(fetched.wanted).toEqual([])
    expect(fetched.conversations.get('c')?.view.last_message?.id).toBe('own')
  })

  test('below the loaded part of the list stay out of sight until their page comes', () => {
    const listed = must(
      applyConversationPage(emptyState(10), page([conversation('c', { last_message_at: at(50) })], 'more')),
    )
    const view = conversation('old', { last_message_at: at(3) })
    const state = applyEvents(listed, [
      { offset: 11, type: 'conversation.updated', at: at(60), data: { conversation: view } },
    ])
    expect(state.order).toEqual(['c'])
    const items = [conversation('mid', { last_message_at: at(20) }), view]
    expect(must(applyConversationPage(state, page(items))).order).toEqual(['c', 'mid', 'old'])
  })

  test('keep their last message when an update comes without one', () => {
    const listed = must(
      applyConversationPage(emptyState(10), page([conversation('c', { last_message: message('a', 1) })])),
    )
    const view = conversation('c', { unread: 5 })
    const state = applyEvents(listed, [
      { offset: 11, type: 'conversation.updated', at: at(2), data: { conversation: view } },
    ])
    expect(state.conversations.get('c')?.view).toMatchObject({ unread: 5, last_message: { id: 'a' } })
  })

  test('events of unknown types and forms are passed over', () => {
    const before = withThread([message('m', 50)])
    const odd: EventRecord[] = [
      { offset: 11, type: 'something.new', at: at(1), data: { conversation: 'c' } },
      { offset: 12, type: 'message.received', at: at(1), data: { message: null } },
      { offset: 13, type: 'message.state', at: at(1), data: {} },
    ]
    const after = applyEvents(before, odd)
    expect(after.order).toEqual(before.order)
    expect(shown(after)).toEqual(['m'])
  })
})

/** `c` passes to others, or to whoever looks. */
function moved(offset: number, as: 'gone' | 'visible'): EventRecord {
  const { unread: _unread, window_expires_at: _window, last_message: _last, ...told } = conversation('c')
  const data = as === 'gone' ? { conversation_id: 'c' } : { conversation: told }
  return { offset, type: `conversation.${as}`, at: at(offset), data }
}

describe('a conversation that passes on', () => {
  const page = (asOf: number) => ({ items: [conversation('c', { unread: 3 })], next: null, as_of: asOf })

  test('leaves the list with all that was said in it', () => {
    const state = applyEvents(withThread([message('m', 50)]), [moved(11, 'gone')])
    expect([state.order, state.threads.size, state.wanted]).toEqual([[], 0, []])
    expect(state.conversations.has('c')).toBe(false)
  })

  test('does not come back with a page that was read before', () => {
    const state = applyEvents(emptyState(10), [moved(11, 'gone')])
    expect(must(applyConversationPage(state, page(10))).order).toEqual([])
    expect(applyConversation(state, conversation('c'), 10).order).toEqual([])
    expect(must(applyThreadPage(state, 'c', { items: [message('m', 50)], next: null, as_of: 10 })).threads.size).toBe(0)
  })

  test('stays where a later page has it, and is fetched where it comes into view', () => {
    const late = must(applyConversationPage(emptyState(10), page(12)))
    expect(applyEvents(late, [moved(11, 'gone')]).order).toEqual(['c'])
    // What the event tells has neither the last message nor the window nor what is unread: it is not shown like that.
    const come = applyEvents(applyEvents(emptyState(10), [moved(11, 'gone')]), [moved(12, 'visible')])
    expect([come.order, come.wanted]).toEqual([[], ['c']])
    const fetched = applyConversation(come, conversation('c', { unread: 3 }), 12)
    expect([fetched.order, fetched.wanted, fetched.conversations.get('c')?.view.unread]).toEqual([['c'], [], 3])
    expect(applyEvents(fetched, [moved(13, 'gone')]).order).toEqual([])
  })
})

test('the thread that was looked at last is the last to be forgotten', () => {
  let state = emptyState(10)
  const open = (id: string) => {
    state = must(applyThreadPage(state, id, { items: [], next: null, as_of: 10 }))
  }
  for (let index = 0; index < THREADS_MAX; index += 1) open(`c${index}`)
  state = touchThread(state, 'c0')
  open('one more')
  expect([state.threads.size, state.threads.has('c0'), state.threads.has('c1')]).toEqual([THREADS_MAX, true, false])
})
