import { describe, expect, test } from 'bun:test'
import { existsSync, readFileSync } from 'node:fs'
import { FakeClock } from '../testing/fake-clock.ts'
import { seededRandom } from '../testing/seeded-random.ts'
import { call, changeIdentity, setPreference } from './customer-acts.ts'
import { handOver } from './handovers.ts'
import { listNotices, tellNotice } from './notices.ts'
import { bringHistory, echo, syncAddressBook } from './phone-app.ts'
import { Platform } from './platform.ts'
import { listSamples } from './samples.ts'

const SUPPORT = {
  phoneNumberId: '106540352242922',
  display: '+15550783881',
  alias: 'support',
  wabaId: '102290129340398',
}
const AMARA = '+447700900142'

interface Change {
  field: string
  // biome-ignore lint/suspicious/noExplicitAny: it is JSON, of which each test says what it expects.
  value: any
}

/** A platform, and what it says in all webhooks that are due within a second. */
function openPlatform() {
  const clock = new FakeClock()
  const platform = new Platform({
    numbers: [SUPPORT],
    accessToken: 'token',
    appSecret: 'secret',
    clock,
    random: seededRandom(5),
  })
  const said = (): Change[] => {
    const changes: Change[] = []
    for (let step = 0; step < 100; step++) {
      for (let next = platform.outbox.take(clock.monoMs()); next; next = platform.outbox.take(clock.monoMs())) {
        platform.settle(next, 200)
        changes.push(...JSON.parse(next.body).entry.flatMap((entry: { changes: Change[] }) => entry.changes))
      }
      clock.advance(10)
    }
    return changes
  }
  const send = (body: object) =>
    platform.handleSend(
      SUPPORT.phoneNumberId,
      'Bearer token',
      JSON.stringify({ messaging_product: 'whatsapp', ...body }),
    )
  return { platform, clock, said, send }
}

type Opened = ReturnType<typeof openPlatform>

const chatOf = ({ platform }: Opened) =>
  platform.customers.find('447700900142')?.chats.get(SUPPORT.phoneNumberId)?.messages ?? []

