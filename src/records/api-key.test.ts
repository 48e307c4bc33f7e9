import { describe, expect, test } from 'bun:test'
import { openTestBook } from '../testing/open-test-book.ts'
import { type AddApiKey, ApiKeyReader, addApiKey, noteKeyUse, revokeApiKey } from './api-key.ts'

const KEY: AddApiKey = {
  hash: new Uint8Array(32).fill(3),
  hint: 'abcd',
  workspaceId: 1,
  personId: null,
  name: 'shop',
  role: 'agent',
  permissions: ['messages.reply'],
  numberIds: [7],
  expiresAtMs: 5_000,
}
const FIRST_PAGE = { limit: 50, cursor: null }

function open() {
  const house = openTestBook()
  return { house, keys: new ApiKeyReader(house.database) }
}

describe('API keys', () => {
  test('are kept by their hash, once, with what they are worth', async () => {
    const { house, keys } = open()
    expect(keys.hasAny()).toBeFalse()
    const first = await house.ask(addApiKey, KEY)
    expect(await house.ask(addApiKey, { ...KEY, name: 'another' })).toEqual(first)
    expect(keys.withHash(KEY.hash)).toMatchObject({ role: 'agent', permissions: ['messages.reply'], numberIds: [7] })
    expect(keys.withHash(new Uint8Array(32))).toBeUndefined()
    expect(keys.hasAny()).toBeTrue()
  })

  test('are not there any more once they are revoked, which is told', async () => {
    const { house, keys } = open()
    const { id } = await house.ask(addApiKey, KEY)
    await house.ask(revokeApiKey, { id, workspaceId: 1 })
    expect(keys.withHash(KEY.hash)).toBeUndefined()
    expect(keys.page(1, FIRST_PAGE, (key) => key).items).toEqual([])
    expect(house.wakes.filter(({ kind }) => kind === 'rights')).toHaveLength(1)
  })

  test('are those of their workspace alone', async () => {
    const { house, keys } = open()
    const { id } = await house.ask(addApiKey, KEY)
    expect(keys.page(2, FIRST_PAGE, (key) => key).items).toEqual([])
    await expect(house.ask(revokeApiKey, { id, workspaceId: 2 })).rejects.toThrow('No such key')
    expect(keys.withHash(KEY.hash)).toBeDefined()
  })

  test('are listed a page at a time, the newest first, with when they were used', async () => {
    const { house, keys } = open()
    for (let index = 0; index < 3; index++) {
      await house.ask(addApiKey, { ...KEY, hash: new Uint8Array(32).fill(index), name: `key ${index}` })
    }
    const name = ({ name }: { name: string }) => ({ name })
    const first = keys.page(1, { limit: 2, cursor: null }, name)
    expect(first.items).toEqual([{ name: 'key 2' }, { name: 'key 1' }])
    expect(keys.page(1, { limit: 2, cursor: first.next }, name)).toMatchObject({
      items: [{ name: 'key 0' }],
      next: null,
    })
    const id = keys.withHash(new Uint8Array(32).fill(0))?.id ?? 0
    await house.ask(noteKeyUse, { id, workspaceId: 1 })
    expect(keys.page(1, FIRST_PAGE, ({ usedAtMs }) => ({ usedAtMs })).items.at(-1)).toEqual({
      usedAtMs: house.clock.epochMs(),
    })
  })
})
