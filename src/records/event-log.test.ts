import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import type { InboundItem, MessageItem, PersonReference, SendOutcome } from '../core/inbound.ts'
import { Db } from '../storage/database.ts'
import { type Desk, openDesk } from '../testing/open-desk.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { ACCEPTED, ANNA, DEADLINE_MS, declared, statusItem, textItem } from '../testing/test-items.ts'
import { changeContact } from './contact-change.ts'
import { mergeContacts, unmergeContact } from './contact-merge.ts'
import { readConversation } from './conversation.ts'
import { declareNumber, setNumberState } from './number.ts'
import { cancelMessage, type Departure, endDoubt, retryMessage } from './send-message.ts'
import type { View } from './views.ts'

let desk: Desk

beforeEach(async () => {
  desk = await openDesk()
})
afterEach(() => desk.house.close())

const REFUSED: SendOutcome = { kind: 'refused', code: 1, reason: 'no', pauses: 'nothing', closesWindow: false }
const RETRY: SendOutcome = {
  kind: 'retry',
  code: 1,
  reason: 'later',
  afterMs: null,
  scope: 'number',
  throttled: false,
}
const UNKNOWN: SendOutcome = { kind: 'unknown', code: null, reason: 'timeout' }

/** Anything that may happen to a house, drawn at random. What is refused is as good as what is not. */
class History {
  readonly #random: () => number
  readonly #messages: number[] = []
  readonly #departures: Departure[] = []
  #count = 0

  constructor(seed: number) {
    this.#random = seededRandom(seed)
  }