describe('what customers do', () => {
  test('a reaction, an edit and a revoke change the message on the phone and are told with their target', () => {
    const opened = openPlatform()
    const { platform, said } = opened
    const [id = ''] = platform.write(AMARA, { text: 'At noon' })
    platform.write(AMARA, { message: { type: 'reaction', reaction: { message_id: id, emoji: '👍' } } })
    expect([...(chatOf(opened)[0]?.reactions ?? [])]).toEqual([['447700900142', '👍']])
    platform.write(AMARA, { message: { type: 'reaction', reaction: { message_id: id, emoji: '' } } })
    expect(chatOf(opened)[0]?.reactions?.size).toBe(0)
    const edited = { type: 'text', text: { body: 'At one' } }
    platform.write(AMARA, { message: { type: 'edit', edit: { original_message_id: id, message: edited } } })
    expect(chatOf(opened)[0]).toMatchObject({ text: 'At one', isEdited: true })
    platform.write(AMARA, { message: { type: 'revoke', revoke: { original_message_id: id } } })
    expect(chatOf(opened)).toMatchObject([{ text: '', isRevoked: true }])
    const messages = said().flatMap((change) => change.value['messages'] ?? [])
    expect(messages).toMatchObject([
      { type: 'text' },
      { type: 'reaction', reaction: { message_id: id, emoji: '👍' } },
      { type: 'reaction', reaction: { message_id: id, emoji: '' } },
      { type: 'edit', edit: { original_message_id: id, message: edited } },
      { type: 'revoke', revoke: { original_message_id: id } },
    ])
  })

  test('a reply names the author of what it answers', () => {
    const { platform, said, send } = openPlatform()
    const [own = ''] = platform.write(AMARA, { text: 'Hello' })
    const answer = send({ to: AMARA, type: 'text', text: { body: 'Hi' } })
    const theirs = answer.kind === 'answer' ? JSON.parse(answer.body).messages[0].id : ''
    for (const id of [own, theirs]) {
      platform.write(AMARA, { message: { type: 'text', text: { body: 'x' }, context: { id } } })
    }
    const contexts = said().flatMap((change) => change.value['messages'] ?? [])
    expect(contexts.map((message: { context?: object }) => message.context)).toEqual([
      undefined,
      { from: '447700900142', id: own },
      { from: '15550783881', id: theirs },
    ])
  })

  test('every sample is told as a message of its type', () => {
    const { platform, said } = openPlatform()
    const samples = listSamples()
    for (const { sample } of samples) platform.write(AMARA, { sample })
    const types = said().flatMap((change) => change.value['messages'] ?? [])
    expect(types.map((message: { type: string }) => message.type)).toEqual(samples.map(({ type }) => type))
  })

  test('somebody who shows no phone is named by user id alone, everywhere', () => {
    const { platform, said } = openPlatform()
    platform.write('DE.4711', { text: 'Hello', username: 'amara' })
    call(platform, 'DE.4711', { outcome: 'missed' })
    setPreference(platform, 'DE.4711', { value: 'stop' })
    const text = JSON.stringify(said())
    expect(text).toContain('"from_user_id":"DE.4711"')
    expect(text).toContain('"username":"amara"')
    for (const name of ['"from":', '"wa_id"', '999'])
      expect(text.replaceAll(/wamid[^"]*|wacid[^"]*/g, '')).not.toContain(name)
  })

  test('a change of number tells the old phone, and moves the customer with their chats', () => {
    const { platform, said } = openPlatform()
    platform.write(AMARA, { text: 'Hello' })
    changeIdentity(platform, AMARA, { phone: '+447700900999', user_id: 'GB.77' })
    const messages = said().flatMap((change) => change.value['messages'] ?? [])
    expect(messages).toMatchObject([
      { type: 'text' },
      { from: '447700900142', type: 'system', system: { type: 'user_changed_number', wa_id: '447700900999' } },
      { from: '447700900999', system: { type: 'user_changed_user_id', user_id: 'GB.77' } },
    ])
    expect(platform.customers.find('447700900142')).toBeUndefined()
    expect(platform.customers.find('447700900999')?.chats.get(SUPPORT.phoneNumberId)?.messages).toHaveLength(1)
    platform.write('+447700900888', { text: 'I am somebody else' })
    expect(() => changeIdentity(platform, '+447700900999', { phone: '+447700900888' })).toThrow('Another customer')
  })

  test.each([
    ['a finished call', { outcome: 'finished', duration_s: 30 }, ['connect', 'terminate']],
    ['a missed call', { outcome: 'missed' }, ['connect', 'terminate']],
    ['a call that rings', { outcome: 'ringing' }, ['connect']],
    ['a call of the firm', { direction: 'out' }, ['RINGING', 'ACCEPTED', 'connect', 'terminate']],
    [
      'a call of the firm that is turned down',
      { direction: 'out', outcome: 'rejected' },
      ['RINGING', 'REJECTED', 'terminate'],
    ],
  ])('%s has its steps', (_, input, steps) => {
    const { platform, said } = openPlatform()
    const id = call(platform, AMARA, input)
    const told = said().flatMap((change) => [...(change.value['calls'] ?? []), ...(change.value['statuses'] ?? [])])
    expect(told.map((step: { event?: string; status: string }) => step.event ?? step.status)).toEqual(steps)
    expect(new Set(told.map((step: { id: string }) => step.id))).toEqual(new Set([id]))
  })
})

