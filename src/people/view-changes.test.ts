import { afterEach, beforeEach, describe, expect, test } from 'bun:test'
import { readId } from '../core/ids.ts'
import type { Principal, Scope } from '../core/principal.ts'
import { ConversationPlaces } from '../records/conversation-places.ts'
import { type Desk, openDesk } from '../testing/open-desk.ts'
import { ownerNamed } from '../testing/principals.ts'
import { ViewChanges } from './view-changes.ts'

let desk: Desk
let changes: ViewChanges
beforeEach(async () => {
  desk = await openDesk()
  desk.house.database.run('PRAGMA foreign_keys = OFF')
  changes = new ViewChanges(new ConversationPlaces(desk.house.database))
})
afterEach(() => desk.house.close())

const NOTHING: Scope = { kind: 'some', numberIds: [], teamIds: [], personId: null }
const CHANGE = {
  offset: 7,
  change: 7,
  workspaceId: 1,
  json: '{"offset":7,"type":"conversation.gone","at":"","data":{}}',
}

/** Conversations from `from` on, each a second newer than the one before. */
function converse(from: number, count: number, where: { number?: number; team?: number; person?: number }): void {
  for (let id = from; id < from + count; id++) {
    desk.house.database.run(
      `INSERT INTO conversations (id, contact_id, number_id, created_at, last_message_at, unread, team_id, assignee_id)
       VALUES (?1, ?1, ?2, 0, ?1, 0, ?3, ?4)`,
      id,
      where.number ?? 5,
      where.team ?? null,
      where.person ?? null,
    )
  }
}

function seer(scope: Scope, before: Scope, knownFrom = 0): Principal {
  return { ...ownerNamed(), personId: 9, scope, before: { scopes: [{ until: 7, scope: before }], knownFrom, asOf: 7 } }
}

function told(type: 'conversation.visible' | 'conversation.gone', who: Principal, change = CHANGE) {
  const text = changes.textOf(who, {
    ...change,
    type,
    offset: change.offset + (type === 'conversation.visible' ? 1 : 0),
  })
  if (text === null) return null
  const { conversation_ids: ids, ...rest } = JSON.parse(text).data
  return { ids: ids.map((id: string) => readId('conversation', id)), ...rest }
}

describe('a change of rights', () => {
  test.each([
    ['a team', { ...NOTHING, teamIds: [3] }, [102, 101, 100]],
    ['a number', { ...NOTHING, numberIds: [6] }, [201, 200]],
    ['their own', { ...NOTHING, personId: 9 }, [300]],
    ['a team and a number', { ...NOTHING, teamIds: [3], numberIds: [6] }, [201, 200, 102, 101, 100]],
  ] as const)('names what %s brings, the newest first, and what it takes', (_, scope, ids) => {
    converse(100, 3, { team: 3 })
    converse(200, 2, { number: 6 })
    converse(300, 1, { person: 9 })
    expect(told('conversation.visible', seer(scope, NOTHING))).toEqual({ ids: [...ids] })
    expect(told('conversation.gone', seer(scope, NOTHING))).toBeNull()
    expect(told('conversation.gone', seer(NOTHING, scope))).toEqual({ ids: [...ids] })
    expect(told('conversation.visible', seer(NOTHING, scope))).toBeNull()
  })

  test('names nothing that somebody sees for another reason', () => {
    converse(100, 1, { team: 3, number: 6 })
    converse(101, 1, { team: 3 })
    const both = { ...NOTHING, teamIds: [3], numberIds: [6] }
    expect(told('conversation.gone', seer({ ...NOTHING, numberIds: [6] }, both))).toEqual({ ids: [101] })
  })

  test('from or to the whole workspace names what the other does not have', () => {
    converse(100, 2, { team: 3 })
    converse(200, 1, { team: 4 })
    const all = { kind: 'workspace' } as const
    const { conversationId } = desk
    const others = [200, conversationId].sort((one, other) => (one === conversationId ? -1 : other))
    expect(told('conversation.gone', seer({ ...NOTHING, teamIds: [3] }, all))).toEqual({ ids: others })
    expect(told('conversation.visible', seer(all, { ...NOTHING, teamIds: [3] }))).toEqual({ ids: others })
    expect(told('conversation.gone', seer(all, { ...NOTHING, teamIds: [3] }))).toBeNull()
  })

  test.each([
    [1_000, undefined],
    [1_001, true],
  ])('of %d conversations names a thousand', (count, more) => {
    converse(1_000, count, { team: 3 })
    const answer = told('conversation.visible', seer({ ...NOTHING, teamIds: [3] }, NOTHING))
    expect([answer.ids.length, answer.ids[0], answer.more]).toEqual([1_000, 999 + count, more])
  })

  test('looks for those of a number among the newest, and says where there are older ones', () => {
    converse(1_000, 10, { number: 6 })
    converse(2_000, 5_000, { number: 5 })
    expect(told('conversation.visible', seer({ ...NOTHING, numberIds: [6] }, NOTHING))).toEqual({ ids: [], more: true })
  })

  test('longer ago than is known says once to load everything anew', () => {
    const who = seer(NOTHING, NOTHING, 8)
    const older = { ...CHANGE, change: 6 }
    expect(told('conversation.visible', who, older)).toEqual({ ids: [], more: true })
    expect(told('conversation.gone', who, older)).toBeNull()
  })
})

test.each([
  ['ofTeam', 'conversations_team'],
  ['ofPerson', 'conversations_assignee'],
  ['newest', 'conversations_recent'],
] as const)('%s() goes by %s, and sorts nothing', (name, index) => {
  const asked: string[] = []
  const { database } = desk.house
  const all = database.all.bind(database)
  const plan = (sql: string, ...values: number[]) => {
    asked.push(...all<{ detail: string }>(`EXPLAIN QUERY PLAN ${sql}`, ...values).map(({ detail }) => detail))
    return []
  }
  const places = new ConversationPlaces({ all: plan } as never)
  if (name === 'newest') places.newest(1, 10)
  else places[name](1, 3, 10)
  expect(asked.join('; ')).toContain(`USING INDEX ${index}`)
  expect(asked.join('; ')).not.toContain('TEMP B-TREE')
})
