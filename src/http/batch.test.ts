import { expect, test } from 'bun:test'
import { channelNamed } from '../channels/registry.ts'
import { must } from '../core/assert.ts'
import { silentLog } from '../core/log.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { ownerNamed } from '../testing/principals.ts'
import { type ApiDependencies, apiRoutes } from './api.ts'

const COUNT = 500

test('a batch is asked for in its order, and others have their turn meanwhile', async () => {
  const asked: unknown[] = []
  let [inThisTurn, most, isOver] = [0, 0, false]
  const turn = () => {
    inThisTurn = 0
    if (!isOver) setImmediate(turn)
  }
  const deps: Partial<ApiDependencies> = {
    clock: new FakeClock(),
    log: silentLog,
    ask: async (_command, args) => {
      asked.push((args as { reference: unknown }).reference)
      most = Math.max(most, ++inThisTurn)
      return { repeated: false, answer: { id: asked.length } } as never
    },
    channel: must(channelNamed('whatsapp'), 'the channel'),
    deadlineMs: () => ({ urgent: 1, reply: 1, notice: 1, bulk: 1 }),
    predict: () => ({ predictions: [], hasRoom: true }),
    isAccepting: () => true,
    principalOf: () => ownerNamed('key:1'),
    admit: () => {},
    note: () => {},
    count: () => {},
  }
  const app = apiRoutes(deps as ApiDependencies)
  const message = { to: '+4915112345678', type: 'text', text: { body: 'hello' } }
  const messages = Array.from({ length: COUNT }, (_, index) => ({ ...message, reference: `${index}` }))
  setImmediate(turn)
  const response = await app.handle(
    new Request('http://localhost/api/v1/messages/batch', { method: 'POST', body: JSON.stringify({ messages }) }),
  )
  isOver = true
  const { results } = (await response.json()) as { results: { id: number }[] }
  expect(results.map(({ id }) => id)).toEqual(messages.map((_, index) => index + 1))
  expect(asked).toEqual(messages.map(({ reference }) => reference))
  expect(most).toBeLessThan(COUNT / 5)
})
