import { afterEach, describe, expect, test } from 'bun:test'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Clock } from '../core/clock.ts'
import { Failure } from '../core/failure.ts'
import type { InboundItem } from '../core/inbound.ts'
import { Db } from '../storage/database.ts'
import { openDesk } from '../testing/open-desk.ts'
import { openTestBook, SEES_ALL, type TestBook, type TestBookOptions } from '../testing/open-test-book.ts'
import { ACCEPTED, ANNA, declared, queued, statusItem, textItem } from '../testing/test-items.ts'
import { EVENTS_KEPT_MIN, purgeEvents } from './event-retention.ts'
import { COMMANDS } from './inputs.ts'
import { declareNumber } from './number.ts'
import { queueMessage } from './queue-message.ts'
import type { Input } from './tx.ts'
import type { View } from './views.ts'

const opened: TestBook[] = []

afterEach(() => {
  for (const house of opened.splice(0)) house.close()
})

function open(options?: TestBookOptions): TestBook {
  const house = openTestBook(options)
  opened.push(house)
  return house
}

/** Each look at it moves time on by a millisecond, so that work takes time. */
class SteppingClock implements Clock {
  #monoMs = 0
  epochMs = () => Date.UTC(2026, 10, 22, 9)
  monoMs = () => this.#monoMs++
  after = () => () => {}
}

/** A command of the test among those of the book; the answer takes it out again. */
function withCommand(command: Input<never, unknown>): Disposable {
  const commands = COMMANDS as unknown as Input<never, unknown>[]
  commands.push(command)
  return { [Symbol.dispose]: () => commands.splice(commands.indexOf(command), 1) }
}

function items(count: number, from = 0): InboundItem[] {
  const atMs = Date.UTC(2026, 10, 22, 8)
  return Array.from({ length: count }, (_, index) =>
    textItem(`wamid.${from + index}`, atMs + from + index, { person: { phone: `+4915${(from + index) % 17}00000` } }),
  )
}

/** Everything the records say, without what two runs may differ in: keys, nonces, random numbers. */
async function recordsOf(house: TestBook): Promise<unknown> {
  const conversations = await house.reader.conversations({ limit: 500, cursor: null }, SEES_ALL)
  return [conversations, await house.eventsAfter(0), house.book.appliedSeq()]
}

describe('the output gate', () => {
  test('lets an answer out only with its commit', async () => {
    const house = open()
    const id = house.submit(declareNumber, declared())
    expect(house.reader.numbers()).toEqual([])
    const commit = await house.work()
    expect(commit.answers).toMatchObject([{ id, value: { id: 1 } }])
    expect(commit).toMatchObject({ head: 1, inputs: 1, paused: false })
    expect(house.reader.numbers()).toHaveLength(1)
  })

  test('lets nothing out of a process that dies before the commit', async () => {
    const house = open()
    await house.ask(declareNumber, declared())
    const head = house.book.head()
    using _ = withCommand({
      name: 'test.die',
      apply: () => Promise.reject(Object.assign(new Error('x'), { code: 'SQLITE_IOERR_FSYNC' })),
    })
    house.restart()
    house.append(items(3))
    house.submit({ name: 'test.die' }, null)
    await expect(house.book.work()).rejects.toThrow('x')
    house.restart()
    expect(house.book.head()).toBe(head)
    await house.settle()
    expect(house.book.appliedSeq()).toBe(1)
    expect((await house.eventsAfter(head)).filter((text) => text.includes('message.received'))).toHaveLength(3)
  })
})

