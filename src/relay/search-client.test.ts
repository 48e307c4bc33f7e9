import { afterAll, describe, expect, test } from 'bun:test'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { pause, systemClock } from '../core/clock.ts'
import { silentLog } from '../core/log.ts'
import type { SearchAsk } from '../records/search.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { ownerNamed } from '../testing/principals.ts'
import { THREADS } from '../threads.ts'
import { SearchClient } from './search-client.ts'

const folder = mkdtempSync(join(tmpdir(), 'gatehouse-search-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const OWNER = ownerNamed('key_1')
const ASK = { q: 'parcel' } as SearchAsk

/** A program that answers what a test says, and tells on a search what it has heard so far. */
function program(name: string, search = 'heard'): URL {
  const path = join(folder, name)
  writeFileSync(
    path,
    `const heard = []
     self.onmessage = ({ data }) => {
       heard.push(data.name)
       if (data.name === 'search' && ${JSON.stringify(search)} === 'throw') { setImmediate(() => { throw new Error('broken') }); return }
       if (data.name === 'search' && ${JSON.stringify(search)} === 'silence') return
       if (data.id > 0) postMessage({ id: data.id, value: data.name === 'search' ? { text: heard.join(' ') } : undefined })
       if (data.name === 'close') process.exit(0)
     }`,
  )
  return pathToFileURL(path)
}

function clientOf(thread: URL) {
  const clock = new FakeClock()
  const errors: string[] = []
  const client = new SearchClient({
    thread,
    clock,
    log: { ...silentLog, error: (phrase) => void errors.push(phrase) },
    onSearch: () => {},
  })
  return { client, clock, errors }
}

describe('SearchClient', () => {
  test('wakes the thread once for many commits, and lets it rest while the book is behind', async () => {
    const { client, clock } = clientOf(program('listens.ts'))
    await client.open({ folder, masterKey: new Uint8Array(32) })
    for (let commit = 0; commit < 10; commit++) client.hear(0)
    clock.advance(200)
    client.hear(0)
    for (let commit = 0; commit < 10; commit++) client.hear(500)
    clock.advance(200)
    client.hear(0)
    clock.advance(200)
    expect(await client.search(ASK, OWNER)).toBe('open wake rest wake search')
    await client.close()
  })

  test('refuses searches where the folder cannot be opened, and goes on', async () => {
    const { client, errors } = clientOf(THREADS.search)
    await client.open({ folder: join(folder, 'nowhere'), masterKey: new Uint8Array(32) })
    expect(errors).toEqual(['there is no search until the next start'])
    await expect(client.search(ASK, OWNER)).rejects.toMatchObject({ code: 'unavailable' })
    client.hear(0)
    await client.close()
  })

  test('refuses searches where the thread has failed, those under way too', async () => {
    const { client, errors } = clientOf(program('throws.ts', 'throw'))
    await client.open({ folder, masterKey: new Uint8Array(32) })
    await expect(client.search(ASK, OWNER)).rejects.toMatchObject({ code: 'unavailable' })
    while (errors.length < 2) await pause(systemClock, 5)
    await expect(client.search(ASK, OWNER)).rejects.toMatchObject({ code: 'unavailable' })
    await client.close()
  })

  test('takes no more searches than it can answer soon', async () => {
    const { client } = clientOf(program('silent.ts', 'silence'))
    await client.open({ folder, masterKey: new Uint8Array(32) })
    for (let waiting = 0; waiting < 100; waiting++) void client.search(ASK, OWNER).catch(() => {})
    await expect(client.search(ASK, OWNER)).rejects.toMatchObject({ code: 'rate_limited' })
    await client.close()
  })
})
