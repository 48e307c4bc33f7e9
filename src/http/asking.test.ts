import { expect, test } from 'bun:test'
import { type Actor, MAIN_WORKSPACE } from '../core/principal.ts'
import type { Ask } from '../records/inputs.ts'
import { input } from '../records/tx.ts'
import { forWhoeverAsks, onBehalfOf } from './asking.ts'

const someone = (id: string): Actor => ({ id, by: 'session', workspaceId: MAIN_WORKSPACE, personId: 3 })
const nothing = input('nothing.do', async () => null)

test('whatever a route asks for is asked for whoever sent the request, however many there are at once', async () => {
  const asked: (string | undefined)[] = []
  const ask = forWhoeverAsks((async (_command: unknown, _args: unknown, by?: Actor) => {
    await Promise.resolve()
    asked.push(by?.id)
    return null
  }) as unknown as Ask)
  const request = (id: string) =>
    onBehalfOf(someone(id), async () => {
      await Promise.all([ask(nothing, null), ask(nothing, null)])
      await Promise.resolve()
      await ask(nothing, null)
    })
  await Promise.all([request('one'), request('two')])
  expect(asked.toSorted()).toEqual(['one', 'one', 'one', 'two', 'two', 'two'])
})

test('where nobody is known nothing is asked', async () => {
  let count = 0
  const ask = forWhoeverAsks((async () => {
    count += 1
  }) as unknown as Ask)
  await expect(ask(nothing, null)).rejects.toThrow('who asks')
  expect(count).toBe(0)
})
