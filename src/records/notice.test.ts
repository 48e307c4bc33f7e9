import { afterEach, expect, test } from 'bun:test'
import { toTime } from '../core/clock.ts'
import type { Fact, FactSubject, NoticeItem } from '../core/inbound.ts'
import { openTestBook, type TestBook } from '../testing/open-test-book.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { declared, TEST_ACCOUNT } from '../testing/test-items.ts'
import { NoticeReader } from './notice-reader.ts'
import { declareNumber } from './number.ts'

const WABA = '102290129340398'
const NUMBER: FactSubject = { kind: 'number', display: '+1 555-078-3881' }
const ACCOUNT: FactSubject = { kind: 'account', id: WABA }
const ALL = { limit: 200, cursor: null }
const EVERY = { workspaceId: 1, accounts: null, severity: null, field: null }

let house: TestBook
afterEach(() => house.close())

async function open(): Promise<void> {
  house = openTestBook()
  await house.declare()
}

function fact(subject: FactSubject, name: string, value: Fact['value'], untilMs: number | null = null): Fact {
  return { subject, name, value, untilMs }
}

function noticeItem(atMs: number, facts: Fact[], more: Partial<NoticeItem> = {}): NoticeItem {
  return {
    kind: 'notice',
    field: 'account_update',
    event: 'account_restriction',
    account: null,
    accountId: WABA,
    atMs,
    facts,
    severity: 'warning',
    raw: { id: WABA, time: atMs, changes: [{ field: 'account_update', value: { facts } }] },
    ...more,
  }
}

function reader(): NoticeReader {
  return new NoticeReader(house.database, house.vault)
}

// biome-ignore lint/suspicious/noExplicitAny: views, whose shape is what is tested
function numberFacts(): any {
  const number = house.reader.numbers().find(({ account }) => account === TEST_ACCOUNT.id)
  return number && reader().factsOf(number, house.clock.epochMs())
}

async function numberEvents(after: number) {
  return (await house.told(after)).filter(({ type }) => type === 'number.state')
}

test('a notice is kept whole, sealed, and its facts are known of the number they name', async () => {
  await open()
  const now = house.clock.epochMs()
  const head = house.book.head()
  await house.give(noticeItem(now - 5000, [fact(NUMBER, 'throughput', 1000)]))

  expect(numberFacts()).toEqual({
    facts: { throughput: { value: 1000, since: toTime(now - 5000), until: null } },
    account_facts: {},
    portfolio_facts: {},
  })
  const { items } = reader().notices(ALL, EVERY)
  expect(items).toEqual([
    {
      id: expect.stringMatching(/^ntc_/),
      field: 'account_update',
      event: 'account_restriction',
      severity: 'warning',
      number: TEST_ACCOUNT.id,
      account: WABA,
      at: toTime(now - 5000),
      arrived_at: toTime(now),
      facts: [{ about: 'number', subject: TEST_ACCOUNT.id, name: 'throughput', value: 1000, until: null }],
      object: noticeItem(now - 5000, [fact(NUMBER, 'throughput', 1000)]).raw,
    },
  ])
  expect(await numberEvents(head)).toEqual([
    expect.objectContaining({
      data: {
        number: TEST_ACCOUNT.id,
        alias: 'support-1',
        state: 'active',
        reason: null,
        facts: { throughput: { value: 1000, since: toTime(now - 5000), until: null } },
        account_facts: {},
        portfolio_facts: {},
      },
    }),
  ])
  expect(house.wakes).toContainEqual({
    kind: 'notice',
    severity: 'warning',
    field: 'account_update',
    event: 'account_restriction',
  })
  const rows = house.database.all<{ body: Uint8Array }>('SELECT body FROM platform_notes')
  expect(Buffer.from(rows[0]?.body ?? []).includes('throughput')).toBe(false)
})