describe('a failing command', () => {
  test('leaves nothing behind and does not touch its neighbours', async () => {
    using _ = withCommand({
      name: 'test.fail',
      async apply(tx, _args, { ids }) {
        await tx.run(`INSERT INTO apps (id, portfolio) VALUES ('left', 'behind')`)
        await tx.event('number.state', { numberId: ids.next(), workspaceId: 1 }, { state: 'active', reason: null })
        tx.wake({ kind: 'number', numberId: 77 })
        await tx.owe('test', 1, { term: 1, atMs: 1 })
        throw new Error('because of +4915112345678')
      },
    })
    const house = open()
    const first = house.submit(declareNumber, declared())
    const failing = house.submit({ name: 'test.fail' }, null)
    const last = house.submit(declareNumber, declared({ account: '2', alias: 'two' }))
    const { answers, wakes, head } = await house.work()
    expect(answers.map((answer) => [answer.id, 'failure' in answer])).toEqual([
      [first, false],
      [failing, true],
      [last, false],
    ])
    // Never the error's own words: they may quote what it failed on.
    expect(JSON.stringify(answers)).not.toContain('+49151')
    expect(answers[1]).toMatchObject({ failure: { code: 'internal', message: 'test.fail failed: Error' } })
    expect(head).toBe(2)
    expect(wakes.map(({ kind }) => kind)).toEqual(['number', 'number'])
    expect(house.database.all('SELECT id FROM apps')).toEqual([])
    expect(house.reader.nextDutyAtMs()).toBeUndefined()
    const offsets = (await house.told()).map(({ offset }) => offset)
    expect(offsets).toEqual([1, 2])
  })

  test('that nobody knows is refused', async () => {
    expect(await open().refusalOf({ name: 'no.such' } as Input<null, null>, null)).toMatchObject({ code: 'internal' })
  })

  test('is refused by the words of its Failure', async () => {
    using _ = withCommand({
      name: 'test.refuse',
      apply: () => Promise.reject(new Failure('conflict', 'Not so', { path: '/x' })),
    })
    const refusal = await open().refusalOf({ name: 'test.refuse' } as Input<null, null>, null)
    expect(refusal).toEqual({ code: 'conflict', message: 'Not so', members: { path: '/x' } })
  })
})

describe('the order of work', () => {
  test('commands go ahead of the backlog of the journal', async () => {
    const house = open({ bookClock: new SteppingClock() })
    house.append(items(500))
    const id = house.submit(declareNumber, declared())
    const first = await house.work()
    expect(first.answers.map((answer) => answer.id)).toEqual([id])
    expect(first.appliedSeq).toBe(0)
    await house.settle()
    expect(house.book.appliedSeq()).toBe(1)
    expect(house.commits.length).toBeGreaterThan(5)
  })

  test('a command given during the backlog is answered by the commit under way', async () => {
    const house = open({ bookClock: new SteppingClock() })
    house.append(items(500))
    const working = house.work()
    const id = house.submit(declareNumber, declared())
    expect((await working).answers.map((answer) => answer.id)).toEqual([id])
    expect(house.book.appliedSeq()).toBe(0)
  })

  test('too many commands are refused', () => {
    const house = open()
    for (let count = 0; count < 20_000; count++) house.submit(declareNumber, declared())
    expect(() => house.submit(declareNumber, declared())).toThrow('takes no more')
  })

  test('time never goes back', async () => {
    const house = open()
    await house.give(textItem('wamid.1', house.clock.epochMs()))
    house.clock.jump(-3_600_000)
    await house.give(textItem('wamid.2', house.clock.epochMs()))
    house.restart()
    await house.give(textItem('wamid.3', house.clock.epochMs(), { person: { phone: '+4917' } }))
    const moments = house.database.all<{ at: number }>('SELECT at FROM events ORDER BY "offset"').map(({ at }) => at)
    expect(moments).toEqual(moments.toSorted((one, other) => one - other))
    expect(moments.at(-1)).toBe(house.clock.epochMs() + 3_600_000)
  })
})

