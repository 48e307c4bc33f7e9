import { describe, expect, test } from 'bun:test'
import { blindHash } from '../vault/vault.ts'
import { applyCuts, cutBody, findCuts, findMentions, namesOf, redactBody } from './redaction.ts'

const KEY = new Uint8Array(32).fill(3)
const ANNA = '+4915112345678'

function subjectOf(...known: ['phone' | 'user', string][]) {
  return {
    portfolios: ['other', 'acme'],
    hashes: known.map(([kind, value]) => blindHash(KEY, kind, 'acme', value).toHex()),
  }
}

const names = namesOf(subjectOf(['phone', ANNA], ['user', 'DE.77']), KEY)

describe('namesOf', () => {
  test.each([
    ['+4915112345678', true],
    ['4915112345678', true],
    ['DE.77', true],
    ['4915112345679', false],
    ['call 4915112345678', false],
    ['DE.7', false],
    ['', false],
    ['x'.repeat(200), false],
  ])('%p: %p', (text, isNamed) => {
    expect(names(text)).toBe(isNamed)
    expect(names(text)).toBe(isNamed)
  })

  test('knows a phone in each way in which it is written', () => {
    const brazil = namesOf(subjectOf(['phone', '+5511987654321']), KEY)
    expect(['5511987654321', '551187654321', '551187654322'].map(brazil)).toEqual([true, true, false])
  })
})

function webhook(messages: object[], contacts: object[]): object {
  const value = { messaging_product: 'whatsapp', metadata: { phone_number_id: '1' }, contacts, messages }
  return { object: 'whatsapp_business_account', entry: [{ id: '10', changes: [{ field: 'messages', value }] }] }
}

const OF_ANNA = { from: '4915112345678', id: 'a', text: { body: 'mine' } }
const OF_BEN = { from: '4915112345679', id: 'b', text: { body: 'call Anna: 4915112345678' } }
const CARD_ANNA = { wa_id: '4915112345678', profile: { name: 'Anna' } }
const CARD_BEN = { wa_id: '4915112345679', profile: { name: 'Ben' } }

function redacted(document: unknown): unknown {
  return applyCuts(document, findCuts(document, names))
}

describe('a webhook without a person', () => {
  test('keeps what others said, as it was', () => {
    expect(redacted(webhook([OF_ANNA, OF_BEN, OF_ANNA], [CARD_ANNA, CARD_BEN]))).toEqual(webhook([OF_BEN], [CARD_BEN]))
    const untouched = webhook([OF_BEN], [CARD_BEN])
    expect(redacted(untouched)).toBe(untouched)
  })

  test.each([
    ['a message that nobody understood', { ...OF_ANNA, id: ['a'] }],
    ['one whose sender is a number', { ...OF_ANNA, from: 4915112345678 }],
    ['one that names them deeper', { event: 'x', user: { wa_id: '4915112345678' }, text: { body: 'mine' } }],
    ['one under their name', { '4915112345678': { body: 'mine' } }],
  ])('takes %s whole, where it stands in no list', (_, item) => {
    expect(redacted(item)).toBeUndefined()
    expect(redacted([item, OF_BEN])).toEqual([OF_BEN])
  })

  test('keeps what others said to them or of them, and only that', () => {
    const reply = { ...OF_BEN, context: { from: '4915112345678', id: 'a' } }
    const card = { ...OF_BEN, type: 'contacts', contacts: [{ phones: [{ wa_id: '4915112345678' }, { wa_id: '5' }] }] }
    const only = { ...OF_BEN, type: 'contacts', contacts: [{ phones: [{ wa_id: '4915112345678' }] }] }
    expect(redacted(webhook([reply, card, only], [CARD_BEN]))).toEqual(
      webhook(
        [
          { ...OF_BEN, context: { id: 'a' } },
          { ...OF_BEN, type: 'contacts', contacts: [{ phones: [{ wa_id: '5' }] }] },
          { ...OF_BEN, type: 'contacts' },
        ],
        [CARD_BEN],
      ),
    )
  })

  test('is nothing where there is nothing else in it', () => {
    expect(findCuts(webhook([OF_ANNA], [CARD_ANNA]), names)).toEqual([[]])
    expect(redacted(webhook([OF_ANNA], [CARD_ANNA]))).toBeUndefined()
  })

  test('loses one of two changes', () => {
    const both = {
      entry: [
        { id: '10', changes: [{ value: { messages: [OF_ANNA] } }, { value: { statuses: [{ recipient_id: '1' }] } }] },
        { id: '11', changes: [{ value: { messages: [{ from_user_id: 'DE.77' }] } }] },
      ],
    }
    expect(redacted(both)).toEqual({
      entry: [{ id: '10', changes: [{ value: { statuses: [{ recipient_id: '1' }] } }] }],
    })
  })

  test('loses what is nested below an item', () => {
    const history = {
      history: [
        {
          metadata: {},
          threads: [
            { id: '4915112345678', messages: [{ text: 'x' }] },
            { id: '2', messages: [{}] },
          ],
        },
      ],
      sync: [{ contact: { full_name: 'Anna', phone_number: '+4915112345678' } }, { contact: { full_name: 'Ben' } }],
      ids: ['4915112345678', '5'],
    }
    expect(redacted(history)).toEqual({
      history: [{ metadata: {}, threads: [{ id: '2', messages: [{}] }] }],
      sync: [{ contact: { full_name: 'Ben' } }],
      ids: ['5'],
    })
  })

  test('is cut alike from the paths alone, as a copy is when it is restored', () => {
    const body = new TextEncoder().encode(JSON.stringify(webhook([OF_ANNA, OF_BEN], [CARD_ANNA, CARD_BEN])))
    const done = redactBody(body, names)
    expect(done && cutBody(body, done.cuts)).toEqual(done?.body)
    expect(new TextDecoder().decode(done?.body)).not.toContain('"4915112345678"')
    expect(cutBody(body, [[]])).toHaveLength(0)
  })

  test('that is no JSON goes whole if it names them', () => {
    const bytes = (text: string) => new TextEncoder().encode(text)
    expect(redactBody(bytes('from=4915112345678&x=1'), names)?.body).toHaveLength(0)
    expect(redactBody(bytes('from=4915112345679&x=1'), names)).toBeUndefined()
  })
})

describe('a message of somebody else', () => {
  test('loses the members that name the person, and stays', () => {
    const reply = { from: '4915112345679', text: { body: 'yes' }, context: { from: '4915112345678', id: 'x' } }
    const cuts = findMentions(reply, names)
    expect(applyCuts(reply, cuts)).toEqual({
      from: '4915112345679',
      text: { body: 'yes' },
      context: { id: 'x' },
    })
  })

  test('stays also where all its list is about them', () => {
    const joined = { type: 'group', participants: [{ wa_id: '4915112345678', name: 'Anna' }] }
    expect(applyCuts(joined, findMentions(joined, names))).toEqual({ type: 'group' })
  })
})