test('a repeated delivery is one notice and no event, also in a batch that names its members in another order', async () => {
  await open()
  const now = house.clock.epochMs()
  const item = noticeItem(now, [fact(ACCOUNT, 'status', 'restricted')])
  const raw = item.raw as { id: string; time: number; changes: unknown }
  await house.give(item)
  const head = house.book.head()
  await house.give(item, { ...item, raw: { changes: raw.changes, time: raw.time, id: raw.id } })
  expect(reader().notices(ALL, EVERY).items).toHaveLength(1)
  expect(house.book.head()).toBe(head)
})

test('an older webhook never overrides a newer one, whatever the order of arrival', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    await open()
    const now = house.clock.epochMs()
    const random = seededRandom(seed)
    const items = Array.from({ length: 12 }, (_, index) =>
      noticeItem(now - 1_000_000 + index * 1000, [
        fact([NUMBER, ACCOUNT][index % 2] ?? ACCOUNT, ['status', 'quality'][(index >> 1) % 2] ?? '', `v${index}`),
      ]),
    )
    const shuffled = items.map((item) => ({ item, key: random() })).sort((one, other) => one.key - other.key)
    for (const { item } of shuffled) await house.give(item)
    const since = (index: number) => toTime(now - 1_000_000 + index * 1000)
    expect({ seed, ...numberFacts() }).toEqual({
      seed,
      facts: {
        status: { value: 'v8', since: since(8), until: null },
        quality: { value: 'v10', since: since(10), until: null },
      },
      account_facts: {
        status: { value: 'v9', since: since(9), until: null },
        quality: { value: 'v11', since: since(11), until: null },
      },
      portfolio_facts: {},
    })
    house.close()
  }
  await open()
})

test('a fact ends by itself, and a stamp in the future counts as now', async () => {
  await open()
  const now = house.clock.epochMs()
  await house.give(noticeItem(now + 999_000, [fact(ACCOUNT, 'status', 'restricted', now + 60_000)]))
  expect(numberFacts().account_facts).toEqual({
    status: { value: 'restricted', since: toTime(now), until: toTime(now + 60_000) },
  })
  house.clock.advance(60_000)
  expect(numberFacts().account_facts).toEqual({ status: { value: null, since: toTime(now + 60_000), until: null } })
})

test('what is said of an account or a portfolio is told of each of its numbers, and of no other', async () => {
  await open()
  await house.ask(declareNumber, declared({ account: '2', waba: WABA, alias: 'second', display: null }))
  await house.ask(declareNumber, declared({ account: '3', waba: 'another', alias: 'third', display: null }))
  await house.ask(declareNumber, declared({ account: '4', portfolio: 'other', waba: 'w4', alias: 'fourth' }))
  const now = house.clock.epochMs()
  const head = house.book.head()
  await house.give(noticeItem(now, [fact(ACCOUNT, 'review', 'approved')]))
  expect((await numberEvents(head)).map(({ data }) => data['number'])).toEqual([TEST_ACCOUNT.id, '2'])
  const then = house.book.head()
  await house.give(noticeItem(now + 1, [fact({ kind: 'portfolio', id: null }, 'messaging_limit', 2000)]))
  expect((await numberEvents(then)).map(({ data }) => data['number'])).toEqual([TEST_ACCOUNT.id, '2', '3'])
  expect(numberFacts().portfolio_facts.messaging_limit.value).toBe(2000)
})

test('a number that nobody declared keeps the written form, and has its facts once it is declared', async () => {
  await open()
  const now = house.clock.epochMs()
  await house.give(noticeItem(now, [fact({ kind: 'number', display: '+49 30 1234567' }, 'pin', 'changed')]))
  expect(reader().notices(ALL, EVERY).items[0]).toMatchObject({
    number: null,
    facts: [{ about: 'number', subject: '+49301234567', name: 'pin', value: 'changed' }],
  })
  await house.ask(declareNumber, declared({ account: '5', display: '+49301234567', alias: 'fifth' }))
  const number = house.reader.numbers().find(({ account }) => account === '5')
  expect(number && reader().factsOf(number, now)['facts']).toEqual({
    pin: { value: 'changed', since: toTime(now), until: null },
  })
})

