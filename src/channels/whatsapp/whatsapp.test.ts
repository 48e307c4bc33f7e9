import { expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { channelSuite } from '../channel-suite.ts'
import { CHANNELS, channelNamed } from '../registry.ts'
import { body, STAMP, withFrame } from './webhook.test-support.ts'
import { whatsapp } from './whatsapp.ts'

const bodyOf = (message: Record<string, unknown>) =>
  body(withFrame({ messages: [{ from: '16505551234', timestamp: STAMP, ...message }] }))

channelSuite({
  channel: whatsapp,
  sign: (body, secret) => ({
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  }),
  incoming: (upstreamId, type) => bodyOf({ id: upstreamId, type, [type]: { body: 'Hi' } }),
  saying: (text) => bodyOf({ id: 'a', type: 'text', text: { body: text } }),
  outgoing: { type: 'text', text: { body: 'Hello' } },
  outgoingText: 'Hello',
  to: { phone: '+16505551234', name: 'A private name' },
  accepted: (upstreamId) => JSON.stringify({ messaging_product: 'whatsapp', messages: [{ id: upstreamId }] }),
  refusal: JSON.stringify({ error: { message: '(#131026) Undeliverable to +16505551234', code: 131026 } }),
})

test('the registry finds a channel by its name and nothing else', () => {
  expect(channelNamed('whatsapp')).toBe(whatsapp)
  expect(channelNamed('constructor')).toBeUndefined()
  expect(new Set(CHANNELS.map((channel) => channel.name)).size).toBe(CHANNELS.length)
})
