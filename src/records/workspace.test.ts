import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { readId } from '../core/ids.ts'
import type { Actor } from '../core/principal.ts'
import { openTestBook, SEES_ALL, type TestBook } from '../testing/open-test-book.ts'
import { ANNA, DEADLINE_MS, declared, queued, statusItem, textItem } from '../testing/test-items.ts'
import { declareConfiguration } from './configuration.ts'
import { changeContact } from './contact-change.ts'
import { mergeContacts, unmergeContact } from './contact-merge.ts'
import { readConversation } from './conversation.ts'
import { beginErasure } from './erasure.ts'
import { refetchMedia } from './media.ts'
import { declareApp, declareNumber, setNumberState } from './number.ts'
import { seeing } from './page.ts'
import { queueMessage } from './queue-message.ts'
import { beginSending, cancelMessage, retryMessage } from './send-message.ts'
import { searchKeyName } from './workspace.ts'
import { WorkspaceReader } from './workspace-reader.ts'

const OUTLET = 2
const IN_OUTLET: Actor = { id: 'key', by: 'api_key', workspaceId: OUTLET, personId: null }
const COMMAND: Actor = { ...IN_OUTLET, by: 'command' }
const SEES_OUTLET = seeing(OUTLET, () => true)
const PICTURE = {
  kind: 'image',
  upstreamId: '1037543291543636',
  url: null,
  mimeType: 'image/jpeg',
  sha256: null,
  fileName: null,
  voice: false,
  animated: false,
} as const
const ALL = { limit: 50, cursor: null }

let house: TestBook
let conversationId = 0

/** Main with a customer, and an outlet with a number. */
beforeEach(async () => {
  house = openTestBook()
  await house.declare()
  await house.ask(declareApp, { id: 'whatsapp/outlet', portfolio: 'outlet', workspace: 'outlet' })
  await house.ask(declareNumber, inOutlet())
  await house.give(textItem('wamid.1', house.clock.epochMs(), { person: ANNA }))
  conversationId = house.database.one<{ id: number }>('SELECT id FROM conversations')?.id ?? 0
})
afterEach(() => house.close())

function inOutlet() {
  return declared({ account: '2', app: 'outlet', portfolio: 'outlet', alias: 'outlet', pool: 'p', workspace: 'outlet' })
}

function workspacesOf(table: string): number[] {
  return house.database
    .all<{ id: number }>(`SELECT DISTINCT workspace_id AS id FROM ${table} ORDER BY 1`)
    .map(({ id }) => id)
}

describe('a workspace', () => {
  test('is made when a portfolio names it, with a search key of its own', () => {
    expect(new WorkspaceReader(house.database).all()).toEqual([
      { id: 1, name: 'main' },
      { id: OUTLET, name: 'outlet' },
    ])
    const [main, outlet] = [1, OUTLET].map((id) => house.vault.findNamedKey(searchKeyName(id)))
    expect(outlet).toHaveLength(32)
    expect(outlet).not.toEqual(main)
  })

  test('has what is said on its numbers, and nothing else', async () => {
    expect([workspacesOf('contacts'), workspacesOf('conversations')]).toEqual([[1], [1]])
    expect(workspacesOf('events')).toEqual([1, OUTLET])
    expect((await house.reader.conversations(ALL, SEES_ALL)).items).toHaveLength(1)
    expect((await house.reader.conversations(ALL, SEES_OUTLET)).items).toEqual([])
    expect((await house.reader.contacts.list(ALL, SEES_OUTLET)).items).toEqual([])
    expect(await house.reader.contacts.lookUp({ kind: 'phone', value: '+4915112345678' }, 'acme', SEES_OUTLET)).toBe(
      undefined,
    )
  })

  test('keeps a portfolio that anybody is known in, and a number with conversations', async () => {
    const moved = { id: 'whatsapp/main', portfolio: 'acme', workspace: 'outlet' }
    await expect(house.ask(declareApp, moved)).rejects.toThrow('The portfolio acme has conversations')
    await expect(house.ask(declareNumber, declared({ workspace: 'outlet' }))).rejects.toThrow(
      'is not moved to another one',
    )
    const ask = { workspaces: [], apps: [moved], numbers: [], revoked: 'kept', retryTokensOf: [] } as const
    await expect(house.ask(declareConfiguration, ask)).rejects.toThrow('not moved')
    expect(workspacesOf('numbers')).toEqual([1, OUTLET])
  })

  test('gives away a portfolio in which nothing was said yet', async () => {
    await house.ask(declareApp, { id: 'whatsapp/outlet', portfolio: 'outlet' })
    const { workspace: _, ...number } = inOutlet()
    await house.ask(declareNumber, number)
    expect(workspacesOf('numbers')).toEqual([1])
  })
})

