/**
 * What it costs to know who asks and what they may: an API key from memory, a permission, a conversation of a scope, and
 * an event's text for somebody who is not shown names, the first time and again.
 *
 *   bun scripts/bench/rights.ts
 */
import { systemClock } from '../../src/core/clock.ts'
import { ApiKeys, newApiKey } from '../../src/people/api-keys.ts'
import { eventTextFor } from '../../src/people/mask.ts'
import { may, maySee } from '../../src/people/may-see.ts'
import { GIVEN_ROLES } from '../../src/people/roles.ts'
import { hashToken } from '../../src/people/tokens.ts'
import { ownerNamed } from '../../src/testing/principals.ts'

const ROUNDS = 7
const CALLS = 200_000

const key = newApiKey()
const hash = hashToken(key)
const terms = {
  id: 1,
  workspaceId: 1,
  personId: 9,
  role: 'agent',
  permissions: null,
  numberIds: null,
  expiresAtMs: null,
}
const standing = { role: 'agent', permissions: GIVEN_ROLES.agent, teamIds: [3, 4], numberIds: [] }
const keys = new ApiKeys({
  clock: systemClock,
  termsOf: (asked) => (Buffer.compare(asked, hash) === 0 ? terms : undefined),
  standingOf: () => standing,
  workspaceNamed: () => undefined,
  bootstrapToken: () => 'gh_a_token_that_an_operator_has_chosen_and_set',
  onUse: () => {},
})
const authorization = `Bearer ${key}`
const agent = keys.principalOf(authorization)
const wide = {
  ...agent,
  scope: { kind: 'some', numberIds: Array.from({ length: 100 }, (_, id) => id), teamIds: [3, 4], personId: 9 },
} as const
const masked = { ...ownerNamed(), permissions: new Set(GIVEN_ROLES.auditor) }
const message = {
  id: 'msg_1',
  direction: 'in',
  conversation_id: 'cnv_1',
  from: '+12025550143',
  to: '+15550783881',
  upstream_id: 'wamid.x',
  text: { body: 'hello' },
}
const json = JSON.stringify({ offset: 1, type: 'message.received', at: '2026-11-22T09:00:00.000Z', data: { message } })
const event = { json }

/** The median over the rounds, in microseconds. */
function measure(name: string, call: (index: number) => unknown): void {
  const micros = Array.from({ length: ROUNDS }, () => {
    const startedMs = performance.now()
    for (let index = 0; index < CALLS; index++) call(index)
    return ((performance.now() - startedMs) * 1000) / CALLS
  }).sort((one, other) => one - other)
  console.log(`${name.padEnd(56)} ${(micros[ROUNDS >> 1] ?? 0).toFixed(3)} µs`)
}

const seen = (index: number) => ({
  workspaceId: 1,
  conversationId: index,
  numberId: index % 200,
  assigneeId: index % 50,
  teamId: index % 9,
})
measure('an API key, with the bootstrap token looked at first', () => keys.principalOf(authorization))
measure('a permission', () => may(agent, 'messages.reply'))
measure('a conversation: own and two teams', (index) => maySee(agent, seen(index)))
measure('a conversation: a hundred numbers, two teams', (index) => maySee(wide, seen(index)))
measure('an event without names and phones, the first time', () => eventTextFor(masked, { json }))
measure('the same again', () => eventTextFor(masked, event))
