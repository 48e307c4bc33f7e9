import { body, METADATA, STAMP, said, WABA, withFrame } from './webhook.test-support.ts'

const CONTACT = { profile: { name: 'Ada L.', username: 'ada' }, wa_id: '16505551234', user_id: 'US.1' }
const FILE = {
  id: '77',
  mime_type: 'image/jpeg',
  sha256: 'q0zXdRE3sHBUTXPXkcsUo5uM6zHBtGZ8j3Wl2Tw9u2k=',
  url: 'https://files.example/77',
}
const STATUS = { id: 'wamid.S', status: 'sent', timestamp: STAMP, recipient_id: '16505551234' }
const CALL = { id: 'wacid.1', from: '16505551234', to: '15550783881', timestamp: STAMP, direction: 'USER_INITIATED' }
const GROUP = { timestamp: 1790000000, group_id: 'group-1', request_id: 'r1' }
const TEMPLATE = { message_template_id: 5, message_template_name: 'hello', message_template_language: 'en_US' }
const ERROR = { code: 131000, title: 'Something went wrong', message: 'x', error_data: { details: 'y' } }

const message = (type: string, more: Record<string, unknown> = {}) =>
  body(withFrame({ contacts: [CONTACT], messages: [said(type, more)] }))
const reply = (type: string, answer: unknown) => message('interactive', { interactive: { type, [type]: answer } })
const echo = (more: Record<string, unknown>) => ({
  from: '15550783881',
  to: '16505551234',
  id: 'wamid.E',
  timestamp: STAMP,
  ...more,
})
const group = (field: string, more: Record<string, unknown>) =>
  body(withFrame({ groups: [{ ...GROUP, ...more }] }), field)
const account = (value: Record<string, unknown>, field = 'account_update') => body(value, field, { time: 1790000000 })

const text = { type: 'text', text: { body: 'Grüße 👋 مرحبا' } }
const person = { wa_id: '16505551235', user_id: 'US.2', username: 'bo' }

