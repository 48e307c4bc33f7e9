import { describe, expect, test } from 'bun:test'
import type { GroupItem } from '../../core/inbound.ts'
import {
  ACCOUNT,
  body,
  items,
  METADATA,
  one,
  parse,
  RECEIVED_MS,
  STAMP,
  STAMP_MS,
  told,
} from './webhook.test-support.ts'

describe('what a person wants to receive', () => {
  const preferenceIn = (raw: Record<string, unknown>, more: Record<string, unknown> = {}) =>
    one(items({ user_preferences: [raw], ...more }, 'user_preferences'), 'preference')
  const RAW = { wa_id: '16505551234', category: 'marketing_messages', value: 'stop', timestamp: 1790000000 }

  test('has a category, a word and a time', () => {
    expect(told(preferenceIn(RAW))).toEqual({
      person: { phone: '+16505551234' },
      category: 'marketing_messages',
      value: 'stop',
      atMs: STAMP_MS,
    })
  })

  test.each(['resume', 'signup', 'SOMETHING_NEW'])('can be %s', (value) => {
    expect(preferenceIn({ ...RAW, value }).value).toBe(value.toLowerCase())
  })

  test('can be of a user id alone', () => {
    expect(preferenceIn({ ...RAW, wa_id: '', user_id: 'US.1' }).person).toEqual({ userId: 'US.1' })
  })

  test('knows the user id of its contact', () => {
    const contacts = [{ wa_id: '16505551234', user_id: 'US.1' }]
    expect(preferenceIn(RAW, { contacts }).person).toEqual({ phone: '+16505551234', userId: 'US.1' })
  })

  test.each([{ wa_id: undefined }, { value: undefined }, { category: '' }])('is malformed with %j', (raw) => {
    expect(one(items({ user_preferences: [{ ...RAW, ...raw }] }, 'user_preferences'), 'other').field).toBe('malformed')
  })
})

describe("the phone's address book", () => {
  const RAW = { type: 'contact', contact: { full_name: 'Bo B.', phone_number: '16505551235' }, action: 'add' }
  const found = (raw: Record<string, unknown>) => items({ state_sync: [{ ...RAW, ...raw }] }, 'smb_app_state_sync')

  test('gains an entry', () => {
    expect(told(one(found({ metadata: { timestamp: STAMP } }), 'address_book'))).toEqual({
      person: { phone: '+16505551235', name: 'Bo B.' },
      action: 'add',
      atMs: STAMP_MS,
    })
  })

  test('loses one, which may be named by its user id', () => {
    const item = one(
      found({ contact: { user_id: 'US.1', first_name: 'Bo', username: 'bo' }, action: 'remove' }),
      'address_book',
    )
    expect([item.person, item.action, item.atMs]).toEqual([
      { userId: 'US.1', name: 'Bo', username: 'bo' },
      'remove',
      RECEIVED_MS,
    ])
  })

  test('keeps what else the phone tells', () => {
    expect(one(found({ type: 'label' }), 'other').field).toBe('smb_app_state_sync.other')
    expect(one(found({ action: 'pin' }), 'other').field).toBe('smb_app_state_sync.other')
    expect(one(found({ contact: { full_name: 'x' } }), 'other').field).toBe('malformed')
  })
})

describe('a thread', () => {
  const VALUE = { sender: { phone_number: '16505551234' }, recipient: METADATA, timestamp: STAMP }
  const handed = (value: Record<string, unknown>) =>
    parse(body({ ...VALUE, ...value }, 'messaging_handovers'), RECEIVED_MS)

  const cases: [name: string, value: Record<string, unknown>, isOurs: boolean, person: unknown][] = [
    ['that passes to us', { type: 'control_passed', control_passed: {} }, true, { phone: '+16505551234' }],
    ['that is taken from us', { type: 'control_taken', control_passed: {} }, false, { phone: '+16505551234' }],
    ['that passes to us, without a type', { control_passed: { metadata: 'x' } }, true, { phone: '+16505551234' }],
    ['of a user id', { type: 'control_passed', sender: { user_id: 'US.1' } }, true, { userId: 'US.1' }],
  ]
  test.each(cases)('%s', (_name, value, isOurs, person) => {
    const item = one(handed(value), 'handover')
    expect([item.account, item.isOurs, item.person, item.atMs]).toEqual([ACCOUNT, isOurs, person as object, STAMP_MS])
  })

  test.each([
    { type: 'control_shared' },
    { type: 'control_taken', sender: {} },
    { type: 'control_taken', recipient: {} },
  ])('is not known to have passed: %j', (value) => {
    expect(one(handed(value), 'other').field).toBe('messaging_handovers')
  })
})

