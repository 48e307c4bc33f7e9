import { afterEach, describe, expect, test } from 'bun:test'
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { seededRandom } from '../testing/seeded-random.ts'
import { Customers, userIdOf } from './customers.ts'
import { DueHeap } from './due-heap.ts'
import { Media } from './media.ts'
import { type Send, SendLog } from './sends.ts'
import { phoneOfWamid, WamidMaker } from './wamid.ts'
import { escapedJson } from './webhook-body.ts'

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function openFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'simulator-'))
  folders.push(folder)
  return folder
}

function someSend(correlation: string): Omit<Send, 'index'> {
  return {
    at: '2026-11-22T09:00:00.000Z',
    number: '1',
    to: '447700900142',
    type: 'text',
    wamid: 'wamid.1',
    correlation,
    outcome: 'answered',
  }
}

describe('SendLog', () => {
  test('pages through packed and open sends in their order', () => {
    const log = new SendLog()
    for (let index = 1; index <= 2500; index++) log.add(someSend(`c${index}`))
    const indexes: number[] = []
    for (let after = 0; ; ) {
      const page = log.list({ number: null, correlation: null, after, limit: 700 })
      if (page.length === 0) break
      indexes.push(...page.map((send) => send.index))
      after = indexes.at(-1) ?? 0
    }
    expect(indexes).toEqual(Array.from({ length: 2500 }, (_, index) => index + 1))
    expect(log.list({ number: null, correlation: 'c1500', after: 0, limit: 9 })).toMatchObject([{ index: 1500 }])
    expect(log.list({ number: '2', correlation: null, after: 0, limit: 9 })).toEqual([])
  })

  test('cuts off a line that a crash left unfinished, and goes on', () => {
    const path = join(openFolder(), 'sends.jsonl')
    const first = new SendLog(path)
    first.add(someSend('a'))
    first.close()
    appendFileSync(path, '{"index":2,"at":"20')
    const second = new SendLog(path)
    expect(second.total).toBe(1)
    second.add(someSend('b'))
    second.close()
    const lines = readFileSync(path, 'utf8').trim().split('\n')
    expect(lines.map((line) => JSON.parse(line).correlation)).toEqual(['a', 'b'])
  })

  test('refuses a file that is something else', () => {
    const path = join(openFolder(), 'sends.jsonl')
    writeFileSync(path, 'not a send\n')
    expect(() => new SendLog(path)).toThrow('line 1')
  })
})

describe('Customers', () => {
  test('forgets strangers before customers that wrote, and counts them', () => {
    const customers = new Customers({ customersMax: 3 })
    customers.reach('1', true)
    customers.reach('2', false)
    customers.reach('3', false)
    customers.reach('2', false)
    customers.reach('4', false)
    expect([...customers.all()].map((customer) => customer.phone)).toEqual(['1', '4', '2'])
    customers.reach('5', true)
    customers.reach('6', true)
    customers.reach('7', true)
    expect(customers.find('1')).toBeUndefined()
    expect(customers.forgotten.customers).toBe(4)
    expect(customers.findByUserId(userIdOf('1'))).toBeUndefined()
  })

  test('keeps a bounded number of messages in a chat and in all', () => {
    const customers = new Customers({ messagesPerChatMax: 3, messagesMax: 5 })
    const fill = (phone: string, count: number) => {
      const customer = customers.reach(phone, true)
      const chat = customers.chat(customer, 'n')
      for (let index = 0; index < count; index++) {
        customers.addMessage(customer, chat, {
          id: String(index),
          direction: 'written',
          type: 'text',
          text: '',
          choices: [],
          mediaId: null,
          contextId: null,
          atMs: 0,
          state: 'sent',
          echo: null,
        })
      }
      return chat
    }
    expect(fill('1', 5).messages.map((message) => message.id)).toEqual(['2', '3', '4'])
    fill('2', 3)
    expect(customers.find('1')).toBeUndefined()
    expect(customers.messageCount).toBe(3)
    expect(customers.forgotten).toEqual({ customers: 1, messages: 5 })
  })
})

test('DueHeap gives things by their time, equal times in their order', () => {
  const seed = 9
  const random = seededRandom(seed)
  const heap = new DueHeap<{ dueMs: number; place: number }>()
  for (let place = 0; place < 500; place++) {
    const dueMs = Math.floor(random() * 40)
    heap.push({ dueMs, place }, dueMs)
  }
  expect(heap.popDue(-1)).toBeUndefined()
  const taken: { dueMs: number; place: number }[] = []
  for (let next = heap.popDue(100); next; next = heap.popDue(100)) taken.push(next)
  const sorted = taken.toSorted((left, right) => left.dueMs - right.dueMs || left.place - right.place)
  expect(taken.length, `seed ${seed}`).toBe(500)
  expect(taken, `seed ${seed}`).toEqual(sorted)
})

test('WamidMaker makes ids that differ and know their phone', () => {
  const maker = new WamidMaker(seededRandom(1))
  const ids = Array.from({ length: 5000 }, () => maker.make('447700900142', 1_795_338_000_000))
  expect(new Set(ids).size).toBe(5000)
  expect(phoneOfWamid(ids[0] ?? '')).toBe('447700900142')
  expect(phoneOfWamid('wamid.SGVsbG8=')).toBeUndefined()
  expect(phoneOfWamid('')).toBeUndefined()
})

test('Media forgets the oldest files, and addresses after five minutes', () => {
  const media = new Media(seededRandom(1))
  const small = media.add(new Uint8Array(10), 'text/plain', 0)
  if (!small) throw new Error('The file was not kept')
  const token = media.address(small.id, '', 0).split('/').at(-1) ?? ''
  expect(media.open(token, 299_999)?.id).toBe(small.id)
  expect(media.open(token, 300_000)).toBeUndefined()
  expect(media.find(small.id, 30 * 86_400_000)).toBeUndefined()
  media.add(new Uint8Array(64 * 1024 * 1024), 'text/plain', 0)
  expect(media.find(small.id, 0)).toBeUndefined()
  expect(media.counts).toEqual({ kept: 1, bytes: 64 * 1024 * 1024, forgotten: 1 })
  expect(media.add(new Uint8Array(64 * 1024 * 1024 + 1), 'text/plain', 0)).toBeUndefined()
})

test('escapedJson() writes ASCII only, which reads back as the same value', () => {
  const value = { text: 'é / 🙂 \u2028 "quoted" \\' }
  const text = escapedJson(value)
  expect(text).toMatch(/^[\x20-\x7e]+$/)
  expect(text).toContain('\\u00e9 \\/ \\ud83d\\ude42')
  expect(JSON.parse(text)).toEqual(value)
})
