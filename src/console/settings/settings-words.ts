import { PERMISSIONS, type Permission } from '../../core/permissions.ts'
import type { ApiKey, AuditEntry } from './settings-wire.ts'

/** What the nouns are called on the page. */
const NOUNS: Readonly<Record<string, string>> = {
  conversations: 'Conversations',
  contacts: 'Customers',
  messages: 'Messages',
  media: 'Files',
  search: 'Search',
  supervision: 'Supervision',
  broadcasts: 'Campaigns',
  templates: 'Templates',
  numbers: 'Numbers',
  notices: 'Notices of the platform',
  rules: 'Rules',
  people: 'People and teams',
  roles: 'Roles',
  keys: 'API keys',
  workspaces: 'Workspaces',
  settings: 'Settings',
  webhooks: 'Webhooks',
  reports: 'Figures',
  audit: 'Audit',
  erasures: 'Erasures',
  operations: 'The house',
}

/** Permissions of one noun, with what each means. */
export interface PermissionGroup {
  name: string
  permissions: { name: Permission; meaning: string }[]
}

/** All permissions by the noun before their dot, in the order they are declared. */
export const PERMISSION_GROUPS: readonly PermissionGroup[] = grouped()

function grouped(): PermissionGroup[] {
  const groups = new Map<string, PermissionGroup>()
  for (const [name, meaning] of Object.entries(PERMISSIONS) as [Permission, string][]) {
    const noun = name.slice(0, name.indexOf('.'))
    const group = groups.get(noun) ?? {
      name: NOUNS[noun] ?? noun.charAt(0).toUpperCase() + noun.slice(1),
      permissions: [],
    }
    group.permissions.push({ name, meaning })
    groups.set(noun, group)
  }
  return [...groups.values()]
}

/** What a key may, in a few words. */
export function worthOf({ role, permissions }: Pick<ApiKey, 'role' | 'permissions'>): string {
  if (role === 'person') return 'whatever its person may'
  return role === 'custom' ? counted(permissions.length, 'permission') : `as ${role}`
}

/** Such as `1 team`, `4 teams`. */
export function counted(count: number, noun: string, nouns = `${noun}s`): string {
  return `${count.toLocaleString()} ${count === 1 ? noun : nouns}`
}

/** What people read in place of the audit's words. What has none here is shown as it is written. */
const ACTIONS: Readonly<Record<string, string>> = {
  'access.refuse': 'was not let in',
  'api_key.add': 'made an API key',
  'api_key.revoke': 'revoked an API key',
  'audit.read': 'read the audit',
  'contact.change': 'changed a customer',
  'contact.erase': 'erased a customer',
  'contact.list': 'listed customers',
  'contact.look_up': 'looked a customer up',
  'contact.merge': 'merged two customers',
  'contact.open': 'opened a customer',
  'contact.unmerge': 'separated two customers',
  'conversation.assign': 'assigned a conversation',
  'conversation.list': 'listed conversations',
  'conversation.open': 'opened a conversation',
  'conversation.read': 'marked a conversation read',
  'event.follow': 'followed events',
  'event.read': 'read events',
  'link.make_invitation': 'made an invitation',
  'link.make_password': 'made a link for a new password',
  'link.make_second_factor': 'made a link for a lost second factor',
  'link.use_invitation': 'used an invitation',
  'link.use_password': 'used a link for a new password',
  'link.use_second_factor': 'used a link for a lost second factor',
  'link.use_setup': 'came in as the first owner',
  'media.open': 'opened a file',
  'message.cancel': 'cancelled a message',
  'message.open': 'opened a message',
  'message.queue': 'sent a message',
  'message.retry': 'sent a message again',
  'password.change': 'changed their password',
  'person.add': 'added somebody',
  'person.try': 'looked whether people can be added',
  'person.change': 'changed somebody',
  'person.list': 'listed people',
  'person.open': 'opened somebody',
  'person.remove': 'removed somebody',
  'role.add': 'added a role',
  'role.change': 'changed a role',
  'role.remove': 'removed a role',
  'search.run': 'searched',
  'second_factor.add': 'set a second factor up',
  'second_factor.remove': 'took their second factor away',
  'session.end': 'ended a session',
  'sign_in.oidc': 'signed in by single sign-on',
  'sign_in.password': 'signed in',
  'team.add': 'added a team',
  'team.change': 'changed a team',
  'team.remove': 'removed a team',
}

/** Names of actions, for whoever looks for one. */
export const ACTION_NAMES: readonly string[] = Object.keys(ACTIONS)

/** What was done, in words. */
export function actionWords(action: string): string {
  return ACTIONS[action] ?? action.replaceAll('_', ' ').replace('.', ': ')
}

/** What is known beyond that: how often, what became of it, and what was kept of it. */
export function detailWords({ times, outcome, detail, erased }: AuditEntry): string {
  const parts = Object.entries(detail ?? {}).map(([name, value]) => `${name.replaceAll('_', ' ')}: ${wordOf(value)}`)
  if (times > 1) parts.unshift(`${times.toLocaleString()} times`)
  if (outcome !== 'done' && outcome !== 'signed_in') parts.unshift(outcome.replaceAll('_', ' '))
  if (erased) parts.push('what was personal of it is erased')
  return parts.join(' · ')
}

function wordOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