describe('a webhook of a thousand updates', () => {
  test('is taken in slices, and a stop between two of them loses and doubles nothing', async () => {
    const house = open({ bookClock: new SteppingClock() })
    house.append(items(1000))
    house.append(items(10, 995))
    let stops = 0
    while (house.book.hasWork()) {
      await house.work()
      const { applied_items } = house.database.one<{ applied_items: number }>('SELECT applied_items FROM house') ?? {}
      if (!applied_items || stops === 12) continue
      house.restart()
      stops++
    }
    expect(stops).toBe(12)
    expect(house.commits.length).toBeGreaterThan(20)
    expect(house.database.one('SELECT count(*) AS count FROM messages')).toEqual({ count: 1005 })
    const received = (await house.eventsAfter(0)).filter((text) => text.includes('"message.received"'))
    const ids = received.map((text) => (JSON.parse(text) as { data: { message: View } }).data.message['upstream_id'])
    expect(ids).toEqual(items(1005).map((item) => (item as { upstreamId: string }).upstreamId))
  })
})

describe('a body whose items are made one by one', () => {
  test('is read no further than it is applied', async () => {
    const made: number[] = []
    function* parse() {
      for (const [index, item] of items(200).entries()) {
        made.push(index)
        yield item
      }
    }
    const house = open({ bookClock: new SteppingClock(), parse })
    house.append('a body')
    await house.work()
    const { count } = house.database.one<{ count: number }>('SELECT count(*) AS count FROM messages') ?? { count: 0 }
    expect(count).toBeGreaterThan(0)
    expect(count).toBeLessThan(100)
    expect(made).toHaveLength(count + 1)
    await house.settle()
    expect(made).toHaveLength(200)
  })

  test('that breaks off is set aside; what was read of it stays, and what comes behind it is applied', async () => {
    function* parse({ seq }: { seq: number }) {
      yield* items(3, seq * 10)
      if (seq === 1) throw new Error('no more')
    }
    const house = open({ parse })
    house.append('one')
    house.append('two')
    await house.settle()
    expect(house.database.one('SELECT count(*) AS count FROM messages')).toEqual({ count: 6 })
    expect(house.reader.quarantinedCount()).toBe(1)
    expect(house.book.appliedSeq()).toBe(2)
  })
})

describe('entries', () => {
  async function fill(house: TestBook, to: (index: number) => 'memory' | 'file'): Promise<unknown> {
    await house.ask(declareNumber, declared())
    for (let index = 0; index < 30; index++) {
      house.append(items(3, index * 2), to(index))
      if (index % 7 === 0) await house.settle()
    }
    await house.settle()
    return await recordsOf(house)
  }

  test('from memory and from the files come to the same', async () => {
    const fromMemory = await fill(open(), () => 'memory')
    expect(await fill(open(), () => 'file')).toEqual(fromMemory)
    expect(await fill(open(), (index) => (index % 3 === 1 ? 'file' : 'memory'))).toEqual(fromMemory)
  })

  test('that were read from the files before memory offers them are applied once', async () => {
    const house = open()
    const bodies = Array.from({ length: 8 }, (_, index) => items(2, index * 2))
    for (const body of bodies) house.append(body, 'file')
    await house.settle()
    const offered = bodies.map((body, index) => ({
      seq: index + 1,
      atMs: house.clock.epochMs(),
      source: 'whatsapp/main',
      body: new TextEncoder().encode(JSON.stringify(body)),
    }))
    house.book.offer(offered)
    await house.give(...items(1, 100))
    expect(house.book.appliedSeq()).toBe(9)
    expect(house.database.one('SELECT count(*) AS count FROM messages')).toEqual({ count: 17 })
  })

  test('that are promised and not there are a damaged journal, not a reason to wait', async () => {
    const house = open()
    await house.give(...items(1))
    house.book.noteJournalHead(3)
    await expect(house.book.work()).rejects.toThrow('The journal is damaged: entry 2 is missing')
  })

  test('that were lost and accepted as lost are passed, and nothing of the next one is skipped', async () => {
    const house = open({ bookClock: new SteppingClock() })
    house.append(items(1))
    house.append(items(200, 1))
    house.append(items(1, 201))
    while (house.book.appliedSeq() < 1) await house.work()
    await house.work()
    expect(house.database.one('SELECT applied_seq FROM house')).toEqual({ applied_seq: 1 })
    const [day = ''] = readdirSync(join(house.folder, 'journal')).filter((name) => name.endsWith('.db'))
    const file = new Db(join(house.folder, 'journal', day))
    file.run('DELETE FROM entries WHERE seq > 1')
    file.close()
    expect(() => house.restart()).toThrow('2 entries are lost')
    const after = openTestBook({ folder: house.folder, acceptLoss: true })
    try {
      await after.settle()
      expect(after.book.appliedSeq()).toBe(3)
      expect(after.book.hasWork()).toBeFalse()
      after.restart()
      expect(await after.give(...items(3, 500))).toBe(4)
      expect(after.book.appliedSeq()).toBe(4)
      const applied = after.database.all('SELECT id FROM messages').length
      const texts = (await after.eventsAfter(0)).join()
      for (const seq of [500, 501, 502]) expect(texts).toContain(`wamid.${seq}"`)
      expect(applied).toBeLessThan(200)
    } finally {
      after.close()
    }
  })
})

