import { expect, test } from 'bun:test'
import { channelNamed } from '../channels/registry.ts'
import { must } from '../core/assert.ts'
import { silentLog } from '../core/log.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { sign } from '../testing/test-gateway.ts'
import { webhookRoutes } from './webhooks.ts'

const BODY = '{"object":"whatsapp_business_account","entry":[]}'

test('the time of an answer counts from when the body is whole, not from when a slow sender begins', async () => {
  const clock = new FakeClock()
  const counted: [outcome: string, seconds: number][] = []
  const app = webhookRoutes({
    clock,
    log: silentLog,
    appOf: () => ({
      id: 'main',
      channel: must(channelNamed('whatsapp'), 'the channel'),
      secrets: ['a-secret'],
      verifyToken: 'x',
    }),
    isReady: () => true,
    accept: async () => clock.advance(3),
    bodyBytesMax: () => 1000,
    overflow: () => {},
    count: (outcome, seconds) => void counted.push([outcome, seconds]),
  })
  const parts = [BODY.slice(0, 10), BODY.slice(10)]
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        clock.advance(4000)
        const part = parts.shift()
        if (part === undefined) controller.close()
        else controller.enqueue(new TextEncoder().encode(part))
      },
    },
    { highWaterMark: 0 },
  )
  const headers = { 'X-Hub-Signature-256': sign(BODY, 'a-secret') }
  const response = await app.handle(
    new Request('http://localhost/webhooks/whatsapp/main', { method: 'POST', body, headers }),
  )
  expect(response.status).toBe(200)
  expect(counted).toEqual([['stored', 0.003]])
})
