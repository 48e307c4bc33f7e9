import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONTROL_SOCKET } from '../http/control.ts'
import { FAST_NUMBER, TestGateway, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

const PHONE = '+12025550143'
let house: TestGateway

beforeAll(async () => {
  house = await TestGateway.open()
  await house.write(PHONE, 'Is my parcel on its way?', { name: 'Amina Farouk' })
  await house.write('+12025550199', '我昨天下的订单 GH48213 什么时候可以发货', { name: 'Boris' })
  await found({ q: '订单' })
})
afterAll(async () => {
  await house.close()
})

/** The texts of a search, once it finds any. */
async function found(ask: object): Promise<string[]> {
  return await until(`something for ${JSON.stringify(ask)}`, async () => {
    const { body } = await house.api('/api/v1/search', ask)
    return body.items?.length > 0 && textsOf(body)
  })
}

function textsOf(body: { items: { message: { text: { body: string } } }[] }): string[] {
  return body.items.map(({ message }) => message.text.body)
}

describe('the search of a house', () => {
  test('finds what was written, where it stands, by whom it was written', async () => {
    const { status, body } = await house.api('/api/v1/search', { q: 'PARCELS "on its way"' })
    expect(status).toBe(200)
    expect(body).toMatchObject({ next: null, more: false, complete: true })
    expect(body.items).toHaveLength(1)
    expect(body.items[0].highlights).toEqual([
      [6, 12],
      [13, 23],
    ])
    expect(body.items[0].message).toMatchObject({ number: FAST_NUMBER, from: PHONE, content: { kind: 'text' } })
    expect(body.items[0].conversation_id).toBe(body.items[0].message.conversation_id)
    expect(await found({ person: 'amin' })).toEqual(['Is my parcel on its way?'])
    expect(await found({ person: '0143', direction: 'in', kind: 'text', number: FAST_NUMBER })).toHaveLength(1)
    expect(await found({ q: 'gh482' })).toHaveLength(1)
    expect((await house.api('/api/v1/search', { q: 'parcel', person: 'Boris' })).body.items).toEqual([])
  })

  test('finds what we send, and what comes in while it is asked', async () => {
    const to = '+12025550177'
    await house.write(to, 'Where is it?', { name: 'Dora' })
    await house.conversationOf(to)
    const { body } = await house.api('/api/v1/messages', { to, type: 'text', text: { body: 'It left with lorry 7' } })
    expect(body.state).toBe('queued')
    expect(await found({ q: 'lorry', direction: 'out' })).toEqual(['It left with lorry 7'])
    await house.write(to, 'Which lorry?')
    await until('both', async () => (await found({ q: 'lorry' })).length === 2)
    expect(await found({ q: 'lorry' })).toEqual(['Which lorry?', 'It left with lorry 7'])
  })

  test('is asked by hand as well, and refuses what it does not understand with its path', async () => {
    const byHand = await house.api(`/api/v1/search?q=${encodeURIComponent('订单')}&limit=5`)
    expect(textsOf(byHand.body)).toHaveLength(1)
    for (const [ask, path] of [
      [{}, ''],
      [{ limit: 5 }, ''],
      [{ q: '' }, '/q'],
      [{ q: '—' }, '/q'],
      [{ q: 'x'.repeat(201) }, '/q'],
      [{ q: 'x '.repeat(21) }, '/q'],
      [{ q: 7 }, '/q'],
      [{ person: '!' }, '/person'],
      [{ q: 'x', words: 'y' }, '/words'],
      [{ q: 'x', limit: 51 }, '/limit'],
      [{ q: 'x', cursor: '!' }, '/cursor'],
      [{ q: 'x', direction: 'up' }, '/direction'],
      [{ q: 'x', kind: 'letter' }, '/kind'],
      [{ q: 'x', from: 'yesterday' }, '/from'],
      [{ q: 'x', from: '2026-13-01' }, '/from'],
      [{ q: 'x', from: '2026-11-02', to: '2026-11-01' }, '/to'],
      [{ q: 'x', conversation_id: 'msg_1' }, '/conversation_id'],
    ] as const) {
      const { status, body } = await house.api('/api/v1/search', ask)
      expect({ ask, status, code: body.code, path: body.path }).toEqual({ ask, status: 400, code: 'invalid', path })
    }
    for (const [address, path] of [
      ['', '?q'],
      ['?q=', '?q'],
      ['?q=x&person=y', '?person'],
      ['?q=x&limit=0', '?limit'],
      ['?q=x&cursor=!', '?cursor'],
    ] as const) {
      const { status, body } = await house.api(`/api/v1/search${address}`)
      expect({ address, status, path: body.path }).toEqual({ address, status: 400, path })
    }
    expect((await house.request('/api/v1/search?q=x')).status).toBe(401)
  })

  test('is made anew on command, and where its file is damaged or gone', async () => {
    const all = await found({ kind: 'text' })
    const unix = join(house.folder, 'data', CONTROL_SOCKET)
    const answer = await fetch('http://house/search/rebuild', {
      unix,
      method: 'POST',
      body: '{}',
    } as BunFetchRequestInit)
    expect(await answer.json()).toEqual({ rebuilding: true })
    const isWhole = async () => (await house.api('/api/v1/search', { kind: 'text' })).body.complete === true
    await until('the index', isWhole)
    expect(await found({ kind: 'text' })).toEqual(all)
    const path = join(house.folder, 'data', 'search.db')
    await house.stop()
    writeFileSync(path, 'This is no database, however long one may look at it.'.repeat(100))
    await house.start()
    await until('the index', isWhole)
    expect(await found({ kind: 'text' })).toEqual(all)
    expect(existsSync(`${path}.damaged`)).toBe(true)
    expect(house.lines.join('')).toContain('the search index was damaged: it is made anew')
    expect(house.fatal).toEqual([])
  })

  test('finds nothing of an erased person, and all of the others', async () => {
    const phone = '+12025550188'
    await house.write(phone, 'Wo bleibt mein Zwetschgenknödel?', { name: 'Clemens' })
    await found({ q: 'zwetschgenknödel', person: 'Clemens' })
    const { contact } = await house.conversationOf(phone)
    const { status } = await house.ask('DELETE', `/api/v1/contacts/${contact.id}`)
    expect(status).toBe(202)
    await until('the erasure', async () => {
      const { body } = await house.api('/api/v1/search', { q: 'zwetschgenknödel' })
      return body.items.length === 0
    })
    expect((await house.api('/api/v1/search', { person: 'Clemens' })).body.items).toEqual([])
    expect(await found({ q: 'parcel' })).toEqual(['Is my parcel on its way?'])
  })

  test('keeps words and people out of the log, and counts itself', async () => {
    const log = house.lines.join('').toLowerCase()
    for (const word of ['parcel', '订单', 'amin', 'lorry', '0143', 'clemens'])
      expect({ word, is: log.includes(word) }).toEqual({ word, is: false })
    expect(await house.metric('gatehouse_search_seconds_count')).toBeGreaterThan(0)
    expect(await house.metric('gatehouse_search_behind_messages')).toBe(0)
  })
})
