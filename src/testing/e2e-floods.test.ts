import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from 'bun:test'
import { TestGateway, until } from './test-gateway.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

let house: TestGateway
beforeAll(async () => {
  house = await TestGateway.open({ config: '[limits]\nrequests_per_second = 20\n' })
})
afterAll(async () => {
  await house.close()
})

describe('a key that floods', () => {
  test('is refused with the time to come again, and webhooks, sockets and whoever has no key do not notice', async () => {
    const flood = await Promise.all(Array.from({ length: 200 }, () => house.api('/api/v1/me')))
    const statuses = flood.map(({ status }) => status)
    const taken = statuses.filter((status) => status === 200).length
    // Four seconds' worth at once, and what came back while the flood ran.
    expect(taken).toBeGreaterThanOrEqual(60)
    expect(statuses.filter((status) => status === 429)).toHaveLength(200 - taken)
    const refused = flood.find(({ status }) => status === 429)
    expect(refused?.body).toMatchObject({ code: 'rate_limited', type: '/api/docs#rate_limited' })
    expect(refused?.body.retry_after_ms).toBeGreaterThan(0)
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1)
    // The figures are made at most once a second, and what else has waited for its turn counts too.
    await until('it is counted', async () => (await house.metric('gatehouse_requests_limited_total')) >= 200 - taken)

    await house.write('+15550310001', 'Nobody keeps me out')
    expect((await house.api('/api/v1/realtime/tickets', {})).status).toBe(200)
    expect((await house.request('/healthz')).status).toBe(200)
    expect((await house.request('/api/v1/me', { headers: { Authorization: 'Bearer gh_wrong' } })).status).toBe(401)
  })

  test('is let in again at its rate', async () => {
    await until('the key is let in', async () => (await house.api('/api/v1/me')).status === 200)
  })
})

describe('one customer who floods', () => {
  test('is kept whole, and another customer is answered and shown meanwhile', async () => {
    const flood = house.simulator('/_/customers/+15550310002/messages', {
      number: 'support',
      text: 'again and again',
      count: 500,
    })
    await house.write('+15550310003', 'One quiet question')
    await flood
    await until('the flood has arrived', async () => (await house.metric('gatehouse_events_offset')) >= 502)
    await until('both are shown', async () => {
      const { status, body } = await house.api('/api/v1/conversations')
      if (status !== 200) return false
      const unread = new Map(
        body.items.map((item: { contact: { phone: string }; unread: number }) => [item.contact.phone, item.unread]),
      )
      return unread.get('+15550310002') === 500 && unread.get('+15550310003') === 1
    })
  })
})