describe("what comes from the firm's side", () => {
  test('an echo from the phone app is on the customer’s phone, and can be edited and revoked', () => {
    const opened = openPlatform()
    const { platform, said } = opened
    const id = echo(platform, { to: AMARA, text: 'From my phone' })
    expect(chatOf(opened)).toMatchObject([{ direction: 'received', text: 'From my phone' }])
    echo(platform, { to: AMARA, message: { type: 'revoke', revoke: { original_message_id: id } } })
    expect(chatOf(opened)).toMatchObject([{ isRevoked: true }])
    expect(said().map((change) => change.field)).toEqual(['smb_message_echoes', 'smb_message_echoes'])
  })

  test('a thread of another application comes as standby, one level deeper, until it is given back', () => {
    const { platform, said, send } = openPlatform()
    handOver(platform, { phone: AMARA, to: 'other' })
    platform.write(AMARA, { text: 'To the machine' })
    echo(platform, { to: AMARA, text: 'From the machine', standby: true })
    send({ to: AMARA, type: 'text', text: { body: 'A person here' } })
    platform.write(AMARA, { text: 'To the person' })
    const changes = said().filter((change) => !change.value['statuses'])
    expect(changes.map((change) => change.field)).toEqual([
      'messaging_handovers',
      'standby',
      'standby',
      'messaging_handovers',
      'messages',
    ])
    expect(changes[1]?.value).toMatchObject({ standby: { messages: [{ text: { body: 'To the machine' } }] } })
    expect(changes[2]?.value).toMatchObject({ standby: { message_echoes: [{ message: { type: 'text' } }] } })
    expect([changes[0]?.value['type'], changes[3]?.value['type']]).toEqual(['control_taken', 'control_passed'])
  })

  test('history brings threads, and its files afterwards', () => {
    const { platform, said } = openPlatform()
    const messages = [
      { direction: 'out', text: 'Your parcel', ago_s: 600 },
      { direction: 'in', sample: 'photo', ago_s: 500 },
    ]
    expect(bringHistory(platform, { threads: [{ phone: AMARA, messages }] })).toEqual({ threads: 1, messages: 2 })
    const [first, second] = said()
    expect(first?.value).toMatchObject({
      history: [{ threads: [{ messages: [{ type: 'text' }, { type: 'media_placeholder' }] }] }],
    })
    expect(second?.value).toMatchObject({ messages: [{ type: 'image' }] })
    bringHistory(platform, { made: { threads: 3, messages: 4 } })
    bringHistory(platform, { declined: true })
    expect(said().map((change) => JSON.stringify(change).length > 100)).toEqual([true, true])
  })

  test('every ready notice is told under its field, with the stamp of its entry', () => {
    const { platform } = openPlatform()
    for (const { name, field } of listNotices()) {
      expect(tellNotice(platform, { name })).toEqual({ field })
      const delivery = platform.outbox.take(platform.clock.monoMs())
      const [entry] = JSON.parse(delivery?.body ?? '').entry
      expect(entry).toMatchObject({ id: SUPPORT.wabaId, time: expect.any(Number), changes: [{ field }] })
    }
  })

  test('any field may be told with any value', () => {
    const { platform, said } = openPlatform()
    tellNotice(platform, { field: 'brand_new', value: [1, 2], entry_id: '7' })
    expect(said()).toEqual([{ field: 'brand_new', value: [1, 2] }] as never)
    expect(() => tellNotice(platform, { name: 'no_such' })).toThrow('Must be one of')
  })
})

