import { expect } from 'bun:test'
import { toTime } from '../../core/clock.ts'
import {
  addressBook,
  all,
  automaticEvent,
  type Check,
  call,
  consent,
  contactOfPhone,
  echo,
  edited,
  errorsNotice,
  fact,
  failed,
  file,
  firstChange,
  history,
  listed,
  message,
  messageNamed,
  notice,
  numberFact,
  reaction,
  revoked,
  status,
  template,
} from './fixture-checks.ts'
import type { Json } from './seen.ts'

const text = message(({ text }: Json) => ({ kind: 'text', text: text.body }))
/** Its `from` is who they are by now. */
const noticeOfNumber: Check = (seen, body) => {
  const [raw] = listed(body, 'messages')
  const { type, system, content } = messageNamed(seen, raw.id)
  expect({ type, system }).toEqual({ type: raw.type, system: raw.system })
  expect(content).toMatchObject({ kind: 'notice', notice: { code: 'number_changed' }, text: raw.system.body })
}
const place = (withText: boolean) =>
  message(({ location: { latitude, longitude, name, address } }: Json) => ({
    kind: 'location',
    place: { latitude, longitude },
    ...(withText ? { text: `${name}\n${address}` } : {}),
  }))
const choice = (pick: (raw: Json) => Json) =>
  message((raw: Json) => {
    const { id, title } = pick(raw)
    return { kind: 'choice', choice: { id, title } }
  })
const referral = message(({ text, referral: { source_id, source_type, headline, ctwa_clid } }: Json) => ({
  kind: 'text',
  text: text.body,
  referral: { source_id, source_type, headline, click_id: ctwa_clid },
}))
const repliesTo = message({}, ({ context }: Json) => ({ reply_to: { upstream_id: context.id } }))
const forwarded = message({ forwarded: 'once' })
const order = message(({ order: { catalog_id, product_items } }: Json) => ({
  kind: 'order',
  order: {
    catalog_id,
    items: product_items.map((item: Json) => ({
      product_id: item.product_retailer_id,
      quantity: item.quantity,
      price: String(item.item_price),
      currency: item.currency,
    })),
  },
}))
const form = message(({ interactive: { nfm_reply } }: Json) => ({
  kind: 'form',
  form: { name: nfm_reply.name, answers: JSON.parse(nfm_reply.response_json) },
}))
const permission = (response: string) => message({ kind: 'permission', choice: { id: response } })
const unsupported = message({ kind: 'unsupported', unsupported: { code: 131051 } })
const info = (event: string | null) => ({ event, severity: 'info' })
const warning = (event: string | null) => ({ event, severity: 'warning' })
const critical = (event: string | null) => ({ event, severity: 'critical' })

