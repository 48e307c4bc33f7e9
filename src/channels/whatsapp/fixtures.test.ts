import { describe, expect, test } from 'bun:test'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CONTENT_KINDS } from '../../core/content.ts'
import type { InboundItem } from '../../core/inbound.ts'
import { contentOf } from './content.ts'
import { prepareMessage } from './outbound.ts'
import { parse } from './webhook.test-support.ts'

const FIXTURES = join(import.meta.dir, '../../../../shared/fixtures/whatsapp')
const isThere = existsSync(FIXTURES)
const RECEIVED_MS = Date.UTC(2026, 10, 22)

const jsonFiles = (folder: string) =>
  isThere
    ? readdirSync(folder)
        .filter((name) => name.endsWith('.json'))
        .sort()
    : []
const bodies = jsonFiles(FIXTURES).map((name) => ({ name, text: readFileSync(join(FIXTURES, name), 'utf8') }))
const requests = jsonFiles(join(FIXTURES, 'api')).filter((name) => name.startsWith('req__'))

/** The items that each fixture gives, in their order; acts by what was done. */
const ITEMS: Readonly<Record<string, readonly string[]>> = {
  message: [
    'metadocs__business-scoped-user-ids_3',
    'metadocs__ctwa_welcome-message-sequences',
    'metadocs__embedded-signup_onboarding-business-app-users_5',
    'metadocs__embedded-signup_onboarding-business-app-users_6',
    'metadocs__messages_audio',
    'metadocs__messages_button',
    'metadocs__messages_contacts',
    'metadocs__messages_document',
    'metadocs__messages_group',
    'metadocs__messages_image',
    'metadocs__messages_interactive-list-messages',
    'metadocs__messages_interactive-reply-buttons-messages',
    'metadocs__messages_location-request-messages',
    'metadocs__messages_location',
    'metadocs__messages_order',
    'metadocs__messages_sticker',
    'metadocs__messages_system',
    'metadocs__messages_text_2',
    'metadocs__messages_text_3',
    'metadocs__messages_unsupported',
    'metadocs__messages_video',
    'metadocs__payments_payments-br_one-click-payments',
    'metadocs__request_welcome',
    'metadocs__smb_message_echoes',
    'metadocs__solution-providers_get-started-for-solution-partners',
    'metadocs__templates_authentication-templates_autofill-button-authentication-templates',
    'metadocs__templates_marketing-templates_mpm-templates',
    'metadocs__webhooks_overview',
    'pywa__call_permission_update_accept',
    'pywa__call_permission_update_reject',
    'pywa__callback_button_button',
    'pywa__callback_button_quick_reply',
    'pywa__callback_button_quick_reply_without_context',
    'pywa__callback_selection_description',
    'pywa__flow_completion_completion',
    'pywa__flow_completion_without_flow_token',
    'pywa__message_animated_sticker',
    'pywa__message_chosen_location',
    'pywa__message_current_location',
    'pywa__message_forwarded',
    'pywa__message_referral',
    'pywa__message_reply',
    'pywa__message_static_sticker',
    'pywa__message_unsupported',
    'pywa__message_video',
    'pywa__message_voice',
    'pywa__outgoing_message_text',
  ],
  notice: [
    'metadocs__embedded-signup_automatic-events-api',
    'metadocs__embedded-signup_automatic-events-api_2',
    'metadocs__account_alerts',
    'metadocs__account_review_update',
    'metadocs__account_update_7',
    'metadocs__account_update_8',
    'metadocs__business_capability_update',
    'metadocs__calling_call-settings',
    'metadocs__calling_call-settings_2',
    'metadocs__embedded-signup_onboarding-business-app-users',
    'metadocs__flows_reference_flowswebhooks',
    'metadocs__flows_reference_flowswebhooks_2',
    'metadocs__flows_reference_flowswebhooks_3',
    'metadocs__flows_reference_flowswebhooks_4',
    'metadocs__flows_reference_flowswebhooks_5',
    'metadocs__flows_reference_flowswebhooks_6',
    'metadocs__flows_reference_flowswebhooks_7',
    'metadocs__message_template_components_update',
    'metadocs__message_template_quality_update',
    'metadocs__message_template_status_update',
    'metadocs__messages_errors',
    'metadocs__no-storage_2',
    'metadocs__partner_solutions',
    'metadocs__payment_configuration_update',
    'metadocs__payments_payments-in_onboarding-apis',
    'metadocs__phone_number_name_update',
    'metadocs__phone_number_quality_update',
    'metadocs__security',
    'metadocs__template_category_update',
    'metadocs__template_category_update_2',
    'metadocs__whatsapp-business-accounts',
    'pywa__account_update_account_deleted',
    'pywa__account_update_account_disabled',
    'pywa__account_update_account_offboarded',
    'pywa__account_update_account_reconnected',
    'pywa__account_update_account_restriction',
    'pywa__account_update_account_violation',
    'pywa__account_update_partner_app_installed',
    'pywa__account_update_partner_app_uninstalled',
    'pywa__account_update_partner_removed',
    'pywa__account_update_pricing_tiering_update',
    'pywa__account_update_primary_business_location_set',
    'pywa__template_category_update_marketing',
    'pywa__template_status_update_approved',
  ],
  status: [
    'metadocs__business-scoped-user-ids',
    'metadocs__business-scoped-user-ids_2',
    'metadocs__messages_2',
    'metadocs__messages_status',
    'metadocs__messages_status_2',
    'metadocs__messages_status_3',
    'metadocs__no-storage',
    'metadocs__status_payment_captured',
    'pywa__message_status_failed',
    'pywa__message_status_sent',
  ],
  call: [
    'metadocs__calling_business-initiated-calls',
    'metadocs__calling_business-initiated-calls_2',
    'metadocs__calling_user-initiated-calls',
    'metadocs__calling_user-initiated-calls_2',
    'pywa__call_connect_business_initiated',
    'pywa__call_connect_user_initiated',
  ],
  revoke: [
    'metadocs__embedded-signup_onboarding-business-app-users_3',
    'pywa__deleted_message_revoke',
    'pywa__outgoing_message_delete',
  ],
  edit: ['metadocs__embedded-signup_onboarding-business-app-users_2', 'pywa__edited_message_image'],
  preference: ['metadocs__user_preferences', 'pywa__user_marketing_preferences_signup'],
  'notice message message message message': ['metadocs__embedded-signup_onboarding-business-app-users_4'],
  address_book: ['metadocs__smb_app_state_sync'],
  'call notice': ['pywa__call_terminate_call_terminate'],
  'message notice': ['pywa__message_interactive_message_with_err'],
  reaction: ['pywa__message_reaction'],
}