  async step(): Promise<void> {
    const steps = [
      () => this.#give(textItem(`wamid.${this.#next()}`, this.#at(), { person: this.#person() })),
      () => this.#give(textItem(`wamid.${this.#next()}`, this.#at(), { direction: 'out', person: this.#person() })),
      async () => void this.#messages.push(await desk.queue({ reference: `R${this.#next()}`, whenInDoubt: 'resend' })),
      async () => void this.#departures.push(await desk.begin(this.#message())),
      () => this.#answer(),
      () => this.#status(),
      () => desk.house.ask(endDoubt, { messageId: this.#message(), term: 1 }),
      () => desk.house.ask(cancelMessage, { messageId: this.#message() }),
      () => desk.house.ask(retryMessage, { messageId: this.#message(), deadlineMs: DEADLINE_MS }),
      () =>
        desk.house.ask(
          declareNumber,
          declared({ alias: `alias-${this.#next() % 3}`, display: `+1${this.#next() % 3}` }),
        ),
      () =>
        desk.house.ask(setNumberState, {
          numberId: desk.numberId,
          state: this.#random() < 0.3 ? 'paused' : 'active',
          reason: null,
        }),
      () => this.#merge(),
      () => desk.house.ask(unmergeContact, { contactId: this.#contact(), by: 'key' }),
      () =>
        desk.house.ask(changeContact, {
          contactId: this.#contact(),
          name: this.#random() < 0.3 ? null : `Given ${this.#next() % 3}`,
          attributes: { key: this.#next() },
        }),
      () => this.#give(textItem(`wamid.${this.#next()}`, this.#at(), this.#moving())),
      () => desk.house.ask(readConversation, { conversationId: desk.conversationId, uptoMessageId: null }),
    ]
    desk.house.clock.advance(Math.floor(this.#random() * 500))
    await (this.#pick(steps)?.() ?? Promise.resolve()).catch(() => {})
  }

  #merge(): Promise<unknown> {
    return desk.house.ask(mergeContacts, { contactId: this.#contact(), intoId: this.#contact(), by: 'key' })
  }

  #contact(): number {
    const rows = desk.house.database.all<{ id: number }>('SELECT id FROM contacts ORDER BY id')
    return this.#pick(rows)?.id ?? 0
  }

  /** The platform tells of another number. */
  #moving(): Partial<MessageItem> {
    return { type: 'system', opensWindow: false, person: this.#person(), identity: { to: this.#person() } }
  }

  async #answer(): Promise<void> {
    const departure = this.#pick(this.#departures.slice(-2))
    const upstreamId = `wamid.${this.#next()}`
    const accepted: SendOutcome = {
      kind: 'accepted',
      upstreamId,
      recipient: this.#person(),
      pacing: this.#next() % 2 === 0,
    }
    const outcome = this.#pick([accepted, ACCEPTED(upstreamId), REFUSED, RETRY, UNKNOWN])
    if (departure && outcome) await desk.outcome(departure, outcome)
  }

  #status(): Promise<void> {
    const state = this.#pick(['sent', 'delivered', 'read', 'failed'] as const) ?? 'sent'
    const correlation = this.#next() % 2 ? (this.#pick(this.#departures)?.correlation ?? null) : null
    const upstreamId = `wamid.${this.#count - 1 - Math.floor(this.#random() * 12)}`
    return this.#give(statusItem(upstreamId, state, this.#at(), { correlation, recipient: this.#person() }))
  }

  async #give(item: InboundItem): Promise<void> {
    await desk.house.give(item)
  }

  #person(): PersonReference {
    const draw = Math.floor(this.#random() * 6)
    const people = [ANNA, { ...ANNA, name: `Anna ${draw}${this.#count % 5}` }, { userId: 'DE.1001' }]
    return people[draw] ?? { phone: `+49${draw % 2}`, ...(this.#next() % 2 ? { userId: `DE.${draw % 3}` } : {}) }
  }

  #at(): number {
    return desk.house.clock.epochMs() - Math.floor(this.#random() * 5000)
  }

  #next(): number {
    return this.#count++
  }

  /** One of the newest: to those things still happen. */
  #message(): number {
    return this.#pick(this.#messages.slice(-4)) ?? 0
  }

  #pick<T>(list: readonly T[]): T | undefined {
    return list[Math.floor(this.#random() * list.length)]
  }
}

describe('an event', () => {
  test.each([1, 2, 3])(
    'reads the same right after its commit and at the end of any history: seed %d',
    async (seed) => {
      const history = new History(seed)
      const live = await desk.house.eventsAfter(0)
      for (let step = 0; step < 250; step++) {
        await history.step()
        live.push(...(await desk.house.eventsAfter(live.length)))
      }
      expect(live.length, `seed ${seed}`).toBeGreaterThan(80)
      const types = new Set(live.map((text) => (JSON.parse(text) as { type: string }).type))
      expect(types.size, `seed ${seed}`).toBeGreaterThanOrEqual(6)
      desk.house.restart()
      const later = await desk.house.eventsAfter(0)
      expect(later.length, `seed ${seed}`).toBe(live.length)
      for (const [index, text] of later.entries())
        expect(text, `seed ${seed}, event ${index + 1}`).toBe(live[index] ?? '')
      // And the cells that events were told with are really needed.
      const kinds = desk.house.database.all('SELECT DISTINCT kind FROM former_cells')
      expect(kinds.length, `seed ${seed}`).toBeGreaterThan(1)
    },
    20_000,
  )

  test('tells what was so when it happened', async () => {
    const { house } = desk
    await house.give(textItem('wamid.2', house.clock.epochMs(), { person: { ...ANNA, name: 'Anna Neu' } }))
    await house.ask(declareNumber, declared({ alias: 'renamed' }))
    await house.give(textItem('wamid.3', house.clock.epochMs()))
    const received = (await house.told())
      .filter(({ type }) => type === 'message.received')
      .map(({ data }) => data['conversation'] as View)
    expect(received.map((view) => (view['contact'] as View)['name'])).toEqual([
      'Anna Beispiel',
      'Anna Neu',
      'Anna Beispiel',
    ])
    expect(received.map((view) => view['number_alias'])).toEqual(['support-1', 'support-1', 'renamed'])
    expect(received.map((view) => view['unread'])).toEqual([1, 2, 3])
  })

  test('of an erased person keeps its offset and type and says so', async () => {
    const { house } = desk
    await desk.outcome(await desk.begin(await desk.queue()), ACCEPTED('wamid.out'))
    const before = await house.told()
    house.restart()
    const vault = new Db(`${house.folder}/vault.db`)
    vault.run('DELETE FROM person_keys')
    vault.close()
    const after = await house.told()
    expect(after.map(({ offset, type, at }) => ({ offset, type, at }))).toEqual(
      before.map(({ offset, type, at }) => ({ offset, type, at })),
    )
    for (const { type, data } of after) expect(data['erased'], type).toBe(type === 'number.state' ? undefined : true)
    expect(JSON.stringify(after)).not.toMatch(/Anna|4915112345678|wamid/)
  })
})

describe('the log', () => {
  test('is read in pages that join, and says how far each reaches', async () => {
    const { house } = desk
    for (let count = 0; count < 5; count++) await house.give(textItem(`wamid.${count}`, house.clock.epochMs()))
    const head = house.events.head()
    const first = await house.events.read(0, 3)
    expect([first.events.map(({ offset }) => offset), first.upto]).toEqual([[1, 2, 3], 3])
    const rest = await house.events.read(3, 500)
    expect([rest.events.length, rest.upto]).toEqual([head - 3, head])
    expect(await house.events.read(head, 10)).toEqual({ events: [], upto: head })
    expect(await house.events.read(head + 5, 10)).toEqual({ events: [], upto: head + 5 })
    expect([house.events.oldest(), house.events.epoch()]).toEqual([1, 'test-epoch'])
    house.database.run('DELETE FROM events')
    expect(house.events.oldest()).toBe(head + 1)
  })
})

test('a long read gives way again and again, and says what a read at once says', async () => {
  for (let index = 0; index < 70; index++) {
    await desk.house.give(textItem(`wamid.long-${index}`, index * 1000, { person: ANNA }))
  }
  let turns = 0
  const log = desk.house.eventsGivingWay(async () => void turns++)
  const atOnce = await desk.house.events.read(0, 500)
  expect(atOnce.events.length).toBeGreaterThan(64)
  for (const [after, limit] of [
    [0, 500],
    [0, 64],
    [0, 65],
    [3, 31],
    [atOnce.upto, 500],
    [0, atOnce.events.length],
  ] as const) {
    turns = 0
    expect(await log.read(after, limit)).toEqual(await desk.house.events.read(after, limit))
    const count = Math.min(limit, Math.max(0, atOnce.upto - after))
    expect({ after, limit, turns }).toEqual({
      after,
      limit,
      turns: Math.max(0, Math.ceil((count + (limit > count ? 1 : 0)) / 32) - 1),
    })
  }
})
