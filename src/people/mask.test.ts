import { describe, expect, test } from 'bun:test'
import type { Permission } from '../core/permissions.ts'
import { ownerNamed } from '../testing/principals.ts'
import { eventTextFor, masked, maskOf } from './mask.ts'
import { visibilityOf } from './may-see.ts'

const OWNER = ownerNamed()
const without = (...missing: Permission[]) => ({
  ...OWNER,
  permissions: new Set([...OWNER.permissions].filter((name) => !missing.includes(name))),
})
const BOTH = { phones: true, names: true }
const CONTACT = { id: 'con_2h', name: 'Amina Farouk', phone: '+12025550143', user_id: 'US.4711' }
const MESSAGE = {
  id: 'msg_4c',
  upstream_id: 'wamid.HBgMMTIwMjU1NTAxNDM=',
  conversation_id: 'cnv_g',
  direction: 'in',
  type: 'text',
  from: '+12025550143',
  to: '+15550783881',
  sender: CONTACT,
  text: { body: 'It is Amina' },
  context: { id: 'wamid.HBgMMTIwMjU1NTAxNDM=' },
  reply_to: { message_id: 'msg_3', upstream_id: 'wamid.HBgMMTIwMjU1NTAxNDM=' },
}
const CONVERSATION = { id: 'cnv_g', number_alias: 'support', contact: CONTACT, last_message: MESSAGE }
const WHOLE_CONTACT = {
  ...CONTACT,
  profile_name: 'Amina',
  book_name: null,
  username: 'amina',
  parent_user_id: null,
  identities: [{ kind: 'phone', value: '+12025550143', source: 'message' }],
  attributes: { customer_number: 'R-1183' },
}
const NOTICE = {
  ...MESSAGE,
  type: 'system',
  system: { body: 'Amina Farouk changed from 12025550143 to 12025550144' },
  content: { kind: 'notice', text: 'Amina Farouk changed from 12025550143 to 12025550144' },
}
const lookUp = (detail: object) => ({
  id: 'aud_1',
  actor: { id: 'k', by: 'api_key' },
  action: 'contact.look_up',
  detail,
})
const SECRETS = ['Amina Farouk', '2025550143', 'US.4711', 'HBgMMTIw', 'R-1183', '"amina"']

describe('masked()', () => {
  test.each([
    ['a message', MESSAGE],
    ['a notice of the platform', NOTICE],
    ['a message to a group', { ...MESSAGE, from: '+15550783881', direction: 'out', to: null, participants: [CONTACT] }],
    ['a conversation', CONVERSATION],
    ['a group with its members', { ...CONVERSATION, group: { id: 'g1', subject: 'Tour', members: [CONTACT] } }],
    ['a contact', WHOLE_CONTACT],
    ...Object.entries({ phone: '+12025550143', user_id: 'US.4711', username: 'amina' }).map(
      ([kind, value]): [string, object] => [`a look-up by ${kind} in the audit`, lookUp({ [kind]: value })],
    ),
    ['a search in the audit', lookUp({ q: 'Amina Farouk', person: '2025550143', conversation_id: 'cnv_g' })],
    ['a page of conversations', { items: [CONVERSATION, CONVERSATION], next: null, as_of: 7 }],
    ['results of a search', { items: [{ message: MESSAGE, conversation_id: 'cnv_g', highlights: [] }] }],
    ['an event', { offset: 3, type: 'message.received', data: { message: MESSAGE, conversation: CONVERSATION } }],
    ['a state', { offset: 3, data: { message_id: 'msg_4c', upstream_id: MESSAGE.upstream_id, state: 'read' } }],
    ['a contact that changed', { offset: 4, data: { contact: WHOLE_CONTACT } }],
  ])('%s says nothing of who it is', (_, view) => {
    const text = JSON.stringify(masked(view, BOTH))
    for (const secret of SECRETS) expect(text).not.toContain(secret)
    // It was there before.
    expect(SECRETS.some((secret) => JSON.stringify(view).includes(secret))).toBe(true)
  })

  test('keeps what is needed to answer: ids, our number, what was said, the country and the end of the phone', () => {
    const view = masked(CONVERSATION, BOTH) as typeof CONVERSATION
    expect(view.contact).toEqual({ id: 'con_2h', name: 'Customer 2h', phone: '+12•••••43', user_id: '•••••' })
    expect(view.last_message).toMatchObject({ id: 'msg_4c', to: '+15550783881', text: { body: 'It is Amina' } })
    expect(view.last_message.reply_to.message_id).toBe('msg_3')
  })

  test('of what we sent, the other side is masked', () => {
    expect(masked({ ...MESSAGE, direction: 'out', from: '+15550783881', to: '+12025550143' }, BOTH)).toMatchObject({
      from: '+15550783881',
      to: '+12•••••43',
    })
  })

  test('a notice whose words are not shown is not found by them', () => {
    const found = (message: object, highlights: number[][]) => ({ message, conversation_id: 'cnv_g', highlights })
    const said = found(MESSAGE, [[0, 2]])
    const items = [found(NOTICE, [[0, 5]]), said, found(NOTICE, [])]
    const shown = masked({ items, next: null }, BOTH) as { items: { message: { type: string } }[] }
    // One that was looked for by its day or its kind says nothing.
    expect(shown.items.map(({ message }) => message.type)).toEqual(['text', 'system'])
  })

  test('names and phones are two permissions', () => {
    expect(masked(CONTACT, BOTH)).toEqual(CONTACT)
    const names = masked(CONVERSATION, { phones: false, names: true }) as typeof CONVERSATION
    expect(names.contact).toMatchObject({ name: 'Customer 2h', phone: '+12025550143' })
    expect(names.last_message.upstream_id).toBe(MESSAGE.upstream_id)
    const phones = masked(CONVERSATION, { phones: true, names: false }) as typeof CONVERSATION
    expect(phones.contact).toMatchObject({ name: 'Amina Farouk', phone: '+12•••••43' })
  })

  test('masking twice is masking once', () => {
    const once = masked(CONVERSATION, BOTH)
    expect(masked(once, BOTH)).toEqual(once)
  })
})

describe('eventTextFor()', () => {
  const event = { json: JSON.stringify({ offset: 1, data: { message: MESSAGE } }) }

  test('is the event’s own text for who sees everything', () => {
    expect(maskOf(OWNER)).toBeNull()
    expect(eventTextFor(OWNER, event)).toBe(event.json)
  })

  test('is made once for all who are shown the same', () => {
    const [one, other] = [without('contacts.see_phones'), without('contacts.see_phones')]
    let reads = 0
    const read = {
      get json() {
        reads++
        return event.json
      },
    }
    expect(eventTextFor(one, read)).toBe(eventTextFor(other, read))
    expect(reads).toBe(1)
    expect(eventTextFor(one, event)).not.toContain('2025550143')
    expect(visibilityOf(one)).toBe(visibilityOf(other))
    expect(visibilityOf(one)).not.toBe(visibilityOf(OWNER))
    expect(visibilityOf(one)).not.toBe(visibilityOf(without('contacts.see_names')))
  })
})
