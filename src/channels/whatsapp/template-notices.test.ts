import { describe, test } from 'bun:test'
import { HOUR_MS } from '../../core/clock.ts'
import type { FactSubject } from '../../core/inbound.ts'
import { checkNotice, type NoticeCase } from './notices.test-support.ts'
import { STAMP_MS, WABA } from './webhook.test-support.ts'

const TEMPLATE: FactSubject = { kind: 'template', accountId: WABA, id: '5', name: 'hello', language: 'en_US' }
const template = { message_template_id: 5, message_template_name: 'hello', message_template_language: 'en-US' }
const FROM_S = 1790604800
const FROM_MS = FROM_S * 1000

const templates: NoticeCase[] = [
  [
    'message_template_status_update',
    { ...template, event: 'APPROVED', reason: 'NONE', message_template_category: 'UTILITY' },
    'approved',
    'info',
    TEMPLATE,
    [
      ['status', 'approved'],
      ['paused', null],
      ['category', 'utility'],
      ['reason', null],
    ],
  ],
  [
    'message_template_status_update',
    { ...template, event: 'REJECTED', reason: null, rejection_info: { reason: 'INVALID_FORMAT' } },
    'rejected',
    'warning',
    TEMPLATE,
    [
      ['status', 'rejected'],
      ['paused', null],
      ['reason', 'invalid_format'],
    ],
  ],
  [
    'message_template_status_update',
    { ...template, event: 'PAUSED', other_info: { title: 'FIRST_PAUSE' } },
    'paused',
    'warning',
    TEMPLATE,
    [
      ['status', 'paused'],
      ['paused', 'first_pause', STAMP_MS + 3 * HOUR_MS],
      ['reason', null],
    ],
  ],
  [
    'message_template_status_update',
    { ...template, event: 'PAUSED', other_info: { title: 'SECOND_PAUSE' } },
    'paused',
    'warning',
    TEMPLATE,
    [
      ['status', 'paused'],
      ['paused', 'second_pause', STAMP_MS + 6 * HOUR_MS],
      ['reason', null],
    ],
  ],
  [
    'message_template_status_update',
    { ...template, event: 'PAUSED', other_info: { title: 'RATE_LIMITING_PAUSE' } },
    'paused',
    'warning',
    TEMPLATE,
    [
      ['status', 'paused'],
      ['paused', 'rate_limiting_pause'],
      ['reason', null],
    ],
  ],
  [
    'message_template_status_update',
    { ...template, event: 'PAUSED', other_info: { title: 'UNPAUSED' } },
    'paused',
    'info',
    TEMPLATE,
    [
      ['status', 'approved'],
      ['paused', null],
      ['reason', null],
    ],
  ],
  [
    'message_template_status_update',
    { ...template, previous_quality_score: 'GREEN', new_quality_score: 'YELLOW' },
    'quality',
    'warning',
    TEMPLATE,
    [['quality', 'yellow']],
  ],
  [
    'message_template_quality_update',
    { ...template, previous_quality_score: 'RED', new_quality_score: 'GREEN' },
    'quality',
    'info',
    TEMPLATE,
    [['quality', 'green']],
  ],
  ['message_template_status_update', { event: 'APPROVED' }, 'approved', 'info', null, []],
  ['message_template_components_update', template, 'components', 'info', null, []],
  [
    'template_category_update',
    { ...template, new_category: 'UTILITY', correct_category: 'MARKETING', category_update_timestamp: FROM_S },
    'announced',
    'warning',
    TEMPLATE,
    [
      ['category', 'utility'],
      ['category_announced', 'marketing'],
      ['category_announced_from', FROM_MS],
    ],
  ],
  [
    'template_category_update',
    { ...template, previous_category: 'UTILITY', new_category: 'MARKETING' },
    'changed',
    'warning',
    TEMPLATE,
    [
      ['category', 'marketing'],
      ['category_announced', null],
    ],
  ],
  [
    'template_correct_category_detection',
    { ...template, category: 'UTILITY', correct_category: 'MARKETING' },
    'announced',
    'warning',
    TEMPLATE,
    [
      ['category', 'utility'],
      ['category_announced', 'marketing'],
    ],
  ],
]

/** Such a name would stand in the cursor of the list, too long for an address. */
const nameless: NoticeCase[] = [
  { message_template_name: 'x'.repeat(513) },
  { message_template_language: 'x'.repeat(65) },
].map((odd) => [
  'message_template_status_update',
  { ...template, ...odd, event: 'APPROVED' },
  'approved',
  'info',
  null,
  [],
])

describe('a notice about a template', () => {
  test.each(nameless)('%s is kept, and tells no fact of a template that cannot be one', checkNotice)

  test.each(templates)('%s %j', checkNotice)
})