test('templates are listed by what was said of them, page by page', async () => {
  await open()
  const now = house.clock.epochMs()
  const template = (name: string, language: string | null): FactSubject => ({
    kind: 'template',
    accountId: WABA,
    id: `id-${name}`,
    name,
    language,
  })
  await house.give(
    noticeItem(now, [fact(template('b', 'en'), 'status', 'approved')]),
    noticeItem(now, [fact(template('a', 'de'), 'status', 'paused'), fact(template('a', 'de'), 'quality', 'red')]),
    noticeItem(now, [fact(template('a', null), 'status', 'rejected')]),
  )
  const seen = []
  for (let cursor: string | null = null; ; ) {
    const page = reader().templates({ limit: 2, cursor }, { workspaceId: 1, nowMs: now })
    seen.push(...page.items)
    cursor = page.next
    if (cursor === null) break
  }
  const since = toTime(now)
  const facts = (values: Record<string, string>) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value, since, until: null }]))
  expect(seen).toEqual([
    { account: WABA, name: 'a', language: 'de', facts: facts({ status: 'paused', id: 'id-a', quality: 'red' }) },
    { account: WABA, name: 'a', language: null, facts: facts({ status: 'rejected', id: 'id-a' }) },
    { account: WABA, name: 'b', language: 'en', facts: facts({ status: 'approved', id: 'id-b' }) },
  ])
  expect(() => reader().templates({ limit: 2, cursor: 'nonsense' }, { workspaceId: 1, nowMs: now })).toThrow('cursor')
})

test('notices are found by severity and by field, newest first, page by page', async () => {
  await open()
  const now = house.clock.epochMs()
  for (let index = 0; index < 9; index++) {
    const more = { severity: (['info', 'critical'] as const)[index % 2] ?? 'info', field: `field_${index % 3}` }
    await house.give(noticeItem(now - index * 1000, [fact(ACCOUNT, `n${index}`, index)], more))
  }
  await house.give({ kind: 'other', field: 'field_0', account: null, atMs: now - 500, raw: { what: 'ever' } })
  const { items, next } = reader().notices({ limit: 4, cursor: null }, EVERY)
  expect(items.map(({ severity }) => severity)).toEqual(['info', null, 'critical', 'info'])
  expect(reader().notices({ limit: 200, cursor: next }, EVERY).items).toHaveLength(6)
  expect(reader().notices(ALL, { ...EVERY, severity: 'critical' }).items).toHaveLength(4)
  expect(reader().notices(ALL, { ...EVERY, field: 'field_0' }).items).toHaveLength(4)
  expect(reader().notices(ALL, { ...EVERY, severity: 'info', field: 'field_1' }).items).toHaveLength(1)
})

test('a value or an end beyond all measure is bounded, and nothing goes into quarantine', async () => {
  await open()
  const now = house.clock.epochMs()
  await house.give(
    noticeItem(now, [
      fact(ACCOUNT, 'x'.repeat(100_000), 'y'.repeat(100_000), 1e300),
      fact(ACCOUNT, 'end', 'z', Number.NaN),
      fact({ kind: 'number' }, 'nobody', 1),
      fact({ kind: 'number', display: '' }, 'nobody', 1),
      ...Array.from({ length: 5000 }, (_, index) => fact(ACCOUNT, `many${index}`, index)),
    ]),
  )
  expect(house.reader.quarantinedCount()).toBe(0)
  const { facts } = reader().notices(ALL, EVERY).items[0] as { facts: { name: string; until: null }[] }
  expect(facts.length).toBeLessThanOrEqual(101)
  expect(facts[0]).toMatchObject({ name: 'x'.repeat(200), value: 'y'.repeat(200), until: null })
  expect(facts.map(({ name }) => name)).not.toContain('nobody')
})
