import { afterAll, beforeAll, beforeEach, describe, expect, setDefaultTimeout, spyOn, test } from 'bun:test'
import { GuardedFetch } from '../relay/guarded-fetch.ts'
import { FAST_NUMBER, SLOW_NUMBER, TestGateway, testConfigText, until } from './test-gateway.ts'
import { TestProxy } from './test-proxy.ts'

// A busy machine takes its time; what is waited for says so itself before this.
setDefaultTimeout(20_000)

/** A name that only the proxies know: whatever went straight there would not arrive. */
const HOST = 'platform.invalid'

let house: TestGateway
const hosts: Record<string, number> = {}
const one = new TestProxy(hosts)
const two = new TestProxy(hosts)
beforeAll(async () => {
  await Promise.all([one.start(), two.start()])
  house = await TestGateway.open({
    graphUrl: `http://${HOST}`,
    config: `[proxy]\nurl = "${one.url.replace('//', '//us%40er:pa%3Ass@')}"\n`,
  })
  hosts[HOST] = Number(new URL(house.simulatorUrl).port)
})
afterAll(async () => {
  await house.close()
  await Promise.all([one.stop(), two.stop()])
})
beforeEach(() => {
  one.requests.length = 0
  two.requests.length = 0
})

let people = 0

async function openConversation(number: string): Promise<string> {
  people += 1
  const phone = `+1555081${1000 + people}`
  await house.write(phone, 'Good morning', { number })
  return (await house.conversationOf(phone)).id
}

async function queue(to: string, body: string): Promise<string> {
  const answer = await house.api('/api/v1/messages', { to, type: 'text', text: { body }, deadline_ms: 60_000 })
  expect(answer.status).toBe(202)
  return answer.body.id
}

const linesOf = (proxy: TestProxy) => proxy.requests.map(({ line }) => line)
const sendFrom = (number: string) => `POST http://${HOST}/v25.0/${number}/messages`

describe('with an outgoing proxy', () => {
  test('every send goes through it, as its user, and none beside it', async () => {
    const messages = [
      await queue(await openConversation('support'), 'A'),
      await queue(await openConversation('slow'), 'B'),
    ]
    for (const id of messages) await house.messageIn('read', id)
    expect(linesOf(one).toSorted()).toEqual([sendFrom(FAST_NUMBER), sendFrom(SLOW_NUMBER)])
    const basic = `Basic ${Buffer.from('us@er:pa:ss').toString('base64')}`
    for (const { authorization } of one.requests) expect(authorization).toBe(basic)
    for (const line of house.lines) expect(line).not.toContain('pa:ss')
  })

  test('that is down a message waits, as if the platform were, and leaves when it is back', async () => {
    const id = await openConversation('support')
    await one.stop()
    const message = await queue(id, 'Wait for the proxy')
    const reason = await until('a first try', async () => {
      const { timeline } = (await house.api(`/api/v1/messages/${message}`)).body
      return timeline.find((step: { state: string; attempt: number }) => step.state === 'queued' && step.attempt === 1)
        ?.reason
    })
    expect(reason).toBe('not_connected')
    await one.start()
    await house.messageIn('read', message)
    expect(await house.sendsOf('Wait for the proxy')).toHaveLength(1)
  })

  test('a number may have its own, also from now on', async () => {
    const before = house.configText
    const own = testConfigText(`[proxy]\nurl = "${one.url}"\n`)
    house.configText = own.replace('alias = "slow"', `alias = "slow"\nproxy = "${two.url}"`)
    expect((await house.reload()).changed).toEqual([`whatsapp.number[${SLOW_NUMBER}].proxy`, 'proxy.url'].toSorted())
    const messages = [
      await queue(await openConversation('support'), 'C'),
      await queue(await openConversation('slow'), 'D'),
    ]
    for (const id of messages) await house.messageIn('read', id)
    expect(linesOf(one)).toEqual([sendFrom(FAST_NUMBER)])
    expect(linesOf(two)).toEqual([sendFrom(SLOW_NUMBER)])
    for (const { authorization } of one.requests) expect(authorization).toBeNull()
    house.configText = before
    expect((await house.reload()).outcome).toBe('changed')
  })
})

describe('the files of a number with a proxy', () => {
  test('come through it: the question where they lie, and they themselves', async () => {
    const fileHouse = await TestGateway.open({ config: `[proxy]\nurl = "${one.url}"\n` })
    const origin = fileHouse.simulatorUrl
    const fetched = spyOn(globalThis, 'fetch')
    const upload = {
      method: 'POST',
      body: `%PDF-1.7 ${'x'.repeat(5000)}`,
      headers: { 'Content-Type': 'application/pdf' },
    }
    const { id } = (await (await fetch(`${origin}/_/media`, upload)).json()) as { id: string }
    await fileHouse.simulator('/_/customers/+15550820001/messages?wait=1', {
      number: 'support',
      message: { type: 'document', document: { id, filename: 'a.pdf' } },
    })
    await until('the file is here', () => fileHouse.lines.some((line) => line.includes('file fetched')))
    const outside = fetched.mock.calls.filter(
      ([url]) => String(url).startsWith(`${origin}/`) && !String(url).includes('/_/'),
    )
    fetched.mockRestore()
    expect(outside.length).toBeGreaterThan(0)
    expect(linesOf(one)).toEqual(outside.map(([url]) => `GET ${String(url)}`))
    for (const [, init] of outside) expect(init).toMatchObject({ proxy: one.url })
    await fileHouse.close()
  })

  test('over TLS are asked for by name: here nobody looks it up, and a proxy that says no gets nothing more', async () => {
    two.refusal = '403 Forbidden'
    const guard = new GuardedFetch({
      trustedUrl: () => 'https://graph.facebook.com',
      allowed: () => ({ hosts: ['files.example.test'], allowPrivate: [] }),
      resolve: () => Promise.reject(new Error('looked up')),
      refused: () => {},
    })
    const get = (address: string) =>
      guard
        .get(address, {
          headers: { authorization: 'Bearer secret' },
          signal: AbortSignal.timeout(3000),
          proxy: two.url,
        })
        .then(
          ({ status }) => status,
          (error: { code?: string; reason?: string }) => error.code ?? error.reason,
        )
    expect(await get('https://files.example.test/a')).toBe('ERR_PROXY_TUNNEL')
    expect(await get('https://elsewhere.example.test/a')).toBe('host_not_allowed')
    expect(await get('http://files.example.test/a')).toBe('host_not_allowed')
    expect(linesOf(two)).toEqual(['CONNECT files.example.test:443'])
    two.refusal = null
  })
})