describe('a full disk', () => {
  function pagesMax(house: TestBook, pages: number): void {
    house.database.script(`PRAGMA max_page_count = ${pages}`)
  }

  function pageCount(house: TestBook): number {
    return house.database.one<{ page_count: number }>('PRAGMA page_count')?.page_count ?? 0
  }

  test('pauses the book: nothing is lost, commands are told, and it goes on by itself', async () => {
    const house = open()
    await house.ask(declareNumber, declared())
    const head = house.book.head()
    pagesMax(house, pageCount(house))
    house.append(items(400))
    const id = house.submit(declareNumber, declared({ account: '2', alias: 'two' }))
    const paused = await house.work()
    expect(paused).toMatchObject({ paused: true, isLocked: false, head, appliedSeq: 0, wakes: [] })
    expect(paused.answers).toMatchObject([{ id, failure: { code: 'unavailable' } }])
    expect((await house.work()).paused).toBeTrue()
    pagesMax(house, 1_000_000)
    const resumed = await house.work()
    expect(resumed.paused).toBeFalse()
    await house.settle()
    expect(house.database.one('SELECT count(*) AS count FROM messages')).toEqual({ count: 400 })
    expect(house.reader.numbers()).toHaveLength(1)
    const offsets = (await house.told()).map(({ offset }) => offset)
    expect(offsets).toEqual(offsets.map((_, index) => index + 1))
  })

  test('answers the very command that hit it, and asks the disk again until it takes a commit', async () => {
    using _ = withCommand({
      name: 'test.fill',
      async apply(tx) {
        await tx.run(`INSERT INTO apps (id, portfolio) VALUES (hex(randomblob(500000)), 'x')`)
      },
    })
    const house = open()
    await house.ask(declareNumber, declared())
    pagesMax(house, pageCount(house))
    const id = house.submit({ name: 'test.fill' }, null)
    const { answers } = await house.work()
    expect(answers).toMatchObject([{ id, failure: { code: 'unavailable', message: expect.stringContaining('full') } }])
    // No input waits: still somebody has to find out that there is space again.
    expect(house.book.hasWork()).toBeTrue()
    expect((await house.work()).paused).toBeFalse()
    expect(house.book.hasWork()).toBeFalse()
  })

  test('of the vault is one of the book', async () => {
    const house = open()
    await house.ask(declareNumber, declared())
    const vaultDb = house.vault
    house.append(items(1))
    const rollbacks: number[] = []
    const { commit, rollback } = vaultDb
    vaultDb.commit = () => {
      throw Object.assign(new Error('database or disk is full'), { code: 'SQLITE_FULL' })
    }
    vaultDb.rollback = () => {
      rollbacks.push(1)
      rollback.call(vaultDb)
    }
    expect((await house.work()).paused).toBeTrue()
    expect(rollbacks).toHaveLength(1)
    expect(vaultDb.findPerson('phone', 'main', '+4915000000')).toBeUndefined()
    vaultDb.commit = () => commit.call(vaultDb)
    await house.settle()
    expect(house.database.one('SELECT count(*) AS count FROM messages')).toEqual({ count: 1 })
    expect(vaultDb.findPerson('phone', 'acme', '+4915000000')).toBeDefined()
  })
})

