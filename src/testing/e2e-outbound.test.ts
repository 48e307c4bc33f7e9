import { afterAll, afterEach, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { first, SLOW_NUMBER, TestGateway, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

let house: TestGateway
beforeAll(async () => {
  house = await TestGateway.open({ sendTimeoutMs: 300 })
})
afterAll(async () => {
  await house.close()
})
afterEach(async () => {
  await house.simulator('/_/faults', undefined, 'DELETE')
  await sendWell()
})

let people = 0

/** Somebody new, who has just written: the window is open. */
async function newConversation(): Promise<{ phone: string; id: string; wamid: string }> {
  people += 1
  const phone = `+1555030${1000 + people}`
  const wamid = await house.write(phone, 'Good morning')
  const { id } = await house.conversationOf(phone)
  return { phone, id, wamid }
}

/** Five sends in a row without an answer open the number's breaker; one that is answered closes it. */
async function sendWell(): Promise<void> {
  const { id } = await newConversation()
  const { body } = await house.api('/api/v1/messages', textTo(id, 'all is well'))
  await house.messageIn('read', body.id)
}

function textTo(to: unknown, body: string, more: object = {}): object {
  return { to, type: 'text', text: { body }, ...more }
}

function statesOf(message: { timeline: { state: string }[] }): string[] {
  return message.timeline.map(({ state }) => state)
}

describe('a reply', () => {
  test('leaves once, and its ticks come back in order', async () => {
    const { id, phone } = await newConversation()
    const answer = await house.api('/api/v1/messages', textTo(id, 'Your parcel is here', { reference: 'order-7' }))
    expect(answer).toMatchObject({ status: 202, body: { state: 'queued', waits_for: null, conversation_id: id } })
    const message = await house.messageIn('read', answer.body.id)
    expect(statesOf(message)).toEqual(['queued', 'sending', 'accepted', 'sent', 'delivered', 'read'])
    expect(message).toMatchObject({ direction: 'out', to: phone, class: 'reply', reference: 'order-7', reason: null })
    const sends = await house.sendsOf('Your parcel is here')
    expect(sends).toHaveLength(1)
    expect(first(sends)).toMatchObject({ wamid: message.upstream_id, outcome: 'answered' })
  })

  test('takes a thread over from another application where it says so, and only there', async () => {
    const { id, phone } = await newConversation()
    const isStandby = (wanted: boolean) =>
      until(`standby is ${wanted}`, async () => {
        const { body } = await house.api(`/api/v1/conversations/${id}`)
        return body.standby === wanted
      })
    await house.simulator('/_/handovers', { phone, to: 'other' })
    await isStandby(true)
    const refused = await house.api('/api/v1/messages', textTo(id, 'Not for me to say'))
    expect(refused).toMatchObject({ status: 409, body: { code: 'conflict' } })
    const { body } = await house.api('/api/v1/messages', textTo(id, 'A person is here now', { take_over: true }))
    await house.messageIn('read', body.id)
    await isStandby(false)
    expect(await house.api('/api/v1/messages', textTo(id, 'How can I help?'))).toMatchObject({ status: 202 })
    expect(await house.sendsOf('Not for me to say')).toHaveLength(0)
  })

  test('to a phone number finds the number that the person wrote to', async () => {
    const { id, phone } = await newConversation()
    const { status, body } = await house.api('/api/v1/messages', textTo(phone, 'Found you'))
    expect({ status, conversation: body.conversation_id }).toEqual({ status: 202, conversation: id })
  })

  test.each(['ours', 'the platform’s'])('quotes a message by the id that is %s', async (whose) => {
    const { id, wamid } = await newConversation()
    const { body } = await house.api(`/api/v1/conversations/${id}/messages`)
    const quoted = whose === 'ours' ? body.items[0].id : wamid
    const text = `Quoting by an id that is ${whose}`
    const sent = await house.api('/api/v1/messages', textTo(id, text, { context: { message_id: quoted } }))
    expect(sent.status).toBe(202)
    const message = await house.messageIn('read', sent.body.id)
    expect(message.context.message_id).toBe(wamid)
  })

  test('gives the caller’s own value back and never sends it', async () => {
    const { id } = await newConversation()
    const ask = textTo(id, 'With a value', { biz_opaque_callback_data: 'campaign 12' })
    const { body } = await house.api('/api/v1/messages', ask)
    expect((await house.messageIn('read', body.id)).biz_opaque_callback_data).toBe('campaign 12')
    expect(first(await house.sendsOf('With a value')).correlation).toStartWith('gh1.')
  })

  test('after the 24-hour window is refused in words; a template is not', async () => {
    const phone = '+15550309999'
    const refused = await house.api('/api/v1/messages', textTo(phone, 'Hello?', { from: { pool: 'support' } }))
    expect(refused).toMatchObject({ status: 422, body: { code: 'window_closed' } })
    const template = { type: 'template', template: { name: 'hello_world', language: { code: 'en_US' } } }
    const sent = await house.api('/api/v1/messages', { to: phone, from: { pool: 'support' }, ...template })
    expect(sent.status).toBe(202)
    await house.messageIn('read', sent.body.id)
  })

  test('to somebody unknown, with two pools and none named, is refused with sender_required', async () => {
    const answer = await house.api('/api/v1/messages', textTo('+15550308888', 'Hello'))
    expect(answer).toMatchObject({ status: 400, body: { code: 'sender_required', path: '/from' } })
  })
})

describe('a repeated request', () => {
  test('with the same key gives the same answer and sends once; with another body it is refused', async () => {
    const { id } = await newConversation()
    const ask = textTo(id, 'Only once', { reference: 'r' })
    const send = (body: unknown) => house.api('/api/v1/messages', body, { 'Idempotency-Key': 'key-1' })
    const [one, two, three] = await Promise.all([send(ask), send(ask), send(ask)])
    expect([one, two, three].map(({ status }) => status).sort()).toEqual([200, 200, 202])
    expect(two.body).toEqual(one.body)
    expect(three.body).toEqual(one.body)
    expect(await send(textTo(id, 'Only once', { reference: 'other' }))).toMatchObject({
      status: 409,
      body: { code: 'idempotency_mismatch' },
    })
    await house.messageIn('read', one.body.id)
    expect(await house.sendsOf('Only once')).toHaveLength(1)
  })

  test('knows its key in the header, in the body or in both, in whatever order the members came', async () => {
    const { id } = await newConversation()
    const ask = textTo(id, 'in either place')
    const inBody = { idempotency_key: 'k2', ...ask }
    const inHeader = { 'Idempotency-Key': 'k2' }
    const one = await house.api('/api/v1/messages', ask, inHeader)
    expect(one.status).toBe(202)
    const turned = Object.fromEntries(Object.entries(inBody).reverse())
    for (const [body, headers] of [[inBody], [turned], [inBody, inHeader], [ask, inHeader]] as const) {
      expect(await house.api('/api/v1/messages', body, headers)).toMatchObject({ status: 200, body: one.body })
    }
  })
})

describe('a batch', () => {
  test('of 500 answers each in order, and each leaves once', async () => {
    // Twenty people: more than 45 messages at once to one of them would be held back by the pair's limit.
    const ids: string[] = []
    while (ids.length < 20) ids.push((await newConversation()).id)
    const messages = Array.from({ length: 500 }, (_, index) => textTo(ids[index % 20], `batch ${index}`))
    const { status, body } = await house.api('/api/v1/messages/batch', { messages })
    expect(status).toBe(200)
    expect(body.results).toHaveLength(500)
    expect(new Set(body.results.map((result: { id: string }) => result.id)).size).toBe(500)
    const conversations = body.results.map((result: { conversation_id: string }) => result.conversation_id)
    expect(conversations).toEqual(messages.map((_, index) => ids[index % 20]))
    await until('all have left', async () => (await batchTexts()).length >= 500)
    const left = await batchTexts()
    expect(new Set(left).size).toBe(500)
    expect(left).toHaveLength(500)
    // Each conversation keeps its order.
    for (let person = 0; person < 20; person++) {
      const own = left.map((text) => Number(text.slice('batch '.length))).filter((index) => index % 20 === person)
      expect(own).toEqual([...own].sort((one, other) => one - other))
    }
  })

  async function batchTexts(): Promise<string[]> {
    const { body } = await house.simulator('/_/sends?limit=10000')
    return body.items
      .map((send: { text?: string }) => send.text ?? '')
      .filter((text: string) => text.startsWith('batch '))
  }

  test('that is repeated with its key sends each once; a message with a key of its own keeps that', async () => {
    const { id } = await newConversation()
    const messages = [textTo(id, 'one of the batch'), textTo(id, 'two of the batch', { idempotency_key: 'its own' })]
    const send = (of: unknown, key: string) =>
      house.api('/api/v1/messages/batch', { messages: of }, { 'Idempotency-Key': key })
    const [first, again] = [await send(messages, 'b1'), await send(messages, 'b1')]
    expect(again.body).toEqual(first.body)
    expect((await send(messages.slice(1), 'b2')).body.results[0]).toEqual(first.body.results[1])
    expect((await send([textTo(id, 'another')], 'b1')).body.results[0]).toMatchObject({ code: 'idempotency_mismatch' })
    expect((await send(messages, 'x'.repeat(251))).status).toBe(400)
    await house.messageIn('read', first.body.results[1].id)
    expect(await house.sendsOf('one of the batch')).toHaveLength(1)
    expect(await house.sendsOf('two of the batch')).toHaveLength(1)
  })

  test('answers a problem with its path in the place of what it refused', async () => {
    const { id } = await newConversation()
    const messages = [
      textTo(id, 'first'),
      { to: id, type: 'text', text: {} },
      'x',
      textTo(id, 'last'),
      textTo('?', 'no'),
    ]
    const { body } = await house.api('/api/v1/messages/batch', { messages })
    expect(body.results.map((result: { state?: string; code?: string }) => result.state ?? result.code)).toEqual([
      'queued',
      'invalid',
      'invalid',
      'queued',
      'invalid',
    ])
    expect(body.results[1].path).toStartWith('/messages/1/text')
    expect(body.results[2].path).toBe('/messages/2')
    expect(body.results[4].path).toBe('/messages/4/to')
  })

  test.each([
    ['no list', {}],
    ['an empty list', { messages: [] }],
    ['501 messages', { messages: Array.from({ length: 501 }, () => ({})) }],
  ])('of %s is refused', async (_, ask) => {
    expect(await house.api('/api/v1/messages/batch', ask)).toMatchObject({
      status: 400,
      body: { code: 'invalid', path: '/messages' },
    })
  })
})

describe('with a fault of the platform', () => {
  const fault = (kind: string, more: object = {}) => house.simulator('/_/faults', { kind, ...more })

  interface Case {
    name: string
    kind: string
    more?: object
    count?: number
    /** The state the message must end in. */
    ends: string
    /** States that must be in its timeline, in this order. */
    passes: string[]
    sends?: number
    ask?: object
  }

  const cases: Case[] = [
    // Statuses prove that it went out: in doubt, and then not.
    { name: 'accepted, then 500', kind: 'accept_then_500', ends: 'read', passes: ['sending', 'in_doubt', 'read'] },
    { name: 'accepted, then silence', kind: 'accept_then_silence', ends: 'read', passes: ['sending', 'read'] },
    { name: 'accepted, then reset', kind: 'reset_after_accept', ends: 'read', passes: ['sending', 'read'] },
    {
      name: 'statuses before the answer',
      kind: 'status_before_answer',
      more: { ms: 100 },
      ends: 'read',
      passes: ['sent', 'delivered', 'read'],
    },
    { name: 'a slow answer', kind: 'slow', more: { ms: 150 }, ends: 'read', passes: ['sending', 'read'] },
    // A definite no: it is tried again, and goes out once.
    {
      name: '429 twice',
      kind: 'throttle_429',
      count: 2,
      ends: 'read',
      passes: ['sending', 'queued', 'sending', 'read'],
    },
    { name: 'a refusal', kind: 'refuse', ends: 'failed', passes: ['sending', 'failed'], sends: 0 },
    { name: 'a failure later', kind: 'fail_later', ends: 'failed', passes: ['accepted', 'failed'] },
    // Statuses in whatever way they come.
    {
      name: 'late statuses',
      kind: 'statuses_late',
      more: { ms: 200 },
      ends: 'read',
      passes: ['accepted', 'sent', 'delivered', 'read'],
    },
    {
      name: 'doubled statuses',
      kind: 'statuses_doubled',
      ends: 'read',
      passes: ['accepted', 'sent', 'delivered', 'read'],
    },
    { name: 'reordered statuses', kind: 'statuses_reordered', ends: 'read', passes: ['accepted', 'read'] },
    {
      name: 'a missing "delivered"',
      kind: 'statuses_missing',
      more: { statuses: ['delivered'] },
      ends: 'read',
      passes: ['accepted', 'sent', 'read'],
    },
    { name: 'no status at all', kind: 'statuses_missing', ends: 'accepted', passes: ['sending', 'accepted'] },
  ]

  test.each(cases.map((one) => [one.name, one] as const))(
    '%s ends right, and nothing is sent twice',
    async (name, one) => {
      const { id } = await newConversation()
      await fault(one.kind, { count: one.count ?? 1, ...one.more })
      const text = `with ${name}`
      const { body } = await house.api('/api/v1/messages', textTo(id, text, one.ask))
      const message = await house.messageIn(one.ends, body.id)
      const states = statesOf(message)
      expect(one.passes.filter((state) => states.includes(state))).toEqual(one.passes)
      let from = 0
      for (const state of one.passes) {
        const at = states.indexOf(state, from)
        expect({ state, states, isThere: at >= from }).toEqual({ state, states, isThere: true })
        from = at + 1
      }
      expect(await house.sendsOf(text)).toHaveLength(one.sends ?? 1)
    },
  )

  test('in doubt for good, the choice of its class, or of the caller, decides when the wait ends', async () => {
    const choices = [
      { messageClass: 'reply', choice: undefined, ends: 'held' },
      { messageClass: 'notice', choice: undefined, ends: 'held' },
      { messageClass: 'bulk', choice: undefined, ends: 'failed' },
      { messageClass: 'reply', choice: 'fail', ends: 'failed' },
      { messageClass: 'bulk', choice: 'hold', ends: 'held' },
    ]
    const sent: { id: string; text: string; ends: string }[] = []
    for (const { messageClass, choice, ends } of choices) {
      const { id } = await newConversation()
      await fault('accept_then_500', { count: 1 })
      await fault('statuses_missing', { count: 1 })
      const text = `in doubt ${messageClass} ${choice}`
      const more = { class: messageClass, ...(choice === undefined ? {} : { when_in_doubt: choice }) }
      const { body } = await house.api('/api/v1/messages', textTo(id, text, more))
      await house.messageIn('in_doubt', body.id)
      await sendWell()
      sent.push({ id: body.id, text, ends })
    }
    for (const { id, text, ends } of sent) {
      const message = await house.messageIn(ends, id)
      expect({ text, states: statesOf(message) }).toEqual({ text, states: ['queued', 'sending', 'in_doubt', ends] })
      expect(message.reason).toBe('in_doubt')
      expect(await house.sendsOf(text)).toHaveLength(1)
    }
  }, 10_000)

  test('in doubt for good, an urgent message is sent again, which is counted apart', async () => {
    const { id } = await newConversation()
    const before = await house.metric('gatehouse_resends_total')
    await fault('accept_then_500', { count: 1 })
    await fault('statuses_missing', { count: 1 })
    const { body } = await house.api('/api/v1/messages', textTo(id, 'the code is 1', { class: 'urgent' }))
    const message = await house.messageIn('read', body.id)
    expect(statesOf(message).slice(0, 4)).toEqual(['queued', 'sending', 'in_doubt', 'queued'])
    expect(await house.sendsOf('the code is 1')).toHaveLength(2)
    expect(await house.metric('gatehouse_resends_total')).toBe(before + 1)
  })

  test('reset before an answer: in doubt, then held, and the platform has none of it', async () => {
    const { id } = await newConversation()
    await fault('reset', { count: 1 })
    const { body } = await house.api('/api/v1/messages', textTo(id, 'reset'))
    const message = await house.messageIn('held', body.id)
    expect(statesOf(message)).toContain('in_doubt')
    expect(await house.sendsOf('reset')).toHaveLength(0)
  })

  test('held in doubt, a message is sent again by a person, or cancelled', async () => {
    const { id } = await newConversation()
    await fault('reset', { count: 2 })
    const ask = ['again', 'never'].map((text) => house.api('/api/v1/messages', textTo(id, `held ${text}`)))
    const [again, never] = (await Promise.all(ask)).map(({ body }) => body.id as string) as [string, string]
    await Promise.all([house.messageIn('held', again), house.messageIn('held', never)])
    expect(await house.api(`/api/v1/messages/${again}/retry`, {})).toMatchObject({
      status: 202,
      body: { state: 'queued' },
    })
    expect(await house.api(`/api/v1/messages/${never}/cancel`, {})).toMatchObject({
      status: 200,
      body: { state: 'cancelled' },
    })
    await house.messageIn('read', again)
    expect(await house.api(`/api/v1/messages/${again}/cancel`, {})).toMatchObject({
      status: 409,
      body: { code: 'conflict' },
    })
    expect(await house.sendsOf('held never')).toHaveLength(0)
    expect(await house.sendsOf('held again')).toHaveLength(1)
  })
})

describe('a message that waits', () => {
  test('says which limit holds it and when it will leave', async () => {
    const { id } = await newConversation()
    // The platform's rule: 45 to one person at once, then one in 6 seconds.
    const messages = Array.from({ length: 48 }, (_, index) => textTo(id, `Line ${index}`))
    const { body } = await house.api('/api/v1/messages/batch', { messages })
    const ids: string[] = body.results.map((result: { id: string }) => result.id)
    const head = ids[45] ?? ''
    await until(
      'the burst has left',
      async () => (await house.api(`/api/v1/messages/${ids[44]}`)).body.state !== 'queued',
    )
    await until('the next waits for the pair', async () => {
      return (await house.api(`/api/v1/messages/${head}`)).body.waits_for === 'pair'
    })
    const waiting = (await house.api(`/api/v1/messages/${head}`)).body
    const behind = (await house.api(`/api/v1/messages/${ids[47]}`)).body
    expect(waiting).toMatchObject({ state: 'queued', waits_for: 'pair' })
    expect(behind).toMatchObject({ state: 'queued', waits_for: 'order' })
    expect(Date.parse(behind.leaves_at)).toBeGreaterThan(Date.parse(waiting.leaves_at))
    for (const left of ids.slice(45)) await house.api(`/api/v1/messages/${left}/cancel`, {})
    const cancelled = (await house.api(`/api/v1/messages/${ids[47]}`)).body
    expect(cancelled).toMatchObject({ state: 'cancelled' })
    expect(cancelled).not.toHaveProperty('waits_for')
  })
})

describe('a paused number', () => {
  test('takes nothing new and says why; resumed, it sends again', async () => {
    const { id } = await newConversation()
    const pause = await house.api(`/api/v1/numbers/106540352242922/pause`, {})
    expect(pause).toMatchObject({ status: 200, body: { state: 'paused' } })
    const refused = await house.api('/api/v1/messages', textTo(id, 'not now'))
    expect(refused).toMatchObject({ status: 422, body: { code: 'number_paused' } })
    await house.api(`/api/v1/numbers/106540352242922/resume`, {})
    const { body } = await house.api('/api/v1/messages', textTo(id, 'now'))
    await house.messageIn('read', body.id)
  })
})

interface Round {
  /** The most sends in any second, as the platform saw them. */
  most: number
  /** The part of the limit that was used. */
  used: number
  /** The longest that this process did not run. */
  stallMs: number
}

/** Measures how late a timer of a few milliseconds is. */
function watchStalls(): { stop(): number } {
  let longestMs = 0
  let lastMs = performance.now()
  const timer = setInterval(() => {
    const nowMs = performance.now()
    longestMs = Math.max(longestMs, nowMs - lastMs)
    lastMs = nowMs
  }, 2)
  return {
    stop: () => {
      clearInterval(timer)
      return longestMs
    },
  }
}

describe('the limit of a number, counted by the platform', () => {
  /** Sends 300 messages at once to different people, and answers what the platform counted. */
  async function burst(round: number): Promise<Round> {
    const stalls = watchStalls()
    await house.simulator('/_/limits', undefined, 'DELETE')
    const template = { type: 'template', template: { name: 'hello_world', language: { code: 'en_US' } } }
    const messages = Array.from({ length: 300 }, (_, index) => ({
      to: `+15550${4000 + round}${1000 + index}`,
      from: { number: SLOW_NUMBER },
      class: 'notice',
      ...template,
    }))
    const { body } = await house.api('/api/v1/messages/batch', { messages })
    expect(body.results.every((result: { state?: string }) => result.state === 'queued')).toBe(true)
    const ofSlow = async () => (await house.simulator('/_/sends?number=slow&limit=1000')).body.items as { at: string }[]
    const sends = await until('300 sends', async () => {
      const all = await ofSlow()
      return all.length >= 300 * (round + 1) && all.slice(300 * round)
    })
    expect(sends).toHaveLength(300)
    const { body: limits } = await house.simulator('/_/limits')
    const counted = limits.items.find(({ alias }: { alias: string }) => alias === 'slow')
    expect(counted.forgotten.attempted).toBe(0)
    const moments = sends.map(({ at }) => Date.parse(at))
    const spanS = (Math.max(...moments) - Math.min(...moments)) / 1000
    return { most: counted.max_in_any_second.attempted, used: 299 / spanS / 80, stallMs: stalls.stop() }
  }

  test('300 messages to different people at 80/s: at most 80 in any second, at least 95 % of the limit used', async () => {
    const seen: Round[] = []
    // Sender and receiver share this process and a busy machine: what is received late counts with what is received in
    // time. The fence has 15 ms for that; a longer stall that was measured allows for as many more as fit into it, and
    // the house keeps as much more room in the seconds after it.
    const holds = ({ most, used, stallMs }: Round) => {
      const beyondMs = Math.max(0, stallMs - 15)
      return most <= 80 + Math.ceil((beyondMs * 80) / 1000) && used >= 0.95 / (1 + beyondMs / 1000)
    }
    for (let round = 0; round < 3 && !seen.some(holds); round++) seen.push(await burst(round))
    expect({ seen, holds: seen.some(holds) }).toEqual({ seen, holds: true })
  }, 30_000)
})
