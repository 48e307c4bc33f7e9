import { describe, expect, test } from 'bun:test'
import type { ActItem, InboundItem, MessageItem } from '../../core/inbound.ts'
import { items, one, STAMP, STAMP_MS, said } from './webhook.test-support.ts'

const BASE64_SUM = 'LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ='
/** The same sum; it is that of the text `hello`. */
const HEX_SUM = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824'

const messageIn = (raw: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  one(items({ messages: [raw], ...more }), 'message')
const actIn = (raw: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  one(items({ messages: [raw], ...more }), 'act')

describe('the file of a message', () => {
  const none = { url: null, fileName: null, voice: false, animated: false }
  const files: [type: string, raw: Record<string, unknown>, file: Record<string, unknown>][] = [
    [
      'image',
      { id: '7', mime_type: 'image/jpeg', sha256: BASE64_SUM, url: 'https://files.example/7' },
      {
        ...none,
        kind: 'image',
        upstreamId: '7',
        mimeType: 'image/jpeg',
        sha256: HEX_SUM,
        url: 'https://files.example/7',
      },
    ],
    [
      'audio',
      { id: 7, mime_type: 'audio/ogg', sha256: HEX_SUM.toUpperCase(), voice: true },
      { ...none, kind: 'audio', upstreamId: '7', mimeType: 'audio/ogg', sha256: HEX_SUM, voice: true },
    ],
    ['voice', { id: '7' }, { ...none, kind: 'audio', upstreamId: '7', mimeType: null, sha256: null, voice: true }],
    [
      'video',
      { id: '7', sha256: 'not a sum' },
      { ...none, kind: 'video', upstreamId: '7', mimeType: null, sha256: null },
    ],
    [
      'document',
      { id: '7', filename: 'bill.pdf', sha256: `${BASE64_SUM}=` },
      { ...none, kind: 'document', upstreamId: '7', mimeType: null, sha256: null, fileName: 'bill.pdf' },
    ],
    [
      'sticker',
      { id: '7', animated: true },
      { ...none, kind: 'sticker', upstreamId: '7', mimeType: null, sha256: null, animated: true },
    ],
    ['image', {}, { ...none, kind: 'image', upstreamId: null, mimeType: null, sha256: null }],
  ]
  test.each(files)('of type %s', (type, raw, file) => {
    expect(messageIn(said(type, { [type]: raw })).attachments).toEqual([file as never])
  })

  test('is not there where the type has no object, or is about no file', () => {
    expect(messageIn(said('image')).attachments).toBeUndefined()
    expect(messageIn(said('image', { image: 'x' })).attachments).toBeUndefined()
    expect(messageIn(said('text', { text: { body: 'x' }, image: { id: '7' } })).attachments).toBeUndefined()
  })
})

describe('what is done to a message', () => {
  const edited = { context: { id: 'M0' }, type: 'image', image: { id: '7', caption: 'better' } }
  const acts: [name: string, type: string, deed: unknown, item: Partial<ActItem>][] = [
    ['a reaction', 'reaction', { message_id: 'wamid.T', emoji: '👍' }, { emoji: '👍', opensWindow: true }],
    [
      'a reaction that is taken back',
      'reaction',
      { message_id: 'wamid.T', emoji: '' },
      { emoji: null, opensWindow: true },
    ],
    ['a reaction without an emoji', 'reaction', { message_id: 'wamid.T' }, { emoji: null, opensWindow: true }],
    ['a revoke', 'revoke', { original_message_id: 'wamid.T' }, { opensWindow: false }],
    [
      'an edit',
      'edit',
      { original_message_id: 'wamid.T', message: edited },
      { opensWindow: false, edited: { type: 'image', raw: edited } },
    ],
    [
      'an edit without a type',
      'edit',
      { original_message_id: 'wamid.T', message: { text: { body: 'x' } } },
      { opensWindow: false, edited: { type: 'text', raw: { text: { body: 'x' } } } },
    ],
  ]
  test.each(acts)('%s', (_name, type, deed, wanted) => {
    const item = actIn(said(type, { [type]: deed }))
    expect(item).toMatchObject({
      act: type,
      direction: 'in',
      upstreamId: 'wamid.A',
      targetUpstreamId: 'wamid.T',
      atMs: STAMP_MS,
      person: { phone: '+16505551234' },
      ...wanted,
    } as Partial<ActItem>)
  })

  test('an edit brings the files of the new message', () => {
    const item = actIn(said('edit', { edit: { original_message_id: 'wamid.T', message: edited } }))
    expect(item.attachments?.[0]).toMatchObject({ kind: 'image', upstreamId: '7' })
  })

  const incomplete: [type: string, deed: unknown][] = [
    ['reaction', { emoji: '👍' }],
    ['reaction', 'x'],
    ['revoke', {}],
    ['edit', { original_message_id: 'wamid.T' }],
    ['edit', { message: edited }],
  ]
  test.each(incomplete)('a %s that does not say all of it stays a message: %j', (type, deed) => {
    expect(messageIn(said(type, { [type]: deed })).type).toBe(type)
  })

  test('in a group it belongs to the group', () => {
    const item = actIn(said('reaction', { group_id: 'g', reaction: { message_id: 'wamid.T', emoji: 'x' } }))
    expect(item.group).toEqual({ id: 'g' })
  })

  test('by the firm from its phone goes out', () => {
    const echo = {
      ...said('revoke', { revoke: { original_message_id: 'wamid.T' } }),
      from: '15550783881',
      to: '16505551234',
    }
    const item = one(items({ message_echoes: [echo] }, 'smb_message_echoes'), 'act')
    expect([item.direction, item.person, item.opensWindow]).toEqual(['out', { phone: '+16505551234' }, false])
  })

  test('by the firm in a standby thread is found in what the echo wraps', () => {
    const message = { to: '+16505551234', type: 'reaction', reaction: { message_id: 'wamid.T', emoji: 'x' } }
    const item = one(items({ standby: { message_echoes: [{ id: 'e', timestamp: STAMP, message }] } }, 'standby'), 'act')
    expect([item.space, item.direction, item.targetUpstreamId]).toEqual(['standby', 'out', 'wamid.T'])
  })
})

describe('a notice that somebody is somebody else now', () => {
  const changes: [
    name: string,
    raw: Record<string, unknown>,
    system: Record<string, unknown>,
    before: unknown,
    to: unknown,
  ][] = [
    [
      'of a phone number',
      {},
      { type: 'user_changed_number', wa_id: '16505559999' },
      { phone: '+16505551234' },
      { phone: '+16505559999' },
    ],
    [
      'of a phone number, by its old name',
      {},
      { type: 'user_changed_number', new_wa_id: '16505559999' },
      { phone: '+16505551234' },
      { phone: '+16505559999' },
    ],
    [
      'of a phone number and with it of the user id',
      { from_user_id: 'US.1' },
      { type: 'user_changed_number', wa_id: '16505559999', user_id: 'US.2', parent_user_id: 'US.ENT.2' },
      { phone: '+16505551234', userId: 'US.1' },
      { phone: '+16505559999', userId: 'US.2', parentUserId: 'US.ENT.2' },
    ],
    [
      'of a user id',
      { from: undefined },
      {
        type: 'user_changed_user_id',
        previous_user_id: 'US.1',
        previous_parent_user_id: 'US.ENT.1',
        user_id: 'US.2',
        parent_user_id: 'US.ENT.2',
      },
      { userId: 'US.1', parentUserId: 'US.ENT.1' },
      { userId: 'US.2', parentUserId: 'US.ENT.2' },
    ],
  ]
  test.each(changes)('%s', (_name, raw, system, before, to) => {
    const item = messageIn(said('system', { ...raw, system }))
    expect([item.type, item.person, item.identity, item.opensWindow]).toEqual([
      'system',
      before as MessageItem['person'],
      { to } as MessageItem['identity'],
      false,
    ])
  })

  test('is not mixed with the contact that comes with it', () => {
    const contacts = [{ wa_id: '16505559999', user_id: 'US.2', profile: { name: 'Ada' } }]
    const system = { type: 'user_changed_number', wa_id: '16505559999', user_id: 'US.2' }
    const item = messageIn(said('system', { system }), { contacts })
    expect(item.person).toEqual({ phone: '+16505551234' })
  })

  const others: [name: string, system: unknown][] = [
    ['another security code', { type: 'customer_identity_changed', body: 'x', wa_id: '16505559999' }],
    ['nobody', { type: 'user_changed_number' }],
    ['the same as before', { type: 'user_changed_number', wa_id: '16505551234' }],
    ['no object', 'x'],
  ]
  test.each(others)('says nothing of it where it is %s', (_name, system) => {
    const item = messageIn(said('system', { system }))
    expect([item.person, item.identity]).toEqual([{ phone: '+16505551234' }, undefined])
  })
})

describe('what the firm writes to a group', () => {
  const send = { to: 'group-1', recipient_type: 'group', type: 'text', text: { body: 'x' } }
  const echoes: [where: string, found: () => InboundItem[], space: string][] = [
    [
      'in a standby thread',
      () => items({ standby: { message_echoes: [{ id: 'e', message: send }] } }, 'standby'),
      'standby',
    ],
    [
      'on its phone',
      () => items({ message_echoes: [{ id: 'e', from: '15550783881', ...send }] }, 'smb_message_echoes'),
      'messages',
    ],
    [
      'on its phone, named as in messages',
      () =>
        items(
          { message_echoes: [{ id: 'e', group_id: 'group-1', type: 'text', text: { body: 'x' } }] },
          'smb_message_echoes',
        ),
      'messages',
    ],
  ]
  test.each(echoes)('%s is a message of the group, and of nobody', (_where, found, space) => {
    const item = one(found(), 'message')
    expect(item).toMatchObject({ direction: 'out', group: { id: 'group-1' }, type: 'text', space, opensWindow: false })
    expect(item.person).toEqual({})
  })

  test('may be a reaction', () => {
    const reaction = { ...send, type: 'reaction', reaction: { message_id: 'wamid.T', emoji: '👍' } }
    const item = one(items({ message_echoes: [{ id: 'e', ...reaction }] }, 'smb_message_echoes'), 'act')
    expect(item).toMatchObject({ act: 'reaction', direction: 'out', group: { id: 'group-1' }, person: {}, emoji: '👍' })
  })
})

test('an echo with its two sides changed is still to the customer', () => {
  const echo = { ...said('text', { text: { body: 'x' } }), to: '15550783881' }
  const item = one(items({ message_echoes: [echo] }, 'smb_message_echoes'), 'message')
  expect([item.direction, item.person]).toEqual(['out', { phone: '+16505551234' }])
})