/** A body of every field, message type and event that the platform documents; written for these tests. */
export const SAMPLES: readonly Record<string, unknown>[] = [
  message('text', { text: { body: 'Hello' }, context: { from: '15550783881', id: 'wamid.Q', forwarded: true } }),
  message('text', {
    text: { body: 'Is it there?' },
    context: { id: 'wamid.Q', referred_product: { catalog_id: '1', product_retailer_id: 'p' } },
    referral: { source_url: 'https://a.example', source_id: '9', source_type: 'ad', headline: 'H', ctwa_clid: 'c' },
    conversation_context: { type: 'summary', summary: { text: 'Asked for a price' } },
  }),
  message('text', { group_id: 'group-1', text: { body: 'Hi all' } }),
  message('image', { image: { ...FILE, caption: 'A cat' } }),
  message('audio', { audio: { ...FILE, voice: true } }),
  message('voice', { voice: FILE }),
  message('video', { video: FILE }),
  message('document', { document: { ...FILE, filename: 'bill.pdf', caption: 'The bill' } }),
  message('sticker', { sticker: { ...FILE, animated: true } }),
  message('location', { location: { latitude: '52.5', longitude: 13.4, name: 'Here', address: 'A street 1' } }),
  message('contacts', {
    contacts: [
      {
        name: { formatted_name: 'Bo B.', first_name: 'Bo' },
        phones: [{ phone: '+1 650', wa_id: '1650' }],
        emails: [{ email: 'b@b.example' }],
      },
      { origin: 'contact_request', vcard: 'BEGIN:VCARD', phones: [{ phone: '+16505551234' }] },
    ],
  }),
  reply('button_reply', { id: 'yes', title: 'Yes' }),
  reply('list_reply', { id: 'a', title: 'A', description: 'the first' }),
  reply('nfm_reply', { name: 'flow', body: 'Sent', response_json: '{"flow_token":"t","a":[1]}' }),
  reply('nfm_reply', { name: 'address_message', body: 'Sent', response_json: '[1' }),
  reply('call_permission_reply', {
    response: 'accept',
    expiration_timestamp: 1790000000,
    response_source: 'user_action',
  }),
  reply('payment_method', { payment_method: 'card', reference_id: 'r' }),
  reply('product', { product_retailer_id: 'p', catalog_id: 'c' }),
  message('button', { button: { payload: 'p', text: 'Yes' } }),
  message('order', {
    order: {
      catalog_id: '1',
      text: 'Please',
      product_items: [{ product_retailer_id: 'p', quantity: 2, item_price: 1.5, currency: 'EUR' }],
    },
  }),
  message('system', { system: { type: 'user_changed_number', body: 'changed', wa_id: '16505559999' } }),
  message('system', { system: { type: 'user_changed_user_id', previous_user_id: 'US.1', user_id: 'US.9' } }),
  message('system', {
    system: { type: 'customer_identity_changed', body: 'b' },
    identity: { acknowledged: true, hash: 'h' },
  }),
  message('request_welcome'),
  message('unsupported', { unsupported: { type: 'poll' }, errors: [{ code: 131051, title: 'Message type unknown' }] }),
  message('reaction', { reaction: { message_id: 'wamid.T', emoji: '👍' } }),
  message('edit', {
    edit: { original_message_id: 'wamid.T', message: { context: { id: 'M0' }, type: 'image', image: FILE } },
  }),
  message('revoke', { revoke: { original_message_id: 'wamid.T' } }),
  message('hologram', { hologram: { depth: 3 } }),
  body(withFrame({ statuses: [STATUS, { ...STATUS, status: 'failed', errors: [ERROR] }], contacts: [CONTACT] })),
  body(
    withFrame({
      statuses: [
        {
          ...STATUS,
          recipient_id: 'group-1',
          recipient_type: 'group',
          recipient_participant_id: '16505551235',
          conversation: { pricing: { category: 'group_service' } },
        },
        { ...STATUS, type: 'payment', status: 'captured', payment: { reference_id: 'r' } },
      ],
      errors: [ERROR],
      user_actions: [{ action_type: 'marketing_messages_link_click', timestamp: STAMP }],
    }),
  ),
  body(
    withFrame({
      message_echoes: [
        echo(text),
        echo({ type: 'edit', edit: { original_message_id: 'wamid.T', message: text } }),
        echo({ type: 'revoke', revoke: { original_message_id: 'wamid.T' } }),
        { id: 'wamid.G', timestamp: STAMP, to: 'group-1', recipient_type: 'group', ...text },
      ],
    }),
    'smb_message_echoes',
  ),
  body(
    withFrame({
      standby: {
        contacts: [CONTACT],
        messages: [said('text', text)],
        message_echoes: [{ id: 'wamid.E', timestamp: STAMP, message: { to: '16505551234', ...text } }],
        statuses: [STATUS],
      },
    }),
    'standby',
  ),
  body(
    {
      sender: { phone_number: '16505551234' },
      recipient: METADATA,
      type: 'control_passed',
      timestamp: STAMP,
      control_passed: { new_owner_role: 'escalation' },
    },
    'messaging_handovers',
  ),
  body(
    {
      sender: { user_id: 'US.1' },
      recipient: METADATA,
      type: 'control_taken',
      timestamp: 1790000000,
      control_taken: {},
    },
    'messaging_handovers',
  ),
  body(
    withFrame({
      history: [
        {
          metadata: { phase: 0, chunk_order: 1, progress: 40 },
          threads: [
            {
              id: '16505551234',
              context: { user_id: 'US.1' },
              messages: [
                said('text', { ...text, history_context: { status: 'READ' } }),
                echo({ ...text, history_context: { status: 'PLAYED' } }),
              ],
            },
            {
              context: { user_id: 'US.3' },
              messages: [{ id: 'wamid.H', from_user_id: 'US.3', timestamp: STAMP, type: 'media_placeholder' }],
            },
          ],
        },
      ],
      messages: [said('image', { image: FILE })],
      message_echoes: [echo({ type: 'image', image: FILE })],
    }),
    'history',
  ),
  body(withFrame({ history: [{ errors: [{ code: 2593109, title: 'declined' }] }] }), 'history'),
  body(
    withFrame({
      state_sync: [
        {
          type: 'contact',
          contact: { full_name: 'Bo B.', first_name: 'Bo', phone_number: '16505551235' },
          action: 'add',
          metadata: { timestamp: STAMP },
        },
        { type: 'contact', contact: { phone_number: '16505551235' }, action: 'remove' },
      ],
    }),
    'smb_app_state_sync',
  ),
  body(
    withFrame({
      calls: [
        { ...CALL, event: 'connect', session: { sdp: 'v=0', sdp_type: 'offer' } },
        { ...CALL, event: 'terminate', status: 'COMPLETED', duration: 12 },
      ],
    }),
    'calls',
  ),
  body(
    withFrame({
      statuses: [{ id: 'wacid.2', type: 'call', status: 'RINGING', timestamp: STAMP, recipient_id: '16505551234' }],
      errors: [ERROR],
    }),
    'calls',
  ),
  body(
    withFrame({
      contacts: [CONTACT],
      user_preferences: [
        { wa_id: '16505551234', detail: 'd', category: 'marketing_messages', value: 'stop', timestamp: 1790000000 },
      ],
    }),
    'user_preferences',
  ),
  group('group_lifecycle_update', {
    type: 'group_create',
    subject: 'Plants',
    description: 'd',
    invite_link: 'https://chat.example/x',
  }),
  group('group_lifecycle_update', { type: 'group_delete' }),
  group('group_participants_update', { type: 'group_participants_add', added_participants: [person] }),
  group('group_participants_update', {
    type: 'group_participants_remove',
    removed_participants: [{ input: '16505551235' }],
    errors: [ERROR],
  }),
  group('group_participants_update', { type: 'group_join_request_created', ...person }),
  group('group_participants_update', { type: 'group_join_request_revoked', ...person }),
  group('group_settings_update', {
    type: 'group_settings_update',
    group_subject: { text: 'New', update_successful: true },
    group_description: { text: 'D', update_successful: false, errors: [ERROR] },
  }),
  group('group_status_update', { type: 'group_suspend' }),
  group('group_status_update', { type: 'group_suspend_cleared' }),
  ...[
    'ACCOUNT_DELETED',
    'ACCOUNT_OFFBOARDED',
    'ACCOUNT_RECONNECTED',
    'AD_ACCOUNT_LINKED',
    'MM_LITE_TERMS_SIGNED',
    'PARTNER_ADDED',
  ].map((event) => account({ event })),
  account({ event: 'DISABLED_UPDATE', ban_info: { waba_ban_state: 'DISABLE', waba_ban_date: 'April 17, 2025' } }),
  account({
    event: 'ACCOUNT_RESTRICTION',
    restriction_info: [{ restriction_type: 'RESTRICTED_BIZ_INITIATED_MESSAGING', expiration: 1790000000 }],
  }),
  account({ event: 'ACCOUNT_VIOLATION', phone_number: '15550783881', violation_info: { violation_type: 'ALCOHOL' } }),
  account({
    event: 'VOLUME_BASED_PRICING_TIER_UPDATE',
    volume_tier_info: { pricing_category: 'UTILITY', tier: '0:10', region: 'India' },
  }),
  account({ event: 'BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE', country: 'DE' }),
  account({ event: 'PARTNER_REMOVED', waba_info: { waba_id: '9', owner_business_id: '8' } }),
  {
    entry: [
      {
        id: '8',
        time: STAMP,
        changes: [{ value: { event: 'PARTNER_APP_INSTALLED', waba_info: { waba_id: '9' } } }],
        field: 'account_update',
        object: 'whatsapp_business_account',
      },
    ],
  },
  account(
    {
      entity_type: 'BUSINESS',
      entity_id: '7',
      alert_info: { alert_severity: 'CRITICAL', alert_status: 'ACTIVE', alert_type: 'A', alert_description: 'd' },
    },
    'account_alerts',
  ),
  account({ decision: 'REJECTED' }, 'account_review_update'),
  account(
    { max_daily_conversations_per_business: 'TIER_1K', max_phone_numbers_per_business: 20 },
    'business_capability_update',
  ),
  account(
    {
      display_phone_number: '15550783881',
      event: 'THROUGHPUT_UPGRADE',
      max_daily_conversations_per_business: 'TIER_UNLIMITED',
    },
    'phone_number_quality_update',
  ),
  account(
    { display_phone_number: '15550783881', decision: 'APPROVED', requested_verified_name: 'Plants' },
    'phone_number_name_update',
  ),
  account({ display_phone_number: '15550783881', event: 'PIN_CHANGED', requester: '1' }, 'security'),
  account({ display_phone_number: '15550783881', username: 'plants', status: 'approved' }, 'business_username_updates'),
  account(
    {
      timestamp: STAMP,
      type: 'PHONE_NUMBER_SETTINGS',
      phone_number_settings: { phone_number_id: '106540352242922', calling: { status: 'ENABLED' } },
    },
    'account_settings_update',
  ),
  account(
    {
      ...TEMPLATE,
      event: 'PAUSED',
      reason: 'NONE',
      other_info: { title: 'FIRST_PAUSE', description: 'd' },
      message_template_category: 'MARKETING',
    },
    'message_template_status_update',
  ),
  account({ ...TEMPLATE, previous_quality_score: 'GREEN', new_quality_score: 'RED' }, 'message_template_status_update'),
  account(
    {
      ...TEMPLATE,
      message_template_element: 'Hello {{1}}',
      message_template_buttons: [{ message_template_button_type: 'URL' }],
    },
    'message_template_components_update',
  ),
  account(
    { ...TEMPLATE, new_category: 'UTILITY', correct_category: 'MARKETING', category_update_timestamp: 1790000000 },
    'template_category_update',
  ),
  account({ event: 'ENDPOINT_LATENCY', flow_id: '1', alert_state: 'ACTIVATED' }, 'flows'),
  account({ configuration_name: 'c', provider_name: 'p', status: 'Active' }, 'payment_configuration_update'),
  account({ event: 'SOLUTION_CREATED', solution_id: '1' }, 'partner_solutions'),
  body(
    withFrame({ automatic_events: [{ id: 'wamid.X', event_name: 'Purchase', timestamp: 1790000000 }] }),
    'automatic_events',
  ),
  body({ anything: [1, { a: { b: null } }] }, 'never_heard_of'),
  { object: 'whatsapp_business_account', entry: [{ id: WABA, changes: [] }] },
]
