import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { must } from '../../core/assert.ts'
import { TestGateway, until } from '../test-gateway.ts'
import { changesOf } from './fixture-checks.ts'
import { EXPECTED } from './fixture-expectations.ts'
import { type PlatformStub, startPlatformStub, templateFor } from './platform-stub.ts'
import { type Json, readAll, type Seen, settled } from './seen.ts'

/*
 * Every body that the platform has published, byte for byte and signed, and what each leaves: seen through the API, not
 * by its 200. The samples use some ids again for other things, so they come to several houses, one after the other.
 */

const FOLDER = new URL('../../../../shared/fixtures/whatsapp/', import.meta.url)
const IS_HERE = existsSync(FOLDER)

interface Fixture {
  name: string
  bytes: Uint8Array
  body: Json
}

const fixtures: Fixture[] = (IS_HERE ? readdirSync(FOLDER) : [])
  .filter((file) => file.endsWith('.json'))
  .sort()
  .map((file) => {
    const bytes = new Uint8Array(readFileSync(new URL(file, FOLDER)))
    return { name: file.slice(0, -5), bytes, body: JSON.parse(new TextDecoder().decode(bytes)) }
  })

/** The ids that a body gives to things of its own, those of the messages that it changes, and what else it says once. */
function idsOf({ body }: Fixture): string[] {
  return changesOf(body).flatMap(({ value }) => {
    const wishes = (value.user_preferences ?? []).map((one: Json) => `wish:${one.wa_id}:${one.timestamp}`)
    const threads = (value.history ?? []).flatMap((chunk: Json) => chunk.threads ?? [])
    const lists = [value.messages, value.statuses, value.message_echoes, value.calls]
    const things: Json[] = [...lists, ...threads.map((thread: Json) => thread.messages)].flatMap((list) => list ?? [])
    return [...wishes, ...things.flatMap((thing) => [thing.id, ...targetsOf(thing)])]
  })
}

function targetsOf({ edit, revoke, reaction }: Json): string[] {
  const target = edit?.original_message_id ?? revoke?.original_message_id ?? reaction?.message_id
  return target === undefined ? [] : [target]
}

/** Somebody has another number from then on: nobody else's samples may speak of them. */
function isOfNewNumber({ body }: Fixture): boolean {
  return changesOf(body).some(({ value }) => (value.messages ?? []).some(({ type }: Json) => type === 'system'))
}

/** As few houses as may be, none with an id that stands for two things. */
function rounds(): Fixture[][] {
  const houses: { fixtures: Fixture[]; ids: Set<string> }[] = []
  const ofNewNumber = fixtures.filter(isOfNewNumber)
  for (const fixture of fixtures.filter((one) => !isOfNewNumber(one))) {
    const ids = idsOf(fixture)
    const house = houses.find((one) => ids.every((id) => !one.ids.has(id))) ?? { fixtures: [], ids: new Set() }
    if (house.fixtures.length === 0) houses.push(house)
    house.fixtures.push(fixture)
    for (const id of ids) house.ids.add(id)
  }
  return [...houses.map((house) => house.fixtures), ...ofNewNumber.map((fixture) => [fixture])]
}

/** What a body changes has to be here: the message as it was, from the same hand, before the change. */
function companionsOf({ body }: Fixture): Json[] {
  return ['messages', 'message_echoes'].flatMap((member) =>
    changesOf(body).flatMap(({ value }) =>
      (value[member] ?? []).flatMap((raw: Json) => {
        const [target] = targetsOf(raw)
        if (target === undefined) return []
        const { edit, revoke, reaction, ...frame } = raw
        const first = {
          ...frame,
          id: target,
          timestamp: String(Number(raw.timestamp) - 60),
          type: 'text',
          text: { body: '1' },
        }
        const copy = structuredClone(body)
        for (const change of copy.entry[0].changes) change.value[member] = [first]
        return [copy]
      }),
    ),
  )
}

/** Numbers whose messages the statuses are about: messages have to be sent from them first. */
function numbersOf(round: readonly Fixture[]): Map<string, string> {
  const numbers = new Map<string, string>()
  for (const { body } of round) {
    for (const { field, value } of changesOf(body)) {
      const { phone_number_id: id, display_phone_number: display } = value.metadata ?? {}
      if (field === 'messages' && value.statuses && id !== '106540352242922') numbers.set(id, display)
    }
  }
  return numbers
}

