import { describe, expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { Failure } from '../core/failure.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import type { Delivery } from './outbox.ts'
import { Platform } from './platform.ts'
import type { Settings } from './settings.ts'

const TOKEN = 'access-token'
const SUPPORT = {
  phoneNumberId: '106540352242922',
  display: '+15550783881',
  alias: 'support',
  wabaId: '102290129340398',
}
const SALES = { phoneNumberId: '106540352242923', display: '+15550783882', alias: 'sales', wabaId: '102290129340398' }

interface Status {
  id: string
  status: string
  biz_opaque_callback_data?: string
  pricing?: { category: string }
  errors?: { code: number }[]
}

function openPlatform(settings: Partial<Settings> = {}) {
  const clock = new FakeClock()
  const random = seededRandom(11)
  const platform = new Platform({
    numbers: [SUPPORT, SALES],
    accessToken: TOKEN,
    appSecret: 's3cret',
    clock,
    random,
    settings,
  })
  const send = (body: object, number = SUPPORT.phoneNumberId) =>
    platform.handleSend(number, `Bearer ${TOKEN}`, JSON.stringify({ messaging_product: 'whatsapp', ...body }))
  /** Takes what is due and settles it with this status. */
  const deliver = (status: number | null = 200) => {
    const taken: Delivery[] = []
    for (let next = platform.outbox.take(clock.monoMs()); next; next = platform.outbox.take(clock.monoMs())) {
      platform.settle(next, status)
      taken.push(next)
    }
    return taken
  }
  const run = (ms: number) => {
    const taken: Delivery[] = []
    for (let step = 0; step < ms; step += 10) {
      clock.advance(10)
      taken.push(...deliver())
    }
    return taken
  }
  return { platform, clock, send, deliver, run }
}

const text = (to = '+447700900142', body = 'hello') => ({ to, type: 'text', text: { body } })

function bodyOf(answer: ReturnType<Platform['handleSend']>) {
  if (answer.kind !== 'answer') throw new Error(`Expected an answer, not ${answer.kind}`)
  return { status: answer.status, body: JSON.parse(answer.body) }
}

function codeOf(answer: ReturnType<Platform['handleSend']>): number | undefined {
  return answer.kind === 'answer' ? JSON.parse(answer.body).error?.code : undefined
}

function statusesOf(deliveries: readonly Delivery[]): Status[] {
  return deliveries.flatMap((delivery) =>
    JSON.parse(delivery.body).entry.flatMap((entry: { changes: { value: { statuses?: Status[] } }[] }) =>
      entry.changes.flatMap((change) => change.value.statuses ?? []),
    ),
  )
}

describe('handleSend()', () => {
  test('answers an accepted send in the form of the platform', () => {
    const { platform, send } = openPlatform()
    platform.write('+447700900142', { number: 'support', text: 'hi' })
    const { status, body } = bodyOf(send({ ...text(), biz_opaque_callback_data: 'msg_1' }))
    expect(status).toBe(200)
    expect(body.messaging_product).toBe('whatsapp')
    expect(body.contacts[0]).toMatchObject({ input: '+447700900142', wa_id: '447700900142' })
    expect(body.messages[0].id).toMatch(/^wamid\.[A-Za-z0-9+/]+=*$/)
    expect(body.messages[0].message_status).toBe('accepted')
    expect(platform.sends.list({ number: null, correlation: 'msg_1', after: 0, limit: 9 })).toMatchObject([
      { index: 1, number: SUPPORT.phoneNumberId, to: '447700900142', type: 'text', text: 'hello', outcome: 'answered' },
    ])
  })

  test('refuses a wrong token with 401 and 190', () => {
    const { platform } = openPlatform()
    for (const authorization of [null, 'Bearer wrong', TOKEN]) {
      const { status, body } = bodyOf(platform.handleSend(SUPPORT.phoneNumberId, authorization, '{}'))
      expect([status, body.error.code, body.error.type]).toEqual([401, 190, 'OAuthException'])
    }
  })

  test('refuses an unknown number with 100 and subcode 33', () => {
    const { status, body } = bodyOf(openPlatform().send(text(), '1'))
    expect([status, body.error.code, body.error.error_subcode]).toEqual([400, 100, 33])
  })

  test('writes an error body as the platform does', () => {
    const { body } = bodyOf(openPlatform().send({ to: '+447700900142', type: 'poll', poll: {} }))
    expect(body.error).toEqual({
      message: '(#131051) Unsupported message type',
      type: 'OAuthException',
      code: 131051,
      error_data: { messaging_product: 'whatsapp', details: 'Message type is not currently supported.' },
      fbtrace_id: expect.stringMatching(/^A[\w-]{22}$/),
    })
  })

  const to = '+447700900142'

  test('refuses to send to itself', () => {
    expect(codeOf(openPlatform().send(text('+1 (555) 078-3881')))).toBe(131021)
  })

  test('keeps the window of each number: open for 24 hours after the customer wrote', () => {
    const { platform, clock, send } = openPlatform({ windowMode: 'sync' })
    expect(codeOf(send(text()))).toBe(131047)
    platform.write('+447700900142', { number: 'support', text: 'hi' })
    expect(codeOf(send(text()))).toBeUndefined()
    expect(codeOf(send(text(), SALES.phoneNumberId))).toBe(131047)
    clock.advance(24 * 3_600_000 - 1)
    expect(codeOf(send(text()))).toBeUndefined()
    clock.advance(1)
    expect(codeOf(send(text()))).toBe(131047)
    expect(
      codeOf(send({ to, type: 'template', template: { name: 'hello_world', language: { code: 'en_US' } } })),
    ).toBeUndefined()
  })

  test('fails a message outside the window by a status, where that is set', () => {
    const { send, run } = openPlatform()
    expect(codeOf(send(text()))).toBeUndefined()
    const [failed, ...more] = statusesOf(run(3000))
    expect(more).toEqual([])
    expect(failed).toMatchObject({ status: 'failed', errors: [{ code: 131047 }] })
  })

  test('marks messages of a customer as read, and shows the typing sign', () => {
    const { platform, send, deliver, clock } = openPlatform()
    platform.write('+447700900142', { number: 'support', text: 'one' })
    const [second = ''] = platform.write('+447700900142', { number: 'support', text: 'two' })
    platform.write('+447700900142', { number: 'support', text: 'three' })
    deliver()
    const answer = send({ status: 'read', message_id: second, typing_indicator: { type: 'text' } })
    expect(bodyOf(answer)).toEqual({ status: 200, body: { success: true } })
    const chat = platform.customers.find('447700900142')?.chats.get(SUPPORT.phoneNumberId)
    expect(chat?.messages.map((message) => message.state)).toEqual(['read', 'read', 'delivered'])
    expect(chat?.typingUntilMs).toBe(clock.epochMs() + 25_000)
    expect(platform.meter(SUPPORT.phoneNumberId).attempted.total).toBe(0)
  })
})

describe('limits', () => {
  test('a number takes exactly its messages in any sliding second, with what customers write', () => {
    const { platform, clock, send } = openPlatform({ windowMode: 'off' })
    platform.write('+12125550123', { number: 'support', text: 'hi', count: 10 })
    let accepted = 0
    for (let index = 0; index < 100; index++) {
      if (codeOf(send(text(`+4477009${String(index).padStart(5, '0')}`))) === undefined) accepted += 1
    }
    expect(accepted).toBe(70)
    clock.advance(999)
    expect(codeOf(send(text('+33639980117')))).toBe(130429)
    clock.advance(1)
    expect(codeOf(send(text('+33639980117')))).toBeUndefined()
    const { counted, executed, inbound, attempted } = platform.meter(SUPPORT.phoneNumberId)
    expect([counted.most, executed.most, inbound.most, attempted.most]).toEqual([80, 70, 10, 101])
    expect(platform.meter(SALES.phoneNumberId).counted.most).toBe(0)
  })

  test('the maximum is of any sliding second, not of whole ones', () => {
    const seed = 5
    const random = seededRandom(seed)
    const { platform, clock, send } = openPlatform({ windowMode: 'off', messagesPerSecond: 20, pairBurst: 0 })
    const times: number[] = []
    for (let index = 0; index < 3000; index++) {
      clock.advance(Math.floor(random() * 60))
      if (codeOf(send(text())) === undefined) times.push(clock.monoMs())
    }
    const most = Math.max(...times.map((end) => times.filter((time) => time > end - 1000 && time <= end).length))
    expect(most, `seed ${seed}`).toBe(20)
    expect(platform.meter(SUPPORT.phoneNumberId).executed.most, `seed ${seed}`).toBe(most)
  })

  test('a pair takes 45 at once, then one in 6 seconds', () => {
    const { clock, send } = openPlatform({ windowMode: 'off' })
    for (let index = 0; index < 45; index++) expect(codeOf(send(text()))).toBeUndefined()
    expect(codeOf(send(text()))).toBe(131056)
    expect(codeOf(send(text('+33639980117')))).toBeUndefined()
    expect(codeOf(send(text(), SALES.phoneNumberId))).toBeUndefined()
    clock.advance(5999)
    expect(codeOf(send(text()))).toBe(131056)
    clock.advance(1)
    expect(codeOf(send(text()))).toBeUndefined()
    expect(codeOf(send(text()))).toBe(131056)
  })

  test('throttling has the status that is set', () => {
    for (const throttleStatus of [400, 429] as const) {
      const { send } = openPlatform({ windowMode: 'off', messagesPerSecond: 1, throttleStatus })
      send(text())
      expect(bodyOf(send(text()))).toMatchObject({ status: throttleStatus, body: { error: { code: 130429 } } })
    }
  })
})

describe('webhooks', () => {
  test('tell sent, delivered and read, with price, echo and contact', () => {
    const { platform, send, run } = openPlatform()
    platform.write('+447700900142', { number: 'support', text: 'hi', name: 'Amara' })
    run(10)
    send({ ...text(), biz_opaque_callback_data: 'msg_7' })
    const deliveries = run(2000)
    expect(statusesOf(deliveries).map((each) => each.status)).toEqual(['sent', 'delivered', 'read'])
    const [sent, delivered, read] = deliveries.map((each) => JSON.parse(each.body).entry[0])
    const value = sent.changes[0].value
    expect(sent.id).toBe(SUPPORT.wabaId)
    expect(value.metadata).toEqual({ display_phone_number: '15550783881', phone_number_id: SUPPORT.phoneNumberId })
    expect(value.contacts[0]).toMatchObject({ profile: { name: 'Amara' }, wa_id: '447700900142' })
    expect(value.statuses[0]).toMatchObject({
      recipient_id: '447700900142',
      biz_opaque_callback_data: 'msg_7',
      timestamp: expect.stringMatching(/^\d{10}$/),
      pricing: { billable: true, pricing_model: 'PMP', type: 'regular', category: 'service' },
    })
    expect(delivered.changes[0].value.statuses[0].pricing).toBeDefined()
    expect(read.changes[0].value.statuses[0].pricing).toBeUndefined()
  })

  test('are signed over their raw bytes, which re-serialising breaks', () => {
    const { platform, deliver } = openPlatform()
    platform.write('+447700900142', { number: 'support', text: 'café https://example.com/a 🙂', name: 'Zoë' })
    const [delivery] = deliver()
    if (!delivery) throw new Error('Nothing was due')
    const expected = createHmac('sha256', 's3cret').update(Buffer.from(delivery.body)).digest('hex')
    expect(delivery.signature).toBe(`sha256=${expected}`)
    expect(delivery.body).toContain('caf\\u00e9 https:\\/\\/example.com\\/a \\ud83d\\ude42')
    expect(JSON.parse(delivery.body).entry[0].changes[0].value.messages[0].text.body).toBe(
      'café https://example.com/a 🙂',
    )
    expect(JSON.stringify(JSON.parse(delivery.body))).not.toBe(delivery.body)
  })

  test('are tried again with growing waits until a 200, with the same bytes', () => {
    const { platform, clock, deliver } = openPlatform({ webhookRetryMs: 100, webhookRetryMsMax: 800 })
    platform.write('+447700900142', { number: 'support', text: 'hi' })
    const first = deliver(503)
    expect(first.length).toBe(1)
    const waits: number[] = []
    for (let attempt = 2; attempt <= 6; attempt++) {
      const waitMs = (platform.outbox.nextDueMs() ?? 0) - clock.monoMs()
      waits.push(waitMs)
      clock.advance(Math.ceil(waitMs))
      const [again] = deliver(attempt === 6 ? 200 : null)
      expect(again).toMatchObject({ attempt, body: first[0]?.body })
    }
    for (const [index, base] of [100, 200, 400, 800, 800].entries()) {
      expect(waits[index]).toBeGreaterThanOrEqual(base * 0.75)
      expect(waits[index]).toBeLessThanOrEqual(base * 1.25)
    }
    expect(platform.outbox.pending).toBe(0)
    expect(platform.outbox.counts).toMatchObject({ delivered: 1, tries: 6, refused: 5 })
  })

  test('are dropped and counted when too old, or when too many wait', () => {
    const old = openPlatform({ webhookKeepMs: 1000 })
    old.platform.write('+447700900142', { number: 'support', text: 'hi' })
    old.deliver(500)
    old.clock.advance(5000)
    old.deliver(500)
    expect(old.platform.outbox.counts.expired).toBe(1)
    expect(old.platform.outbox.nextDueMs()).toBeUndefined()
    const { platform } = openPlatform()
    const write = () => platform.write('+447700900142', { number: 'support', text: 'hi', count: 1000 })
    for (let index = 0; index < 200; index++) write()
    expect(write).toThrow('Too many webhooks wait')
    expect(platform.outbox.pending).toBe(200_000)
    expect(platform.outbox.counts.overflowed).toBe(1000)
  })

  test('are batched as set, over numbers, and together where asked', () => {
    const { platform, clock, deliver } = openPlatform({ webhookBatchMax: 10, webhookBatchWaitMs: 100 })
    platform.write('+447700900142', { number: 'support', text: 'hi', count: 12 })
    platform.write('+33639980117', { number: 'sales', text: 'hi', count: 3 })
    expect(deliver().map((each) => each.updates.length)).toEqual([10])
    clock.advance(100)
    const [rest] = deliver()
    expect(rest?.updates.length).toBe(5)
    const { entry } = JSON.parse(rest?.body ?? '{}')
    expect(entry.length).toBe(1)
    expect(entry[0].changes.map((change: { value: { messages: unknown[] } }) => change.value.messages.length)).toEqual([
      2, 3,
    ])
    platform.write('+447700900142', { number: 'support', text: 'hi', count: 25, batch: 20 })
    expect(deliver().map((each) => each.updates.length)).toEqual([20, 5])
  })

  test('a reaction that was sent only ever has sent', () => {
    const { send, run } = openPlatform({ windowMode: 'off' })
    send({ to: '+447700900142', type: 'reaction', reaction: { message_id: 'wamid.1', emoji: 'x' } })
    expect(statusesOf(run(3000)).map((each) => each.status)).toEqual(['sent'])
  })

  test('hide what the identity hides', () => {
    const { platform, send, deliver, run } = openPlatform()
    platform.write('+447700900142', { number: 'support', text: 'hi' })
    deliver()
    const customer = platform.customers.find('447700900142')
    if (!customer) throw new Error('There is no customer')
    customer.identity = 'user_id'
    platform.write('+447700900142', { number: 'support', text: 'hi' })
    const [delivery] = deliver()
    expect(delivery?.body).not.toContain('"447700900142"')
    expect(delivery?.body).toContain(customer.userId)
    const { body } = bodyOf(send({ recipient: customer.userId, type: 'text', text: { body: 'hi' } }))
    expect(body.contacts).toEqual([{ input: customer.userId, user_id: customer.userId }])
    const [status] = statusesOf(run(500))
    expect(status).toMatchObject({ status: 'sent', recipient_user_id: customer.userId })
    expect(status).not.toHaveProperty('recipient_id')
  })
})

describe('read()', () => {
  test('sends read for what was not read, once, for a customer that reads by hand', () => {
    const { platform, send, run } = openPlatform()
    platform.write('+447700900142', { number: 'support', text: 'hi' })
    const customer = platform.customers.find('447700900142')
    if (customer) customer.reads = 'manual'
    send({ ...text(), biz_opaque_callback_data: 'msg_1' })
    expect(statusesOf(run(5000)).map((each) => each.status)).toEqual(['sent', 'delivered'])
    expect(platform.read('+447700900142', 'support')).toBe(1)
    expect(platform.read('+447700900142', 'support')).toBe(0)
    expect(statusesOf(run(1000))).toMatchObject([{ status: 'read', biz_opaque_callback_data: 'msg_1' }])
  })
})

describe('faults', () => {
  const executed = (platform: Platform) => platform.sends.list({ number: null, correlation: null, after: 0, limit: 99 })
  const withFault = (fault: object) => {
    const house = openPlatform({ windowMode: 'off' })
    house.platform.faults.add(fault, (name) => house.platform.numberOf(name).phoneNumberId)
    return house
  }

  test.each([
    [{ kind: 'reset' }, { kind: 'reset' }, null],
    [{ kind: 'refuse' }, { kind: 'answer', status: 400 }, null],
    [{ kind: 'throttle_429' }, { kind: 'answer', status: 429 }, null],
    [{ kind: 'error_code', code: 131031 }, { kind: 'answer', status: 403 }, null],
    [{ kind: 'error_code', code: 131000, status: 503 }, { kind: 'answer', status: 503 }, null],
    [{ kind: 'accept_then_500' }, { kind: 'answer', status: 500 }, 'server_error'],
    [{ kind: 'accept_then_silence', ms: 70 }, { kind: 'silence', forMs: 70 }, 'silence'],
    [{ kind: 'reset_after_accept' }, { kind: 'reset' }, 'reset'],
    [{ kind: 'slow', ms: 900 }, { kind: 'answer', status: 200, afterMs: 900 }, 'late'],
  ] as const)('%o answers and carries out as it says', (fault, answer, outcome) => {
    const { platform, send, run } = withFault(fault)
    expect(send(text())).toMatchObject(answer)
    expect(executed(platform).map((each) => each.outcome)).toEqual(outcome === null ? [] : [outcome])
    expect(statusesOf(run(3000)).map((each) => each.status)).toEqual(
      outcome === null ? [] : ['sent', 'delivered', 'read'],
    )
  })

  test('strike as often, where and as probably as asked', () => {
    const { platform, send } = withFault({ kind: 'reset', count: 2, number: 'sales' })
    expect(send(text()).kind).toBe('answer')
    expect(send(text(), SALES.phoneNumberId).kind).toBe('reset')
    expect(send(text(), SALES.phoneNumberId).kind).toBe('reset')
    expect(send(text(), SALES.phoneNumberId).kind).toBe('answer')
    expect(platform.faults.list()).toEqual([])
    const half = withFault({ kind: 'reset', probability: 0.5 })
    let struck = 0
    for (let index = 0; index < 400; index++) if (half.send(text()).kind === 'reset') struck += 1
    expect(struck).toBeGreaterThan(160)
    expect(struck).toBeLessThan(240)
  })

  test.each([
    ['statuses_doubled', {}, ['sent', 'sent', 'delivered', 'delivered', 'read', 'read']],
    ['statuses_reordered', {}, ['read', 'delivered', 'sent']],
    ['statuses_missing', {}, []],
    ['statuses_missing', { statuses: ['delivered'] }, ['sent', 'read']],
    ['fail_later', { code: 131026 }, ['failed']],
  ])('%s %o gives its statuses', (kind, more, expected) => {
    const { send, run } = withFault({ kind, ...more })
    send(text())
    expect(statusesOf(run(3000)).map((each) => each.status)).toEqual(expected)
  })

  test('statuses_late waits, status_before_answer does not', () => {
    const late = withFault({ kind: 'statuses_late', ms: 4000 })
    late.send(text())
    expect(late.run(4000).length).toBe(0)
    expect(statusesOf(late.run(2000)).length).toBe(3)
    const early = withFault({ kind: 'status_before_answer', ms: 500 })
    expect(early.send(text())).toMatchObject({ kind: 'answer', afterMs: 500 })
    expect(statusesOf(early.run(100)).length).toBe(3)
  })

  test('held_for_quality holds a template, and only that', () => {
    const { send, run } = withFault({ kind: 'held_for_quality', ms: 5000 })
    expect(bodyOf(send(text())).body.messages[0].message_status).toBe('accepted')
    run(2000)
    const answer = send({
      to: '+447700900142',
      type: 'template',
      template: { name: 'hello_world', language: { code: 'en_US' } },
    })
    expect(bodyOf(answer).body.messages[0].message_status).toBe('held_for_quality_assessment')
    expect(run(4900)).toEqual([])
    expect(statusesOf(run(2000)).length).toBe(3)
  })

  test('webhook faults double, delay, batch and mis-sign', () => {
    const write = (house: ReturnType<typeof openPlatform>, count = 1) =>
      house.platform.write('+447700900142', { number: 'support', text: 'hi', count })
    const doubled = withFault({ kind: 'webhook_doubled' })
    write(doubled)
    const copies = doubled.run(100)
    expect(copies.map((each) => each.body)).toEqual([copies[0]?.body ?? '', copies[0]?.body ?? ''])
    const late = withFault({ kind: 'webhook_late', ms: 700 })
    write(late)
    expect(late.run(690)).toEqual([])
    expect(late.run(20).length).toBe(1)
    const batched = withFault({ kind: 'webhook_batch', size: 50, ms: 300, count: 1 })
    write(batched, 40)
    expect(batched.run(290)).toEqual([])
    expect(batched.run(20).map((each) => each.updates.length)).toEqual([40])
    expect(batched.platform.faults.list()).toEqual([])
    const wrong = withFault({ kind: 'webhook_bad_signature', count: 1 })
    write(wrong)
    const [bad] = wrong.deliver(401)
    const [good] = wrong.run(1000)
    expect(good?.body).toBe(bad?.body ?? '')
    expect(good?.signature).not.toBe(bad?.signature)
    expect(good?.signature).toBe(
      `sha256=${createHmac('sha256', 's3cret')
        .update(good?.body ?? '')
        .digest('hex')}`,
    )
  })

  test.each([
    [{ kind: 'explode' }, 'kind'],
    [{}, 'kind'],
    [{ kind: 'error_code' }, 'code'],
    [{ kind: 'error_code', code: 12345 }, 'code'],
    [{ kind: 'reset', ms: 5 }, 'ms'],
    [{ kind: 'reset', count: 0 }, 'count'],
    [{ kind: 'reset', probability: 1.5 }, 'probability'],
    [{ kind: 'reset', number: 'nowhere' }, 'number'],
    [{ kind: 'webhook_batch', number: 'sales' }, 'number'],
    [{ kind: 'statuses_missing', statuses: ['gone'] }, 'statuses'],
  ])('%o is refused and names %s', (fault, path) => {
    try {
      withFault(fault)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      expect([error.code, error.members['path']]).toEqual(['invalid', path])
      return
    }
    throw new Error('The fault was taken')
  })
})