describe('what is on the disk', () => {
  test('holds no text, name, phone, reference or id of a person in clear, in any file or cell', async () => {
    const desk = await openDesk()
    const { house } = desk
    opened.push(house)
    const person = {
      phone: '+4916055512345',
      userId: 'DE.PLANTEDUSER',
      name: 'Plantedname',
      username: 'planted.handle',
    }
    const nowMs = house.clock.epochMs()
    const raw = { id: 'wamid.PLANTEDIN', type: 'text', text: { body: 'PLANTED text' }, from: '4916055512345' }
    await house.give(textItem('wamid.PLANTEDIN', nowMs, { person, raw }))
    await house.give(textItem('wamid.x', nowMs, { person: { ...person, name: 'Plantedname II' } }))
    const { answer } = await house.ask(
      queueMessage,
      queued(
        { kind: 'person', person },
        {
          content: { type: 'text', text: { body: 'PLANTED answer' } },
          reference: 'PLANTEDREF',
          callerData: 'PLANTEDDATA',
        },
      ),
    )
    const departure = await desk.begin(Number.parseInt(answer.id.slice(4), 36))
    await desk.outcome(departure, ACCEPTED('wamid.PLANTEDOUT'))
    const status = { recipient: person, raw: { recipient_id: '4916055512345', planted: 'PLANTED status' } }
    await house.give(statusItem('wamid.PLANTEDOUT', 'delivered', nowMs, status))
    await house.give(statusItem('wamid.PLANTEDEARLY', 'delivered', nowMs, status))
    const note = { kind: 'other', field: 'flows', account: { id: '1' }, atMs: nowMs, raw: { planted: 'PLANTED note' } }
    await house.give(note as InboundItem)
    house.append('{"PLANTED": "no list of items"}')
    await house.settle()
    expect(house.reader.quarantinedCount()).toBe(1)

    const files = readdirSync(house.folder, { recursive: true, encoding: 'utf8' })
      .map((name) => join(house.folder, name))
      .filter((path) => statSync(path).isFile())
    expect(files.length).toBeGreaterThan(4)
    const forbidden = /planted|16055512345|an answer/i
    for (const path of files) expect(forbidden.test(readFileSync(path, 'latin1')), path).toBeFalse()
    const tables = house.database.all<{ name: string }>(`SELECT name FROM sqlite_schema WHERE type = 'table'`)
    expect(tables.length).toBeGreaterThan(12)
    // And the same search finds them where they may be seen.
    expect(forbidden.test((await house.eventsAfter(0)).join())).toBeTrue()
    expect(JSON.stringify(ANNA)).not.toMatch(forbidden)
  })
})

describe('old events', () => {
  test('are forgotten by age, but never the newest million', async () => {
    const house = open()
    await house.give(...items(3))
    const head = house.book.head()
    const laterMs = house.clock.epochMs() + 1
    expect(await house.ask(purgeEvents, { beforeMs: laterMs })).toEqual({ purged: 0 })
    const offset = EVENTS_KEPT_MIN + 4
    house.database.run('INSERT INTO events ("offset", at, type) VALUES (?1, ?2, 5)', offset, laterMs)
    expect(await house.ask(purgeEvents, { beforeMs: house.clock.epochMs() })).toEqual({ purged: 0 })
    expect(await house.ask(purgeEvents, { beforeMs: laterMs })).toEqual({ purged: 4 })
    expect(house.events.oldest()).toBe(5)
    expect(head).toBeGreaterThan(4)
  })
})
