import { FAST_NUMBER } from './test-gateway.ts'

/** The platform says that a number sends faster, that a template is paused, and that an account is restricted. */
export const NOTICES = JSON.stringify({
  object: 'whatsapp_business_account',
  entry: [
    noticeOf('102290129340398', 'phone_number_quality_update', {
      display_phone_number: '15550783881',
      event: 'THROUGHPUT_UPGRADE',
      max_daily_conversations_per_business: 'TIER_10K',
    }),
    noticeOf('102290129340398', 'message_template_status_update', {
      event: 'PAUSED',
      message_template_id: 7,
      message_template_name: 'order_update',
      message_template_language: 'en_US',
      other_info: { title: 'FIRST_PAUSE' },
    }),
    noticeOf('102290129340399', 'account_update', {
      event: 'ACCOUNT_RESTRICTION',
      restriction_info: [{ restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: 1795597800 }],
    }),
  ],
})

function noticeOf(id: string, field: string, value: object): object {
  return { id, time: 1795338600, changes: [{ field, value }] }
}

/** The platform says that somebody wants no marketing. */
export function preferenceOf(waId: string): string {
  const value = {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550783881', phone_number_id: FAST_NUMBER },
    contacts: [{ profile: { name: 'Amina Farouk' }, wa_id: waId }],
    user_preferences: [
      { wa_id: waId, detail: 'stop', category: 'marketing_messages', value: 'stop', timestamp: 1795338000 },
    ],
  }
  const entry = { id: '102290129340398', changes: [{ field: 'user_preferences', value }] }
  return JSON.stringify({ object: 'whatsapp_business_account', entry: [entry] })
}

/** The platform says what became of a message that another system has sent with the number. */
export function foreignStatusOf(waId: string): string {
  const value = {
    messaging_product: 'whatsapp',
    metadata: { display_phone_number: '15550783881', phone_number_id: FAST_NUMBER },
    statuses: [{ id: 'wamid.foreign', status: 'delivered', timestamp: '1795338720', recipient_id: waId }],
  }
  const entry = { id: '102290129340398', changes: [{ field: 'messages', value }] }
  return JSON.stringify({ object: 'whatsapp_business_account', entry: [entry] })
}
