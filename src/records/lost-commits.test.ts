import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock } from '../testing/fake-clock.ts'
import { TestBook } from '../testing/open-test-book.ts'
import { ANNA, queued, textItem } from '../testing/test-items.ts'
import { lostKeysOf, requireAccounts } from './lost-commits.ts'
import { queueMessage } from './queue-message.ts'
import { beginSending, holdUnfinished } from './send-message.ts'

let clock: FakeClock
let folder: string
let older: string

/** A house of which everything after an early copy of the records is lost. */
beforeEach(async () => {
  clock = new FakeClock()
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-lost-'))
  older = join(folder, 'older')
  const house = new TestBook(clock, { folder })
  await house.declare()
  await house.give(textItem('wamid.1', clock.epochMs()))
  await house.ask(queueMessage, queued({ kind: 'person', person: ANNA }))
  house.close()
  // Closed, all of it is in the one file.
  cpSync(join(folder, 'records.db'), older)
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function goOnAndLose(): Promise<void> {
  const house = new TestBook(clock, { folder })
  await house.give(textItem('wamid.2', clock.epochMs()))
  house.close()
  cpSync(older, join(folder, 'records.db'))
}

describe('records that lost commits', () => {
  test('are not gone on with unasked, and the refusal says what may be done', async () => {
    await goOnAndLose()
    expect(() => new TestBook(clock, { folder })).toThrow(
      /records end at event \d+, but more was committed.*--accept-loss/,
    )
  })

  test('have another epoch once the loss is accepted, and what platforms said comes back from the journal', async () => {
    await goOnAndLose()
    const house = new TestBook(clock, { folder, acceptLoss: true })
    expect(house.book.epoch()).toBe('accepted-loss')
    await house.settle()
    expect((await house.eventsAfter(0)).filter((text) => text.includes('wamid.2'))).toHaveLength(1)
    house.close()
    // The loss is accepted once: the next start needs no option.
    new TestBook(clock, { folder }).close()
  })

  test('hold what waits to be sent, since it may have gone out', async () => {
    await goOnAndLose()
    const house = new TestBook(clock, { folder, acceptLoss: true })
    expect(house.reader.isOwed('house.hold_unfinished')).toBe(true)
    expect(await house.ask(holdUnfinished, null)).toEqual({ held: 1, isDone: true })
    expect(house.reader.isOwed('house.hold_unfinished')).toBe(false)
    const states = (await house.told()).filter(({ type }) => type === 'message.state')
    expect(states.at(-1)?.data).toMatchObject({ state: 'held', reason: 'restored' })
    const message = house.database.one<{ message_id: number }>('SELECT message_id FROM outbound')?.message_id ?? 0
    const begun = await house.ask(beginSending, { messageIds: [message] })
    expect(begun).toEqual({ leave: [], stay: [{ messageId: message, reason: 'not_queued' }] })
    house.close()
  })

  test('are not suspected where nothing is lost', async () => {
    const house = new TestBook(clock, { folder })
    await house.give(textItem('wamid.3', clock.epochMs()))
    house.close()
    const again = new TestBook(clock, { folder })
    expect(again.book.epoch()).toBe('test-epoch')
    expect(again.reader.isOwed('house.hold_unfinished')).toBe(false)
    again.close()
  })
})

describe('a vault that lost commits', () => {
  async function loseOfVault(): Promise<void> {
    const early = join(folder, 'vault-older')
    cpSync(join(folder, 'vault.db'), early)
    const house = new TestBook(clock, { folder })
    await house.give(
      textItem('wamid.2', clock.epochMs(), {
        person: { phone: '+447700900077', userId: 'GB.77', name: 'Somebody New' },
      }),
    )
    house.close()
    cpSync(early, join(folder, 'vault.db'))
  }

  test('is not gone on with unasked: its keys are missing, and nobody else knows', async () => {
    await loseOfVault()
    expect(() => new TestBook(clock, { folder })).toThrow(/vault has lost \d+ commits?:.*--accept-loss/)
  })

  test('is gone on with once the loss is accepted', async () => {
    await loseOfVault()
    new TestBook(clock, { folder, acceptLoss: true }).close()
    new TestBook(clock, { folder }).close()
  })

  test('is told of, before the loss is accepted and after', async () => {
    const before = new TestBook(clock, { folder })
    expect(lostKeysOf(before.database, before.vault, 10)).toEqual({ commits: 0, people: 0 })
    before.close()
    await loseOfVault()
    const house = new TestBook(clock, { folder, acceptLoss: true })
    expect(lostKeysOf(house.database, house.vault, 10)).toEqual({ commits: 0, people: 1 })
    // The oldest are not looked for: they were there before.
    expect(lostKeysOf(house.database, house.vault, 0)).toEqual({ commits: 0, people: 0 })
    house.database.countCommit(house.vault.commits() + 3)
    expect(lostKeysOf(house.database, house.vault, 10)).toEqual({ commits: 3, people: 1 })
    house.close()
  })
})

describe('credentials that are missing', () => {
  const someoneWorksHere = "INSERT INTO memberships VALUES (1, 7, 1, 0, '{}', 0)"

  test('are missed where people work, and nowhere else', () => {
    const house = new TestBook(clock, { folder })
    const { database } = house
    expect(() => requireAccounts(database, folder, false)).not.toThrow()
    database.run('PRAGMA foreign_keys = OFF')
    database.run(someoneWorksHere)
    expect(() => requireAccounts(database, folder, false)).toThrow(
      /accounts\.db is missing or empty.*Put it back.*newest backup.*--accept-loss/,
    )
    expect(() => requireAccounts(database, folder, true)).not.toThrow()
    writeFileSync(join(folder, 'accounts.db'), '')
    expect(() => requireAccounts(database, folder, false)).toThrow(/missing or empty/)
    writeFileSync(join(folder, 'accounts.db'), 'credentials')
    expect(() => requireAccounts(database, folder, false)).not.toThrow()
    house.close()
  })
})