const wordOf = (item: InboundItem) => (item.kind === 'act' ? item.act : item.kind)

/**
 * Every id in a list of things that have one; found without the parser.
 */
function idsIn(value: unknown, list = ''): string[] {
  if (Array.isArray(value)) return value.flatMap((element) => idsIn(element, list))
  if (typeof value !== 'object' || value === null) return []
  const object = value as Record<string, unknown>
  const own = list !== '' && typeof object['id'] === 'string' ? [object['id']] : []
  const lists = ['messages', 'message_echoes', 'statuses', 'calls']
  return [
    ...own,
    ...Object.entries(object).flatMap(([name, member]) => idsIn(member, lists.includes(name) ? name : '')),
  ]
}

describe.skipIf(!isThere)('the webhook fixtures (skipped where the shared folder is missing)', () => {
  test('are all in the table', () => {
    expect(bodies.length).toBeGreaterThanOrEqual(119)
    const named = Object.values(ITEMS).flat()
    expect(named.sort()).toEqual(bodies.map(({ name }) => name.replace(/\.json$/, '')).sort())
  })

  const cases = Object.entries(ITEMS).flatMap(([kinds, names]) => names.map((name) => ({ name, kinds })))
  test.each(cases)('$name gives $kinds', ({ name, kinds }) => {
    const body: unknown = JSON.parse(readFileSync(join(FIXTURES, `${name}.json`), 'utf8'))
    const items = parse(body, RECEIVED_MS)
    expect(items.map(wordOf).join(' ')).toBe(kinds)
    expect(items.filter((item) => item.kind === 'other' && item.field === 'malformed')).toEqual([])
    expect(items.flatMap((item) => ('upstreamId' in item ? [item.upstreamId] : [])).sort()).toEqual(idsIn(body).sort())
  })

  test.each(bodies)('$name can be shown in words that fit every channel', ({ text }) => {
    for (const item of parse(JSON.parse(text), RECEIVED_MS)) {
      if (item.kind !== 'message') continue
      const content = contentOf(item.type, item.raw)
      expect(CONTENT_KINDS).toContain(content.kind)
      expect(content.kind).not.toBe('other')
    }
  })
})

/** What stands for a value that the reader shall fill in, or belongs to groups, which are not sent to yet. */
const isPlaceholder = (text: string) => /"[^"]*<[A-Z_0-9]+>/.test(text) || text.includes('"group"')

describe.skipIf(!isThere)('the sample sends (skipped where the shared folder is missing)', () => {
  const samples = requests.flatMap((name) => {
    const text = readFileSync(join(FIXTURES, 'api', name), 'utf8')
    const { to, ...body } = JSON.parse(text)
    return typeof body.type === 'string' && to !== undefined && !isPlaceholder(text) ? [{ name, body }] : []
  })

  test('are all there', () => {
    expect(samples.length).toBeGreaterThanOrEqual(25)
  })

  test.each(samples)('$name is taken', ({ body }) => {
    expect(prepareMessage(body).content).toMatchObject({ type: body.type, [body.type]: body[body.type] })
  })
})
