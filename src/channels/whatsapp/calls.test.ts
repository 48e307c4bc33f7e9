import { describe, expect, test } from 'bun:test'
import { items, one, STAMP, STAMP_MS } from './webhook.test-support.ts'

const CALL = { id: 'wacid.1', from: '16505551234', to: '15550783881', timestamp: STAMP, event: 'connect' }
const callIn = (raw: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  one(items({ calls: [raw], ...more }, 'calls'), 'call')

describe('a call', () => {
  test('of a customer opens the window when it comes, not when it ends', () => {
    const raw = { ...CALL, direction: 'USER_INITIATED', session: { sdp: 'v=0', sdp_type: 'offer' } }
    expect(callIn(raw)).toEqual({
      kind: 'call',
      account: { id: '106540352242922', display: '+15550783881' },
      direction: 'in',
      upstreamId: 'wacid.1',
      step: 'connect',
      atMs: STAMP_MS,
      person: { phone: '+16505551234' },
      opensWindow: true,
      outcome: null,
      durationS: null,
      raw,
    })
    const end = { ...CALL, direction: 'USER_INITIATED', event: 'terminate', status: 'COMPLETED', duration: '12' }
    expect(callIn(end)).toMatchObject({ step: 'terminate', opensWindow: false, outcome: 'completed', durationS: 12 })
  })

  const sides: [name: string, raw: Record<string, unknown>, direction: string, person: unknown][] = [
    [
      'to the customer',
      { from: '15550783881', to: '16505551234', direction: 'BUSINESS_INITIATED' },
      'out',
      { phone: '+16505551234' },
    ],
    [
      'to the customer, as the number of the caller says',
      { from: '15550783881', to: '16505551234' },
      'out',
      { phone: '+16505551234' },
    ],
    ['of the customer, as nothing says otherwise', {}, 'in', { phone: '+16505551234' }],
    [
      'of the customer, as the offer is theirs',
      { from: '15550783881', to: '16505551234', session: { sdp_type: 'offer' } },
      'in',
      { phone: '+16505551234' },
    ],
    [
      'written from the wrong side',
      { from: '16505551234', to: '15550783881', direction: 'BUSINESS_INITIATED' },
      'out',
      { phone: '+16505551234' },
    ],
    ['of a user id alone', { from: '', from_user_id: 'US.1', direction: 'USER_INITIATED' }, 'in', { userId: 'US.1' }],
    [
      'to a user id',
      { from: '15550783881', to: undefined, to_user_id: 'US.1', direction: 'BUSINESS_INITIATED' },
      'out',
      { userId: 'US.1' },
    ],
  ]
  test.each(sides)('%s', (_name, raw, direction, person) => {
    const item = callIn({ ...CALL, ...raw })
    expect([item.direction, item.person]).toEqual([direction as 'in', person as object])
  })

  test('takes the name of its contact', () => {
    const contacts = [{ wa_id: '16505551234', user_id: 'US.1', profile: { name: 'Ada' } }]
    expect(callIn(CALL, { contacts }).person).toEqual({ phone: '+16505551234', userId: 'US.1', name: 'Ada' })
  })

  const ends: [status: unknown, duration: unknown, outcome: string | null, durationS: number | null][] = [
    ['FAILED', undefined, 'failed', null],
    [['Completed'], 7, 'completed', 7],
    [['Failed', 'Completed'], 7, null, 7],
    [undefined, -1, null, null],
    [{ a: 1 }, 'x', null, null],
  ]
  test.each(ends)('that ends with %j after %p', (status, duration, outcome, durationS) => {
    const item = callIn({ ...CALL, event: 'terminate', status, duration })
    expect([item.outcome, item.durationS]).toEqual([outcome, durationS])
  })

  test.each(['RINGING', 'ACCEPTED', 'REJECTED'])('is %s by the customer', (status) => {
    const raw = { id: 'wacid.1', type: 'call', status, timestamp: STAMP, recipient_id: '16505551234' }
    const item = one(items({ statuses: [raw] }, 'calls'), 'call')
    expect(item).toMatchObject({ direction: 'out', step: status.toLowerCase(), opensWindow: false, outcome: null })
    expect(item.person).toEqual({ phone: '+16505551234' })
  })

  test.each([{ id: undefined }, { event: undefined }, { from: undefined, to: '15550783881' }])(
    'without %j is malformed',
    (raw) => {
      expect(one(items({ calls: [{ ...CALL, ...raw }] }, 'calls'), 'other').field).toBe('malformed')
    },
  )
})
