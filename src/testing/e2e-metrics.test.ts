import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { FAST_NUMBER, TestGateway, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

let house: TestGateway
beforeAll(async () => {
  house = await TestGateway.open({ sendTimeoutMs: 300 })
})
afterAll(async () => {
  await house.close()
})

const LAST = (app: string) => `gatehouse_last_webhook_timestamp_seconds{app="${app}"}`

test('a house that is well says so, and when each app last said something', async () => {
  const startedAt = await house.metric(LAST('other'))
  expect(startedAt).toBeGreaterThan(1_700_000_000)
  expect(await house.metric('gatehouse_webhooks_total{outcome="too_large"}')).toBe(0)
  await house.write('+15550880001', 'Good morning')
  await until('a webhook of the app', async () => (await house.metric(LAST('main'))) > startedAt)
  expect(await house.metric(LAST('other'))).toBe(startedAt)
  for (const check of ['serving', 'journal', 'book', 'space']) {
    expect(await house.metric(`gatehouse_ready{check="${check}"}`)).toBe(1)
  }
  expect(await house.metric('gatehouse_number_state{number="support",state="active"}')).toBe(1)
  expect(await house.metric('gatehouse_number_breaker_open{number="support"}')).toBe(0)
})

test('a message of which nobody knows whether it went out is counted, then the one that waits for a person', async () => {
  await house.write('+15550880002', 'Good morning')
  const { id } = await house.conversationOf('+15550880002')
  await house.simulator('/_/faults', { kind: 'reset', count: 1 })
  const { body } = await house.api('/api/v1/messages', {
    to: id,
    type: 'text',
    text: { body: 'Did it go?' },
    when_in_doubt: 'hold',
  })
  await house.messageIn('held', body.id)
  const unsettled = (state: string) => house.metric(`gatehouse_unsettled_messages{state="${state}"}`)
  await until('one is held', async () => (await unsettled('held')) === 1)
  expect(await unsettled('in_doubt')).toBe(0)
  await house.api(`/api/v1/messages/${body.id}/cancel`, {})
  await until('none is held', async () => (await unsettled('held')) === 0)
})

test('a failure is a rise from 0 also where it is the first of its route', async () => {
  await house.api('/api/v1/me')
  const of = (status: string) => house.metric(`gatehouse_http_requests_total{route="/api/v1/me",status="${status}"}`)
  await until('it is counted', async () => (await of('200')) > 0)
  const text = await (await fetch(`${house.url}/metrics`)).text()
  for (const status of ['500', '503']) {
    expect(text).toContain(`gatehouse_http_requests_total{route="/api/v1/me",status="${status}"} 0\n`)
  }
})

test('what a platform says in new words is taken, kept and counted by what it is', async () => {
  const unknown = (kind: string) => house.metric(`gatehouse_unknown_items_total{kind="${kind}"}`)
  const value = {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550783881', phone_number_id: FAST_NUMBER },
    messages: [
      { from: '15550880003', id: 'wamid.new-type', timestamp: '1790000000', type: 'teleport', teleport: { to: 'x' } },
      { from: '15550880003', id: 'wamid.old-type', timestamp: '1790000000', type: 'text', text: { body: 'Hello' } },
    ],
    statuses: [
      { id: 'wamid.of-ours', status: 'teleported', timestamp: '1790000000', recipient_id: '15550880003' },
      { id: 'wamid.of-ours', status: 'paid', timestamp: '1790000000', recipient_id: '15550880003', type: 'payment' },
    ],
  }
  const changes = [
    { field: 'messages', value },
    { field: 'teleports', value: { messaging_product: 'whatsapp' } },
  ]
  const body = JSON.stringify({ object: 'whatsapp_business_account', entry: [{ id: '102290129340398', changes }] })
  expect((await house.webhook(body)).status).toBe(200)
  await until('the field is counted', async () => (await unknown('field')) === 1)
  expect([await unknown('message'), await unknown('status')]).toEqual([1, 1])
  const { items } = (
    await house.api(`/api/v1/conversations/${(await house.conversationOf('+15550880003')).id}/messages`)
  ).body
  expect(items.map((item: { type: string }) => item.type)).toEqual(['text', 'teleport'])
})

/** What the log has said with this phrase. */
function linesOf(phrase: string): Record<string, unknown>[] {
  return house.lines.map((line) => JSON.parse(line)).filter(({ msg }) => String(msg).startsWith(phrase))
}

test('what is wrong with a webhook is a line of the log that says what to do, and no more lines than somebody reads', async () => {
  const wrong = { signature: 'sha256=00' }
  await house.webhook('no JSON, and the name Grace')
  await until('it was set aside', () => linesOf('a platform said what could not be applied').length > 0)
  expect(linesOf('a platform said what could not be applied')).toMatchObject([{ level: 'error', count: 1 }])
  await house.webhook('{}', wrong)
  expect(linesOf('a webhook was not signed with the app secret')).toMatchObject([{ level: 'warn', app: 'main' }])
  for (let count = 0; count < 100; count++) await house.webhook('{}', wrong)
  const refused = () => house.metric('gatehouse_webhooks_total{outcome="bad_signature"}')
  await until('all are counted', async () => (await refused()) === 101)
  expect(linesOf('a webhook was not signed with the app secret').length).toBeLessThan(101)
  expect(house.lines.join('')).not.toContain('Grace')
})