/** What each body leaves, by the file's name without its ending. */
export const EXPECTED: Readonly<Record<string, Check>> = {
  metadocs__account_alerts: notice(warning('increased_capabilities_eligibility_deferred'), [
    fact('portfolio', 'alert.increased_capabilities_eligibility_deferred', 'active'),
  ]),
  metadocs__account_review_update: all(
    notice(info('approved'), [fact('account', 'review', 'approved')]),
    numberFact('account_facts', 'review', 'approved'),
  ),
  metadocs__account_update_7: notice(info('partner_app_installed'), [fact('account', 'partner_app', 'installed')]),
  metadocs__account_update_8: notice(warning('partner_app_uninstalled'), [
    fact('account', 'partner_app', 'uninstalled'),
  ]),
  'metadocs__business-scoped-user-ids': all(status({ state: 'delivered' }), (seen, body) => {
    const { value } = firstChange(body)
    expect(contactOfPhone(seen, value.statuses[0].recipient_id).user_id).toBe(value.contacts[0].user_id)
  }),
  'metadocs__business-scoped-user-ids_2': status({ state: 'delivered' }),
  'metadocs__business-scoped-user-ids_3': all(text, (seen, body) => {
    const [raw] = listed(body, 'messages')
    expect(messageNamed(seen, raw.id).conversation.contact).toMatchObject({ phone: null, user_id: raw.from_user_id })
  }),
  metadocs__business_capability_update: notice(info(null), [
    fact('portfolio', 'messaging_limit', 2000),
    fact('portfolio', 'phone_numbers_per_waba', 25),
  ]),
  'metadocs__calling_business-initiated-calls': call('out', { outcome: null }),
  'metadocs__calling_business-initiated-calls_2': call('out', { duration_s: 480 }),
  'metadocs__calling_call-settings': notice(warning('account_violation'), [
    fact('number', 'violation', 'low_calling_quality'),
  ]),
  'metadocs__calling_call-settings_2': notice(warning('account_restriction'), [
    fact('number', 'violation', 'low_calling_quality'),
  ]),
  'metadocs__calling_user-initiated-calls': call('in', { outcome: null }),
  'metadocs__calling_user-initiated-calls_2': call('in', { duration_s: 480 }),
  'metadocs__ctwa_welcome-message-sequences': referral,
  'metadocs__embedded-signup_automatic-events-api': automaticEvent('leadsubmitted'),
  'metadocs__embedded-signup_automatic-events-api_2': automaticEvent('purchase'),
  'metadocs__embedded-signup_onboarding-business-app-users': notice(critical('partner_removed'), [
    fact('number', 'status', 'partner_removed'),
  ]),
  'metadocs__embedded-signup_onboarding-business-app-users_2': edited,
  'metadocs__embedded-signup_onboarding-business-app-users_3': revoked('messages'),
  'metadocs__embedded-signup_onboarding-business-app-users_4': history,
  'metadocs__embedded-signup_onboarding-business-app-users_5': file('image'),
  'metadocs__embedded-signup_onboarding-business-app-users_6': echo,
  metadocs__flows_reference_flowswebhooks: notice(info('flow_status_change')),
  metadocs__flows_reference_flowswebhooks_2: notice(info('flow_status_change')),
  metadocs__flows_reference_flowswebhooks_3: notice(warning('client_error_rate')),
  metadocs__flows_reference_flowswebhooks_4: notice(warning('endpoint_error_rate')),
  metadocs__flows_reference_flowswebhooks_5: notice(warning('endpoint_latency')),
  metadocs__flows_reference_flowswebhooks_6: notice(warning('flow_status_change')),
  metadocs__flows_reference_flowswebhooks_7: notice(warning('flow_version_expiry_warning')),
  metadocs__message_template_components_update: notice(info('components')),
  metadocs__message_template_quality_update: all(notice(warning('quality')), template('en_US', { quality: 'yellow' })),
  metadocs__message_template_status_update: all(
    notice(info('approved')),
    template('en_US', { status: 'approved', category: 'utility' }),
  ),
  metadocs__messages_2: status({ state: 'delivered' }),
  metadocs__messages_audio: file('audio', { voice: true }),
  metadocs__messages_button: all(
    choice(({ button }) => ({ id: button.payload, title: button.text })),
    repliesTo,
  ),
  metadocs__messages_contacts: message(({ contacts }: Json) => ({
    kind: 'contacts',
    people: contacts.map((one: Json) => ({
      name: one.name.formatted_name,
      phones: one.phones.map(({ phone }: Json) => phone),
      organization: one.org.company,
    })),
  })),
  metadocs__messages_document: file('document', { file_name: 'receipt.pdf' }),
  metadocs__messages_errors: errorsNotice,
  metadocs__messages_group: all(text, (seen, body) => {
    const [raw] = listed(body, 'messages')
    const view = messageNamed(seen, raw.id)
    expect(view.sender.phone).toBe(`+${raw.from}`)
    expect(view.conversation).toMatchObject({ kind: 'group', group: { id: raw.group_id } })
  }),
  metadocs__messages_image: file('image'),
  'metadocs__messages_interactive-list-messages': all(
    choice(({ interactive }) => interactive.list_reply),
    repliesTo,
  ),
  'metadocs__messages_interactive-reply-buttons-messages': all(
    choice(({ interactive }) => interactive.button_reply),
    repliesTo,
  ),
  'metadocs__messages_location-request-messages': all(place(true), repliesTo),
  metadocs__messages_location: place(true),
  metadocs__messages_order: order,
  metadocs__messages_status: status({ state: 'sent' }),
  metadocs__messages_status_2: status({ state: 'sent' }),
  metadocs__messages_status_3: failed,
  metadocs__messages_sticker: file('sticker', { animated: true }),
  metadocs__messages_system: all(noticeOfNumber, (seen, body) => {
    const [raw] = listed(body, 'messages')
    const { contact } = messageNamed(seen, raw.id).conversation
    expect(contact.phone).toBe(`+${raw.system.wa_id}`)
  }),
  metadocs__messages_text_2: all(
    repliesTo,
    message(({ text, context: { referred_product } }: Json) => ({
      text: text.body,
      product: { catalog_id: referred_product.catalog_id, product_id: referred_product.product_retailer_id },
    })),
  ),
  metadocs__messages_text_3: referral,
  metadocs__messages_unsupported: all(unsupported, message({ unsupported: { hint: 'edit' } })),
  metadocs__messages_video: file('video'),
  'metadocs__no-storage': failed,
  'metadocs__no-storage_2': errorsNotice,
  metadocs__partner_solutions: notice(info('solution_created')),
  metadocs__payment_configuration_update: notice(info('needs testing')),
  'metadocs__payments_payments-br_one-click-payments': message(({ interactive: { payment_method } }: Json) => ({
    kind: 'choice',
    choice: { id: payment_method.reference_id },
  })),
  'metadocs__payments_payments-in_onboarding-apis': notice(info('needs testing')),
  metadocs__phone_number_name_update: all(
    notice(info('approved'), [fact('number', 'name_status', 'approved')]),
    numberFact('facts', 'verified_name', 'Lucky Shrub'),
  ),
  metadocs__phone_number_quality_update: all(
    notice(info('throughput_upgrade')),
    numberFact('facts', 'throughput', 1000),
    numberFact('portfolio_facts', 'messaging_limit', 'unlimited'),
  ),
  metadocs__request_welcome: all(message({ kind: 'welcome' }), (seen, body) => {
    const [raw] = listed(body, 'messages')
    const expiresAt = toTime((Number(raw.timestamp) + 86_400) * 1000)
    expect(messageNamed(seen, raw.id).conversation.window_expires_at >= expiresAt).toBe(true)
  }),
  metadocs__security: all(notice(warning('pin_reset_request')), numberFact('facts', 'pin', 'reset_requested')),
  metadocs__smb_app_state_sync: addressBook,
  metadocs__smb_message_echoes: echo,
  'metadocs__solution-providers_get-started-for-solution-partners': text,
  metadocs__status_payment_captured: status({ state: 'accepted' }),
  metadocs__template_category_update: all(
    notice(warning('announced'), [
      fact('template', 'category', 'utility'),
      fact('template', 'category_announced', 'marketing'),
    ]),
  ),
  metadocs__template_category_update_2: all(
    notice(warning('changed')),
    template('en_US', { category: 'marketing', category_announced: null }),
  ),
  'metadocs__templates_authentication-templates_autofill-button-authentication-templates': choice(({ button }) => ({
    id: button.payload,
    title: button.text,
  })),
  'metadocs__templates_marketing-templates_mpm-templates': order,
  metadocs__user_preferences: consent,
  metadocs__webhooks_overview: text,
  'metadocs__whatsapp-business-accounts': notice(warning('account_violation'), [
    fact('number', 'violation', 'alcohol'),
  ]),
  pywa__account_update_account_deleted: notice(critical('account_deleted'), [fact('account', 'status', 'deleted')]),
  pywa__account_update_account_disabled: notice(info('disabled_update'), [fact('account', 'status', 'active')]),
  pywa__account_update_account_offboarded: notice(critical('account_offboarded'), [
    fact('account', 'status', 'offboarded'),
  ]),
  pywa__account_update_account_reconnected: notice(info('account_reconnected'), [fact('account', 'status', 'active')]),
  pywa__account_update_account_restriction: notice(critical('account_restriction'), [
    fact('account', 'status', 'restricted'),
    fact('account', 'restriction.biz_initiated_messaging', 'restricted_biz_initiated_messaging'),
    fact('account', 'restriction.add_phone_number_action', 'restricted_add_phone_number_action'),
  ]),
  pywa__account_update_account_violation: notice(warning('account_violation'), [fact('account', 'violation', 'adult')]),
  pywa__account_update_partner_app_installed: notice(info('partner_app_installed')),
  pywa__account_update_partner_app_uninstalled: notice(warning('partner_app_uninstalled')),
  pywa__account_update_partner_removed: notice(critical('partner_removed'), [
    fact('account', 'status', 'partner_removed'),
  ]),
  pywa__account_update_pricing_tiering_update: notice(info('volume_based_pricing_tier_update'), [
    fact('account', 'volume_tier.utility.india', '25000001:50000000'),
  ]),
  pywa__account_update_primary_business_location_set: notice(info('business_primary_location_country_update'), [
    fact('account', 'country', 'IN'),
  ]),
  pywa__call_connect_business_initiated: call('out', { outcome: null }),
  pywa__call_connect_user_initiated: all(call('in', { outcome: null }), (seen, body) => {
    const [raw] = listed(body, 'calls')
    const { conversation } = messageNamed(seen, raw.id)
    expect(conversation.window_expires_at).toBe(toTime((Number(raw.timestamp) + 86_400) * 1000))
  }),
  pywa__call_permission_update_accept: permission('accept'),
  pywa__call_permission_update_reject: permission('reject'),
  pywa__call_terminate_call_terminate: all(call('out', { outcome: 'completed', duration_s: 120 }), errorsNotice),
  pywa__callback_button_button: choice(({ interactive }) => interactive.button_reply),
  pywa__callback_button_quick_reply: choice(({ button }) => ({ id: button.payload, title: button.text })),
  pywa__callback_button_quick_reply_without_context: choice(({ button }) => ({
    id: button.payload,
    title: button.text,
  })),
  pywa__callback_selection_description: choice(({ interactive }) => interactive.list_reply),
  pywa__deleted_message_revoke: revoked('messages'),
  pywa__edited_message_image: edited,
  pywa__flow_completion_completion: all(form, (seen, body) => {
    const [raw] = listed(body, 'messages')
    const { flow_token } = JSON.parse(raw.interactive.nfm_reply.response_json)
    expect(messageNamed(seen, raw.id).content.form.token).toBe(flow_token)
  }),
  pywa__flow_completion_without_flow_token: all(form, message({ form: { token: null } })),
  pywa__message_animated_sticker: file('sticker', { animated: true }),
  pywa__message_chosen_location: all(place(true), forwarded),
  pywa__message_current_location: all(place(false), forwarded),
  pywa__message_forwarded: all(text, forwarded),
  pywa__message_interactive_message_with_err: all(message({}), errorsNotice),
  pywa__message_reaction: reaction,
  pywa__message_referral: referral,
  pywa__message_reply: all(text, repliesTo),
  pywa__message_static_sticker: file('sticker', { animated: false }),
  pywa__message_status_failed: failed,
  pywa__message_status_sent: status({ state: 'sent' }),
  pywa__message_unsupported: unsupported,
  pywa__message_video: all(file('video'), forwarded),
  pywa__message_voice: file('audio', { voice: true }),
  pywa__outgoing_message_delete: revoked('message_echoes'),
  pywa__outgoing_message_text: echo,
  pywa__template_category_update_marketing: all(notice(warning('changed')), template('he', { category: 'marketing' })),
  pywa__template_status_update_approved: all(
    notice(info('approved')),
    template('en_US', { status: 'approved', category: 'utility', reason: null }),
  ),
  pywa__user_marketing_preferences_signup: consent,
}
