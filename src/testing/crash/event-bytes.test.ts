import { expect, test } from 'bun:test'
import { TestGateway } from '../test-gateway.ts'

test('the event of a queued message reads the same after the message went back into the queue', async () => {
  const house = await TestGateway.open()
  try {
    await house.write('+15550304001', 'Good morning')
    const { id: to } = await house.conversationOf('+15550304001')
    await house.simulator('/_/faults', { kind: 'throttle_429', count: 1 })
    const { body: queued } = await house.api('/api/v1/messages', { to, type: 'text', text: { body: 'Twice tried' } })
    const readEvent = async () => {
      const { body } = await house.api('/api/v1/events?after=0')
      return body.events.find((event: { data: { message_id?: string } }) => event.data.message_id === queued.id)
    }
    const before = await readEvent()
    const { timeline } = await house.messageIn('read', queued.id)
    expect(timeline.map(({ state }: { state: string }) => state).slice(0, 4)).toEqual([
      'queued',
      'sending',
      'queued',
      'sending',
    ])
    expect(before.data.message.reason).toBeNull()
    expect(await readEvent()).toEqual(before)
  } finally {
    await house.close()
  }
})
