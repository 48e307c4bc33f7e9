import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AccountsClient } from './accounts-client.ts'

const NOW = Date.parse('2026-11-22T10:00:00Z')
const PASSWORD = 'seven lilac trombones'
let folder: string
let failures: Error[]
let client: AccountsClient

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'gatehouse-accounts-client-'))
  failures = []
  client = new AccountsClient(new URL('./accounts-thread.ts', import.meta.url), (error) => failures.push(error))
})
afterEach(async () => {
  await client.close()
  rmSync(folder, { recursive: true, force: true })
  expect(failures).toEqual([])
})

function open() {
  const where = { path: join(folder, 'accounts.db'), key: new Uint8Array(32), epoch: 'an-epoch' }
  return client.open(where, (accounts) => accounts.makeLink({ kind: 'setup', personId: null, madeBy: null }, NOW).token)
}

describe('the thread of the credentials', () => {
  test('is not there for a start, and says so to the watchdog', async () => {
    open()
    expect(await client.watched().ping()).toBeNull()
  })

  test('begins with the first question, and finds what the start wrote', async () => {
    const token = open()
    const [link] = await Promise.all([
      client.asks.linkOf(token, NOW),
      client.asks.setPassword(7, PASSWORD, { nowMs: NOW, but: null }),
    ])
    expect(link).toEqual({ kind: 'setup', personId: null, madeBy: null })
    expect(await client.asks.isPassword(7, PASSWORD)).toBe(true)
    if (process.platform === 'linux') expect(await client.watched().ping()).toBeNumber()
  })

  test('answers what was told it before it was closed', async () => {
    open()
    const asked = client.asks.forget(7)
    await client.close()
    await asked
  })

  test('refuses in words, and goes on', async () => {
    open()
    await expect(client.asks.confirm(7, '123456', NOW)).rejects.toMatchObject({ code: 'conflict' })
    expect(await client.asks.credentialsOf(7)).toMatchObject({ hasPassword: false })
  })
})