describe('a group', () => {
  const RAW = { timestamp: 1790000000, group_id: 'g' }
  const ada = { wa_id: '16505551234', user_id: 'US.1', parent_user_id: 'US.ENT.1', username: 'ada' }
  const ADA = { phone: '+16505551234', userId: 'US.1', parentUserId: 'US.ENT.1', username: 'ada' }
  const errors = [{ code: 131000, title: 'x' }]

  const cases: [name: string, raw: Record<string, unknown>, wanted: Partial<GroupItem>][] = [
    [
      'is made',
      { type: 'group_create', subject: 'Plants', description: 'D', invite_link: 'https://chat.example/x' },
      {
        change: 'created',
        group: { id: 'g', subject: 'Plants' },
        description: 'D',
        inviteLink: 'https://chat.example/x',
      },
    ],
    ['is not made', { type: 'group_create', subject: 'Plants', errors }, { change: null }],
    ['is deleted', { type: 'group_delete' }, { change: 'deleted' }],
    [
      'gains a member',
      { type: 'group_participants_add', added_participants: [ada] },
      { change: 'members_added', members: [ADA] },
    ],
    [
      'loses members, of whom some stay',
      {
        type: 'group_participants_remove',
        removed_participants: [{ input: '+16505551235' }, { input: 'US.2' }, 'x'],
        failed_participants: [ada],
        errors,
      },
      { change: 'members_removed', members: [{ phone: '+16505551235' }, { userId: 'US.2' }] },
    ],
    ['is asked for', { type: 'group_join_request_created', ...ada }, { change: 'join_requested', members: [ADA] }],
    [
      'is not asked for any more',
      { type: 'group_join_request_revoked', ...ada },
      { change: 'join_request_revoked', members: [ADA] },
    ],
    [
      'changes its subject but not its description',
      {
        type: 'group_settings_update',
        group_subject: { text: 'New', update_successful: true },
        group_description: { text: 'D', update_successful: false, errors },
      },
      { change: 'settings', group: { id: 'g', subject: 'New' } },
    ],
    [
      'changes its picture',
      { type: 'group_settings_update', profile_picture: { sha256: 'x', update_successful: true } },
      { change: 'settings', group: { id: 'g' } },
    ],
    [
      'changes nothing',
      { type: 'group_settings_update', group_subject: { text: 'New', update_successful: false } },
      { change: null, group: { id: 'g' } },
    ],
    ['is suspended', { type: 'group_suspend' }, { change: 'suspended' }],
    ['is not suspended any more', { type: 'group_suspend_cleared' }, { change: 'suspension_cleared' }],
    ['does something new', { type: 'group_sings' }, { change: null, members: [] }],
  ]
  test.each(cases)('%s', (_name, raw, wanted) => {
    const item = one(items({ groups: [{ ...RAW, ...raw }] }, 'group_lifecycle_update'), 'group')
    expect(item).toMatchObject({ account: ACCOUNT, atMs: STAMP_MS, ...wanted } as Partial<GroupItem>)
    if (wanted.group) expect(item.group).toEqual(wanted.group)
    if (wanted.description === undefined) expect(item.description).toBeUndefined()
  })

  test.each(['group_participants_update', 'group_settings_update', 'group_status_update'])(
    'is told of in %s',
    (field) => {
      expect(one(items({ groups: [{ ...RAW, type: 'group_delete' }] }, field), 'group').change).toBe('deleted')
    },
  )

  test('that was refused has no id and is kept', () => {
    expect(one(items({ groups: [{ type: 'group_create', errors }] }, 'group_lifecycle_update'), 'other').field).toBe(
      'group_lifecycle_update.refused',
    )
    expect(one(items({ groups: [{ type: 'group_create' }] }, 'group_lifecycle_update'), 'other').field).toBe(
      'malformed',
    )
  })
})
