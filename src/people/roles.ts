import { PERMISSION_NAMES, type Permission } from '../core/permissions.ts'

const AGENT: readonly Permission[] = [
  'conversations.see_own',
  'conversations.see_team',
  'contacts.see_names',
  'contacts.see_phones',
  'contacts.change',
  'messages.reply',
  'messages.start',
  'messages.cancel',
  'media.fetch',
  'search.use',
  'templates.see',
  'numbers.see',
  'people.see',
]

const SUPERVISOR: readonly Permission[] = [
  ...AGENT,
  'conversations.see_number',
  'conversations.assign',
  'conversations.take_over',
  'messages.read_revoked',
  'supervision.whisper',
  'supervision.watch',
  'notices.read',
  'reports.see',
  'reports.see_people',
]

/** The roles that every workspace begins with. They are sets of permissions like any other and may be changed, but `owner`. */
export const GIVEN_ROLES = {
  owner: PERMISSION_NAMES,
  admin: PERMISSION_NAMES.filter((name) => name !== 'workspaces.manage'),
  supervisor: SUPERVISOR,
  agent: AGENT,
  marketer: [
    'contacts.see_names',
    'broadcasts.see',
    'broadcasts.send',
    'templates.see',
    'templates.manage',
    'numbers.see',
    'reports.see',
  ],
  auditor: ['conversations.see_all', 'notices.read', 'people.see', 'audit.read', 'erasures.see', 'reports.see'],
} as const satisfies Record<string, readonly Permission[]>

export type GivenRole = keyof typeof GIVEN_ROLES
