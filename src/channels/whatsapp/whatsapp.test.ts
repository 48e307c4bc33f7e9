import { expect, test } from 'bun:test'
import { createHmac } from 'node:crypto'
import { channelSuite } from '../channel-suite.ts'
import { CHANNELS, channelNamed } from '../registry.ts'
import { whatsapp } from './whatsapp.ts'

channelSuite({
  channel: whatsapp,
  sign: (body, secret) => ({
    'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
  }),
  incoming: (upstreamId, type) => ({
    object: 'whatsapp_business_account',
    entry: [
      {
        id: '102290129340398',
        changes: [
          {
            field: 'messages',
            value: {
              messaging_product: 'whatsapp',
              metadata: { display_phone_number: '15550783881', phone_number_id: '106540352242922' },
              messages: [
                { from: '16505551234', id: upstreamId, timestamp: '1749416383', type, [type]: { body: 'Hi' } },
              ],
            },
          },
        ],
      },
    ],
  }),
  outgoing: { type: 'text', text: { body: 'Hello' } },
  to: { phone: '+16505551234', name: 'A private name' },
  accepted: (upstreamId) => JSON.stringify({ messaging_product: 'whatsapp', messages: [{ id: upstreamId }] }),
  refusal: JSON.stringify({ error: { message: '(#131026) Undeliverable to +16505551234', code: 131026 } }),
})

test('the registry finds a channel by its name and nothing else', () => {
  expect(channelNamed('whatsapp')).toBe(whatsapp)
  expect(channelNamed('constructor')).toBeUndefined()
  expect(new Set(CHANNELS.map((channel) => channel.name)).size).toBe(CHANNELS.length)
})