function configOf(numbers: Map<string, string>): string {
  return [...numbers]
    .map(
      ([id, display]) => `
[[whatsapp.number]]
phone_number_id = "${id}"
display = "+${display}"
app = "main"
waba = "5467539754836534"
pool = "n${id}"
alias = "n${id}"
`,
    )
    .join('')
}

async function sendAll(house: TestGateway, round: readonly Fixture[]): Promise<void> {
  for (const { body } of round) {
    for (const { field, value } of changesOf(body)) {
      for (const raw of field === 'messages' ? (value.statuses ?? []) : []) {
        const message = {
          to: `+${raw.recipient_id || '16505551234'}`,
          from: { number: value.metadata.phone_number_id },
          type: 'template',
          template: templateFor(raw.id),
        }
        const answer = await until(`${raw.id} is taken`, async () => {
          const { status, body } = await house.api('/api/v1/messages', message)
          return status === 202 && body
        })
        await house.messageIn('accepted', answer.id)
      }
    }
  }
}

/** Everything, with what only a message by itself shows. */
async function readWhole(house: TestGateway): Promise<Seen> {
  const seen = await readAll(house)
  for (const [id, view] of seen.messages) {
    if (view.class === undefined) continue
    seen.messages.set(id, { ...view, ...(await house.api(`/api/v1/messages/${view.id}`)).body })
  }
  return seen
}

/** Files are fetched in their own time: what becomes of them is not what is compared. */
function comparable({ events, ...rest }: Seen): Json {
  const told = events.filter(({ type }) => type !== 'message.media')
  const text = JSON.stringify({ ...rest, messages: [...rest.messages.values()], told }, (name, member) =>
    name === 'attachments' ? undefined : member,
  )
  return JSON.parse(text)
}

async function post(house: TestGateway, body: string | Uint8Array): Promise<void> {
  const { status } = await house.webhook(body)
  if (status !== 200) throw new Error(`A body was answered with ${status}`)
}

test.skipIf(!IS_HERE)('every fixture has an expectation (skipped where ../shared/fixtures is not)', () => {
  expect(fixtures.length).toBeGreaterThan(100)
  const names = fixtures.map(({ name }) => name)
  expect(Object.keys(EXPECTED).filter((name) => !names.includes(name))).toEqual([])
  expect(names.filter((name) => EXPECTED[name] === undefined)).toEqual([])
})

describe.skipIf(!IS_HERE).each(rounds().map((round, index) => ({ round, index })))(
  'the published bodies, house $index (skipped where ../shared/fixtures is not)',
  ({ round }) => {
    let house: TestGateway
    let platform: PlatformStub
    let seen: Seen

    beforeAll(async () => {
      platform = startPlatformStub()
      house = await TestGateway.open({ graphUrl: platform.url, config: configOf(numbersOf(round)) })
      await sendAll(house, round)
      for (const { bytes } of round) await post(house, bytes)
      for (const companion of round.flatMap(companionsOf)) await post(house, JSON.stringify(companion))
      await settled(house)
      seen = await readWhole(house)
    })

    afterAll(async () => {
      await house.close()
      await platform.stop()
    })

    test.each(round.map((fixture) => [fixture.name, fixture] as const))('%s leaves what it must', (name, { body }) => {
      must(EXPECTED[name], `the expectation of ${name}`)(seen, body)
    })

    test('nothing is in quarantine, nothing is doubled, nothing failed', async () => {
      expect(await house.metric('gatehouse_quarantined_items')).toBe(0)
      expect(seen.doubled).toEqual([])
      expect(house.fatal).toEqual([])
      expect(
        house.lines.filter((line) => line.includes('"level":"error"') && !line.includes('"msg":"notice"')),
      ).toEqual([])
    })

    test('the same bodies a second time change nothing', async () => {
      const before = comparable(seen)
      for (const { bytes } of round) await post(house, bytes)
      await settled(house)
      expect(comparable(await readWhole(house))).toEqual(before)
    })
  },
)
