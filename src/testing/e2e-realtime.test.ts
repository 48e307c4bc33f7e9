import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { Value } from '@sinclair/typebox/value'
import { connectRealtime, type RealtimeConnection } from '../realtime/client.ts'
import type { RealtimeEvent } from '../realtime/protocol.ts'
import { EVENT_SCHEMAS, eventSchema } from '../realtime/schemas.ts'
import { undocumentedMembers } from './shape-of.ts'
import { first, TestGateway, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

let house: TestGateway
beforeAll(async () => {
  house = await TestGateway.open()
})
afterAll(async () => {
  await house.close()
})

/** Whoever watches, with the client that the console uses. */
class Watcher {
  readonly events: RealtimeEvent[] = []
  readonly states: string[] = []
  gone = 0
  readonly connection: RealtimeConnection

  constructor(after?: number, epoch?: string) {
    this.connection = connectRealtime({
      url: `${house.url.replace('http', 'ws')}/realtime`,
      ticket: async () => (await house.api('/api/v1/realtime/tickets', {})).body.ticket,
      after,
      epoch,
      onEvents: (events) => void this.events.push(...events),
      onState: (state) => void this.states.push(state),
      onGone: () => {
        this.gone += 1
      },
    })
  }
}

function offsetsOf(events: readonly { offset: number }[]): number[] {
  return events.map(({ offset }) => offset)
}

/** All events after an offset, by asking, with each page's text as it came. */
async function pollAll(after: number, limit = 500): Promise<RealtimeEvent[]> {
  const events: RealtimeEvent[] = []
  let from = after
  for (;;) {
    const { body } = await house.api(`/api/v1/events?after=${from}&limit=${limit}`)
    events.push(...body.events)
    if (body.events.length === 0) return events
    from = body.upto
  }
}

describe('a message of a customer', () => {
  test('is seen by whoever watches, and in the lists, and read', async () => {
    const watcher = new Watcher()
    await until('the watcher is live', () => watcher.states.includes('live'))
    const wamid = await house.write('+15550500001', 'Are you open today?', { name: 'Amara Osei' })
    const event = await until('the event', () => watcher.events.find(({ type }) => type === 'message.received'))
    const { message, conversation } = event.data as Record<string, Record<string, unknown>>
    expect(message).toMatchObject({
      upstream_id: wamid,
      direction: 'in',
      type: 'text',
      from: '+15550500001',
      to: '+15550783881',
      state: 'received',
      text: { body: 'Are you open today?' },
    })
    expect(conversation).toMatchObject({ number_alias: 'support', contact: { name: 'Amara Osei' }, unread: 1 })

    const listed = await house.conversationOf('+15550500001')
    expect(listed).toMatchObject({ id: message?.['conversation_id'], unread: 1, last_message: { id: message?.['id'] } })
    const { body: one } = await house.api(`/api/v1/conversations/${listed.id}`)
    expect(one).toEqual(listed)
    const { body: list } = await house.api(`/api/v1/conversations/${listed.id}/messages`)
    expect(list.items).toEqual([listed.last_message])
    expect(list.as_of).toBeGreaterThanOrEqual(event.offset)

    const read = await house.api(`/api/v1/conversations/${listed.id}/read`, { upto: message?.['id'] })
    expect(read).toMatchObject({ status: 200, body: { unread: 0 } })
    await until('the others hear that it was read', () =>
      watcher.events.some(({ type, data }) => {
        const updated = data['conversation'] as { unread?: number } | undefined
        return type === 'conversation.updated' && updated?.unread === 0
      }),
    )
    watcher.connection.close()
  })

  test('is listed newest first over any number of pages', async () => {
    const phone = '+15550500002'
    for (let index = 0; index < 7; index++) await house.write(phone, `line ${index}`)
    const { id } = await house.conversationOf(phone)
    await until('all seven', async () => (await house.api(`/api/v1/conversations/${id}`)).body.unread === 7)
    const pages: string[][] = []
    let cursor: string | null = null
    do {
      const query: string = cursor === null ? '?limit=3' : `?limit=3&cursor=${cursor}`
      const { body } = await house.api(`/api/v1/conversations/${id}/messages${query}`)
      pages.push(body.items.map((item: { text: { body: string } }) => item.text.body))
      cursor = body.next
    } while (cursor !== null)
    expect(pages).toEqual([['line 6', 'line 5', 'line 4'], ['line 3', 'line 2', 'line 1'], ['line 0']])
  })
})

describe('a reply', () => {
  test('is seen by another screen from its first state on, with the message itself', async () => {
    await house.write('+15550500003', 'Hello')
    const { id } = await house.conversationOf('+15550500003')
    const watcher = new Watcher()
    await until('the watcher is live', () => watcher.states.includes('live'))
    const { body } = await house.api('/api/v1/messages', {
      to: id,
      type: 'text',
      text: { body: 'Hi!' },
      reference: 'x1',
    })
    const states = () =>
      watcher.events.filter(({ type, data }) => type === 'message.state' && data['message_id'] === body.id)
    await until('read', () => states().some(({ data }) => data['state'] === 'read'))
    expect(states().map(({ data }) => data['state'])).toEqual([
      'queued',
      'sending',
      'accepted',
      'sent',
      'delivered',
      'read',
    ])
    const [queued, , accepted] = states()
    expect(queued?.data).toMatchObject({
      reference: 'x1',
      upstream_id: null,
      message: { id: body.id, text: { body: 'Hi!' } },
    })
    expect(String(accepted?.data['upstream_id'])).toStartWith('wamid.')
    watcher.connection.close()
  })
})

describe('the events', () => {
  test('by asking are those of the socket, byte for byte', async () => {
    await house.write('+15550500004', 'Zwölf Äpfel für „Ömer“ 🍏\u2028')
    await house.conversationOf('+15550500004')
    const frames: string[] = []
    const { body } = await house.api('/api/v1/realtime/tickets', {})
    const socket = new WebSocket(`${house.url.replace('http', 'ws')}/realtime`, [
      'gatehouse.v1',
      `ticket.${body.ticket}`,
    ])
    socket.onmessage = ({ data }) => {
      frames.push(String(data))
      if (frames.length === 1) socket.send(JSON.stringify({ type: 'subscribe', id: 1, after: 0 }))
    }
    const { body: me } = await house.api('/api/v1/me')
    const upto = () => Math.max(0, ...frames.map((frame) => JSON.parse(frame).upto ?? 0))
    await until('all frames', () => upto() >= me.head)
    socket.close()
    const pushed = frames
      .filter((frame) => frame.startsWith('{"type":"events"'))
      .map((frame) => frame.slice(frame.indexOf('"events":[') + '"events":['.length, -2))
      .filter((joined) => joined !== '')
      .join(',')
    const text = await (
      await fetch(`${house.url}/api/v1/events?after=0&limit=500`, { headers: { Authorization: `Bearer ${house.key}` } })
    ).text()
    const polled = text.slice('{"events":['.length, text.lastIndexOf('],"upto":'))
    expect(polled.length).toBeGreaterThan(1000)
    expect(pushed.slice(0, polled.length)).toBe(polled)
  })

  test('are what the published document says', async () => {
    for (const event of await pollAll(0)) {
      const faults = [...Value.Errors(eventSchema, event)].map(({ path, message }) => `${path} ${message}`)
      const type = event.type as keyof typeof EVENT_SCHEMAS
      const own = EVENT_SCHEMAS[type] ? [...Value.Errors(EVENT_SCHEMAS[type], event)].map(({ path }) => path) : []
      const more = undocumentedMembers(eventSchema, event)
      expect({ event, faults, own, more }).toEqual({ event, faults: [], own: [], more: [] })
    }
  })

  test('come in pages without a gap or a double, whatever the size of the pages', async () => {
    const all = offsetsOf(await pollAll(0))
    expect(all).toEqual(Array.from({ length: all.length }, (_, index) => index + first(all)))
    for (const limit of [1, 7]) expect(offsetsOf(await pollAll(0, limit))).toEqual(all)
  })

  test('are waited for, and come as soon as they happen', async () => {
    const { body: me } = await house.api('/api/v1/me')
    const startedMs = performance.now()
    const waiting = house.api(`/api/v1/events?after=${me.head}&wait=20`)
    await house.write('+15550500005', 'News')
    const { body } = await waiting
    expect(body.events.length).toBeGreaterThan(0)
    expect(performance.now() - startedMs).toBeLessThan(15_000)
  })

  test.each([
    ['beyond the head', (head: number) => `after=${head + 1}`],
    ['of another epoch', () => 'after=1&epoch=another'],
  ])('%s are gone, with where to go on', async (_, query) => {
    const { body: me } = await house.api('/api/v1/me')
    const answer = await house.api(`/api/v1/events?${query(me.head)}`)
    expect(answer).toMatchObject({ status: 410, body: { code: 'offset_gone', head: me.head, epoch: me.epoch } })
    expect(answer.body.oldest).toBeGreaterThan(0)
  })
})

describe('over a restart', () => {
  test('everything is kept, and a resumed cursor sees each event exactly once', async () => {
    const phone = '+15550500006'
    await house.write(phone, 'Before')
    const { id } = await house.conversationOf(phone)
    const { body: sent } = await house.api('/api/v1/messages', { to: id, type: 'text', text: { body: 'Answered' } })
    await house.messageIn('read', sent.id)
    const { body: before } = await house.api('/api/v1/me')
    const conversation = await house.conversationOf(phone)
    const messages = (await house.api(`/api/v1/conversations/${id}/messages`)).body.items
    const events = await pollAll(0)

    const live = new Watcher(0)
    const late = new Watcher(0)
    await until('both watch', () => live.states.includes('live') && late.states.includes('live'))
    await until('all is heard', () => late.events.length >= events.length)
    late.connection.close()
    const cursor = late.connection.cursor() ?? 0

    await house.restart()
    const { body: after } = await house.api('/api/v1/me')
    expect(after.epoch).toBe(before.epoch)
    expect(after.head).toBeGreaterThanOrEqual(before.head)
    expect(await house.conversationOf(phone)).toEqual(conversation)
    expect((await house.api(`/api/v1/conversations/${id}/messages`)).body.items).toEqual(messages)
    expect((await pollAll(0)).slice(0, events.length)).toEqual(events)

    await house.write(phone, 'After')
    const resumed = new Watcher(cursor, before.epoch)
    const heard = (watcher: Watcher) =>
      watcher.events.some(({ data }) => JSON.stringify(data).includes('"text":{"body":"After"}'))
    await until('the one that stayed hears it', () => heard(live))
    await until('the one that came later hears it', () => heard(resumed))
    const all = offsetsOf(await pollAll(0))
    const whole = [...late.events, ...resumed.events]
    expect(offsetsOf(live.events)).toEqual(all.slice(0, live.events.length))
    expect(offsetsOf(whole)).toEqual(all.slice(0, whole.length))
    expect([live.gone, resumed.gone]).toEqual([0, 0])
    live.connection.close()
    resumed.connection.close()
  }, 15_000)

  test('a key that was made at the first start still opens the door, and no other does', async () => {
    expect((await house.api('/api/v1/me')).status).toBe(200)
    const answer = await house.request('/api/v1/me', { headers: { Authorization: 'Bearer gh_wrong' } })
    expect(answer).toMatchObject({ status: 401, body: { code: 'unauthorized' } })
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  })
})

describe('a socket', () => {
  const connect = (ticket: string, headers: Record<string, string> = {}) =>
    new Promise<string>((resolve) => {
      const url = `${house.url.replace('http', 'ws')}/realtime`
      const socket = new WebSocket(url, { protocols: ['gatehouse.v1', `ticket.${ticket}`], headers } as never)
      socket.onmessage = () => {
        resolve('hello')
        socket.close()
      }
      socket.onclose = ({ code }) => resolve(String(code))
    })
  const ticket = async () => (await house.api('/api/v1/realtime/tickets', {})).body.ticket

  test('takes a ticket once, and none of a foreign page', async () => {
    const used = await ticket()
    expect(await connect(used)).toBe('hello')
    expect(await connect(used)).not.toBe('hello')
    expect(await connect(await ticket(), { Origin: 'https://evil.example' })).not.toBe('hello')
    expect(await connect('nonsense')).not.toBe('hello')
  })
})