describe('what another firm’s app signs', () => {
  test('is not taken for what is said on a number; it is set aside', async () => {
    const account = { id: '2', display: '+15550001111' }
    await house.give(textItem('wamid.forged', house.clock.epochMs(), { account, person: ANNA }))
    expect(house.reader.quarantinedCount()).toBe(1)
    expect(house.database.all('SELECT id FROM messages')).toHaveLength(1)
    expect((await house.reader.conversations(ALL, SEES_OUTLET)).items).toEqual([])
  })

  test('is no news of a message that left from another firm’s number', async () => {
    const to = { kind: 'person', person: { phone: '+4915177777777' } } as const
    const more = { workspaceId: OUTLET, type: 'template', sender: { kind: 'number', account: '2' } } as const
    const { answer } = await house.ask(queueMessage, queued(to, more))
    const messageId = readId('message', answer.id) ?? 0
    const { leave } = await house.ask(beginSending, { messageIds: [messageId] })
    const correlation = leave[0]?.correlation ?? ''
    await house.give(statusItem('wamid.out', 'read', house.clock.epochMs(), { correlation }))
    expect(await house.reader.message(messageId, SEES_OUTLET)).toMatchObject({ state: 'sending' })
    expect(house.reader.quarantinedCount()).toBe(0)
  })
})

describe('an act in one workspace', () => {
  const to = () => ({ kind: 'conversation', id: conversationId }) as const

  test('sends into no conversation and from no number of another', async () => {
    await expect(house.ask(queueMessage, queued(to(), { workspaceId: OUTLET }))).rejects.toThrow('No such conversation')
    const account = declared().account
    const person = { kind: 'person', person: { phone: '+4915112345678' } } as const
    const foreign = queued(person, { workspaceId: OUTLET, sender: { kind: 'number', account } })
    await expect(house.ask(queueMessage, foreign)).rejects.toThrow('No such number')
    expect((await house.ask(queueMessage, queued(to()))).answer.state).toBe('queued')
  })

  test('changes nothing of another, even where no door has asked', async () => {
    const head = house.events.head()
    const ask = { conversationId, uptoMessageId: null }
    await expect(house.ask(readConversation, ask, IN_OUTLET)).rejects.toThrow('No such conversation')
    const numberId = house.database.one<{ id: number }>('SELECT id FROM numbers WHERE workspace_id = 1')?.id ?? 0
    const pause = { numberId, state: 'paused', reason: null } as const
    await expect(house.ask(setNumberState, pause, IN_OUTLET)).rejects.toThrow('No such number')
    expect(house.events.head()).toBe(head)
    expect(house.database.one('SELECT unread FROM conversations')).toEqual({ unread: 1 })
    // A command on the machine reaches every workspace.
    expect(await house.ask(readConversation, ask, COMMAND)).toEqual({ unread: 0 })
  })

  test('finds nothing of another by its id, also where there is nothing to change', async () => {
    const contactId = house.database.one<{ id: number }>('SELECT id FROM contacts')?.id ?? 0
    const numberId = house.database.one<{ id: number }>('SELECT id FROM numbers WHERE workspace_id = 1')?.id ?? 0
    await house.give({ ...textItem('wamid.2', house.clock.epochMs()), attachments: [PICTURE] })
    const mediaId = house.database.one<{ id: number }>('SELECT id FROM media')?.id ?? 0
    const messageId = readId('message', (await house.ask(queueMessage, queued(to()))).answer.id) ?? 0
    await house.ask(readConversation, { conversationId, uptoMessageId: null })
    const head = house.events.head()
    const asked = [
      () => house.ask(readConversation, { conversationId, uptoMessageId: null }, IN_OUTLET),
      () => house.ask(setNumberState, { numberId, state: 'active', reason: null }, IN_OUTLET),
      () => house.ask(cancelMessage, { messageId }, IN_OUTLET),
      () => house.ask(retryMessage, { messageId, deadlineMs: DEADLINE_MS }, IN_OUTLET),
      () => house.ask(refetchMedia, { mediaId }, IN_OUTLET),
      () => house.ask(changeContact, { contactId }, IN_OUTLET),
      () => house.ask(mergeContacts, { contactId, intoId: contactId, by: 'key' }, IN_OUTLET),
      () => house.ask(unmergeContact, { contactId, by: 'key' }, IN_OUTLET),
      () => house.ask(beginErasure, { contactId, by: 'key' }, IN_OUTLET),
    ]
    for (const ask of asked) {
      const said = await ask().then(String, (error: Error) => error.message)
      expect(said).toStartWith('No such')
    }
    expect(house.events.head()).toBe(head)
    expect(await house.reader.contacts.one(contactId, SEES_OUTLET)).toBe(undefined)
    expect(await house.reader.message(messageId, SEES_OUTLET)).toBe(undefined)
  })
})