describe('groups', () => {
  const openGroup = () => {
    const opened = openPlatform()
    const { group } = opened.platform.groups.create(SUPPORT, {
      subject: 'Tour',
      description: null,
      approval: 'auto_approve',
    })
    for (const phone of ['447700900142', '447700900143']) {
      opened.platform.groups.join(group, opened.platform.customers.reach(phone, true))
    }
    return { ...opened, group }
  }
  const toGroup = (to: string) => ({ to, recipient_type: 'group', type: 'text', text: { body: 'All aboard' } })

  test('are told when they are made, joined, left and changed', () => {
    const { platform, said, group } = openGroup()
    platform.groups.change(group, { subject: 'Grand tour' })
    platform.groups.leave(group, platform.customers.reach('447700900143', true))
    platform.groups.putOut(group, ['447700900142', '33'])
    platform.groups.suspend(group, true)
    platform.groups.delete(group)
    const types = said().map((change) => [change.field, (change.value['groups'] as { type: string }[])[0]?.type])
    expect(types).toEqual([
      ['group_lifecycle_update', 'group_create'],
      ['group_participants_update', 'group_participants_add'],
      ['group_participants_update', 'group_participants_add'],
      ['group_settings_update', 'group_settings_update'],
      ['group_participants_update', 'group_participants_remove'],
      ['group_participants_update', 'group_participants_remove'],
      ['group_status_update', 'group_suspend'],
      ['group_lifecycle_update', 'group_delete'],
    ])
  })

  test('tell of all members together, one of them with the price', () => {
    const { platform, said, group, send } = openGroup()
    const answer = send(toGroup(group.id))
    expect(answer).toMatchObject({ kind: 'answer', status: 200 })
    platform.write('447700900143', { group: group.id, text: 'I am late' })
    const changes = said()
    const statuses = changes.flatMap((change) => (change.value['statuses'] ? [change.value['statuses']] : []))
    expect(statuses.slice(0, 2)).toMatchObject([
      [
        {
          status: 'sent',
          recipient_id: group.id,
          recipient_type: 'group',
          recipient_participant_id: '447700900142',
          pricing: { category: 'group_service' },
        },
        { status: 'sent', recipient_participant_id: '447700900143' },
      ],
      [{ status: 'delivered' }, { status: 'delivered' }],
    ])
    expect(JSON.stringify(statuses[0]).match(/pricing"/g)).toHaveLength(1)
    const written = changes.flatMap((change) => change.value['messages'] ?? [])
    expect(written).toMatchObject([{ group_id: group.id, from: '447700900143' }])
  })

  test.each([
    ['nobody knows', 131041, (opened: ReturnType<typeof openGroup>) => opened.platform.groups.delete(opened.group)],
    [
      'is suspended',
      131207,
      (opened: ReturnType<typeof openGroup>) => opened.platform.groups.suspend(opened.group, true),
    ],
    ['is empty', 131020, (opened: ReturnType<typeof openGroup>) => opened.group.members.clear()],
  ])('a group that %s takes no message', (_, code, change) => {
    const opened = openGroup()
    change(opened)
    const answer = opened.send(toGroup(opened.group.id))
    expect(answer.kind === 'answer' && JSON.parse(answer.body).error.code).toBe(code)
  })
})

/**
 * Published bodies of the platform, and how the same is made here. What the published one has and ours may lack is
 * named: it depends on the person.
 */
const ALIKE: readonly [file: string, place: string, make: (platform: Platform) => void, absent?: string[]][] = [
  ['metadocs__messages_image', 'messages', (p) => p.write(AMARA, { sample: 'photo_with_caption' })],
  ['metadocs__messages_audio', 'messages', (p) => p.write(AMARA, { sample: 'voice' })],
  ['metadocs__messages_sticker', 'messages', (p) => p.write(AMARA, { sample: 'sticker' })],
  ['metadocs__messages_document', 'messages', (p) => p.write(AMARA, { sample: 'document' })],
  ['metadocs__messages_location', 'messages', (p) => p.write(AMARA, { sample: 'location' })],
  ['metadocs__messages_contacts', 'messages', (p) => p.write(AMARA, { sample: 'contact' })],
  ['metadocs__messages_order', 'messages', (p) => p.write(AMARA, { sample: 'order' })],
  ['metadocs__messages_unsupported', 'messages', (p) => p.write(AMARA, { sample: 'unsupported' })],
  ['metadocs__messages_text_3', 'messages', (p) => p.write(AMARA, { sample: 'from_ad' })],
  ['pywa__message_forwarded', 'messages', (p) => p.write(AMARA, { sample: 'forwarded' })],
  ['pywa__flow_completion_completion', 'messages', (p) => p.write(AMARA, { sample: 'form' }), ['context']],
  [
    'pywa__edited_message_image',
    'messages',
    (p) =>
      p.write(AMARA, {
        message: {
          type: 'edit',
          edit: {
            original_message_id: 'w',
            message: { type: 'image', image: { caption: 'x' }, context: { id: 'M0' } },
          },
        },
      }),
  ],
  ['metadocs__smb_message_echoes', 'message_echoes', (p) => echo(p, { to: AMARA, text: 'x' })],
  [
    'metadocs__smb_app_state_sync',
    'state_sync',
    (p) => syncAddressBook(p, { contacts: [{ phone: AMARA, full_name: 'A B' }] }),
  ],
  [
    'metadocs__embedded-signup_onboarding-business-app-users_4',
    'history',
    (p) => bringHistory(p, { threads: [{ phone: AMARA, messages: [{ direction: 'out', text: 'x' }] }] }),
  ],
  ['metadocs__user_preferences', 'user_preferences', (p) => setPreference(p, AMARA, { value: 'resume' })],
  [
    'metadocs__messages_system',
    'messages',
    (p) => {
      p.write(AMARA, { text: 'x' })
      p.outbox.take(p.clock.monoMs())
      changeIdentity(p, AMARA, { phone: '+447700900999' })
    },
  ],
  ['pywa__call_connect_user_initiated', 'calls', (p) => call(p, AMARA, { outcome: 'ringing' })],
]

const FIXTURES = '../shared/fixtures/whatsapp'

/** Members of the published value, with the kind of each, that ours lacks or has of another kind. */
function lacks(published: unknown, ours: unknown, path: string): string[] {
  if (typeof published !== typeof ours) return [`${path}: ${typeof published}, here ${typeof ours}`]
  if (typeof published !== 'object' || published === null) return []
  if (Array.isArray(published)) return lacks(published[0], (ours as unknown[])[0], `${path}[]`)
  return Object.entries(published).flatMap(([name, value]) =>
    lacks(value, (ours as Record<string, unknown>)[name], `${path}.${name}`),
  )
}

test.skipIf(!existsSync(FIXTURES)).each(ALIKE)(
  '%s has the form of the published body (needs the published bodies beside the project)',
  (file, place, make, absent = []) => {
    const { platform } = openPlatform()
    make(platform)
    const body = JSON.parse(platform.outbox.take(platform.clock.monoMs())?.body ?? '{}')
    const ours = body.entry[0].changes[0].value[place][0]
    const published = JSON.parse(readFileSync(`${FIXTURES}/${file}.json`, 'utf8')).entry[0].changes[0].value[place][0]
    for (const name of absent) delete published[name]
    expect(lacks(published, ours, place)).toEqual([])
  },
)
